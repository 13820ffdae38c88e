/* SPDX-License-Identifier: Apache-2.0 */
/* One photo: opened by the loader of its format and brought into the output area. */
#include <string.h>

#include "decoder/decoder-internal.h"

void nt_helper_decode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    vips_error_clear();
    if (request->format == NT_IMAGE_JPEG) {
        nt_helper_decode_jpeg(helper, request, reply);
        return;
    }
    if (request->format == NT_IMAGE_BMP) {
        nt_helper_decode_bmp(helper, request, reply);
        return;
    }
    VipsImage *image = nt_helper_load(helper->input, request);
    if (image == NULL) {
        bool codec = strstr(vips_error_buffer(), "nsupported") != NULL || !*vips_error_buffer();
        nt_reply_fail_vips(helper, reply, codec ? NT_WIRE_UNSUPPORTED : NT_WIRE_CORRUPT, "it cannot be read: ");
        return;
    }
    nt_helper_pull(helper, image, request, reply);
}
