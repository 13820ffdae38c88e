/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events out of files, which name their columns as they like: each row is one event, and one more for each kind whose
 * column says that this happened too. doc/events.md has examples.
 */
#include "recommend/recommend-internal.h"

#include <string.h>

#include "connect/connect.h"

enum { BATCH = 200 /* of the largest ones a server still takes so many at a time */ };

/* A pair "member=column" or "member=value". */
typedef struct Pair {
    char *member, *text;
} Pair;

typedef struct Reading {
    const char *path;
    NtRecords *records;
    GArray *maps, *constants, *more; /* Pair */
    bool row_sessions;
    int position_base;
    NtJson *events;
    GArray *lines; /* uint64_t, of each event */
    const NiteruEventsReader *reader;
} Reading;

static void clear_pair(void *data) {
    g_free(((Pair *)data)->member);
    g_free(((Pair *)data)->text);
}

static bool read_pairs(const char *const *texts, const char *option, GArray **out, GError **error) {
    *out = g_array_new(FALSE, FALSE, sizeof(Pair));
    g_array_set_clear_func(*out, clear_pair);
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        const char *at = strchr(texts[i], '=');
        if (at == NULL || at == texts[i] || at[1] == '\0') {
            g_autofree char *safe = nt_text_printable(texts[i], 80);
            nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not of the form NAME=TEXT", safe);
            return nt_fact(error, "option", option);
        }
        Pair pair = {g_strndup(texts[i], (gsize)(at - texts[i])), g_strdup(at + 1)};
        g_array_append_val(*out, pair);
    }
    return true;
}

/* Whether a cell says that something happened. */
static bool is_true(const NtJson *value) {
    const char *text = nt_json_text(value, NULL);
    return text != NULL ? !(g_ascii_strcasecmp(text, "0") == 0 || g_ascii_strcasecmp(text, "false") == 0 ||
                            g_ascii_strcasecmp(text, "no") == 0 || *text == '\0')
                        : nt_json_truth(value, nt_json_number(value, 0) != 0);
}

/* A text of a table as the member's type has it; what is none stays a text, and is refused as such. */
static NtJson *typed(const char *member, const char *text) {
    char *end;
    double number = g_ascii_strtod(text, &end);
    bool whole = *text != '\0' && *end == '\0';
    if (strcmp(member, "position") == 0 && whole && number == (double)(int64_t)number) {
        return nt_json_integer((int64_t)number);
    }
    if (whole && (strcmp(member, "value") == 0 || strcmp(member, "time") == 0)) {
        return nt_json_real(number);
    }
    if (strcmp(member, "time") == 0 && strlen(text) > 10 && text[10] == ' ') { /* as databases print it */
        char *moment = g_strdup(text);
        moment[10] = 'T';
        NtJson *out = nt_json_string(moment);
        g_free(moment);
        return out;
    }
    return nt_json_string(text);
}

static void set_member(const Reading *reading, NtJson *event, const char *member, NtJson *value) {
    const char *text = nt_json_text(value, NULL);
    NtJson *given = text != NULL ? typed(member, text) : nt_json_ref(value);
    if (strcmp(member, "position") == 0 && nt_json_type(given) == NT_JSON_INTEGER) {
        int64_t position = nt_json_int(given, 0) - reading->position_base;
        nt_json_free(given);
        given = nt_json_integer(position);
    }
    nt_json_set(event, member, given);
}

/* The event of a row. Where nothing is mapped its members are the columns. */
static NtJson *make_event(const Reading *reading, const NtJson *row, uint64_t line) {
    static const char *const members[] = {"id",     "kind",     "product",  "user",  "session", "time",
                                          "rec_id", "position", "scenario", "value", "currency"};
    NtJson *event = nt_json_object();
    for (size_t m = 0; m < G_N_ELEMENTS(members); m++) {
        const char *column = members[m];
        for (guint i = 0; i < reading->maps->len; i++) {
            const Pair *map = &g_array_index(reading->maps, Pair, i);
            column = strcmp(map->member, members[m]) == 0 ? map->text : column;
        }
        NtJson *value = nt_json_get(row, column);
        if (value != NULL && nt_json_type(value) != NT_JSON_NULL) {
            set_member(reading, event, members[m], value);
        }
    }
    for (guint i = 0; i < reading->constants->len; i++) {
        const Pair *constant = &g_array_index(reading->constants, Pair, i);
        g_autoptr(NtJson) value = nt_json_string(constant->text);
        set_member(reading, event, constant->member, value);
    }
    if (reading->row_sessions) {
        g_autofree char *name = g_path_get_basename(reading->path);
        g_autofree char *session = g_strdup_printf("%.150s:%" G_GUINT64_FORMAT, name, line);
        nt_json_set(event, "session", nt_json_string(session));
    }
    return event;
}

static bool give_batch(Reading *reading) {
    g_autofree char *text = nt_json_print(reading->events, false);
    bool on = reading->lines->len == 0 ||
              reading->reader->batch(text, (const uint64_t *)(void *)reading->lines->data, reading->lines->len,
                                     nt_records_share(reading->records), reading->reader->data);
    nt_json_free(reading->events);
    reading->events = nt_json_array();
    g_array_set_size(reading->lines, 0);
    return on;
}

static void take_row(Reading *reading, const NtJson *row) {
    uint64_t line = nt_records_line(reading->records);
    NtJson *event = make_event(reading, row, line);
    nt_json_append(reading->events, event);
    g_array_append_val(reading->lines, line);
    for (guint i = 0; i < reading->more->len; i++) {
        const Pair *more = &g_array_index(reading->more, Pair, i);
        if (is_true(nt_json_get(row, more->text))) {
            NtJson *other = make_event(reading, row, line);
            nt_json_append(reading->events, nt_json_set(other, "kind", nt_json_string(more->member)));
            g_array_append_val(reading->lines, line);
        }
    }
}

static bool check_columns(const Reading *reading, const GArray *pairs, const char *option, GError **error) {
    for (guint i = 0; i < pairs->len; i++) {
        const char *column = g_array_index(pairs, Pair, i).text;
        if (!nt_records_has_column(reading->records, column)) {
            g_autofree char *safe = nt_text_printable(column, 60);
            nt_fail(error, NITERU_ERROR_INVALID, "%s: has no column '%s'", reading->path, safe);
            return nt_fact(error, "option", option);
        }
    }
    return true;
}

static bool read_all(Reading *reading, GCancellable *cancellable, GError **error) {
    const NtWait wait = {.cancellable = cancellable};
    for (;;) {
        g_autoptr(GError) fault = NULL;
        g_autoptr(NtJson) row = NULL;
        switch (nt_records_next(reading->records, &row, &fault)) {
        case NT_SOURCE_PRODUCT: take_row(reading, row); break;
        case NT_SOURCE_FAULT:
            reading->reader->fault(nt_records_line(reading->records), fault->message, reading->reader->data);
            break;
        case NT_SOURCE_END: return give_batch(reading) || nt_wait_check(&wait, error);
        case NT_SOURCE_FAILED: g_propagate_error(error, g_steal_pointer(&fault)); return false;
        }
        if (reading->lines->len >= BATCH && (!nt_wait_check(&wait, error) || !give_batch(reading))) {
            return error != NULL && *error == NULL;
        }
    }
}

bool niteru_events_read(const char *path, const NiteruEventsOptions *options, const NiteruEventsReader *reader,
                        GCancellable *cancellable, GError **error) {
    NiteruEventsOptions given;
    if (!NT_OPTIONS_READ(NiteruEventsOptions, &given, options, error)) {
        return false;
    }
    Reading reading = {.path = path,
                       .row_sessions = given.row_sessions,
                       .position_base = given.position_base,
                       .events = nt_json_array(),
                       .lines = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
                       .reader = reader};
    bool ok = read_pairs(given.map, "map", &reading.maps, error);
    ok = read_pairs(given.set, "set", &reading.constants, ok ? error : NULL) && ok;
    ok = read_pairs(given.also, "also", &reading.more, ok ? error : NULL) && ok;
    reading.records = ok ? nt_records_open(path, given.encoding, NULL, error) : NULL;
    ok = reading.records != NULL && check_columns(&reading, reading.maps, "map", error) &&
         check_columns(&reading, reading.more, "also", error) && read_all(&reading, cancellable, error);
    nt_records_close(reading.records);
    g_array_unref(reading.maps);
    g_array_unref(reading.constants);
    g_array_unref(reading.more);
    g_array_unref(reading.lines);
    nt_json_free(reading.events);
    return ok;
}
