/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of a scenario in one answer. Which goes before which: what is hidden is never shown, then pins stand where
 * they are told to, then caps, then shares, and boosts move what is left. Caps and shares give way where k products
 * could not be shown otherwise, and the answer says so.
 */
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum { MOST_BOUGHT = 8 /* products that were bought last: what is like them */ };
/* Scores from which a product is the same thing again, and of the same kind. */
#define NEARLY_THE_SAME 90.0
#define VERY_ALIKE 75.0

static void clear_cap(void *data) { g_hash_table_unref(((NtCap *)data)->counts); }
static void unref_filter(void *data) { nt_filter_unref(data); }

void nt_ruling_clear(NtRuling *ruling) {
    g_clear_pointer(&ruling->filters, g_ptr_array_unref);
    g_clear_pointer(&ruling->pins, g_array_unref);
    g_clear_pointer(&ruling->quotas, g_array_unref);
    g_clear_pointer(&ruling->caps, g_array_unref);
    g_clear_pointer(&ruling->bought, g_array_unref);
    g_clear_pointer(&ruling->notes, g_ptr_array_unref);
}

void nt_ruling_note(NtRuling *ruling, int rule, const char *text) {
    g_autofree char *note = rule >= 0 ? g_strdup_printf("rules[%d]: %s", rule, text) : g_strdup_printf("%s", text);
    for (guint i = 0; i < ruling->notes->len; i++) {
        if (strcmp(ruling->notes->pdata[i], note) == 0) {
            return;
        }
    }
    g_ptr_array_add(ruling->notes, g_steal_pointer(&note));
}

/* ---- which products a rule is for ---- */

/* The products that match; none do where a field is not there any more, which was when the settings were stored. */
static NtFilter *open_filter(NtAsking *asking, const char *where, int rule, GError **error) {
    g_autoptr(GError) fault = NULL;
    NtFilter *filter = nt_filter_open(asking->snapshot, where, &fault);
    if (filter != NULL) {
        return filter;
    }
    if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) &&
        !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NULL;
    }
    g_autofree char *why = g_strdup_printf("no product matches: %s", fault->message);
    nt_ruling_note(&asking->ruling, rule, why);
    filter = g_new0(NtFilter, 1);
    filter->refs = 1;
    return filter;
}

static bool open_filters(NtAsking *asking, GError **error) {
    const GArray *rules = asking->scenario->rules;
    for (guint i = 0; i < rules->len; i++) {
        const NtRule *rule = &g_array_index(rules, NtRule, i);
        NtFilter *filter = NULL;
        if (rule->where != NULL && nt_rule_holds(rule, asking->now) &&
            (filter = open_filter(asking, rule->where, (int)i, error)) == NULL) {
            return false;
        }
        g_ptr_array_add(asking->ruling.filters, filter);
    }
    return true;
}

/* What may be shown of `one` (NULL: all): that which is in `other`, or, of what is hidden, not in it. New. */
static NtFilter *combine(const NtAsking *asking, const NtFilter *one, const NtFilter *other, bool hidden,
                         GError **error) {
    NtFilter *out = g_new0(NtFilter, 1);
    uint64_t cells = nt_cells_length(&asking->snapshot->version->products.rows) / 64 + 1;
    out->refs = 1;
    for (uint64_t i = 0; i < cells; i++) {
        uint64_t a = one != NULL ? nt_cells_get(&one->bits, i) : UINT64_MAX, b = nt_cells_get(&other->bits, i);
        uint64_t both = hidden ? a & ~b : a & b;
        if (both != 0 && !nt_cells_set(&out->bits, i, both, error)) {
            nt_filter_unref(out);
            return NULL;
        }
        out->count += (uint64_t)__builtin_popcountll(both);
    }
    return out;
}

/* Takes `filter`, and goes on with what both let through. */
static bool narrow(NtAsking *asking, NtFilter *filter, bool hidden, GError **error) {
    g_autoptr(NtFilter) taken = filter, before = asking->filter;
    asking->filter = combine(asking, before, taken, hidden, error);
    return asking->filter != NULL;
}

static NtFilter *ref_filter(NtFilter *filter) {
    g_atomic_int_inc(&filter->refs);
    return filter;
}

static bool open_conditions(NtAsking *asking, GError **error) {
    const NtScenario *scenario = asking->scenario;
    bool ruled = scenario->where != NULL;
    if (ruled) {
        NtFilter *filter = open_filter(asking, scenario->where, -1, error);
        if (filter == NULL || !narrow(asking, filter, false, error)) {
            return false;
        }
    }
    for (guint i = 0; i < scenario->rules->len; i++) {
        NtFilter *filter = asking->ruling.filters->pdata[i];
        if (g_array_index(scenario->rules, NtRule, i).kind == NT_RULE_HIDE && filter != NULL) {
            ruled = true;
            if (!narrow(asking, ref_filter(filter), true, error)) {
                return false;
            }
        }
    }
    asking->ruling.narrowed = ruled;
    return true;
}

/* ---- pins, shares and caps ---- */

static gint by_position(gconstpointer a, gconstpointer b) {
    const NtPin *one = a, *other = b;
    return one->position != other->position ? (one->position > other->position ? 1 : -1)
                                            : (one->order > other->order) - (one->order < other->order);
}

static bool is_pinned(const NtRuling *ruling, uint32_t product) {
    for (guint i = 0; i < ruling->pins->len; i++) {
        if (g_array_index(ruling->pins, NtPin, i).product == product) {
            return true;
        }
    }
    return false;
}

static bool add_pins(NtAsking *asking, const NtRule *rule, int number, GError **error) {
    NtRuling *ruling = &asking->ruling;
    unsigned placed = 0;
    for (unsigned i = 0; rule->products[i] != NULL; i++) {
        int64_t product = 0;
        g_autoptr(GError) gone = NULL;
        if (!nt_catalogue_find_product(asking->snapshot->reader.db, rule->products[i], &product, &gone) &&
            !g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&gone));
            return false;
        }
        uint32_t row = product != 0 ? nt_snapshot_row(asking->snapshot, (uint32_t)product) : UINT32_MAX;
        if (row == UINT32_MAX || !nt_asking_allows(asking, (uint32_t)product)) {
            g_autofree char *why = g_strdup_printf(
                "'%s' is not pinned: it is hidden, was bought, has no photo, or is not there", rule->products[i]);
            nt_ruling_note(ruling, number, why);
            continue;
        }
        NtPin pin = {.position = rule->position + placed,
                     .order = ruling->pins->len,
                     .product = (uint32_t)product,
                     .row = row,
                     .rule = number};
        if (ruling->pins->len < asking->k && !is_pinned(ruling, pin.product)) {
            g_array_append_val(ruling->pins, pin);
            placed++;
        }
    }
    return true;
}

static void add_quota(NtAsking *asking, int rule, NtFilter *filter, unsigned sources, double places) {
    NtQuota quota = {.rule = rule, .filter = filter, .sources = sources};
    quota.needed = (unsigned)MIN(ceil(places - 1e-9), (double)asking->k);
    g_array_append_val(asking->ruling.quotas, quota);
}

static bool open_places(NtAsking *asking, GError **error) {
    const GArray *rules = asking->scenario->rules;
    NtRuling *ruling = &asking->ruling;
    bool ok = true;
    for (guint i = 0; ok && i < rules->len; i++) {
        const NtRule *rule = &g_array_index(rules, NtRule, i);
        NtFilter *filter = ruling->filters->pdata[i];
        if (!nt_rule_holds(rule, asking->now)) {
            continue;
        }
        if (rule->kind == NT_RULE_PIN) { /* once, and not on each page of an answer that is gone on with */
            ok = asking->query->previous != NULL || add_pins(asking, rule, (int)i, error);
        } else if (rule->kind == NT_RULE_SHARE) {
            add_quota(asking, (int)i, filter, 0, rule->share * (double)asking->k);
        } else if (rule->kind == NT_RULE_CAP) {
            NtCap cap = {.rule = (int)i, .filter = filter, .field = rule->field, .most = rule->most};
            cap.counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
            g_array_append_val(ruling->caps, cap);
        }
    }
    for (int kind = 0; kind < NT_SOURCE_KINDS; kind++) {
        if (asking->arm == NT_ARM_PERSONAL && asking->scenario->places[kind] > 0) {
            add_quota(asking, -1, NULL, 1U << kind, asking->scenario->places[kind]);
        }
    }
    g_array_sort(ruling->pins, by_position);
    for (guint i = 0; i < ruling->pins->len; i++) { /* shown there, and nowhere else */
        const NtPin *pin = &g_array_index(ruling->pins, NtPin, i);
        const NtCandidate candidate = {.product = pin->product, .row = pin->row, .sources = 1U << NT_SOURCE_PINNED};
        g_hash_table_add(asking->barred, GUINT_TO_POINTER(pin->product));
        nt_ruling_take(asking, &candidate);
    }
    return ok;
}

/* Products that were bought last, where what is like them is not to be shown. */
static void open_bought(NtAsking *asking) {
    const GArray *touched = asking->visitor.touched;
    for (guint i = 0; touched != NULL && asking->scenario->after_purchase != NT_AFTER_SIMILAR && i < touched->len &&
                      asking->ruling.bought->len < MOST_BOUGHT;
         i++) {
        const NtTouched *one = &g_array_index(touched, NtTouched, i);
        if ((one->kinds & 1U << NT_EVENT_PURCHASE) != 0 && one->row != UINT32_MAX) {
            g_array_append_val(asking->ruling.bought, one->row);
        }
    }
}

NtFilter *nt_ruling_within(const NtAsking *asking, const NtFilter *filter, GError **error) {
    return combine(asking, asking->filter, filter, false, error);
}

bool nt_ruling_open(NtAsking *asking, GError **error) {
    NtRuling *ruling = &asking->ruling;
    ruling->filters = g_ptr_array_new_with_free_func(unref_filter);
    ruling->pins = g_array_new(FALSE, TRUE, sizeof(NtPin));
    ruling->quotas = g_array_new(FALSE, TRUE, sizeof(NtQuota));
    ruling->caps = g_array_new(FALSE, TRUE, sizeof(NtCap));
    g_array_set_clear_func(ruling->caps, clear_cap);
    ruling->bought = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    ruling->notes = g_ptr_array_new_with_free_func(g_free);
    open_bought(asking);
    return open_filters(asking, error) && open_conditions(asking, error) && open_places(asking, error);
}

/* ---- what they do ---- */

void nt_ruling_boost(const NtAsking *asking, NtCandidate *candidate) {
    const GArray *rules = asking->scenario->rules;
    for (guint i = 0; asking->arm == NT_ARM_PERSONAL && i < rules->len; i++) {
        const NtRule *rule = &g_array_index(rules, NtRule, i);
        const NtFilter *filter = asking->ruling.filters->pdata[i];
        if ((rule->kind == NT_RULE_BOOST || rule->kind == NT_RULE_BURY) && filter != NULL &&
            nt_cells_bit(&filter->bits, candidate->product)) {
            candidate->worth *= rule->kind == NT_RULE_BOOST ? rule->by : 1 / rule->by;
            candidate->rules |= 1U << i;
        }
    }
}

bool nt_ruling_near_bought(const NtAsking *asking, uint32_t row) {
    const GArray *bought = asking->ruling.bought;
    const NtVersion *version = asking->snapshot->version;
    size_t dim = version->view.dim;
    if (bought->len == 0) {
        return false;
    }
    double least = asking->scenario->after_purchase == NT_AFTER_HIDE_NEAR ? NEARLY_THE_SAME : VERY_ALIKE;
    g_autofree float *vectors = g_new(float, 2 * dim);
    nt_rows_get(&version->view, row, vectors);
    for (guint i = 0; i < bought->len; i++) {
        nt_rows_get(&version->view, g_array_index(bought, uint32_t, i), vectors + dim);
        double raw = nt_metric_value(version->view.metric, vectors, vectors + dim, dim);
        if (nt_scores_of(&version->card->scores, raw) >= least) {
            return true;
        }
    }
    return false;
}

bool nt_quota_wants(const NtQuota *quota, const NtCandidate *candidate) {
    return quota->filter != NULL ? nt_cells_bit(&quota->filter->bits, candidate->product)
                                 : (candidate->sources & quota->sources) != 0;
}

/* What a cap counts a product under, new; NULL: it is none of its. */
static char *cap_value(const NtAsking *asking, const NtCap *cap, const NtCandidate *candidate) {
    if (cap->filter != NULL && !nt_cells_bit(&cap->filter->bits, candidate->product)) {
        return NULL;
    }
    if (cap->field == NULL) {
        return g_strdup("");
    }
    const NtShown shown = {candidate->product, candidate->row};
    NtDescribed *described = NULL;
    if (!nt_snapshot_describe(asking->snapshot, &shown, 1, true, &described, NULL)) {
        return NULL;
    }
    const char *text = described->metadata;
    g_autoptr(NtJson) metadata = text != NULL ? nt_json_parse(text, strlen(text), "metadata", NULL, NULL) : NULL;
    const NtJson *value = nt_json_get(metadata, cap->field);
    char *out = value != NULL && nt_json_type(value) != NT_JSON_NULL ? nt_json_print(value, false) : NULL;
    nt_described_unref(described);
    return out;
}

bool nt_ruling_caps(const NtAsking *asking, const NtCandidate *candidate) {
    for (guint i = 0; i < asking->ruling.caps->len; i++) {
        const NtCap *cap = &g_array_index(asking->ruling.caps, NtCap, i);
        g_autofree char *value = cap_value(asking, cap, candidate);
        if (value != NULL && GPOINTER_TO_UINT(g_hash_table_lookup(cap->counts, value)) >= cap->most) {
            return false;
        }
    }
    return true;
}

void nt_ruling_take(NtAsking *asking, const NtCandidate *candidate) {
    NtRuling *ruling = &asking->ruling;
    for (guint i = 0; i < ruling->quotas->len; i++) {
        NtQuota *quota = &g_array_index(ruling->quotas, NtQuota, i);
        quota->got += nt_quota_wants(quota, candidate);
    }
    for (guint i = 0; i < ruling->caps->len; i++) {
        const NtCap *cap = &g_array_index(ruling->caps, NtCap, i);
        char *value = cap_value(asking, cap, candidate);
        if (value != NULL) {
            unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(cap->counts, value));
            g_hash_table_insert(cap->counts, value, GUINT_TO_POINTER(count + 1));
        }
    }
}

/* ---- pins ---- */

size_t nt_ruling_room(const NtAsking *asking) { return asking->k - MIN(asking->k, asking->ruling.pins->len); }

void nt_ruling_place_pins(NtAsking *asking, GArray *shown) {
    for (guint i = 0; i < asking->ruling.pins->len; i++) {
        const NtPin *pin = &g_array_index(asking->ruling.pins, NtPin, i);
        guint at = MIN(MAX(pin->position, i), shown->len);
        NtCandidate candidate = {.product = pin->product,
                                 .row = pin->row,
                                 .taste = -1,
                                 .probability = 1,
                                 .sources = 1U << NT_SOURCE_PINNED,
                                 .rules = 1U << pin->rule};
        g_array_insert_val(shown, at, candidate);
    }
    if (shown->len == 0 && asking->ruling.narrowed) {
        nt_ruling_note(&asking->ruling, -1, "its conditions let no product through that could be shown");
    }
}
