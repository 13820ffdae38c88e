/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about a search: rows made to be awkward, labels kept plainly beside NtLabels, and every row scored in
 * double and sorted. */
#ifndef INDEX_TRUTH_H
#define INDEX_TRUTH_H

#include "index-support.h"

/* What rows are made of. */
typedef enum Kind {
    SMOOTH,     /* about normal */
    TIES,       /* copies of few rows */
    INTEGERS,   /* small ones: equal values by chance, exact in float32 */
    NEAR,       /* all in about one direction: lengths that are not quite 1 would change the order */
    CANCELLING, /* large numbers that cancel: float32 scores are mostly rounding error; NaN here and there */
    WILD,       /* NaN, infinity, zeros, huge and subnormal numbers here and there */
    KINDS,
} Kind;

/* Rows in memory with what they hold in float32, and queries. */
typedef struct Data {
    NtRows rows;
    uint8_t *bytes;
    float *numbers; /* (count, dim) */
    NtQueries queries;
    float *query_numbers;
} Data;

Data make_data(GRand *rand, Kind kind, NtDtype dtype, size_t dim, size_t count, size_t queries);
void drop_data(Data *data);

/* Whom rows stand for, plainly, and the same as the search wants it. */
typedef struct Marks {
    uint32_t label_count; /* labels are 1 .. label_count */
    size_t row_count;
    GArray **of_row;          /* (rows) uint32_t labels */
    uint64_t *ranks, *groups; /* (label_count + 1) */
    NtLabels labels;
    NtCells group_cells;
} Marks;

/* Dead rows, rows of one label and of several, labels of many rows; few ranks, so that some are equal; groups. With
 * `shared` one row stands for all labels. */
Marks make_marks(GRand *rand, size_t rows, uint32_t label_count, bool shared);
void drop_marks(Marks *marks);
/* Each label (or row) is allowed with probability `density`. */
NtCells make_allow(GRand *rand, size_t count, double density);

/* Asks an index for every kernel set there is, by up to 7 threads, and fails the test unless the answers are the truth.
 * `marks` NULL: options->labels must be NULL. */
void check_truth(const Data *data, const Marks *marks, NtIndexOptions options);

/* A pool of 7 threads that all tests of a program share. */
NtThreadPool *shared_pool(void);

/* One search by a new index. */
bool search_once(const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options, NtIndexHit *out_hits,
                 size_t *out_counts, GError **error);

#endif
