/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates: year first, in four digits, parted by "-" or "/", as ISO 8601 and East Asia write them. Forms that put the day
 * or the month first cannot be told apart (03/04/2026) and stay text. A time of day is turned to UTC.
 */
#include "values/values.h"

#include <string.h>

/* Reads exactly `count` digits. */
static bool digits(const char **at, int count, int *out) {
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!g_ascii_isdigit(**at)) {
            return false;
        }
        value = 10 * value + (**at - '0');
    }
    *out = value;
    return true;
}

/* "Z", "+09:00", "-0530" or nothing: minutes east of UTC. */
static bool zone(const char **at, int *out_minutes) {
    *out_minutes = 0;
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return true;
    }
    if (**at != '+' && **at != '-') {
        return true;
    }
    int sign = **at == '-' ? -1 : 1, hours = 0, minutes = 0;
    (*at)++;
    if (!digits(at, 2, &hours)) {
        return false;
    }
    *at += **at == ':';
    if (!digits(at, 2, &minutes) || hours > 14 || minutes > 59) {
        return false;
    }
    *out_minutes = sign * (60 * hours + minutes);
    return true;
}

/* "T10:30", " 10:30:05.25+09:00" and the like. */
static bool time_of_day(const char **at, int *hour, int *minute, int *second, int *offset) {
    (*at)++;
    if (!digits(at, 2, hour) || **at != ':' || ((*at)++, !digits(at, 2, minute))) {
        return false;
    }
    if (**at == ':' && ((*at)++, !digits(at, 2, second))) {
        return false;
    }
    if (**at == '.') { /* parts of a second are let go */
        do {
            (*at)++;
        } while (g_ascii_isdigit(**at));
    }
    *at += **at == ' ';
    return *hour < 24 && *minute < 60 && *second < 60 && zone(at, offset);
}

bool nt_date_read(const char *text, char **out_date) {
    const char *at = text;
    while (g_ascii_isspace(*at)) {
        at++;
    }
    int year, month, day;
    if (!digits(&at, 4, &year) || (*at != '-' && *at != '/')) {
        return false;
    }
    char mark = *at++;
    if (!digits(&at, 2, &month) || *at++ != mark || !digits(&at, 2, &day) || year < 1 ||
        !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year)) {
        return false;
    }
    int hour = 0, minute = 0, second = 0, offset = 0;
    bool timed = *at == 'T' || *at == 't' || (*at == ' ' && g_ascii_isdigit(at[1]));
    if (timed && !time_of_day(&at, &hour, &minute, &second, &offset)) {
        return false;
    }
    while (g_ascii_isspace(*at)) {
        at++;
    }
    if (*at != '\0') {
        return false;
    }
    if (!timed) {
        *out_date = g_strdup_printf("%04d-%02d-%02d", year, month, day);
        return true;
    }
    g_autoptr(GDateTime) local = g_date_time_new_utc(year, month, day, hour, minute, second);
    g_autoptr(GDateTime) utc = local != NULL ? g_date_time_add_minutes(local, -offset) : NULL;
    if (utc == NULL) {
        return false;
    }
    g_date_time_get_ymd(utc, &year, &month, &day); /* g_date_time_format would write the year 226 with three digits */
    *out_date = g_strdup_printf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, g_date_time_get_hour(utc),
                                g_date_time_get_minute(utc), g_date_time_get_second(utc));
    return true;
}
