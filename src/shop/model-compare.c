/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two models side by side, before one takes the place of the other: the same products are asked for with both. Where a
 * field tells what is alike, an answer is right when it has the product's value; without one, how much the answers have
 * in common is all that can be told, and the products on which they differ most are there to be looked at.
 */
#include "shop/model-switch.h"

#include <string.h>

enum { QUERIES = 500, ANSWERS = 5, DIFFERENT = 12 };

/* Products drawn at random, each as likely as any other (Vitter, "Random sampling with a reservoir", 1985, algorithm
 * R), the same ones for the same catalogue. */
typedef struct Sample {
    bool labelled; /* only those that have the field */
    GPtrArray *ids;
    uint64_t seen;
    GRand *random;
} Sample;

static bool draw(int64_t product, const char *id, const char *value, void *data) {
    Sample *sample = data;
    (void)product;
    if (sample->labelled && value == NULL) {
        return true;
    }
    uint64_t place =
        sample->seen < QUERIES ? sample->seen : (uint64_t)(g_rand_double(sample->random) * (double)(sample->seen + 1));
    sample->seen++;
    if (place == sample->ids->len) {
        g_ptr_array_add(sample->ids, g_strdup(id));
    } else if (place < sample->ids->len) {
        g_free(sample->ids->pdata[place]);
        sample->ids->pdata[place] = g_strdup(id);
    }
    return true;
}

static GPtrArray *draw_sample(NiteruCatalogue *catalogue, const char *label, GError **error) {
    g_auto(NtReader) reader = {0};
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    Sample sample = {.labelled = label != NULL, .ids = ids, .random = random};
    return nt_reader_open(&reader, catalogue, error) &&
                   nt_catalogue_each_labelled(reader.db, label, draw, &sample, error)
               ? g_steal_pointer(&ids)
               : NULL;
}

/* What one model answers for one product. */
typedef struct Answer {
    NiteruResults *results;
    unsigned count, right;
    bool first_right;
} Answer;

typedef struct Member {
    const char *name;
    char *text;
} Member;

static bool take_member(const char *key, NtJson *value, void *data) {
    Member *member = data;
    if (g_ascii_strcasecmp(key, member->name) == 0) { /* as conditions and fields are named */
        member->text = nt_json_print(value, false);
    }
    return member->text == NULL;
}

/* The value of a field, as JSON text; new, NULL: it has none. */
static char *member_of(const NtJson *fields, const char *label) {
    Member member = {label, NULL};
    nt_json_foreach(fields, take_member, &member);
    return member.text;
}

static char *value_of(const char *metadata, const char *label) {
    g_autoptr(NtJson) fields =
        metadata != NULL && label != NULL ? nt_json_parse(metadata, strlen(metadata), "metadata", NULL, NULL) : NULL;
    return fields != NULL ? member_of(fields, label) : NULL;
}

static char *label_of(NiteruCatalogue *catalogue, const char *id, const char *label) {
    g_autofree char *text = label != NULL ? niteru_product_json(catalogue, id, NULL) : NULL;
    g_autoptr(NtJson) product = text != NULL ? nt_json_parse(text, strlen(text), id, NULL, NULL) : NULL;
    return product != NULL ? member_of(nt_json_get(product, "metadata"), label) : NULL;
}

/* False: the product is in no answer of this model (its photo cannot be used), or a stop. */
static bool ask(NiteruCatalogue *catalogue, const char *id, const char *model, const char *label, const char *wanted,
                GCancellable *cancellable, Answer *out) {
    const NiteruSearchOptions options = {
        .size = sizeof options, .k = ANSWERS, .model = model, .metadata = label != NULL};
    *out = (Answer){.results = niteru_similar(catalogue, id, &options, cancellable, NULL)};
    out->count = out->results != NULL ? (unsigned)niteru_results_count(out->results) : 0;
    for (unsigned i = 0; i < out->count; i++) {
        g_autofree char *found = value_of(niteru_results_get(out->results, i)->metadata, label);
        bool right = wanted != NULL && g_strcmp0(found, wanted) == 0;
        out->right += right;
        out->first_right |= right && i == 0;
    }
    return out->results != NULL;
}

static unsigned in_common(const Answer *one, const Answer *other) {
    unsigned same = 0;
    for (unsigned i = 0; i < one->count; i++) {
        const char *id = niteru_results_get(one->results, i)->product;
        for (unsigned j = 0; j < other->count; j++) {
            same += strcmp(id, niteru_results_get(other->results, j)->product) == 0;
        }
    }
    return same;
}

/* Sums over the queries; [0]: the old model, [1]: the new one. */
typedef struct Sums {
    unsigned queries, first[2], better[2];
    double right[2], same;
    GArray *different; /* Different, those that have least in common first */
} Sums;

typedef struct Different {
    unsigned same;
    const char *id;
} Different;

static void keep_different(Sums *sums, const char *id, unsigned same) {
    guint place = 0;
    while (place < sums->different->len && g_array_index(sums->different, Different, place).same <= same) {
        place++;
    }
    const Different entry = {same, id};
    g_array_insert_val(sums->different, place, entry);
    g_array_set_size(sums->different, MIN(sums->different->len, DIFFERENT));
}

static void add(Sums *sums, const char *id, const Answer answers[2]) {
    unsigned same = in_common(&answers[0], &answers[1]);
    unsigned most = MAX(answers[0].count, answers[1].count);
    sums->queries++;
    for (int i = 0; i < 2; i++) {
        sums->first[i] += answers[i].first_right;
        sums->right[i] += answers[i].count > 0 ? (double)answers[i].right / answers[i].count : 0;
        sums->better[i] += answers[i].right > answers[1 - i].right;
    }
    sums->same += most > 0 ? (double)same / most : 1;
    if (same < most) {
        keep_different(sums, id, same);
    }
}

typedef struct Judged {
    const char *old, *new;
    NtJson *out;
} Judged;

/* What people found who compared the two without knowing which was which. */
static bool add_judged(const NtJudged *judged, void *data) {
    Judged *of = data;
    bool straight = strcmp(judged->a, of->old) == 0 && strcmp(judged->b, of->new) == 0;
    if (straight || (strcmp(judged->b, of->old) == 0 && strcmp(judged->a, of->new) == 0)) {
        NtJson *judgement = nt_json_object();
        nt_json_set(judgement, "old_better",
                    nt_json_integer((int64_t)(straight ? judged->a_better : judged->b_better)));
        nt_json_set(judgement, "new_better",
                    nt_json_integer((int64_t)(straight ? judged->b_better : judged->a_better)));
        nt_json_set(judgement, "neither", nt_json_integer((int64_t)judged->neither));
        nt_json_set(of->out, "judged", judgement);
    }
    return true;
}

static NtJson *show_model(const char *name, const Sums *sums, int i, bool labelled) {
    NtJson *out = nt_json_set(nt_json_object(), "model", nt_json_string(name));
    if (labelled && sums->queries > 0) {
        nt_json_set(out, "p1", nt_json_real((double)sums->first[i] / sums->queries));
        nt_json_set(out, "p5", nt_json_real(sums->right[i] / sums->queries));
        nt_json_set(out, "better", nt_json_integer(sums->better[i]));
    }
    return out;
}

static NtJson *show(const char *old, const char *new, const char *label, const Sums *sums) {
    NtJson *out = nt_json_object(), *different = nt_json_array();
    nt_json_set(out, "label", nt_json_string(label));
    nt_json_set(out, "queries", nt_json_integer(sums->queries));
    nt_json_set(out, "old", show_model(old, sums, 0, label != NULL));
    nt_json_set(out, "new", show_model(new, sums, 1, label != NULL));
    nt_json_set(out, "same", nt_json_real(sums->queries > 0 ? sums->same / sums->queries : 1));
    for (guint i = 0; i < sums->different->len; i++) {
        nt_json_append(different, nt_json_string(g_array_index(sums->different, Different, i).id));
    }
    return nt_json_set(out, "different", different);
}

NtJson *nt_models_compare(NiteruCatalogue *catalogue, const char *old, const char *new, const char *label,
                          const NtWait *wait, GError **error) {
    g_autoptr(GPtrArray) ids = draw_sample(catalogue, label, error);
    g_autoptr(GArray) different = g_array_new(FALSE, FALSE, sizeof(Different));
    Sums sums = {.different = different};
    for (guint i = 0; ids != NULL && i < ids->len; i++) {
        if (!nt_wait_check(wait, error)) {
            return NULL;
        }
        const char *id = ids->pdata[i];
        g_autofree char *wanted = label_of(catalogue, id, label);
        Answer answers[2];
        bool both = ask(catalogue, id, old, label, wanted, wait->cancellable, &answers[0]);
        both = ask(catalogue, id, new, label, wanted, wait->cancellable, &answers[1]) && both;
        if (both) {
            add(&sums, id, answers);
        }
        niteru_results_free(answers[0].results);
        niteru_results_free(answers[1].results);
    }
    g_auto(NtReader) reader = {0};
    if (ids == NULL || !nt_reader_open(&reader, catalogue, error)) {
        return NULL;
    }
    g_autoptr(NtJson) out = show(old, new, label, &sums);
    Judged judged = {old, new, out};
    return nt_catalogue_each_judged(reader.db, add_judged, &judged, error) ? g_steal_pointer(&out) : NULL;
}
