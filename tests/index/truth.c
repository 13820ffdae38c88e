/* SPDX-License-Identifier: Apache-2.0 */
#include "truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float number_of(GRand *rand, Kind kind, bool half) {
    if (kind == INTEGERS) {
        return (float)g_rand_int_range(rand, -2, 3);
    }
    if (kind == WILD && g_rand_int_range(rand, 0, 40) == 0) {
        const float odd[] = {NAN, INFINITY, -INFINITY, half ? 65504 : 3e38F, half ? -65504 : -3e38F, 6e-8F, 1e-42F, 0};
        return odd[g_rand_int_range(rand, 0, G_N_ELEMENTS(odd))];
    }
    return normal(rand);
}

static void fill_row(GRand *rand, Kind kind, const Data *data, size_t r, float *row) {
    size_t dim = data->rows.dim;
    bool half = data->rows.dtype == NT_DTYPE_F16;
    if (kind == TIES && r >= 5) {
        memcpy(row, data->numbers + (size_t)g_rand_int_range(rand, 0, 5) * dim, dim * sizeof(float));
        return;
    }
    /* Whole rows of zeros, of tiny and of large numbers, now and then. */
    float size = kind != WILD ? 1 : (const float[]){1, 1, 0, 1e-6F, half ? 100 : 1e18F}[g_rand_int_range(rand, 0, 5)];
    for (size_t i = 0; i < dim; i++) {
        row[i] = size * number_of(rand, kind == WILD && g_rand_boolean(rand) ? SMOOTH : kind, half);
    }
    for (size_t i = 0; kind == NEAR && i < dim; i++) {
        row[i] = (i % 3 ? 1 : 0.7F) + row[i] * 1e-4F;
    }
    /* By sevens: three rows of large numbers, one of NaN, three of small ones. */
    for (size_t i = 1; kind == CANCELLING && i < dim; i += 2) {
        row[i - 1] = r % 7 == 3 ? NAN : row[i - 1] * (r % 7 < 3 ? 1000 : 1);
        row[i] = -row[i - 1] + row[i] * 1e-4F;
    }
}

Data make_data(GRand *rand, Kind kind, NtDtype dtype, size_t dim, size_t count, size_t queries) {
    const NtKernels *plain = nt_kernels_named("c");
    size_t size = nt_dtype_size(dtype), stride = (dim + (size_t)g_rand_int_range(rand, 0, 3)) * size;
    Data data = {.rows = {.count = count, .dim = dim, .stride = stride, .dtype = dtype},
                 .bytes = g_malloc0(count * stride + 1),
                 .numbers = g_new(float, count *dim + 1),
                 .query_numbers = g_new(float, queries *dim + 1)};
    for (size_t r = 0; r < count; r++) {
        float *row = data.numbers + r * dim;
        fill_row(rand, kind, &data, r, row);
        if (dtype == NT_DTYPE_F16) {
            plain->to_f16(row, dim, (uint16_t *)(data.bytes + r * stride));
            plain->to_f32((uint16_t *)(data.bytes + r * stride), dim, row);
        } else {
            memcpy(data.bytes + r * stride, row, dim * size);
        }
    }
    for (size_t i = 0; i < queries * dim; i++) {
        data.query_numbers[i] = kind == INTEGERS ? (float)g_rand_int_range(rand, 1, 4) : normal(rand);
        if (kind == CANCELLING && i % dim % 2 == 1) {
            data.query_numbers[i] = data.query_numbers[i - 1];
        } else if (kind == NEAR) {
            data.query_numbers[i] = (i % dim % 3 ? 1 : 0.7F) + data.query_numbers[i] * 1e-4F;
        }
    }
    data.rows.data = data.bytes;
    data.queries = (NtQueries){.data = data.query_numbers, .count = queries, .dim = dim};
    return data;
}

void drop_data(Data *data) {
    g_free(data->bytes);
    g_free(data->numbers);
    g_free(data->query_numbers);
}

/* ---- the reference ---- */

/* A sum in double in the order that kernels.h tells. */
static double sum(const float *a, const float *b, size_t dim, bool squared) {
    double lanes[16] = {0};
    for (size_t i = 0; i < dim; i++) {
        volatile double difference = (double)a[i] - (double)b[i]; /* volatile: no fused multiply-add */
        volatile double term = squared ? difference * difference : (double)a[i] * (double)b[i];
        lanes[i % 16] += term;
    }
    for (size_t h = 8; h > 0; h /= 2) {
        for (size_t j = 0; j < h; j++) {
            lanes[j] += lanes[j + h];
        }
    }
    return lanes[0];
}

static double raw_value(NtMetric metric, const float *q, const float *r, size_t dim) {
    if (metric == NT_METRIC_EUCLIDEAN) {
        return sqrt(sum(q, r, dim, true));
    }
    double dot = sum(q, r, dim, false);
    if (metric == NT_METRIC_INNER) {
        return dot;
    }
    double lengths = sqrt(sum(q, q, dim, false)) * sqrt(sum(r, r, dim, false));
    return lengths > 0 ? CLAMP(dot / lengths, -1.0, 1.0) : NAN;
}

/* ---- labels ---- */

static void mark(Marks *marks, size_t row, uint32_t label) {
    for (guint i = 0; i < marks->of_row[row]->len; i++) {
        if (g_array_index(marks->of_row[row], uint32_t, i) == label) {
            return;
        }
    }
    g_array_append_val(marks->of_row[row], label);
    g_assert_true(nt_labels_add(&marks->labels, row, label, NULL));
}

Marks make_marks(GRand *rand, size_t rows, uint32_t label_count, bool shared) {
    Marks marks = {.label_count = label_count,
                   .row_count = rows,
                   .of_row = g_new(GArray *, rows + 1),
                   .ranks = g_new0(uint64_t, label_count + 1),
                   .groups = g_new0(uint64_t, label_count + 1)};
    for (size_t r = 0; r < rows; r++) {
        marks.of_row[r] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
        int count = (const int[]){0, 1, 1, 1, 1, 2, 5}[g_rand_int_range(rand, 0, 7)];
        for (int i = 0; i < count; i++) {
            mark(&marks, r, (uint32_t)g_rand_int_range(rand, 1, (gint32)label_count + 1));
        }
    }
    size_t all = rows > 0 ? (size_t)g_rand_int_range(rand, 0, (gint32)rows) : 0;
    for (uint32_t label = 1; label <= label_count; label++) {
        if (shared && rows > 0) {
            mark(&marks, all, label);
        }
        marks.ranks[label] = (uint64_t)g_rand_int_range(rand, 0, 20) << (label % 2 * 40);
        g_assert_true(nt_labels_set_rank(&marks.labels, label, marks.ranks[label], NULL));
        /* Groups of a few labels, with numbers that labels have too, and very large ones. */
        int group = g_rand_int_range(rand, 0, (gint32)label_count / 4 + 2);
        marks.groups[label] = group % 3 == 2 ? UINT64_MAX - (uint64_t)group : (uint64_t)group;
        g_assert_true(nt_cells_set(&marks.group_cells, label, marks.groups[label], NULL));
    }
    g_assert_true(nt_labels_sane(&marks.labels));
    return marks;
}

void drop_marks(Marks *marks) {
    for (size_t r = 0; r < marks->row_count; r++) {
        g_array_unref(marks->of_row[r]);
    }
    g_free(marks->of_row);
    g_free(marks->ranks);
    g_free(marks->groups);
    nt_labels_clear(&marks->labels);
    nt_cells_clear(&marks->group_cells);
}

NtCells make_allow(GRand *rand, size_t count, double density) {
    NtCells allow = {0};
    for (size_t i = 0; i <= count; i++) {
        g_assert_true(nt_cells_set_bit(&allow, i, g_rand_double(rand) < density, NULL));
    }
    return allow;
}

/* ---- the answers ---- */

static const Marks *order_marks;
static NtMetric order_metric;

/* Nearest first; then by rank, number, row. */
static int nearer_first(const void *left, const void *right) {
    const NtIndexHit *a = left, *b = right;
    if (a->raw != b->raw) {
        return nt_metric_nearer(order_metric, a->raw, b->raw) ? -1 : 1;
    }
    if (order_marks != NULL && order_marks->ranks[a->label] != order_marks->ranks[b->label]) {
        return order_marks->ranks[a->label] < order_marks->ranks[b->label] ? -1 : 1;
    }
    return a->label != b->label ? (a->label < b->label ? -1 : 1) : a->row < b->row ? -1 : 1;
}

static bool may_answer(const Marks *marks, const NtIndexOptions *options, size_t q, uint32_t label) {
    return (options->allow == NULL || nt_cells_bit(options->allow, label)) &&
           (options->skip_label == NULL || options->skip_label[q] != label) &&
           (options->skip_group == NULL || options->skip_group[q] == 0 ||
            options->skip_group[q] != marks->groups[label]);
}

/* All that may answer query q, each row with each of its labels, in order; then the first of each label or group. */
static size_t find_truth(const Data *data, const Marks *marks, const NtIndexOptions *options, size_t q, GArray *out) {
    size_t dim = data->rows.dim;
    g_array_set_size(out, 0);
    for (uint32_t r = 0; r < data->rows.count; r++) {
        double raw = raw_value(data->rows.metric, data->query_numbers + q * dim, data->numbers + r * dim, dim);
        NtIndexHit hit = {.row = r, .raw = raw};
        if (isfinite(raw) && marks == NULL && (options->allow == NULL || nt_cells_bit(options->allow, r))) {
            g_array_append_val(out, hit);
        }
        for (guint i = 0; isfinite(raw) && marks != NULL && i < marks->of_row[r]->len; i++) {
            hit.label = g_array_index(marks->of_row[r], uint32_t, i);
            if (may_answer(marks, options, q, hit.label)) {
                g_array_append_val(out, hit);
            }
        }
    }
    order_marks = marks;
    order_metric = data->rows.metric;
    if (out->len > 0) {
        qsort(out->data, out->len, sizeof(NtIndexHit), nearer_first);
    }
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t count = 0;
    for (guint i = 0; i < out->len && count < options->k; i++) {
        NtIndexHit hit = g_array_index(out, NtIndexHit, i);
        uint64_t group = options->by_group ? marks->groups[hit.label] : 0;
        char *key = group != 0      ? g_strdup_printf("group %" G_GUINT64_FORMAT, group)
                    : marks != NULL ? g_strdup_printf("label %u", hit.label)
                                    : g_strdup_printf("row %u", hit.row);
        if (g_hash_table_add(seen, key)) {
            g_array_index(out, NtIndexHit, count++) = hit;
        }
    }
    return count;
}

NtThreadPool *shared_pool(void) {
    static NtThreadPool *pool;
    if (pool == NULL) {
        pool = nt_thread_pool_new(7);
    }
    return pool;
}

bool search_once(const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options, NtIndexHit *out_hits,
                 size_t *out_counts, GError **error) {
    NtVectorsSpec spec = {.dtype = rows->dtype, .metric = rows->metric, .dim = rows->dim};
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, NULL);
    return nt_index_search(index, rows, queries, options, out_hits, out_counts, error);
}

void check_truth(const Data *data, const Marks *marks, NtIndexOptions options) {
    static const char *const sets[] = {"c", "avx2", "avx512"};
    size_t queries = data->queries.count, k = options.k;
    options.pool = options.threads == 1 ? NULL : shared_pool();
    size_t room = queries > 1 ? queries * k : nt_index_most_hits(&data->rows, &options);
    g_autofree NtIndexHit *hits = g_new(NtIndexHit, room + 1);
    g_autofree size_t *counts = g_new(size_t, queries + 1);
    g_autoptr(GPtrArray) truths = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    for (size_t q = 0; q < queries; q++) {
        GArray *truth = g_array_new(FALSE, FALSE, sizeof(NtIndexHit));
        g_array_set_size(truth, (guint)find_truth(data, marks, &options, q, truth));
        g_ptr_array_add(truths, truth);
    }
    for (size_t set = 0; set < G_N_ELEMENTS(sets); set++) {
        g_autoptr(GError) error = NULL;
        options.kernels = nt_kernels_named(sets[set]);
        if (options.kernels == NULL) {
            continue;
        }
        hits[room].row = 12345;
        search_once(&data->rows, &data->queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_cmpuint(hits[room].row, ==, 12345);
        for (size_t q = 0; q < queries; q++) {
            const GArray *truth = truths->pdata[q];
            g_assert_cmpuint(counts[q], ==, truth->len);
            for (guint i = 0; i < truth->len; i++) {
                const NtIndexHit *hit = &hits[q * k + i], *right = &g_array_index(truth, NtIndexHit, i);
                g_assert_cmpuint(hit->label, ==, right->label);
                g_assert_cmpuint(hit->row, ==, right->row);
                g_assert_cmpfloat(hit->raw, ==, right->raw);
            }
        }
    }
}
