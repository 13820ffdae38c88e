/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a query's vectors to products. The index finds rows; which products show a row, and whether any still does, is
 * asked of the database for the rows found only, so that nothing is proportional to the catalogue but the scan itself.
 * A product counts once, by its best photo; rows that yield nothing new (dead, the query's own product, a second photo)
 * are made up for by asking for more rows, until k products are nearer than every row not seen yet, or the rows are
 * used up. So the answer is the exact one, ties included.
 */
#include "search/search.h"

#include <math.h>
#include <string.h>

typedef struct Search {
    NiteruCatalogue *catalogue;
    NtCatalogue *db;
    const NiteruSearchOptions *options;
    size_t k;
    NtModel *model;
    uint64_t rows;
    NtRows view; /* of these rows */
    NtScores scores;
    int64_t own;          /* product left out; 0: none */
    NtWhere *where;       /* NULL: none */
    uint64_t *allow;      /* bitmap of rows that `where` lets through; NULL: all */
    GHashTable *matching; /* products `where` matches; NULL: all */
    GHashTable *found;    /* product -> Found */
    GHashTable *tie_ids;  /* row -> id, for rows that tie */
    GError *fault;        /* the first one met while ties were ordered, where nobody can be told */
} Search;

typedef struct Found {
    int64_t product, photo;
    uint64_t row;
    double raw;
    char *id;
} Found;

static void found_free(void *data) {
    Found *found = data;
    g_free(found->id);
    g_free(found);
}

static void search_clear(Search *search) {
    nt_rows_clear(&search->view);
    g_clear_pointer(&search->where, nt_where_free);
    nt_free(search->allow);
    g_clear_pointer(&search->matching, g_hash_table_unref);
    g_clear_pointer(&search->found, g_hash_table_unref);
    g_clear_pointer(&search->tie_ids, g_hash_table_unref);
    g_clear_error(&search->fault);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

/* ---- conditions ---- */

static bool allow_row(uint64_t vrow, void *data) {
    Search *search = data;
    if (vrow < search->rows) {
        search->allow[vrow / 64] |= UINT64_C(1) << (vrow % 64);
    }
    return true;
}

static bool match_product(int64_t product, const char *id, void *data) {
    g_hash_table_add(((Search *)data)->matching, g_memdup2(&product, sizeof product));
    return true;
}

/* Rows alone do not tell: one file can be the photo of two products of which one matches. */
static bool prepare_where(Search *search, GError **error) {
    if (search->options->where == NULL) {
        return true;
    }
    search->where = nt_where_parse(search->db, search->options->where, error);
    if (search->where == NULL) {
        return false;
    }
    search->allow = nt_alloc0(search->rows / 64 + 1, sizeof(uint64_t), "a filter", error);
    search->matching = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return search->allow != NULL &&
           nt_catalogue_each_row(search->db, search->model->model, search->where, allow_row, search, error) &&
           nt_catalogue_list(search->db, search->where, NULL, 0, match_product, search, error);
}

static bool prepare(Search *search, NtReader *reader, NiteruCatalogue *catalogue, const NiteruSearchOptions *options,
                    GError **error) {
    static const NiteruSearchOptions standard = {0};
    search->catalogue = catalogue;
    search->options = options != NULL ? options : &standard;
    search->k = search->options->k > 0 ? search->options->k : 5;
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    if (!(search->options->threshold >= 0 && search->options->threshold <= 100)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a threshold of %s: scores go from 0 to 100",
                       g_ascii_dtostr(digits, sizeof digits, search->options->threshold));
    }
    if (!nt_reader_open(reader, catalogue, error)) {
        return false;
    }
    search->db = reader->db;
    search->model = nt_model_open(catalogue, search->db, search->options->model, &search->rows, error);
    search->found = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, found_free);
    search->tie_ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return search->model != NULL && nt_model_view(search->model, search->rows, &search->view, error) &&
           nt_model_scores(search->db, search->model, &search->scores, error) && prepare_where(search, error);
}

/* ---- rows to products ---- */

static bool may_answer(const Search *search, int64_t product) {
    return product != search->own && (search->matching == NULL || g_hash_table_contains(search->matching, &product));
}

/* The first id, in bytewise order, of the products that may answer with a row; "" where there is none. */
static const char *tie_id(Search *search, int64_t row) {
    const char *known = g_hash_table_lookup(search->tie_ids, &row);
    if (known != NULL) {
        return known;
    }
    g_autoptr(GArray) owners = g_array_new(FALSE, FALSE, sizeof(NtOwner));
    GError **fault = search->fault == NULL ? &search->fault : NULL;
    bool ok = nt_catalogue_owners(search->db, search->model->model, (uint64_t)row, owners, fault);
    char *first = NULL;
    for (guint i = 0; ok && i < owners->len; i++) {
        int64_t product = g_array_index(owners, NtOwner, i).product;
        if (!may_answer(search, product)) {
            continue;
        }
        fault = search->fault == NULL ? &search->fault : NULL;
        char *id = nt_catalogue_product_id(search->db, product, fault);
        if (id != NULL && (first == NULL || strcmp(id, first) < 0)) {
            g_free(first);
            first = g_steal_pointer(&id);
        }
        g_free(id);
    }
    first = first != NULL ? first : g_strdup("");
    g_hash_table_insert(search->tie_ids, g_memdup2(&row, sizeof row), first);
    return first;
}

static int by_id(uint32_t a, uint32_t b, void *data) {
    const char *id_a = tie_id(data, a), *id_b = tie_id(data, b);
    int order = strcmp(id_a, id_b);
    if (*id_a == '\0' || *id_b == '\0') {
        order = -order; /* rows without an answer last */
    }
    return order != 0 ? order : (a > b) - (a < b);
}

/* Keeps the best photo of each product that a row belongs to. */
static bool take_hit(Search *search, const NtHit *hit, GArray *owners, GError **error) {
    g_array_set_size(owners, 0);
    if (!nt_catalogue_owners(search->db, search->model->model, hit->row, owners, error)) {
        return false;
    }
    for (guint i = 0; i < owners->len; i++) {
        const NtOwner *owner = &g_array_index(owners, NtOwner, i);
        if (!may_answer(search, owner->product)) {
            continue;
        }
        Found *known = g_hash_table_lookup(search->found, &owner->product);
        if (known == NULL) {
            char *id = nt_catalogue_product_id(search->db, owner->product, error);
            if (id == NULL) {
                return false;
            }
            known = g_new(Found, 1);
            *known = (Found){owner->product, owner->photo, hit->row, hit->raw, id};
            g_hash_table_insert(search->found, &known->product, known);
        } else if (nt_metric_nearer(search->model->card->metric, hit->raw, known->raw)) {
            known->raw = hit->raw;
            known->photo = owner->photo;
            known->row = hit->row;
        }
    }
    return true;
}

static int nearest_raw_first(const void *a, const void *b, void *data) {
    double x = *(const double *)a, y = *(const double *)b;
    return x == y ? 0 : nt_metric_nearer(*(NtMetric *)data, x, y) ? -1 : 1;
}

/* Whether no row farther than `farthest` can change the answer: k products are nearer than that. */
static bool is_settled(Search *search, double farthest) {
    guint count = g_hash_table_size(search->found), i = 0;
    if (count < search->k) {
        return false;
    }
    g_autofree double *raws = g_new(double, count);
    GHashTableIter each;
    void *found;
    g_hash_table_iter_init(&each, search->found);
    while (g_hash_table_iter_next(&each, NULL, &found)) {
        raws[i++] = ((const Found *)found)->raw;
    }
    NtMetric metric = search->model->card->metric;
    g_qsort_with_data(raws, (gint)count, sizeof *raws, nearest_raw_first, &metric);
    return nt_metric_nearer(metric, raws[search->k - 1], farthest);
}

/* One round: the `wanted` nearest rows of each query vector. *out_more: rows beyond them may change the answer. */
static bool search_rows(Search *search, const NtQueries *queries, size_t wanted, bool *out_more, GError **error) {
    NtSearchOptions options = {
        .k = wanted, .threads = search->catalogue->threads, .allow = search->allow, .tie = by_id, .data = search};
    nt_autofree NtHit *hits = nt_alloc(queries->count * wanted, sizeof(NtHit), "results", error);
    g_autofree size_t *counts = g_new0(size_t, queries->count);
    if (hits == NULL || !nt_exact_search(&search->view, queries, &options, hits, counts, error)) {
        return false;
    }
    if (search->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&search->fault));
        return false;
    }
    g_autoptr(GArray) owners = g_array_new(FALSE, FALSE, sizeof(NtOwner));
    for (size_t q = 0; q < queries->count; q++) {
        for (size_t i = 0; i < counts[q]; i++) {
            if (!take_hit(search, &hits[q * wanted + i], owners, error)) {
                return false;
            }
        }
    }
    *out_more = false;
    for (size_t q = 0; q < queries->count && !*out_more; q++) {
        *out_more = counts[q] == wanted && !is_settled(search, hits[q * wanted + wanted - 1].raw);
    }
    return true;
}

/* ---- the answer ---- */

static int nearest_first(const void *a, const void *b, void *data) {
    const Found *x = *(Found *const *)a, *y = *(Found *const *)b;
    if (x->raw != y->raw) {
        return nt_metric_nearer(*(NtMetric *)data, x->raw, y->raw) ? -1 : 1;
    }
    return strcmp(x->id, y->id);
}

/* Says what is to be said of the answer as a whole: why it is empty, or that even its best is not alike. */
static bool add_note(const Search *search, NiteruResults *results, const Found *best, GError **error) {
    const NiteruResult *first = niteru_results_get(results, 0);
    double score = best != NULL ? nt_scores_of(&search->scores, best->raw) : 0;
    if (first != NULL && nt_score_alike(first->score)) {
        return true;
    }
    char digits[NT_REAL_BYTES];
    nt_text_real(score, 1, digits);
    if (first != NULL) {
        nt_results_note(results,
                        g_strdup_printf("nothing is really alike: the best has %s of 100, and 90 of 100 random pairs "
                                        "have less than %d",
                                        digits, NT_SCORE_FLOOR),
                        NULL);
    } else if (best != NULL) {
        nt_results_note(results,
                        g_strdup_printf("nothing is this alike: the best has %s of 100, under the threshold", digits),
                        NULL);
    } else if (search->matching != NULL && g_hash_table_size(search->matching) == 0) {
        NtJson *near = NULL;
        g_autofree char *words = NULL;
        if (!nt_explain_where(search->db, search->options->where, &near, &words, error)) {
            return false;
        }
        nt_results_note(results, g_strdup_printf("nothing is this alike: %s", words), near);
    } else {
        nt_results_note(results, g_strdup("nothing is this alike: no other product that may answer has a vector"),
                        NULL);
    }
    return true;
}

static NiteruResults *make_results(Search *search, const char *query, GError **error) {
    g_autofree gpointer *items = g_hash_table_get_keys_as_array(search->found, NULL);
    guint count = g_hash_table_size(search->found);
    for (guint i = 0; i < count; i++) {
        items[i] = g_hash_table_lookup(search->found, items[i]);
    }
    g_qsort_with_data(items, (gint)count, sizeof *items, nearest_first, &search->model->card->metric);
    g_autoptr(NiteruResults) results = nt_results_new(query, search->model->name);
    for (guint i = 0; i < MIN(count, search->k); i++) {
        const Found *found = items[i];
        if (nt_scores_of(&search->scores, found->raw) < search->options->threshold) {
            break;
        }
        g_autofree char *location = NULL;
        if (!nt_row_check(search->catalogue, search->db, search->model, &search->view, found->row, error) ||
            !nt_catalogue_photo_names(search->db, found->photo, NULL, &location, error)) {
            return NULL;
        }
        nt_results_add(results, found->id, location, found->raw, &search->scores);
    }
    return add_note(search, results, count > 0 ? items[0] : NULL, error) ? g_steal_pointer(&results) : NULL;
}

static NiteruResults *run_search(Search *search, const char *query, const NtQueries *queries, GError **error) {
    size_t k = (size_t)MIN((uint64_t)search->k, search->rows);
    size_t wanted = 2 * k + 16;
    for (bool more = true; more; wanted *= 4) {
        wanted = (size_t)MIN((uint64_t)wanted, MAX(search->rows, 1));
        if (!search_rows(search, queries, wanted, &more, error)) {
            return NULL;
        }
        if (wanted >= search->rows) {
            break;
        }
    }
    return make_results(search, query, error);
}

static bool has_vectors(const Search *search, GError **error) {
    return search->rows > 0 || nt_fail_no_vectors(search->model, error);
}

NiteruResults *niteru_similar(NiteruCatalogue *catalogue, const char *id, const NiteruSearchOptions *options,
                              GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(Search) search = {0};
    g_autoptr(GArray) photos = g_array_new(FALSE, FALSE, sizeof(NtProductVector));
    if (!prepare(&search, &reader, catalogue, options, error) ||
        !nt_catalogue_find_product(search.db, id, &search.own, error) || !has_vectors(&search, error) ||
        !nt_catalogue_product_vectors(search.db, search.model->model, search.own, photos, error)) {
        return NULL;
    }
    if (photos->len == 0) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND,
                "product '%s' has no vector of the model %s: its photos were not read yet or could not be (niteru show "
                "tells)",
                id, search.model->name);
        return NULL;
    }
    size_t dim = search.model->card->dimension;
    nt_autofree float *vectors = nt_alloc(photos->len * dim, sizeof(float), "a query", error);
    if (vectors == NULL) {
        return NULL;
    }
    for (guint i = 0; i < photos->len; i++) {
        uint64_t row = g_array_index(photos, NtProductVector, i).vrow;
        if (row >= search.rows) {
            nt_fail(error, NITERU_ERROR_CORRUPT,
                    "%s: the database names a vector that is not there; niteru check tells more", catalogue->folder);
            return NULL;
        }
        if (!nt_row_check(catalogue, search.db, search.model, &search.view, row, error)) {
            return NULL;
        }
        nt_rows_get(&search.view, row, vectors + i * dim);
    }
    NtQueries queries = {.data = vectors, .count = photos->len, .dim = dim};
    return run_search(&search, id, &queries, error);
}

static NiteruResults *search_vector(NiteruCatalogue *catalogue, const char *query, const char *photo,
                                    const float *vector, size_t dimension, const NiteruSearchOptions *options,
                                    GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(Search) search = {0};
    if (!prepare(&search, &reader, catalogue, options, error) || !has_vectors(&search, error)) {
        return NULL;
    }
    g_autofree float *own = photo != NULL ? nt_model_embed_file(catalogue, search.model, photo, NULL, error) : NULL;
    if (photo != NULL) {
        vector = own;
        dimension = search.model->card->dimension;
    }
    NtQueries queries = {.data = vector, .count = 1, .dim = dimension};
    return photo == NULL || own != NULL ? run_search(&search, query, &queries, error) : NULL;
}

NiteruResults *niteru_search_photo(NiteruCatalogue *catalogue, const char *path, const NiteruSearchOptions *options,
                                   GError **error) {
    return search_vector(catalogue, path, path, NULL, 0, options, error);
}

NiteruResults *niteru_search_vector(NiteruCatalogue *catalogue, const float *vector, size_t dimension,
                                    const NiteruSearchOptions *options, GError **error) {
    if (vector == NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "no vector was given to search for");
        return NULL;
    }
    return search_vector(catalogue, NULL, NULL, vector, dimension, options, error);
}
