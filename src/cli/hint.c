/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about an error: the library tells facts, here they become commands and options. */
#include "cli/cli.h"

#include <string.h>

static const struct {
    const char *name, *words;
} remedies[] = {
    {"index", "; `niteru index SOURCE` makes them"},
    {"import", "; `niteru import VECTORS.npy IDS.txt` takes them in"},
    {"check", "; niteru check tells more"},
    {"show", "; niteru show tells more"},
    {"embedder", "; name another with --model, or search by a product's id"},
    {"again", "; run the same command again to go on"},
};

char *cli_hint(const GError *error) {
    const char *option = niteru_error_fact(error, "option"), *value = niteru_error_fact(error, "value");
    const char *limit = niteru_error_fact(error, "limit"), *remedy = niteru_error_fact(error, "remedy");
    GString *out = g_string_new(NULL);
    if (option != NULL) {
        g_autofree char *dashed = g_strdelimit(g_strdup(option), "_", '-');
        g_autofree char *quoted =
            value != NULL && strpbrk(value, " '\"|;\\$&*") != NULL ? g_shell_quote(value) : g_strdup(value);
        g_string_append_printf(out, " (--%s%s%s)", dashed, value != NULL ? " " : "", value != NULL ? quoted : "");
    }
    if (limit != NULL) {
        g_string_append_printf(out, " (--limit %s=VALUE changes it)", limit);
    }
    for (size_t i = 0; remedy != NULL && i < G_N_ELEMENTS(remedies); i++) {
        g_string_append(out, strcmp(remedies[i].name, remedy) == 0 ? remedies[i].words : "");
    }
    return g_string_free(out, FALSE);
}
