/* SPDX-License-Identifier: Apache-2.0 */
/* The card of an EfficientNet-Lite, which no preset makes. The photo's middle is taken as the original evaluation does
 * (preprocessing.py there): the shorter side to 32 pixels more than the input, and the centre of that; by bicubic, or
 * as whoever published the file resizes. RGB as (x - 127) / 128. */
#include "zoo/zoo-internal.h"

char *nt_zoo_card(const NtZooNetwork *network, const char *source, bool published) {
    enum { CROP_PADDING = 32 };
    NtJson *input = nt_json_object(), *mean = nt_json_array(), *deviation = nt_json_array();
    g_autoptr(NtJson) card = nt_json_object();
    for (int i = 0; i < 3; i++) {
        nt_json_append(mean, nt_json_integer(127));
        nt_json_append(deviation, nt_json_integer(128));
    }
    nt_json_set(input, "width", nt_json_integer(network->lite.side));
    nt_json_set(input, "height", nt_json_integer(network->lite.side));
    nt_json_set(input, "rule", nt_json_string("crop"));
    nt_json_set(input, "shorter_side", nt_json_integer(network->lite.side + CROP_PADDING));
    nt_json_set(input, "resampler", nt_json_string(network->lite.bilinear ? "bilinear" : "bicubic"));
    nt_json_set(input, "scale", nt_json_integer(1));
    nt_json_set(input, "mean", mean);
    nt_json_set(input, "deviation", deviation);
    nt_json_set(card, "card", nt_json_integer(1));
    nt_json_set(card, "name", nt_json_string(network->name));
    nt_json_set(card, "description", nt_json_string(network->summary));
    nt_json_set(card, "source", nt_json_string(source));
    if (published) {
        nt_json_set(card, "licence", nt_json_string(network->licence));
        nt_json_set(card, "trained_on", nt_json_string(network->trained_on));
    }
    if (network->road ==
        NT_ZOO_WHEEL) { /* the name of what is written here; elsewhere the rule of doc/nn.md finds it */
        nt_json_set(card, "output", nt_json_string("embedding"));
    }
    nt_json_set(card, "input", input);
    return nt_json_print(card, true);
}
