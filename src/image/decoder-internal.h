/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder's two halves of a call, for itself and for tests that make its helper misbehave. Inside image only. */
#ifndef NT_IMAGE_DECODER_INTERNAL_H
#define NT_IMAGE_DECODER_INTERNAL_H

#include "image/image.h"
#include "image/wire.h"

/* Asks a helper that is ready (starting one when needed), numbering the request. False when it refused, died or took
 * too long. */
bool nt_decoder_ask(NtDecoder *decoder, NtWireRequest *request, const char *name, NtWireReply *out, GError **error);

/* Turns a reply to NT_WIRE_DECODE into pixels, believing nothing. */
bool nt_decoder_take_pixels(NtDecoder *decoder, const NtWireReply *reply, const char *name, NtPixels *out,
                            GError **error);

#endif
