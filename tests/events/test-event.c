/* SPDX-License-Identifier: Apache-2.0 */
/* One event out of JSON: what is taken, what is refused and in which words, what makes two the same. */
#include "events/events.h"

#include <math.h>
#include <string.h>

static const int64_t NOW = INT64_C(1764150000000); /* 2025-11-26T09:40:00Z */

static bool read_text(const char *text, NtEvent *out, GError **error) {
    g_autoptr(NtJson) json = nt_json_parse(text, strlen(text), "event", NULL, error);
    g_assert_nonnull(json);
    NtEventTimes times = nt_event_times(NOW, 400);
    return nt_event_read(json, &times, out, error);
}

static void test_read(void) {
    g_autoptr(GError) error = NULL;
    g_auto(NtEvent) event = {0};
    g_assert_true(read_text("{\"id\": \"e1\", \"kind\": \"purchase\", \"product\": \"靴/1\", \"user\": \"7\","
                            " \"time\": \"2025-11-26T18:30:00.250+09:00\", \"rec_id\": \"r\", \"position\": 0,"
                            " \"scenario\": \"cart\", \"value\": 12.5, \"currency\": \"eur\", \"_note\": [1]}",
                            &event, &error));
    g_assert_cmpstr(event.visitor, ==, "u:7");
    g_assert_cmpint(event.time, ==, NOW - 600000 + 250);
    g_assert_cmpint(event.position, ==, 0);
    g_assert_cmpstr(event.currency, ==, "EUR");
    g_assert_true(event.kind == NT_EVENT_PURCHASE && event.value == 12.5);
    g_autoptr(NtJson) json = nt_event_json(&event);
    g_autofree char *text = nt_json_print(json, false);
    g_auto(NtEvent) again = {0};
    g_assert_true(read_text(text, &again, &error));
    g_assert_cmpuint(again.key, ==, event.key);
    g_assert_cmpint(again.time, ==, event.time);
    g_assert_cmpstr(again.product, ==, "靴/1");
}

static void test_least(void) {
    g_autoptr(GError) error = NULL;
    g_auto(NtEvent) event = {0};
    g_assert_true(
        read_text("{\"kind\": \"view\", \"product\": \"a\", \"session\": \"x\", \"time\": null}", &event, &error));
    g_assert_cmpstr(event.visitor, ==, "s:x");
    g_assert_cmpint(event.time, ==, NOW);
    g_assert_true(event.position == -1 && isnan(event.value) && event.id == NULL && event.key >> 63 == 0);
}

static void test_refused(void) {
#define REST "\"product\": \"a\", \"user\": \"u\""
    static const struct {
        const char *json, *field, *says;
    } cases[] = {
        {"[]", "event", "is an object"},
        {"{" REST "}", "kind", "is impression, view, click"},
        {"{\"kind\": \"buy\", " REST "}", "kind", "is impression, view, click"},
        {"{\"kind\": 1, " REST "}", "kind", "is a text"},
        {"{\"kind\": \"view\", \"user\": \"u\"}", "product", "names the product"},
        {"{\"kind\": \"view\", \"product\": \"\", \"user\": \"u\"}", "product", "has 1 to 1024 bytes"},
        {"{\"kind\": \"view\", \"product\": \"a\\u0007\", \"user\": \"u\"}", "product", "control character"},
        {"{\"kind\": \"view\", \"product\": \"a\"}", "user", "or 'session' says"},
        {"{\"kind\": \"view\", " REST ", \"session\": \"x\"}", "user", "exclude each other"},
        {"{\"kind\": \"view\", \"product\": \"a\", \"user\": 7}", "user", "is a text"},
        {"{\"kind\": \"view\", " REST ", \"tiem\": 1}", "event", "a member that is not known"},
        {"{\"kind\": \"view\", " REST ", \"time\": 1764150301}", "time", "lies in the future"},
        {"{\"kind\": \"view\", " REST ", \"time\": 1764150000000}", "time",
         "in the future: the latest that is taken now "
         "is 2025-11-26T09:45:00Z; are these seconds?"},
        {"{\"kind\": \"view\", " REST ", \"time\": 1e300}", "time", "is Unix seconds"},
        {"{\"kind\": \"view\", " REST ", \"time\": -1}", "time", "is Unix seconds"},
        {"{\"kind\": \"view\", " REST ", \"time\": 5}", "time", "older than events are kept"},
        {"{\"kind\": \"view\", " REST ", \"time\": \"2025-11-26\"}", "time", "RFC 3339"},
        {"{\"kind\": \"view\", " REST ", \"time\": \"2025-11-26T09:00:00\"}", "time", "RFC 3339"},
        {"{\"kind\": \"view\", " REST ", \"time\": \"2025-13-26T09:00:00Z\"}", "time", "RFC 3339"},
        {"{\"kind\": \"view\", " REST ", \"time\": true}", "time", "is Unix seconds"},
        {"{\"kind\": \"view\", " REST ", \"position\": 1}", "position", "says nothing without"},
        {"{\"kind\": \"view\", " REST ", \"rec_id\": \"r\", \"position\": -1}", "position", "from 0"},
        {"{\"kind\": \"view\", " REST ", \"rec_id\": \"r\", \"position\": 1.5}", "position", "from 0"},
        {"{\"kind\": \"view\", " REST ", \"rec_id\": \"r\", \"position\": 10000}", "position", "from 0"},
        {"{\"kind\": \"purchase\", " REST ", \"value\": -1}", "value", "amount of money"},
        {"{\"kind\": \"purchase\", " REST ", \"value\": \"12\"}", "value", "amount of money"},
        {"{\"kind\": \"purchase\", " REST ", \"value\": 1, \"currency\": \"EURO\"}", "currency", "three letters"},
        {"{\"kind\": \"purchase\", " REST ", \"value\": 1, \"currency\": \"EU\"}", "currency", "three letters"},
        {"{\"kind\": \"purchase\", " REST ", \"currency\": \"EUR\"}", "currency", "without 'value'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(NtEvent) event = {0};
        g_test_message("%s", cases[i].json);
        g_assert_false(read_text(cases[i].json, &event, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        if (strstr(error->message, cases[i].says) == NULL || !g_str_has_prefix(error->message, cases[i].field)) {
            g_error("'%s', '%s' is not in: %s", cases[i].field, cases[i].says, error->message);
        }
        g_assert_null(event.product);
    }
}

/* Each member makes another event, and so does whose it is; an id makes it the same whatever the rest is, of
 * one visitor. */
static void test_same(void) {
    static const char *const different[] = {
        "{\"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000}",
        "{\"kind\": \"click\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000}",
        "{\"kind\": \"view\", \"product\": \"b\", \"user\": \"u\", \"time\": 1764140000}",
        "{\"kind\": \"view\", \"product\": \"a\", \"session\": \"u\", \"time\": 1764140000}",
        "{\"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000.001}",
        "{\"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000, \"rec_id\": \"r\"}",
        "{\"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000, \"scenario\": \"r\"}",
        "{\"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000, \"value\": 0}",
        "{\"id\": \"1\", \"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000}",
        "{\"id\": \"2\", \"kind\": \"view\", \"product\": \"a\", \"user\": \"u\", \"time\": 1764140000}",
    };
    uint64_t keys[G_N_ELEMENTS(different)];
    for (size_t i = 0; i < G_N_ELEMENTS(different); i++) {
        g_auto(NtEvent) event = {0}, again = {0};
        g_assert_true(read_text(different[i], &event, NULL) && read_text(different[i], &again, NULL));
        g_assert_cmpuint(event.key, ==, again.key);
        keys[i] = event.key;
        for (size_t k = 0; k < i; k++) {
            g_assert_cmpuint(keys[k], !=, keys[i]);
        }
    }
    g_auto(NtEvent) event = {0};
    g_auto(NtEvent) other = {0};
    g_assert_true(read_text("{\"id\": \"1\", \"kind\": \"cart\", \"product\": \"z\", \"user\": \"u\"}", &event, NULL));
    g_assert_cmpuint(event.key, ==, keys[8]);
    g_assert_true(read_text("{\"id\": \"1\", \"kind\": \"cart\", \"product\": \"z\", \"user\": \"w\"}", &other, NULL));
    g_assert_cmpuint(other.key, !=, keys[8]);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/event/read", test_read);
    g_test_add_func("/events/event/least", test_least);
    g_test_add_func("/events/event/refused", test_refused);
    g_test_add_func("/events/event/same", test_same);
    return g_test_run();
}
