/* SPDX-License-Identifier: Apache-2.0 */
/* One helper process: found, started, asked, watched, ended. Inside image only; not thread-safe. */
#ifndef NT_IMAGE_HELPER_H
#define NT_IMAGE_HELPER_H

#include <sys/types.h>

#include "image/image.h"
#include "image/wire.h"

typedef struct NtHelperProcess {
    pid_t pid;      /* 0: none */
    int socket;     /* -1: none */
    int process;    /* a pidfd; -1: none, or the kernel has none */
    bool ready;     /* its first message has come */
    uint64_t asked; /* requests so far */
} NtHelperProcess;

/* How a helper ended when nobody knows: it was reaped by somebody else, as programs do that ignore SIGCHLD or wait for
 * all their children, and it had no last words. */
#define NT_STATUS_UNKNOWN (-1)

/* The path of niteru-decoder, new text. Errors: NOT_FOUND, naming the places looked at. */
char *nt_helper_find(GError **error);

/* Starts `path` with `memory` (a descriptor) as its shared memory. Errors: NOT_FOUND, IO. */
bool nt_helper_start(NtHelperProcess *helper, const char *path, int memory, const NtWireSetup *setup, GError **error);

/* Ends it and forgets it; fine on one that is not there. */
void nt_helper_end(NtHelperProcess *helper);

typedef enum NtAsked {
    NT_ASKED_OK,
    NT_ASKED_GONE,     /* it had ended before the request reached it: nothing is lost, start another */
    NT_ASKED_DIED,     /* it ended at work; *out_status has how (as of waitpid), or NT_STATUS_UNKNOWN */
    NT_ASKED_TOO_LONG, /* it was ended after `seconds` of CPU, as long of idleness, or six times that on the wall clock
                        */
    NT_ASKED_MISBEHAVED, /* it was ended because it had closed its socket, or sent what no helper sends */
} NtAsked;

/* Sends a request (numbering it) and waits for the reply. After anything but OK the helper has been ended. */
NtAsked nt_helper_ask(NtHelperProcess *helper, NtWireRequest *request, uint64_t seconds, NtWireReply *reply,
                      int *out_status);

/* Waits for the message that a new helper sends when it is set up. OK and not `ready`: it cannot work, its message says
 * why, and it has been ended. */
NtAsked nt_helper_wait_ready(NtHelperProcess *helper, uint64_t seconds, NtWireReply *reply, int *out_status);

#endif
