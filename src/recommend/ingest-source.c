/* SPDX-License-Identifier: Apache-2.0 */
/* The half of indexing that lists: a source's rows become products and queued photos. */
#include "recommend/ingest-internal.h"

#include <string.h>

enum { LIST_AT_ONCE = 64 /* products listed before outcomes are looked at */ };

NtSource *ingest_open_source(const Ingest *ingest, const char *location, GError **error) {
    NtSourceOptions options = {.format = ingest->options->format,
                               .encoding = ingest->options->encoding,
                               .map = ingest->options->map,
                               .product_from_folder = ingest->options->product_from_folder,
                               .limits = &ingest->catalogue->limits};
    return nt_source_open(location, &options, error);
}

void *ingest_count_photos(void *data) {
    Ingest *ingest = data;
    g_autoptr(NtSource) source = ingest_open_source(ingest, nt_source_location(ingest->source), NULL);
    gint total = 0;
    while (source != NULL && !g_atomic_int_get(&ingest->stop_counting)) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        NtSourceStep step = nt_source_next(source, &listing, &fault);
        if (step == NT_SOURCE_END || step == NT_SOURCE_FAILED) {
            g_atomic_int_set(&ingest->total, total);
            break;
        }
        total += step == NT_SOURCE_PRODUCT ? (gint)listing.photo_count : 1;
    }
    return NULL;
}

bool ingest_learn_columns(Ingest *ingest, const char *location, GError **error) {
    ingest->columns = nt_columns_new(ingest->db, ingest->options->types, error);
    g_autoptr(NtSource) source = ingest->columns != NULL ? ingest_open_source(ingest, location, error) : NULL;
    if (source == NULL) {
        return false;
    }
    for (unsigned rows = 0; rows < NT_COLUMNS_SAMPLE; rows++) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        NtSourceStep step = nt_source_next(source, &listing, &fault);
        if (step == NT_SOURCE_END || step == NT_SOURCE_FAILED || strcmp(nt_source_kind(source), "folder") == 0) {
            break;
        }
        for (size_t i = 0; step == NT_SOURCE_PRODUCT && i < listing.value_count; i++) {
            const NtListingValue *value = &listing.values[i];
            nt_columns_learn(ingest->columns, value->field, value->text, value->json);
        }
    }
    return nt_columns_settle(ingest->columns, error);
}

static void read_values(Ingest *ingest, const NtListing *listing) {
    nt_columns_begin_row(ingest->columns);
    for (size_t i = 0; i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        g_autoptr(GError) fault = NULL;
        if (nt_columns_read(ingest->columns, value->field, value->text, value->json, &fault)) {
            continue;
        }
        ingest->report.values++;
        if (ingest->options->failure != NULL) {
            g_autofree char *message = g_strdup_printf("%s: %s", listing->place, fault->message);
            const NiteruFailure failure = {listing->place, listing->id, NULL, message, (NiteruError)fault->code, true};
            ingest->options->failure(&failure, ingest->options->data);
        }
    }
}

/* Queues the photos of a product that are to be read: new and changed ones, and those that failed, for what stood in
 * the way may be gone. */
static bool queue_photos(Ingest *ingest, const NtListing *listing, const NtPhotoState *states, GError **error) {
    for (size_t i = 0; i < listing->photo_count; i++) {
        bool known = false;
        if (states[i].content > 0 && !ingest_find_vector(ingest, states[i].content, &known, error)) {
            return false;
        }
        ingest->report.photos++;
        ingest->report.reused += known;
        if (!known) {
            NtJob *job = g_new(NtJob, 1);
            *job = (NtJob){states[i].photo, g_strdup(listing->photos[i]), g_strdup(listing->id)};
            g_queue_push_tail(&ingest->jobs, job);
        }
    }
    return true;
}

/* Puts one product and queues those of its photos that are to be read. */
static bool put_listing(Ingest *ingest, const NtListing *listing, GError **error) {
    g_autofree NtPhotoPut *photos = g_new0(NtPhotoPut, listing->photo_count);
    g_autofree NtPhotoState *states = g_new0(NtPhotoState, listing->photo_count);
    for (size_t i = 0; i < listing->photo_count; i++) {
        photos[i].location = listing->photos[i];
        if (!ingest->options->rehash) {
            nt_stamp_read(listing->photos[i], &photos[i].stamp, NULL); /* a fault is found by reading it */
        }
    }
    read_values(ingest, listing);
    NtProductPut put = {
        .id = listing->id, .line = listing->line, .photos = photos, .photo_count = listing->photo_count};
    put.values = nt_columns_values(ingest->columns, &put.value_count);
    bool added = false;
    g_autoptr(GError) fault = NULL;
    if (!nt_catalogue_put_product(ingest->db, &ingest->run, &put, states, &added, &fault)) {
        if (fault->code != NITERU_ERROR_INVALID && fault->code != NITERU_ERROR_LIMIT) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        g_autofree char *message = g_strdup_printf("%s: %s", listing->place, fault->message);
        ingest_tell_failure(ingest, &(NiteruFailure){.place = listing->place,
                                                     .product = listing->id,
                                                     .message = message,
                                                     .code = (NiteruError)fault->code});
        return true;
    }
    ingest->report.products++;
    ingest->report.added += added;
    return queue_photos(ingest, listing, states, error);
}

/* A row, photo or folder that the source itself refused. */
static void listing_failed(Ingest *ingest, const NtSourceFault *where, const GError *fault) {
    ingest->unread += where->product == NULL && where->photo == NULL && where->line == 0 &&
                      fault->code != NITERU_ERROR_INVALID; /* invalid: a name that no product can have */
    ingest_tell_failure(ingest, &(NiteruFailure){.place = where->place,
                                                 .product = where->product,
                                                 .photo = where->photo,
                                                 .message = fault->message,
                                                 .code = (NiteruError)fault->code});
}

bool ingest_list_some(Ingest *ingest, GError **error) {
    for (unsigned i = 0; i < LIST_AT_ONCE && !ingest->listed; i++) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        switch (nt_source_next(ingest->source, &listing, &fault)) {
        case NT_SOURCE_PRODUCT:
            if (!put_listing(ingest, &listing, error)) {
                return false;
            }
            break;
        case NT_SOURCE_FAULT: listing_failed(ingest, nt_source_fault(ingest->source), fault); break;
        case NT_SOURCE_END: ingest->listed = true; break;
        case NT_SOURCE_FAILED: g_propagate_error(error, g_steal_pointer(&fault)); return false;
        }
    }
    return true;
}

bool ingest_may_prune(Ingest *ingest) {
    const char *why = ingest->unread > 0            ? "a part of it could not be read"
                      : ingest->report.products < 1 ? "no product was found in it"
                                                    : NULL;
    if (ingest->options->prune && why != NULL) {
        const char *location = nt_source_location(ingest->source);
        g_autofree char *message = g_strdup_printf("%s: nothing was pruned, because %s", location, why);
        ingest_tell_failure(ingest, &(NiteruFailure){.place = location, .message = message, .code = NITERU_ERROR_IO});
    }
    return ingest->options->prune && why == NULL;
}
