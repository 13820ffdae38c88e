/* SPDX-License-Identifier: Apache-2.0 */
/* Single values as shops' exports write them, as far as products cannot be put together without reading them. */
#include "connect/export-internal.h"

#include <string.h>

/* Whether the last point or comma, at `mark`, begins the decimals: it stands once, and behind the other kind, or is a
 * point as programs write it, or a comma that at most two digits follow. */
static bool is_decimal(const char *text, size_t size, size_t mark) {
    if (memchr(text, text[mark], mark) != NULL) {
        return false;
    }
    bool behind_other = memchr(text, text[mark] == '.' ? ',' : '.', mark) != NULL;
    return behind_other || text[mark] == '.' || size - mark - 1 <= 2;
}

/* Copies the digits of a price into `out` with a point for its decimal mark; false when something else stands between
 * them, or there are too many. */
static bool take_digits(const char *text, size_t size, char *out, size_t room) {
    size_t mark = size;
    while (mark > 0 && text[mark - 1] != '.' && text[mark - 1] != ',') {
        mark--;
    }
    bool decimal = mark > 0 && is_decimal(text, size, mark - 1);
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        bool point = decimal && i + 1 == mark;
        if (!g_ascii_isdigit(text[i]) && strchr(".,' ", text[i]) == NULL) {
            return false;
        }
        if (g_ascii_isdigit(text[i]) || point) {
            if (used + 1 >= room) {
                return false;
            }
            out[used++] = point ? '.' : text[i];
        }
    }
    out[used] = '\0';
    return true;
}

bool nt_export_price(const char *text, double *out_price) {
    const char *first = strpbrk(text, "0123456789");
    if (first == NULL) {
        return false;
    }
    const char *last = text + strlen(text);
    while (!g_ascii_isdigit(last[-1])) {
        last--;
    }
    char digits[40];
    if (!take_digits(first, (size_t)(last - first), digits, sizeof digits)) {
        return false;
    }
    bool negative = first > text && first[-1] == '-';
    double price = g_ascii_strtod(digits, NULL);
    *out_price = negative ? -price : price;
    return true;
}

/* Reads a moment, with or without seconds; a day alone begins (or, at the end of a span, ends) in this machine's zone.
 */
static GDateTime *read_moment(const char *text, bool end) {
    g_autofree char *bare = g_strstrip(g_strdup(text));
    g_autoptr(GTimeZone) zone = g_time_zone_new_local();
    size_t size = strlen(bare), minutes = strlen("2026-02-24T13:00");
    g_autofree char *whole = NULL;
    if (size == strlen("2026-02-24")) {
        whole = g_strconcat(bare, end ? "T23:59:59" : "T00:00:00", NULL);
    } else if (size >= minutes && bare[minutes] != ':') {
        whole = g_strdup_printf("%.*s:00%s", (int)minutes, bare, bare + minutes);
    } else {
        whole = g_steal_pointer(&bare);
    }
    return g_date_time_new_from_iso8601(whole, zone);
}

bool nt_export_now_within(const char *from, const char *to) {
    g_autoptr(GDateTime) now = g_date_time_new_now_utc(), begin = read_moment(from, false), end = read_moment(to, true);
    return (begin == NULL || g_date_time_compare(begin, now) <= 0) &&
           (end == NULL || g_date_time_compare(now, end) <= 0);
}

bool nt_export_truth(const char *text, bool *out_known) {
    static const char *const yes[] = {"true", "yes", "1", "y", "on"}, *const no[] = {"false", "no",  "0",
                                                                                     "n",     "off", "-1"};
    g_autofree char *bare = g_strstrip(g_strdup(text));
    bool truth = false, known = false;
    for (size_t i = 0; i < G_N_ELEMENTS(yes); i++) {
        truth |= g_ascii_strcasecmp(bare, yes[i]) == 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(no); i++) {
        known |= g_ascii_strcasecmp(bare, no[i]) == 0;
    }
    if (out_known != NULL) {
        *out_known = known || truth;
    }
    return truth;
}

char **nt_export_parts(const char *text) {
    g_autoptr(GStrvBuilder) parts = g_strv_builder_new();
    g_autoptr(GString) part = g_string_new(NULL);
    size_t count = 0;
    for (const char *at = text; count < NT_EXPORT_LIST; at++) {
        if (at[0] == '\\' && at[1] == ',') {
            g_string_append_c(part, *++at);
        } else if (*at != ',' && *at != '\0') {
            g_string_append_c(part, *at);
        } else {
            g_strv_builder_add(parts, g_strstrip(part->str));
            g_string_truncate(part, 0);
            count++;
        }
        if (*at == '\0') {
            break;
        }
    }
    return g_strv_builder_end(parts);
}

char *nt_export_deepest(const char *categories) {
    g_auto(GStrv) parts = nt_export_parts(categories);
    size_t most = 0;
    const char *best = "";
    for (size_t i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) levels = g_strsplit(parts[i], ">", 20);
        size_t count = parts[i][0] == '\0' ? 0 : g_strv_length(levels);
        if (count > most) {
            most = count;
            best = parts[i];
        }
    }
    return g_strdup(best);
}

/* ---- offers ----------------------------------------------------------------------------------------------------- */

void nt_offers_clear(NtOffers *offers) {
    g_free(offers->price);
    g_free(offers->before);
    *offers = (NtOffers){0};
}

void nt_offers_add_price(NtOffers *offers, const char *text, const char *before_text) {
    double price = 0, before = 0;
    bool number = nt_export_price(text, &price), blank = nt_text_blank(text, strlen(text));
    bool better = number ? !offers->priced || price < offers->lowest : offers->price == NULL && !blank;
    if (!better) {
        return;
    }
    bool reduced = number && nt_export_price(before_text, &before) && before > price;
    g_free(offers->price);
    g_free(offers->before);
    offers->price = g_strdup(text);
    offers->before = reduced ? g_strdup(before_text) : NULL;
    offers->priced |= number;
    offers->lowest = number ? price : offers->lowest;
}

bool nt_offers_add_stock(NtOffers *offers, const char *count, bool *out_some) {
    g_autofree char *bare = g_strstrip(g_strdup(count));
    char *end = NULL;
    gint64 number = g_ascii_strtoll(bare, &end, 10);
    *out_some = number > 0;
    if (bare[0] == '\0' || *end != '\0') {
        return false;
    }
    offers->stocked = true;
    offers->stock += (uint64_t)CLAMP(number, 0, 1000000000);
    return true;
}

void nt_offers_add_available(NtOffers *offers, bool available) {
    offers->asked = true;
    offers->available |= available;
}
