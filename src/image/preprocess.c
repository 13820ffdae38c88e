/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pixels to a network's input: geometry, resampling, and out = (pixel * scale - mean[c]) / std[c] into planes. Bytes
 * have 256 values, so for them the formula is a table per channel, computed in doubles and rounded once.
 */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "image/resample.h"

/* Axes kept: a shop's photos come in a handful of sizes. Making one costs some 10 us. */
enum { KEPT_AXES = 16, MAX_SIDE = 4096 };

struct NtPreprocessor {
    NtPreprocess rules;
    float table[3][256]; /* by output channel */
    NtAxis *axes[KEPT_AXES];
    NtScratch scratch;
};

static bool check_rules(const NtPreprocess *rules, GError **error) {
    if (rules->width < 1 || rules->height < 1 || rules->width > MAX_SIDE || rules->height > MAX_SIDE) {
        return nt_fail(error, NITERU_ERROR_INVALID, "input size %u x %u: each side must be 1 to %d", rules->width,
                       rules->height, MAX_SIDE);
    }
    if (rules->rule > NT_RESIZE_PAD || rules->resampler > NT_RESAMPLE_BICUBIC ||
        rules->flavour > NT_FLAVOUR_PILLOW_13) {
        return nt_fail(error, NITERU_ERROR_INVALID, "an unknown resize rule, resampler or flavour");
    }
    if (rules->rule == NT_RESIZE_CROP && rules->resize != 0 &&
        (rules->resize < MAX(rules->width, rules->height) || rules->resize > MAX_SIDE)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "resize %u: must be at least the crop of %u x %u, and at most %d",
                       rules->resize, rules->width, rules->height, MAX_SIDE);
    }
    for (int c = 0; c < 3; c++) {
        if (!isfinite(rules->mean[c]) || !isfinite(rules->std[c]) || rules->std[c] < 0) {
            return nt_fail(error, NITERU_ERROR_INVALID, "mean and std must be finite, std not negative");
        }
    }
    return isfinite(rules->scale) || nt_fail(error, NITERU_ERROR_INVALID, "scale must be finite");
}

NtPreprocessor *nt_preprocessor_new(const NtPreprocess *rules, GError **error) {
    if (!check_rules(rules, error)) {
        return NULL;
    }
    NtPreprocessor *preprocessor = g_new0(NtPreprocessor, 1);
    preprocessor->rules = *rules;
    NtPreprocess *r = &preprocessor->rules;
    r->scale = r->scale == 0 ? 1 : r->scale;
    for (int c = 0; c < 3; c++) {
        r->std[c] = r->std[c] == 0 ? 1 : r->std[c];
        for (int value = 0; value < 256; value++) {
            preprocessor->table[c][value] = (float)((value * (double)r->scale - r->mean[c]) / r->std[c]);
        }
    }
    return preprocessor;
}

void nt_preprocessor_free(NtPreprocessor *preprocessor) {
    if (preprocessor == NULL) {
        return;
    }
    for (int i = 0; i < KEPT_AXES; i++) {
        nt_axis_free(preprocessor->axes[i]);
    }
    nt_scratch_clear(&preprocessor->scratch);
    g_free(preprocessor);
}

/* A kept axis, or a new one in the place of the one not used for longest. The kept ones are in the order of use, so
 * that an axis handed out outlives the next KEPT_AXES - 1 calls. */
static const NtAxis *get_axis(NtPreprocessor *preprocessor, uint32_t in, uint32_t out, uint32_t first, uint32_t count,
                              GError **error) {
    NtAxisKey key = {in, out, first, count, preprocessor->rules.resampler, preprocessor->rules.flavour};
    NtAxis **axes = preprocessor->axes, *found = NULL;
    int at = 0;
    for (; at < KEPT_AXES; at++) {
        const NtAxisKey *kept = axes[at] != NULL ? &axes[at]->key : NULL;
        if (kept != NULL && kept->in == in && kept->out == out && kept->first == first && kept->count == count) {
            found = axes[at];
            break;
        }
    }
    if (found == NULL) {
        found = nt_axis_new(&key, error);
        if (found == NULL) {
            return NULL;
        }
        at = KEPT_AXES - 1;
        nt_axis_free(axes[at]);
    }
    memmove(axes + 1, axes, (size_t)at * sizeof *axes);
    axes[0] = found;
    return found;
}

/* Where the rows of one photo go. */
typedef struct Target {
    const NtPreprocessor *preprocessor;
    NtGeometry geometry;
    float *out; /* (3, height, width) */
} Target;

static float *row_of(const Target *target, uint32_t y, int c) {
    const NtPreprocess *rules = &target->preprocessor->rules;
    size_t line = (size_t)c * rules->height + target->geometry.top + y;
    return target->out + line * rules->width + target->geometry.left;
}

static void take_bytes(uint32_t y, const void *row, void *data) {
    const Target *target = data;
    for (int c = 0; c < 3; c++) {
        const uint8_t *from = (const uint8_t *)row + (target->preprocessor->rules.bgr ? 2 - c : c);
        const float *table = target->preprocessor->table[c];
        float *to = row_of(target, y, c);
        for (uint32_t x = 0; x < target->geometry.width; x++) {
            to[x] = table[from[3 * (size_t)x]];
        }
    }
}

static void take_floats(uint32_t y, const void *row, void *data) {
    const Target *target = data;
    const NtPreprocess *rules = &target->preprocessor->rules;
    for (int c = 0; c < 3; c++) {
        const float *from = (const float *)row + (rules->bgr ? 2 - c : c);
        float *to = row_of(target, y, c), scale = rules->scale, mean = rules->mean[c], std = rules->std[c];
        for (uint32_t x = 0; x < target->geometry.width; x++) {
            to[x] = (from[4 * (size_t)x] * scale - mean) / std;
        }
    }
}

/* The whole input in the border's colour; the picture is written over it. */
static void fill_border(const Target *target) {
    const NtPreprocess *rules = &target->preprocessor->rules;
    size_t plane = (size_t)rules->width * rules->height;
    for (int c = 0; c < 3; c++) {
        float value = target->preprocessor->table[c][rules->pad[c]];
        for (size_t i = 0; i < plane; i++) {
            target->out[(size_t)c * plane + i] = value;
        }
    }
}

bool nt_preprocess(NtPreprocessor *preprocessor, const NtPixels *photo, float *out, GError **error) {
    const NtPreprocess *rules = &preprocessor->rules;
    NtPixels seen = rules->trim ? nt_pixels_trimmed(photo) : *photo, *pixels = &seen;
    Target target = {preprocessor, nt_geometry(rules, pixels->width, pixels->height), out};
    const NtGeometry *g = &target.geometry;
    const NtAxis *across = get_axis(preprocessor, pixels->width, g->out_width, g->x, g->width, error);
    const NtAxis *down =
        across == NULL ? NULL : get_axis(preprocessor, pixels->height, g->out_height, g->y, g->height, error);
    if (down == NULL) {
        return false;
    }
    if (g->width != rules->width || g->height != rules->height) {
        fill_border(&target);
    }
    bool bytes = nt_resample_gives_bytes(rules->resampler, rules->flavour);
    return nt_resample(pixels, across, down, &preprocessor->scratch, bytes ? take_bytes : take_floats, &target, error);
}
