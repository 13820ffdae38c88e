/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru_eval: how often neighbours have the query's label. Every photo asks for its nearest products, its own left
 * out; answers count once per product, as they do for a visitor. Figures: precision at k (right answers among the
 * first k, divided by k), average precision at 10 divided by min(10, relevant), recall at k (any right answer among the
 * first k); means over queries, and over labels of the means within each label.
 */
#include "connect/connect.h"
#include "search/search.h"

enum { DEPTH = 10, CHUNK = 1024 /* queries at once */ };

/* Products have the numbers 1 and on, in the bytewise order of their ids. In the index their number is their label, and
 * so the order among those equally near. */
typedef struct Product {
    int32_t label, same; /* interned texts; -1: missing */
    bool query, gallery;
    bool has_vector; /* among the rows that are searched */
} Product;

typedef struct Photo {
    uint64_t vrow;
    uint32_t product;
} Photo;

typedef struct Eval {
    const NiteruEvalOptions *options;
    GArray *products;            /* Product; number n at n - 1 */
    GArray *photos;              /* Photo, product by product */
    int64_t last;                /* the catalogue's number of the last product */
    GHashTable *texts;           /* text -> number + 1 */
    GHashTable *gallery, *query; /* ids; NULL: all */
    uint64_t unlabelled;
    uint64_t rows;
    NtLabels owners;       /* row -> the products of the gallery that it is a photo of */
    NtCells groups;        /* product -> its text that neighbours must not share, + 1 */
    GHashTable *per_label; /* (label) or (label, same) -> number of gallery products */
    GArray *queries;       /* Photo */
    double *label_sums;    /* (labels, 4): queries, p1, p5, ap */
    NiteruEvalReport report;
} Eval;

static void eval_clear(Eval *eval) {
    g_clear_pointer(&eval->products, g_array_unref);
    g_clear_pointer(&eval->photos, g_array_unref);
    g_clear_pointer(&eval->texts, g_hash_table_unref);
    g_clear_pointer(&eval->gallery, g_hash_table_unref);
    g_clear_pointer(&eval->query, g_hash_table_unref);
    g_clear_pointer(&eval->per_label, g_hash_table_unref);
    g_clear_pointer(&eval->queries, g_array_unref);
    nt_labels_clear(&eval->owners);
    nt_cells_clear(&eval->groups);
    g_free(eval->label_sums);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Eval, eval_clear)

static Product *product_at(const Eval *eval, uint32_t number) {
    return &g_array_index(eval->products, Product, number - 1);
}

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
    if (!query && !gallery) {
        return true;
    }
    if (from->values[0] == NULL) {
        eval->unlabelled++;
        return true;
    }
    if (eval->products->len == 0 || from->product != eval->last) {
        Product product = {.label = intern(eval, from->values[0]),
                           .same = intern(eval, from->values[1]),
                           .query = query,
                           .gallery = gallery};
        g_array_append_val(eval->products, product);
        eval->last = from->product;
    }
    Photo photo = {.vrow = from->vrow, .product = eval->products->len};
    g_array_append_val(eval->photos, photo);
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

/* Tells whose rows are, lists the queries, counts products per label. */
static bool prepare(Eval *eval, GError **error) {
    nt_autofree uint32_t *owner = nt_alloc0(eval->rows, sizeof *owner, "rows", error); /* the last one added */
    eval->per_label = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    eval->queries = g_array_new(FALSE, FALSE, sizeof(Photo));
    for (guint i = 0; owner != NULL && i < eval->photos->len; i++) {
        const Photo *photo = &g_array_index(eval->photos, Photo, i);
        Product *product = product_at(eval, photo->product);
        if (photo->vrow >= eval->rows) {
            continue; /* named after this evaluation began */
        }
        if (product->query) {
            g_array_append_val(eval->queries, *photo);
        }
        if (!product->gallery || owner[photo->vrow] == photo->product) {
            continue; /* a product may have one picture twice */
        }
        owner[photo->vrow] = photo->product;
        if (!nt_labels_add(&eval->owners, photo->vrow, photo->product, error) ||
            !nt_cells_set(&eval->groups, photo->product, (uint64_t)(product->same + 1), error)) {
            return false;
        }
        if (!product->has_vector) {
            product->has_vector = true;
            count_product(eval, product->label, -1);
            if (product->same >= 0) {
                count_product(eval, product->label, product->same);
            }
        }
    }
    return owner != NULL;
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

static void add_query(Eval *eval, const Product *query, const NtIndexHit *hits, size_t count) {
    uint64_t relevant = products_with(eval, query->label, -1);
    if (eval->options->exclude_same != NULL && query->same >= 0) {
        relevant -= products_with(eval, query->label, query->same);
    } else {
        relevant -= query->has_vector; /* itself */
    }
    double found = 0, precision_sum = 0, at[DEPTH + 1] = {0};
    for (unsigned i = 0; i < DEPTH; i++) {
        bool right = i < count && product_at(eval, hits[i].label)->label == query->label;
        found += right;
        at[i + 1] = found;
        precision_sum += right ? found / (i + 1) : 0;
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

static void report_progress(const Eval *eval, uint64_t done, int64_t started) {
    double seconds = (double)(g_get_monotonic_time() - started) / G_TIME_SPAN_SECOND;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    uint64_t total = eval->queries->len;
    if (eval->options->progress != NULL) {
        eval->options->progress(&(NiteruProgress){.done = done,
                                                  .total = total,
                                                  .seconds = seconds,
                                                  .rate = rate,
                                                  .remaining = rate > 0 ? (double)(total - done) / rate : -1},
                                eval->options->data);
    }
}

/* Asks for the nearest DEPTH products of queries first .. first + count - 1 but their own and those of their group. */
static bool ask(Eval *eval, NtIndex *index, const NtRows *view, const NtIndexOptions *how, size_t first, size_t count,
                GError **error) {
    nt_autofree float *vectors = nt_alloc(count * view->dim, sizeof(float), "queries", error);
    nt_autofree NtIndexHit *hits = nt_alloc(count * DEPTH, sizeof(NtIndexHit), "results", error);
    size_t counts[CHUNK];
    uint32_t own[CHUNK];
    uint64_t group[CHUNK];
    for (size_t i = 0; vectors != NULL && i < count; i++) {
        const Photo *photo = &g_array_index(eval->queries, Photo, first + i);
        nt_rows_get(view, photo->vrow, vectors + i * view->dim);
        own[i] = photo->product;
        group[i] = (uint64_t)(product_at(eval, photo->product)->same + 1);
    }
    NtIndexOptions options = *how;
    options.skip_label = own;
    options.skip_group = group;
    NtQueries queries = {.data = vectors, .count = count, .dim = view->dim};
    if (vectors == NULL || hits == NULL || !nt_index_search(index, view, &queries, &options, hits, counts, error)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        add_query(eval, product_at(eval, own[i]), hits + i * DEPTH, counts[i]);
    }
    return true;
}

static bool run(Eval *eval, NiteruCatalogue *catalogue, NtModel *model, const NtWait *wait, GError **error) {
    g_auto(NtRows) view = {0};
    if (!nt_model_view(model, eval->rows, &view, error)) {
        return false;
    }
    NtVectorsSpec spec = {.dtype = view.dtype, .metric = view.metric, .dim = view.dim};
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, error);
    NtIndexOptions options = {.k = DEPTH,
                              .labels = &eval->owners,
                              .groups = &eval->groups,
                              .pool = catalogue->pool,
                              .deadline = wait->deadline,
                              .cancellable = wait->cancellable};
    int64_t started = g_get_monotonic_time();
    for (size_t first = 0, count; index != NULL && first < eval->queries->len; first += count) {
        count = MIN(CHUNK, eval->queries->len - first);
        if (!nt_wait_check(wait, error) || !ask(eval, index, &view, &options, first, count, error)) {
            return false;
        }
        report_progress(eval, first + count, started);
    }
    return index != NULL;
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
                         .products = g_array_new(FALSE, FALSE, sizeof(Product)),
                         .photos = g_array_new(FALSE, FALSE, sizeof(Photo)),
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
    nt_catalogue_set_wait(reader.db, &call.wait);
    if (!nt_catalogue_each_vector(reader.db, &query, add_entry, &eval, error)) {
        return false;
    }
    if (eval.photos->len == 0) {
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
