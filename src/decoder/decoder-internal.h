/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the decode helper: main.c (start and loop), sandbox.c, last-words.c, answer.c, decode.c,
 * bmp.c, jpeg.c, load.c, colour.c, pull.c, place.c, reply.c, encode.c. */
#ifndef NT_DECODER_INTERNAL_H
#define NT_DECODER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vips/vips.h>

#include "image/image.h"
#include "image/wire.h"

/* The shared memory as the helper sees it, and the limits it was given. */
typedef struct NtHelper {
    NtWireSetup setup;
    uint8_t *input, *output;
} NtHelper;

/* sandbox.c: what the process may take, before libraries are set up; and what it may do, once all of them are. */
bool nt_sandbox_limit_resources(const NtWireSetup *setup);
bool nt_sandbox_confine(void);

/* place.c: one strip of decoded rows, (rows, width, bands), into its upright place in the output. */
typedef struct NtPlace {
    uint8_t *output;        /* (out_height, out_width, 3) */
    uint32_t width, height; /* before turning */
    uint32_t bands;         /* 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha */
    uint32_t orientation;   /* EXIF: 1 to 8 */
} NtPlace;
void nt_place_rows(const NtPlace *place, const uint8_t *rows, size_t stride, uint32_t first, uint32_t count);

/* decode.c: one photo from the input area into the output area. Never fails but through the reply's status. */
void nt_helper_decode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply);

/* pull.c: refuses what is over the limits; says how large the placed picture is; brings an image into
 * the output (takes it). */
bool nt_helper_check_size(const NtHelper *helper, uint64_t width, uint64_t height, NtWireReply *reply);
void nt_helper_set_size(const NtPlace *place, NtWireReply *reply);
void nt_helper_pull(const NtHelper *helper, VipsImage *image, const NtWireRequest *request, NtWireReply *reply);

/* jpeg.c: the whole way of a JPEG. */
void nt_helper_decode_jpeg(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply);

/* bmp.c: the whole way of a BMP. */
void nt_helper_decode_bmp(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply);

/* load.c: the typed loader of any other format. NULL with libvips' error set. */
VipsImage *nt_helper_load(const void *bytes, const NtWireRequest *request);

/* colour.c: any colour space to 8-bit sRGB or grey, each with or without alpha (1 to 4 bands). Takes `image`; NULL
 * with libvips' error set. */
VipsImage *nt_helper_to_srgb(VipsImage *image);

/* Whether an ICC profile for `bands` (1 or 3) channels is sRGB in all but name. The last verdict is kept. */
bool nt_helper_profile_is_plain(const void *profile, size_t size, int bands);

/* encode.c: the pixels of the output area into the input area as JPEG or PNG. */
void nt_helper_encode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply);

/* answer.c: carries out a request of any kind. */
void nt_helper_answer(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply);

/* last-words.c: from now on a death by signal is told to the owner (NT_WIRE_DIED); and which request is at work. */
void nt_last_words_prepare(void);
void nt_last_words_about(uint64_t number);

/* libvips' last words behind `what`, and what they mean where they say little. */
void nt_reply_fail_vips(const NtHelper *helper, NtWireReply *reply, NtWireStatus status, const char *what);

/* Whether a library's message says that it got no memory; and the refusal that says so, with the limit. */
bool nt_says_memory(const char *text);
void nt_reply_fail_memory(const NtHelper *helper, NtWireReply *reply);

/* reply.c: fills in a refusal; the text may come from anywhere. */
void nt_reply_fail(NtWireReply *reply, NtWireStatus status, const char *format, ...) G_GNUC_PRINTF(3, 4);

#endif
