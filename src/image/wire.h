/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decoder and its helper say to each other: fixed structs over a SOCK_SEQPACKET pair, one reply to each
 * request, and the big things through shared memory. Both come from one build, so there is no version.
 *
 *   shared memory:  [ input: encoded bytes, input_size ][ output: pixels (height, width, 3), output_size ]
 *
 * The memory is a memfd sealed against growing and shrinking, so neither side can make the other's access fault.
 * A request to encode goes the other way round: pixels in the output area, encoded bytes in the input area.
 */
#ifndef NT_IMAGE_WIRE_H
#define NT_IMAGE_WIRE_H

#include <stdint.h>

enum {
    NT_WIRE_SOCKET = 3, /* descriptors of the helper */
    NT_WIRE_MEMORY = 4,
};

typedef enum NtWireTask {
    NT_WIRE_DECODE = 1,
    NT_WIRE_ENCODE,
} NtWireTask;

/* The helper's first message, with task 0 in its reply's place: it is ready and confined. Sent to it first: */
typedef struct NtWireSetup {
    uint64_t input_size, output_size; /* bytes of the two areas */
    uint64_t memory, cpu_seconds;     /* RLIMIT_AS (0: none), RLIMIT_CPU */
    uint64_t side, pixels;            /* limits on what is decoded */
} NtWireSetup;

typedef struct NtWireRequest {
    uint32_t task;
    uint32_t format;      /* NtImageFormat */
    uint64_t size;        /* bytes of input */
    uint32_t shrink;      /* decode: 1, 2, 4 or 8 */
    uint32_t orientation; /* decode: EXIF, 1 to 8 */
    uint32_t quality;     /* encode */
    uint32_t width, height;
    uint32_t percent; /* decode: of its rows that must come out; 100: all */
    uint64_t number;  /* counts the requests; its reply repeats it */
} NtWireRequest;

typedef enum NtWireStatus {
    NT_WIRE_OK,
    NT_WIRE_CORRUPT,
    NT_WIRE_LIMIT,
    NT_WIRE_UNSUPPORTED,
    NT_WIRE_FAILED,
    NT_WIRE_DIED, /* its last words: it is about to die of the signal in `size` */
} NtWireStatus;

typedef struct NtWireReply {
    uint32_t status;
    uint32_t width, height; /* decode: of the pixels in the output area, whose stride is 3 * width */
    uint32_t warnings;      /* log messages swallowed meanwhile */
    uint32_t percent;       /* decode: of its rows that came out */
    uint64_t size;          /* encode: bytes in the input area; died: the signal */
    uint64_t number;        /* of the request */
    char message[232];      /* why not; ends with a NUL */
} NtWireReply;

#endif
