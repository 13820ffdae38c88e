/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a picture, told in fractions of it. */
#include "image/image.h"

#include <math.h>

#define SLACK 1e-6 /* by so much fractions that were computed may miss the edge */

static bool fail_field(const char *field, double value, const char *rule, GError **error) {
    char digits[NT_REAL_BYTES];
    nt_text_real(value, 6, digits);
    nt_fail(error, NITERU_ERROR_INVALID, "%s: %s: %s", field, digits, rule);
    return nt_fact(error, "field", field);
}

bool nt_box_is_whole(const NtBox *box) { return box->x == 0 && box->y == 0 && box->width == 0 && box->height == 0; }

bool nt_box_check(const NtBox *box, GError **error) {
    const struct {
        const char *at_name, *size_name;
        double at, size;
    } sides[] = {{"x", "width", box->x, box->width}, {"y", "height", box->y, box->height}};
    for (size_t i = 0; !nt_box_is_whole(box) && i < G_N_ELEMENTS(sides); i++) {
        if (!(sides[i].at >= 0 && sides[i].at < 1)) {
            return fail_field(sides[i].at_name, sides[i].at, "a part of a photo begins at 0 or more, and below 1",
                              error);
        }
        if (!(sides[i].size > 0 && sides[i].at + sides[i].size <= 1 + SLACK)) {
            return fail_field(sides[i].size_name, sides[i].size,
                              "a part of a photo is more than 0 wide and high, and ends at 1 at most", error);
        }
    }
    return true;
}

/* The pixels from `at` on, of `side`, that a part takes: whole ones by their nearest edges, one at least. */
static void cut_side(double at, double size, uint32_t side, uint32_t *out_first, uint32_t *out_count) {
    uint32_t first = MIN((uint32_t)lround(at * side), side - 1);
    uint32_t end = (uint32_t)CLAMP(lround((at + size) * side), (long)first + 1, (long)side);
    *out_first = first;
    *out_count = end - first;
}

NtPixels nt_pixels_cut(const NtPixels *pixels, const NtBox *box) {
    NtPixels cut = *pixels;
    uint32_t left, top;
    if (nt_box_is_whole(box)) {
        return cut;
    }
    cut_side(box->x, box->width, pixels->width, &left, &cut.width);
    cut_side(box->y, box->height, pixels->height, &top, &cut.height);
    cut.rgb = pixels->rgb + top * pixels->stride + (size_t)3 * left;
    return cut;
}
