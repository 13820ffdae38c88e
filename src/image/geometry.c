/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resize rules with the rounding of the programs they come from: torchvision's Resize and CenterCrop, Pillow's
 * ImageOps.pad, TensorFlow's resize_with_pad. Python's round() goes to the even neighbour at a tie, as rint() does.
 */
#include <math.h>

#include "image/resample.h"

/* torchvision: Resize(R) keeps the shorter side's R and truncates the longer; CenterCrop rounds the offset. */
static NtGeometry crop(const NtPreprocess *rules, uint32_t width, uint32_t height) {
    uint64_t target = rules->resize != 0 ? rules->resize : MAX(rules->width, rules->height);
    NtGeometry g = {.width = rules->width, .height = rules->height};
    uint64_t shorter = MIN(width, height), longer = MAX(width, height);
    /* Sides are at most 2^31 and targets 2^12: exact in a double, hence the same quotient as Python's. */
    uint32_t scaled = (uint32_t)MIN((double)(target * longer) / (double)shorter, (double)UINT32_MAX);
    g.out_width = width <= height ? (uint32_t)target : scaled;
    g.out_height = width <= height ? scaled : (uint32_t)target;
    g.x = (uint32_t)rint((double)(g.out_width - g.width) / 2);
    g.y = (uint32_t)rint((double)(g.out_height - g.height) / 2);
    return g;
}

static NtGeometry fit(uint32_t width, uint32_t height, uint32_t left, uint32_t top) {
    return (NtGeometry){
        .out_width = width, .out_height = height, .width = width, .height = height, .left = left, .top = top};
}

/* ImageOps.pad: ImageOps.contain, then pasted in the middle. */
static NtGeometry pad_as_pillow(const NtPreprocess *rules, uint32_t width, uint32_t height) {
    uint32_t w = rules->width, h = rules->height;
    if ((double)width / height > (double)w / h) {
        h = (uint32_t)CLAMP(rint((double)height / width * w), 1, h);
    } else {
        w = (uint32_t)CLAMP(rint((double)width / height * h), 1, w);
    }
    return fit(w, h, (uint32_t)rint((rules->width - w) * 0.5), (uint32_t)rint((rules->height - h) * 0.5));
}

/* tf.image.resize_with_pad reckons in 32-bit floats, and places by the size before it was rounded down. */
static NtGeometry pad_as_tensorflow(const NtPreprocess *rules, uint32_t width, uint32_t height) {
    float target_width = (float)rules->width, target_height = (float)rules->height;
    float ratio = fmaxf((float)width / target_width, (float)height / target_height);
    float w = (float)width / ratio, h = (float)height / ratio;
    uint32_t out_width = (uint32_t)CLAMP(floorf(w), 1, target_width),
             out_height = (uint32_t)CLAMP(floorf(h), 1, target_height);
    uint32_t left = (uint32_t)fmaxf(0, floorf((target_width - w) / 2));
    uint32_t top = (uint32_t)fmaxf(0, floorf((target_height - h) / 2));
    return fit(out_width, out_height, MIN(left, rules->width - out_width), MIN(top, rules->height - out_height));
}

NtGeometry nt_geometry(const NtPreprocess *rules, uint32_t width, uint32_t height) {
    switch (rules->rule) {
    case NT_RESIZE_CROP: return crop(rules, width, height);
    case NT_RESIZE_PAD:
        return rules->flavour == NT_FLAVOUR_TENSORFLOW ? pad_as_tensorflow(rules, width, height)
                                                       : pad_as_pillow(rules, width, height);
    default: return fit(rules->width, rules->height, 0, 0);
    }
}
