/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels of ours to JPEG or PNG; here, so that no other process needs libvips. */
#include <string.h>

#include "decoder/decoder-internal.h"

void nt_helper_encode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    vips_error_clear();
    VipsImage *image = vips_image_new_from_memory(helper->output, (size_t)request->width * request->height * 3,
                                                  (int)request->width, (int)request->height, 3, VIPS_FORMAT_UCHAR);
    g_autofree void *bytes = NULL;
    size_t size = 0;
    int status = -1;
    if (image != NULL) {
        image->Type = VIPS_INTERPRETATION_sRGB;
        status = request->format == NT_IMAGE_JPEG
                     ? vips_jpegsave_buffer(image, &bytes, &size, "Q", (int)request->quality, "strip", TRUE, NULL)
                     : vips_pngsave_buffer(image, &bytes, &size, "strip", TRUE, NULL);
    }
    if (status != 0) {
        nt_reply_fail(reply, NT_WIRE_FAILED, "%s", vips_error_buffer());
    } else if (size > helper->setup.input_size) {
        nt_reply_fail(reply, NT_WIRE_LIMIT, "the encoded picture has %zu bytes, over the limit photo-bytes", size);
    } else {
        memcpy(helper->input, bytes, size);
        reply->size = size;
    }
    g_clear_object(&image);
}
