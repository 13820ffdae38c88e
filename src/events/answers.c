/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was shown to whom, so that it is known what came of it.
 *
 *     nt_events_log ─► waits in memory ─► every second, and before events are stored ─► answer, in the week of its time
 *     an event with a rec_id ─► that answer, when it showed this product to this visitor ─► outcome
 *
 * The id of an answer is its time, 41 bits of milliseconds, and 22 of chance, as 13 letters of Crockford's base 32.
 */
#include "events/events-internal.h"

#include <math.h>
#include <string.h>

enum {
    MOST_WAITING = 10000,
    PLACE_BYTES = 14, /* product (8 bytes), probability (float, 4 bytes), sources (2 bytes), little-endian */
    RANDOM_BITS = 22,
    REC_LETTERS = 13,
    DAY_MS = 86400000,
    ATTRIBUTION_MS = 7 * DAY_MS /* from a click to the purchase that it is counted for */
};

static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
static const char *const arms[] = {"personal", "control", "random"};

const char *nt_arm_name(NtArm arm) { return arms[arm]; }

/* One that waits. */
typedef struct Waiting {
    int64_t rec, version, previous;
    char *visitor, *scenario, *model;
    NtArm arm;
    size_t count;
    NtLoggedProduct *products; /* with ids of its own */
} Waiting;

static void free_waiting(void *data) {
    Waiting *one = data;
    for (size_t i = 0; i < one->count; i++) {
        g_free((char *)one->products[i].id);
    }
    g_free(one->products);
    g_free(one->visitor);
    g_free(one->scenario);
    g_free(one->model);
    g_free(one);
}

GPtrArray *nt_answers_queue(void) { return g_ptr_array_new_with_free_func(free_waiting); }

/* ---- ids ---- */

static int64_t make_rec(int64_t time) { return time << RANDOM_BITS | (g_random_int() & ((1 << RANDOM_BITS) - 1)); }
static int64_t time_of(int64_t rec) { return rec >> RANDOM_BITS; }

static void print_rec(int64_t rec, char out[NT_REC_TEXT]) {
    out[0] = 'r';
    for (int i = REC_LETTERS; i >= 1; i--, rec >>= 5) {
        out[i] = letters[rec & 31];
    }
    out[REC_LETTERS + 1] = '\0';
}

/* 0: it is none. */
static int64_t read_rec(const char *text) {
    uint64_t rec = 0;
    if (text == NULL || text[0] != 'r' || strlen(text) != REC_LETTERS + 1 || text[1] > '7') {
        return 0;
    }
    for (int i = 1; i <= REC_LETTERS; i++) {
        const char *at = strchr(letters, text[i]);
        if (at == NULL) {
            return 0;
        }
        rec = rec << 5 | (uint64_t)(at - letters);
    }
    return (int64_t)rec;
}

/* ---- writing ---- */

static void put_place(uint8_t *to, int64_t product, const NtLoggedProduct *logged) {
    uint64_t number = GUINT64_TO_LE((uint64_t)product);
    union {
        float value;
        uint32_t bits;
    } probability = {.value = logged->probability};
    uint32_t bits = GUINT32_TO_LE(probability.bits);
    memcpy(to, &number, sizeof number);
    memcpy(to + 8, &bits, sizeof bits);
    to[12] = (uint8_t)logged->sources;
    to[13] = (uint8_t)(logged->sources >> 8);
}

/* What an answer is in numbers. */
typedef struct Numbers {
    int64_t visitor, scenario, model;
    GBytes *products;
} Numbers;

static bool number_answer(NtSql *names, const Waiting *one, Numbers *out, GError **error) {
    int64_t week = nt_week_of(time_of(one->rec)), product;
    g_autofree uint8_t *places = g_malloc0(one->count * PLACE_BYTES + 1);
    if ((one->visitor != NULL && !nt_names_visitor(names, one->visitor, week, &out->visitor, error)) ||
        !nt_names_label(names, one->scenario, &out->scenario, error) ||
        !nt_names_label(names, one->model, &out->model, error)) {
        return false;
    }
    for (size_t i = 0; i < one->count; i++) {
        if (!nt_names_product(names, one->products[i].id, week, &product, error)) {
            return false;
        }
        put_place(places + i * PLACE_BYTES, product, &one->products[i]);
    }
    out->products = g_bytes_new_take(g_steal_pointer(&places), one->count * PLACE_BYTES);
    return true;
}

static bool put_answer(NtSql *sql, const Waiting *one, const Numbers *numbers, GError **error) {
    return nt_sql_run(sql, error, "INSERT OR IGNORE INTO answer VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "iiiiiiib",
                      one->rec, numbers->visitor, numbers->scenario, (int64_t)one->arm, numbers->model, one->version,
                      one->previous, numbers->products) &&
           (sqlite3_changes(sql->db) == 0 ||
            nt_sql_run(
                sql, error,
                "INSERT INTO outcome VALUES(?1, ?2, ?3, -1, -1, '', 1, 0) ON CONFLICT DO UPDATE SET count = count + 1",
                "iii", time_of(one->rec) / DAY_MS, numbers->scenario, (int64_t)one->arm));
}

static bool write_week(NtEvents *events, GPtrArray *all, const Numbers *numbers, guint first, guint end,
                       GError **error) {
    int64_t number = nt_week_of(time_of(((Waiting *)all->pdata[first])->rec));
    g_autoptr(NtWeek) week = nt_events_week(events, number, true, error);
    bool ok = week != NULL && nt_events_db_begin(week->db, error);
    if (!ok) {
        return false;
    }
    for (guint i = first; ok && i < end; i++) {
        ok = put_answer(&week->db->write, all->pdata[i], &numbers[i], error);
    }
    return nt_events_db_end(week->db, ok, error);
}

static gint by_rec(gconstpointer a, gconstpointer b) {
    const Waiting *one = *(Waiting *const *)a, *other = *(Waiting *const *)b;
    return (one->rec > other->rec) - (one->rec < other->rec);
}

static bool write_all(NtEvents *events, GPtrArray *all, Numbers *numbers, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    bool ok = names != NULL && nt_events_db_begin(names, error);
    if (!ok) {
        return false;
    }
    for (guint i = 0; ok && i < all->len; i++) {
        ok = number_answer(&names->write, all->pdata[i], &numbers[i], error);
    }
    ok = nt_events_db_end(names, ok, error);
    for (guint first = 0, end; ok && first < all->len; first = end) {
        int64_t week = nt_week_of(time_of(((Waiting *)all->pdata[first])->rec));
        for (end = first + 1; end < all->len && nt_week_of(time_of(((Waiting *)all->pdata[end])->rec)) == week; end++) {
        }
        ok = write_week(events, all, numbers, first, end, error);
    }
    return ok;
}

bool nt_answers_write(NtEvents *events, GError **error) {
    g_mutex_lock(&events->queue_lock);
    g_autoptr(GPtrArray) all = events->answers;
    events->answers = nt_answers_queue();
    g_mutex_unlock(&events->queue_lock);
    if (all->len == 0) {
        return true;
    }
    g_ptr_array_sort(all, by_rec);
    g_autofree Numbers *numbers = g_new0(Numbers, all->len);
    bool ok = write_all(events, all, numbers, error);
    for (guint i = 0; i < all->len; i++) {
        g_clear_pointer(&numbers[i].products, g_bytes_unref);
    }
    if (!ok) { /* a log is not worth holding up what comes next */
        g_mutex_lock(&events->queue_lock);
        events->answers_lost += all->len;
        g_mutex_unlock(&events->queue_lock);
    }
    return ok;
}

bool nt_events_flush(NtEvents *events, GError **error) {
    g_mutex_lock(&events->inserting);
    bool ok = nt_answers_write(events, error);
    g_mutex_unlock(&events->inserting);
    return ok;
}

static void *flush_now_and_then(void *data) {
    NtEvents *events = data;
    g_mutex_lock(&events->queue_lock);
    while (!events->closing) {
        if (events->answers->len == 0) {
            g_cond_wait(&events->flushing, &events->queue_lock);
            continue;
        }
        int64_t until = g_get_monotonic_time() + G_TIME_SPAN_SECOND / 2;
        while (!events->closing && g_cond_wait_until(&events->flushing, &events->queue_lock, until)) {
        }
        g_mutex_unlock(&events->queue_lock);
        nt_events_flush(events, NULL);
        g_mutex_lock(&events->queue_lock);
    }
    g_mutex_unlock(&events->queue_lock);
    return NULL;
}

void nt_answers_close(NtEvents *events) {
    g_mutex_lock(&events->queue_lock);
    events->closing = true;
    g_cond_signal(&events->flushing);
    g_mutex_unlock(&events->queue_lock);
    g_clear_pointer(&events->flusher, g_thread_join);
    if (events->answers->len > 0) {
        nt_events_flush(events, NULL);
    }
    g_ptr_array_unref(events->answers);
}

void nt_events_log(NtEvents *events, const NtLoggedAnswer *answer, char out_rec[NT_REC_TEXT]) {
    Waiting *one = g_new0(Waiting, 1);
    *one = (Waiting){.rec = make_rec(answer->time),
                     .version = answer->version,
                     .previous = read_rec(answer->previous),
                     .visitor = g_strdup(answer->visitor),
                     .scenario = g_strdup(answer->scenario),
                     .model = g_strdup(answer->model),
                     .arm = answer->arm,
                     .count = answer->count,
                     .products = g_memdup2(answer->products, answer->count * sizeof *answer->products)};
    for (size_t i = 0; i < one->count; i++) {
        one->products[i].id = g_strdup(one->products[i].id);
    }
    print_rec(one->rec, out_rec);
    g_mutex_lock(&events->queue_lock);
    if (events->answers->len < MOST_WAITING) {
        g_ptr_array_add(events->answers, one);
        if (events->answers->len == 1) {
            g_cond_signal(&events->flushing);
        }
    } else {
        events->answers_lost++;
        free_waiting(one);
    }
    if (events->flusher == NULL && !events->closing) {
        events->flusher = nt_thread_new("answers", flush_now_and_then, events);
    }
    g_mutex_unlock(&events->queue_lock);
}

/* ---- of which answer an event is ---- */

/* The place of a product among those of an answer; -1: it was not shown. */
static int place_in(const uint8_t *places, size_t bytes, int64_t product) {
    for (size_t i = 0; i + PLACE_BYTES <= bytes; i += PLACE_BYTES) {
        uint64_t number;
        memcpy(&number, places + i, sizeof number);
        if ((int64_t)GUINT64_FROM_LE(number) == product) {
            return (int)(i / PLACE_BYTES);
        }
    }
    return -1;
}

static bool find_answer(NtEvents *events, int64_t rec, int64_t visitor, int64_t product, NtAttribution *out,
                        GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtWeek) week = nt_events_week(events, nt_week_of(time_of(rec)), false, &fault);
    if (week == NULL) {
        return fault == NULL || (g_propagate_error(error, g_steal_pointer(&fault)), false);
    }
    g_mutex_lock(&week->db->read_lock);
    g_auto(NtQuery) query = {0};
    bool ok = nt_query_open(&query, &week->db->read, error,
                            "SELECT visitor, scenario, arm, products FROM answer WHERE rec = ?1", "i", rec);
    int step = ok ? nt_query_step(&query, error) : -1;
    if (step == 1 && (nt_column_int(&query, 0) == visitor || nt_column_int(&query, 0) == 0)) {
        int place = place_in(sqlite3_column_blob(query.stmt, 3), (size_t)sqlite3_column_bytes(query.stmt, 3), product);
        if (place >= 0) {
            *out = (NtAttribution){nt_column_int(&query, 1), (int)nt_column_int(&query, 2), place};
        }
    }
    nt_query_clear(&query);
    g_mutex_unlock(&week->db->read_lock);
    return step >= 0;
}

/* The answer that a visitor's latest click on a product came of, in one week; 0: there is none. */
static bool find_click(NtSql *sql, int64_t visitor, int64_t product, int64_t until, int64_t *out, GError **error) {
    g_auto(NtQuery) query = {0};
    bool ok = nt_query_open(&query, sql, error,
                            "SELECT rec FROM event WHERE visitor = ?1 AND time > ?2 AND time <= ?3 AND product = ?4"
                            " AND kind = 2 AND rec IS NOT NULL ORDER BY time DESC LIMIT 1",
                            "iiii", visitor, until - ATTRIBUTION_MS, until, product);
    int step = ok ? nt_query_step(&query, error) : -1;
    *out = step == 1 ? read_rec(nt_column_text(&query, 0)) : 0;
    return step >= 0;
}

/* The same in the week before that of the events. */
static bool find_click_before(NtEvents *events, int64_t number, int64_t visitor, int64_t product, int64_t until,
                              int64_t *out, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtWeek) week = nt_events_week(events, number, false, &fault);
    if (week == NULL) {
        return fault == NULL || (g_propagate_error(error, g_steal_pointer(&fault)), false);
    }
    g_mutex_lock(&week->db->read_lock);
    bool ok = find_click(&week->db->read, visitor, product, until, out, error);
    g_mutex_unlock(&week->db->read_lock);
    return ok;
}

bool nt_answers_attribute(NtEvents *events, NtSql *sql, const NtEvent *event, int64_t visitor, int64_t product,
                          int64_t scenario, NtAttribution *out, GError **error) {
    int64_t rec = read_rec(event->rec);
    *out = (NtAttribution){scenario, -1, event->position};
    if (event->rec == NULL && (event->kind == NT_EVENT_CART || event->kind == NT_EVENT_PURCHASE) &&
        (!find_click(sql, visitor, product, event->time, &rec, error) ||
         (rec == 0 &&
          !find_click_before(events, nt_week_of(event->time) - 1, visitor, product, event->time, &rec, error)))) {
        return false;
    }
    return rec == 0 || find_answer(events, rec, visitor, product, out, error);
}

/* ---- an answer that is gone on from ---- */

enum { MOST_PAGES = 100 };

void nt_given_answer_clear(NtGivenAnswer *answer) {
    g_free(answer->visitor);
    g_free(answer->scenario);
    g_clear_pointer(&answer->products, g_ptr_array_unref);
    *answer = (NtGivenAnswer){0};
}

/* Adds one page; *out_previous: the one before, 0: there is none. 0: there is no such answer, -1: *error. */
static int read_page(NtEvents *events, int64_t rec, NtGivenAnswer *out, int64_t *out_previous, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtWeek) week = nt_events_week(events, nt_week_of(time_of(rec)), false, &fault);
    if (week == NULL) {
        bool broken = fault != NULL;
        if (broken) {
            g_propagate_error(error, g_steal_pointer(&fault));
        }
        return broken ? -1 : 0;
    }
    g_mutex_lock(&week->db->read_lock);
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, &week->db->read, error,
                             "SELECT visitor, scenario, arm, previous, products FROM answer WHERE rec = ?1", "i", rec)
                   ? nt_query_step(&query, error)
                   : -1;
    if (step == 1) {
        const uint8_t *places = sqlite3_column_blob(query.stmt, 4);
        size_t bytes = (size_t)sqlite3_column_bytes(query.stmt, 4);
        if (out->scenario == NULL) { /* the newest page */
            out->visitor = nt_events_visitor_name(events, nt_column_int(&query, 0));
            out->scenario = nt_events_label(events, nt_column_int(&query, 1));
            out->arm = (NtArm)CLAMP(nt_column_int(&query, 2), 0, NT_ARMS - 1);
        }
        for (size_t i = 0; i + PLACE_BYTES <= bytes; i += PLACE_BYTES) {
            uint64_t number;
            memcpy(&number, places + i, sizeof number);
            char *id = nt_events_product_id(events, (int64_t)GUINT64_FROM_LE(number), NULL);
            if (id != NULL) {
                g_ptr_array_add(out->products, id);
            }
        }
        *out_previous = nt_column_int(&query, 3);
    }
    nt_query_clear(&query);
    g_mutex_unlock(&week->db->read_lock);
    return step;
}

bool nt_events_find_answer(NtEvents *events, const char *text, NtGivenAnswer *out, GError **error) {
    int64_t rec = read_rec(text);
    g_auto(NtGivenAnswer) answer = {.products = g_ptr_array_new_with_free_func(g_free)};
    int step = rec != 0 && nt_events_flush(events, error) ? 1 : 0;
    for (unsigned page = 0; step == 1 && rec != 0 && page < MOST_PAGES; page++) {
        step = read_page(events, rec, &answer, &rec, error);
    }
    if (answer.scenario == NULL || step < 0) {
        g_autofree char *safe = nt_text_printable(text, 40);
        return step < 0 || (error != NULL && *error != NULL)
                   ? false
                   : nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no answer '%s' (any more)", safe);
    }
    *out = answer;
    answer = (NtGivenAnswer){0};
    return true;
}

/* ---- what a visitor was shown ---- */

static NtJson *products_json(NtEvents *events, const uint8_t *places, size_t bytes) {
    NtJson *out = nt_json_array();
    for (size_t i = 0; i + PLACE_BYTES <= bytes; i += PLACE_BYTES) {
        uint64_t number;
        memcpy(&number, places + i, sizeof number);
        g_autofree char *id = nt_events_product_id(events, (int64_t)GUINT64_FROM_LE(number), NULL);
        nt_json_append(out, nt_json_string(id));
    }
    return out;
}

static int add_answers(NtEvents *events, NtSql *sql, int64_t visitor, uint64_t most, NtJson *out, GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error,
                             "SELECT rec, scenario, arm, products FROM answer WHERE visitor = ?1 ORDER BY rec DESC",
                             "i", visitor)
                   ? 1
                   : -1;
    while (step > 0 && nt_json_count(out) < most && (step = nt_query_step(&query, error)) == 1) {
        char rec[NT_REC_TEXT];
        int64_t number = nt_column_int(&query, 0), arm = nt_column_int(&query, 2);
        g_autofree char *scenario = nt_events_label(events, nt_column_int(&query, 1));
        print_rec(number, rec);
        NtJson *one = nt_json_set(nt_json_object(), "rec_id", nt_json_string(rec));
        nt_json_set(one, "time", nt_json_real((double)time_of(number) / 1000));
        nt_json_set(one, "scenario", nt_json_string(scenario));
        nt_json_set(one, "arm", nt_json_string(arms[CLAMP(arm, 0, NT_ARMS - 1)]));
        nt_json_append(out, nt_json_set(one, "products",
                                        products_json(events, sqlite3_column_blob(query.stmt, 3),
                                                      (size_t)sqlite3_column_bytes(query.stmt, 3))));
    }
    return step;
}

NtJson *nt_events_answers_json(NtEvents *events, const char *visitor, uint64_t most, GError **error) {
    g_autoptr(GPtrArray) weeks = NULL;
    g_autoptr(NtJson) out = nt_json_array();
    int64_t number;
    bool ok =
        nt_events_find(events, visitor, &number, error) && (number == 0 || nt_events_weeks(events, 0, &weeks, error));
    for (guint i = 0; ok && weeks != NULL && i < weeks->len && nt_json_count(out) < most; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        ok = add_answers(events, &db->read, number, most, out, error) >= 0;
        g_mutex_unlock(&db->read_lock);
    }
    return ok ? g_steal_pointer(&out) : NULL;
}

/* ---- what came of them ---- */

static void clear_outcome(void *data) { g_free(((NtOutcome *)data)->scenario); }

static bool add_outcomes(NtEvents *events, NtSql *sql, int64_t first_day, GHashTable *labels, GArray *out,
                         GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error, "SELECT * FROM outcome WHERE day >= ?1", "i", first_day) ? 1 : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        int64_t label = nt_column_int(&query, 1);
        char *name = g_hash_table_lookup(labels, &label);
        if (name == NULL) {
            name = nt_events_label(events, label);
            g_hash_table_insert(labels, g_memdup2(&label, sizeof label), name);
        }
        NtOutcome outcome = {.day = nt_column_int(&query, 0),
                             .scenario = g_strdup(name),
                             .arm = (int)nt_column_int(&query, 2),
                             .position = (int)nt_column_int(&query, 3),
                             .kind = (int)nt_column_int(&query, 4),
                             .count = (uint64_t)nt_column_int(&query, 6),
                             .value = sqlite3_column_double(query.stmt, 7)};
        g_strlcpy(outcome.currency, nt_column_text(&query, 5), sizeof outcome.currency);
        g_array_append_val(out, outcome);
    }
    return step == 0;
}

GArray *nt_events_outcomes(NtEvents *events, int64_t first_day, GError **error) {
    g_autoptr(GPtrArray) weeks = NULL;
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(NtOutcome));
    g_autoptr(GHashTable) labels = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_array_set_clear_func(out, clear_outcome);
    bool ok = nt_events_weeks(events, MAX(first_day, 0) * DAY_MS, &weeks, error);
    for (guint i = 0; ok && i < weeks->len; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        ok = add_outcomes(events, &db->read, first_day, labels, out, error);
        g_mutex_unlock(&db->read_lock);
    }
    return ok ? g_steal_pointer(&out) : NULL;
}
