/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one typed loader for a format that our own scan has found (JPEG apart: jpeg.c). libvips' generic detection is
 * never called: with a truncated .svgz it does not return (libvips 8.14), and it would reach loaders meant for trusted
 * files.
 */
#include "decoder/decoder-internal.h"

VipsImage *nt_helper_load(const void *bytes, const NtWireRequest *request) {
    /* libvips takes a buffer it promises not to change as void *. */
    void *data = (void *)(uintptr_t)bytes;
    size_t size = request->size;
    VipsImage *image = NULL;
    int status = -1;
    /* truncated, not warning: good photos carry warnings. The owner has counted the pixels of a GIF that is cut short.
     */
    bool counted = request->format == NT_IMAGE_GIF && request->percent < 100;
    VipsFailOn fail_on = counted ? VIPS_FAIL_ON_NONE : VIPS_FAIL_ON_TRUNCATED;
#define LOAD(loader, ...)                                                                                              \
    vips_##loader##_buffer(data, size, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on, ##__VA_ARGS__,    \
                           NULL)
    switch ((NtImageFormat)request->format) {
    case NT_IMAGE_PNG: status = LOAD(pngload); break;
    case NT_IMAGE_WEBP: status = LOAD(webpload, "page", 0, "n", 1); break;
    case NT_IMAGE_GIF: status = LOAD(gifload, "page", 0, "n", 1); break;
    case NT_IMAGE_TIFF: status = LOAD(tiffload, "page", 0, "n", 1); break;
    case NT_IMAGE_AVIF:
    case NT_IMAGE_HEIC: status = LOAD(heifload, "n", 1); break;
    case NT_IMAGE_JPEG: /* jpeg.c */
    case NT_IMAGE_BMP:  /* bmp.c */
    case NT_IMAGE_UNKNOWN: break;
    }
#undef LOAD
    return status == 0 ? image : NULL;
}
