/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks what reads a vectors file: the header page, counts of rows that a database may name, rows of any bits, and
 * the search among them. The first byte of an input steers: the rows named, the metric searched with, and whether the
 * header's digest is made to fit, without which hardly an input gets beyond it; the rest is the file. What must hold:
 * an error exactly when it says false, nothing read beyond the rows there are, only finite hits of rows that are there,
 * in order.
 */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/base.h"
#include "index/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DIGEST = 80, K = 5 };

static void search(const NtRows *view, uint64_t named) {
    g_autofree float *query = g_new(float, view->dim);
    for (size_t i = 0; i < view->dim; i++) {
        query[i] = (float)(i % 7) - 2.5F;
    }
    NtQueries queries = {query, 1, view->dim};
    NtIndexOptions options = {.k = K};
    NtIndexHit hits[K];
    size_t count;
    g_autoptr(GError) error = NULL;
    NtVectorsSpec spec = {.dtype = view->dtype, .metric = view->metric, .dim = view->dim};
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, NULL);
    bool ok = nt_index_search(index, view, &queries, &options, hits, &count, &error);
    g_assert_true(ok && error == NULL && count <= K && count <= named);
    for (size_t i = 0; i < count; i++) {
        g_assert_true(hits[i].row < named && isfinite(hits[i].raw));
        g_assert_true(i == 0 || !nt_metric_nearer(view->metric, hits[i].raw, hits[i - 1].raw));
    }
}

static void read_file(NtVectors *vectors, uint64_t named, uint8_t steer) {
    g_autoptr(GError) error = NULL;
    g_auto(NtRows) view = {0};
    uint64_t there = 0, digest;
    const NtVectorsSpec *spec = nt_vectors_spec(vectors);
    g_assert_true(spec->dim >= 1 && spec->dim <= NT_DIMENSION_MAX);
    g_assert_true(nt_vectors_capacity(vectors, &there, NULL));
    bool ok = nt_vectors_view(vectors, named, &view, &error);
    g_assert_true(ok == (named <= there) && ok == (error == NULL));
    uint64_t faults = named <= there + NT_VECTORS_BLOCK ? nt_vectors_check(vectors, named, NULL, NULL, NULL) : 1;
    g_assert_true(ok || faults > 0);
    if (!ok || named == 0) {
        return;
    }
    g_autofree float *row = g_new(float, spec->dim), *again = g_new(float, spec->dim);
    nt_rows_get(&view, named - 1, row);
    g_assert_true(nt_vectors_get(vectors, named - 1, again, NULL));
    g_assert_true(memcmp(row, again, spec->dim * sizeof(float)) == 0);
    uint64_t block = nt_vectors_blocks(named) - 1;
    g_assert_true(nt_vectors_digest(vectors, block, nt_vectors_rows_in_block(named, block), &digest, NULL));
    view.metric = steer & 0x40 ? (NtMetric)(steer % 3) : view.metric;
    search(&view, named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz.vec", MFD_CLOEXEC);
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (size == 0) {
        return 0;
    }
    uint8_t steer = data[0];
    g_assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, data + 1, size - 1, 0) == (ssize_t)(size - 1));
    if (steer & 0x80 && size > DIGEST + 8) {
        uint64_t digest = XXH3_64bits(data + 1, DIGEST);
        g_assert_true(pwrite(fd, &digest, sizeof digest, DIGEST) == sizeof digest);
    }
    static const uint64_t absurd[] = {NT_VECTORS_ROWS_MAX, NT_VECTORS_ROWS_MAX + 1, (UINT64_C(1) << 58) + 1,
                                      UINT64_MAX};
    uint64_t named = steer % 64 < 60 ? steer % 64 * (steer % 64) : absurd[steer % 4];
    g_autoptr(GError) error = NULL;
    g_autoptr(NtVectors) vectors = nt_vectors_open(path, false, NULL, &error);
    g_assert_true((vectors == NULL) == (error != NULL));
    if (vectors != NULL) {
        read_file(vectors, named, steer);
    }
    return 0;
}
