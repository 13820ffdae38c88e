/* SPDX-License-Identifier: Apache-2.0 */
/* Recommendations and events as the public header has them. */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

static NtJson *described_json(const NtDescribed *described, bool metadata) {
    NtJson *out = nt_json_set(nt_json_object(), "product", nt_json_string(described->id));
    if (described->position >= 0) {
        nt_json_set(out, "photo", nt_json_set(nt_json_object(), "number", nt_json_integer(described->position)));
    }
    if (metadata && described->metadata != NULL) { /* it may be known though nobody asked */
        nt_json_set(out, "metadata",
                    nt_json_parse(described->metadata, strlen(described->metadata), "metadata", NULL, NULL));
    }
    return out;
}

static NtJson *sources_json(unsigned sources) {
    NtJson *out = nt_json_array();
    for (int kind = 0; kind < NT_SOURCE_KINDS; kind++) {
        if (sources & (1U << kind)) {
            nt_json_append(out, nt_json_string(nt_source_kind_name((NtSourceKind)kind)));
        }
    }
    return out;
}

/* The numbers of rules. */
static NtJson *rules_json(unsigned rules) {
    NtJson *out = nt_json_array();
    for (int rule = 0; rule < NT_MOST_RULES; rule++) {
        if (rules & (1U << rule)) {
            nt_json_append(out, nt_json_integer(rule));
        }
    }
    return out;
}

static NtJson *products_json(const NtRecommendation *found) {
    NtJson *out = nt_json_array();
    for (guint i = 0; i < found->products->len; i++) {
        const NtShownProduct *shown = &g_array_index(found->products, NtShownProduct, i);
        NtJson *product = described_json(shown->described, found->metadata);
        nt_json_set(product, "position", nt_json_integer(i));
        nt_json_set(product, "score", nt_json_real(round(shown->score * 100) / 100));
        nt_json_set(product, "taste", shown->taste >= 0 ? nt_json_integer(shown->taste) : nt_json_null());
        nt_json_set(product, "sources", sources_json(shown->sources));
        if (shown->rules != 0) {
            nt_json_set(product, "rules", rules_json(shown->rules));
        }
        if (shown->explained != NULL) {
            nt_json_set(product, "explain", nt_json_ref(shown->explained));
        }
        nt_json_append(out, product);
    }
    return out;
}

static NtJson *tastes_json(const NtRecommendation *found) {
    NtJson *out = nt_json_array();
    for (guint t = 0; t < found->tastes->len; t++) {
        const NtTaste *taste = &g_array_index(found->tastes, NtTaste, t);
        NtJson *one = described_json(found->medoids->pdata[t], found->metadata);
        nt_json_set(one, "importance", nt_json_real(round(taste->importance * 10000) / 10000));
        nt_json_set(one, "products", nt_json_integer(taste->products));
        nt_json_append(out, nt_json_set(one, "newest", nt_json_real((double)taste->newest / 1000)));
    }
    return out;
}

NtJson *nt_recommendation_json(const NtRecommendation *found) {
    NtJson *out = nt_json_object();
    if (*found->rec != '\0') {
        nt_json_set(out, "rec_id", nt_json_string(found->rec));
    }
    nt_json_set(out, "arm", nt_json_string(nt_arm_name(found->arm)));
    nt_json_set(out, "model", nt_json_string(found->model));
    nt_json_set(out, "scenario_version", nt_json_integer(found->version));
    if (found->notes->len > 0) {
        NtJson *notes = nt_json_array();
        for (guint i = 0; i < found->notes->len; i++) {
            nt_json_append(notes, nt_json_string(found->notes->pdata[i]));
        }
        nt_json_set(out, "notes", notes);
    }
    nt_json_set(out, "products", products_json(found));
    return nt_json_set(out, "tastes", tastes_json(found));
}

/* ---- the public header ---- */

char *niteru_recommend_json(NiteruCatalogue *catalogue, const NiteruRecommendOptions *options,
                            GCancellable *cancellable, GError **error) {
    NiteruRecommendOptions given;
    if (!NT_OPTIONS_READ(NiteruRecommendOptions, &given, options, error)) {
        return NULL;
    }
    if (given.user != NULL && given.session != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "a visitor is a user or a session, not both");
        return NULL;
    }
    g_autofree char *visitor = given.user != NULL      ? g_strconcat("u:", given.user, NULL)
                               : given.session != NULL ? g_strconcat("s:", given.session, NULL)
                                                       : NULL;
    const NtRecommendQuery query = {.visitor = visitor,
                                    .k = given.k,
                                    .where = given.where,
                                    .exclude = given.exclude,
                                    .diversity = given.diversity,
                                    .metadata = given.metadata,
                                    .scenario = given.scenario,
                                    .timeout_ms = given.timeout_ms};
    g_autoptr(NtRecommendation) found = nt_recommend(nt_recommender_of(catalogue), &query, cancellable, error);
    g_autoptr(NtJson) json = found != NULL ? nt_recommendation_json(found) : NULL;
    return json != NULL ? nt_json_print(json, true) : NULL;
}

char *niteru_events_json(NiteruCatalogue *catalogue, const char *events, GCancellable *cancellable, GError **error) {
    g_autoptr(NtJson) json = nt_json_parse(events, strlen(events), "events", &catalogue->limits, error);
    g_autoptr(NtJson) answers =
        json != NULL ? nt_recommend_events(nt_recommender_of(catalogue), json, NULL, NULL, cancellable, error) : NULL;
    return answers != NULL ? nt_json_print(answers, false) : NULL;
}

bool niteru_events_retention(NiteruCatalogue *catalogue, unsigned *out_days, GError **error) {
    NtEvents *events = nt_recommender_events(nt_recommender_of(catalogue), error);
    return events != NULL && nt_events_retention(events, out_days, error);
}

bool niteru_events_set_retention(NiteruCatalogue *catalogue, unsigned days, GError **error) {
    NtEvents *events = nt_recommender_events(nt_recommender_of(catalogue), error);
    return events != NULL && nt_events_set_retention(events, days, error) &&
           nt_events_expire(events, g_get_real_time() / 1000, NULL, error);
}
