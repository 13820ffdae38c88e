/* SPDX-License-Identifier: Apache-2.0 */
/* What to do about an error: the library tells facts, here they become commands and options. */
#include "cli/cli.h"

#include <string.h>

/* Commands take the option that the error names. */
static const struct {
    const char *name, *command, *words;
} remedies[] = {
    {"index", "niteru index SOURCE", ""},
    {"import", "niteru import VECTORS.npy IDS.txt", ""},
    {"check", NULL, "; niteru check tells more"},
    {"show", NULL, "; niteru show tells more"},
    {"network", NULL, " (niteru model remove, niteru model add)"},
    {"embedder", NULL, "; name another with --model, or search by a product's id"},
    {"again", NULL, "; run the same command again to go on"},
};

/* Options whose fields have other names, and what those take that are told without a value. */
static const struct {
    const char *option, *name, *takes;
} others[] = {
    {"allow_private", "allow-private", ""},
    {"from", "from", " FILE"},
    {"image_separator", "image-separator", ""},
    {"also", "also", " KIND=COLUMN"},
    {"map", "map", " FIELD=COLUMN"},
    {"photos", "photos", " DIR"},
    {"preset", "preset", " PRESET; niteru model --help lists them"},
    {"sha256", "sha256", " DIGITS"},
    {"types", "type", " FIELD=TYPE"},
};

/* "--photos DIR", "--encoding cp1252", "--mix". */
static char *setting_of(const char *option, const char *value) {
    const char *name = option, *takes = "";
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(others[i].option, option) == 0) {
            name = others[i].name;
            takes = others[i].takes;
        }
    }
    g_autofree char *quoted =
        value != NULL && strpbrk(value, " '\"|;\\$&*") != NULL ? g_shell_quote(value) : g_strdup(value);
    return value != NULL ? g_strdup_printf("--%s %s", name, quoted) : g_strdup_printf("--%s%s", name, takes);
}

char *cli_hint(const GError *error) {
    const char *option = niteru_error_fact(error, "option"), *value = niteru_error_fact(error, "value");
    const char *limit = niteru_error_fact(error, "limit"), *remedy = niteru_error_fact(error, "remedy");
    g_autofree char *setting = option != NULL ? setting_of(option, value) : NULL;
    g_autoptr(GString) out = g_string_new(NULL);
    for (size_t i = 0; remedy != NULL && i < G_N_ELEMENTS(remedies); i++) {
        if (strcmp(remedies[i].name, remedy) != 0) {
            continue;
        }
        g_string_append(out, remedies[i].words);
        if (remedies[i].command != NULL) {
            g_string_append_printf(out, "; run `%s%s%s`", remedies[i].command, setting != NULL ? " " : "",
                                   setting != NULL ? setting : "");
            g_clear_pointer(&setting, g_free);
        }
    }
    if (setting != NULL) {
        g_string_append_printf(out, value != NULL ? " (add %s)" : " (%s)", setting);
    }
    if (limit != NULL) {
        g_string_append_printf(out, " (--limit %s=VALUE changes it)", limit);
    }
    return g_strdup(out->str);
}
