/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of a set with vector registers, over what its file defines before it includes this one:
 *
 *   WIDTH, TILE              numbers in a Vector (of float32; Doubles holds half as many); rows in a tile of score_tile
 *   load, load_some          numbers i .. i + WIDTH - 1 of a row; `count` (at most WIDTH) of them and zeros, reading no
 *                            others
 *   store, store_f16         a Vector as it is; rounded to float16
 *   zero, add, fold          zeros; a + b; the sum of a Vector's numbers
 *   add_term                 sum + q r, or sum + (q - r)^2, fused
 *   zero_double, lower, upper, add_term_double, store_double
 *                            the same in Doubles, not fused (see kernels.h), and a Vector's halves
 */
#ifndef NT_KERNELS_TEMPLATE_H
#define NT_KERNELS_TEMPLATE_H

/* Bytes ahead of the number being read: a page, where hardware prefetchers stop. Measured on Zen 5, 100,000 x 1,280
 * float16: 34 GB/s without, 37.5 GB/s with. */
enum { AHEAD = 4096 };

/* Asks for the next `lines` cache lines, when they are still in the block: scattered rows are not to pay for others. */
NT_INLINE void fetch_ahead(const void *at, size_t lines, const void *end) {
    const char *ahead = (const char *)at + AHEAD;
    if (ahead < (const char *)end) {
        for (size_t line = 0; line < lines; line++) {
            _mm_prefetch(ahead + 64 * line, _MM_HINT_T0);
        }
    }
}

NT_INLINE float fold_sums(const Vector sums[4]) { return fold(add(add(sums[0], sums[1]), add(sums[2], sums[3]))); }

/* One row of a block; query NULL: the row with itself. Four sums, so that additions do not wait for each other.
 * `out_norm` (NULL: not wanted) gets the row's sum of r^2, for the same loads. */
NT_INLINE float score(const float *query, const void *row, const NtRowBlock *rows, NtDtype dtype, bool squared,
                      float *out_norm) {
    size_t dim = rows->dim, i = 0;
    const char *end = (const char *)rows->data + rows->count * rows->stride;
    Vector sums[4] = {zero(), zero(), zero(), zero()}, norms[4] = {zero(), zero(), zero(), zero()};
    for (; i + 4 * WIDTH <= dim; i += 4 * WIDTH) {
        fetch_ahead((const char *)row + i * nt_dtype_size(dtype), WIDTH * nt_dtype_size(dtype) / 16, end);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            Vector r = load(row, i + WIDTH * j, dtype);
            Vector q = query == NULL ? r : load(query, i + WIDTH * j, NT_DTYPE_F32);
            sums[j] = add_term(sums[j], q, r, squared);
            norms[j] = out_norm == NULL ? norms[j] : add_term(norms[j], r, r, false);
        }
    }
    for (; i + WIDTH <= dim; i += WIDTH) {
        Vector r = load(row, i, dtype);
        sums[0] = add_term(sums[0], query == NULL ? r : load(query, i, NT_DTYPE_F32), r, squared);
        norms[0] = out_norm == NULL ? norms[0] : add_term(norms[0], r, r, false);
    }
    if (i < dim) {
        Vector r = load_some(row, i, dim - i, dtype);
        sums[1] = add_term(sums[1], query == NULL ? r : load_some(query, i, dim - i, NT_DTYPE_F32), r, squared);
        norms[1] = out_norm == NULL ? norms[1] : add_term(norms[1], r, r, false);
    }
    if (out_norm != NULL) {
        *out_norm = fold_sums(norms);
    }
    return fold_sums(sums);
}

NT_INLINE void score_rows(const float *query, const NtRowBlock *rows, float *out, float *out_norms, NtDtype dtype,
                          bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = score(query, nt_row(rows, i), rows, dtype, squared, out_norms == NULL ? NULL : out_norms + i);
    }
}

/* Numbers from i on, and zeros beyond the row. */
NT_INLINE Vector load_within(const void *row, size_t i, size_t dim, NtDtype dtype) {
    return i + WIDTH <= dim ? load(row, i, dtype) : i < dim ? load_some(row, i, dim - i, dtype) : zero();
}

/* Adds the terms of numbers i .. i + WIDTH - 1 of `tile` rows and four queries. */
NT_INLINE void add_tile(Vector sums[TILE][4], const float *const queries[4], const void *const row[TILE], size_t tile,
                        size_t i, size_t dim, NtDtype dtype, bool squared) {
    Vector r[TILE];
    for (size_t t = 0; t < tile; t++) {
        r[t] = load_within(row[t], i, dim, dtype);
    }
    for (size_t q = 0; q < 4; q++) {
        Vector number = load_within(queries[q], i, dim, NT_DTYPE_F32);
        for (size_t t = 0; t < tile; t++) {
            sums[t][q] = add_term(sums[t][q], number, r[t], squared);
        }
    }
}

/* `tile` (1 .. TILE) rows from row `first` on against four queries. */
NT_INLINE void score_tile(const float *const queries[4], const NtRowBlock *rows, size_t first, size_t tile,
                          NtDtype dtype, bool squared, float *out) {
    Vector sums[TILE][4];
    const void *row[TILE];
    for (size_t t = 0; t < tile; t++) {
        row[t] = nt_row(rows, first + t);
        for (size_t q = 0; q < 4; q++) {
            sums[t][q] = zero();
        }
    }
    size_t i = 0, dim = rows->dim;
    for (; i + WIDTH <= dim; i += WIDTH) {
        add_tile(sums, queries, row, tile, i, dim, dtype, squared);
    }
    if (i < dim) {
        add_tile(sums, queries, row, tile, i, dim, dtype, squared);
    }
    for (size_t t = 0; t < tile; t++) {
        for (size_t q = 0; q < 4; q++) {
            out[q * rows->count + first + t] = fold(sums[t][q]);
        }
    }
}

NT_INLINE void score4_rows(const float *const queries[4], const NtRowBlock *rows, float *out, NtDtype dtype,
                           bool squared) {
    size_t i = 0;
    for (; i + TILE <= rows->count; i += TILE) {
        score_tile(queries, rows, i, TILE, dtype, squared, out);
    }
    for (; i < rows->count; i++) {
        score_tile(queries, rows, i, 1, dtype, squared, out);
    }
}

/* query NULL: the row with itself. */
NT_INLINE double sum_double(const float *query, const void *row, size_t dim, NtDtype dtype, bool squared) {
    enum { VECTORS = NT_LANES / WIDTH };
    Doubles lanes[2 * VECTORS];
    for (size_t j = 0; j < 2 * VECTORS; j++) {
        lanes[j] = zero_double();
    }
    for (size_t i = 0; i < dim; i += NT_LANES) {
#pragma GCC unroll 2
        for (size_t j = 0; j < VECTORS; j++) {
            Vector r = load_within(row, i + j * WIDTH, dim, dtype);
            Vector q = query == NULL ? r : load_within(query, i + j * WIDTH, dim, NT_DTYPE_F32);
            lanes[2 * j] = add_term_double(lanes[2 * j], lower(q), lower(r), squared);
            lanes[2 * j + 1] = add_term_double(lanes[2 * j + 1], upper(q), upper(r), squared);
        }
    }
    double folded[NT_LANES];
    for (size_t j = 0; j < 2 * VECTORS; j++) {
        store_double(folded + j * WIDTH / 2, lanes[j]);
    }
    return nt_fold(folded);
}

NT_KERNELS_OF(f16, NT_DTYPE_F16)
NT_KERNELS_OF(f32, NT_DTYPE_F32)

static void to_f16(const float *in, size_t count, uint16_t *out) {
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        store_f16(out + i, load(in, i, NT_DTYPE_F32));
    }
    if (i < count) {
        uint16_t some[WIDTH];
        store_f16(some, load_some(in, i, count - i, NT_DTYPE_F32));
        memcpy(out + i, some, (count - i) * sizeof *some);
    }
}

static void to_f32(const uint16_t *in, size_t count, float *out) {
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        store(out + i, load(in, i, NT_DTYPE_F16));
    }
    if (i < count) {
        float some[WIDTH];
        store(some, load_some(in, i, count - i, NT_DTYPE_F16));
        memcpy(out + i, some, (count - i) * sizeof *some);
    }
}

#endif
