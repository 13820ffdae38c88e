/* SPDX-License-Identifier: Apache-2.0 */
/* Events out of JSON into the store: each by itself, so that one that is wrong costs the others nothing. And what is
 * not to be stored, which is right or wrong as a whole. */
#include "recommend/recommend-internal.h"

/* Those of one call that are right. */
typedef struct Taking {
    NtEvents *events;
    NtCatalogue *db;
    NtEventTimes times;
    bool (*may)(const char *visitor, void *data);
    void *data;
    GPtrArray *right; /* NtEvent */
    GArray *places;   /* guint, of each among the answers */
} Taking;

static void free_event(void *data) {
    nt_event_clear(data);
    g_free(data);
}

static bool check_product(NtCatalogue *db, const char *id, bool *out_fatal, GError **error) {
    int64_t product;
    g_autoptr(GError) gone = NULL;
    if (nt_catalogue_find_product(db, id, &product, &gone)) {
        return true;
    }
    if (!g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        *out_fatal = true;
        g_propagate_error(error, g_steal_pointer(&gone));
        return false;
    }
    g_autofree char *safe = nt_text_printable(id, 80);
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "product: there is no product '%s' here; add it first", safe);
    return nt_fact(error, "field", "product");
}

/* Reads one event; false with *out_fatal: none can be taken. */
static bool take_one(Taking *taking, const NtJson *json, bool *out_fatal, GError **error) {
    NtEvent *event = g_new0(NtEvent, 1);
    bool ok = nt_event_read(json, &taking->times, event, error);
    if (ok && taking->may != NULL && !taking->may(event->visitor, taking->data)) {
        const char *field = event->visitor[0] == 'u' ? "user" : "session";
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: a publishable key speaks for sessions, and for a user whom a secret key signed", field);
        ok = nt_fact(error, "field", field);
    }
    ok = ok && check_product(taking->db, event->product, out_fatal, error);
    if (ok) {
        g_ptr_array_add(taking->right, event);
    } else {
        free_event(event);
    }
    return ok;
}

static NtJson *refusal(const GError *fault) {
    NtJson *out = nt_json_set(nt_json_object(), "status", nt_json_string("refused"));
    const char *field = niteru_error_fact(fault, "field");
    if (field != NULL) {
        nt_json_set(out, "field", nt_json_string(field));
    }
    return nt_json_set(out, "message", nt_json_string(fault->message));
}

static bool take_all(Taking *taking, const NtJson *events, NtJson *answers, GError **error) {
    bool many = nt_json_type(events) == NT_JSON_ARRAY, fatal = false;
    size_t count = many ? nt_json_count(events) : 1;
    for (size_t i = 0; i < count; i++) {
        g_autoptr(GError) fault = NULL;
        if (take_one(taking, many ? nt_json_at(events, i) : events, &fatal, &fault)) {
            guint place = (guint)i;
            g_array_append_val(taking->places, place);
            nt_json_append(answers, nt_json_object());
        } else if (fatal) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        } else {
            nt_json_append(answers, refusal(fault));
        }
    }
    return true;
}

static bool store(const Taking *taking, NtJson *answers, GError **error) {
    static const char *const words[] = {"new", "known", "over"};
    g_autofree NtEventOutcome *outcomes = g_new0(NtEventOutcome, taking->right->len + 1);
    if (!nt_events_insert(taking->events, (const NtEvent *const *)taking->right->pdata, taking->right->len, outcomes,
                          error)) {
        return false;
    }
    for (guint i = 0; i < taking->right->len; i++) {
        NtJson *answer = nt_json_at(answers, g_array_index(taking->places, guint, i));
        nt_json_set(answer, "status", nt_json_string(words[outcomes[i]]));
    }
    return true;
}

NtJson *nt_recommend_events(NtRecommender *recommender, const NtJson *events,
                            bool (*may)(const char *visitor, void *data), void *data, GCancellable *cancellable,
                            GError **error) {
    g_auto(NtCall) call = {0};
    g_autoptr(NtJson) answers = nt_json_array();
    g_autoptr(GPtrArray) right = g_ptr_array_new_with_free_func(free_event);
    g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint));
    unsigned days;
    Taking taking = {.may = may, .data = data, .right = right, .places = places};
    if (!nt_call_begin(&call, recommender->catalogue, 0, cancellable, error) ||
        (taking.events = nt_recommender_events(recommender, error)) == NULL ||
        !nt_events_retention(taking.events, &days, error)) {
        return NULL;
    }
    taking.times = nt_event_times(g_get_real_time() / 1000, days);
    {
        g_auto(NtReader) reader = {0};
        if (!nt_reader_open_for(&reader, &call, error)) {
            return NULL;
        }
        taking.db = reader.db;
        if (!take_all(&taking, events, answers, error)) {
            return NULL;
        }
    }
    return store(&taking, answers, error) ? g_steal_pointer(&answers) : NULL;
}

static void clear_event(void *event) { nt_event_clear(event); }

GArray *nt_recommend_actions(NtRecommender *recommender, const NtJson *actions, GError **error) {
    unsigned days;
    NtEvents *events = nt_recommender_events(recommender, error);
    if (events == NULL || !nt_events_retention(events, &days, error)) {
        return NULL;
    }
    const NtEventTimes times = nt_event_times(g_get_real_time() / 1000, days);
    g_autoptr(GArray) out = g_array_new(FALSE, TRUE, sizeof(NtEvent));
    g_array_set_clear_func(out, clear_event);
    size_t count = nt_json_count(actions);
    for (size_t i = 0; i < count; i++) {
        GError *fault = NULL;
        NtEvent event;
        if (!nt_event_read_action(nt_json_at(actions, i), &times, &event, &fault)) {
            g_autofree char *field = g_strdup_printf("actions[%zu].%s", i, niteru_error_fact(fault, "field"));
            g_propagate_prefixed_error(error, fault, "actions[%zu].", i);
            return nt_fact(error, "parameter", field), NULL;
        }
        event.time -= event.time == times.now ? (int64_t)(count - i) : 0;
        g_array_append_val(out, event);
    }
    return g_steal_pointer(&out);
}
