/* SPDX-License-Identifier: Apache-2.0 */
/* One event out of JSON. Whoever sends one may be anybody, so everything is bounded before it is kept. */
#include "events/events.h"

#include <math.h>
#include <string.h>

enum { MOST_POSITION = 9999 };
#define MOST_SECONDS 1e14 /* no moment, but what people send who count milliseconds */

static const char *const kinds[] = {"impression", "view", "click", "favourite", "cart", "purchase", "dismiss"};
static const char *const members[] = {"id",     "kind",     "product",  "user",  "session",  "time",
                                      "rec_id", "position", "scenario", "value", "currency", NULL};

const char *nt_event_kind_name(NtEventKind kind) { return kinds[kind]; }

NtEventKind nt_event_kind_of_name(const char *name) {
    NtEventKind kind = 0;
    while (kind < NT_EVENT_KINDS && strcmp(kinds[kind], name) != 0) {
        kind++;
    }
    return kind;
}

void nt_event_clear(NtEvent *event) {
    g_free(event->id);
    g_free(event->product);
    g_free(event->visitor);
    g_free(event->rec);
    g_free(event->scenario);
    *event = (NtEvent){0};
}

NtEventTimes nt_event_times(int64_t now, unsigned retention_days) {
    return (NtEventTimes){.now = now,
                          .oldest = retention_days > 0 ? now - (int64_t)retention_days * 86400000 : 0,
                          .newest = now + NT_EVENT_AHEAD_MS};
}

static bool refuse(GError **error, const char *field, const char *words) {
    nt_fail(error, NITERU_ERROR_INVALID, "%s: %s", field, words);
    return nt_fact(error, "field", field);
}

/* A text of 1 .. `most` bytes without control characters, copied; absent or null: NULL. */
static bool read_text(const NtJson *json, const char *name, size_t most, char **out, GError **error) {
    const NtJson *value = nt_json_get(json, name);
    if (value == NULL || nt_json_type(value) == NT_JSON_NULL) {
        return true;
    }
    const char *text = nt_json_text(value, NULL);
    if (text == NULL) {
        return refuse(error, name, "is a text");
    }
    size_t size = strlen(text);
    if (size == 0 || size > most) {
        g_autofree char *words = g_strdup_printf("has 1 to %zu bytes, not %zu", most, size);
        return refuse(error, name, words);
    }
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        if (g_unichar_iscntrl(g_utf8_get_char(at))) {
            return refuse(error, name, "holds a control character");
        }
    }
    *out = g_strdup(text);
    return true;
}

bool nt_event_time(const NtJson *json, int64_t *out) {
    double seconds = nt_json_number(json, NAN);
    if (!isnan(seconds)) {
        *out = seconds >= 0 && seconds <= MOST_SECONDS ? llround(seconds * 1000) : -1;
        return *out >= 0;
    }
    const char *text = nt_json_text(json, NULL);
    /* GLib takes dates without a time and times without a zone, which say no moment. */
    if (text == NULL || strlen(text) < 20 || strlen(text) > 40 || text[4] != '-' || (text[10] | 0x20) != 't') {
        return false;
    }
    g_autofree char *upper = g_ascii_strup(text, -1);
    g_autoptr(GDateTime) moment = g_date_time_new_from_iso8601(upper, NULL);
    if (moment == NULL) {
        return false;
    }
    *out = g_date_time_to_unix(moment) * 1000 + g_date_time_get_microsecond(moment) / 1000;
    return *out >= 0;
}

static char *time_words(int64_t milliseconds) {
    g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(milliseconds / 1000);
    return moment != NULL ? g_date_time_format(moment, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("?");
}

static bool read_time(const NtJson *json, const NtEventTimes *times, int64_t *out, GError **error) {
    const NtJson *value = nt_json_get(json, "time");
    *out = times->now;
    if (value == NULL || nt_json_type(value) == NT_JSON_NULL) {
        return true;
    }
    if (!nt_event_time(value, out)) {
        return refuse(error, "time", "is Unix seconds or a moment after RFC 3339, such as 2026-11-27T09:30:00Z");
    }
    if (*out <= times->newest && *out >= times->oldest) {
        return true;
    }
    g_autofree char *bound = time_words(*out > times->newest ? times->newest : times->oldest);
    g_autofree char *words = g_strdup_printf(
        *out > times->newest ? "lies in the future: the latest that is taken now is %s; are these seconds?"
                             : "is older than events are kept: the earliest that is taken now is %s",
        bound);
    return refuse(error, "time", words);
}

static bool read_visitor(const NtJson *json, char **out, GError **error) {
    g_autofree char *user = NULL, *session = NULL;
    if (!read_text(json, "user", NT_VISITOR_BYTES - 2, &user, error) ||
        !read_text(json, "session", NT_VISITOR_BYTES - 2, &session, error)) {
        return false;
    }
    if ((user == NULL) == (session == NULL)) {
        return refuse(error, "user",
                      user == NULL ? "or 'session' says whose event it is"
                                   : "and 'session' exclude each other; a session becomes a user's by merging");
    }
    *out = g_strconcat(user != NULL ? "u:" : "s:", user != NULL ? user : session, NULL);
    return true;
}

static bool read_numbers(const NtJson *json, NtEvent *out, GError **error) {
    const NtJson *position = nt_json_get(json, "position"), *value = nt_json_get(json, "value");
    out->position = -1;
    out->value = NAN;
    if (position != NULL && nt_json_type(position) != NT_JSON_NULL) {
        int64_t number = nt_json_int(position, -1);
        if (number < 0 || number > MOST_POSITION) {
            return refuse(error, "position", "is a whole number from 0 (the first place) to 9999");
        }
        if (out->rec == NULL && out->scenario == NULL) {
            return refuse(error, "position", "says nothing without 'rec_id' or 'scenario'");
        }
        out->position = (int)number;
    }
    if (value != NULL && nt_json_type(value) != NT_JSON_NULL) {
        out->value = nt_json_number(value, NAN);
        if (!(out->value >= 0 && out->value <= 1e12)) {
            return refuse(error, "value", "is an amount of money from 0 to 1e12");
        }
    }
    return true;
}

static bool read_currency(const NtJson *json, NtEvent *out, GError **error) {
    g_autofree char *currency = NULL;
    if (!read_text(json, "currency", 16, &currency, error)) {
        return false;
    }
    if (currency == NULL) {
        return true;
    }
    for (size_t i = 0; i < 4; i++) {
        if ((i < 3) != (bool)g_ascii_isalpha(currency[i]) || (i == 3 && currency[i] != '\0')) {
            return refuse(error, "currency", "is a code of three letters (ISO 4217), such as EUR");
        }
        out->currency[i] = g_ascii_toupper(currency[i]);
    }
    return !isnan(out->value) || refuse(error, "currency", "says nothing without 'value'");
}

static bool check_member(const char *key, NtJson *value, void *data) {
    (void)value;
    return *key == '_' || g_strv_contains(members, key) ||
           refuse(data, "event",
                  "has a member that is not known; there are id, kind, product, user, session, time, "
                  "rec_id, position, scenario, value, currency; those of your own begin with '_'");
}

/* The first 63 bits of a SHA-256: nobody can make another visitor's event seem to be there already. The parts are ended
 * by their lengths. */
static uint64_t hash_parts(const char *const *parts, size_t count) {
    g_autoptr(GString) all = g_string_new(NULL);
    uint8_t digest[32];
    for (size_t i = 0; i < count; i++) {
        const char *part = parts[i] != NULL ? parts[i] : "";
        g_string_append_printf(all, "%zu:%s", strlen(part), part);
    }
    nt_sha256(all->str, all->len, digest);
    uint64_t key = 0;
    for (size_t i = 0; i < 8; i++) {
        key = key << 8 | digest[i];
    }
    return key >> 1;
}

static uint64_t key_of(const NtEvent *event) {
    char time[24], position[16], value[NT_REAL_BYTES];
    if (event->id != NULL) {
        /* With the visitor: else anybody who guesses an id keeps somebody else's event from being taken. */
        return hash_parts((const char *const[]){"id", event->id, event->visitor}, 3);
    }
    g_snprintf(time, sizeof time, "%" G_GINT64_FORMAT, event->time);
    g_snprintf(position, sizeof position, "%d", event->position);
    nt_text_real(isnan(event->value) ? -1 : event->value, 6, value);
    const char *const parts[] = {kinds[event->kind], event->product,  event->visitor, time,           event->rec,
                                 position,           event->scenario, value,          event->currency};
    return hash_parts(parts, G_N_ELEMENTS(parts));
}

/* What was done, with what and when, into an event that is cleared by the caller. */
static bool read_action(const NtJson *json, const NtEventTimes *times, NtEvent *out, GError **error) {
    g_autofree char *kind = NULL;
    if (!read_text(json, "kind", 32, &kind, error)) {
        return false;
    }
    out->kind = kind != NULL ? nt_event_kind_of_name(kind) : NT_EVENT_KINDS;
    if (out->kind == NT_EVENT_KINDS) {
        return refuse(error, "kind", "is impression, view, click, favourite, cart, purchase or dismiss");
    }
    if (!read_text(json, "product", 1024, &out->product, error)) {
        return false;
    }
    return (out->product != NULL || refuse(error, "product", "names the product")) &&
           read_time(json, times, &out->time, error);
}

bool nt_event_read_action(const NtJson *json, const NtEventTimes *times, NtEvent *out, GError **error) {
    g_auto(NtEvent) event = {0};
    if (!read_action(json, times, &event, error)) {
        return false;
    }
    *out = event;
    event = (NtEvent){0};
    return true;
}

bool nt_event_read(const NtJson *json, const NtEventTimes *times, NtEvent *out, GError **error) {
    g_auto(NtEvent) event = {0};
    if (nt_json_type(json) != NT_JSON_OBJECT) {
        return refuse(error, "event", "is an object");
    }
    if (!nt_json_foreach(json, check_member, error) || !read_text(json, "id", NT_EVENT_ID_BYTES, &event.id, error) ||
        !read_action(json, times, &event, error) || !read_visitor(json, &event.visitor, error) ||
        !read_text(json, "rec_id", NT_REC_BYTES, &event.rec, error) ||
        !read_text(json, "scenario", NT_SCENARIO_BYTES, &event.scenario, error) || !read_numbers(json, &event, error) ||
        !read_currency(json, &event, error)) {
        return false;
    }
    event.key = key_of(&event);
    *out = event;
    event = (NtEvent){0};
    return true;
}

static void set_text(NtJson *object, const char *name, const char *text) {
    if (text != NULL && *text != '\0') {
        nt_json_set(object, name, nt_json_string(text));
    }
}

NtJson *nt_event_json(const NtEvent *event) {
    NtJson *out = nt_json_object();
    set_text(out, "id", event->id);
    set_text(out, "kind", kinds[event->kind]);
    set_text(out, "product", event->product);
    set_text(out, event->visitor[0] == 'u' ? "user" : "session", event->visitor + 2);
    nt_json_set(out, "time", nt_json_real((double)event->time / 1000));
    set_text(out, "rec_id", event->rec);
    if (event->position >= 0) {
        nt_json_set(out, "position", nt_json_integer(event->position));
    }
    set_text(out, "scenario", event->scenario);
    if (!isnan(event->value)) {
        nt_json_set(out, "value", nt_json_real(event->value));
    }
    set_text(out, "currency", event->currency);
    return out;
}
