/* SPDX-License-Identifier: Apache-2.0 */
/* What a visitor did: a piece of each week. */
#include "events/events-internal.h"

#include <math.h>
#include <string.h>

/* The number that the names have for a text; 0: none. */
static bool number_of(NtEvents *events, bool (*find)(NtSql *, const char *, int64_t *, GError **), const char *text,
                      int64_t *out, GError **error) {
    g_autoptr(GError) fault = NULL;
    NtEventsDb *names = nt_events_names(events, false, &fault);
    *out = 0;
    if (names == NULL) {
        return fault == NULL || (g_propagate_error(error, g_steal_pointer(&fault)), false);
    }
    g_mutex_lock(&names->read_lock);
    bool ok = find(&names->read, text, out, error);
    g_mutex_unlock(&names->read_lock);
    return ok;
}

bool nt_events_find(NtEvents *events, const char *visitor, int64_t *out, GError **error) {
    return number_of(events, nt_names_find_visitor, visitor, out, error);
}

static bool find_product(NtSql *sql, const char *id, int64_t *out, GError **error) {
    return nt_sql_int(sql, 0, out, error, "SELECT product FROM product WHERE id = ?1", "t", id);
}

bool nt_events_product_number(NtEvents *events, const char *id, int64_t *out, GError **error) {
    return number_of(events, find_product, id, out, error);
}

static bool read_actions(NtSql *sql, int64_t visitor, int64_t since, size_t most, GArray *out, GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error,
                             "SELECT product, time, kind FROM event WHERE visitor = ?1 AND time >= ?2 AND kind <> 0"
                             " ORDER BY time DESC, key DESC LIMIT ?3",
                             "iii", visitor, since, (int64_t)most)
                   ? 1
                   : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        NtAction action = {.product = nt_column_int(&query, 0),
                           .time = nt_column_int(&query, 1),
                           .kind = (NtEventKind)nt_column_int(&query, 2)};
        g_array_append_val(out, action);
    }
    return step == 0;
}

GArray *nt_events_history(NtEvents *events, const char *visitor, int64_t since, size_t most, GError **error) {
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(NtAction));
    g_autoptr(GPtrArray) weeks = NULL;
    int64_t number;
    if (!nt_events_find(events, visitor, &number, error) ||
        (number != 0 && !nt_events_weeks(events, since, &weeks, error))) {
        return NULL;
    }
    for (guint i = 0; weeks != NULL && i < weeks->len && out->len < most; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        bool ok = read_actions(&db->read, number, since, most - out->len, out, error);
        g_mutex_unlock(&db->read_lock);
        if (!ok) {
            return NULL;
        }
    }
    return g_steal_pointer(&out);
}

/* The text under a number, by a statement on the names; new. NULL: there is none, or *error. */
static char *name_of(NtEvents *events, const char *statement, int64_t number, GError **error) {
    NtEventsDb *names = nt_events_names(events, false, error);
    char *out = NULL;
    if (names == NULL) {
        return NULL;
    }
    g_mutex_lock(&names->read_lock);
    g_auto(NtQuery) query = {0};
    if (nt_query_open(&query, &names->read, error, statement, "i", number) && nt_query_step(&query, error) == 1) {
        out = g_strdup(nt_column_text(&query, 0));
    }
    nt_query_clear(&query);
    g_mutex_unlock(&names->read_lock);
    return out;
}

char *nt_events_product_id(NtEvents *events, int64_t product, GError **error) {
    g_autoptr(GError) fault = NULL;
    char *id = name_of(events, "SELECT id FROM product WHERE product = ?1", product, &fault);
    if (id == NULL && fault == NULL) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "events know of no product %" G_GINT64_FORMAT, product);
    } else if (fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return id;
}

char *nt_events_label(NtEvents *events, int64_t label) {
    char *name = label != 0 ? name_of(events, "SELECT name FROM label WHERE label = ?1", label, NULL) : NULL;
    return name != NULL ? name : g_strdup("");
}

char *nt_events_visitor_name(NtEvents *events, int64_t visitor) {
    return visitor != 0 ? name_of(events, "SELECT name FROM visitor WHERE visitor = ?1", visitor, NULL) : NULL;
}

/* ---- all that is kept ---- */

static bool read_event(NtEvents *events, const NtQuery *query, const char *visitor, NtEvent *out, GError **error) {
    bool priced = sqlite3_column_type(query->stmt, 9) != SQLITE_NULL;
    int64_t scenario = nt_column_int(query, 8);
    *out = (NtEvent){.time = nt_column_int(query, 1),
                     .key = (uint64_t)nt_column_int(query, 2),
                     .kind = (NtEventKind)nt_column_int(query, 3),
                     .visitor = g_strdup(visitor),
                     .id = g_strdup(nt_column_text(query, 5)),
                     .rec = g_strdup(nt_column_text(query, 6)),
                     .position = sqlite3_column_type(query->stmt, 7) == SQLITE_NULL ? -1 : (int)nt_column_int(query, 7),
                     .value = priced ? sqlite3_column_double(query->stmt, 9) : NAN};
    const char *currency = nt_column_text(query, 10);
    g_strlcpy(out->currency, currency != NULL ? currency : "", sizeof out->currency);
    out->product = nt_events_product_id(events, nt_column_int(query, 4), error);
    if (scenario != 0) {
        out->scenario = name_of(events, "SELECT name FROM label WHERE label = ?1", scenario, NULL);
    }
    return out->product != NULL;
}

bool nt_events_each(NtEvents *events, const char *visitor, bool (*each)(const NtEvent *event, void *data), void *data,
                    GError **error) {
    g_autoptr(GPtrArray) weeks = NULL;
    int64_t number;
    if (!nt_events_find(events, visitor, &number, error) ||
        (number != 0 && !nt_events_weeks(events, 0, &weeks, error))) {
        return false;
    }
    for (guint i = weeks != NULL ? weeks->len : 0; i-- > 0;) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        g_auto(NtQuery) query = {0};
        int step = nt_query_open(&query, &db->read, error,
                                 "SELECT * FROM event WHERE visitor = ?1 UNION ALL"
                                 " SELECT * FROM excess WHERE visitor = ?1 ORDER BY time, key",
                                 "i", number)
                       ? 1
                       : -1;
        bool on = true;
        while (on && step > 0 && (step = nt_query_step(&query, error)) == 1) {
            g_auto(NtEvent) event = {0};
            if (read_event(events, &query, visitor, &event, error)) {
                on = each(&event, data);
            } else {
                step = -1;
            }
        }
        nt_query_clear(&query);
        g_mutex_unlock(&db->read_lock);
        if (step < 0 || !on) {
            return step >= 0;
        }
    }
    return true;
}

uint64_t nt_events_count(NtEvents *events, NtEventKind kind, GError **error) {
    g_autoptr(GPtrArray) weeks = NULL;
    uint64_t sum = 0;
    bool ok = nt_events_weeks(events, 0, &weeks, error);
    for (guint i = 0; ok && i < weeks->len; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        int64_t count = 0;
        g_mutex_lock(&db->read_lock);
        ok = nt_sql_int(&db->read, 0, &count, error, "SELECT sum(count) FROM product_count WHERE kind = ?1", "i",
                        (int64_t)kind);
        g_mutex_unlock(&db->read_lock);
        sum += (uint64_t)count;
    }
    return ok ? sum : 0;
}

/* ---- counts of products ---- */

static bool add_counts(NtSql *sql, GHashTable *places, GArray *out, GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error, "SELECT product, kind, count, value FROM product_count", "") ? 1 : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        int64_t product = nt_column_int(&query, 0), kind = nt_column_int(&query, 1);
        void *place;
        if (!g_hash_table_lookup_extended(places, &product, NULL, &place)) {
            NtProductCounts none = {.product = product};
            place = GUINT_TO_POINTER(out->len);
            g_array_append_val(out, none);
            g_hash_table_insert(places, g_memdup2(&product, sizeof product), place);
        }
        NtProductCounts *counts = &g_array_index(out, NtProductCounts, GPOINTER_TO_UINT(place));
        if (kind >= 0 && kind < NT_EVENT_KINDS) {
            counts->kinds[kind] += (uint64_t)nt_column_int(&query, 2);
            counts->value += kind == NT_EVENT_PURCHASE ? sqlite3_column_double(query.stmt, 3) : 0;
        }
    }
    return step == 0;
}

static gint by_product(gconstpointer a, gconstpointer b) {
    const NtProductCounts *one = a, *other = b;
    return (one->product > other->product) - (one->product < other->product);
}

GArray *nt_events_product_counts(NtEvents *events, int64_t since, GError **error) {
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(NtProductCounts));
    g_autoptr(GHashTable) places = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GPtrArray) weeks = NULL;
    bool ok = nt_events_weeks(events, since, &weeks, error);
    for (guint i = 0; ok && i < weeks->len; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        ok = add_counts(&db->read, places, out, error);
        g_mutex_unlock(&db->read_lock);
    }
    if (!ok) {
        return NULL;
    }
    g_array_sort(out, by_product);
    return g_steal_pointer(&out);
}

/* ---- who did more than counts ---- */

typedef struct Over {
    int64_t visitor, events, last;
} Over;

static bool add_over(NtSql *sql, GHashTable *all, GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error, "SELECT visitor, count(*), max(time) FROM excess GROUP BY visitor", "")
                   ? 1
                   : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        int64_t visitor = nt_column_int(&query, 0);
        Over *over = g_hash_table_lookup(all, &visitor);
        if (over == NULL) {
            over = g_new0(Over, 1);
            over->visitor = visitor;
            g_hash_table_insert(all, &over->visitor, over);
        }
        over->events += nt_column_int(&query, 1);
        over->last = MAX(over->last, nt_column_int(&query, 2));
    }
    return step == 0;
}

static gint most_events_first(gconstpointer a, gconstpointer b) {
    const Over *one = *(const Over *const *)a, *other = *(const Over *const *)b;
    return one->events != other->events ? (one->events > other->events ? -1 : 1)
                                        : (one->visitor > other->visitor) - (one->visitor < other->visitor);
}

NtJson *nt_events_over_json(NtEvents *events, int64_t since, size_t most, GError **error) {
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    g_autoptr(GPtrArray) weeks = NULL;
    bool ok = nt_events_weeks(events, since, &weeks, error);
    for (guint i = 0; ok && i < weeks->len; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        ok = add_over(&db->read, all, error);
        g_mutex_unlock(&db->read_lock);
    }
    if (!ok) {
        return NULL;
    }
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    NtJson *out = nt_json_array();
    GHashTableIter iter;
    void *over_one;
    g_hash_table_iter_init(&iter, all);
    while (g_hash_table_iter_next(&iter, NULL, &over_one)) {
        g_ptr_array_add(order, over_one);
    }
    g_ptr_array_sort(order, most_events_first);
    for (guint i = 0; i < order->len && i < most; i++) {
        const Over *over = order->pdata[i];
        g_autofree char *name = nt_events_visitor_name(events, over->visitor);
        if (name != NULL) {
            NtJson *one = nt_json_set(nt_json_object(), name[0] == 'u' ? "user" : "session", nt_json_string(name + 2));
            nt_json_set(one, "events", nt_json_integer(over->events));
            nt_json_append(out, nt_json_set(one, "last", nt_json_real((double)over->last / 1000)));
        }
    }
    return out;
}
