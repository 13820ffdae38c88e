/* SPDX-License-Identifier: Apache-2.0 */
/* From a visitor to products: what they did, their tastes, candidates, what is shown and what is said of it. */
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum { MOST_K = 1000 };

static void clear_asking(NtAsking *asking) {
    nt_visitor_clear(&asking->visitor);
    g_clear_pointer(&asking->tastes, g_array_unref);
    g_clear_pointer(&asking->seeds, g_array_unref);
    g_clear_pointer(&asking->filter, nt_filter_unref);
    g_clear_pointer(&asking->barred, g_hash_table_unref);
    g_clear_pointer(&asking->seen, g_hash_table_unref);
    nt_ruling_clear(&asking->ruling);
    nt_scenario_unref(asking->scenario);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtAsking, clear_asking)

static void clear_shown(void *data) {
    NtShownProduct *shown = data;
    nt_described_unref(shown->described);
    nt_json_free(shown->explained);
}
static void unref_described(void *data) { nt_described_unref(data); }

void nt_recommendation_free(NtRecommendation *recommendation) {
    if (recommendation != NULL) {
        g_free(recommendation->model);
        g_clear_pointer(&recommendation->products, g_array_unref);
        g_clear_pointer(&recommendation->tastes, g_array_unref);
        g_clear_pointer(&recommendation->medoids, g_ptr_array_unref);
        g_clear_pointer(&recommendation->notes, g_ptr_array_unref);
        g_free(recommendation);
    }
}

bool nt_asking_allows(const NtAsking *asking, uint32_t product) {
    return !g_hash_table_contains(asking->barred, GUINT_TO_POINTER(product)) &&
           (asking->filter == NULL || nt_cells_bit(&asking->filter->bits, product));
}

/* ---- what is asked ---- */

static bool bar(NtAsking *asking, GError **error) {
    const GArray *touched = asking->visitor.touched;
    for (guint i = 0; touched != NULL && i < touched->len; i++) {
        const NtTouched *one = &g_array_index(touched, NtTouched, i);
        bool never = one->weight < 0 || (one->kinds & (1U << NT_EVENT_PURCHASE | 1U << NT_EVENT_DISMISS)) != 0;
        g_hash_table_add(never ? asking->barred : asking->seen, GUINT_TO_POINTER(one->product));
    }
    for (size_t i = 0; asking->query->exclude != NULL && asking->query->exclude[i] != NULL; i++) {
        int64_t product;
        g_autoptr(GError) gone = NULL;
        if (nt_catalogue_find_product(asking->snapshot->reader.db, asking->query->exclude[i], &product, &gone)) {
            g_hash_table_add(asking->barred, GUINT_TO_POINTER((guint)product));
        } else if (!g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&gone));
            return false;
        }
    }
    return true;
}

/* What was shown in the answers that this one goes on from is not shown again. */
static bool bar_shown(NtAsking *asking, GError **error) {
    NtEvents *events = nt_recommender_events(asking->recommender, error);
    g_auto(NtGivenAnswer) given = {0};
    if (events == NULL || !nt_events_find_answer(events, asking->query->previous, &given, error)) {
        return false;
    }
    for (guint i = 0; i < given.products->len; i++) {
        int64_t product;
        if (nt_catalogue_find_product(asking->snapshot->reader.db, given.products->pdata[i], &product, NULL)) {
            g_hash_table_add(asking->barred, GUINT_TO_POINTER((guint)product));
        }
    }
    return true;
}

/* Who asks: what they did and what they like; somebody of whom nothing is known likes nothing. */
static bool meet(NtAsking *asking, GError **error) {
    const NtRecommendQuery *query = asking->query;
    if (query->visitor == NULL && query->actions == NULL) {
        asking->tastes = g_array_new(FALSE, FALSE, sizeof(NtTaste));
        return true;
    }
    /* What is kept is of what is stored, and with actions that are not it would be of another visitor. */
    return nt_visitor_read(asking->recommender, asking->snapshot, query->visitor, query->actions, asking->now,
                           &asking->visitor, error) &&
           (asking->tastes =
                nt_tastes_find(asking->recommender, asking->snapshot, query->actions == NULL ? query->visitor : NULL,
                               &asking->visitor, &asking->wait, error)) != NULL;
}

static bool open_asking(NtAsking *asking, GError **error) {
    const NtRecommendQuery *query = asking->query;
    asking->barred = g_hash_table_new(NULL, NULL);
    asking->seen = g_hash_table_new(NULL, NULL);
    asking->k = query->k > 0 ? MIN(query->k, MOST_K) : asking->scenario->k;
    asking->diversity = query->diversity < 0 ? asking->scenario->diversity : query->diversity;
    if (!(asking->diversity >= 0 && asking->diversity <= 1)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "diversity goes from 0 to 1");
    }
    if (query->where != NULL && (asking->filter = nt_filter_open(asking->snapshot, query->where, error)) == NULL) {
        return false;
    }
    if (!nt_snapshot_groups_about(asking->snapshot, error)) { /* variants of one design are one taste */
        return false;
    }
    if (asking->snapshot->version->rows == 0) {
        return nt_fail_no_vectors(asking->snapshot->version->model, error);
    }
    return meet(asking, error) && bar(asking, error) && (query->previous == NULL || bar_shown(asking, error)) &&
           nt_ruling_open(asking, error);
}

/* ---- what is answered ---- */

static bool describe(const NtAsking *asking, const NtShown *shown, size_t count, NtDescribed **out, GError **error) {
    NtVersion *version = asking->snapshot->version;
    for (size_t i = 0; i < count; i++) {
        if (!nt_row_check(asking->snapshot->reader.db, version->model, &version->view, (uint64_t)shown[i].vrow,
                          error)) {
            return false;
        }
    }
    return nt_snapshot_describe(asking->snapshot, shown, count, asking->query->metadata, out, error);
}

/* Which of the ways this answer is made in. Who is compared with always is, so that what is learnt of the others does
 * not reach them. From what chance shows something is learnt only where it is logged. */
static NtArm choose_arm(const NtRecommendQuery *query, const NtScenario *scenario) {
    int control = scenario->control_percent, chance = scenario->random_percent;
    uint64_t most = control >= 0 ? (uint64_t)control : query->control_percent;
    if (query->visitor != NULL && nt_xxh3(query->visitor, strlen(query->visitor), 0) % 100 < most) {
        return NT_ARM_CONTROL;
    }
    if (chance < 0) {
        chance = (int)query->random_percent;
    }
    return query->log && g_random_int_range(0, 100) < chance ? NT_ARM_RANDOM : NT_ARM_PERSONAL;
}

/* In which scenario, and which of the ways. */
static bool choose_way(NtAsking *asking, GError **error) {
    const NtRecommendQuery *query = asking->query;
    const char *name = query->scenario != NULL ? query->scenario : "default";
    asking->now = query->now > 0 ? query->now : g_get_real_time() / 1000;
    asking->scenario = query->settings != NULL ? nt_scenario_ref(query->settings)
                                               : nt_scenario_of(asking->recommender, asking->snapshot, name, error);
    if (asking->scenario == NULL) {
        return false;
    }
    asking->arm = query->personal ? NT_ARM_PERSONAL : choose_arm(query, asking->scenario);
    return true;
}

static void log_answer(const NtAsking *asking, const GArray *candidates, NtRecommendation *out) {
    NtEvents *events = nt_recommender_events(asking->recommender, NULL);
    g_autofree NtLoggedProduct *products = g_new0(NtLoggedProduct, candidates->len + 1);
    for (guint i = 0; i < candidates->len; i++) {
        const NtCandidate *candidate = &g_array_index(candidates, NtCandidate, i);
        products[i] = (NtLoggedProduct){.id = g_array_index(out->products, NtShownProduct, i).described->id,
                                        .probability = candidate->probability > 0 ? candidate->probability : 1,
                                        .sources = (uint16_t)candidate->sources};
    }
    const NtLoggedAnswer answer = {.visitor = asking->query->visitor,
                                   .scenario = asking->query->scenario != NULL ? asking->query->scenario : "default",
                                   .model = out->model,
                                   .version = out->version,
                                   .arm = asking->arm,
                                   .time = g_get_real_time() / 1000,
                                   .previous = asking->query->previous,
                                   .products = products,
                                   .count = candidates->len};
    if (events != NULL) {
        nt_events_log(events, &answer, out->rec);
    }
}

/* Why a product is where it is: each product that it was found by, how alike they are, and what that is worth. */
static NtJson *explain(const NtAsking *asking, const NtCandidate *candidate) {
    NtJson *out = nt_json_object(), *parts = nt_json_array();
    for (guint i = 0; asking->seeds != NULL && i < asking->seeds->len; i++) {
        const NtSeed *seed = &g_array_index(asking->seeds, NtSeed, i);
        if (candidate->parts[i] > 0) {
            g_autofree char *id = nt_catalogue_product_id(asking->snapshot->reader.db, seed->product, NULL);
            NtJson *part = nt_json_set(nt_json_object(), "because", nt_json_string(id));
            nt_json_set(part, "source",
                        nt_json_string(nt_source_kind_name(seed->taste >= 0 ? NT_SOURCE_TASTE : NT_SOURCE_RECENT)));
            nt_json_set(part, "score", nt_json_real(100 * (double)candidate->parts[i]));
            nt_json_append(parts, nt_json_set(part, "share", nt_json_real(seed->share)));
        }
    }
    if (candidate->beside != 0) {
        g_autofree char *id = nt_catalogue_product_id(asking->snapshot->reader.db, candidate->beside, NULL);
        NtJson *part = nt_json_set(nt_json_object(), "because", nt_json_string(id));
        bool clicked = (candidate->sources & 1U << NT_SOURCE_CLICKED) != 0;
        nt_json_set(part, "source",
                    nt_json_string(nt_source_kind_name(clicked ? NT_SOURCE_CLICKED : NT_SOURCE_BOUGHT)));
        nt_json_set(part, "score", nt_json_real(100 * (double)candidate->strength));
        nt_json_append(parts, nt_json_set(part, "share", nt_json_real(NT_BESIDE_SHARE)));
    }
    nt_json_set(out, "worth", nt_json_real(candidate->worth));
    nt_json_set(out, "probability", nt_json_real(candidate->probability > 0 ? (double)candidate->probability : 1));
    return nt_json_set(out, "parts", parts);
}

static NtRecommendation *make_answer(const NtAsking *asking, const GArray *candidates, GError **error) {
    g_autoptr(NtRecommendation) out = g_new0(NtRecommendation, 1);
    guint count = candidates->len, tastes = asking->tastes->len;
    g_autofree NtShown *shown = g_new0(NtShown, count + tastes + 1);
    g_autofree NtDescribed **described = g_new0(NtDescribed *, count + tastes + 1);
    for (guint i = 0; i < count; i++) {
        const NtCandidate *candidate = &g_array_index(candidates, NtCandidate, i);
        shown[i] = (NtShown){candidate->product, candidate->row};
    }
    for (guint t = 0; t < tastes; t++) {
        const NtTaste *taste = &g_array_index(asking->tastes, NtTaste, t);
        shown[count + t] = (NtShown){taste->medoid, taste->row};
    }
    if (!describe(asking, shown, count + tastes, described, error)) {
        return NULL;
    }
    out->arm = asking->arm;
    out->metadata = asking->query->metadata;
    out->model = g_strdup(asking->snapshot->version->model->name);
    out->version = asking->scenario->version;
    out->notes = g_ptr_array_ref(asking->ruling.notes);
    out->products = g_array_new(FALSE, FALSE, sizeof(NtShownProduct));
    g_array_set_clear_func(out->products, clear_shown);
    out->medoids = g_ptr_array_new_with_free_func(unref_described);
    out->tastes = g_array_ref(asking->tastes);
    for (guint i = 0; i < count; i++) {
        const NtCandidate *candidate = &g_array_index(candidates, NtCandidate, i);
        NtShownProduct product = {.described = described[i],
                                  .score = 100 * CLAMP(candidate->score, 0, 1),
                                  .taste = candidate->taste,
                                  .sources = candidate->sources,
                                  .rules = candidate->rules,
                                  .explained = asking->query->explain ? explain(asking, candidate) : NULL};
        g_array_append_val(out->products, product);
    }
    for (guint t = 0; t < tastes; t++) {
        g_ptr_array_add(out->medoids, described[count + t]);
    }
    return g_steal_pointer(&out);
}

NtRecommendation *nt_recommend(NtRecommender *recommender, const NtRecommendQuery *query, GCancellable *cancellable,
                               GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtSnapshot) snapshot = {0};
    g_auto(NtAsking) asking = {.recommender = recommender, .query = query, .snapshot = &snapshot};
    if (!nt_call_begin(&call, recommender->catalogue, query->timeout_ms, cancellable, error) ||
        !nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error)) {
        return NULL;
    }
    asking.wait = call.wait;
    nt_catalogue_set_wait(snapshot.reader.db, &call.wait);
    if (!choose_way(&asking, error)) {
        return NULL;
    }
    g_autoptr(GArray) candidates = open_asking(&asking, error) ? nt_candidates_find(&asking, error) : NULL;
    if (candidates == NULL) {
        return NULL;
    }
    nt_pick(&asking, candidates);
    if (!nt_fill(&asking, candidates, nt_ruling_room(&asking), error)) {
        return NULL;
    }
    nt_ruling_place_pins(&asking, candidates);
    NtRecommendation *out = make_answer(&asking, candidates, error);
    if (out != NULL && query->log) {
        log_answer(&asking, candidates, out);
    }
    return out;
}

NtRecommendation *nt_recommend_tastes(NtRecommender *recommender, const char *visitor, GCancellable *cancellable,
                                      GError **error) {
    const NtRecommendQuery query = {.visitor = visitor, .metadata = true};
    g_auto(NtCall) call = {0};
    g_auto(NtSnapshot) snapshot = {0};
    g_auto(NtAsking) asking = {.recommender = recommender, .query = &query, .snapshot = &snapshot};
    g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(NtCandidate));
    if (!nt_call_begin(&call, recommender->catalogue, 0, cancellable, error) ||
        !nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error)) {
        return NULL;
    }
    asking.wait = call.wait;
    return choose_way(&asking, error) && open_asking(&asking, error) ? make_answer(&asking, none, error) : NULL;
}
