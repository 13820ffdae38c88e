/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NT_INDEX_VECTORS_INTERNAL_H
#define NT_INDEX_VECTORS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"
#include "index/index.h"

enum { VECTORS_PAGE = 4096 }; /* bytes before the first row */

/* A mapping of the file's first bytes, shared by the views made of it. (C's atomics and POSIX' mutexes, not GLib's:
 * ThreadSanitizer understands them, and finds what is not under them.) */
typedef struct VectorsMap {
    atomic_uint refs;
    NtMapping mapping;
} VectorsMap;

struct NtVectors {
    int fd;
    bool writable;
    char *path;
    size_t stride;
    NtVectorsSpec spec;
    pthread_mutex_t lock; /* of map */
    VectorsMap *map;      /* the newest one, NULL before the first view */
};

size_t vectors_stride(const NtVectorsSpec *spec);
void vectors_map_unref(VectorsMap *map);

#endif
