/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors file: what is appended is what is read, and damage of every kind is noticed before it is believed. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "index-support.h"

enum { PAGE = 4096, HEADER = 88 };

static NtVectorsSpec some_spec(NtDtype dtype, NtMetric metric, size_t dim) {
    NtVectorsSpec spec = {.dtype = dtype, .metric = metric, .dim = dim, .generation = 3};
    memset(spec.model_hash, 0xab, sizeof spec.model_hash);
    return spec;
}

static NtVectors *make_file(const char *path, const NtVectorsSpec *spec) {
    g_autoptr(GError) error = NULL;
    nt_vectors_create(path, spec, &error);
    assert_fine(error);
    NtVectors *vectors = nt_vectors_open(path, true, spec, &error);
    assert_fine(error);
    return vectors;
}

static void append(NtVectors *vectors, uint64_t at, const float *rows, size_t count) {
    g_autoptr(GError) error = NULL;
    nt_vectors_append(vectors, at, rows, count, NULL, NULL, &error);
    assert_fine(error);
}

static void sync_file(NtVectors *vectors) {
    g_autoptr(GError) error = NULL;
    nt_vectors_sync(vectors, &error);
    assert_fine(error);
}

static float *make_rows(GRand *rand, size_t count, size_t dim) {
    float *rows = g_new(float, count *dim + 1);
    for (size_t i = 0; i < count * dim; i++) {
        rows[i] = normal(rand);
    }
    return rows;
}

static uint64_t capacity_of(NtVectors *vectors) {
    g_autoptr(GError) error = NULL;
    uint64_t rows = 0;
    nt_vectors_capacity(vectors, &rows, &error);
    assert_fine(error);
    return rows;
}

static uint64_t digest_of(NtVectors *vectors, uint64_t block, size_t rows) {
    g_autoptr(GError) error = NULL;
    uint64_t digest = 0;
    nt_vectors_digest(vectors, block, rows, &digest, &error);
    assert_fine(error);
    return digest;
}

/* ---- what is written is read ---- */

static void check_rows(NtVectors *vectors, const float *rows, uint64_t count) {
    const NtVectorsSpec *spec = nt_vectors_spec(vectors);
    g_autoptr(GError) error = NULL;
    g_auto(NtRows) view = {0};
    nt_vectors_view(vectors, count, &view, &error);
    assert_fine(error);
    g_assert_true(view.count == count && view.dim == spec->dim && view.metric == spec->metric);
    g_assert_true(view.stride % 64 == 0 && (count == 0 || (uintptr_t)view.data % 64 == 0));
    g_autofree float *got = g_new(float, spec->dim), *again = g_new(float, spec->dim);
    for (uint64_t r = 0; r < count; r++) {
        const float *row = rows + r * spec->dim;
        double norm = 0;
        for (size_t i = 0; i < spec->dim; i++) {
            norm += (double)row[i] * row[i];
        }
        double scale = spec->metric == NT_METRIC_COSINE ? 1 / sqrt(norm) : 1;
        nt_rows_get(&view, r, got);
        nt_vectors_get(vectors, r, again, &error);
        assert_fine(error);
        g_assert_cmpmem(again, spec->dim * 4, got, spec->dim * 4);
        for (size_t i = 0; i < spec->dim; i++) {
            double truth = row[i] * scale, half = spec->dtype == NT_DTYPE_F16 ? 0x1p-11 : 0x1p-23;
            g_assert_cmpfloat(fabs(got[i] - truth), <=, fabs(truth) * half + 0x1p-25);
        }
    }
}

static void test_append_and_reopen(void) {
    GRand *rand = make_rand();
    for (unsigned i = 0; i < 24; i++) {
        char *path = make_path("m.3.vec");
        size_t dim = 1 + (size_t)g_rand_int_range(rand, 0, 200), count = (size_t)g_rand_int_range(rand, 0, 600);
        NtVectorsSpec spec = some_spec((NtDtype)(i % 2), (NtMetric)(i / 2 % 3), dim);
        g_autofree float *rows = make_rows(rand, count, dim);
        NtVectors *vectors = make_file(path, &spec);
        g_assert_cmpuint(capacity_of(vectors), ==, 0);
        for (size_t at = 0; at < count;) {
            size_t some = (size_t)g_rand_int_range(rand, 0, 300);
            some = MIN(some, count - at);
            append(vectors, at, rows + at * dim, some);
            at += some;
            g_assert_cmpuint(capacity_of(vectors), ==, at);
            check_rows(vectors, rows, at);
        }
        sync_file(vectors);
        nt_vectors_close(vectors);
        g_autoptr(GError) error = NULL;
        g_autoptr(NtVectors) reader = nt_vectors_open(path, false, &spec, &error);
        assert_fine(error);
        g_assert_cmpstr(nt_vectors_path(reader), ==, path);
        g_assert_cmpmem(nt_vectors_spec(reader)->model_hash, 32, spec.model_hash, 32);
        check_rows(reader, rows, count);
        g_assert_cmpuint(nt_vectors_check(reader, count, NULL, NULL, NULL), ==, 0);
        g_assert_false(nt_vectors_append(reader, count, rows, 0, NULL, NULL, &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "opened for reading");
        drop_path(path);
    }
    g_rand_free(rand);
}

/* Bad rows are left out one by one, or fail the call; good ones close up. */
static void test_bad_rows(void) {
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_COSINE, 2);
    NtVectors *vectors = make_file(path, &spec);
    const float rows[] = {3, 4, NAN, 1, 0, 0, 1e-44F, 0, INFINITY, 0, 3e38F, 3e38F};
    NtRowFault faults[6];
    size_t written = 99;
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_vectors_append(vectors, 0, rows, 6, NULL, &written, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "row 1 holds a value that is not finite");
    g_assert_cmpuint(written, ==, 99);
    g_assert_cmpuint(capacity_of(vectors), ==, 0);
    nt_vectors_append(vectors, 0, rows, 6, faults, &written, &error);
    assert_fine(error);
    const NtRowFault wanted[] = {NT_ROW_GOOD, NT_ROW_NOT_FINITE, NT_ROW_ZERO,
                                 NT_ROW_GOOD, NT_ROW_NOT_FINITE, NT_ROW_GOOD};
    g_assert_cmpmem(faults, sizeof faults, wanted, sizeof wanted);
    g_assert_cmpuint(written, ==, 3);
    g_assert_cmpuint(capacity_of(vectors), ==, 3);
    const float kept[] = {3, 4, 1, 0, 1, 1}; /* the tiny and the huge row have directions too */
    check_rows(vectors, kept, 3);
    nt_vectors_close(vectors);
    spec.metric = NT_METRIC_INNER;
    vectors = make_file(path, &spec);
    g_assert_false(nt_vectors_append(vectors, 0, rows + 10, 1, NULL, NULL, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "too large for float16; store the model as f4");
    append(vectors, 0, (float[]){65519, 0, 0, 0}, 2); /* the largest there is, and zero */
    g_assert_cmpuint(nt_vectors_check(vectors, 2, NULL, NULL, NULL), ==, 0);
    g_assert_false(nt_vectors_append(vectors, NT_VECTORS_ROWS_MAX, rows, 1, NULL, NULL, &error));
    assert_failed(&error, NITERU_ERROR_LIMIT, "4294967295");
    nt_vectors_close(vectors);
    nt_vectors_close(NULL);
    drop_path(path);
}

/* ---- crashes ---- */

/* Rows that were never named are overwritten; the digest is that of a file that never had them. */
static void test_torn_tail(void) {
    GRand *rand = make_rand();
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F32, NT_METRIC_EUCLIDEAN, 50);
    g_autofree float *rows = make_rows(rand, 400, 50), *lost = make_rows(rand, 300, 50);
    NtVectors *vectors = make_file(path, &spec);
    append(vectors, 0, rows, 200);
    uint64_t digest = digest_of(vectors, 0, 200);
    append(vectors, 200, lost, 300);
    g_assert_cmpint(truncate(path, PAGE + 450 * 256 + 77), ==, 0); /* in the middle of a row */
    g_assert_cmpuint(capacity_of(vectors), ==, 450);
    check_rows(vectors, rows, 200);
    g_assert_cmpuint(digest_of(vectors, 0, 200), ==, digest);
    append(vectors, 200, rows + 200 * 50, 200);
    check_rows(vectors, rows, 400);
    uint64_t digests[2] = {digest_of(vectors, 0, 256), digest_of(vectors, 1, 144)};
    g_assert_cmpuint(nt_vectors_check(vectors, 400, digests, NULL, NULL), ==, 0);
    nt_vectors_close(vectors);
    g_rand_free(rand);
    drop_path(path);
}

/* Cut off anywhere: either the rows asked for are whole, or it is said. */
static void test_truncated(void) {
    GRand *rand = make_rand();
    char *path = make_path("m.3.vec");
    enum { ROWS = 300, STRIDE = 64 };
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_INNER, 20);
    g_autofree float *rows = make_rows(rand, ROWS, 20), *row = g_new(float, 20);
    NtVectors *vectors = make_file(path, &spec);
    append(vectors, 0, rows, ROWS);
    nt_vectors_close(vectors);
    for (int size = PAGE + ROWS * STRIDE; size >= 0; size -= g_rand_int_range(rand, 1, 120)) {
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(truncate(path, size), ==, 0);
        vectors = nt_vectors_open(path, false, &spec, &error);
        if (size < PAGE) {
            g_assert_null(vectors);
            assert_failed(&error, NITERU_ERROR_CORRUPT, "too short");
            continue;
        }
        assert_fine(error);
        uint64_t there = (uint64_t)(size - PAGE) / STRIDE, digest;
        g_assert_cmpuint(capacity_of(vectors), ==, there);
        g_auto(NtRows) view = {0};
        g_assert_true(nt_vectors_view(vectors, there, &view, &error));
        g_assert_true(there == 0 || nt_vectors_get(vectors, there - 1, row, &error));
        if (there < ROWS) {
            g_auto(NtRows) more = {0};
            g_assert_false(nt_vectors_view(vectors, there + 1, &more, &error));
            assert_failed(&error, NITERU_ERROR_CORRUPT, "the catalogue names");
            g_assert_false(nt_vectors_get(vectors, there, row, &error));
            assert_failed(&error, NITERU_ERROR_CORRUPT, "ends before");
            g_assert_false(nt_vectors_digest(vectors, 0, MIN(there + 1, NT_VECTORS_BLOCK), &digest, &error) &&
                           nt_vectors_digest(vectors, 1, ROWS - NT_VECTORS_BLOCK, &digest, &error));
            assert_failed(&error, NITERU_ERROR_CORRUPT, "ends before");
            g_assert_cmpuint(nt_vectors_check(vectors, ROWS, NULL, NULL, NULL), >=, 1);
        }
        nt_vectors_close(vectors);
    }
    g_rand_free(rand);
    drop_path(path);
}

/* Counts of rows that only a damaged database can name. */
static void test_absurd_counts(void) {
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_INNER, 32);
    g_autoptr(NtVectors) vectors = make_file(path, &spec);
    float row[32] = {1};
    append(vectors, 0, row, 1);
    /* Times 64 bytes, the last ones wrap round to a row or none. */
    const uint64_t counts[] = {2, NT_VECTORS_ROWS_MAX, NT_VECTORS_ROWS_MAX + 1, (UINT64_C(1) << 58) + 1, UINT64_MAX};
    g_auto(NtRows) first = {0};
    g_autoptr(GError) error = NULL;
    nt_vectors_view(vectors, 1, &first, &error);
    assert_fine(error);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        NtRows view;
        uint64_t digest;
        g_assert_false(nt_vectors_view(vectors, counts[i], &view, &error));
        assert_failed(&error, NITERU_ERROR_CORRUPT, path);
        g_assert_false(nt_vectors_get(vectors, counts[i] - 1, row, &error));
        assert_failed(&error, NITERU_ERROR_CORRUPT, path);
        g_assert_false(nt_vectors_digest(vectors, counts[i], 1, &digest, &error));
        assert_failed(&error, NITERU_ERROR_CORRUPT, path);
    }
    drop_path(path);
}

/* ---- damage ---- */

static void test_header_damage(void) {
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_COSINE, 7);
    nt_vectors_close(make_file(path, &spec));
    g_autoptr(GByteArray) whole = read_bytes(path);
    g_assert_cmpuint(whole->len, ==, PAGE);
    for (unsigned bit = 0; bit < HEADER * 8; bit++) {
        g_autoptr(GError) error = NULL;
        whole->data[bit / 8] ^= (guint8)(1U << bit % 8);
        write_bytes(path, whole->data, whole->len);
        g_assert_null(nt_vectors_open(path, false, NULL, &error));
        bool foreign = bit / 8 >= 8 && bit / 8 < 16; /* version, byte order */
        assert_failed(&error, foreign ? NITERU_ERROR_UNSUPPORTED : NITERU_ERROR_CORRUPT, path);
        whole->data[bit / 8] ^= (guint8)(1U << bit % 8);
    }
    drop_path(path);
}

/* A header that is whole and cannot be: with the digest made to fit. */
static void test_header_lies(void) {
    static const struct {
        unsigned offset;
        guint8 bytes[8];
        unsigned size;
    } lies[] = {
        {16, {2}, 4},                                      /* dtype */
        {20, {3}, 4},                                      /* metric */
        {20, {255, 255, 255, 255}, 4},                     /* metric */
        {24, {0}, 8},                                      /* dimension 0 */
        {24, {33}, 8},                                     /* one that needs a longer row */
        {24, {1, 0, 1}, 8},                                /* over the limit */
        {24, {32, 0, 0, 0, 1}, 8},                         /* 2^32 + 32 */
        {24, {255, 255, 255, 255, 255, 255, 255, 255}, 8}, /* 2^64 - 1 */
        {32, {0}, 8},                                      /* stride 0 */
        {32, {128}, 8},                                    /* stride of another dimension */
        {32, {64, 0, 0, 0, 0, 0, 0, 128}, 8},              /* 2^63 + 64 */
    };
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_COSINE, 32);
    nt_vectors_close(make_file(path, &spec));
    g_autoptr(GByteArray) whole = read_bytes(path);
    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        g_autofree guint8 *page = g_memdup2(whole->data, PAGE);
        g_autoptr(GError) error = NULL;
        memcpy(page + lies[i].offset, lies[i].bytes, lies[i].size);
        uint64_t digest = XXH3_64bits(page, 80);
        memcpy(page + 80, &digest, 8);
        write_bytes(path, page, PAGE);
        g_assert_null(nt_vectors_open(path, false, NULL, &error));
        assert_failed(&error, NITERU_ERROR_CORRUPT, "contradicts itself");
    }
    drop_path(path);
}

static void test_not_the_one_expected(void) {
    char *path = make_path("m.3.vec");
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_COSINE, 32);
    nt_vectors_close(make_file(path, &spec));
    NtVectorsSpec others[5] = {spec, spec, spec, spec, spec};
    static const char *const names[] = {"dtype", "metric", "dimension", "generation", "model"};
    others[0].dtype = NT_DTYPE_F32;
    others[1].metric = NT_METRIC_INNER;
    others[2].dim = 31;
    others[3].generation = 2;
    others[4].model_hash[31] = 0;
    g_autoptr(GError) error = NULL;
    for (size_t i = 0; i < 5; i++) {
        g_assert_null(nt_vectors_open(path, true, &others[i], &error));
        assert_failed(&error, NITERU_ERROR_CORRUPT, names[i]);
    }
    spec.dim = 0;
    g_assert_false(nt_vectors_create(path, &spec, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "0 dimensions");
    spec.dim = NT_DIMENSION_MAX + 1;
    g_assert_false(nt_vectors_create(path, &spec, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "65537 dimensions");
    write_bytes(path, "SQLite format 3", 16);
    g_assert_null(nt_vectors_open(path, false, NULL, &error));
    assert_failed(&error, NITERU_ERROR_CORRUPT, "not a vectors file");
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_null(nt_vectors_open(folder, false, NULL, &error));
    assert_failed(&error, NITERU_ERROR_CORRUPT, "not a vectors file");
    drop_path(path);
    g_assert_null(nt_vectors_open("/nowhere/m.3.vec", false, NULL, &error));
    assert_failed(&error, NITERU_ERROR_NOT_FOUND, "/nowhere/m.3.vec");
}

static void keep_finding(const NtVectorsFinding *finding, void *data) {
    NtVectorsFinding *kept = data;
    g_assert_cmpuint(strlen(finding->message), >, 10);
    *kept = *finding;
}

/* Any byte of any row changed, two blocks changed round: found, and in which block. */
static void test_row_damage(void) {
    GRand *rand = make_rand();
    char *path = make_path("m.3.vec");
    enum { ROWS = 600, DIM = 24, STRIDE = 64 };
    NtVectorsSpec spec = some_spec(NT_DTYPE_F16, NT_METRIC_COSINE, DIM);
    g_autofree float *rows = make_rows(rand, ROWS, DIM);
    g_autoptr(NtVectors) vectors = make_file(path, &spec);
    append(vectors, 0, rows, ROWS);
    uint64_t digests[3] = {digest_of(vectors, 0, 256), digest_of(vectors, 1, 256), digest_of(vectors, 2, 88)};
    NtVectorsFinding found = {0};
    int fd = open(path, O_RDWR);
    for (int i = 0; i < 300; i++) {
        off_t at = PAGE + g_rand_int_range(rand, 0, ROWS * STRIDE);
        guint8 byte, changed;
        g_assert_cmpint(pread(fd, &byte, 1, at), ==, 1);
        changed = byte ^ (guint8)(1 << i % 8);
        g_assert_cmpint(pwrite(fd, &changed, 1, at), ==, 1);
        g_assert_cmpuint(nt_vectors_check(vectors, ROWS, digests, keep_finding, &found), ==, 1);
        g_assert_cmpuint(found.block, ==, (uint64_t)(at - PAGE) / STRIDE / NT_VECTORS_BLOCK);
        g_assert_cmpint(pwrite(fd, &byte, 1, at), ==, 1);
    }
    g_assert_cmpuint(nt_vectors_check(vectors, ROWS, digests, keep_finding, &found), ==, 0);
    static guint8 blocks[2][256 * STRIDE];
    g_assert_cmpint(pread(fd, blocks, sizeof blocks, PAGE), ==, sizeof blocks);
    g_assert_cmpint(pwrite(fd, blocks[1], sizeof blocks[1], PAGE), ==, sizeof blocks[1]);
    g_assert_cmpint(pwrite(fd, blocks[0], sizeof blocks[0], PAGE + sizeof blocks[1]), ==, sizeof blocks[0]);
    g_assert_cmpuint(nt_vectors_check(vectors, ROWS, digests, NULL, NULL), ==, 2);
    g_assert_cmpuint(nt_vectors_check(vectors, ROWS, NULL, NULL, NULL), ==, 0); /* good rows, in the wrong places */
    /* Without digests, numbers that cannot be. */
    const guint8 nan[2] = {0, 0x7e}, large[2] = {0, 0x50};
    g_assert_cmpint(pwrite(fd, nan, 2, PAGE + 300 * STRIDE), ==, 2);
    g_assert_cmpint(pwrite(fd, large, 2, PAGE + 599 * STRIDE), ==, 2);
    g_assert_cmpuint(nt_vectors_check(vectors, 599, NULL, keep_finding, &found), ==, 1);
    g_assert_true(found.first_row == 300 && found.rows == 1);
    g_assert_cmpuint(nt_vectors_check(vectors, ROWS, NULL, keep_finding, &found), ==, 2);
    g_assert_true(found.first_row == 599 && found.rows == 1 && strstr(found.message, "unit length") != NULL);
    close(fd);
    g_rand_free(rand);
    drop_path(path);
}

/* ---- views ---- */

/* A view taken before the file grows, by whomever, stays what it was, and outlives the file's handle. */
static void test_growth(void) {
    GRand *rand = make_rand();
    char *path = make_path("m.3.vec");
    enum { DIM = 100, LAST = 3000 };
    NtVectorsSpec spec = some_spec(NT_DTYPE_F32, NT_METRIC_INNER, DIM);
    g_autofree float *rows = make_rows(rand, LAST, DIM);
    g_autoptr(GError) error = NULL;
    NtVectors *writer = make_file(path, &spec), *reader = nt_vectors_open(path, false, &spec, &error);
    NtRows views[12], early = {0};
    size_t count = 0;
    append(writer, 0, rows, 5);
    nt_vectors_view(reader, 5, &early, &error);
    assert_fine(error);
    for (uint64_t named = 5; named < LAST; count++) {
        size_t more = (size_t)MIN(named, LAST - named);
        append(writer, named, rows + named * DIM, more);
        named += more;
        g_assert_true(nt_vectors_view(count % 2 ? writer : reader, named, &views[count], &error));
    }
    nt_vectors_close(writer);
    nt_vectors_close(reader);
    for (size_t i = 0; i <= count; i++) {
        NtRows *view = i < count ? &views[i] : &early;
        for (uint64_t r = 0; r < view->count; r++) {
            g_assert_cmpmem(view->data + r * view->stride, DIM * 4, rows + r * DIM, DIM * 4);
        }
        nt_rows_clear(view);
        g_assert_null(view->data);
        nt_rows_clear(view); /* harmless twice */
    }
    g_rand_free(rand);
    drop_path(path);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vectors/append-and-reopen", test_append_and_reopen);
    g_test_add_func("/vectors/bad-rows", test_bad_rows);
    g_test_add_func("/vectors/torn-tail", test_torn_tail);
    g_test_add_func("/vectors/truncated", test_truncated);
    g_test_add_func("/vectors/absurd-counts", test_absurd_counts);
    g_test_add_func("/vectors/header-damage", test_header_damage);
    g_test_add_func("/vectors/header-lies", test_header_lies);
    g_test_add_func("/vectors/not-the-one-expected", test_not_the_one_expected);
    g_test_add_func("/vectors/row-damage", test_row_damage);
    g_test_add_func("/vectors/growth", test_growth);
    return g_test_run();
}
