/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks what shops and visitors send as JSON: events, and settings of scenarios. What must hold: an error exactly
 * when nothing is read, with a message fit for printing; an event is read from its own JSON as it was, under the same
 * key; what is accepted of settings is within its bounds.
 */
#include <math.h>
#include <string.h>

#include "recommend/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1764150000000)

static void check_error(const GError *error, bool fine) {
    g_assert_true((error == NULL) == fine);
    g_assert_true(error == NULL || g_utf8_validate(error->message, -1, NULL));
}

static void try_event(const NtJson *json) {
    g_autoptr(GError) error = NULL;
    g_auto(NtEvent) event = {0}, again = {0};
    const NtEventTimes times = nt_event_times(NOW, 400);
    bool fine = nt_event_read(json, &times, &event, &error);
    check_error(error, fine);
    if (fine) {
        g_autoptr(NtJson) written = nt_event_json(&event);
        g_assert_true(nt_event_read(written, &times, &again, NULL));
        g_assert_cmpuint(again.key, ==, event.key);
        g_assert_true(event.time >= times.oldest && event.time <= times.newest && event.kind < NT_EVENT_KINDS);
        g_assert_true(strlen(event.visitor) > 2 && strlen(event.visitor) <= NT_VISITOR_BYTES);
    }
}

static void try_settings(const NtJson *json) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtScenario) scenario = nt_scenario_parse(json, &error);
    check_error(error, scenario != NULL);
    if (scenario != NULL) {
        g_assert_true(scenario->k >= 1 && scenario->k <= 1000 && scenario->diversity >= 0 && scenario->diversity <= 1);
        g_assert_cmpuint(scenario->rules->len, <=, NT_MOST_RULES);
        for (guint i = 0; i < scenario->rules->len; i++) {
            const NtRule *rule = &g_array_index(scenario->rules, NtRule, i);
            g_assert_true(rule->kind < NT_RULE_KINDS && rule->by <= 100 && rule->share <= 1);
            g_assert_true((rule->kind == NT_RULE_PIN) == (rule->products != NULL));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    g_autoptr(NtJson) json = nt_json_parse((const char *)data, size, "input", NULL, NULL);
    if (json != NULL) {
        try_event(json);
        try_settings(json);
    }
    return 0;
}
