/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as shops write them. One text alone cannot always be read: "1.299" is 1.299 in London and 1,299 in Berlin.
 * The rules, in order:
 *   1. Both marks in one text: the last is the decimal mark ("1.299,00", "1,299.00").
 *   2. One mark several times: it groups thousands ("1.299.000").
 *   3. One mark once, and not followed by exactly three digits, or led by 0 or nothing: decimal ("12,5", "0.299").
 *   4. Otherwise it could be either, and is decided by: a currency without decimals (yen, won: it groups); what the
 *      rest of the column shows (`mark`); a currency with two decimals (it groups: prices have no third decimal);
 *      else "." is decimal and "," groups, as programs write numbers.
 * Spaces, apostrophes and their typographic kin group thousands. A leading zero before another digit is no number:
 * article codes ("0123") stay text. Compatibility forms (full-width digits, "￥") are read as their plain ones.
 */
#include "values/values.h"

#include <math.h>
#include <string.h>

enum { LONGEST = 64, /* bytes; no price is longer */ NO_DECIMALS = 0, TWO_DECIMALS = 2, THREE_DECIMALS = 3 };

typedef struct Currency {
    const char *sign; /* as written */
    const char *code; /* ISO 4217, or the sign again where several countries use it */
    int decimals;
} Currency;

/* A sign that begins with another stands before it. */
static const Currency signs[] = {
    {"US$", "USD", 2}, {"CA$", "CAD", 2},  {"AU$", "AUD", 2}, {"NZ$", "NZD", 2}, {"HK$", "HKD", 2}, {"NT$", "TWD", 2},
    {"MX$", "MXN", 2}, {"SG$", "SGD", 2},  {"CN¥", "CNY", 2}, {"JP¥", "JPY", 0}, {"C$", "CAD", 2},  {"A$", "AUD", 2},
    {"S$", "SGD", 2},  {"R$", "BRL", 2},   {"$", "USD", 2},   {"€", "EUR", 2},   {"£", "GBP", 2},   {"¥", "JPY", 0},
    {"円", "JPY", 0},  {"元", "CNY", 2},   {"₩", "KRW", 0},   {"원", "KRW", 0},  {"₹", "INR", 2},   {"Rs.", "INR", 2},
    {"Rs", "INR", 2},  {"₽", "RUB", 2},  {"₺", "TRY", 2},   {"₫", "VND", 0},   {"฿", "THB", 2},   {"₪", "ILS", 2},
    {"₴", "UAH", 2},   {"₱", "PHP", 2},    {"zł", "PLN", 2},  {"Kč", "CZK", 2},  {"Ft", "HUF", 2},  {"lei", "RON", 2},
    {"Fr.", "CHF", 2}, {"SFr.", "CHF", 2}, {"kr.", "kr", 2},  {"kr", "kr", 2},
};

static const Currency codes[] = {
    {"AED", NULL, 2}, {"ARS", NULL, 2}, {"AUD", NULL, 2}, {"BGN", NULL, 2}, {"BHD", NULL, 3}, {"BRL", NULL, 2},
    {"CAD", NULL, 2}, {"CHF", NULL, 2}, {"CLP", NULL, 0}, {"CNY", NULL, 2}, {"COP", NULL, 2}, {"CZK", NULL, 2},
    {"DKK", NULL, 2}, {"EGP", NULL, 2}, {"EUR", NULL, 2}, {"GBP", NULL, 2}, {"HKD", NULL, 2}, {"HUF", NULL, 2},
    {"IDR", NULL, 2}, {"ILS", NULL, 2}, {"INR", NULL, 2}, {"IQD", NULL, 3}, {"ISK", NULL, 0}, {"JOD", NULL, 3},
    {"JPY", NULL, 0}, {"KES", NULL, 2}, {"KRW", NULL, 0}, {"KWD", NULL, 3}, {"KZT", NULL, 2}, {"LYD", NULL, 3},
    {"MAD", NULL, 2}, {"MXN", NULL, 2}, {"MYR", NULL, 2}, {"NGN", NULL, 2}, {"NOK", NULL, 2}, {"NZD", NULL, 2},
    {"OMR", NULL, 3}, {"PEN", NULL, 2}, {"PHP", NULL, 2}, {"PKR", NULL, 2}, {"PLN", NULL, 2}, {"QAR", NULL, 2},
    {"RON", NULL, 2}, {"RSD", NULL, 2}, {"RUB", NULL, 2}, {"SAR", NULL, 2}, {"SEK", NULL, 2}, {"SGD", NULL, 2},
    {"THB", NULL, 2}, {"TND", NULL, 3}, {"TRY", NULL, 2}, {"TWD", NULL, 2}, {"UAH", NULL, 2}, {"USD", NULL, 2},
    {"UYU", NULL, 2}, {"VND", NULL, 0}, {"ZAR", NULL, 2},
};

/* The currency a text begins with (or ends with); *out_size is what it takes. */
static const Currency *match(const char *text, size_t size, bool at_end, size_t *out_size) {
    for (size_t table = 0; table < 2; table++) {
        const Currency *rows = table == 0 ? codes : signs;
        size_t count = table == 0 ? G_N_ELEMENTS(codes) : G_N_ELEMENTS(signs);
        for (size_t i = 0; i < count; i++) {
            size_t length = strlen(rows[i].sign);
            if (length <= size && memcmp(at_end ? text + size - length : text, rows[i].sign, length) == 0) {
                *out_size = length;
                return &rows[i];
            }
        }
    }
    return NULL;
}

/* The body of a number, taken apart. */
typedef struct Body {
    const char *text;
    size_t size;
    size_t dots, commas;
    size_t last_mark; /* where the last "." or "," is */
    bool grouped;     /* by spaces or apostrophes */
} Body;

static bool scan(Body *body) {
    for (size_t i = 0; i < body->size; i++) {
        char c = body->text[i];
        if (c == '.' || c == ',') {
            body->dots += c == '.';
            body->commas += c == ',';
            body->last_mark = i;
        } else if (c == ' ' || c == '\'') {
            body->grouped = true;
        } else if (!g_ascii_isdigit(c)) {
            return false;
        }
    }
    bool leading_zero = body->size >= 2 && body->text[0] == '0' && g_ascii_isdigit(body->text[1]);
    return body->size > 0 && g_ascii_isdigit(body->text[body->size - 1]) && !leading_zero;
}

/* Whether the first `size` bytes are digits in groups parted by `mark`, a space or an apostrophe: 1-3, then threes;
 * twos are let pass before the last, as India writes them. */
static bool well_grouped(const char *text, size_t size, char mark) {
    size_t run = 0, groups = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && g_ascii_isdigit(text[i])) {
            run++;
            continue;
        }
        bool last = i == size;
        if (!last && text[i] != mark && text[i] != ' ' && text[i] != '\'') {
            return false;
        }
        bool fits = groups == 0 ? run >= 1 && (run <= 3 || last) : run == 3 || (run == 2 && !last);
        if (!fits) {
            return false;
        }
        groups++;
        run = 0;
    }
    return true;
}

/* The decimal mark a body shows by itself: '.', ',', or 0 when it has none or could be either (*out_open). */
static char own_mark(const Body *body, bool *out_open) {
    *out_open = false;
    if (body->dots > 0 && body->commas > 0) {
        return body->text[body->last_mark];
    }
    size_t count = body->dots + body->commas;
    if (count == 0) {
        return 0;
    }
    char mark = body->dots > 0 ? '.' : ',';
    if (count > 1) {
        return mark == '.' ? ',' : '.';
    }
    size_t before = body->last_mark, after = body->size - before - 1;
    if (after == 3 && before >= 1 && before <= 3 && body->text[0] != '0' && !body->grouped) {
        *out_open = true;
        return 0;
    }
    return mark;
}

/* The value of a body whose decimal mark is `mark`. */
static bool evaluate(const Body *body, char mark, double *out) {
    char digits[LONGEST + 1];
    size_t count = 0;
    const char *decimal = memchr(body->text, mark, body->size);
    size_t whole = decimal != NULL ? (size_t)(decimal - body->text) : body->size;
    if (whole > 0 && !well_grouped(body->text, whole, mark == '.' ? ',' : '.')) {
        return false;
    }
    for (size_t i = 0; i < body->size; i++) {
        char c = body->text[i];
        if (i == whole) {
            digits[count++] = '.';
        } else if (g_ascii_isdigit(c)) {
            digits[count++] = c;
        } else if (i > whole) {
            return false; /* a second decimal mark, or groups among the decimals */
        }
    }
    digits[count] = '\0';
    *out = g_ascii_strtod(digits, NULL);
    return true;
}

/* "1e-3", "2.5E+6": as programs write them. */
static bool read_exponent(const char *text, size_t size, double *out) {
    if (memchr(text, 'e', size) == NULL && memchr(text, 'E', size) == NULL) {
        return false;
    }
    if (!g_ascii_isdigit(text[0]) && text[0] != '.') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!g_ascii_isdigit(text[i]) && strchr(".eE+-", text[i]) == NULL) {
            return false;
        }
    }
    char *end = NULL;
    g_autofree char *copy = g_strndup(text, size);
    *out = g_ascii_strtod(copy, &end);
    return *end == '\0' && end != copy && isfinite(*out);
}

/* Plain forms of what typography writes otherwise; NULL when the text is too long or not UTF-8. */
static char *plain(const char *text) {
    if (strlen(text) > LONGEST) {
        return NULL;
    }
    bool ascii = true;
    for (const char *p = text; *p != '\0'; p++) {
        ascii &= (*p & 0x80) == 0;
    }
    if (ascii) {
        return g_strstrip(g_strdup(text));
    }
    /* g_utf8_normalize reads beyond a text that ends inside a character. */
    char *out = g_utf8_validate(text, -1, NULL) ? g_utf8_normalize(text, -1, G_NORMALIZE_ALL_COMPOSE) : NULL;
    if (out == NULL) {
        return NULL;
    }
    static const char *const kin[][2] = {{"\u2212", "-"}, {"\u2013", "-"}, {"\u2019", "'"}};
    GString *mended = g_string_new(out);
    g_free(out);
    for (size_t i = 0; i < G_N_ELEMENTS(kin); i++) {
        g_string_replace(mended, kin[i][0], kin[i][1], 0);
    }
    return g_strstrip(g_string_free(mended, FALSE));
}

static const char *name_of(const Currency *currency) {
    return currency->code != NULL ? currency->code : currency->sign;
}

/* Whether the currency before a number and the one after it are one: "$5 USD", and "$5 CAD", as Canada writes it. */
static bool agree(const Currency *before, const Currency *after) {
    static const struct {
        const char *code, *also;
    } shared[] = {{"USD", "ARS AUD CAD CLP COP HKD MXN NZD SGD TWD UYU"},
                  {"JPY", "CNY"},
                  {"GBP", "EGP"},
                  {"INR", "PKR"},
                  {"kr", "DKK ISK NOK SEK"}};
    const char *first = name_of(before), *last = name_of(after);
    for (size_t i = 0; before->code != NULL && i < G_N_ELEMENTS(shared); i++) {
        if (strcmp(first, shared[i].code) == 0 && strstr(shared[i].also, last) != NULL) {
            return true;
        }
    }
    return strcmp(first, last) == 0;
}

/* Takes sign and currencies off both ends of *text, *size. */
static const Currency *strip(const char **text, size_t *size, bool *out_negative, bool *out_clash) {
    const Currency *before = NULL, *after = NULL;
    size_t taken = 0;
    *out_negative = false;
    for (int pass = 0; pass < 2; pass++) { /* "-$5" and "$-5" */
        if (*size > 0 && (**text == '-' || **text == '+') && !*out_negative) {
            *out_negative = **text == '-';
            (*text)++, (*size)--;
        }
        if (before == NULL && (before = match(*text, *size, false, &taken)) != NULL) {
            *text += taken, *size -= taken;
        }
        while (*size > 0 && **text == ' ') {
            (*text)++, (*size)--;
        }
    }
    if ((after = match(*text, *size, true, &taken)) != NULL) {
        *size -= taken;
    }
    while (*size > 0 && (*text)[*size - 1] == ' ') {
        (*size)--;
    }
    /* "5,-" as in Germany and the Netherlands. */
    if (*size > 2 && (*text)[*size - 1] == '-' && ((*text)[*size - 2] == ',' || (*text)[*size - 2] == '.')) {
        *size -= 2;
    }
    *out_clash = before != NULL && after != NULL && !agree(before, after);
    return after != NULL ? after : before;
}

static bool read_number(const char *given, NtDecimalMark mark, double *out_number, const char **out_currency,
                        NtDecimalMark *out_evidence) {
    g_autofree char *owned = plain(given);
    if (owned == NULL) {
        return false;
    }
    const char *text = owned;
    size_t size = strlen(owned);
    bool negative, clash, open = false;
    const Currency *currency = strip(&text, &size, &negative, &clash);
    double number = 0;
    Body body = {.text = text, .size = size};
    if (clash || size == 0 || size > LONGEST) {
        return false;
    }
    char decimal = 0;
    if (!scan(&body)) {
        if (currency != NULL || !read_exponent(text, size, &number)) {
            return false;
        }
    } else {
        char own = own_mark(&body, &open);
        decimal = own;
        if (open) {
            char written = body.dots > 0 ? '.' : ',', other = written == '.' ? ',' : '.';
            bool whole_money = currency != NULL && currency->decimals == NO_DECIMALS;
            bool money = currency != NULL && currency->decimals == TWO_DECIMALS;
            own = whole_money ? other : 0;
            decimal = whole_money ? other : mark != 0 ? mark : money ? other : '.';
        }
        if (!evaluate(&body, decimal != 0 ? decimal : '.', &number)) {
            return false;
        }
        decimal = own;
    }
    *out_number = negative ? -number : number;
    *out_currency = currency != NULL ? name_of(currency) : NULL;
    *out_evidence = decimal;
    return true;
}

bool nt_number_read(const char *text, NtDecimalMark mark, double *out_number, const char **out_currency) {
    double number = 0;
    const char *currency = NULL;
    NtDecimalMark evidence = 0;
    if (!read_number(text, mark, &number, &currency, &evidence)) {
        return false;
    }
    *out_number = number;
    if (out_currency != NULL) {
        *out_currency = currency;
    }
    return true;
}

NtDecimalMark nt_number_mark(const char *text) {
    double number = 0;
    const char *currency = NULL;
    NtDecimalMark evidence = 0;
    return read_number(text, 0, &number, &currency, &evidence) ? evidence : 0;
}
