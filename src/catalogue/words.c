/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to words. Texts of products and texts that are searched for go the same way: compatibility forms are
 * resolved (NFKD: full and half width, ligatures), case and accents fold, and what is left is composed again. Letters,
 * digits and marks make words; all else stands between them.
 *
 * Chinese, Japanese, Korean, Thai and their like are written without blanks, or with words glued together. Where a word
 * ends takes a dictionary; pairs of neighbouring characters need none and find every part of a run: a word of two
 * characters is a pair, a longer one a phrase of pairs, a single character the beginning of a pair. The last character
 * of a run begins no pair, so it is a token of its own, which also keeps phrases from reaching over the end of a run.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum {
    LONGEST_WORD = 64, /* characters; of what is longer the beginning counts */
    MOST_MARKS = 30, /* in a row, as Unicode's stream-safe format has it: putting n marks in order takes n * n steps */
};

typedef enum Kind { BETWEEN, WORD, RUN } Kind;

static Kind kind_of(gunichar c, Kind before) {
    if (c < 0x80) {
        return g_ascii_isalnum((char)c) ? WORD : BETWEEN;
    }
    if (g_unichar_ismark(c)) {
        return before; /* it belongs to what it stands on */
    }
    if (!g_unichar_isalnum(c)) {
        return BETWEEN;
    }
    switch (g_unichar_get_script(c)) {
    case G_UNICODE_SCRIPT_HAN:
    case G_UNICODE_SCRIPT_HIRAGANA:
    case G_UNICODE_SCRIPT_KATAKANA:
    case G_UNICODE_SCRIPT_BOPOMOFO:
    case G_UNICODE_SCRIPT_HANGUL:
    case G_UNICODE_SCRIPT_THAI:
    case G_UNICODE_SCRIPT_LAO:
    case G_UNICODE_SCRIPT_KHMER:
    case G_UNICODE_SCRIPT_MYANMAR: return RUN;
    default: return c == 0x30fc ? RUN : WORD; /* the prolonged sound mark belongs to two scripts, so to none */
    }
}

static bool is_ascii(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* A copy without the marks that are too many in a row; `text` is valid. */
static char *bound_marks(const char *text, size_t size) {
    GString *out = g_string_sized_new(size);
    unsigned marks = 0;
    for (const char *at = text, *next; at < text + size; at = next) {
        next = g_utf8_next_char(at);
        marks = g_unichar_ismark(g_utf8_get_char(at)) ? marks + 1 : 0;
        if (marks <= MOST_MARKS) {
            g_string_append_len(out, at, next - at);
        }
    }
    return g_string_free(out, FALSE);
}

/* Takes out the accents of Latin, Greek and Cyrillic letters, which are decomposed; makes hiragana katakana. */
static char *fold_letters(const char *text) {
    GString *out = g_string_sized_new(strlen(text));
    for (; *text != '\0'; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);
        if (c < 0x300 || c > 0x36f) {
            g_string_append_unichar(out, c >= 0x3041 && c <= 0x3096 ? c + 0x60 : c);
        }
    }
    return g_string_free(out, FALSE);
}

/* The text as it is compared; new. */
static char *fold(const char *text, size_t limit) {
    size_t size = strnlen(text, limit);
    if (is_ascii(text, size)) {
        return g_ascii_strdown(text, (gssize)size);
    }
    const char *end = text + size;
    if (!g_utf8_validate_len(text, size, &end) && (size < limit || end + 4 <= text + size)) {
        return g_strdup(""); /* other than a character that the limit cuts */
    }
    g_autofree char *bounded = bound_marks(text, (size_t)(end - text));
    g_autofree char *decomposed = g_utf8_normalize(bounded, -1, G_NORMALIZE_ALL);
    g_autofree char *folded = decomposed != NULL ? g_utf8_casefold(decomposed, -1) : NULL;
    g_autofree char *letters = folded != NULL ? fold_letters(folded) : NULL;
    char *composed = letters != NULL ? g_utf8_normalize(letters, -1, G_NORMALIZE_ALL_COMPOSE) : NULL;
    return composed != NULL ? composed : g_strdup("");
}

void nt_words_each(const char *text, size_t limit, void (*each)(const char *word, size_t size, bool run, void *data),
                   void *data) {
    g_autofree char *folded = fold(text, limit);
    const char *start = folded, *cut = NULL;
    unsigned length = 0;
    Kind kind = BETWEEN;
    for (const char *at = folded;; at = g_utf8_next_char(at), length++) {
        Kind now = *at != '\0' ? kind_of(g_utf8_get_char(at), kind) : BETWEEN;
        if (now != kind) {
            if (kind != BETWEEN) {
                each(start, (size_t)((cut != NULL ? cut : at) - start), kind == RUN, data);
            }
            start = at;
            cut = NULL;
            length = 0;
            kind = now;
        }
        if (*at == '\0') {
            return;
        }
        if (kind == WORD && length == LONGEST_WORD) {
            cut = at;
        }
    }
}

void nt_words_pairs(const char *run, size_t size, void (*each)(const char *token, size_t size, void *data),
                    void *data) {
    const char *end = run + size;
    for (const char *at = run, *next; at < end; at = next) {
        next = g_utf8_next_char(at);
        each(at, (size_t)((next < end ? g_utf8_next_char(next) : next) - at), data);
    }
}

static void append_token(const char *token, size_t size, void *data) {
    GString *out = data;
    if (out->len > 0) {
        g_string_append_c(out, ' ');
    }
    g_string_append_len(out, token, (gssize)size);
}

static void append_word(const char *word, size_t size, bool run, void *data) {
    if (run) {
        nt_words_pairs(word, size, append_token, data);
    } else {
        append_token(word, size, data);
    }
}

void nt_words_append(GString *out, const char *text, size_t limit) { nt_words_each(text, limit, append_word, out); }

char *nt_words(const char *text, size_t limit) {
    GString *out = g_string_new(NULL);
    nt_words_append(out, text, limit);
    return g_string_free(out, FALSE);
}
