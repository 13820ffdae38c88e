/* SPDX-License-Identifier: Apache-2.0 */
#include "refuse.h"

#include <string.h>

void expect_refused(const NtNetwork *network, const GError *error, int code, const char *words) {
    g_assert_null(network);
    g_test_message("%s", error->message);
    g_assert_error(error, NITERU_ERROR, code);
    g_auto(GStrv) parts = g_strsplit(words, "|", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (strstr(error->message, *part) == NULL) {
            g_error("'%s' is not in: %s", *part, error->message);
        }
    }
}

void refuse(GBytes *bytes, int code, const char *words) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "bad.onnx", NULL, &error);
    expect_refused(network, error, code, words);
    g_bytes_unref(bytes);
}
