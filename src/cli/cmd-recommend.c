/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru recommend`: products for a visitor, and what they like. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static int k;
static char *where, *scenario;
static gboolean session;
static double diversity = -1;

static const GOptionEntry options[] = {
    {"count", 'k', 0, G_OPTION_ARG_INT, &k, "how many products (as the scenario has it; else 10)", "K"},
    {"where", 'w', 0, G_OPTION_ARG_STRING, &where, "only products that match: \"price < 50 and category = 'Dress'\"",
     "CONDITION"},
    {"session", 0, 0, G_OPTION_ARG_NONE, &session, "the visitor is a session, not a user", NULL},
    {"diversity", 0, 0, G_OPTION_ARG_DOUBLE, &diversity,
     "how much less products are worth that are like others in the answer, 0 to 1 (as the scenario has it; else 0.3)",
     "SHARE"},
    {"scenario", 0, 0, G_OPTION_ARG_STRING, &scenario, "the place of the shop whose settings and rules count (default)",
     "NAME"},
    {0},
};

static const char *title_of(const NtJson *item) {
    return nt_json_text(nt_json_get(nt_json_get(item, "metadata"), "title"), "");
}

static void print_tastes(const NtJson *tastes) {
    static const char *const headings[] = {">taste", ">share", ">products", "like", "title", NULL};
    if (nt_json_count(tastes) == 0) {
        puts("nothing is known of this visitor: what is popular and new");
        return;
    }
    CliTable *table = cli_table_new(headings);
    for (size_t i = 0; i < nt_json_count(tastes); i++) {
        const NtJson *taste = nt_json_at(tastes, i);
        g_autofree char *place = g_strdup_printf("%zu", i + 1);
        g_autofree char *share = g_strdup_printf("%.0f %%", 100 * nt_json_number(nt_json_get(taste, "importance"), 0));
        g_autofree char *count = cli_count((uint64_t)nt_json_int(nt_json_get(taste, "products"), 0));
        g_autofree char *id = nt_text_printable(nt_json_text(nt_json_get(taste, "product"), ""), 200);
        g_autofree char *title = nt_text_printable(title_of(taste), 60);
        cli_table_add(table, place, share, count, id, title, NULL);
    }
    cli_table_print(table);
    puts("");
}

static void print_products(const NtJson *products) {
    static const char *const headings[] = {">#", ">taste", "because", "product", "title", NULL};
    CliTable *table = cli_table_new(headings);
    for (size_t i = 0; i < nt_json_count(products); i++) {
        const NtJson *product = nt_json_at(products, i), *sources = nt_json_get(product, "sources");
        int64_t taste = nt_json_int(nt_json_get(product, "taste"), -1);
        g_autofree char *place = g_strdup_printf("%zu", i + 1);
        g_autofree char *number = taste >= 0 ? g_strdup_printf("%" G_GINT64_FORMAT, taste + 1) : g_strdup("");
        g_autoptr(GString) because = g_string_new(NULL);
        for (size_t s = 0; s < nt_json_count(sources); s++) {
            g_string_append_printf(because, "%s%s", s > 0 ? ", " : "", nt_json_text(nt_json_at(sources, s), ""));
        }
        g_autofree char *id = nt_text_printable(nt_json_text(nt_json_get(product, "product"), ""), 200);
        g_autofree char *title = nt_text_printable(title_of(product), 60);
        cli_table_add(table, place, number, because->str, id, title, NULL);
    }
    cli_table_print(table);
}

static CliStatus run(CliContext *context, int argc, char **argv, GError **error) {
    if (k < 0 || !(diversity == -1 || (diversity >= 0 && diversity <= 1))) {
        cli_usage(error, "-k is at least 1, and --diversity from 0 to 1");
        return CLI_USAGE;
    }
    NiteruRecommendOptions how = {.size = sizeof how,
                                  .user = session || argc == 0 ? NULL : argv[0],
                                  .session = session && argc > 0 ? argv[0] : NULL,
                                  .k = (size_t)k,
                                  .where = where,
                                  .diversity = diversity,
                                  .metadata = true,
                                  .scenario = scenario};
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    char *text = catalogue != NULL ? niteru_recommend_json(catalogue, &how, NULL, error) : NULL;
    if (text == NULL) {
        return CLI_FAILED;
    }
    if (context->json) {
        cli_print_json(text);
        return CLI_DONE;
    }
    g_autoptr(NtJson) found = nt_json_parse(text, strlen(text), "recommendation", NULL, error);
    g_free(text);
    print_tastes(nt_json_get(found, "tastes"));
    print_products(nt_json_get(found, "products"));
    const NtJson *notes = nt_json_get(found, "notes");
    for (size_t i = 0; i < nt_json_count(notes); i++) {
        g_autofree char *note = nt_text_printable(nt_json_text(nt_json_at(notes, i), ""), 500);
        printf("note: %s\n", note);
    }
    return CLI_DONE;
}

const CliCommand cli_recommend = {
    .name = "recommend",
    .arguments = "[USER]",
    .summary = "products for a visitor, by what they did",
    .details =
        "Shows what a user likes, each taste by the product in its middle, and products for them: by their events of "
        "the last 90 days (niteru events, or POST /v1/events of a server). What they bought or turned away is left "
        "out, and what they looked at already is shown only when nothing else is left. Without a user: what "
        "somebody gets of whom nothing is known.",
    .examples = "niteru recommend 4711\n"
                "niteru recommend x7f3 --session -k 5 --where \"price < 50\"",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
