/* SPDX-License-Identifier: Apache-2.0 */
#include "colour.h"

#define HEX(x)                                                                                                         \
    { (double)((x) >> 16 & 255) / 255, (double)((x) >> 8 & 255) / 255, (double)((x)&255) / 255 }

const Swatch swatches[SWATCHES] = {
    {"white", HEX(0xf1efea), HEX(0x39465f)},  {"black", HEX(0x29282c), HEX(0xe9e5dc)},
    {"grey", HEX(0x8d9096), HEX(0xf1f0ec)},   {"beige", HEX(0xd8c4a3), HEX(0xfaf5ea)},
    {"brown", HEX(0x7a4e33), HEX(0xecd9bd)},  {"red", HEX(0xbf2b34), HEX(0xf8ede4)},
    {"pink", HEX(0xe79db0), HEX(0xfdf3f1)},   {"orange", HEX(0xdf7a35), HEX(0xfcf0dd)},
    {"yellow", HEX(0xe9bd42), HEX(0xfdf8e6)}, {"green", HEX(0x3f7a55), HEX(0xeef0dc)},
    {"blue", HEX(0x5b93cf), HEX(0xf4f8fb)},   {"navy", HEX(0x27375f), HEX(0xeeeae0)},
};

const Rgb white = HEX(0xfbfaf7), wood_light = HEX(0xd2a878), wood_dark = HEX(0x6d4630), steel = HEX(0xc3c6cb),
          gold = HEX(0xd0a862), gunmetal = HEX(0x46484e), leather_tan = HEX(0xa86c3e), rubber = HEX(0xf0ece2);

Rgb rgb_mix(Rgb a, Rgb b, double t) {
    return (Rgb){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}
