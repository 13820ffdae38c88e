/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru_eval: how often neighbours have the query's label. Every photo asks for its nearest products, its own left
 * out; answers count once per product, as they do for a visitor. Figures: precision at k (right answers among the
 * first k, divided by k), average precision at 10 divided by min(10, relevant), recall at k (any right answer among the
 * first k); means over queries, and over labels of the means within each label.
 */
#include "connect/connect.h"
#include "search/search.h"

#include <string.h>

enum { DEPTH = 10, CHUNK = 1024 /* queries at once */, HITS = 200 * CHUNK /* and hits of them */ };

/* One photo with a vector. Entries are in the bytewise order of product ids. */
typedef struct Entry {
    uint64_t vrow;
    int64_t product;
    int32_t label, same; /* interned texts; -1: missing */
    bool query, gallery;
} Entry;

typedef struct Eval {
    const NiteruEvalOptions *options;
    GArray *entries;             /* Entry */
    GHashTable *texts;           /* text -> number + 1 */
    GHashTable *gallery, *query; /* ids; NULL: all */
    uint64_t unlabelled;
    uint64_t rows;
    int32_t *first, *next; /* row -> its first entry, entry -> the next one of its row; -1 ends */
    uint64_t *allow;
    GHashTable *per_label; /* (label) or (label, same) -> number of gallery products */
    size_t base;           /* the first query of the chunk being searched */
    GArray *queries;       /* int32_t entry numbers */
    double *label_sums;    /* (labels, 4): queries, p1, p5, ap */
    NiteruEvalReport report;
} Eval;

static void eval_clear(Eval *eval) {
    g_clear_pointer(&eval->entries, g_array_unref);
    g_clear_pointer(&eval->texts, g_hash_table_unref);
    g_clear_pointer(&eval->gallery, g_hash_table_unref);
    g_clear_pointer(&eval->query, g_hash_table_unref);
    g_clear_pointer(&eval->per_label, g_hash_table_unref);
    g_clear_pointer(&eval->queries, g_array_unref);
    nt_free(eval->first);
    nt_free(eval->next);
    nt_free(eval->allow);
    g_free(eval->label_sums);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Eval, eval_clear)

static Entry *entry_at(const Eval *eval, int32_t i) { return &g_array_index(eval->entries, Entry, i); }

static int32_t intern(Eval *eval, const char *text) {
    if (text == NULL) {
        return -1;
    }
    int number = GPOINTER_TO_INT(g_hash_table_lookup(eval->texts, text));
    if (number == 0) {
        number = (int)g_hash_table_size(eval->texts) + 1;
        g_hash_table_insert(eval->texts, g_strdup(text), GINT_TO_POINTER(number));
    }
    return number - 1;
}

static bool add_entry(const NtVectorEntry *from, void *data) {
    Eval *eval = data;
    bool query = eval->query == NULL || g_hash_table_contains(eval->query, from->id);
    bool gallery = eval->gallery == NULL || g_hash_table_contains(eval->gallery, from->id);
    if ((query || gallery) && from->values[0] == NULL) {
        eval->unlabelled++;
    } else if (query || gallery) {
        Entry entry = {from->vrow, from->product, intern(eval, from->values[0]), intern(eval, from->values[1]),
                       query,      gallery};
        g_array_append_val(eval->entries, entry);
    }
    return true;
}

/* The ids of a file as a set; *out stays NULL without one. */
static bool read_ids(const char *path, GHashTable **out, GError **error) {
    g_auto(NtIds) ids = {0};
    if (path == NULL) {
        return true;
    }
    if (!nt_ids_read(path, &ids, error)) {
        return false;
    }
    *out = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < ids.count; i++) {
        if (ids.lines[i][0] != '\0') {
            g_hash_table_add(*out, g_strdup(ids.lines[i]));
        }
    }
    return true;
}

/* A number for a label, or for a label together with the value neighbours must not share. */
static int64_t *label_key(int32_t label, int32_t same) {
    int64_t key = ((int64_t)label << 32) | (uint32_t)same;
    return g_memdup2(&key, sizeof key);
}

static void count_product(Eval *eval, int32_t label, int32_t same) {
    int64_t *key = label_key(label, same);
    int count = GPOINTER_TO_INT(g_hash_table_lookup(eval->per_label, key));
    g_hash_table_replace(eval->per_label, key, GINT_TO_POINTER(count + 1));
}

static uint64_t products_with(const Eval *eval, int32_t label, int32_t same) {
    g_autofree int64_t *key = label_key(label, same);
    return (uint64_t)GPOINTER_TO_INT(g_hash_table_lookup(eval->per_label, key));
}

/* Chains entries to rows, lists the queries, counts products per label. */
static bool prepare(Eval *eval, GError **error) {
    size_t count = eval->entries->len;
    eval->first = nt_alloc(eval->rows, sizeof(int32_t), "rows", error);
    eval->next = nt_alloc(count, sizeof(int32_t), "photos", error);
    eval->allow = nt_alloc0(eval->rows / 64 + 1, sizeof(uint64_t), "a filter", error);
    if (eval->first == NULL || eval->next == NULL || eval->allow == NULL) {
        return false;
    }
    memset(eval->first, 0xff, eval->rows * sizeof(int32_t));
    eval->per_label = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    eval->queries = g_array_new(FALSE, FALSE, sizeof(int32_t));
    for (int32_t i = (int32_t)count - 1; i >= 0; i--) { /* backwards: chains come out in order */
        Entry *entry = entry_at(eval, i);
        if (entry->vrow >= eval->rows) {
            entry->query = entry->gallery = false; /* named after this evaluation began */
            continue;
        }
        eval->next[i] = eval->first[entry->vrow];
        eval->first[entry->vrow] = i;
        if (entry->gallery) {
            eval->allow[entry->vrow / 64] |= UINT64_C(1) << (entry->vrow % 64);
        }
    }
    int64_t last = 0;
    for (int32_t i = 0; i < (int32_t)count; i++) {
        const Entry *entry = entry_at(eval, i);
        if (entry->query) {
            g_array_append_val(eval->queries, i);
        }
        if (entry->gallery && entry->product != last) {
            last = entry->product;
            count_product(eval, entry->label, -1);
            if (entry->same >= 0) {
                count_product(eval, entry->label, entry->same);
            }
        }
    }
    return true;
}

/* Ids that the catalogue does not have would make an answer of zeros. */
static bool check_sides(const Eval *eval, GError **error) {
    if (eval->queries->len == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: none of these products has a vector and the field '%s'",
                       eval->options->query != NULL ? eval->options->query : "the catalogue", eval->options->label);
    }
    return g_hash_table_size(eval->per_label) > 0 ||
           nt_fail(error, NITERU_ERROR_INVALID, "%s: none of these products has a vector and the field '%s'",
                   eval->options->gallery != NULL ? eval->options->gallery : "the catalogue", eval->options->label);
}

/* Whether entry `other` may answer entry `query`. */
static bool may_answer(const Eval *eval, const Entry *query, const Entry *other) {
    return other->gallery && other->product != query->product &&
           (eval->options->exclude_same == NULL || query->same < 0 || other->same != query->same);
}

static bool excluded(size_t query, uint32_t row, void *data) {
    const Eval *eval = data;
    const Entry *asking = entry_at(eval, g_array_index(eval->queries, int32_t, eval->base + query));
    for (int32_t i = eval->first[row]; i >= 0; i = eval->next[i]) {
        if (may_answer(eval, asking, entry_at(eval, i))) {
            return false;
        }
    }
    return true;
}

/* Rows that tie come in the order of their first products' ids, which is the order of entries. */
static int by_entry(uint32_t a, uint32_t b, void *data) {
    const Eval *eval = data;
    return eval->first[a] != eval->first[b] ? (eval->first[a] < eval->first[b] ? -1 : 1) : (a > b) - (a < b);
}

/* Judges one query's rows: fills right[] for the first DEPTH products. Returns how many there are. */
static unsigned judge(const Eval *eval, const Entry *query, const NtHit *hits, size_t count, bool right[DEPTH]) {
    int64_t seen[DEPTH];
    unsigned answers = 0;
    for (size_t h = 0; h < count && answers < DEPTH; h++) {
        for (int32_t i = eval->first[hits[h].row]; i >= 0 && answers < DEPTH; i = eval->next[i]) {
            const Entry *other = entry_at(eval, i);
            bool known = !may_answer(eval, query, other);
            for (unsigned a = 0; !known && a < answers; a++) {
                known = seen[a] == other->product;
            }
            if (!known) {
                seen[answers] = other->product;
                right[answers++] = other->label == query->label;
            }
        }
    }
    return answers;
}

static void add_query(Eval *eval, const Entry *query, const NtHit *hits, size_t count) {
    bool right[DEPTH] = {false};
    judge(eval, query, hits, count, right);
    uint64_t relevant = products_with(eval, query->label, -1);
    if (eval->options->exclude_same != NULL && query->same >= 0) {
        relevant -= products_with(eval, query->label, query->same);
    } else {
        relevant -= query->gallery; /* its own product */
    }
    double found = 0, precision_sum = 0, at[DEPTH + 1] = {0};
    for (unsigned i = 0; i < DEPTH; i++) {
        found += right[i];
        at[i + 1] = found;
        precision_sum += right[i] ? found / (i + 1) : 0;
    }
    double ap = relevant > 0 ? precision_sum / (double)MIN(relevant, (uint64_t)DEPTH) : 0;
    NiteruEvalReport *report = &eval->report;
    report->queries++;
    report->p1 += at[1];
    report->p5 += at[5] / 5;
    report->p10 += at[10] / 10;
    report->map10 += ap;
    report->recall1 += at[1] > 0;
    report->recall5 += at[5] > 0;
    double *sums = eval->label_sums + 4 * (size_t)query->label;
    sums[0]++;
    sums[1] += at[1];
    sums[2] += at[5] / 5;
    sums[3] += ap;
}

static void finish(Eval *eval) {
    NiteruEvalReport *report = &eval->report;
    double queries = (double)MAX(report->queries, 1);
    double *const means[] = {&report->p1,    &report->p5,      &report->p10,
                             &report->map10, &report->recall1, &report->recall5};
    for (size_t i = 0; i < G_N_ELEMENTS(means); i++) {
        *means[i] /= queries;
    }
    for (guint label = 0; label < g_hash_table_size(eval->texts); label++) {
        const double *sums = eval->label_sums + 4 * (size_t)label;
        if (sums[0] > 0) {
            report->labels++;
            report->macro_p1 += sums[1] / sums[0];
            report->macro_p5 += sums[2] / sums[0];
            report->macro_map10 += sums[3] / sums[0];
        }
    }
    double labels = (double)MAX(report->labels, 1);
    report->macro_p1 /= labels;
    report->macro_p5 /= labels;
    report->macro_map10 /= labels;
    report->unlabelled = eval->unlabelled;
}

/* The most photos any product has, which bounds how many rows are needed for DEPTH products. */
static size_t most_photos(const Eval *eval) {
    size_t most = 1, here = 0;
    int64_t last = 0;
    for (guint i = 0; i < eval->entries->len; i++) {
        const Entry *entry = entry_at(eval, (int32_t)i);
        here = entry->product == last ? here + 1 : 1;
        last = entry->product;
        most = MAX(most, here);
    }
    return most;
}

static bool run(Eval *eval, NiteruCatalogue *catalogue, NtModel *model, const NtWait *wait, GError **error) {
    g_auto(NtRows) view = {0};
    size_t dim = model->card->dimension, k = DEPTH * most_photos(eval), chunk = CLAMP(HITS / k, 1, CHUNK);
    nt_autofree float *vectors = nt_alloc(chunk * dim, sizeof(float), "queries", error);
    nt_autofree NtHit *hits = nt_alloc(chunk * k, sizeof(NtHit), "results", error);
    g_autofree size_t *counts = g_new(size_t, CHUNK);
    if (vectors == NULL || hits == NULL || !nt_model_view(model, eval->rows, &view, error)) {
        return false;
    }
    int64_t started = g_get_monotonic_time();
    for (eval->base = 0; eval->base < eval->queries->len; eval->base += chunk) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        size_t count = MIN(chunk, eval->queries->len - eval->base);
        for (size_t i = 0; i < count; i++) {
            const Entry *entry = entry_at(eval, g_array_index(eval->queries, int32_t, eval->base + i));
            nt_rows_get(&view, entry->vrow, vectors + i * dim);
        }
        NtQueries queries = {.data = vectors, .count = count, .dim = dim};
        NtSearchOptions options = {.k = k,
                                   .threads = catalogue->threads,
                                   .allow = eval->allow,
                                   .excluded = excluded,
                                   .tie = by_entry,
                                   .data = eval};
        if (!nt_exact_search(&view, &queries, &options, hits, counts, error)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            const Entry *entry = entry_at(eval, g_array_index(eval->queries, int32_t, eval->base + i));
            add_query(eval, entry, hits + i * k, counts[i]);
        }
        double seconds = (double)(g_get_monotonic_time() - started) / G_TIME_SPAN_SECOND;
        if (eval->options->progress != NULL) {
            uint64_t done = eval->base + count, total = eval->queries->len;
            double rate = seconds > 0 ? (double)done / seconds : 0;
            eval->options->progress(&(NiteruProgress){.done = done,
                                                      .total = total,
                                                      .seconds = seconds,
                                                      .rate = rate,
                                                      .remaining = rate > 0 ? (double)(total - done) / rate : -1},
                                    eval->options->data);
        }
    }
    return true;
}

/* Why there is nothing to evaluate. */
static bool no_entries(const Eval *eval, NtCatalogue *db, const NtModel *model, GError **error) {
    if (eval->rows == 0) {
        return nt_fail_no_vectors(model, error);
    }
    g_autofree char *words = NULL;
    g_autoptr(NtJson) near = NULL;
    if (eval->options->where != NULL && eval->unlabelled == 0) {
        return nt_explain_where(db, eval->options->where, &near, &words, error) &&
               nt_fail(error, NITERU_ERROR_INVALID, "there is nothing to evaluate: %s", words);
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "no photo with a vector of the model %s has the field '%s'",
                   model->name, eval->options->label);
}

bool niteru_eval(NiteruCatalogue *catalogue, const NiteruEvalOptions *given, GCancellable *cancellable,
                 NiteruEvalReport *out_report, GError **error) {
    NiteruEvalOptions known, *options = &known;
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruEvalOptions, options, given, error)) {
        return false;
    }
    if (options->label == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "an evaluation needs a label: the field that tells what is alike");
    }
    if (!nt_call_begin(&call, catalogue, options->timeout_ms, cancellable, error)) {
        return false;
    }
    int64_t started = g_get_monotonic_time();
    g_auto(Eval) eval = {.options = options,
                         .entries = g_array_new(FALSE, FALSE, sizeof(Entry)),
                         .texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    g_auto(NtReader) reader = {0};
    g_autoptr(NtModel) model = nt_reader_open(&reader, catalogue, error)
                                   ? nt_model_open(catalogue, reader.db, options->model, &eval.rows, error)
                                   : NULL;
    if (model == NULL || !read_ids(options->gallery, &eval.gallery, error) ||
        !read_ids(options->query, &eval.query, error)) {
        return false;
    }
    g_autoptr(NtWhere) where = options->where != NULL ? nt_where_parse(reader.db, options->where, error) : NULL;
    if (options->where != NULL && where == NULL) {
        return false;
    }
    NtVectorQuery query = {.model = model->model, .where = where, .fields = {options->label, options->exclude_same}};
    if (!nt_catalogue_each_vector(reader.db, &query, add_entry, &eval, error)) {
        return false;
    }
    if (eval.entries->len == 0) {
        return no_entries(&eval, reader.db, model, error);
    }
    eval.label_sums = g_new0(double, 4 * (size_t)g_hash_table_size(eval.texts));
    nt_reader_clear(&reader);
    if (!prepare(&eval, error) || !check_sides(&eval, error) || !run(&eval, catalogue, model, &call.wait, error)) {
        return false;
    }
    finish(&eval);
    eval.report.seconds = (double)(g_get_monotonic_time() - started) / G_TIME_SPAN_SECOND;
    nt_report_write(out_report, &eval.report, sizeof eval.report);
    return true;
}
