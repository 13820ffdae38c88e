/* SPDX-License-Identifier: Apache-2.0 */
/* The public header stands alone: this file is compiled as C and as C++, and linked to the shared library. */
#include <niteru/niteru.h>

int main(void) {
    NiteruOptions options = {};
    NiteruIndexOptions index = {};
    NiteruSearchOptions search = {};
    options.size = sizeof options;
    index.size = sizeof index;
    search.size = sizeof search;
    (void)options;
    (void)index;
    (void)search;
    return niteru_version()[0] == '0' && niteru_presets()[0] != NULL ? 0 : 1;
}
