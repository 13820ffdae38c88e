/* SPDX-License-Identifier: Apache-2.0 */
/* `similar` asks with a product of the catalogue, `search` with any photo; the rest is the same. */
#include "cli/commands.h"

static int k = 5;
static char *model, *where, *sheet;
static double threshold;

static const GOptionEntry options[] = {
    {"count", 'k', 0, G_OPTION_ARG_INT, &k, "how many products (5)", "K"},
    {"where", 'w', 0, G_OPTION_ARG_STRING, &where, "only products that match: \"price < 50 and category = 'Dress'\"",
     "CONDITION"},
    {"threshold", 't', 0, G_OPTION_ARG_DOUBLE, &threshold, "least score, 0 to 100", "SCORE"},
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "compare with this model", "NAME"},
    {"sheet", 0, 0, G_OPTION_ARG_FILENAME, &sheet, "also draw the query and its results (.png or .html)", "FILE"},
    {0},
};

static CliStatus run_query(CliContext *context, const char *product, const char *photo, GError **error) {
    if (k < 1) {
        cli_usage(error, "-k %d: at least one", k);
        return CLI_USAGE;
    }
    NiteruSearchOptions search = {.k = (size_t)k, .model = model, .where = where, .threshold = threshold};
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    if (catalogue == NULL) {
        return CLI_FAILED;
    }
    g_autoptr(NiteruResults) results = product != NULL ? niteru_similar(catalogue, product, &search, error)
                                                       : niteru_search_photo(catalogue, photo, &search, error);
    if (results == NULL) {
        return CLI_FAILED;
    }
    cli_print_results(context, catalogue, results);
    bool ok = sheet == NULL || cli_write_sheet(catalogue, sheet, product, photo, results, error);
    return ok ? CLI_DONE : CLI_FAILED;
}

static CliStatus run_similar(CliContext *context, int argc, char **argv, GError **error) {
    return run_query(context, argv[0], NULL, error);
}

static CliStatus run_search(CliContext *context, int argc, char **argv, GError **error) {
    return run_query(context, NULL, argv[0], error);
}

const CliCommand cli_similar = {
    .name = "similar",
    .arguments = "ID",
    .summary = "products that look like a product",
    .details = "Prints the products most alike to product ID, best first, with a score from 0 (a random pair of the "
               "catalogue) to 100 (the identical photo). The product itself is left out, and a product with several "
               "photos counts once.",
    .examples = "niteru similar dress-017-red\n"
                "niteru similar dress-017-red -k 10 --where \"price < 50\" --sheet alike.html",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run_similar,
};

const CliCommand cli_search = {
    .name = "search",
    .arguments = "PHOTO",
    .summary = "products that look like a photo",
    .details = "PHOTO is any photo file; it need not be in the catalogue, and is not added to it.",
    .examples = "niteru search snapshot.jpg -k 10",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run_search,
};
