/* SPDX-License-Identifier: Apache-2.0 */
/* The public header stands alone: this file is compiled as C and as C++, and linked to the shared library. */
#include <niteru/niteru.h>

int main(void) {
    NiteruOptions options = {};
    NiteruIndexOptions index = {};
    NiteruSearchOptions search = {};
    options.size = sizeof options;
    options.must_exist = true;
    index.size = sizeof index;
    search.size = sizeof search;
    (void)options;
    (void)index;
    (void)search;
    GError *error = NULL;
    NiteruCatalogue *none = niteru_open("/nonexistent/niteru/catalogue", &options, &error);
    bool refused =
        none == NULL && error != NULL && error->domain == NITERU_ERROR && niteru_error_fact(error, "option") == NULL;
    g_clear_error(&error);
    return refused && niteru_version()[0] == '0' && niteru_presets()[0] != NULL ? 0 : 1;
}
