/* SPDX-License-Identifier: Apache-2.0 */
/* Events in their store: each once, in whatever order and however often they come; bounds, weeks, the retention. */
#include "events/events.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
static const int64_t DAY = INT64_C(86400000), NOW = INT64_C(1764150000000);

static char *folder;

static void remove_all(const char *path) {
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        remove_all(inside);
    }
    g_remove(path);
}

static void begin(void) { folder = g_dir_make_tmp("niteru-events-XXXXXX", NULL); }

static void end(void) {
    remove_all(folder);
    g_clear_pointer(&folder, g_free);
}

static NtEvents *open_store(const NtEventsOptions *options) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(folder, "events", NULL);
    NtEventsOptions given = options != NULL ? *options : nt_events_defaults();
    given.now = NOW;
    NtEvents *events = nt_events_open(path, &given, &error);
    g_assert_no_error(error);
    return events;
}

/* An event as a text makes it. */
static NtEvent *event_of(const char *format, ...) G_GNUC_PRINTF(1, 2);
static NtEvent *event_of(const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) { /* printf writes decimals as the locale has them */
        *at = *at == ',' && at > text && g_ascii_isdigit(at[-1]) && g_ascii_isdigit(at[1]) ? '.' : *at;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) json = nt_json_parse(text, strlen(text), "event", NULL, &error);
    NtEventTimes times = nt_event_times(NOW, 0);
    NtEvent *event = g_new0(NtEvent, 1);
    g_assert_true(nt_event_read(json, &times, event, &error));
    return event;
}

static NtEvent *event_at(const char *kind, const char *product, const char *user, int64_t time) {
    return event_of("{\"kind\": \"%s\", \"product\": \"%s\", \"user\": \"%s\", \"time\": %.3f}", kind, product, user,
                    (double)time / 1000);
}

static void free_event(void *event) {
    nt_event_clear(event);
    g_free(event);
}

static NtEventOutcome insert(NtEvents *events, NtEvent *event) {
    g_autoptr(GError) error = NULL;
    const NtEvent *list[] = {event};
    NtEventOutcome outcome = NT_EVENT_OVER;
    g_assert_true(nt_events_insert(events, list, 1, &outcome, &error));
    free_event(event);
    return outcome;
}

static char *history_of(NtEvents *events, const char *visitor, int64_t since, size_t most) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) actions = nt_events_history(events, visitor, since, most, &error);
    g_assert_no_error(error);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < actions->len; i++) {
        const NtAction *action = &g_array_index(actions, NtAction, i);
        g_autofree char *id = nt_events_product_id(events, action->product, &error);
        g_assert_no_error(error);
        g_string_append_printf(out, "%s%s %s", i > 0 ? ", " : "", nt_event_kind_name(action->kind), id);
    }
    return g_string_free(out, FALSE);
}

static void check_history(NtEvents *events, const char *visitor, const char *expected) {
    g_autofree char *got = history_of(events, visitor, 0, 100);
    g_assert_cmpstr(got, ==, expected);
}

static void test_empty(void) {
    begin();
    g_autoptr(NtEvents) events = open_store(NULL);
    check_history(events, "u:1", "");
    g_assert_true(nt_events_expire(events, NOW, NULL, NULL));
    g_autofree char *path = g_build_filename(folder, "events", NULL);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS)); /* who only looks makes nothing */
    end();
}

static void test_order(void) {
    begin();
    NtEvents *events = open_store(NULL);
    g_assert_true(insert(events, event_at("click", "b", "1", NOW)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_at("view", "a", "1", NOW - 20 * DAY)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_at("cart", "c", "1", NOW - 3 * DAY)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_at("impression", "d", "1", NOW - MINUTE)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_at("view", "z", "2", NOW)) == NT_EVENT_NEW);
    for (int again = 0; again < 2; again++) {
        check_history(events, "u:1", "click b, cart c, view a");
        check_history(events, "u:2", "view z");
        check_history(events, "s:1", "");
        g_autofree char *late = history_of(events, "u:1", NOW - 4 * DAY, 100), *one = history_of(events, "u:1", 0, 1);
        g_assert_cmpstr(late, ==, "click b, cart c");
        g_assert_cmpstr(one, ==, "click b");
        g_assert_true(insert(events, event_at("cart", "c", "1", NOW - 3 * DAY)) == NT_EVENT_KNOWN);
        nt_events_close(events);
        events = open_store(NULL);
    }
    nt_events_close(events);
    end();
}

/* An event with an id is the same whatever its time, as long as that is in its week, or the one before or after. */
static void test_ids(void) {
    begin();
    g_autoptr(NtEvents) events = open_store(NULL);
#define WITH_ID "{\"id\": \"%s\", \"kind\": \"view\", \"product\": \"a\", \"user\": \"1\", \"time\": %.0f}"
    double now = (double)NOW / 1000, week = (double)DAY * 7 / 1000;
    g_assert_true(insert(events, event_of(WITH_ID, "x", now - week)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_of(WITH_ID, "x", now - week)) == NT_EVENT_KNOWN);
    g_assert_true(insert(events, event_of(WITH_ID, "x", now - week + 1)) == NT_EVENT_KNOWN);
    g_assert_true(insert(events, event_of(WITH_ID, "x", now)) == NT_EVENT_KNOWN);
    g_assert_true(insert(events, event_of(WITH_ID, "x", now - 2 * week)) == NT_EVENT_KNOWN);
    g_assert_true(insert(events, event_of(WITH_ID, "y", now)) == NT_EVENT_NEW);
    g_assert_true(
        insert(events, event_of("{\"id\": \"y\", \"kind\": \"view\", \"product\": \"a\", \"user\": \"2\"}")) ==
        NT_EVENT_NEW); /* nobody takes another's */
    check_history(events, "u:1", "view a, view a");
    end();
}

static bool add_event(const NtEvent *event, void *data) {
    g_autoptr(NtJson) json = nt_event_json(event);
    g_autofree char *text = nt_json_print(json, false);
    g_string_append_printf(data, "%s\n", text);
    return true;
}

static void test_whole(void) {
    begin();
    g_autoptr(NtEvents) events = open_store(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) all = g_string_new(NULL);
    insert(events, event_of("{\"id\": \"p\", \"kind\": \"purchase\", \"product\": \"a\", \"session\": \"x\","
                            " \"time\": 1764149000, \"rec_id\": \"r1\", \"position\": 3, \"scenario\": \"cart\","
                            " \"value\": 0, \"currency\": \"JPY\"}"));
    insert(events, event_of("{\"kind\": \"view\", \"product\": \"b\", \"session\": \"x\", \"time\": 1760000000.5}"));
    g_assert_true(nt_events_each(events, "s:x", add_event, all, &error));
    g_assert_cmpstr(
        all->str, ==,
        "{\"kind\": \"view\", \"product\": \"b\", \"session\": \"x\", \"time\": 1760000000.5}\n"
        "{\"id\": \"p\", \"kind\": \"purchase\", \"product\": \"a\", \"session\": \"x\", \"time\": 1764149000.0, "
        "\"rec_id\": \"r1\", \"position\": 3, \"scenario\": \"cart\", \"value\": 0.0, \"currency\": \"JPY\"}\n");
    end();
}

/* One visitor's influence in an hour is bounded, also by a store that is opened anew; all is kept. */
static void test_bounds(void) {
    begin();
    NtEventsOptions options = nt_events_defaults();
    options.actions_an_hour = 10;
    options.impressions_an_hour = 4;
    NtEvents *events = open_store(&options);
    int64_t hour = (NOW - 3 * HOUR) / HOUR * HOUR;
    unsigned counted = 0;
    for (int i = 0; i < 8; i++) {
        counted += insert(events, event_at("click", "same", "1", hour + i)) == NT_EVENT_NEW;
    }
    g_assert_cmpuint(counted, ==, options.repeats_an_hour);
    nt_events_close(events);
    events = open_store(&options);
    g_assert_true(insert(events, event_at("click", "same", "1", hour + 100)) == NT_EVENT_OVER);
    g_assert_true(insert(events, event_at("click", "same", "1", hour + 100)) == NT_EVENT_KNOWN);
    g_assert_true(insert(events, event_at("click", "same", "1", hour + HOUR)) == NT_EVENT_NEW);
    g_assert_true(insert(events, event_at("click", "same", "2", hour)) == NT_EVENT_NEW);
    for (int i = 0; i < 20; i++) {
        g_autofree char *product = g_strdup_printf("p%d", i);
        g_assert_true((insert(events, event_at("view", product, "1", hour + i)) == NT_EVENT_NEW) == (i < 7));
        g_assert_true((insert(events, event_at("impression", product, "1", hour + i)) == NT_EVENT_NEW) == (i < 4));
    }
    g_autofree char *got = history_of(events, "u:1", hour, 100);
    g_auto(GStrv) parts = g_strsplit(got, ",", -1);
    g_assert_cmpuint(g_strv_length(parts), ==, 11);
    g_autoptr(GString) all = g_string_new(NULL);
    g_assert_true(nt_events_each(events, "u:1", add_event, all, NULL));
    unsigned lines = 0;
    for (const char *at = all->str; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    g_assert_cmpuint(lines, ==, 8 + 1 + 1 + 40);
    nt_events_close(events);
    end();
}

static unsigned count_files(void) {
    g_autofree char *path = g_build_filename(folder, "events", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned count = 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        count += g_str_has_suffix(name, ".db");
    }
    return count;
}

static void test_retention(void) {
    begin();
    NtEvents *events = open_store(NULL);
    g_autoptr(GError) error = NULL;
    unsigned days;
    g_assert_true(nt_events_retention(events, &days, &error));
    g_assert_cmpuint(days, ==, 400);
    g_assert_true(nt_events_set_retention(events, 30, &error));
    nt_events_close(events);
    events = open_store(NULL);
    g_assert_true(nt_events_retention(events, &days, &error));
    g_assert_cmpuint(days, ==, 30);
    for (int i = 0; i < 10; i++) {
        g_autofree char *user = g_strdup_printf("%d", i);
        insert(events, event_at("view", "a", user, NOW - i * 7 * DAY));
    }
    insert(events, event_at("view", "old", "9", NOW - 63 * DAY));
    g_assert_cmpuint(count_files(), ==, 11);
    unsigned gone = 0;
    g_assert_true(nt_events_expire(events, NOW, &gone, &error));
    g_assert_cmpuint(gone, ==, 5);
    g_assert_cmpuint(count_files(), ==, 6);
    check_history(events, "u:4", "view a");
    check_history(events, "u:5", "");
    g_assert_true(nt_events_expire(events, NOW, &gone, &error));
    g_assert_cmpuint(gone, ==, 0);
    insert(events, event_at("click", "old", "9", NOW)); /* under numbers of their own */
    check_history(events, "u:9", "click old");
    nt_events_close(events);
    end();
}

static void *insert_many(void *data) {
    for (int i = 0; i < 200; i++) {
        g_autofree char *product = g_strdup_printf("p%d", i), *user = g_strdup_printf("%d", i % 20);
        insert(data, event_at("view", product, user, NOW - (i % 2) * 7 * DAY));
    }
    return NULL;
}

/* Several threads bring the same events at once. */
static void test_together(void) {
    enum { THREADS = 8 };
    begin();
    g_autoptr(NtEvents) events = open_store(NULL);
    GThread *threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        threads[t] = g_thread_new("insert", insert_many, events);
    }
    for (int t = 0; t < THREADS; t++) {
        g_thread_join(threads[t]);
    }
    g_assert_cmpuint(nt_events_count(events, NT_EVENT_VIEW, NULL), ==, 200);
    g_autoptr(GArray) counts = nt_events_product_counts(events, 0, NULL);
    g_assert_cmpuint(counts->len, ==, 200);
    for (guint i = 0; i < counts->len; i++) {
        g_assert_cmpuint(g_array_index(counts, NtProductCounts, i).kinds[NT_EVENT_VIEW], ==, 1);
    }
    end();
}

/* ---- answers ---- */

static void show(NtEvents *events, const char *visitor, NtArm arm, int64_t time, char rec[NT_REC_TEXT]) {
    static const NtLoggedProduct products[] = {{"a", 1, 1}, {"b", 0.5F, 2}, {"c", 0.5F, 1}};
    const NtLoggedAnswer answer = {.visitor = visitor,
                                   .scenario = "home",
                                   .model = "m",
                                   .version = 3,
                                   .arm = arm,
                                   .time = time,
                                   .products = products,
                                   .count = G_N_ELEMENTS(products)};
    nt_events_log(events, &answer, rec);
    g_assert_cmpuint(strlen(rec), ==, 14);
}

static gint by_text(gconstpointer a, gconstpointer b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "home personal 1 click 2 0.0", a line for each outcome, in the order of the alphabet. */
static char *outcomes_of(NtEvents *events) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) all = nt_events_outcomes(events, 0, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < all->len; i++) {
        const NtOutcome *one = &g_array_index(all, NtOutcome, i);
        g_ptr_array_add(lines, g_strdup_printf("%s %s %d %s %u%s%s", one->scenario,
                                               one->arm >= 0 ? nt_arm_name((NtArm)one->arm) : "none", one->position,
                                               one->kind >= 0 ? nt_event_kind_name((NtEventKind)one->kind) : "answer",
                                               (unsigned)one->count, *one->currency != '\0' ? " " : "", one->currency));
    }
    g_ptr_array_sort(lines, by_text);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

/* Events are of the answer that showed the product to this visitor, whatever they say; others are of none. */
static void test_answers(void) {
    begin();
    NtEvents *events = open_store(NULL);
    char mine[NT_REC_TEXT], theirs[NT_REC_TEXT];
    show(events, "u:1", NT_ARM_PERSONAL, NOW - 1000, mine);
    show(events, "u:2", NT_ARM_CONTROL, NOW - 8 * DAY, theirs);
#define OF_ANSWER                                                                                                      \
    "{\"kind\": \"%s\", \"product\": \"%s\", \"user\": \"%s\", \"rec_id\": \"%s\", \"position\": %d, \"time\": %.3f}"
    double now = (double)NOW / 1000;
    insert(events, event_of(OF_ANSWER, "click", "b", "1", mine, 1, now));
    insert(events, event_of(OF_ANSWER, "click", "c", "1", mine, 0, now));      /* stood elsewhere */
    insert(events, event_of(OF_ANSWER, "click", "z", "1", mine, 0, now));      /* was not shown */
    insert(events, event_of(OF_ANSWER, "click", "a", "2", mine, 0, now));      /* to somebody else */
    insert(events, event_of(OF_ANSWER, "click", "a", "1", "rubbish", 0, now)); /* there is no such answer */
    insert(events, event_of(OF_ANSWER, "click", "a", "2", theirs, 0, now));
    /* what is bought within a week of the click is of its answer, in the same call too */
    g_autoptr(GError) error = NULL;
    NtEvent *both[] = {event_of(OF_ANSWER, "click", "a", "1", mine, 0, now + 1),
                       event_of("{\"kind\": \"purchase\", \"product\": \"a\", \"user\": \"1\", \"value\": 5,"
                                " \"currency\": \"EUR\", \"time\": %.3f}",
                                now + 2)};
    NtEventOutcome outcome[2];
    g_assert_true(nt_events_insert(events, (const NtEvent *const *)both, 2, outcome, &error));
    free_event(both[0]);
    free_event(both[1]);
    insert(events, event_at("purchase", "b", "9", NOW)); /* who never clicked */
    static const char expected[] =
        " none 0 click 3\nhome control -1 answer 1\nhome control 0 click 1\n"
        "home personal -1 answer 1\nhome personal 0 click 1\nhome personal 0 purchase 1 EUR\n"
        "home personal 1 click 1\nhome personal 2 click 1";
    for (int again = 0; again < 2; again++) {
        g_autofree char *got = outcomes_of(events);
        g_assert_cmpstr(got, ==, expected);
        nt_events_close(events);
        events = open_store(NULL);
    }
    nt_events_close(events);
    end();
}

/* Answers are on disk soon, without events that would take them there, and when the store is closed. */
static void test_answers_written(void) {
    begin();
    NtEvents *events = open_store(NULL);
    char rec[NT_REC_TEXT];
    for (int i = 0; i < 300; i++) {
        show(events, i % 2 == 0 ? NULL : "s:x", NT_ARM_RANDOM, NOW + i, rec);
    }
    bool there = false;
    for (int tries = 0; !there && tries < 300; tries++) {
        g_usleep(100000);
        g_autofree char *got = outcomes_of(events);
        there = strcmp(got, "home random -1 answer 300") == 0;
    }
    g_assert_true(there);
    show(events, NULL, NT_ARM_RANDOM, NOW, rec);
    nt_events_close(events);
    events = open_store(NULL);
    g_autofree char *got = outcomes_of(events);
    g_assert_cmpstr(got, ==, "home random -1 answer 301");
    nt_events_close(events);
    end();
}

/* ---- merges and erasures ---- */

static unsigned count_of(NtEvents *events, const char *visitor) {
    g_autoptr(GString) all = g_string_new(NULL);
    g_assert_true(nt_events_each(events, visitor, add_event, all, NULL));
    unsigned lines = 0;
    for (const char *at = all->str; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    return lines;
}

static void test_merge(void) {
    begin();
    NtEvents *events = open_store(NULL);
    g_autoptr(GError) error = NULL;
#define OF_SESSION "{\"kind\": \"view\", \"product\": \"%s\", \"session\": \"x\", \"time\": %.3f}"
    double now = (double)NOW / 1000;
    insert(events, event_of(OF_SESSION, "a", now - 9 * 86400));
    insert(events, event_of(OF_SESSION, "b", now));
    insert(events, event_at("cart", "c", "7", NOW - 1000));
    g_assert_true(nt_events_merge(events, "s:x", "u:7", &error));
    for (int again = 0; again < 2; again++) {
        check_history(events, "u:7", "view b, cart c, view a");
        check_history(events, "s:x", "view b, cart c, view a"); /* who is the user now */
        g_assert_true(insert(events, event_of(OF_SESSION, "b", now)) == NT_EVENT_KNOWN);
        nt_events_close(events);
        events = open_store(NULL);
    }
    insert(events, event_of(OF_SESSION, "late", now - 5));
    g_assert_true(nt_events_merge(events, "s:x", "u:7", &error));
    check_history(events, "u:7", "view b, cart c, view late, view a");
    g_assert_cmpuint(nt_events_count(events, NT_EVENT_VIEW, NULL), ==, 3);
    nt_events_close(events);
    end();
}

/* Whether a file below the folder holds a text. */
static bool holds(const char *path, const char *text) {
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *content = NULL;
    gsize size = 0;
    bool found = false;
    for (const char *name; dir != NULL && !found && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *inside = g_build_filename(path, name, NULL);
        found = holds(inside, text);
    }
    if (dir == NULL && g_file_get_contents(path, &content, &size, NULL)) {
        for (gsize i = 0; !found && i + strlen(text) <= size; i++) {
            found = memcmp(content + i, text, strlen(text)) == 0;
        }
    }
    return found;
}

static void test_erase(void) {
    begin();
    NtEvents *events = open_store(NULL);
    g_autoptr(GError) error = NULL;
    char rec[NT_REC_TEXT];
    double now = (double)NOW / 1000;
    for (int i = 0; i < 6; i++) {
        insert(events, event_at("click", "a", "somebody-special", NOW - i * 100));
        insert(events, event_at("click", "a", "another", NOW - i * 100 - 9 * DAY));
    }
    insert(events, event_of("{\"id\": \"very-secret-id\", \"kind\": \"view\", \"product\": \"b\","
                            " \"session\": \"secret-session\", \"time\": %.0f}",
                            now - 9 * 86400));
    g_assert_true(nt_events_merge(events, "s:secret-session", "u:somebody-special", &error));
    show(events, "u:somebody-special", NT_ARM_PERSONAL, NOW, rec);
    show(events, "u:another", NT_ARM_PERSONAL, NOW, rec);
    static const char *const muted[] = {"a"};
    g_assert_true(nt_events_mute(events, "u:somebody-special", muted, 1, &error));
    NtErasure erased;
    g_assert_true(nt_events_erase(events, "u:somebody-special", &erased, &error));
    g_assert_true(erased.known && erased.events == 4 && erased.over == 3 && erased.answers == 1);
    g_assert_true(erased.sessions == 1 && erased.muted == 1);
    g_assert_cmpuint(count_of(events, "u:somebody-special"), ==, 0);
    g_assert_cmpuint(count_of(events, "s:secret-session"), ==, 0);
    g_assert_cmpuint(count_of(events, "u:another"), ==, 6);
    g_assert_false(holds(folder, "somebody-special"));
    g_assert_false(holds(folder, "very-secret-id"));
    g_assert_false(holds(folder, "secret-session"));
    g_assert_true(nt_events_erase(events, "u:somebody-special", &erased, &error) && !erased.known &&
                  erased.events == 0);
    g_assert_cmpuint(nt_events_count(events, NT_EVENT_CLICK, NULL), ==, 6); /* counts name nobody, and stay */
    nt_events_close(events);
    end();
}

/* Killed in the middle of merging and erasing: the next one goes on. */
static void test_merge_killed(void) {
    enum { WEEKS = 30, ROUNDS = 12 };
    begin();
    NtEvents *events = open_store(NULL);
    for (int i = 0; i < WEEKS * 4; i++) {
        g_autofree char *product = g_strdup_printf("p%d", i);
        insert(events, event_of(OF_SESSION, product, (double)(NOW - i % WEEKS * 7 * DAY) / 1000));
        insert(events, event_at("view", product, "gone", NOW - i % WEEKS * 7 * DAY));
    }
    nt_events_close(events);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0) {
            NtErasure erased;
            events = open_store(NULL);
            _exit(nt_events_merge(events, "s:x", "u:7", NULL) && nt_events_erase(events, "u:gone", &erased, NULL) ? 0
                                                                                                                  : 1);
        }
        g_usleep((gulong)g_random_int_range(500, 40000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    events = open_store(NULL);
    g_assert_true(nt_events_merge(events, "s:x", "u:7", NULL));
    NtErasure erased;
    g_assert_true(nt_events_erase(events, "u:gone", &erased, NULL));
    g_assert_cmpuint(count_of(events, "u:7"), ==, WEEKS * 4);
    g_assert_cmpuint(count_of(events, "u:gone"), ==, 0);
    nt_events_close(events);
    end();
}

/* A writer is killed at random moments and begins anew with all: each is there once, and counted once. */
static void test_killed(void) {
    enum { EVENTS = 3000, KILLS = 25 };
    begin();
    for (int round = 0; round <= KILLS; round++) {
        pid_t child = fork();
        if (child == 0) {
            NtEvents *events = open_store(NULL);
            for (int i = 0; i < EVENTS; i++) {
                g_autofree char *product = g_strdup_printf("p%d", i), *user = g_strdup_printf("%d", i / 100);
                insert(events, event_at("view", product, user, NOW - (i % 3) * 7 * DAY - i));
            }
            _exit(0);
        }
        if (round < KILLS) {
            g_usleep((gulong)g_random_int_range(1000, 120000));
            kill(child, SIGKILL);
        }
        int status;
        waitpid(child, &status, 0);
        g_assert_true(round < KILLS || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    g_autoptr(NtEvents) events = open_store(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (int user = 0; user < EVENTS / 100; user++) {
        g_autofree char *visitor = g_strdup_printf("u:%d", user), *got = history_of(events, visitor, 0, 1000);
        g_auto(GStrv) parts = g_strsplit(got, ", ", -1);
        g_assert_cmpuint(g_strv_length(parts), ==, 100);
        for (int i = 0; i < 100; i++) {
            g_assert_true(g_hash_table_add(seen, g_strdup(parts[i])));
        }
    }
    g_assert_cmpuint(nt_events_count(events, NT_EVENT_VIEW, NULL), ==, EVENTS);
    end();
}

static void write_file(const char *name, const char *content, size_t size) {
    g_autofree char *path = g_build_filename(folder, "events", name, NULL);
    g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
}

static char *pairs_of(NtEvents *events, const char *product, NtPairKind kind) {
    g_autoptr(GError) error = NULL;
    GString *out = g_string_new(NULL);
    g_autoptr(GArray) counts = nt_events_product_counts(events, 0, &error);
    g_assert_no_error(error);
    for (guint c = 0; c < counts->len; c++) {
        int64_t number = g_array_index(counts, NtProductCounts, c).product;
        g_autofree char *id = nt_events_product_id(events, number, &error);
        g_autoptr(GArray) pairs = strcmp(id, product) == 0 ? nt_events_pairs(events, number, kind, NOW, &error) : NULL;
        g_assert_no_error(error);
        for (guint i = 0; pairs != NULL && i < pairs->len; i++) {
            const NtPair *pair = &g_array_index(pairs, NtPair, i);
            g_autofree char *other = nt_events_product_id(events, pair->product, &error);
            g_string_append_printf(out, "%s%s %u", out->len > 0 ? ", " : "", other, pair->visitors);
            g_assert_true(pair->strength > 0 && pair->strength <= (float)pair->visitors / (float)(pair->visitors + 8));
        }
    }
    return g_string_free(out, FALSE);
}

static void check_pairs(NtEvents *events, const char *product, NtPairKind kind, const char *expected) {
    g_autofree char *got = pairs_of(events, product, kind);
    g_assert_cmpstr(got, ==, expected);
}

/* Three visitors look at a and b, two of them at c; one looks at d with a, one at e much later, and all at
 * "everywhere", as many others do. */
static void test_pairs(void) {
    begin();
    NtEvents *events = open_store(NULL);
    g_autoptr(GError) error = NULL;
    for (int v = 0; v < 3; v++) {
        g_autofree char *user = g_strdup_printf("%d", v);
        int64_t time = NOW - (v == 2 ? 8 : 1) * DAY; /* also over weeks */
        insert(events, event_at("click", "a", user, time));
        insert(events, event_at("click", "a", user, time + 1));
        insert(events, event_at("view", "b", user, time + MINUTE));
        insert(events, event_at("click", "everywhere", user, time + 2 * MINUTE));
        insert(events, event_at(v < 2 ? "view" : "impression", "c", user, time - MINUTE));
        insert(events, event_at("view", v == 0 ? "d" : "e", user, time + (v == 0 ? MINUTE : 2 * HOUR)));
        insert(events, event_at("purchase", "e", user, time + 3 * HOUR));
        insert(events, event_at("cart", "a", user, time));
    }
    for (int v = 10; v < 40; v++) {
        g_autofree char *user = g_strdup_printf("%d", v);
        insert(events, event_at("view", "everywhere", user, NOW - DAY));
    }
    check_pairs(events, "a", NT_PAIR_CLICKED, "b 3, c 2, everywhere 3");
    check_pairs(events, "a", NT_PAIR_BOUGHT, "e 3");
    check_pairs(events, "d", NT_PAIR_CLICKED, "");
    NtErasure erasure;
    g_assert_true(nt_events_erase(events, "u:0", &erasure, &error));
    check_pairs(events, "a", NT_PAIR_CLICKED, "b 2, everywhere 2"); /* and with them what they paired */
    for (int i = 0; i < 150; i++) {                                 /* one visitor, whatever they do, is one */
        insert(events, event_at("click", i % 2 == 0 ? "a" : "f", "9", NOW - DAY + i * (int64_t)HOUR / 10));
    }
    check_pairs(events, "f", NT_PAIR_CLICKED, "");
    nt_events_close(events);
    end();
}

static void test_damaged(void) {
    begin();
    NtEvents *events = open_store(NULL);
    insert(events, event_at("view", "a", "1", NOW));
    insert(events, event_at("view", "b", "1", NOW - 7 * DAY));
    nt_events_close(events);
    write_file("2025-11-17.db",
               "no database at all, but long enough to have a header of a hundred bytes, and then some more text", 97);
    write_file("notes.txt", "mine", 4);
    events = open_store(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_events_history(events, "u:1", 0, 10, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "2025-11-17.db"));
    g_autofree char *late = history_of(events, "u:1", NOW - DAY, 10);
    g_assert_cmpstr(late, ==, "view a");
    nt_events_close(events);
    end();
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/store/empty", test_empty);
    g_test_add_func("/events/store/order", test_order);
    g_test_add_func("/events/store/ids", test_ids);
    g_test_add_func("/events/store/whole", test_whole);
    g_test_add_func("/events/store/bounds", test_bounds);
    g_test_add_func("/events/store/retention", test_retention);
    g_test_add_func("/events/store/together", test_together);
    g_test_add_func("/events/store/answers", test_answers);
    g_test_add_func("/events/store/answers-written", test_answers_written);
    g_test_add_func("/events/store/merge", test_merge);
    g_test_add_func("/events/store/erase", test_erase);
    g_test_add_func("/events/store/merge-killed", test_merge_killed);
    g_test_add_func("/events/store/killed", test_killed);
    g_test_add_func("/events/store/pairs", test_pairs);
    g_test_add_func("/events/store/damaged", test_damaged);
    return g_test_run();
}
