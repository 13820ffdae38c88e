/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a float32 score decides whether a row is scored again in double:
 *
 * Let g = nt_sum_error(dim), the bound on the error of a float32 sum relative to the sum of its terms' sizes, and u
 * the little that underflow may add.
 *   inner      |dot32 - dot| <= g |q| |r| + u, by Cauchy and Schwarz
 *   euclidean  the terms are squares, so |squared32 - squared| <= g squared + u
 *   cosine     as inner, divided by |q| |r|. In a vectors file | |r| - 1 | <= s, what rounding to float16 can do to a
 *              unit row: at most 2^-11 of itself, and 2^-25 for each number that is subnormal. For rows from elsewhere
 *              the score is divided by their length in float32.
 * Turned round, the k-th best value in double gives a float32 cutoff: a row beyond it cannot be among the k, and the
 * scan is one comparison a row. The bounds leave more room than the rounding of the double scores, and of the cutoff
 * itself, can use up.
 *
 * Which rows may answer is asked of the labels block by block, a bit for each row. That costs a few reads of 8 bytes a
 * row beside the hundreds of its vector, and nothing has to be kept up to date as products come and go.
 */
#include "index/exact-internal.h"

#include "index/bitmap.h"

#include <math.h>

enum {
    SPARSE = 2,         /* at most 1 row in so many may answer: the others are not read */
    FETCH_BYTES = 1024, /* of a row: what comes behind is guessed by then */
    LOOKED_AT = 32,     /* scores that are compared at once */
    MOST_GUESSED = 32,  /* hits of a query for which it is worth to look for the likely ones first */
};

static const uint8_t *row_at(const ExactPlan *plan, uint64_t row) {
    return plan->rows->data + row * plan->rows->stride;
}

/* ---- scores ---- */

/* The metric's own value, in double. */
static double exact(const ExactPlan *plan, size_t q, uint64_t row) {
    const NtRows *rows = plan->rows;
    const float *query = exact_query(plan, q);
    if (rows->metric == NT_METRIC_EUCLIDEAN) {
        return sqrt(plan->kernels->squared_double[rows->dtype](query, row_at(plan, row), rows->dim));
    }
    double dot = plan->kernels->dot_double[rows->dtype](query, row_at(plan, row), rows->dim);
    if (rows->metric == NT_METRIC_INNER) {
        return dot;
    }
    double lengths = plan->lengths[q] * sqrt(plan->kernels->norm_double[rows->dtype](row_at(plan, row), rows->dim));
    return lengths > 0 ? CLAMP(dot / lengths, -1.0, 1.0) : NAN;
}

/* Rows of which the float32 score is of use for cosine without unit length: sum of r^2 far from over- and underflow. */
static const float norm_least = 1e-20F, norm_most = 1e30F;

/* The float32 score below which (euclidean: above which) a row's raw value is surely farther than `worst`. `largest`:
 * the largest float32 sum of r^2 among the rows, for inner. */
static float cutoff(const ExactPlan *plan, size_t q, double worst, float largest) {
    double g = plan->error, u = plan->underflow, s = plan->length_slack, length = plan->lengths[q];
    switch (plan->rows->metric) {
    case NT_METRIC_EUCLIDEAN: return nextafterf((float)((worst * worst * (1 + 0x1p-40) + u) / (1 - 2 * g)), INFINITY);
    case NT_METRIC_INNER:
        return nextafterf((float)(worst - g * length * sqrt(((double)largest + u) / (1 - g)) - u), -INFINITY);
    default:
        if (plan->unit) {
            double dot = worst * length * (worst > 0 ? 1 - s : 1 + s);
            return nextafterf((float)(dot - g * length * (1 + s) - u), -INFINITY);
        }
        return nextafterf((float)(length * (worst - 4 * g) - u / sqrt((double)norm_least)), -INFINITY);
    }
}

/* ---- who may answer ---- */

/* Whether a label may answer any query. */
static bool allowed(const NtIndexOptions *options, uint64_t label) {
    return options->allow == NULL || nt_cells_bit(options->allow, label);
}

/* Whether a label may answer query `q`. */
static bool answers(const NtIndexOptions *options, size_t q, uint32_t label) {
    return allowed(options, label) && (options->skip_label == NULL || options->skip_label[q] != label) &&
           (options->skip_labels == NULL || options->skip_labels[q] == NULL ||
            !g_hash_table_contains(options->skip_labels[q], GUINT_TO_POINTER(label))) &&
           (options->skip_group == NULL || options->groups == NULL || options->skip_group[q] == 0 ||
            nt_cells_get(options->groups, label) != options->skip_group[q]);
}

/* `label`, or the first of those behind `link` that may answer query `q`; 0: none. */
static uint32_t find_answer(const NtIndexOptions *options, size_t q, uint32_t label, uint32_t *link) {
    while (label != 0 && !answers(options, q, label)) {
        label = nt_labels_next(options->labels, link);
    }
    return label;
}

/* Whether a row may answer any query. */
static bool row_allowed(const NtIndexOptions *options, uint64_t row) {
    if (options->labels == NULL) {
        return allowed(options, row);
    }
    uint32_t link, label = nt_labels_first(options->labels, row, &link);
    while (label != 0 && !allowed(options, label)) {
        label = nt_labels_next(options->labels, &link);
    }
    return label != 0;
}

/* Sets bit i of the mask where row first + i may answer; returns how many may. */
static size_t make_mask(const NtIndexOptions *options, uint64_t first, size_t count, uint64_t *mask) {
    size_t set = 0;
    for (size_t at = 0; at < count; at += 64) {
        uint64_t word = 0;
        for (size_t i = at; i < MIN(at + 64, count); i++) {
            word |= (uint64_t)row_allowed(options, first + i) << (i - at);
        }
        mask[at / 64] = word;
        set += (size_t)__builtin_popcountll(word);
    }
    return set;
}

/* ---- a pass over some rows for some queries ---- */

typedef struct Pass {
    ExactPlan *plan;
    size_t first_query, count;
    Nearest *nearests; /* one for each of its queries */
    float *scores;     /* (4, block) */
    float *norms;      /* (block) sums of r^2, where the metric needs them */
    uint64_t scored, rescored;
} Pass;

/* One row that may be among the k: scored in double, and in, for each of its labels, when it is. Returns whether the
 * heap changed. */
static bool consider(Pass *pass, Nearest *nearest, size_t q, uint64_t row) {
    ExactPlan *plan = pass->plan;
    const NtIndexOptions *options = plan->options;
    uint32_t link = 0, label = 0;
    if (options->labels != NULL) {
        label = nt_labels_first(options->labels, row, &link);
        label = find_answer(options, q, label, &link);
        if (label == 0) {
            return false;
        }
    }
    pass->rescored++;
    Candidate candidate = {.hit = {.row = (uint32_t)row, .raw = exact(plan, q, row)}};
    if (!isfinite(candidate.hit.raw)) {
        return false;
    }
    bool changed = options->labels == NULL && nearest_offer(nearest, candidate);
    while (label != 0) {
        if (nearest_full(nearest) && nt_metric_nearer(nearest->metric, nearest->heap[0].hit.raw, candidate.hit.raw)) {
            break; /* so are all its other labels */
        }
        candidate.hit.label = label;
        candidate.rank = nt_labels_rank(options->labels, label);
        candidate.group = options->by_group && options->groups != NULL ? nt_cells_get(options->groups, label) : 0;
        changed |= nearest_offer(nearest, candidate);
        label = find_answer(options, q, nt_labels_next(options->labels, &link), &link);
    }
    if (nearest->failed) {
        exact_stop(plan,
                   g_error_new(NITERU_ERROR, NITERU_ERROR_NO_MEMORY, "no memory for %zu results", 2 * nearest->count));
    }
    return changed;
}

/* The scores of a block for one query. `way` is 1 where larger scores are nearer, and -1 where smaller ones are: times
 * it, larger is nearer. */
typedef struct Scores {
    const float *values;
    const uint64_t *mask; /* NULL: all rows may answer */
    uint64_t first;       /* row of the first */
    size_t count;
    float way;
    float largest; /* as for cutoff */
} Scores;

/* A score, times the way, which a few more than `wanted` of them reach, or so: the rows are cut into runs, and this is
 * one of the best of the runs. */
static float guess(const Scores *scores, size_t wanted) {
    float best[2 * MOST_GUESSED];
    size_t runs = 2 * wanted, length = scores->count / runs;
    for (size_t run = 0; run < runs; run++) {
        float most = -INFINITY;
        for (size_t r = run * length; r < (run + 1) * length; r++) {
            float score = scores->values[r] * scores->way;
            most = score > most ? score : most;
        }
        size_t at = run;
        for (; at > 0 && best[at - 1] < most; at--) {
            best[at] = best[at - 1];
        }
        best[at] = most;
    }
    return best[wanted - 1];
}

/* Whether any of some scores may be near enough. One that is not finite says nothing: its row is scored in double. */
static bool any_within(const float *scores, size_t count, float way, float cut) {
    int any = 0;
    for (size_t r = 0; r < count; r++) {
        float score = scores[r] * way;
        any |= !(score < cut) | (score == -INFINITY);
    }
    return any != 0;
}

/* Considers the rows whose scores, times the way, are at least `least` and under `end`; with `odd` those whose scores
 * are not finite too. The least rises with what is found. */
static void take_between(Pass *pass, Nearest *nearest, size_t q, const Scores *scores, float least, float end,
                         bool odd) {
    const ExactPlan *plan = pass->plan;
    for (size_t from = 0; from < scores->count; from += LOOKED_AT) {
        size_t to = MIN(from + LOOKED_AT, scores->count);
        if (!any_within(scores->values + from, to - from, scores->way, least)) {
            continue;
        }
        for (size_t r = from; r < to; r++) {
            float score = scores->values[r] * scores->way;
            bool within = isfinite(score) ? score >= least && score < end : odd;
            if (!within || (scores->mask != NULL && !((scores->mask[r / 64] >> (r % 64)) & 1))) {
                continue;
            }
            if (consider(pass, nearest, q, scores->first + r) && nearest_full(nearest)) {
                float cut = cutoff(plan, q, nearest->heap[0].hit.raw, scores->largest) * scores->way;
                least = MAX(least, cut);
            }
        }
    }
}

/* Takes the scores of a block for query `i` of the pass, each row once. In which order changes nothing but how many are
 * scored again: while there are not k, those come first that are likely to stay, so that few of the rest need to. */
static void take(Pass *pass, size_t i, const Scores *scores) {
    const ExactPlan *plan = pass->plan;
    Nearest *nearest = &pass->nearests[i];
    size_t q = pass->first_query + i, wanted = nearest->k + 1 /* one may be left out: the query's own */;
    float likely = INFINITY, least = -INFINITY;
    bool guessed = !nearest_full(nearest) && wanted <= MOST_GUESSED && scores->count >= 4 * wanted;
    if (guessed) {
        likely = guess(scores, wanted);
        take_between(pass, nearest, q, scores, likely, INFINITY, true);
    }
    if (nearest_full(nearest)) {
        least = cutoff(plan, q, nearest->heap[0].hit.raw, scores->largest) * scores->way;
    }
    if (least < likely) {
        take_between(pass, nearest, q, scores, least, likely, !guessed);
    }
}

/* The float32 cosines (times |q|) out of dots, where rows are not of unit length; NaN where float32 is not enough. */
static void divide_by_lengths(float *scores, const float *norms, size_t count) {
    for (size_t r = 0; r < count; r++) {
        scores[r] = norms[r] > norm_least && norms[r] < norm_most ? scores[r] / sqrtf(norms[r]) : NAN;
    }
}

/* Scores a block for queries `i` and on of the pass: four, or one where fewer are left; returns how many. With
 * `norms`, which is for one query, the sums of r^2 come with it. */
static size_t score_some(Pass *pass, size_t i, const NtRowBlock *block, bool norms) {
    const ExactPlan *plan = pass->plan;
    const NtKernels *kernels = plan->kernels;
    NtDtype dtype = plan->rows->dtype;
    bool euclidean = plan->rows->metric == NT_METRIC_EUCLIDEAN;
    size_t q = pass->first_query + i;
    if (pass->count - i >= 4) {
        const float *const four[4] = {exact_query(plan, q), exact_query(plan, q + 1), exact_query(plan, q + 2),
                                      exact_query(plan, q + 3)};
        (euclidean ? kernels->squared4 : kernels->dot4)[dtype](four, block, pass->scores);
        return 4;
    }
    if (norms) {
        kernels->dot_norms[dtype](exact_query(plan, q), block, pass->scores, pass->norms);
    } else {
        (euclidean ? kernels->squared : kernels->dot)[dtype](exact_query(plan, q), block, pass->scores);
    }
    return 1;
}

/* The largest of them; rows of NaN are never hits and do not count. */
static float largest_of(const float *norms, size_t count) {
    float largest = 0;
    for (size_t r = 0; r < count; r++) {
        largest = norms[r] > largest ? norms[r] : largest;
    }
    return largest;
}

/* Scores rows first .. first + count - 1 (at most a block), all of them, and takes those of the mask (NULL: all). */
static void pass_block(Pass *pass, uint64_t first, size_t count, const uint64_t *mask) {
    const ExactPlan *plan = pass->plan;
    const NtRows *rows = plan->rows;
    NtRowBlock block = {.data = row_at(plan, first), .stride = rows->stride, .count = count, .dim = rows->dim};
    bool divide = rows->metric == NT_METRIC_COSINE && !plan->unit, alone = pass->count == 1;
    bool norms = divide || rows->metric == NT_METRIC_INNER;
    float largest = 0, way = rows->metric == NT_METRIC_EUCLIDEAN ? -1 : 1;
    if (norms && !alone) {
        plan->kernels->norms[rows->dtype](&block, pass->norms);
    }
    for (size_t i = 0, together; i < pass->count; i += together) {
        together = score_some(pass, i, &block, norms && alone);
        largest = norms && i == 0 ? largest_of(pass->norms, count) : largest;
        for (size_t t = 0; t < together; t++) {
            float *scores = pass->scores + t * count;
            if (divide) {
                divide_by_lengths(scores, pass->norms, count);
            }
            const Scores all = {scores, mask, first, count, way, largest};
            take(pass, i + t, &all);
        }
    }
    pass->scored += count * pass->count;
}

/* Whether there is a reason to stop: told by another thread, or found here. */
static bool stopped(ExactPlan *plan) {
    GError *why = NULL;
    if (atomic_load_explicit(&plan->stopped, memory_order_relaxed) != NULL) {
        return true;
    }
    if (nt_wait_check(&plan->wait, &why)) {
        return false;
    }
    exact_stop(plan, why);
    return true;
}

/* Asks for a row ahead of its turn: the CPU does not guess where the next one is, as it does in whole blocks. */
static void fetch(const ExactPlan *plan, uint64_t row) {
    const uint8_t *data = row_at(plan, row);
    for (size_t i = 0; i < MIN(plan->rows->stride, FETCH_BYTES); i += 64) {
        __builtin_prefetch(data + i);
    }
}

/* Rows first .. end - 1: whole blocks where many may answer, runs of those that may where few do. */
static void pass_rows(Pass *pass, uint64_t first, uint64_t end) {
    ExactPlan *plan = pass->plan;
    const NtIndexOptions *options = plan->options;
    uint64_t mask[EXACT_BLOCK_ROWS / 64];
    /* A few dead rows are cheaper to score than to look for: those that might be hits are seen then. */
    bool dead = options->labels != NULL && options->labels->alive < plan->rows->count - plan->rows->count / 8;
    bool masked = options->allow != NULL || dead;
    for (uint64_t at = first; at < end && !stopped(plan); at += plan->block) {
        size_t count = (size_t)MIN(plan->block, end - at);
        size_t may = masked ? make_mask(options, at, count, mask) : count;
        if (may > count / SPARSE) {
            pass_block(pass, at, count, may < count ? mask : NULL);
            continue;
        }
        for (uint64_t from = bits_next(mask, 0, count, 0); from < count;) {
            uint64_t to = bits_next(mask, from, count, UINT64_MAX), next = bits_next(mask, to, count, 0);
            if (next < count) {
                fetch(plan, at + next);
            }
            pass_block(pass, at + from, (size_t)(to - from), NULL);
            from = next;
        }
    }
}

void exact_scan(ExactPlan *plan, size_t first_query, size_t count, Nearest *nearests, uint64_t first, uint64_t end) {
    g_autofree float *scores = g_new(float, 5 * plan->block);
    Pass pass = {.plan = plan,
                 .first_query = first_query,
                 .count = count,
                 .nearests = nearests,
                 .scores = scores,
                 .norms = scores + 4 * plan->block};
    pass_rows(&pass, first, end);
    atomic_fetch_add(&plan->options->stats->scored, pass.scored);
    atomic_fetch_add(&plan->options->stats->rescored, pass.rescored);
}
