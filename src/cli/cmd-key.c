/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru key create|list|rotate|revoke`. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static char *name, *kind, *overlap;
static char **origins;

static const GOptionEntry options[] = {
    {"kind", 'k', 0, G_OPTION_ARG_STRING, &kind, "create: publishable, secret or admin", "KIND"},
    {"name", 'n', 0, G_OPTION_ARG_STRING, &name, "create: what it is called in the list", "NAME"},
    {"origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &origins,
     "create: the pages a publishable key may be used from (all when not given); may be repeated", "ORIGIN"},
    {"overlap", 0, 0, G_OPTION_ARG_STRING, &overlap, "rotate: how long the old key goes on: 90s, 15m, 24h, 7d (24h)",
     "TIME"},
    {0},
};

/* The key alone stands on standard output, so that it can be captured. */
static CliStatus create(CliContext *context, GError **error) {
    NiteruKeyOptions wanted = {
        .size = sizeof wanted, .kind = kind, .name = name, .origins = (const char *const *)origins};
    if (kind == NULL || name == NULL) {
        cli_usage(error, "a key needs --kind publishable, secret or admin, and a --name");
        return CLI_USAGE;
    }
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    g_autofree char *key = NULL;
    if (catalogue == NULL || !niteru_key_create(catalogue, &wanted, NULL, &key, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        g_autoptr(NtJson) out = nt_json_object();
        nt_json_set(out, "name", nt_json_string(name));
        nt_json_set(out, "kind", nt_json_string(kind));
        cli_print_json(nt_json_print(nt_json_set(out, "key", nt_json_string(key)), true));
    } else {
        puts(key);
    }
    if (!context->quiet) {
        g_autofree char *safe = nt_text_printable(name, SIZE_MAX);
        fprintf(stderr, "this is the %s key '%s'; keep it now, it is not shown again\n", kind, safe);
    }
    return CLI_DONE;
}

/* The origins of a key in a cell of the table. */
static char *origins_cell(const NtJson *listed) {
    g_autoptr(GString) out = g_string_new(NULL);
    for (size_t i = 0; i < nt_json_count(listed); i++) {
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", nt_json_text(nt_json_at(listed, i), ""));
    }
    return g_strdup(out->str);
}

static CliStatus list(CliContext *context, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    g_autofree char *text = catalogue != NULL ? niteru_keys_json(catalogue, 0, NULL, error) : NULL;
    g_autoptr(NtJson) keys = text != NULL ? nt_json_parse(text, strlen(text), "keys", NULL, error) : NULL;
    if (keys == NULL) {
        return CLI_FAILED;
    }
    if (context->json) {
        cli_print_json(g_steal_pointer(&text));
        return CLI_DONE;
    }
    static const char *const headings[] = {"name", "kind", "begins with", "made", "revoked", "origins", NULL};
    CliTable *table = cli_table_new(headings);
    for (size_t i = 0; i < nt_json_count(keys); i++) {
        const NtJson *key = nt_json_at(keys, i);
        g_autofree char *pages = origins_cell(nt_json_get(key, "origins"));
        cli_table_add(table, nt_json_text(nt_json_get(key, "name"), ""), nt_json_text(nt_json_get(key, "kind"), ""),
                      nt_json_text(nt_json_get(key, "prefix"), ""), nt_json_text(nt_json_get(key, "created"), ""),
                      nt_json_text(nt_json_get(key, "revoked"), ""), pages, NULL);
    }
    cli_table_print(table);
    return CLI_DONE;
}

/* "24h" in seconds; -1: it is none. */
static int64_t read_time(const char *text) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};
    char *end = NULL;
    guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;
    for (size_t i = 0; end != NULL && number <= 1000000 && i < G_N_ELEMENTS(units); i++) {
        if (*end == units[i].unit && end[1] == '\0') {
            return (int64_t)number * units[i].seconds;
        }
    }
    return -1;
}

static CliStatus rotate(CliContext *context, const char *named, GError **error) {
    int64_t seconds = read_time(overlap != NULL ? overlap : "24h");
    if (seconds < 0 || seconds > G_MAXINT32) {
        cli_usage(error, "--overlap %s: write a time such as 90s, 15m, 24h or 7d", overlap);
        return CLI_USAGE;
    }
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    g_autofree char *key = NULL;
    if (catalogue == NULL || !niteru_key_rotate(catalogue, named, (unsigned)seconds, 0, NULL, &key, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        cli_print_json(nt_json_print(nt_json_set(nt_json_object(), "key", nt_json_string(key)), true));
    } else {
        puts(key);
    }
    if (!context->quiet) {
        fprintf(stderr, "this is the new key; keep it now, it is not shown again. The old one goes on for %s\n",
                overlap != NULL ? overlap : "24h");
    }
    return CLI_DONE;
}

static CliStatus end_use(CliContext *context, const char *named, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    if (catalogue == NULL || !niteru_key_revoke(catalogue, named, 0, NULL, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        return list(context, error);
    }
    if (!context->quiet) {
        fputs("the key is revoked\n", stderr);
    }
    return CLI_DONE;
}

static CliStatus run_key(CliContext *context, int argc, char **argv, GError **error) {
    if (strcmp(argv[0], "create") == 0 && argc == 1) {
        return create(context, error);
    }
    if (strcmp(argv[0], "list") == 0 && argc == 1) {
        return list(context, error);
    }
    if (strcmp(argv[0], "rotate") == 0 && argc == 2) {
        return rotate(context, argv[1], error);
    }
    if (strcmp(argv[0], "revoke") == 0 && argc == 2) {
        return end_use(context, argv[1], error);
    }
    cli_usage(error, "usage: niteru key create --kind KIND --name NAME | list | rotate NAME | revoke NAME");
    return CLI_USAGE;
}

const CliCommand cli_key = {
    .name = "key",
    .arguments = "create | list | rotate NAME | revoke NAME",
    .summary = "the keys that let programs and pages ask a server",
    .details =
        "create makes a key and prints it, once: the catalogue keeps a digest of it. A publishable key may stand in a "
        "page: it reads products that are public and sends events, from the pages of its origins where such are "
        "named. A secret key is for a shop's own programs, an admin key for administration too; neither belongs in a "
        "page or in an address. rotate makes a key like another, which goes on for a while, so that who uses it can "
        "change "
        "over without a pause. revoke ends a key, named by its name, by how it begins, or by the whole of it; servers "
        "that run see it at once. Its name is free then.",
    .examples = "niteru key create --kind secret --name backend > backend.key\n"
                "niteru key create --kind publishable --name shop --origin https://shop.example\n"
                "niteru key list\nniteru key rotate backend --overlap 24h > backend.key\nniteru key revoke backend",
    .options = options,
    .least = 1,
    .most = 2,
    .run = run_key,
};
