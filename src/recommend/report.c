/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of recommending in a scenario: by arm, by place, by day, and the personal arm against the one that gets the
 * visual order only. Intervals (95 %) take events for independent of each other; those of one visitor are not quite, so
 * they are somewhat too narrow.
 */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

enum {
    MOST_DAYS = 36500,
    REPORTED_DAYS = 90,
    MOST_REPORTED = 100,
    DAY_MS = 86400000,
    MOST_PLACES = 100,
    NONE = NT_ARMS /* of no answer that is known */
};

/* What was counted of an arm, a place or a day. */
typedef struct Sum {
    uint64_t answers, kinds[NT_EVENT_KINDS];
    GHashTable *revenue; /* currency -> double *; NULL: none */
} Sum;

static void add_revenue(Sum *sum, const NtOutcome *one) {
    if (one->kind != NT_EVENT_PURCHASE || one->value <= 0) {
        return;
    }
    if (sum->revenue == NULL) {
        sum->revenue = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    }
    double *value = g_hash_table_lookup(sum->revenue, one->currency);
    if (value == NULL) {
        value = g_new0(double, 1);
        g_hash_table_insert(sum->revenue, g_strdup(one->currency), value);
    }
    *value += one->value;
}

static void add(Sum *sum, const NtOutcome *one) {
    if (one->kind < 0) {
        sum->answers += one->count;
    } else if (one->kind < NT_EVENT_KINDS) {
        sum->kinds[one->kind] += one->count;
        add_revenue(sum, one);
    }
}

static void clear_sum(Sum *sum) { g_clear_pointer(&sum->revenue, g_hash_table_unref); }

static NtJson *interval_json(double value, double low, double high) {
    NtJson *out = nt_json_set(nt_json_object(), "value", nt_json_real(value));
    nt_json_set(out, "low", nt_json_real(low));
    return nt_json_set(out, "high", nt_json_real(high));
}

/* Clicks of a hundred that were seen; null: none was. */
static NtJson *click_rate(const Sum *sum) {
    uint64_t seen = sum->kinds[NT_EVENT_IMPRESSION], clicks = sum->kinds[NT_EVENT_CLICK];
    double low, high;
    if (seen == 0 || clicks > seen) { /* who does not report what was seen has no rate */
        return nt_json_null();
    }
    nt_wilson(clicks, seen, &low, &high);
    return interval_json((double)clicks / (double)seen, low, high);
}

static NtJson *per_thousand(uint64_t count, uint64_t answers) {
    double low, high;
    if (answers == 0) {
        return nt_json_null();
    }
    nt_poisson(count, &low, &high);
    double scale = 1000 / (double)answers;
    return interval_json((double)count * scale, low * scale, high * scale);
}

static NtJson *revenue_json(const Sum *sum, bool per_answers) {
    NtJson *out = nt_json_object();
    GHashTableIter iter;
    void *currency, *value;
    if (sum->revenue != NULL) {
        g_hash_table_iter_init(&iter, sum->revenue);
        while (g_hash_table_iter_next(&iter, &currency, &value)) {
            double scale = per_answers ? 1000 / (double)MAX(sum->answers, 1) : 1;
            nt_json_set(out, *(char *)currency != '\0' ? currency : "?", nt_json_real(*(double *)value * scale));
        }
    }
    return out;
}

static NtJson *counts_json(NtJson *out, const Sum *sum) {
    static const char *const names[] = {"impressions", "views",     "clicks",    "favourites",
                                        "carts",       "purchases", "dismissals"};
    nt_json_set(out, "answers", nt_json_integer((int64_t)sum->answers));
    for (int kind = 0; kind < NT_EVENT_KINDS; kind++) {
        nt_json_set(out, names[kind], nt_json_integer((int64_t)sum->kinds[kind]));
    }
    return nt_json_set(out, "ctr", click_rate(sum));
}

static NtJson *arm_json(int arm, const Sum *sum) {
    NtJson *out = nt_json_set(nt_json_object(), "arm", nt_json_string(arm < NONE ? nt_arm_name((NtArm)arm) : "none"));
    counts_json(out, sum);
    nt_json_set(out, "revenue", revenue_json(sum, false));
    NtJson *rates = nt_json_object();
    nt_json_set(rates, "clicks", per_thousand(sum->kinds[NT_EVENT_CLICK], sum->answers));
    nt_json_set(rates, "carts", per_thousand(sum->kinds[NT_EVENT_CART], sum->answers));
    nt_json_set(rates, "purchases", per_thousand(sum->kinds[NT_EVENT_PURCHASE], sum->answers));
    nt_json_set(rates, "revenue", sum->answers > 0 ? revenue_json(sum, true) : nt_json_null());
    return nt_json_set(out, "per_1000_answers", rates);
}

static void compare(NtJson *out, const char *name, const Sum *personal, const Sum *control, NtEventKind kind) {
    double ratio, low, high;
    bool known = nt_rate_ratio(personal->kinds[kind], personal->answers, control->kinds[kind], control->answers, &ratio,
                               &low, &high);
    nt_json_set(out, name, known ? interval_json(ratio, low, high) : nt_json_null());
}

static char *day_text(int64_t day) {
    g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(day * (DAY_MS / 1000));
    return moment != NULL ? g_date_time_format(moment, "%Y-%m-%d") : g_strdup("?");
}

static gint by_day(gconstpointer a, gconstpointer b) {
    const NtOutcome *one = a, *other = b;
    return (one->day > other->day) - (one->day < other->day);
}

static NtJson *days_json(GArray *outcomes) {
    NtJson *out = nt_json_array();
    g_array_sort(outcomes, by_day);
    for (guint i = 0, end; i < outcomes->len; i = end) {
        Sum sum = {0};
        int64_t day = g_array_index(outcomes, NtOutcome, i).day;
        for (end = i; end < outcomes->len && g_array_index(outcomes, NtOutcome, end).day == day; end++) {
            add(&sum, &g_array_index(outcomes, NtOutcome, end));
        }
        g_autofree char *text = day_text(day);
        NtJson *one = nt_json_set(nt_json_object(), "day", nt_json_string(text));
        nt_json_append(out, nt_json_set(counts_json(one, &sum), "revenue", revenue_json(&sum, false)));
        clear_sum(&sum);
    }
    return out;
}

static NtJson *places_json(const Sum *places) {
    NtJson *out = nt_json_array();
    int last = MOST_PLACES;
    while (last > 0 && places[last - 1].kinds[NT_EVENT_IMPRESSION] + places[last - 1].kinds[NT_EVENT_CLICK] == 0) {
        last--;
    }
    for (int i = 0; i < last; i++) {
        NtJson *one = nt_json_set(nt_json_object(), "position", nt_json_integer(i));
        nt_json_append(out, counts_json(one, &places[i]));
    }
    return out;
}

static NtJson *coverage_json(const NtCoverage *coverage) {
    NtJson *out = nt_json_set(nt_json_object(), "products", nt_json_integer((int64_t)coverage->products));
    nt_json_set(out, "shown", nt_json_integer((int64_t)coverage->shown));
    return nt_json_set(out, "clicked", nt_json_integer((int64_t)coverage->clicked));
}

static void drop_others(GArray *outcomes, const char *scenario) {
    guint kept = 0;
    for (guint i = 0; i < outcomes->len; i++) {
        NtOutcome one = g_array_index(outcomes, NtOutcome, i);
        if (strcmp(one.scenario, scenario) == 0) {
            g_array_index(outcomes, NtOutcome, i) = g_array_index(outcomes, NtOutcome, kept);
            g_array_index(outcomes, NtOutcome, kept++) = one;
        }
    }
    g_array_set_size(outcomes, kept);
}

NtJson *nt_recommend_report(NtRecommender *recommender, const char *scenario, unsigned days, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    int64_t today = g_get_real_time() / 1000 / DAY_MS, first = days > 0 ? today - (int64_t)MIN(days, MOST_DAYS) + 1 : 0;
    if (events == NULL || !nt_events_flush(events, error)) {
        return NULL;
    }
    g_autoptr(GArray) outcomes = nt_events_outcomes(events, first, error);
    if (outcomes == NULL) {
        return NULL;
    }
    NtCoverage coverage;
    if (!nt_recommender_coverage(recommender, first * DAY_MS, &coverage, error)) {
        return NULL;
    }
    drop_others(outcomes, scenario);
    Sum arms[NT_ARMS + 1] = {0}, places[MOST_PLACES] = {0};
    for (guint i = 0; i < outcomes->len; i++) {
        const NtOutcome *one = &g_array_index(outcomes, NtOutcome, i);
        add(&arms[one->arm >= 0 && one->arm < NT_ARMS ? one->arm : NONE], one);
        if (one->position >= 0 && one->position < MOST_PLACES) {
            add(&places[one->position], one);
        }
    }
    NtJson *out = nt_json_set(nt_json_object(), "scenario", nt_json_string(scenario)), *all = nt_json_array();
    for (int arm = 0; arm <= NONE; arm++) {
        nt_json_append(all, arm_json(arm, &arms[arm]));
    }
    NtJson *against = nt_json_object();
    compare(against, "clicks", &arms[NT_ARM_PERSONAL], &arms[NT_ARM_CONTROL], NT_EVENT_CLICK);
    compare(against, "carts", &arms[NT_ARM_PERSONAL], &arms[NT_ARM_CONTROL], NT_EVENT_CART);
    compare(against, "purchases", &arms[NT_ARM_PERSONAL], &arms[NT_ARM_CONTROL], NT_EVENT_PURCHASE);
    nt_json_set(nt_json_set(out, "arms", all), "personal_over_control", against);
    nt_json_set(nt_json_set(out, "positions", places_json(places)), "days", days_json(outcomes));
    nt_json_set(out, "coverage", coverage_json(&coverage));
    for (int i = 0; i < MOST_PLACES; i++) {
        clear_sum(&places[i]);
    }
    for (int arm = 0; arm <= NONE; arm++) {
        clear_sum(&arms[arm]);
    }
    return out;
}

/* ---- which scenarios there are ---- */

typedef struct Reported {
    const char *scenario; /* borrowed */
    uint64_t answers, events;
} Reported;

static gint most_reported_first(gconstpointer a, gconstpointer b) {
    const Reported *one = a, *other = b;
    if (one->answers != other->answers) {
        return one->answers > other->answers ? -1 : 1;
    }
    return one->events != other->events ? (one->events > other->events ? -1 : 1)
                                        : strcmp(one->scenario, other->scenario);
}

NtJson *nt_scenarios_reported(NtRecommender *recommender, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    int64_t today = g_get_real_time() / 1000 / DAY_MS;
    g_autoptr(GArray) outcomes = events != NULL && nt_events_flush(events, error)
                                     ? nt_events_outcomes(events, today - REPORTED_DAYS + 1, error)
                                     : NULL;
    if (outcomes == NULL) {
        return NULL;
    }
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Reported));
    g_autoptr(GHashTable) places = g_hash_table_new(g_str_hash, g_str_equal); /* 1 and more */
    for (guint i = 0; i < outcomes->len; i++) {
        const NtOutcome *one = &g_array_index(outcomes, NtOutcome, i);
        guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, one->scenario));
        if (place == 0) {
            Reported fresh = {.scenario = one->scenario};
            g_array_append_val(all, fresh);
            place = all->len;
            g_hash_table_insert(places, one->scenario, GUINT_TO_POINTER(place));
        }
        Reported *reported = &g_array_index(all, Reported, place - 1);
        *(one->kind < 0 ? &reported->answers : &reported->events) += one->count;
    }
    g_array_sort(all, most_reported_first);
    NtJson *out = nt_json_array();
    for (guint i = 0; i < MIN(all->len, MOST_REPORTED); i++) {
        const Reported *one = &g_array_index(all, Reported, i);
        NtJson *item = nt_json_set(nt_json_object(), "scenario", nt_json_string(one->scenario));
        nt_json_append(out, nt_json_set(item, "answers", nt_json_integer((int64_t)one->answers)));
    }
    return out;
}
