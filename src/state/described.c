/* SPDX-License-Identifier: Apache-2.0 */
/* A product has one place, by its number, and numbers follow each other: so the products of a shop that has fewer than
 * there are places never put each other out. */
#include "state/described.h"

#include "state/state.h"

#include <string.h>

enum {
    SLOTS = 1 << 17,
    MOST_BYTES = 64 << 20, /* of all that is kept together */
    LARGE = 64 << 10,      /* more is not kept of one product */
};

struct NtDescriptions {
    gint refs;
    GMutex lock;         /* all below */
    uint64_t commits;    /* as of which nothing is out of date */
    int64_t fields;      /* the version of the fields then */
    NtDescribed **slots; /* (SLOTS); NULL: nothing was kept yet */
    size_t bytes;
    size_t hand; /* where the next one is put out when there are too many bytes */
};

void nt_described_unref(NtDescribed *described) {
    if (described != NULL && g_atomic_int_dec_and_test(&described->refs)) {
        g_free(described);
    }
}

static NtDescribed *described_ref(NtDescribed *described) {
    g_atomic_int_inc(&described->refs);
    return described;
}

NtDescribed *nt_described_new(const char *id, const char *location, int position, const char *metadata) {
    size_t id_bytes = strlen(id) + 1, location_bytes = strlen(location) + 1;
    size_t metadata_bytes = metadata != NULL ? strlen(metadata) + 1 : 0;
    NtDescribed *described = g_malloc(sizeof *described + id_bytes + location_bytes + metadata_bytes);
    char *texts = (char *)(described + 1);
    memcpy(texts, id, id_bytes);
    memcpy(texts + id_bytes, location, location_bytes);
    if (metadata != NULL) {
        memcpy(texts + id_bytes + location_bytes, metadata, metadata_bytes);
    }
    *described = (NtDescribed){.refs = 1,
                               .bytes = sizeof *described + id_bytes + location_bytes + metadata_bytes,
                               .id = texts,
                               .location = texts + id_bytes,
                               .position = position,
                               .metadata = metadata != NULL ? texts + id_bytes + location_bytes : NULL};
    return described;
}

/* ---- what is kept ---- */

NtDescriptions *nt_descriptions_new(uint64_t commits, int64_t fields) {
    NtDescriptions *descriptions = g_new0(NtDescriptions, 1);
    descriptions->refs = 1;
    g_mutex_init(&descriptions->lock);
    descriptions->commits = commits;
    descriptions->fields = fields;
    return descriptions;
}

NtDescriptions *nt_descriptions_ref(NtDescriptions *descriptions) {
    g_atomic_int_inc(&descriptions->refs);
    return descriptions;
}

/* Empties a place; under the lock. */
static void put_out(NtDescriptions *descriptions, size_t slot) {
    NtDescribed *described = descriptions->slots[slot];
    if (described != NULL) {
        descriptions->bytes -= described->bytes;
        descriptions->slots[slot] = NULL;
        nt_described_unref(described);
    }
}

static void put_out_all(NtDescriptions *descriptions) {
    for (size_t slot = 0; descriptions->slots != NULL && slot < SLOTS; slot++) {
        put_out(descriptions, slot);
    }
}

void nt_descriptions_unref(NtDescriptions *descriptions) {
    if (descriptions != NULL && g_atomic_int_dec_and_test(&descriptions->refs)) {
        put_out_all(descriptions);
        g_free(descriptions->slots);
        g_mutex_clear(&descriptions->lock);
        g_free(descriptions);
    }
}

void nt_descriptions_forward(NtDescriptions *descriptions, uint64_t commits, int64_t fields, const GArray *changed) {
    g_mutex_lock(&descriptions->lock);
    if (fields != descriptions->fields) {
        put_out_all(descriptions);
    }
    for (guint i = 0; descriptions->slots != NULL && i < changed->len; i++) {
        size_t slot = (size_t)((uint64_t)g_array_index(changed, int64_t, i) % SLOTS);
        const NtDescribed *described = descriptions->slots[slot];
        if (described != NULL && described->shown.product == g_array_index(changed, int64_t, i)) {
            put_out(descriptions, slot);
        }
    }
    descriptions->commits = commits;
    descriptions->fields = fields;
    g_mutex_unlock(&descriptions->lock);
}

/* What is kept of it and holds at the snapshot's moment; a reference, or NULL. Under the lock. */
static NtDescribed *find(const NtDescriptions *descriptions, uint64_t commits, const NtShown *shown, bool metadata) {
    NtDescribed *described = descriptions->slots != NULL ? descriptions->slots[(uint64_t)shown->product % SLOTS] : NULL;
    bool fits = described != NULL && described->shown.product == shown->product &&
                described->shown.vrow == shown->vrow && described->since <= commits &&
                (!metadata || described->metadata != NULL);
    return fits ? described_ref(described) : NULL;
}

/* Keeps it, in place of another. Under the lock. */
static void keep(NtDescriptions *descriptions, NtDescribed *described) {
    if (descriptions->slots == NULL) {
        descriptions->slots = g_new0(NtDescribed *, SLOTS);
    }
    size_t slot = (size_t)((uint64_t)described->shown.product % SLOTS);
    put_out(descriptions, slot);
    while (descriptions->bytes + described->bytes > MOST_BYTES) {
        put_out(descriptions, descriptions->hand++ % SLOTS);
    }
    descriptions->slots[slot] = described_ref(described);
    descriptions->bytes += described->bytes;
}

/* ---- reading ---- */

typedef struct Reading {
    const NtSnapshot *snapshot;
    const NtShown *missing;
    const size_t *places; /* of each of them in `out` */
    NtDescribed **out;
} Reading;

static bool take(size_t i, const char *id, const char *location, int64_t position, NtJson *metadata, void *data) {
    const Reading *reading = data;
    g_autofree char *path = nt_location_path(reading->snapshot->reader.catalogue, location);
    g_autofree char *values = metadata != NULL ? nt_json_print(metadata, false) : NULL;
    NtDescribed *described = nt_described_new(id, path, (int)position, values);
    described->shown = reading->missing[i];
    described->since = reading->snapshot->commits;
    reading->out[reading->places[i]] = described;
    return true;
}

/* Reads those that are missing from the database, in one statement. */
static bool read_missing(const NtSnapshot *snapshot, const NtShown *shown, size_t count, bool metadata,
                         NtDescribed **out, GError **error) {
    g_autofree NtShown *missing = g_new(NtShown, count);
    g_autofree size_t *places = g_new(size_t, count);
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        if (out[i] == NULL) {
            missing[wanted] = shown[i];
            places[wanted++] = i;
        }
    }
    Reading reading = {snapshot, missing, places, out};
    if (wanted == 0) {
        return true;
    }
    if (!nt_catalogue_describe(snapshot->reader.db, snapshot->version->model->model, missing, wanted, metadata, take,
                               &reading, error)) {
        return false;
    }
    NtDescriptions *descriptions = snapshot->version->described;
    g_mutex_lock(&descriptions->lock);
    /* Of an earlier moment it might be out of date already; catalogues of an old layout count no commits. */
    bool now = descriptions->commits == snapshot->commits && snapshot->commits > 0;
    bool whole = true;
    for (size_t i = 0; i < wanted; i++) {
        NtDescribed *described = out[places[i]];
        whole = whole && described != NULL;
        if (now && described != NULL && described->bytes <= LARGE) {
            keep(descriptions, described);
        }
    }
    g_mutex_unlock(&descriptions->lock);
    if (!whole) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: a product that was found is not in the database",
                snapshot->reader.catalogue->folder);
        return nt_fact(error, "remedy", "check");
    }
    return true;
}

bool nt_snapshot_describe(const NtSnapshot *snapshot, const NtShown *shown, size_t count, bool metadata,
                          NtDescribed **out, GError **error) {
    NtDescriptions *descriptions = snapshot->version->described;
    g_mutex_lock(&descriptions->lock);
    for (size_t i = 0; i < count; i++) {
        out[i] = find(descriptions, snapshot->commits, &shown[i], metadata);
    }
    g_mutex_unlock(&descriptions->lock);
    if (read_missing(snapshot, shown, count, metadata, out, error)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        g_clear_pointer(&out[i], nt_described_unref);
    }
    return false;
}
