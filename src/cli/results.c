/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The metadata of a product, or NULL; owned by the caller. */
static NtJson *metadata_of(NiteruCatalogue *catalogue, const char *id) {
    g_autofree char *text = catalogue != NULL ? niteru_product_json(catalogue, id, NULL) : NULL;
    g_autoptr(NtJson) product = text != NULL ? nt_json_parse(text, strlen(text), id, NULL, NULL) : NULL;
    NtJson *metadata = product != NULL ? nt_json_get(product, "metadata") : NULL;
    return metadata != NULL ? nt_json_ref(metadata) : NULL;
}

static void print_note(const NiteruResults *results) {
    if (niteru_results_note(results) != NULL) {
        g_autofree char *safe = nt_text_printable(niteru_results_note(results), SIZE_MAX);
        puts(safe);
    }
}

void cli_print_near(const CliContext *context, NiteruCatalogue *catalogue, const char *where) {
    g_autofree char *text = where != NULL ? niteru_where_json(catalogue, where, 0, NULL, NULL) : NULL;
    g_autoptr(NtJson) found = text != NULL ? nt_json_parse(text, strlen(text), where, NULL, NULL) : NULL;
    const char *note = nt_json_text(nt_json_get(found, "note"), NULL);
    if (note != NULL && context->json) {
        fprintf(stderr, "%s\n", text);
    } else if (note != NULL && !context->quiet) {
        g_autofree char *safe = nt_text_printable(note, SIZE_MAX);
        fprintf(stderr, "niteru: %s\n", safe);
    }
}

void cli_print_results(const CliContext *context, NiteruCatalogue *catalogue, const NiteruResults *results) {
    if (context->json) {
        cli_print_json(niteru_results_json(results));
        return;
    }
    if (niteru_results_count(results) == 0) {
        print_note(results);
        return;
    }
    static const char *const headings[] = {">#", ">score", "how alike", "product", "title", "category", NULL};
    CliTable *table = cli_table_new(headings);
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        const NiteruResult *result = niteru_results_get(results, i);
        g_autoptr(NtJson) metadata = metadata_of(catalogue, result->product);
        g_autofree char *place = g_strdup_printf("%zu", i + 1);
        g_autofree char *score = g_strdup_printf("%.1f", result->score);
        cli_table_add(table, place, score, result->word, result->product,
                      nt_json_text(nt_json_get(metadata, "title"), ""),
                      nt_json_text(nt_json_get(metadata, "category"), ""), NULL);
    }
    cli_table_print(table);
    print_note(results);
}
