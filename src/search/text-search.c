/* SPDX-License-Identifier: Apache-2.0 */
/* Products by the words of their texts, on one snapshot of the catalogue; no model and no vector is needed. */
#include "search/search-internal.h"

#include <string.h>

static bool may_answer(int64_t product, void *data) {
    const Search *search = data;
    return (search->filter == NULL || nt_cells_bit(&search->filter->bits, (uint64_t)product)) &&
           (search->left_out == NULL || !g_hash_table_contains(search->left_out, GSIZE_TO_POINTER((gsize)product)));
}

/* Keeps of each group the best, and k of all. */
static void merge_groups(const Search *search, GArray *hits) {
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    guint kept = 0;
    for (guint i = 0; i < hits->len && kept < search->k; i++) {
        NtTextHit hit = g_array_index(hits, NtTextHit, i);
        if (g_hash_table_add(seen, search_key(search, (uint32_t)hit.product))) {
            g_array_index(hits, NtTextHit, kept++) = hit;
        }
    }
    g_array_set_size(hits, kept);
}

/* Finds the best k; where products count by group as many as it takes to have k groups. */
static bool find(Search *search, const char *text, NtTextFound *out, GError **error) {
    NtTextSearch asked = {.text = text,
                          .most = search->k,
                          .threshold = search->options.threshold,
                          .partial = search->options.partial,
                          .allow = may_answer,
                          .data = search};
    bool ok, again = false;
    do {
        asked.most = search->options.group && asked.most < SIZE_MAX / 8 ? 8 * asked.most : asked.most;
        nt_text_found_clear(out);
        ok = nt_catalogue_find_text(search->db, &asked, out, error);
        if (ok && search->options.group) {
            bool all = out->hits->len < asked.most;
            merge_groups(search, out->hits);
            again = !all && !out->partial && out->hits->len < search->k;
        }
    } while (ok && again);
    search->best = out->best;
    search->partial = out->partial;
    return ok;
}

/* ---- the answer ---- */

typedef struct Describing {
    const NiteruCatalogue *catalogue;
    NtDescribed **described; /* for each hit */
} Describing;

static bool describe(size_t i, const char *id, const char *location, int64_t position, NtJson *metadata, void *data) {
    const Describing *all = data;
    g_autofree char *path = *location != '\0' ? nt_location_path(all->catalogue, location) : g_strdup("");
    g_autofree char *json = metadata != NULL ? nt_json_print(metadata, false) : NULL;
    all->described[i] = nt_described_new(id, path, (int)position, json);
    return true;
}

static bool add_hits(Search *search, const GArray *hits, NiteruResults *results, GError **error) {
    g_autofree NtShown *shown = g_new0(NtShown, hits->len);
    g_autofree NtDescribed **described = g_new0(NtDescribed *, hits->len);
    for (guint i = 0; i < hits->len; i++) {
        shown[i].product = g_array_index(hits, NtTextHit, i).product;
    }
    Describing all = {search->call.catalogue, described};
    bool metadata = search->options.metadata;
    bool ok = nt_catalogue_describe_products(search->db, shown, hits->len, metadata, describe, &all, error);
    for (guint i = 0; i < hits->len; i++) { /* the index and the products are of one transaction: none is missing */
        const NtTextHit *hit = &g_array_index(hits, NtTextHit, i);
        if (described[i] != NULL) {
            nt_results_add_scored(results, described[i], metadata, hit->raw, hit->score, "");
        }
    }
    return ok;
}

/* Says why there is no answer, or that no product has all the words. */
static bool add_note(const Search *search, const NtTextFound *found, NiteruResults *results, GError **error) {
    char digits[NT_REAL_BYTES];
    if (found->wordless) {
        nt_results_note(results, g_strdup("there is no word to search for in the text"), NULL);
    } else if (found->hits->len > 0) {
        if (found->any) {
            nt_results_note(results, g_strdup("no product has all of these words; these have some of them"), NULL);
        }
    } else if (found->best >= 0) {
        nt_results_note(results,
                        g_strdup_printf("nothing has these words to this degree: the best has %s of 100, under the "
                                        "threshold",
                                        nt_text_real(found->best, 1, digits)),
                        NULL);
    } else if (search->filter != NULL && search->filter->count == 0) {
        NtJson *near = NULL;
        g_autofree char *words = NULL;
        if (!nt_explain_where(search->db, search->options.where, &near, &words, error)) {
            return false;
        }
        nt_results_note(results, g_strdup_printf("no product may answer: %s", words), near);
    } else {
        nt_results_note(results, g_strdup("no product that may answer has any of these words"), NULL);
    }
    return true;
}

/* Goes on to a snapshot of now, without a model. */
static bool begin(Search *search, GError **error) {
    NtSnapshot *snapshot = &search->own;
    return nt_reader_open_for(&snapshot->reader, &search->call, error) &&
           nt_catalogue_commits(snapshot->reader.db, &snapshot->commits, error) &&
           search_begin_without(search, snapshot, error);
}

NiteruResults *niteru_search_text(NiteruCatalogue *catalogue, const char *text, const NiteruSearchOptions *options,
                                  GCancellable *cancellable, GError **error) {
    g_auto(Search) search = {0};
    g_auto(NtTextFound) found = {0};
    if (!search_open(&search, catalogue, options, cancellable, error) || !begin(&search, error) ||
        !find(&search, text, &found, error)) {
        return NULL;
    }
    g_autoptr(NiteruResults) results = nt_results_new(text, NULL, found.hits->len);
    nt_results_set_partial(results, search.partial);
    return add_hits(&search, found.hits, results, error) && add_note(&search, &found, results, error)
               ? g_steal_pointer(&results)
               : NULL;
}
