/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches by what is known already: products and vectors. They are gathered while a loop handles what is ready, and
 * answered together when its turn ends: so those that had to wait share a scan. A loop waits for nobody: a search whose
 * condition must be looked at product by product goes to a reader.
 */
#include "service/service-internal.h"

#include <string.h>

#include "events/events.h"
#include "recommend/recommend.h"
#include "search/search.h"
#include "state/state.h"

/* So long a loop tries to have a condition ready: enough for one that is kept, and for the changes of some writes. */
enum { CONDITION_MS = 1 };

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
    bool sold_out = nt_json_truth(nt_json_get(from, "sold_out"), false);
    bool ok = api_visible(call, sold_out, nt_json_text(nt_json_get(from, "where"), NULL), out_where, error);
    out->where = *out_where;
    return ok;
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

/* To whom an answer is given, new; NULL: nobody that is known. */
static char *visitor_of(ApiCall *call) {
    const char *session = nt_json_text(nt_json_get(call->query, "session"), NULL);
    const char *user = nt_json_text(nt_json_get(call->query, "user"), NULL);
    return user != NULL ? g_strconcat("u:", user, NULL) : session != NULL ? g_strconcat("s:", session, NULL) : NULL;
}

/* Logs an answer where that is wanted; false: the call is answered, for who asks may not speak for that visitor. */
static bool log_answer(ApiCall *call, const NiteruResults *results) {
    if (nt_json_int(nt_json_get(call->query, "log"), 0) == 0) {
        return true;
    }
    g_autofree char *visitor = visitor_of(call);
    if (visitor != NULL && !api_may_speak_for(call, visitor)) {
        return false;
    }
    NtEvents *events = nt_recommender_events(nt_recommender_of(call->service->catalogue), NULL);
    size_t count = niteru_results_count(results);
    g_autofree NtLoggedProduct *products = g_new0(NtLoggedProduct, count + 1);
    for (size_t i = 0; i < count; i++) {
        products[i] = (NtLoggedProduct){.id = niteru_results_get(results, i)->product, .probability = 1};
    }
    const NtLoggedAnswer answer = {.visitor = visitor,
                                   .scenario = nt_json_text(nt_json_get(call->query, "scenario"), "similar"),
                                   .model = nt_results_model(results),
                                   .time = g_get_real_time() / 1000,
                                   .products = products,
                                   .count = count};
    if (events != NULL) { /* a log is no reason to give no answer */
        call->rec = g_malloc(NT_REC_TEXT);
        nt_events_log(events, &answer, call->rec);
    }
    return true;
}

/* Answers queries that are filled in, and clears them. */
static void search_all(NtService *service, Query *queries, NtSearchQuery *searches, size_t count) {
    nt_search_many(service->catalogue, searches, count);
    for (size_t i = 0; i < count; i++) {
        if (searches[i].results != NULL) {
            if (log_answer(queries[i].call, searches[i].results)) {
                api_answer_results(queries[i].call, searches[i].results, NULL);
            }
        } else {
            api_fail(queries[i].call, searches[i].error);
        }
        niteru_results_free(searches[i].results);
        clear_query(&queries[i]);
    }
}

/* ---- conditions that take long ---- */

/* Whether a condition is known for the products as they are now, or soon was. What is wrong with it is for the search
 * to say. */
static bool is_ready(NtSnapshot *snapshot, NtService *service, const Query *query) {
    NtWait wait = nt_wait_for(CONDITION_MS, NULL);
    g_autoptr(GError) error = NULL;
    if (query->where == NULL) {
        return true;
    }
    if (snapshot->version == NULL && !nt_snapshot_open(snapshot, service->catalogue, query->options.model, NULL)) {
        nt_snapshot_clear(snapshot);
        return true;
    }
    nt_catalogue_set_wait(snapshot->reader.db, &wait);
    g_autoptr(NtFilter) filter = nt_filter_open(snapshot, query->where, &error);
    nt_catalogue_set_wait(snapshot->reader.db, NULL);
    return filter != NULL || !g_error_matches(error, NITERU_ERROR, NITERU_ERROR_TIMEOUT);
}

static void search_alone(void *data) {
    ApiCall *call = data;
    Query query;
    NtSearchQuery search;
    if (prepare(call, &query, &search)) {
        search.cancellable = nt_http_cancellable(call->request);
        search_all(call->service, &query, &search, 1);
    } else {
        clear_query(&query);
    }
}

/* Hands over to the readers what a loop must not wait for; returns how many queries are left. */
static size_t hand_over(NtService *service, Query *queries, NtSearchQuery *searches, size_t count) {
    g_auto(NtSnapshot) snapshot = {0};
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_ready(&snapshot, service, &queries[i])) {
            queries[left] = queries[i];
            searches[left] = searches[i];
            searches[left].options = &queries[left].options;
            left++;
        } else {
            clear_query(&queries[i]);
            api_call_push(queries[i].call, service->readers, search_alone);
        }
    }
    return left;
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
    count = hand_over(service, queries, searches, count);
    search_all(service, queries, searches, count);
    g_ptr_array_unref(gathered);
}
