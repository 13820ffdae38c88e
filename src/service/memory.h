/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is memory enough for what takes much of it. Thread-safe. */
#ifndef NT_SERVICE_MEMORY_H
#define NT_SERVICE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ApiMemory ApiMemory;

typedef struct ApiMemoryState {
    uint64_t total;     /* bytes: of the machine, or what a control group allows; 0: not known */
    uint64_t available; /* bytes that can be taken without swapping; UINT64_MAX: not known */
    uint64_t reserve;   /* bytes that are to be left */
    bool is_short;      /* they are not */
} ApiMemoryState;

/* `root`: where proc and sys are, "/". `reserve` in bytes; 0: a 32nd of the memory there is, 64 MiB to 512 MiB. */
ApiMemory *api_memory_new(const char *root, uint64_t reserve);
void api_memory_free(ApiMemory *memory); /* NULL is fine */
/* As of a second ago at most. */
ApiMemoryState api_memory_look(ApiMemory *memory);
/* Whether something that takes memory may begin; counts those that may not. */
bool api_memory_allows(ApiMemory *memory);
/* How many might not. */
unsigned api_memory_refused(const ApiMemory *memory);

#endif
