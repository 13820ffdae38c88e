/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a user types to an expression of FTS5, of which nothing that was typed becomes syntax: words (words.c) are
 * letters, digits and marks only, and each stands in quotes. A word matches itself, the last one also what begins with
 * it; a run of a script without blanks matches wherever it stands within another, as a phrase of its pairs. When
 * nothing has all, runs are parted between ideographs and other characters, as Japanese compounds often are; then they
 * are taken apart into pairs, and any of it will do.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

static void add_unit(NtTextQuery *query, const char *phrase, size_t size, const char *behind) {
    if (query->units < NT_TEXT_QUERY_WORDS) {
        if (query->units > 0) {
            g_string_append(query->expression, query->mode == NT_TEXT_PAIRS ? " OR " : " AND ");
        }
        g_string_append_printf(query->expression, "\"%.*s\"%s", (int)size, phrase, behind);
        query->units++;
    }
}

/* A token of a run that is a pair, and not the last character. */
static bool is_pair(const char *token, size_t size) { return g_utf8_next_char(token) < token + size; }

static void add_pair(const char *token, size_t size, void *data) {
    if (is_pair(token, size)) {
        add_unit(data, token, size, "");
    }
}

static void append_pair(const char *token, size_t size, void *data) {
    if (is_pair(token, size)) {
        g_string_append_len(data, token, (gssize)size);
        g_string_append_c(data, ' ');
    }
}

/* A run, or a part of one. */
static void add_run(NtTextQuery *query, const char *run, size_t size) {
    if (!is_pair(run, size)) {
        add_unit(query, run, size, " *"); /* a single character: the beginning of pairs, or a last one */
        return;
    }
    g_autoptr(GString) pairs = g_string_new(NULL);
    nt_words_pairs(run, size, append_pair, pairs);
    add_unit(query, pairs->str, pairs->len - 1, "");
}

static bool is_ideograph(const char *at) { return g_unichar_get_script(g_utf8_get_char(at)) == G_UNICODE_SCRIPT_HAN; }

static void add_parts(NtTextQuery *query, const char *run, size_t size) {
    const char *start = run, *end = run + size;
    for (const char *at = g_utf8_next_char(run); at < end; at = g_utf8_next_char(at)) {
        if (is_ideograph(at) != is_ideograph(start)) {
            add_run(query, start, (size_t)(at - start));
            start = at;
        }
    }
    add_run(query, start, (size_t)(end - start));
}

static void add_word(const char *word, size_t size, bool run, void *data) {
    NtTextQuery *query = data;
    query->prefix = !run && query->units < NT_TEXT_QUERY_WORDS;
    if (!run) {
        add_unit(query, word, size, "");
    } else if (query->mode == NT_TEXT_PARTS) {
        add_parts(query, word, size);
    } else if (query->mode == NT_TEXT_PAIRS && is_pair(word, size)) {
        nt_words_pairs(word, size, add_pair, query);
    } else {
        add_run(query, word, size);
    }
}

/* The last unit, a word, may be a beginning: ... AND ("dre" OR "dre" *). */
static void allow_prefix(GString *expression) {
    const char *last = strrchr(expression->str, ' ');
    gsize at = last != NULL ? (gsize)(last + 1 - expression->str) : 0;
    g_autofree char *word = g_strdup(expression->str + at);
    g_string_truncate(expression, at);
    g_string_append_printf(expression, "(%s OR %s *)", word, word);
}

void nt_text_query(const char *text, NtTextMode mode, NtTextQuery *out) {
    *out = (NtTextQuery){.expression = g_string_truncate(out->expression, 0), .mode = mode};
    nt_words_each(text, NT_TEXT_QUERY_BYTES, add_word, out);
    if (out->prefix) {
        allow_prefix(out->expression);
    }
}
