/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What those that look like a product have in a field: where nearly all of them agree on another value than its own, or
 * it has none, that one is probably wrong, or missing (editing of the training set by its nearest neighbours; Wilson
 * 1972). Products are gone through in pages, each a few scans of the vectors, so that no call takes long.
 */
#include "service/service-internal.h"

#include <string.h>

#include "search/search.h"

/* How many neighbours vote, and how many must have a value for the vote to count. */
enum { NEIGHBOURS = 10, LEAST_VOTES = 5, AT_ONCE = 64 };

/* The share of the votes that another value needs, and the most that the product's own may have. */
static const double elected_share = 0.7, own_share = 0.15;

typedef struct Listed {
    char *id, *value; /* value: as JSON; NULL: it has none */
} Listed;

typedef struct Page {
    const char *field;
    GArray *products; /* Listed */
} Page;

static void clear_listed(void *data) {
    Listed *listed = data;
    g_free(listed->id);
    g_free(listed->value);
}

/* The value of a field as JSON, new; NULL where it is missing, or is no single value. */
static char *value_of(const char *field, const NtJson *metadata) {
    NtJson *value = nt_json_get(metadata, field);
    NtJsonType type = value != NULL ? nt_json_type(value) : NT_JSON_NULL;
    return type == NT_JSON_NULL || type == NT_JSON_ARRAY || type == NT_JSON_OBJECT ? NULL : nt_json_print(value, false);
}

static char *value_in(const char *field, const char *json) {
    g_autoptr(NtJson) metadata = nt_json_parse(json, strlen(json), "metadata", NULL, NULL);
    return value_of(field, metadata);
}

static bool add_product(const char *id, const char *json, void *data) {
    Page *page = data;
    g_autoptr(NtJson) product = nt_json_parse(json, strlen(json), "product", NULL, NULL);
    Listed listed = {g_strdup(id), value_of(page->field, nt_json_get(product, "metadata"))};
    g_array_append_val(page->products, listed);
    return true;
}

/* Counts the votes, each of the weight of its score, and adds the product where another value than its own wins. */
static void count_votes(const Page *page, const Listed *product, const NiteruResults *results, NtJson *votes) {
    g_autoptr(GHashTable) weights = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    double all = 0, own = 0;
    const char *elected = NULL;
    const double *most = NULL;
    unsigned count = 0;
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        const NiteruResult *result = niteru_results_get(results, i);
        char *value = value_in(page->field, result->metadata);
        if (value == NULL) {
            continue;
        }
        count++;
        double *weight = g_hash_table_lookup(weights, value);
        if (weight == NULL) {
            g_hash_table_insert(weights, value, weight = g_new0(double, 1));
        } else {
            g_free(value);
        }
        *weight += result->score;
        all += result->score;
    }
    GHashTableIter iter;
    void *value, *weight;
    g_hash_table_iter_init(&iter, weights);
    while (g_hash_table_iter_next(&iter, &value, &weight)) {
        own = g_strcmp0(value, product->value) == 0 ? *(double *)weight : own;
        if (most == NULL || *(double *)weight > *most) {
            most = weight;
            elected = value;
        }
    }
    if (count < LEAST_VOTES || *most < elected_share * all || own > own_share * all ||
        g_strcmp0(elected, product->value) == 0) {
        return;
    }
    NtJson *out = nt_json_set(nt_json_object(), "product", nt_json_string(product->id));
    nt_json_set(out, "value",
                product->value != NULL ? nt_json_parse(product->value, strlen(product->value), "", NULL, NULL)
                                       : nt_json_null());
    nt_json_set(out, "elected", nt_json_parse(elected, strlen(elected), "", NULL, NULL));
    nt_json_set(out, "share", nt_json_real(*most / all));
    nt_json_append(votes, out);
}

/* Has the neighbours of some products vote. A product that cannot be searched with has none. */
static bool vote(ApiCall *call, const Page *page, guint first, guint count, NtJson *votes, GError **error) {
    const NiteruSearchOptions options = {.size = sizeof options,
                                         .k = NEIGHBOURS,
                                         .model = nt_json_text(nt_json_get(call->query, "model"), NULL),
                                         .metadata = true,
                                         .timeout_ms = api_timeout(call)};
    NtSearchQuery queries[AT_ONCE] = {0};
    for (guint i = 0; i < count; i++) {
        queries[i] = (NtSearchQuery){.product = g_array_index(page->products, Listed, first + i).id,
                                     .options = &options,
                                     .cancellable = nt_http_cancellable(call->request)};
    }
    nt_search_many(call->service->catalogue, queries, count);
    for (guint i = 0; i < count; i++) {
        if (queries[i].results != NULL) {
            count_votes(page, &g_array_index(page->products, Listed, first + i), queries[i].results, votes);
        } else if (!g_error_matches(queries[i].error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) && *error == NULL) {
            *error = g_error_copy(queries[i].error);
        }
        niteru_results_free(queries[i].results);
        g_clear_error(&queries[i].error);
    }
    return *error == NULL;
}

void api_run_votes(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) products = g_array_new(FALSE, FALSE, sizeof(Listed));
    g_autoptr(NtJson) votes = nt_json_array();
    size_t limit = (size_t)nt_json_int(nt_json_get(call->query, "limit"), 100);
    Page page = {nt_json_text(nt_json_get(call->query, "field"), "category"), products};
    const NiteruListOptions options = {.size = sizeof options,
                                       .after = nt_json_text(nt_json_get(call->query, "after"), NULL),
                                       .limit = limit,
                                       .timeout_ms = api_timeout(call)};
    g_array_set_clear_func(products, clear_listed);
    /* A model that is not there is asked for in vain, other than a product without vectors. */
    g_autoptr(NtModel) model =
        nt_model_find(call->service->catalogue, nt_json_text(nt_json_get(call->query, "model"), NULL), &error);
    bool ok = model != NULL && niteru_list(call->service->catalogue, &options, add_product, &page,
                                           nt_http_cancellable(call->request), &error);
    for (guint at = 0; ok && at < products->len; at += AT_ONCE) {
        ok = vote(call, &page, at, MIN(AT_ONCE, products->len - at), votes, &error);
    }
    if (!ok) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *out = nt_json_set(nt_json_object(), "votes", nt_json_ref(votes));
    nt_json_set(out, "looked_at", nt_json_integer(products->len));
    if (products->len == limit) {
        nt_json_set(out, "next", nt_json_string(g_array_index(products, Listed, products->len - 1).id));
    }
    api_answer(call, 200, out);
}
