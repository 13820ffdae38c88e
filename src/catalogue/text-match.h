/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search by text: products whose title, texts, lists or id have the words asked for. doc/text-search.md tells what a
 * word is and how products are ordered. Included by catalogue/catalogue.h.
 */
#ifndef NT_CATALOGUE_TEXT_MATCH_H
#define NT_CATALOGUE_TEXT_MATCH_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

enum {
    NT_TEXT_QUERY_BYTES = 1024, /* the longest text that is searched for */
    NT_TEXT_QUERY_WORDS = 32,   /* of it are looked at, the first ones */
    NT_TEXT_BYTES = 16384,      /* of a product's title, and of all its other texts, are found: the first ones */
};

/* The words of a text in the form in which they are compared, with blanks between; new text. Case, width of letters
 * and accents make no difference, nor do hiragana and katakana. A run of a script that is written without blanks gives
 * its pairs of neighbouring characters, and its last one alone. Reads `limit` bytes at most; a text that is not UTF-8
 * has no words. */
char *nt_words(const char *text, size_t limit);

typedef struct NtTextSearch {
    const char *text;
    size_t most;      /* hits wanted, at least 1 */
    double threshold; /* least score */
    bool partial;     /* when the connection's wait is over, what was found so far is the answer */
    bool (*allow)(int64_t product, void *data); /* which products may be hits; NULL: all */
    void *data;
} NtTextSearch;

typedef struct NtTextHit {
    int64_t product;
    double raw;   /* BM25, larger is better */
    double score; /* 0 .. 100: raw as a share of what a product that is nothing but these words would have at most */
} NtTextHit;

typedef struct NtTextFound {
    GArray *hits;  /* NtTextHit, the best first, equal ones in the order of ids */
    double best;   /* the highest score there is, under the threshold too; negative: none */
    bool any;      /* no product that may be a hit has all of the words; these have some */
    bool wordless; /* there is no word in the text */
    bool partial;
} NtTextFound;
void nt_text_found_clear(NtTextFound *found);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtTextFound, nt_text_found_clear)

/* Finds the products that have all the words, of which the last may be a beginning; where there is none, those that
 * have any. Within begin_reading, so that the hits are of one moment. *out is to be cleared, after a failure too.
 * Errors: LIMIT (a text too long), INVALID (it is not UTF-8), UNSUPPORTED (a catalogue of an earlier layout, read as it
 * is, has no index of words), CANCELLED, TIMEOUT. */
bool nt_catalogue_find_text(NtCatalogue *catalogue, const NtTextSearch *search, NtTextFound *out, GError **error);

#endif
