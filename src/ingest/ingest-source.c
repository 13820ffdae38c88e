/* SPDX-License-Identifier: Apache-2.0 */
/* The half of indexing that lists: a source's rows become products and queued photos. */
#include "ingest/ingest-internal.h"

#include <string.h>

enum {
    LIST_AT_ONCE = 64, /* products listed before outcomes are looked at */
    NAMED_PLACES = 5,  /* in the message that nothing was pruned */
};

/* For files of a folder whose names do not say that they are photos. */
static bool is_photo(const uint8_t *head, size_t size, const char **out_what) {
    NtImageFormat format = nt_image_sniff(head, size);
    *out_what = format == NT_IMAGE_UNKNOWN ? nt_image_describe_other(head, size) : NULL;
    return format != NT_IMAGE_UNKNOWN;
}

static NtSourceOptions source_options(const Ingest *ingest) {
    return (NtSourceOptions){.format = ingest->options->format,
                             .encoding = ingest->options->encoding,
                             .map = ingest->options->map,
                             .photos = ingest->options->photos,
                             .separator = ingest->options->image_separator,
                             .product_from_folder = ingest->options->product_from_folder,
                             .look = is_photo,
                             .find_photo = ingest->upload != NULL ? ingest->upload->find_photo : NULL,
                             .find_data = ingest->upload != NULL ? ingest->upload->data : NULL,
                             .limits = &ingest->catalogue->limits};
}

NtSource *ingest_open_source(const Ingest *ingest, const char *location, GError **error) {
    NtSourceOptions options = source_options(ingest);
    return nt_source_open(location, &options, error);
}

void *ingest_count_photos(void *data) {
    Ingest *ingest = data;
    NtSourceOptions options = source_options(ingest);
    options.look = NULL; /* each file is looked at once; those that are no photos count as dealt with */
    g_autoptr(NtSource) source = nt_source_open(nt_source_location(ingest->source), &options, NULL);
    gint total = 0;
    while (source != NULL && !g_atomic_int_get(&ingest->stop_counting)) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        NtSourceStep step = nt_source_next(source, &listing, &fault);
        if (step == NT_SOURCE_END || step == NT_SOURCE_FAILED) {
            g_atomic_int_set(&ingest->total, total + (gint)nt_source_skipped(source));
            break;
        }
        total += step == NT_SOURCE_PRODUCT ? (gint)listing.photo_count : 1;
    }
    return NULL;
}

bool ingest_learn_columns(Ingest *ingest, const char *location, GError **error) {
    ingest->columns = nt_columns_new(ingest->db, ingest->options->types, error);
    g_autoptr(NtSource) source = ingest->columns != NULL ? ingest_open_source(ingest, location, error) : NULL;
    const char *order = ingest->options->version_from;
    bool has_order = order == NULL;
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
            has_order |= order != NULL && g_ascii_strcasecmp(value->field, order) == 0;
        }
    }
    if (!has_order) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: no row has a field '%s' for its version", location, order);
        return nt_fact(error, "option", "version_from");
    }
    return nt_columns_settle(ingest->columns, error);
}

/* Reads the row's values; one that does not fit is told, any other fault ends the run. */
static bool read_values(Ingest *ingest, const NtListing *listing, GError **error) {
    nt_columns_begin_row(ingest->columns);
    for (size_t i = 0; i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        g_autoptr(GError) fault = NULL;
        if (nt_columns_read(ingest->columns, value->field, value->text, value->json, &fault)) {
            continue;
        }
        if (fault->code != NITERU_ERROR_INVALID && fault->code != NITERU_ERROR_LIMIT) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        ingest->report.values++;
        if (ingest->options->failure != NULL) {
            g_prefix_error(&fault, "%s: ", listing->place);
            const NiteruFailure failure = {listing->place,           listing->id, NULL, fault->message,
                                           (NiteruError)fault->code, true,        fault};
            failures_keep(ingest->untold, &failure);
        }
    }
    return true;
}

/* Queues a photo at a web address, or counts it where it is known from this very run. Takes the job. */
static bool queue_web(Ingest *ingest, PhotoJob *job, GError **error) {
    int64_t content = 0;
    bool known = false, now = false;
    if (!ingest_web_take(ingest, job, &content, error) ||
        (content > 0 && !ingest_find_vector(ingest, content, &known, &now, error))) {
        return false;
    }
    ingest->report.reused += known;
    ingest->report.identical += now;
    return true;
}

/* Queues the photos of a product that are to be read: new and changed ones, and those that failed, for what stood in
 * the way may be gone. */
static bool queue_photos(Ingest *ingest, const NtListing *listing, const NtPhotoPut *photos, const NtPhotoState *states,
                         GError **error) {
    for (size_t i = 0; i < listing->photo_count; i++) {
        bool known = false, now = false;
        if (states[i].content > 0 && !ingest_find_vector(ingest, states[i].content, &known, &now, error)) {
            return false;
        }
        bool web = nt_is_web_address(listing->photos[i]);
        ingest->report.photos++;
        ingest->report.reused += known;
        ingest->report.identical += now;
        if (!known) {
            PhotoJob *job = photo_job_new(ingest->catalogue, states[i].photo, listing->photos[i], listing->id,
                                          listing->line > 0 ? listing->place : NULL);
            job->location = g_strdup(photos[i].location);
            job->model = ingest->model->model;
            job->shown = states[i].shown;
            job->only_of = ingest->options->rehash ? ingest->maker : NT_MAKER_UNKNOWN;
            job->web = web;
            if (!web) {
                g_queue_push_tail(&ingest->jobs, job);
            } else if (!queue_web(ingest, job, error)) {
                return false;
            }
        }
    }
    return true;
}

bool ingest_read_order(Ingest *ingest, GError **error) {
    const NiteruIndexOptions *options = ingest->options;
    if (options->version != NULL && options->version_from != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "a version of all rows, or a field that has each row's own: not both");
        return nt_fact(error, "option", "version_from");
    }
    if (options->version_from != NULL && strcmp(nt_source_kind(ingest->source), "folder") == 0) {
        nt_fail(error, NITERU_ERROR_INVALID, "photos in a folder have no field '%s': give a version of all",
                options->version_from);
        return nt_fact(error, "option", "version_from");
    }
    if (options->version != NULL && !nt_version_read(options->version, &ingest->version, error)) {
        return nt_fact(error, "option", "version");
    }
    return nt_put_if_read(options->only, &ingest->only, error);
}

/* The version of a row, where the list has them; a row without one has none. Errors: INVALID. */
static bool read_version(const Ingest *ingest, const NtListing *listing, int64_t *out_version, GError **error) {
    *out_version = ingest->version;
    for (size_t i = 0; ingest->options->version_from != NULL && i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        if (g_ascii_strcasecmp(value->field, ingest->options->version_from) != 0) {
            continue;
        }
        g_autofree char *text = value->text != NULL   ? g_strdup(value->text)
                                : value->json != NULL ? nt_json_print(value->json, false)
                                                      : NULL;
        if (text != NULL && *g_strstrip(text) != '\0' && strcmp(text, "null") != 0) {
            return nt_version_read(text, out_version, error) || (g_prefix_error(error, "%s: ", value->field), false);
        }
    }
    return true;
}

/* A product that is left as it is, because the write comes late or is not meant for it. */
static bool is_passed_over(Ingest *ingest, const GError *fault) {
    bool stale = fault->code == NITERU_ERROR_STALE;
    if (!stale && fault->code != NITERU_ERROR_CONDITION) {
        return false;
    }
    ingest->report.products++;
    ingest->report.stale += stale;
    ingest->report.passed_over += !stale;
    return true;
}

/* Puts one product and queues those of its photos that are to be read. */
static bool put_listing(Ingest *ingest, const NtListing *listing, GError **error) {
    g_autofree NtPhotoPut *photos = g_new0(NtPhotoPut, listing->photo_count);
    g_autofree NtPhotoState *states = g_new0(NtPhotoState, listing->photo_count);
    for (size_t i = 0; i < listing->photo_count; i++) {
        photos[i].location = nt_path_location(ingest->catalogue, listing->photos[i]);
        if (!ingest->options->rehash && !nt_is_web_address(listing->photos[i])) {
            nt_stamp_read(listing->photos[i], &photos[i].stamp, NULL); /* a fault is found by reading it */
        }
    }
    if (!read_values(ingest, listing, error)) {
        return false;
    }
    NtProductPut put = {.id = listing->id,
                        .line = listing->line,
                        .photos = photos,
                        .photo_count = listing->photo_count,
                        .only = ingest->only};
    put.values = nt_columns_values(ingest->columns, &put.value_count);
    bool added = false;
    g_autoptr(GError) fault = NULL;
    if (!read_version(ingest, listing, &put.version, &fault) ||
        !nt_catalogue_put_product(ingest->db, &ingest->run, &put, states, &added, &fault)) {
        if (is_passed_over(ingest, fault)) {
            return true;
        }
        if (fault->code != NITERU_ERROR_INVALID && fault->code != NITERU_ERROR_LIMIT) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        bool repeated = strstr(fault->message, "an id may stand in a list once") != NULL && !ingest->told_repeat;
        g_autofree char *bare = fault->message;
        fault->message = g_strdup_printf("%s: %s%s%s%s", listing->place, bare, repeated ? " (" : "",
                                         repeated ? nt_source_repeat_hint(ingest->source) : "", repeated ? ")" : "");
        ingest->told_repeat |= repeated;
        ingest_unread(ingest, listing->place);
        ingest_tell_failure(ingest, &(NiteruFailure){.place = listing->place,
                                                     .product = listing->id,
                                                     .message = fault->message,
                                                     .code = (NiteruError)fault->code,
                                                     .error = fault});
        return true;
    }
    ingest->report.products++;
    ingest->report.added += added;
    if (ingest->upload != NULL) {
        TakenProduct taken = {g_strdup(listing->id), listing->line, added};
        g_array_append_val(ingest->taken, taken);
    }
    return queue_photos(ingest, listing, photos, states, error);
}

void ingest_unread(Ingest *ingest, const char *place) {
    ingest->unread++;
    if (ingest->unread_at->len < NAMED_PLACES) {
        g_ptr_array_add(ingest->unread_at, nt_text_printable(place, 200));
    }
}

/* A row whose photos were refused in part is given after all; one that was refused as a whole is not. `place` of the
 * product given now, or NULL. */
static void settle_doubt(Ingest *ingest, const char *place) {
    if (ingest->in_doubt != NULL && g_strcmp0(ingest->in_doubt, place) != 0) {
        ingest_unread(ingest, ingest->in_doubt);
    }
    g_clear_pointer(&ingest->in_doubt, g_free);
}

/* A row, photo or folder that the source itself refused. */
static void listing_failed(Ingest *ingest, const NtSourceFault *where, const GError *fault) {
    bool partly = where->product != NULL;
    if (!partly || g_strcmp0(ingest->in_doubt, where->place) != 0) {
        settle_doubt(ingest, NULL);
    }
    if (!partly) {
        ingest_unread(ingest, where->place);
    } else if (ingest->in_doubt == NULL) {
        ingest->in_doubt = g_strdup(where->place);
    }
    ingest_tell_failure(ingest, &(NiteruFailure){.place = where->place,
                                                 .product = where->product,
                                                 .photo = where->photo,
                                                 .message = fault->message,
                                                 .code = (NiteruError)fault->code,
                                                 .error = fault});
}

bool ingest_list_some(Ingest *ingest, GError **error) {
    for (unsigned i = 0; i < LIST_AT_ONCE && !ingest->listed; i++) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        switch (nt_source_next(ingest->source, &listing, &fault)) {
        case NT_SOURCE_PRODUCT:
            settle_doubt(ingest, listing.place);
            if (!put_listing(ingest, &listing, error)) {
                return false;
            }
            break;
        case NT_SOURCE_FAULT: listing_failed(ingest, nt_source_fault(ingest->source), fault); break;
        case NT_SOURCE_END:
            settle_doubt(ingest, NULL);
            ingest->listed = true;
            break;
        case NT_SOURCE_FAILED: g_propagate_error(error, g_steal_pointer(&fault)); return false;
        }
    }
    return true;
}

/* ---- the end ---- */

/* Folders that are empty now and brought products before count as not read. */
static bool find_emptied(Ingest *ingest, GError **error) {
    const char *const *empty = nt_source_empty_folders(ingest->source);
    for (size_t i = 0; empty[i] != NULL; i++) {
        g_autofree char *below = g_utf8_validate(empty[i], -1, NULL) ? nt_text_nfc(empty[i]) : NULL;
        bool missed = false;
        if (below != NULL && !nt_catalogue_missed_below(ingest->db, &ingest->run, below, &missed, error)) {
            return false;
        }
        if (missed) {
            g_autofree char *place = g_strdup_printf("%s (empty now; a disk that is not mounted? if not, remove the "
                                                     "folder)",
                                                     below);
            ingest_unread(ingest, place);
        }
    }
    return true;
}

bool ingest_may_prune(Ingest *ingest, char **out_why, GError **error) {
    if (!ingest->options->prune || ingest->report.products == 0 || !find_emptied(ingest, error)) {
        return false;
    }
    if (ingest->unread == 0) {
        return true;
    }
    GString *why = g_string_new(NULL);
    g_string_append_printf(
        why, "%s: nothing was pruned, because a part of it could not be read: ", nt_source_location(ingest->source));
    for (guint i = 0; i < ingest->unread_at->len; i++) {
        g_string_append_printf(why, "%s%s", i > 0 ? ", " : "", (char *)g_ptr_array_index(ingest->unread_at, i));
    }
    if (ingest->unread > ingest->unread_at->len) {
        g_string_append_printf(why, " and %" G_GUINT64_FORMAT " more", ingest->unread - ingest->unread_at->len);
    }
    *out_why = g_string_free(why, FALSE);
    return false;
}

/* "b.txt (plain text), c.tga and 3 more"; NULL: nothing was skipped that could be named. */
static char *listed_skipped(const NtSource *source) {
    uint64_t visible = nt_source_skipped(source) - nt_source_hidden(source);
    const char *const *names = nt_source_skipped_names(source);
    if (visible == 0) {
        return NULL;
    }
    g_autofree char *named = g_strjoinv(", ", (char **)names);
    uint64_t more = visible - g_strv_length((char **)names);
    return more > 0 ? g_strdup_printf("%s and %" G_GUINT64_FORMAT " more", named, more) : g_steal_pointer(&named);
}

void ingest_tell_skipped(Ingest *ingest) {
    ingest->report.others = nt_source_skipped(ingest->source);
    ingest->report.hidden = nt_source_hidden(ingest->source);
    g_autofree char *named = listed_skipped(ingest->source);
    if (named != NULL && ingest->options->note != NULL) {
        g_autofree char *note = g_strdup_printf("not photos that niteru reads: %s", named);
        ingest->options->note(note, ingest->options->data);
    }
}

bool ingest_check_found(const Ingest *ingest, GError **error) {
    const char *location = nt_source_location(ingest->source);
    if (ingest->report.products > 0) {
        return true;
    }
    const char *kept = ingest->options->prune ? "; nothing was pruned" : "";
    g_autofree char *named = listed_skipped(ingest->source);
    if (ingest->first_failure != NULL) {
        GError *first = g_error_copy(ingest->first_failure);
        first->code = NITERU_ERROR_INVALID;
        g_propagate_prefixed_error(error, first, "%s: no product could be taken from it%s; the first fault: ", location,
                                   kept);
        return false;
    }
    if (strcmp(nt_source_kind(ingest->source), "folder") != 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: no product is in it: there is no row%s%s", location,
                       strcmp(nt_source_kind(ingest->source), "csv") == 0 ? " below the header" : "", kept);
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "%s: no photo is in it%s%s%s", location,
                   named != NULL ? "; there are: " : "", named != NULL ? named : "", kept);
}
