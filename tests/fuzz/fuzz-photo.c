/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks what reads a photo before anything confines it: the look at the first bytes, the header scans of all eight
 * formats (segments, chunks, boxes, directories, frames), the EXIF reader, and the description of other kinds. What
 * must hold: no read outside the block, an error exactly when it says false, and a size within the limits otherwise.
 */
#include "base/base.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    NtLimits limits = nt_limits_default();
    NtImageHeader header = {NT_IMAGE_UNKNOWN};
    g_autoptr(GError) error = NULL;
    bool ok = nt_image_scan(data, size, "fuzz", &limits, &header, &error);
    g_assert_true(ok == (error == NULL));
    if (ok) {
        g_assert_true(header.format == nt_image_sniff(data, size) && header.format != NT_IMAGE_UNKNOWN);
        g_assert_true(header.width >= 1 && header.width <= limits.photo_side);
        g_assert_true(header.height >= 1 && header.height <= limits.photo_side);
        g_assert_true((uint64_t)header.width * header.height <= limits.photo_pixels);
        g_assert_true(header.orientation >= 1 && header.orientation <= 8 && header.frames >= 1);
        g_assert_true(header.percent <= 100 && (header.cut_off || header.percent == 100));
        g_assert_true(header.metadata <= limits.photo_metadata);
    }
    nt_image_describe_other(data, size);
    return 0;
}
