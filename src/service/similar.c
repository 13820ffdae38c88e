/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches by what is known already: products and vectors. They are gathered while a loop handles what is ready, and
 * answered together when its turn ends: so those that had to wait share a scan.
 */
#include "service/service-internal.h"

#include <math.h>
#include <string.h>

#include "search/search.h"

/* One call's query, with what its options point at. */
typedef struct Query {
    ApiCall *call;
    NiteruSearchOptions options;
    char *where;
    const char **exclude;
    float *vector;
} Query;

static void clear_query(void *data) {
    Query *query = data;
    g_free(query->where);
    g_free(query->exclude);
    g_free(query->vector);
}

const char **api_texts(const NtJson *array) {
    size_t count = nt_json_count(array);
    if (count == 0) {
        return NULL;
    }
    const char **texts = g_new0(const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        texts[i] = nt_json_text(nt_json_at(array, i), "");
    }
    return texts;
}

bool api_search_options(ApiCall *call, NiteruSearchOptions *out, char **out_where, const char ***out_exclude,
                        GError **error) {
    const NtJson *from = call->body != NULL ? call->body : call->query;
    *out = (NiteruSearchOptions){.size = sizeof *out,
                                 .k = (size_t)nt_json_int(nt_json_get(from, "k"), 5),
                                 .model = nt_json_text(nt_json_get(from, "model"), NULL),
                                 .threshold = nt_json_number(nt_json_get(from, "threshold"), 0),
                                 .metadata = nt_json_truth(nt_json_get(from, "metadata"), true),
                                 .group = nt_json_truth(nt_json_get(from, "group"), false),
                                 .timeout_ms = api_timeout(call),
                                 .partial = true};
    *out_exclude = api_texts(nt_json_get(from, "exclude"));
    out->exclude = *out_exclude;
    bool ok = api_visible(call, nt_json_text(nt_json_get(from, "where"), NULL), out_where, error);
    out->where = *out_where;
    return ok;
}

static NtJson *result_json(const NiteruResult *result) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "product", nt_json_string(result->product));
    nt_json_set(out, "score", nt_json_real(round(result->score * 100) / 100)); /* as precise as it is meant */
    nt_json_set(out, "word", nt_json_string(result->word));
    if (result->position >= 0) {
        g_autofree char *escaped = nt_http_encode(result->product);
        g_autofree char *address = g_strdup_printf("/v1/products/%s/photos/%d", escaped, result->position);
        NtJson *photo = nt_json_set(nt_json_object(), "number", nt_json_integer(result->position));
        nt_json_set(out, "photo", nt_json_set(photo, "url", nt_json_string(address)));
    }
    nt_json_set(out, "detail", nt_json_set(nt_json_object(), "raw", nt_json_real(result->raw)));
    if (result->metadata != NULL) {
        nt_json_set(out, "metadata", nt_json_parse(result->metadata, strlen(result->metadata), "", NULL, NULL));
    }
    return out;
}

void api_answer_results(ApiCall *call, const NiteruResults *results, const char *upload) {
    NtJson *out = nt_json_object(), *products = nt_json_array();
    nt_json_set(out, "model", nt_json_string(nt_results_model(results)));
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        nt_json_append(products, result_json(niteru_results_get(results, i)));
    }
    nt_json_set(out, "products", products);
    nt_json_set(out, "partial", nt_json_bool(niteru_results_partial(results)));
    if (upload != NULL) {
        nt_json_set(out, "upload", nt_json_string(upload));
    }
    if (niteru_results_note(results) != NULL) {
        nt_json_set(out, "note", nt_json_string(niteru_results_note(results)));
    }
    nt_json_set(out, "took_ms", nt_json_real((double)(nt_http_age(call->request) / 10) / 100));
    api_answer(call, 200, out);
}

/* ---- gathering ---- */

static void gather(ApiCall *call) { g_ptr_array_add(call->service->gathered[nt_http_loop(call->request)], call); }

void api_run_similar(ApiCall *call) { gather(call); }
void api_run_search_vector(ApiCall *call) { gather(call); }

/* Fills in a query of the search; false: the call is answered. */
static bool prepare(ApiCall *call, Query *query, NtSearchQuery *search) {
    g_autoptr(GError) error = NULL;
    *query = (Query){.call = call};
    const char *const seed[] = {call->body == NULL ? call->pieces[0] : NULL, NULL};
    if (!api_check_visible(call, seed, &error) ||
        !api_search_options(call, &query->options, &query->where, &query->exclude, &error)) {
        api_fail(call, g_steal_pointer(&error));
        return false;
    }
    *search = (NtSearchQuery){.options = &query->options};
    if (call->body == NULL) {
        search->product = call->pieces[0];
        return true;
    }
    const NtJson *vector = nt_json_get(call->body, "vector");
    search->dimension = nt_json_count(vector);
    query->vector = g_new(float, search->dimension + 1);
    for (size_t i = 0; i < search->dimension; i++) {
        query->vector[i] = (float)nt_json_number(nt_json_at(vector, i), 0);
    }
    search->vector = query->vector;
    return true;
}

void api_search_turn(unsigned loop, void *data) {
    NtService *service = data;
    GPtrArray *gathered = service->gathered[loop];
    if (loop == 0) { /* a turn comes every second at least */
        api_uploads_sweep(service->uploads);
    }
    if (gathered->len == 0) {
        return;
    }
    /* Answers may bring the next request of a connection here: it waits for the next turn. */
    service->gathered[loop] = g_ptr_array_new();
    g_autofree Query *queries = g_new0(Query, gathered->len);
    g_autofree NtSearchQuery *searches = g_new0(NtSearchQuery, gathered->len);
    size_t count = 0;
    for (guint i = 0; i < gathered->len; i++) {
        if (prepare(gathered->pdata[i], &queries[count], &searches[count])) {
            count++;
        } else {
            clear_query(&queries[count]);
        }
    }
    nt_search_many(service->catalogue, searches, count);
    for (size_t i = 0; i < count; i++) {
        if (searches[i].results != NULL) {
            api_answer_results(queries[i].call, searches[i].results, NULL);
        } else {
            api_fail(queries[i].call, searches[i].error);
        }
        niteru_results_free(searches[i].results);
        clear_query(&queries[i]);
    }
    g_ptr_array_unref(gathered);
}
