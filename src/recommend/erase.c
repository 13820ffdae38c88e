/* SPDX-License-Identifier: Apache-2.0 */
/* What a visitor may ask of what is known of them: all of it, that a taste is forgotten, that everything is. */
#include "recommend/recommend-internal.h"

#include <string.h>

/* ---- all that is known ---- */

typedef struct Export {
    NtJson *events;
    uint64_t skip, most, seen;
} Export;

static bool add_event(const NtEvent *event, void *data) {
    Export *export = data;
    if (export->seen++ >= export->skip) {
        nt_json_append(export->events, nt_event_json(event));
    }
    return export->seen < export->skip + export->most;
}

NtJson *nt_recommend_export(NtRecommender *recommender, const char *visitor, uint64_t skip, uint64_t most,
                            GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    Export export = {.events = nt_json_array(), .skip = skip, .most = most};
    NtJson *answers =
        events != NULL && nt_events_flush(events, error) ? nt_events_answers_json(events, visitor, most, error) : NULL;
    if (answers == NULL || !nt_events_each(events, visitor, add_event, &export, error)) {
        nt_json_free(answers);
        nt_json_free(export.events);
        return NULL;
    }
    NtJson *out = nt_json_set(nt_json_object(), "events", export.events);
    if (export.seen == skip + most) {
        nt_json_set(out, "next", nt_json_integer((int64_t) export.seen));
    }
    return nt_json_set(out, "answers", answers);
}

/* ---- a taste is forgotten ---- */

/* The ids of the products that make up the taste whose medoid is `product`; NULL with an error. */
static GPtrArray *members_of(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor,
                             int64_t product, const NtWait *wait, GError **error) {
    g_auto(NtVisitor) done = {0};
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) members = NULL;
    if (!nt_visitor_read(recommender, snapshot, visitor, NULL, g_get_real_time() / 1000, &done, error) ||
        (members = nt_tastes_members(recommender, snapshot, &done, (uint32_t)product, wait, error)) == NULL) {
        return NULL;
    }
    for (guint i = 0; i < members->len; i++) {
        char *id = nt_catalogue_product_id(snapshot->reader.db, g_array_index(members, uint32_t, i), error);
        if (id == NULL) {
            return NULL;
        }
        g_ptr_array_add(ids, id);
    }
    return g_steal_pointer(&ids);
}

bool nt_recommend_forget_taste(NtRecommender *recommender, const char *visitor, const char *medoid,
                               GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_autoptr(GPtrArray) ids = NULL;
    NtEvents *events = nt_recommender_events(recommender, error);
    if (events == NULL || !nt_call_begin(&call, recommender->catalogue, 0, cancellable, error)) {
        return false;
    }
    {
        g_auto(NtSnapshot) snapshot = {0};
        int64_t product;
        if (!nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error) ||
            !nt_snapshot_groups_about(&snapshot, error) ||
            !nt_catalogue_find_product(snapshot.reader.db, medoid, &product, error) ||
            (ids = members_of(recommender, &snapshot, visitor, product, &call.wait, error)) == NULL) {
            return false;
        }
    }
    if (ids->len == 0) {
        g_autofree char *safe = nt_text_printable(medoid, 80);
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "the visitor has no taste of '%s'", safe);
    }
    bool ok = nt_events_mute(events, visitor, (const char *const *)ids->pdata, ids->len, error);
    nt_tastes_forget(recommender, visitor);
    return ok;
}

/* ---- everything is ---- */

static void add_place(NtJson *places, const char *place, int64_t removed, const char *note) {
    NtJson *one = nt_json_set(nt_json_object(), "place", nt_json_string(place));
    nt_json_set(one, "removed", nt_json_integer(removed));
    if (note != NULL) {
        nt_json_set(one, "note", nt_json_string(note));
    }
    nt_json_append(places, one);
}

NtJson *nt_recommend_erase(NtRecommender *recommender, const char *visitor, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    NtErasure erased;
    if (events == NULL || !nt_events_erase(events, visitor, &erased, error)) {
        return NULL;
    }
    nt_tastes_forget(recommender, visitor);
    NtJson *places = nt_json_array();
    add_place(places, "events", (int64_t)erased.events, NULL);
    add_place(places, "events over the bounds", (int64_t)erased.over, NULL);
    add_place(places, "log of answers", (int64_t)erased.answers, NULL);
    add_place(places, "tastes", erased.known ? 1 : 0, "they are made of events, and were in memory only");
    add_place(places, "deleted tastes", erased.muted, NULL);
    add_place(places, "names", erased.known ? 1 + erased.sessions : 0,
              "of the visitor, and of sessions that became theirs");
    add_place(places, "training sets", 0, "there are none: nothing is kept of a visitor elsewhere");
    add_place(places, "counts of products and answers", 0, "they name nobody, and stay");
    add_place(places, "audit log", 0, "an entry says that this was done, with a digest of the id and not the id");
    add_place(places, "backups", 0, "those made before still hold it: they go when you remove them");
    NtJson *out = nt_json_set(nt_json_object(), "known", nt_json_bool(erased.known));
    return nt_json_set(out, "places", places);
}

bool nt_recommend_merge(NtRecommender *recommender, const char *session, const char *user, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    bool ok = events != NULL && nt_events_merge(events, session, user, error);
    nt_tastes_forget(recommender, session);
    nt_tastes_forget(recommender, user);
    return ok;
}
