/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which encoding the bytes of a list are in. Nothing is decided here for the user: a guess is advice, shown with cells
 * decoded by it, so that a person sees whether it is right.
 *
 * Japanese encodings are told by what their characters would be: kana, kanji and full-width signs speak for one,
 * half-width katakana, private characters and kanji in the middle of Latin words against it (cp932 takes many a
 * cp1252 umlaut with its next letter for a kanji). What is neither is cp1252 where it has all the bytes; latin1 is
 * never advised, for it differs from cp1252 in control characters only.
 */
#include "connect/source-internal.h"

#include <string.h>

enum { SAMPLE_LINES = 400, SHOWN_CELLS = 3 };

static const struct {
    const char *given, *iconv;
} aliases[] = {
    {"cp932", "CP932"},        {"shift_jis", "CP932"},       {"shift-jis", "CP932"}, {"shiftjis", "CP932"},
    {"sjis", "CP932"},         {"x-sjis", "CP932"},          {"ms932", "CP932"},     {"windows-31j", "CP932"},
    {"euc-jp", "EUC-JP-MS"},   {"euc_jp", "EUC-JP-MS"},      {"eucjp", "EUC-JP-MS"}, {"x-euc-jp", "EUC-JP-MS"},
    {"cp1252", "CP1252"},      {"windows-1252", "CP1252"},   {"ansi", "CP1252"},     {"latin1", "ISO-8859-1"},
    {"latin-1", "ISO-8859-1"}, {"iso-8859-1", "ISO-8859-1"}, {"utf16", "UTF-16"},    {"utf16le", "UTF-16LE"},
    {"utf16be", "UTF-16BE"},   {"ucs-2", "UTF-16"},
};

const char *nt_encoding_iconv(const char *given) {
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++) {
        if (g_ascii_strcasecmp(given, aliases[i].given) == 0) {
            return aliases[i].iconv;
        }
    }
    return given;
}

bool nt_encoding_is_utf8(const char *given) {
    return given == NULL || g_ascii_strcasecmp(given, "utf-8") == 0 || g_ascii_strcasecmp(given, "utf8") == 0;
}

bool nt_encoding_is_wide(const char *given) {
    return given != NULL && g_ascii_strncasecmp(nt_encoding_iconv(given), "utf-16", 6) == 0;
}

const char *nt_encoding_wide_order(const char *bytes, size_t size) {
    size_t little = 0, big = 0, count = MIN(size, 4096) / 2;
    for (size_t i = 0; i < count; i++) {
        unsigned char first = (unsigned char)bytes[2 * i], second = (unsigned char)bytes[2 * i + 1];
        little += second == 0 && first != 0 && first < 0x80;
        big += first == 0 && second != 0 && second < 0x80;
    }
    if (MAX(little, big) < 4 || MAX(little, big) <= count / 12 || MIN(little, big) > MAX(little, big) / 8) {
        return NULL;
    }
    return little > big ? "utf-16le" : "utf-16be";
}

/* ---- what characters speak for ---------------------------------------------------------------------------------- */

typedef struct Tally {
    size_t lines, failed; /* lines looked at, and those that the encoding does not have */
    size_t kana, kanji, signs, half, odd, other;
    size_t within; /* kanji beside a Latin letter */
} Tally;

static bool is_between(gunichar c, gunichar from, gunichar to) { return c >= from && c <= to; }

static bool is_latin(gunichar c) { return is_between(c, 'a', 'z') || is_between(c, 'A', 'Z'); }

/* Punctuation, circled figures, "(株)" as one character, full-width letters. */
static bool is_japanese_sign(gunichar c) {
    return is_between(c, 0x3000, 0x303f) || is_between(c, 0xff01, 0xff5e) || is_between(c, 0x2460, 0x24ff) ||
           is_between(c, 0x3200, 0x33ff);
}

static void tally_char(Tally *tally, gunichar before, gunichar c, gunichar after) {
    if (c < 0x80) {
        return;
    }
    if (is_between(c, 0x3041, 0x30ff)) {
        tally->kana++;
    } else if (is_between(c, 0x3400, 0x9fff) || is_between(c, 0xf900, 0xfaff)) {
        tally->kanji++;
        tally->within += is_latin(before) || is_latin(after);
    } else if (is_japanese_sign(c)) {
        tally->signs++;
    } else if (is_between(c, 0xff61, 0xff9f)) {
        tally->half++;
    } else if (is_between(c, 0xe000, 0xf8ff) || c < 0xa0) {
        tally->odd++;
    } else {
        tally->other++;
    }
}

static char *decode(const char *bytes, size_t size, const char *encoding) {
    return g_convert(bytes, (gssize)size, "UTF-8", nt_encoding_iconv(encoding), NULL, NULL, NULL);
}

static void tally_line(Tally *tally, const char *line, size_t size, const char *encoding) {
    g_autofree char *text = decode(line, size, encoding);
    tally->lines++;
    tally->failed += text == NULL;
    gunichar before = 0;
    for (const char *p = text; p != NULL && *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p), after = g_utf8_get_char(g_utf8_next_char(p));
        tally_char(tally, before, c, after);
        before = c;
    }
}

static Tally tally_of(const char *bytes, size_t size, const char *encoding) {
    Tally tally = {0};
    for (size_t at = 0; at < size && tally.lines < SAMPLE_LINES;) {
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - bytes) - at : size - at;
        tally_line(&tally, bytes + at, length, encoding);
        at += length + 1;
    }
    return tally;
}

/* How well a Japanese encoding fits, 0: not at all. A line in fifty may be broken. */
static double japanese_fit(const Tally *tally) {
    double letters = (double)(tally->kana + tally->kanji), rest = (double)(tally->half + tally->odd + tally->other);
    double total = letters + (double)tally->signs + rest;
    if (total == 0 || 50 * tally->failed > tally->lines || 2 * (double)tally->within > letters) {
        return 0;
    }
    double score = 2 * (double)tally->kana + (double)tally->kanji + (double)tally->signs - rest -
                   2 * (double)(tally->within + tally->odd);
    return MAX(score / total, 0);
}

/* Half-width katakana come in words, where umlauts come alone: the mean length of runs of the bytes 0xa1 to 0xdf. */
static bool is_half_width(const char *bytes, size_t size, const Tally *tally) {
    size_t runs = 0, inside = 0;
    bool open = false;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        bool in = byte >= 0xa1 && byte <= 0xdf;
        runs += in && !open;
        inside += in;
        open = in;
    }
    return tally->failed == 0 && tally->odd == 0 && tally->half > tally->other && 2 * inside >= 5 * runs && inside >= 3;
}

const char *nt_encoding_guess(const char *bytes, size_t size) {
    Tally shift_jis = tally_of(bytes, size, "cp932"), euc = tally_of(bytes, size, "euc-jp");
    Tally western = tally_of(bytes, size, "cp1252");
    double japanese[] = {japanese_fit(&shift_jis), japanese_fit(&euc)};
    if (japanese[0] > 0 || japanese[1] > 0) {
        return japanese[0] >= japanese[1] ? "cp932" : "euc-jp";
    }
    if (is_half_width(bytes, size, &shift_jis)) {
        return "cp932";
    }
    return 50 * western.failed <= western.lines ? "cp1252" : NULL;
}

/* ---- showing ---------------------------------------------------------------------------------------------------- */

/* What cells are parted by in a list whose first line this is. */
static char mark_of(const char *text) {
    static const char marks[] = "\t;,|";
    if (*text == '{') {
        return '"'; /* JSONL: what stands between quotes */
    }
    size_t most = 0;
    char best = ',';
    for (size_t m = 0; m < strlen(marks); m++) {
        size_t count = 0;
        for (const char *p = text; *p != '\0' && *p != '\n'; p++) {
            count += *p == marks[m];
        }
        if (count > most) {
            most = count;
            best = marks[m];
        }
    }
    return best;
}

static bool has_letter(const char *text) {
    const char *p = text;
    while (*p != '\0' && !g_unichar_isalnum(g_utf8_get_char(p))) {
        p = g_utf8_next_char(p);
    }
    return *p != '\0';
}

static bool is_plain(const char *text) {
    while (*text != '\0' && (unsigned char)*text < 0x80) {
        text++;
    }
    return *text == '\0';
}

/* How long the cell is that a text begins with, its quotes included. */
static size_t cell_size(const char *text, const char *parting) {
    const char *close = *text == '"' && *parting != '"' ? strchr(text + 1, '"') : NULL;
    bool quoted = close != NULL && (close[1] == '\0' || strchr(parting, close[1]) != NULL);
    return quoted ? (size_t)(close + 1 - text) : strcspn(text, parting);
}

/* Adds the cells of a text that are, or are not, plain ASCII, each once, until there are three. */
static void add_cells(GPtrArray *shown, const char *text, char mark, bool plain) {
    const char parting[] = {mark, '\n', '\r', '\0'};
    for (const char *p = text; *p != '\0' && shown->len < SHOWN_CELLS;) {
        size_t size = cell_size(p, parting);
        g_autofree char *cell = g_strstrip(g_strndup(p, size));
        g_autofree char *bare = g_strdelimit(g_strdup(cell), "\"", ' ');
        g_autofree char *safe = nt_text_printable(g_strstrip(bare), 40);
        g_autofree char *quoted = g_strdup_printf("'%s'", safe);
        if ((has_letter(bare) || !plain) && bare[0] != '\0' && is_plain(cell) == plain &&
            !g_ptr_array_find_with_equal_func(shown, quoted, g_str_equal, NULL)) {
            g_ptr_array_add(shown, g_steal_pointer(&quoted));
        }
        p += size + (p[size] != '\0');
    }
}

char *nt_encoding_cells(const char *header, const char *bytes, size_t size, const char *encoding) {
    GString *text = g_string_new(NULL);
    for (size_t at = 0; at < size && text->len < 65536;) { /* line by line: one may be broken */
        const char *end = nt_encoding_is_wide(encoding) ? NULL : memchr(bytes + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - bytes) - at : size - at;
        g_autofree char *line = decode(bytes + at, length, encoding);
        g_string_append_printf(text, "%s\n", line != NULL ? line : "");
        at += length + 1;
    }
    char mark = mark_of(header != NULL ? header : text->str);
    g_autoptr(GPtrArray) shown = g_ptr_array_new_with_free_func(g_free);
    add_cells(shown, text->str, mark, false);
    add_cells(shown, text->str, mark, true);
    g_ptr_array_add(shown, NULL);
    g_string_free(text, TRUE);
    return g_strjoinv(", ", (char **)shown->pdata);
}
