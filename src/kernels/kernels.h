/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernels: numeric leaf code. Plain C functions that take no memory, report no errors and never branch on the CPU;
 * one file per instruction set (plain C; AVX2 with FMA and F16C; AVX-512 F, BW, DQ and VL), compiled with its own
 * flags, and one table of function pointers, chosen once: C first, then upward by what the CPU and the system can do.
 * The environment variable NITERU_KERNELS (c, avx2, avx512) is a ceiling; any other word changes nothing.
 *
 * Rows may start at any address that fits their element (2 or 4 bytes), may be any number, 0 included, of any
 * dimension, 0 included (every sum is then 0), and nothing is read beyond the last element of a row. NaN and infinity
 * go through sums as IEEE 754 arithmetic has it; subnormals are kept. Everything here is safe to call from any thread.
 *
 * Two kinds of sums:
 * - float32, for passes over everything. The order of additions is the kernel set's own, but at least 8 partial sums
 *   run side by side, so that no term goes through more than dim / 8 + 8 additions, and one or two roundings before
 *   them (the product; the difference and its square). Bounds on the error may be built on that: see nt_sum_error.
 * - double, for scores that count. The result is the same bit for bit from every kernel set: term i is added to partial
 *   sum i mod 16 in rising order of i, without fused multiply-add, and partial sum j + h is added to j for h = 8, 4, 2,
 *   1. (A product of two float32 is exact in double.) Only the sign of a zero and of NaN may differ.
 */
#ifndef NT_KERNELS_H
#define NT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* How the numbers of a row are stored: IEEE 754 binary16 or binary32, in the machine's byte order. */
typedef enum NtDtype {
    NT_DTYPE_F16,
    NT_DTYPE_F32,
} NtDtype;

enum { NT_DTYPES = 2 };

/* Bytes of one number. */
static inline size_t nt_dtype_size(NtDtype dtype) { return dtype == NT_DTYPE_F16 ? 2 : 4; }

/* Rows side by side: (count, dim) numbers, each row `stride` bytes after the one before. */
typedef struct NtRowBlock {
    const void *data;
    size_t stride; /* bytes */
    size_t count;
    size_t dim;
} NtRowBlock;

/* One float32 query (dim) against every row: out[i] for row i. */
typedef void (*NtScore)(const float *query, const NtRowBlock *rows, float *out);

/* One query as above, and with it the sum of r^2 of each row, out_norms[i]: both for one pass over the rows. */
typedef void (*NtScoreNorms)(const float *query, const NtRowBlock *rows, float *out, float *out_norms);

/* Four queries (dim) each against every row: out[q * rows->count + i]. For batches: a row loaded from memory is used
 * four times. */
typedef void (*NtScore4)(const float *const queries[4], const NtRowBlock *rows, float *out);

/* A sum over one row in double, in the fixed order told above. */
typedef double (*NtSum)(const float *query, const void *row, size_t dim);

/* Tables are indexed by NtDtype, the type of the rows. */
typedef struct NtKernels {
    const char *name;           /* "c", "avx2", "avx512" */
    NtScore dot[NT_DTYPES];     /* sum of q x r */
    NtScore squared[NT_DTYPES]; /* sum of (q - r)^2 */
    NtScore4 dot4[NT_DTYPES];
    NtScore4 squared4[NT_DTYPES];
    NtScoreNorms dot_norms[NT_DTYPES];
    void (*norms[NT_DTYPES])(const NtRowBlock *rows, float *out);  /* sum of r^2 of each row, float32 */
    NtSum dot_double[NT_DTYPES];                                   /* sum of q x r */
    NtSum squared_double[NT_DTYPES];                               /* sum of (q - r)^2 */
    double (*norm_double[NT_DTYPES])(const void *row, size_t dim); /* sum of r^2 */
    /* float32 to float16, to nearest, ties to even; beyond 65,519.996 becomes infinity, NaN stays NaN (quiet, with the
     * upper bits of its payload), subnormals are kept. And back, exactly. */
    void (*to_f16)(const float *in, size_t count, uint16_t *out);
    void (*to_f32)(const uint16_t *in, size_t count, float *out);
} NtKernels;

/* The best set for this CPU under the ceiling; chosen at the first call, the same afterwards. Never NULL. */
const NtKernels *nt_kernels(void);

/* A set by name, or NULL when there is no such set or this CPU cannot run it; for tests and benchmarks. */
const NtKernels *nt_kernels_named(const char *name);

/* A float32 sum of `dim` terms as computed here lies within nt_sum_error(dim) x (sum of |terms|) of the exact sum, up
 * to nt_sum_underflow(dim) more where terms underflow. Higham, Accuracy and Stability of Numerical Algorithms, 2nd
 * edition, section 3.1: gamma_n = n u / (1 - n u), with n = dim / 8 + 8 additions + 4 roundings of the term. */
static inline double nt_sum_error(size_t dim) {
    double nu = ((double)dim / 8 + 12) * 0x1p-24;
    return nu / (1 - nu);
}
static inline double nt_sum_underflow(size_t dim) { return ((double)dim + 1) * 0x1p-125; }

#endif
