/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario's settings out of JSON. Everything is checked when it is stored, so that what is served needs no checks:
 * members of other names are refused, as a misspelled rule would be a rule that nobody misses.
 */
#include "recommend/scenario.h"

#include <math.h>
#include <string.h>

enum { USUAL_K = 10, MOST_K = 1000, MOST_PLACES = 100, NOTE_BYTES = 500, WHERE_BYTES = 8192 };
#define USUAL_DIVERSITY 0.3
#define MOST_BY 100.0

static const char *const rule_names[NT_RULE_KINDS] = {"hide", "pin", "boost", "bury", "share", "cap"};
static const char *const after_names[] = {"similar", "complement", "hide-near-identical", NULL};

const char *nt_rule_kind_name(NtRuleKind kind) { return rule_names[kind]; }

static void clear_rule(void *data) {
    NtRule *rule = data;
    g_free(rule->where);
    g_strfreev(rule->products);
    g_free(rule->field);
}

static NtScenario *scenario_new(void) {
    NtScenario *scenario = g_new0(NtScenario, 1);
    *scenario = (NtScenario){
        .refs = 1, .k = USUAL_K, .diversity = USUAL_DIVERSITY, .control_percent = -1, .random_percent = -1};
    for (int kind = 0; kind < NT_SOURCE_KINDS; kind++) {
        scenario->weights[kind] = 1;
    }
    scenario->rules = g_array_new(FALSE, TRUE, sizeof(NtRule));
    g_array_set_clear_func(scenario->rules, clear_rule);
    return scenario;
}

NtScenario *nt_scenario_ref(NtScenario *scenario) {
    g_atomic_int_inc(&scenario->refs);
    return scenario;
}

void nt_scenario_unref(NtScenario *scenario) {
    if (scenario != NULL && g_atomic_int_dec_and_test(&scenario->refs)) {
        g_free(scenario->where);
        g_array_unref(scenario->rules);
        g_free(scenario);
    }
}

/* ---- members ---- */

/* What is read: an object and where it stands, for messages. */
typedef struct Reading {
    const NtJson *from;
    const char *place; /* "rules[2]."; "" for the settings themselves */
    GError **error;
} Reading;

static bool wrong(const Reading *reading, const char *member, const char *why) {
    g_autofree char *field = g_strconcat(reading->place, member, NULL);
    nt_fail(reading->error, NITERU_ERROR_INVALID, "%s: %s", field, why);
    return nt_fact(reading->error, "parameter", field);
}

static bool read_number(const Reading *reading, const char *member, double least, double most, bool whole,
                        double *out) {
    const NtJson *value = nt_json_get(reading->from, member);
    if (value == NULL) {
        return true;
    }
    double number = nt_json_number(value, NAN);
    if (!(number >= least && number <= most) || (whole && number != floor(number))) {
        g_autofree char *why = g_strdup_printf("a %snumber from %g to %g", whole ? "whole " : "", least, most);
        return wrong(reading, member, why);
    }
    *out = number;
    return true;
}

static bool read_unsigned(const Reading *reading, const char *member, unsigned most, unsigned *out) {
    double number = *out;
    bool ok = read_number(reading, member, 0, most, true, &number);
    *out = (unsigned)number;
    return ok;
}

static bool read_where(const Reading *reading, const char *member, char **out) {
    const NtJson *value = nt_json_get(reading->from, member);
    const char *text = nt_json_text(value, NULL);
    if (value == NULL) {
        return true;
    }
    if (text == NULL || *text == '\0' || strlen(text) > WHERE_BYTES) {
        return wrong(reading, member, "a condition on the fields of products, such as brand = 'Ostra'");
    }
    *out = g_strdup(text);
    return true;
}

static bool read_time(const Reading *reading, const char *member, int64_t *out) {
    const NtJson *value = nt_json_get(reading->from, member);
    return value == NULL || nt_event_time(value, out) ||
           wrong(reading, member, "Unix seconds, or a moment such as 2026-12-24T18:00:00+09:00");
}

/* The place of a word in a list of them, -1 where it is none. */
static int place_of(const char *word, const char *const *words, size_t count) {
    for (size_t i = 0; word != NULL && i < count; i++) {
        if (words[i] != NULL && strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Whether an object has these members only. */
typedef struct Names {
    const Reading *reading;
    const char *const *names;
    size_t count;
} Names;

static bool check_name(const char *name, NtJson *value, void *data) {
    const Names *names = data;
    (void)value;
    return place_of(name, names->names, names->count) >= 0 ||
           wrong(names->reading, name, "there is no such setting; look for a misspelling");
}

static bool check_names(const Reading *reading, const char *const *names, size_t count) {
    Names all = {reading, names, count};
    return nt_json_type(reading->from) == NT_JSON_OBJECT ? nt_json_foreach(reading->from, check_name, &all)
                                                         : wrong(reading, "", "a JSON object is wanted here");
}

/* ---- rules ---- */

static bool read_products(const Reading *reading, char ***out) {
    const NtJson *list = nt_json_get(reading->from, "products");
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    size_t count = list != NULL && nt_json_type(list) == NT_JSON_ARRAY ? nt_json_count(list) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = nt_json_text(nt_json_at(list, i), NULL);
        if (id == NULL || *id == '\0') {
            return wrong(reading, "products", "ids of products");
        }
        g_ptr_array_add(ids, g_strdup(id));
    }
    if (count == 0 || count > NT_MOST_PINS) {
        return wrong(reading, "products", "a pin names 1 to 50 products by their ids");
    }
    g_ptr_array_add(ids, NULL);
    *out = (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
    return true;
}

/* What each kind of rule must have. */
static bool is_whole(const Reading *reading, const NtRule *rule) {
    switch (rule->kind) {
    case NT_RULE_PIN: return true;
    case NT_RULE_CAP:
        return rule->most > 0 ? rule->where != NULL || rule->field != NULL ||
                                    wrong(reading, "field", "a cap needs a field, or a condition in `where`")
                              : wrong(reading, "most", "a cap needs how many places at most, from 1");
    case NT_RULE_SHARE:
        if (!(rule->share > 0)) {
            return wrong(reading, "share", "a share of the places, above 0 and up to 1");
        }
        break;
    case NT_RULE_BOOST:
    case NT_RULE_BURY:
        if (!(rule->by > 1)) {
            return wrong(reading, "by", "by how much, above 1 and up to 100");
        }
        break;
    case NT_RULE_HIDE:
    case NT_RULE_KINDS: break;
    }
    return rule->where != NULL || wrong(reading, "where", "of which products; a condition is missing");
}

static bool read_rule(const Reading *reading, NtRule *rule) {
    static const char *const names[] = {"rule",  "where", "products", "position", "by",   "share",
                                        "field", "most",  "from",     "until",    "note", "off"};
    const char *kind = nt_json_text(nt_json_get(reading->from, "rule"), NULL);
    int found = place_of(kind, rule_names, NT_RULE_KINDS);
    *rule = (NtRule){.kind = (NtRuleKind)found, .from = INT64_MIN, .until = INT64_MAX};
    if (!check_names(reading, names, G_N_ELEMENTS(names))) {
        return false;
    }
    if (found < 0) {
        return wrong(reading, "rule", "hide, pin, boost, bury, share or cap");
    }
    const char *note = nt_json_text(nt_json_get(reading->from, "note"), "");
    rule->field = g_strdup(nt_json_text(nt_json_get(reading->from, "field"), NULL));
    if (strlen(note) > NOTE_BYTES || (rule->field != NULL && (*rule->field == '\0' || strlen(rule->field) > 200))) {
        return wrong(reading, strlen(note) > NOTE_BYTES ? "note" : "field", "too long, or empty");
    }
    return read_where(reading, "where", &rule->where) &&
           (rule->kind != NT_RULE_PIN || read_products(reading, &rule->products)) &&
           read_unsigned(reading, "position", MOST_K - 1, &rule->position) &&
           read_unsigned(reading, "most", MOST_K, &rule->most) &&
           read_number(reading, "by", 1, MOST_BY, false, &rule->by) &&
           read_number(reading, "share", 0, 1, false, &rule->share) && read_time(reading, "from", &rule->from) &&
           read_time(reading, "until", &rule->until) &&
           (rule->from < rule->until || wrong(reading, "until", "is before `from`")) && is_whole(reading, rule);
}

static bool read_rules(NtScenario *scenario, const Reading *reading) {
    const NtJson *rules = nt_json_get(reading->from, "rules");
    if (rules == NULL) {
        return true;
    }
    if (nt_json_type(rules) != NT_JSON_ARRAY || nt_json_count(rules) > NT_MOST_RULES) {
        return wrong(reading, "rules", "an array of at most 32 rules");
    }
    for (size_t i = 0; i < nt_json_count(rules); i++) {
        g_autofree char *place = g_strdup_printf("rules[%zu].", i);
        const Reading one = {nt_json_at(rules, i), place, reading->error};
        NtRule rule;
        if (!read_rule(&one, &rule)) {
            clear_rule(&rule);
            return false;
        }
        bool off = nt_json_truth(nt_json_get(one.from, "off"), false);
        rule.until = off ? INT64_MIN : rule.until; /* keeps its number, and is never in force */
        g_array_append_val(scenario->rules, rule);
    }
    return true;
}

/* ---- settings ---- */

static bool read_sources(NtScenario *scenario, const Reading *reading) {
    const char *names[NT_SOURCE_KINDS];
    for (int kind = 0; kind < NT_SOURCE_KINDS; kind++) {
        names[kind] = kind == NT_SOURCE_PINNED ? NULL : nt_source_kind_name((NtSourceKind)kind);
    }
    const Reading weights = {nt_json_get(reading->from, "sources"), "sources.", reading->error};
    const Reading places = {nt_json_get(reading->from, "places"), "places.", reading->error};
    if ((weights.from != NULL && !check_names(&weights, names, NT_SOURCE_KINDS)) ||
        (places.from != NULL && !check_names(&places, names, NT_SOURCE_KINDS))) {
        return false;
    }
    bool ok = true;
    for (int kind = 0; ok && kind < NT_SOURCE_KINDS; kind++) {
        ok = names[kind] == NULL || (read_number(&weights, names[kind], 0, 10, false, &scenario->weights[kind]) &&
                                     read_unsigned(&places, names[kind], MOST_PLACES, &scenario->places[kind]));
    }
    return ok;
}

static bool read_percent(const Reading *reading, const char *member, int *out) {
    double number = *out;
    bool ok = read_number(reading, member, 0, 100, true, &number);
    *out = (int)number;
    return ok;
}

NtScenario *nt_scenario_parse(const NtJson *settings, GError **error) {
    static const char *const names[] = {
        "k",     "diversity", "where", "sources", "places", "after_purchase", "control_percent", "random_percent",
        "rules", "note"};
    g_autoptr(NtScenario) scenario = scenario_new();
    if (settings == NULL) {
        return g_steal_pointer(&scenario);
    }
    const Reading reading = {settings, "", error};
    double k = USUAL_K;
    const char *after = nt_json_text(nt_json_get(settings, "after_purchase"), after_names[0]);
    int found = place_of(after, after_names, G_N_ELEMENTS(after_names) - 1);
    if (!check_names(&reading, names, G_N_ELEMENTS(names))) {
        return NULL;
    }
    if (found < 0) {
        wrong(&reading, "after_purchase", "similar, complement or hide-near-identical");
        return NULL;
    }
    scenario->after_purchase = (NtAfterPurchase)found;
    bool ok = read_number(&reading, "k", 1, MOST_K, true, &k) &&
              read_number(&reading, "diversity", 0, 1, false, &scenario->diversity) &&
              read_where(&reading, "where", &scenario->where) && read_sources(scenario, &reading) &&
              read_percent(&reading, "control_percent", &scenario->control_percent) &&
              read_percent(&reading, "random_percent", &scenario->random_percent) && read_rules(scenario, &reading);
    scenario->k = (size_t)k;
    return ok ? g_steal_pointer(&scenario) : NULL;
}
