/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another model in the place of the one that is served: its vectors are made beside those, both are compared, and one
 * pointer moves when nothing is missing. The old one stays with its vectors, so that the way back is one step.
 */
#include "shop/model-switch.h"

#include <string.h>

#include "ingest/ingest.h"

enum { ATTEMPTS = 20 /* at a moment in which nothing is missing */ };

/* The models that change places. */
typedef struct Pair {
    char *old, *new;
} Pair;

static void pair_clear(Pair *pair) {
    g_free(pair->old);
    g_free(pair->new);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

typedef struct Search {
    int64_t model;
    char *name;
} Search;

static bool name_of(const NtModelRow *row, void *data) {
    Search *search = data;
    if (row->model == search->model) {
        search->name = g_strdup(row->name);
    }
    return search->name == NULL;
}

/* `name` NULL: the one that was served before. */
static bool find_pair(NiteruCatalogue *catalogue, const char *name, Pair *out, GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(NtModelRow) served = {0}, wanted = {0};
    Search search = {0};
    if (!nt_reader_open(&reader, catalogue, error) || !nt_catalogue_find_model(reader.db, NULL, &served, error)) {
        return false;
    }
    if (name == NULL && (!nt_catalogue_previous_model(reader.db, &search.model, error) ||
                         !nt_catalogue_each_model(reader.db, name_of, &search, error))) {
        return false;
    }
    if (name == NULL && search.name == NULL) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no model that was used before %s", served.name);
    }
    g_autofree char *found = search.name;
    if (!nt_catalogue_find_model(reader.db, name != NULL ? name : found, &wanted, error)) {
        return false;
    }
    out->old = g_steal_pointer(&served.name);
    out->new = g_steal_pointer(&wanted.name);
    return true;
}

/* ---- the moment ---- */

typedef struct Check {
    GHashTable *left_out; /* contents that could not be embedded */
    bool missing;
} Check;

static bool is_missing(const NtMissing *missing, void *data) {
    Check *check = data;
    check->missing = missing->served && !g_hash_table_contains(check->left_out, &missing->content);
    return !check->missing;
}

/* Moves the pointer, unless something is missing that came since: *out_moved tells. */
static bool move(NiteruCatalogue *catalogue, const char *name, const NtReembedReport *report, const NtWait *wait,
                 bool *out_moved, GError **error) {
    g_autoptr(GHashTable) left_out = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_auto(NtModelRow) row = {0};
    Check check = {.left_out = left_out};
    for (guint i = 0; i < report->contents->len; i++) {
        g_hash_table_add(left_out, &g_array_index(report->contents, int64_t, i));
    }
    if (!nt_turn_begin(catalogue, wait, error)) {
        return false;
    }
    bool ok = nt_catalogue_find_model(catalogue->db, name, &row, error) &&
              nt_catalogue_each_missing(catalogue->db, row.model, 0, G_MAXINT32, is_missing, &check, error);
    if (ok && check.missing) {
        nt_turn_rollback(catalogue);
        *out_moved = false;
        return true;
    }
    *out_moved = true;
    return nt_turn_end(catalogue, ok && nt_catalogue_set_default_model(catalogue->db, row.model, error), error);
}

static bool check_left_out(const NiteruSwitchOptions *options, const Pair *pair, const NtReembedReport *report,
                           GError **error) {
    if (report->failed == 0 || options->leave_out) {
        return true;
    }
    nt_fail(error, NITERU_ERROR_CONDITION,
            "%s is still used: %" G_GUINT64_FORMAT
            " photo%s could not be embedded with %s, and would be in no answer; the "
            "first: %s",
            pair->old, report->failed, report->failed == 1 ? "" : "s", pair->new, report->first);
    return nt_fact(error, "option", "leave_out");
}

/* ---- the call ---- */

static void add_report(NiteruSwitchReport *sum, NtReembedReport *report) {
    sum->embedded += report->embedded;
    sum->failed = report->failed;
}

static void clear_report(NtReembedReport *report) {
    g_clear_pointer(&report->first, g_free);
    g_clear_pointer(&report->contents, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtReembedReport, clear_report)

typedef struct Switch {
    NiteruCatalogue *catalogue;
    NiteruSwitchOptions options;
    NtReembedOptions reembed;
    const NtWait *wait;
    Pair pair;
    const char *label;
    NiteruSwitchReport report;
    NtJson *comparison;
} Switch;

static bool embed(Switch *of, NtReembedReport *out, GError **error) {
    bool ok = nt_reembed(of->catalogue, of->pair.new, &of->reembed, of->wait, out, error);
    add_report(&of->report, out);
    return ok && nt_model_calibrate(of->catalogue, of->pair.new, of->wait, error);
}

/* The field that tells what is alike: the one named, else `category` where there is one. */
static bool find_label(Switch *of, GError **error) {
    g_auto(NtReader) reader = {0};
    g_autoptr(GError) none = NULL;
    const char *wanted = of->options.label != NULL ? of->options.label : "category";
    int64_t field;
    NtFieldType type;
    if (!nt_reader_open(&reader, of->catalogue, error)) {
        return false;
    }
    if (nt_catalogue_find_field(reader.db, wanted, &field, &type, &none)) {
        of->label = wanted;
    } else if (of->options.label != NULL) {
        g_propagate_error(error, g_steal_pointer(&none));
        return nt_fact(error, "option", "label");
    }
    return true;
}

static bool compare(Switch *of, GError **error) {
    of->comparison = nt_models_compare(of->catalogue, of->pair.old, of->pair.new, of->label, of->wait, error);
    return of->comparison != NULL;
}

/* Everything is made ready, then the pointer moves. */
static bool go(Switch *of, GError **error) {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        g_auto(NtReembedReport) report = {0};
        if (!embed(of, &report, error) || (of->comparison == NULL && !compare(of, error))) {
            return false;
        }
        if (of->options.prepare) {
            return true;
        }
        if (!check_left_out(&of->options, &of->pair, &report, error) ||
            !move(of->catalogue, of->pair.new, &report, of->wait, &of->report.switched, error)) {
            return false;
        }
        if (of->report.switched) {
            return true;
        }
    }
    return nt_fail(error, NITERU_ERROR_FAILED,
                   "products come faster than %s embeds them: it is ready but for the newest", of->pair.new);
}

/* The pointer moves at once; what came since the model was left is embedded then. */
static bool go_back(Switch *of, GError **error) {
    g_auto(NtReembedReport) report = {0};
    g_auto(NtModelRow) row = {0};
    NtCatalogue *db = of->catalogue->db;
    if (!nt_turn_begin(of->catalogue, of->wait, error) ||
        !nt_turn_end(of->catalogue,
                     nt_catalogue_find_model(db, of->pair.new, &row, error) &&
                         nt_catalogue_set_default_model(db, row.model, error),
                     error)) {
        return false;
    }
    of->report.switched = true;
    return embed(of, &report, error);
}

bool niteru_model_switch(NiteruCatalogue *catalogue, const char *name, const NiteruSwitchOptions *given,
                         GCancellable *cancellable, NiteruSwitchReport *out_report, char **out_comparison,
                         GError **error) {
    g_auto(NtCall) call = {0};
    Switch of = {.catalogue = catalogue, .report = {.size = sizeof of.report}};
    if (!NT_OPTIONS_READ(NiteruSwitchOptions, &of.options, given, error) ||
        !nt_call_begin_writing(&call, catalogue, of.options.timeout_ms, cancellable, error)) {
        return false;
    }
    const NiteruIndexOptions index = {.size = sizeof index,
                                      .allow_private = of.options.allow_private,
                                      .host_connections = of.options.host_connections,
                                      .progress = of.options.progress,
                                      .failure = of.options.failure,
                                      .data = of.options.data};
    of.reembed = (NtReembedOptions){&index, of.options.rate, of.options.at_once};
    of.wait = &call.wait;
    bool ok = find_pair(catalogue, name, &of.pair, error);
    if (ok && strcmp(of.pair.old, of.pair.new) == 0) {
        ok = nt_fail(error, NITERU_ERROR_INVALID, "%s is used already", of.pair.new);
    }
    ok = ok && find_label(&of, error) && (name == NULL ? go_back(&of, error) : go(&of, error));
    nt_report_write(out_report, &of.report, sizeof of.report);
    if (out_comparison != NULL) {
        *out_comparison = of.comparison != NULL ? nt_json_print(of.comparison, true) : NULL;
    }
    nt_json_free(of.comparison);
    pair_clear(&of.pair);
    return ok;
}
