/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is found by words (text-query.c), and in which order: by BM25 (Robertson and Zaragoza, "The probabilistic
 * relevance framework", 2009), with k1 = 1.2, b = 0.75 and the weights of Lucene, which stay positive for words that
 * most products have. An occurrence in the title counts four times, one of the whole last word twice, where its
 * beginning was enough. For each word BM25 approaches weight * (k1 + 1) from below, which makes the score: a share of
 * the sum of these.
 *
 * SQLite's own bm25() cannot leave out products that may not be hits before it has ranked them, and takes the whole
 * word and its beginning for two; so the function is made here, through the interface that FTS5 has for this.
 */
#include "catalogue/catalogue-internal.h"

#include <math.h>
#include <string.h>

static const double k1 = 1.2, b = 0.75;
static const double column_weights[] = {4, 1}; /* title, body */
static const char match_type[] = "NtTextMatch";

enum { COUNTED_UNWATCHED = 4096 /* rows, before the wait is looked at again */ };

typedef struct Match {
    NtCatalogue *catalogue;
    const NtTextSearch *search;
    NtTextQuery query;
    bool weighed;
    double weights[NT_TEXT_QUERY_WORDS]; /* of its units */
    double limit;                        /* what BM25 approaches */
    double average;                      /* tokens of a product */
    NtTextHit *hits;                     /* those over the threshold, in the order of products */
    size_t count, room;
    size_t all; /* those under it too */
    double best;
    GError *fault; /* other than SQLite's */
} Match;

/* ---- ranking, inside SQLite's loop ------------------------------------------------------------------------------ */

typedef struct Count {
    const Match *match;
    int64_t rows;
} Count;

static int count_row(const Fts5ExtensionApi *api, Fts5Context *fts, void *data) {
    Count *count = data;
    bool look = ++count->rows % COUNTED_UNWATCHED == 0;
    return look && !nt_wait_check(count->match->catalogue->sql.wait, NULL) ? SQLITE_INTERRUPT : SQLITE_OK;
}

/* Before the first hit: how rare each unit is. */
static int weigh(Match *match, const Fts5ExtensionApi *api, Fts5Context *fts) {
    sqlite3_int64 products = 0, tokens = 0;
    int rc = api->xPhraseCount(fts) == match->query.units + match->query.prefix ? api->xRowCount(fts, &products)
                                                                                : SQLITE_ERROR;
    rc = rc == SQLITE_OK ? api->xColumnTotalSize(fts, -1, &tokens) : rc;
    match->average = products > 0 ? MAX((double)tokens / (double)products, 1) : 1;
    match->limit = 0;
    for (int unit = 0; rc == SQLITE_OK && unit < match->query.units; unit++) {
        Count count = {.match = match};
        bool last = match->query.prefix && unit == match->query.units - 1;
        rc = api->xQueryPhrase(fts, last ? unit + 1 : unit, &count, count_row);
        match->weights[unit] = log1p(((double)(products - count.rows) + 0.5) / ((double)count.rows + 0.5));
        match->limit += match->weights[unit] * (k1 + 1);
    }
    match->weighed = rc == SQLITE_OK;
    return rc;
}

/* Adds the occurrences of a phrase in the current row. */
static int add_occurrences(const Fts5ExtensionApi *api, Fts5Context *fts, int phrase, double *sum) {
    Fts5PhraseIter at;
    int column = 0, offset = 0;
    int rc = api->xPhraseFirst(fts, phrase, &at, &column, &offset);
    for (; rc == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &at, &column, &offset)) {
        *sum += column_weights[MIN((size_t)column, G_N_ELEMENTS(column_weights) - 1)];
    }
    return rc;
}

static int bm25(const Match *match, const Fts5ExtensionApi *api, Fts5Context *fts, double *out) {
    int tokens = 0, rc = api->xColumnSize(fts, -1, &tokens);
    double length = k1 * (1 - b + b * tokens / match->average);
    *out = 0;
    for (int unit = 0; rc == SQLITE_OK && unit < match->query.units; unit++) {
        double occurrences = 0;
        rc = add_occurrences(api, fts, unit, &occurrences);
        if (rc == SQLITE_OK && match->query.prefix && unit == match->query.units - 1) {
            rc = add_occurrences(api, fts, unit + 1, &occurrences);
        }
        *out += match->weights[unit] * occurrences * (k1 + 1) / (occurrences + length);
    }
    return rc;
}

static bool add_hit(Match *match, NtTextHit hit) {
    if (match->count == match->room) {
        size_t room = MAX(2 * match->room, 256);
        NtTextHit *more = nt_alloc(room, sizeof *more, "hits", &match->fault);
        if (more == NULL) {
            return false;
        }
        if (match->count > 0) {
            memcpy(more, match->hits, match->count * sizeof *more);
        }
        nt_free(match->hits);
        match->hits = more;
        match->room = room;
    }
    match->hits[match->count++] = hit;
    return true;
}

/* nt_rank(product_words, match): takes the row in, if it may be a hit. */
static void rank(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int argc,
                 sqlite3_value **argv) {
    Match *match = argc == 1 ? sqlite3_value_pointer(argv[0], match_type) : NULL;
    int rc = match == NULL ? SQLITE_MISUSE : match->weighed ? SQLITE_OK : weigh(match, api, fts);
    NtTextHit hit = {.product = rc == SQLITE_OK ? api->xRowid(fts) : 0};
    if (rc == SQLITE_OK && (match->search->allow == NULL || match->search->allow(hit.product, match->search->data))) {
        rc = bm25(match, api, fts, &hit.raw);
        hit.score = 100 * hit.raw / match->limit;
        match->best = MAX(match->best, hit.score);
        match->all++;
        if (rc == SQLITE_OK && hit.score >= match->search->threshold && !add_hit(match, hit)) {
            rc = SQLITE_NOMEM;
        }
    }
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(context, rc);
    }
}

static bool register_rank(NtCatalogue *catalogue, GError **error) {
    fts5_api *api = NULL;
    g_auto(NtQuery) query = {0};
    if (catalogue->ranks) {
        return true;
    }
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT fts5(?1)", "")) {
        return false;
    }
    sqlite3_bind_pointer(query.stmt, 1, (void *)&api, "fts5_api_ptr", NULL);
    if (nt_query_step(&query, error) < 0) {
        return false;
    }
    int rc = api != NULL ? api->xCreateFunction(api, "nt_rank", NULL, rank, NULL) : SQLITE_ERROR;
    catalogue->ranks = rc == SQLITE_OK;
    return catalogue->ranks || nt_sql_fail_rc(&catalogue->sql, rc, error);
}

/* All hits of the expression. */
static bool collect(Match *match, GError **error) {
    g_auto(NtQuery) query = {0};
    g_autoptr(GError) fault = NULL;
    if (!nt_query_open(&query, &match->catalogue->sql, error,
                       "SELECT nt_rank(product_words, ?2) FROM product_words WHERE product_words MATCH ?1", "t",
                       match->query.expression->str)) {
        return false;
    }
    sqlite3_bind_pointer(query.stmt, 2, match, match_type, NULL);
    int step;
    while ((step = nt_query_step(&query, &fault)) == 1) {
    }
    if (match->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&match->fault));
    } else if (step < 0) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return step == 0;
}

/* ---- the best of them ------------------------------------------------------------------------------------------- */

/* A hit with the id of its product. */
typedef struct Named {
    NtTextHit hit;
    char *id;
} Named;

static void clear_named(void *at) { g_free(((Named *)at)->id); }

static int by_raw(const void *left, const void *right) {
    double x = *(const double *)left, y = *(const double *)right;
    return (x < y) - (x > y);
}

static int by_raw_and_id(const void *left, const void *right) {
    const Named *x = left, *y = right;
    return x->hit.raw != y->hit.raw ? by_raw(&x->hit.raw, &y->hit.raw) : strcmp(x->id, y->id);
}

static bool add_named(NtCatalogue *catalogue, GArray *named, NtTextHit hit, GError **error) {
    char *id = nt_catalogue_product_id(catalogue, hit.product, error);
    if (id != NULL) {
        Named one = {hit, id};
        g_array_append_val(named, one);
    }
    return id != NULL;
}

/* The hits of one value of which not all are wanted, in the order of products. */
typedef struct Tied {
    NtCatalogue *catalogue;
    const Match *match;
    double raw;
    GArray *named;
    size_t wanted; /* in `named`, at the end */
    GError *fault;
} Tied;

static int by_product(const void *left, const void *right) {
    int64_t x = ((const NtTextHit *)left)->product, y = ((const NtTextHit *)right)->product;
    return (x > y) - (x < y);
}

static bool take_tied(int64_t product, void *data) {
    Tied *tied = data;
    NtTextHit key = {.product = product};
    const NtTextHit *hit = bsearch(&key, tied->match->hits, tied->match->count, sizeof key, by_product);
    if (hit != NULL && hit->raw == tied->raw && !add_named(tied->catalogue, tied->named, *hit, &tied->fault)) {
        return false;
    }
    return tied->named->len < tied->wanted;
}

/* The first ones by id of those that have `raw`: many of them are met soon on a walk through all ids, few are looked
 * up. */
static bool add_tied(Match *match, double raw, size_t tied_count, size_t wanted, GArray *named, GError **error) {
    NtCatalogue *catalogue = match->catalogue;
    size_t missing = wanted - named->len;
    if (tied_count > 1000 && tied_count > 4 * missing) {
        Tied tied = {catalogue, match, raw, named, wanted, NULL};
        bool ok = nt_catalogue_each_product(catalogue, take_tied, &tied, error);
        if (tied.fault != NULL) {
            g_clear_error(error);
            g_propagate_error(error, tied.fault);
            return false;
        }
        return ok;
    }
    for (size_t i = 0; i < match->count; i++) {
        if (match->hits[i].raw == raw && !add_named(catalogue, named, match->hits[i], error)) {
            return false;
        }
    }
    return true;
}

/* Appends the best hits to `out`. */
static bool choose(Match *match, GArray *out, GError **error) {
    size_t wanted = MIN(match->search->most, match->count), tied = 0;
    if (wanted == 0) {
        return true;
    }
    nt_autofree double *values = nt_alloc(match->count, sizeof(double), "hits", error);
    g_autoptr(GArray) named = g_array_new(FALSE, FALSE, sizeof(Named));
    g_array_set_clear_func(named, clear_named);
    if (values == NULL) {
        return false;
    }
    for (size_t i = 0; i < match->count; i++) {
        values[i] = match->hits[i].raw;
    }
    qsort(values, match->count, sizeof *values, by_raw);
    double last = values[wanted - 1];
    for (size_t i = 0; i < match->count; i++) {
        tied += match->hits[i].raw == last;
        if (match->hits[i].raw > last && !add_named(match->catalogue, named, match->hits[i], error)) {
            return false;
        }
    }
    if (!add_tied(match, last, tied, wanted, named, error)) {
        return false;
    }
    g_array_sort(named, by_raw_and_id);
    for (guint i = 0; i < MIN(named->len, wanted); i++) {
        g_array_append_val(out, g_array_index(named, Named, i).hit);
    }
    return true;
}

/* ---- the search ------------------------------------------------------------------------------------------------- */

void nt_text_found_clear(NtTextFound *found) { g_clear_pointer(&found->hits, g_array_unref); }

static bool check_text(NtCatalogue *catalogue, const char *text, GError **error) {
    if (!nt_has_words(catalogue)) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: made by an earlier niteru, without an index of words; open it once for writing",
                       catalogue->sql.path);
    }
    if (strnlen(text, NT_TEXT_QUERY_BYTES + 1) > NT_TEXT_QUERY_BYTES) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "the text to search for is longer than %d bytes",
                       NT_TEXT_QUERY_BYTES);
    }
    return g_utf8_validate(text, -1, NULL) ||
           nt_fail(error, NITERU_ERROR_INVALID, "the text to search for is not UTF-8");
}

/* In one mode after the other, until something is found. */
static bool find(Match *match, NtTextFound *out, GError **error) {
    g_autofree char *before = NULL;
    for (NtTextMode mode = NT_TEXT_WHOLE; mode < NT_TEXT_MODES && match->all == 0; mode++) {
        nt_text_query(match->search->text, mode, &match->query);
        out->wordless = match->query.units == 0;
        if (out->wordless || g_strcmp0(before, match->query.expression->str) == 0) {
            continue;
        }
        match->weighed = false;
        out->any = mode == NT_TEXT_PAIRS;
        if (!collect(match, error)) {
            return false;
        }
        g_free(before);
        before = g_strdup(match->query.expression->str);
    }
    return true;
}

bool nt_catalogue_find_text(NtCatalogue *catalogue, const NtTextSearch *search, NtTextFound *out, GError **error) {
    *out = (NtTextFound){.hits = g_array_new(FALSE, FALSE, sizeof(NtTextHit)), .best = -1};
    if (!check_text(catalogue, search->text, error) || !register_rank(catalogue, error)) {
        return false;
    }
    g_autoptr(GString) expression = g_string_new(NULL);
    g_autoptr(GError) fault = NULL;
    Match match = {.catalogue = catalogue, .search = search, .query.expression = expression, .best = -1};
    bool ok = find(&match, out, &fault);
    if (!ok && search->partial && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT)) {
        nt_catalogue_set_wait(catalogue, NULL); /* there is an answer; putting it in order may take its moment */
        g_clear_error(&fault);
        ok = out->partial = true;
    }
    out->best = match.best;
    ok = ok && choose(&match, out->hits, &fault);
    nt_free(match.hits);
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return ok;
}
