/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru audit`: who changed what; and the entries of commands that write themselves. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>

/* ---- entries ---- */

/* Keys and restores have theirs from the library. */
static const struct {
    const char *command, *verb; /* NULL: the command has none */
    const char *operation, *name;
} writes[] = {
    {"index", NULL, "indexSource", "source"},    {"import", NULL, "importVectors", "source"},
    {"remove", NULL, "removeProducts", "what"},  {"model", "add", "addModel", "model"},
    {"model", "pull", "pullModel", "model"},     {"model", "remove", "removeModel", "model"},
    {"model", "default", "setDefault", "model"}, {"model", "switch", "switchModel", "model"},
};

void cli_audit_note(const CliContext *context, const CliCommand *command, char **arguments, bool done) {
    for (size_t i = 0; i < G_N_ELEMENTS(writes); i++) {
        const char *verb = writes[i].verb, *first = arguments[0];
        if (strcmp(writes[i].command, command->name) != 0 || cli_remote_wrote() ||
            (verb != NULL && g_strcmp0(first, verb) != 0)) {
            continue;
        }
        const char *value = verb == NULL || first == NULL ? first : arguments[1];
        g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, NULL);
        if (catalogue != NULL) { /* what cannot be written down was done nevertheless */
            niteru_audit_note(catalogue, writes[i].operation, writes[i].name, value, done, NULL);
        }
        return;
    }
}

/* ---- the command ---- */

enum { PAGE = 1000, MOST_CELL = 60 };

static char *since, *product;

static const GOptionEntry options[] = {
    {"since", 0, 0, G_OPTION_ARG_STRING, &since, "from this moment on: 2026-11-27 or 2026-11-27T09:30:00Z", "TIME"},
    {"product", 0, 0, G_OPTION_ARG_STRING, &product, "only what names this product", "ID"},
    {0},
};

/* "key backend (nk_sec_abcdef)", "socket 1000", "anybody". */
static char *who_cell(const NtJson *who) {
    const char *by = nt_json_text(nt_json_get(who, "by"), "?"), *name = nt_json_text(nt_json_get(who, "name"), NULL);
    const NtJson *user = nt_json_get(who, "user");
    return name != NULL   ? g_strdup_printf("%s %s (%s)", by, name, nt_json_text(nt_json_get(who, "key"), "?"))
           : user != NULL ? g_strdup_printf("%s of user %" G_GINT64_FORMAT, by, nt_json_int(user, 0))
                          : g_strdup(by);
}

/* What it was done to. */
static char *what_cell(const NtJson *entry) {
    static const char *const names[] = {"key", "model", "job", "change", "where", "source", "what", "backup", NULL};
    const NtJson *products = nt_json_get(entry, "products");
    size_t count = nt_json_count(products);
    if (count > 0) {
        const char *first = nt_json_text(nt_json_at(products, 0), "");
        return count == 1 ? g_strdup(first) : g_strdup_printf("%s and %zu more", first, count - 1);
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *text = nt_json_text(nt_json_get(entry, names[i]), NULL);
        if (text != NULL) {
            return g_strdup_printf("%s %s", names[i], text);
        }
    }
    return g_strdup("");
}

static void add_row(CliTable *table, const NtJson *entry) {
    g_autofree char *who = who_cell(nt_json_get(entry, "who")), *what = what_cell(entry);
    g_autofree char *safe_who = nt_text_printable(who, MOST_CELL), *safe_what = nt_text_printable(what, MOST_CELL);
    const NtJson *status = nt_json_get(entry, "status");
    g_autofree char *outcome = status != NULL ? g_strdup_printf("%" G_GINT64_FORMAT, nt_json_int(status, 0))
                                              : g_strdup(nt_json_text(nt_json_get(entry, "state"), ""));
    cli_table_add(table, nt_json_text(nt_json_get(entry, "time"), ""),
                  nt_json_text(nt_json_get(entry, "operation"), ""), safe_what, outcome, safe_who,
                  nt_json_text(nt_json_get(entry, "from"), ""), NULL);
}

static void show(const CliContext *context, CliTable *table, const NtJson *entries) {
    for (size_t i = 0; i < nt_json_count(entries); i++) {
        if (context->json) {
            cli_print_json(nt_json_print(nt_json_at(entries, i), false));
        } else {
            add_row(table, nt_json_at(entries, i));
        }
    }
}

/* A page and where the next one begins, new; NULL at the end, or with an error. */
static char *read_page(const CliContext *context, NiteruCatalogue *catalogue, const char *after, CliTable *table,
                       GError **error) {
    const NiteruAuditOptions wanted = {
        .size = sizeof wanted, .since = since, .product = product, .after = after, .limit = PAGE};
    g_autofree char *text = niteru_audit_json(catalogue, &wanted, error);
    g_autoptr(NtJson) page = text != NULL ? nt_json_parse(text, strlen(text), "audit", NULL, error) : NULL;
    show(context, table, nt_json_get(page, "entries"));
    int64_t damaged = nt_json_int(nt_json_get(page, "damaged"), 0);
    if (damaged > 0) {
        fprintf(stderr, "note: %" G_GINT64_FORMAT " lines of the audit log are damaged\n", damaged);
    }
    return g_strdup(nt_json_text(nt_json_get(page, "next"), NULL));
}

static CliStatus run_audit(CliContext *context, int argc, char **argv, GError **error) {
    static const char *const headings[] = {"time", "operation", "what", "outcome", "who", "from", NULL};
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    GError *fault = NULL;
    if (catalogue == NULL) {
        return CLI_FAILED;
    }
    CliTable *table = cli_table_new(headings);
    char *after = NULL, *next;
    while ((next = read_page(context, catalogue, after, table, &fault)) != NULL) {
        g_free(after);
        after = next;
    }
    g_free(after);
    if (context->json) {
        cli_table_free(table);
    } else {
        cli_table_print(table);
    }
    if (fault != NULL) {
        g_propagate_error(error, fault);
        return CLI_FAILED;
    }
    return CLI_DONE;
}

const CliCommand cli_audit = {
    .name = "audit",
    .arguments = "",
    .summary = "who changed what",
    .details =
        "Prints the audit log of the catalogue, the oldest entry first: writes by the HTTP API and by the command "
        "line, and keys that were made and revoked. The newest 16 to 32 MiB are kept. With "
        "--json it prints one entry a line, with all that is known of it.",
    .examples = "niteru audit --since 2026-11-01\n"
                "niteru audit --product 4711 --json",
    .options = options,
    .least = 0,
    .most = 0,
    .run = run_audit,
};
