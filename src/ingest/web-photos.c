/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos at web addresses on their way to vectors. What is known of an address is asked for with what its host said of
 * it, so that an unchanged photo costs no bytes; several photos at one address are fetched once a run.
 */
#include "ingest/ingest-internal.h"

/* Bytes of fetched photos in the pipeline, above which no more are taken from the fetcher. */
enum { ENOUGH_HELD = 64 << 20 };

static bool start_fetcher(Ingest *ingest, GError **error) {
    const NtFetchOptions options = {
        .allow_private = ingest->options->allow_private,
        .host_connections = ingest->options->host_connections,
        .bytes = MIN(ingest->catalogue->limits.fetch_bytes, ingest->catalogue->limits.photo_bytes)};
    if (ingest->fetcher == NULL) {
        ingest->fetcher = nt_fetcher_new(&options, error);
        ingest->fetches = g_hash_table_new(g_str_hash, g_str_equal);
    }
    return ingest->fetcher != NULL;
}

static void offer(Ingest *ingest, PhotoJob *job) {
    g_hash_table_insert(ingest->fetches, job->path, job);
    nt_fetcher_offer(ingest->fetcher,
                     nt_fetch_new(job->path, job->etag, job->modified, job, (GDestroyNotify)photo_job_free));
}

static void wait_for(PhotoJob *leader, PhotoJob *job) {
    if (leader->same == NULL) {
        leader->same = g_ptr_array_new_with_free_func((GDestroyNotify)photo_job_free);
    }
    g_ptr_array_add(leader->same, job);
}

bool ingest_web_take(Ingest *ingest, PhotoJob *taken, int64_t *out_content, GError **error) {
    g_autoptr(PhotoJob) job = taken;
    g_auto(NtWebState) web = {0};
    bool known = false;
    *out_content = 0;
    if (!start_fetcher(ingest, error) || !nt_catalogue_find_web(ingest->db, job->path, &web, error) ||
        (web.content > 0 && !ingest_find_vector(ingest, web.content, &known, NULL, error))) {
        return false;
    }
    PhotoJob *leader = g_hash_table_lookup(ingest->fetches, job->path);
    if (leader != NULL) {
        wait_for(leader, g_steal_pointer(&job));
        return true;
    }
    if (known && web.asked >= ingest->asked_since) {
        *out_content = web.content;
        return (job->shown == web.content ||
                nt_catalogue_set_photo_content(ingest->db, job->photo, web.content, NULL, error)) &&
               nt_catalogue_set_photo_web(ingest->db, job->photo, web.etag, web.modified, web.asked,
                                          ingest->options->allow_private, error);
    }
    if (known && !ingest->options->rehash) {
        job->web_content = web.content;
        job->etag = g_steal_pointer(&web.etag);
        job->modified = g_steal_pointer(&web.modified);
    }
    offer(ingest, g_steal_pointer(&job));
    return true;
}

bool ingest_web_fetch(Ingest *ingest, PhotoJob *taken, GError **error) {
    g_autoptr(PhotoJob) job = taken;
    if (!start_fetcher(ingest, error)) {
        return false;
    }
    const char *address = job->path;
    nt_fetcher_offer(ingest->fetcher,
                     nt_fetch_new(address, NULL, NULL, g_steal_pointer(&job), (GDestroyNotify)photo_job_free));
    return true;
}

void ingest_web_again(Ingest *ingest, PhotoJob *job) {
    g_clear_pointer(&job->etag, g_free);
    g_clear_pointer(&job->modified, g_free);
    g_clear_pointer(&job->base.vector, g_free);
    job->unchanged = false;
    job->web_content = 0;
    offer(ingest, job);
}

void ingest_web_poll(Ingest *ingest, int64_t patience) {
    NtFetch *taken;
    while (ingest->fetcher != NULL && ingest->held < ENOUGH_HELD &&
           (taken = nt_fetcher_take(ingest->fetcher, patience)) != NULL) {
        g_autoptr(NtFetch) fetch = taken;
        PhotoJob *job = g_steal_pointer(&fetch->data);
        patience = 0;
        g_free(job->etag);
        g_free(job->modified);
        job->etag = g_steal_pointer(&fetch->etag);
        job->modified = g_steal_pointer(&fetch->modified);
        if (fetch->outcome == NT_FETCH_BODY) {
            ingest->report.fetched++;
            ingest->held += g_bytes_get_size(fetch->body);
            job->bytes = g_steal_pointer(&fetch->body);
            g_queue_push_tail(&ingest->jobs, job);
        } else {
            job->unchanged = fetch->outcome == NT_FETCH_UNCHANGED;
            ingest->report.unchanged += job->unchanged;
            job->base.fault = g_steal_pointer(&fetch->fault);
            g_queue_push_tail(&ingest->gathered, job);
        }
    }
}

size_t ingest_web_pending(const Ingest *ingest) {
    return ingest->fetcher != NULL ? nt_fetcher_pending(ingest->fetcher) : 0;
}

void ingest_web_let_go(Ingest *ingest, PhotoJob *job) {
    if (job->web && job->bytes != NULL) {
        ingest->held -= g_bytes_get_size(job->bytes);
        g_clear_pointer(&job->bytes, g_bytes_unref);
    }
}

/* What one photo at the address shows now, unless it has become another meanwhile. */
static bool settle_one(Ingest *ingest, const PhotoJob *leader, PhotoJob *job, int64_t content, const GError *fault,
                       GError **error) {
    bool still = job == leader; /* that was looked at */
    if (!still && !nt_catalogue_photo_is(ingest->db, job->photo, job->path, job->shown, &still, error)) {
        return false;
    }
    if (!still) {
        return true;
    }
    if (fault != NULL) {
        return ingest_photo_failed(ingest, job, fault, error);
    }
    if (job != leader) {
        ingest->report.reused++;
        ingest->report.identical += !leader->unchanged;
        if (job->shown != content && !nt_catalogue_set_photo_content(ingest->db, job->photo, content, NULL, error)) {
            return false;
        }
    }
    return nt_catalogue_set_photo_web(ingest->db, job->photo, leader->etag, leader->modified, g_get_real_time(),
                                      ingest->options->allow_private, error);
}

bool ingest_web_settle(Ingest *ingest, PhotoJob *job, int64_t content, const GError *fault, GError **error) {
    g_hash_table_remove(ingest->fetches, job->path);
    if (content == 0 && fault == NULL) { /* the next one leads the others */
        if (job->same != NULL && job->same->len > 0) {
            PhotoJob *next = g_ptr_array_steal_index(job->same, 0);
            next->same = g_steal_pointer(&job->same);
            ingest_web_again(ingest, next);
        }
        return true;
    }
    bool ok = settle_one(ingest, job, job, content, fault, error);
    for (guint i = 0; ok && job->same != NULL && i < job->same->len; i++) {
        ok = settle_one(ingest, job, g_ptr_array_index(job->same, i), content, fault, error);
    }
    return ok;
}

void ingest_web_clear(Ingest *ingest) {
    g_clear_pointer(&ingest->fetcher, nt_fetcher_free); /* with the jobs that it has */
    g_clear_pointer(&ingest->fetches, g_hash_table_unref);
}
