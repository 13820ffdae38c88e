/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who changed what: an entry of the audit log for each write that came to its handler, written before its answer goes
 * out. It names the key by its name and by how it begins, as lists of keys do, and never has more of it; and of what
 * was sent only ids. Searches are not in it.
 */
#include "service/service-internal.h"

#include <string.h>

#include "state/state.h"

enum { MOST_ID_BYTES = 64 << 10 /* of an entry */, MOST_TEXT = 500 };

bool api_is_write(const ApiRoute *route) {
    bool upload = route->takes == API_LIST_UPLOAD || route->takes == API_PHOTO_UPLOAD; /* taken when the job starts */
    return route->access >= API_SECRET && strcmp(route->method, "GET") != 0 && !upload &&
           route->run != api_run_model_measure;
}

static NtJson *who(const ApiCall *call) {
    const char *by = call->access == API_LOCAL ? "socket"
                     : call->csrf != NULL      ? "session"
                     : call->key != NULL       ? "key"
                                               : "anybody";
    NtJson *out = nt_json_set(nt_json_object(), "by", nt_json_string(by));
    if (call->access == API_LOCAL) {
        nt_json_set(out, "user", nt_json_integer(call->user));
    }
    if (call->key != NULL) {
        nt_json_set(out, "name", nt_json_string(call->key));
        nt_json_set(out, "key", nt_json_string(call->key_prefix));
    }
    return out;
}

/* What the path names: a product under "products", all else under its name there. Of a user there is a digest only: who
 * knows the id finds the entry, and an erasure leaves no name behind. */
static void add_pieces(const ApiCall *call, NtJson *entry, NtJson *products) {
    size_t piece = 0;
    for (const char *at = call->route->path; (at = strchr(at, '{')) != NULL && piece < API_MOST_PIECES; piece++) {
        g_autofree char *name = g_strndup(at + 1, strcspn(at + 1, "}"));
        g_autofree char *text = nt_text_printable(call->pieces[piece], MOST_TEXT);
        if (strcmp(name, "id") == 0) {
            nt_json_append(products, nt_json_string(call->pieces[piece]));
        } else if (strcmp(name, "user") == 0) {
            g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, call->pieces[piece], -1);
            nt_json_set(entry, "user_sha256", nt_json_string(digest));
        } else {
            nt_json_set(entry, name, nt_json_string(text));
        }
        at++;
    }
}

/* The ids in a body: texts, or objects with "product"; as many as fit. */
static void add_ids(const NtJson *from, NtJson *products) {
    size_t bytes = 0;
    for (size_t i = 0; i < nt_json_count(from); i++) {
        const NtJson *item = nt_json_at(from, i);
        const char *id = nt_json_text(nt_json_type(item) == NT_JSON_OBJECT ? nt_json_get(item, "product") : item, "");
        if ((bytes += strlen(id) + 4) > MOST_ID_BYTES) {
            return;
        }
        nt_json_append(products, nt_json_string(id));
    }
}

/* How many were written, and of a batch how many were not. */
static void add_counts(const NtJson *answer, unsigned status, NtJson *entry, NtJson *products) {
    const NtJson *each = nt_json_get(answer, "products"), *removed = nt_json_get(answer, "removed");
    const char *product = nt_json_text(nt_json_get(answer, "product"), NULL);
    if (product != NULL && nt_json_count(products) == 0) {
        nt_json_append(products, nt_json_string(product));
    }
    int64_t count = status < 300 ? (int64_t)nt_json_count(products) : 0;
    if (removed != NULL) {
        count = nt_json_int(removed, 0);
    } else if (each != NULL) {
        int64_t failed = 0;
        for (size_t i = 0; i < nt_json_count(each); i++) {
            failed += nt_json_int(nt_json_get(nt_json_at(each, i), "status"), 0) >= 300;
        }
        count = (int64_t)nt_json_count(each) - failed;
        nt_json_set(entry, "failed", nt_json_integer(failed));
    }
    if (nt_json_count(products) > 0 || removed != NULL) {
        nt_json_set(entry, "count", nt_json_integer(count));
    }
}

static void append(NtService *service, const NtJson *entry) {
    g_autoptr(GError) error = NULL;
    if (!nt_audit_append(niteru_folder(service->catalogue), entry, &error)) {
        api_log(service, "error", error->message);
    }
}

void api_audit(ApiCall *call, unsigned status, const NtJson *answer) {
    if (!call->audited) {
        return;
    }
    call->audited = false; /* once */
    g_autoptr(NtJson) entry = nt_audit_entry(call->route->name);
    NtJson *products = nt_json_array();
    nt_json_set(entry, "request_id", nt_json_string(call->id));
    nt_json_set(entry, "who", who(call));
    nt_json_set(entry, "from", nt_json_string(nt_http_client(call->request)));
    add_pieces(call, entry, products);
    nt_json_set(entry, "products", products);
    add_ids(nt_json_get(call->body, "products"), products);
    if (strcmp(nt_json_text(nt_json_get(call->body, "product"), ""), "") != 0) {
        nt_json_append(products, nt_json_ref(nt_json_get(call->body, "product")));
    }
    const char *where = nt_json_text(nt_json_get(call->body, "where"), NULL);
    if (where != NULL) {
        g_autofree char *text = nt_text_printable(where, MOST_TEXT);
        nt_json_set(entry, "where", nt_json_string(text));
    }
    add_counts(answer, status, entry, products);
    append(call->service, nt_json_set(entry, "status", nt_json_integer(status)));
}

void api_audit_job(NtService *service, const char *job, const char *state, const NiteruIndexReport *report) {
    g_autoptr(NtJson) entry = nt_audit_entry("endJob");
    nt_json_set(entry, "who", nt_json_set(nt_json_object(), "by", nt_json_string("job")));
    nt_json_set(entry, "job", nt_json_string(job));
    nt_json_set(entry, "state", nt_json_string(state));
    nt_json_set(entry, "count", nt_json_integer((int64_t)report->products));
    nt_json_set(entry, "added", nt_json_integer((int64_t)report->added));
    nt_json_set(entry, "removed", nt_json_integer((int64_t)report->removed));
    append(service, nt_json_set(entry, "failed", nt_json_integer((int64_t)report->failed)));
}

void api_run_audit(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    const NiteruAuditOptions options = {.size = sizeof options,
                                        .since = nt_json_text(nt_json_get(call->query, "since"), NULL),
                                        .product = nt_json_text(nt_json_get(call->query, "product"), NULL),
                                        .after = nt_json_text(nt_json_get(call->query, "after"), NULL),
                                        .limit = (size_t)nt_json_int(nt_json_get(call->query, "limit"), 0)};
    char *json = niteru_audit_json(call->service->catalogue, &options, &error);
    if (json != NULL) {
        api_answer_text(call, 200, json);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
