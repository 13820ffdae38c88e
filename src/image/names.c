/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the resize rules, resamplers and flavours, as model cards write them. */
#include <string.h>

#include "base/base.h"
#include "image/image.h"

static const char *const rules[] = {"squash", "crop", "pad", NULL};
static const char *const resamplers[] = {"nearest", "bilinear", "bicubic", NULL};
static const char *const flavours[] = {"pillow", "torch", "torch-plain", "tensorflow", "pillow-13", NULL};

static bool parse(const char *text, const char *field, const char *const *names, unsigned *out, GError **error) {
    for (unsigned i = 0; text != NULL && names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    g_autofree char *known = g_strjoinv(", ", (char **)(uintptr_t)names);
    return nt_fail(error, NITERU_ERROR_INVALID, "%s: '%s' is none of %s", field, text != NULL ? text : "", known);
}

bool nt_resize_rule_parse(const char *text, const char *field, NtResizeRule *out, GError **error) {
    unsigned i = 0;
    return parse(text, field, rules, &i, error) && (*out = (NtResizeRule)i, true);
}

bool nt_resampler_parse(const char *text, const char *field, NtResampler *out, GError **error) {
    unsigned i = 0;
    return parse(text, field, resamplers, &i, error) && (*out = (NtResampler)i, true);
}

bool nt_flavour_parse(const char *text, const char *field, NtFlavour *out, GError **error) {
    unsigned i = 0;
    return parse(text, field, flavours, &i, error) && (*out = (NtFlavour)i, true);
}

const char *nt_resize_rule_name(NtResizeRule rule) { return rules[rule]; }
const char *nt_resampler_name(NtResampler resampler) { return resamplers[resampler]; }
const char *nt_flavour_name(NtFlavour flavour) { return flavours[flavour]; }
