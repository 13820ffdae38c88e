/* SPDX-License-Identifier: Apache-2.0 */
/* `similar` asks with a product of the catalogue, `search` with any photo; the rest is the same. */
#include "cli/commands.h"

#include <stdio.h>

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

/* One query: its results on standard output and, when wanted, on the sheet. */
static bool answer(CliContext *context, NiteruCatalogue *catalogue, NiteruSheet *drawn, const char *product,
                   const char *photo, GError **error) {
    NiteruSearchOptions search = {
        .size = sizeof(NiteruSearchOptions), .k = (size_t)k, .model = model, .where = where, .threshold = threshold};
    g_autoptr(NiteruResults) results = product != NULL ? niteru_similar(catalogue, product, &search, NULL, error)
                                                       : niteru_search_photo(catalogue, photo, &search, NULL, error);
    if (results == NULL) {
        return false;
    }
    cli_print_results(context, catalogue, results);
    return drawn == NULL || niteru_sheet_add(drawn, product, photo, results, NULL, error);
}

static CliStatus run_queries(CliContext *context, bool by_product, int count, char **queries, GError **error) {
    if (k < 1) {
        cli_usage(error, "-k %d: at least one", k);
        return CLI_USAGE;
    }
    if (threshold > 0 && threshold <= 1) {
        fprintf(stderr, "niteru: thresholds are from 0 to 100; %g filters next to nothing; did you mean %g?\n",
                threshold, threshold * 100);
    }
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    if (catalogue == NULL) {
        return CLI_FAILED;
    }
    g_autoptr(NiteruSheet) drawn = sheet != NULL ? niteru_sheet_new(catalogue, "Looks alike") : NULL;
    for (int i = 0; i < count; i++) {
        if (count > 1 && !context->json) {
            g_autofree char *name = nt_text_printable(queries[i], 200);
            printf("%s%s\n", i > 0 ? "\n" : "", name);
        }
        const char *product = by_product ? queries[i] : NULL, *photo = by_product ? NULL : queries[i];
        if (!answer(context, catalogue, drawn, product, photo, error)) {
            return CLI_FAILED;
        }
    }
    return drawn == NULL || niteru_sheet_write(drawn, sheet, error) ? CLI_DONE : CLI_FAILED;
}

static CliStatus run_similar(CliContext *context, int argc, char **argv, GError **error) {
    return run_queries(context, true, argc, argv, error);
}

static CliStatus run_search(CliContext *context, int argc, char **argv, GError **error) {
    return run_queries(context, false, argc, argv, error);
}

const CliCommand cli_similar = {
    .name = "similar",
    .arguments = "ID...",
    .summary = "products that look like a product",
    .details =
        "Prints the products most alike to product ID, best first, with a score from 0 (a random pair of the "
        "catalogue) to 100 (the identical photo): from 90 nearly the same, from 75 very alike, from 50 alike, from 25 "
        "loosely alike, below that, as 90 of 100 random pairs are, not alike. The product itself is left out, and a "
        "product with several photos counts once. With several ids, each is answered in turn; --json then prints one "
        "document for each.",
    .examples = "niteru similar dress-017-red\n"
                "niteru similar dress-017-red -k 10 --where \"price < 50\" --sheet alike.html",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run_similar,
};

const CliCommand cli_search = {
    .name = "search",
    .arguments = "PHOTO...",
    .summary = "products that look like a photo",
    .details = "PHOTO is any photo file; it need not be in the catalogue, and is not added to it.",
    .examples = "niteru search snapshot.jpg -k 10",
    .options = options,
    .least = 1,
    .most = -1,
    .run = run_search,
};
