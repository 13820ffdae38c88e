/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests ask of a helper that is built with probe.c in place of src/decoder/answer.c. */
#ifndef TESTS_IMAGE_PROBE_H
#define TESTS_IMAGE_PROBE_H

/* The task of a request whose `shrink` says what is tried. */
enum { PROBE = 1000 };

/* The first ones answer ok when it was refused; the others do what a broken codec might. */
typedef enum Probe {
    PROBE_OPEN_FILE,
    PROBE_CREATE_FILE,
    PROBE_SOCKET,
    PROBE_FORK,
    PROBE_EXEC,
    PROBE_KILL,
    PROBE_EXECUTABLE_MEMORY,
    PROBE_TRACE,
    PROBE_COUNT_OF_FORBIDDEN,
    PROBE_SPIN = 100, /* burns CPU for ever */
    PROBE_SLEEP,      /* waits for ever */
    PROBE_CRASH,
    PROBE_OVERFLOW, /* of the stack */
    PROBE_EXIT,
    PROBE_EAT_MEMORY,
    PROBE_FLOOD, /* writes 200,000 log messages */
    PROBE_LIE,   /* answers with a size that was never decoded */
} Probe;

#endif
