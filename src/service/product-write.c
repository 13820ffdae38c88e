/* SPDX-License-Identifier: Apache-2.0 */
/* Products in: put, changed, removed, their photos, and many at a time. */
#include "service/service-internal.h"

#include <string.h>

#include "fetch/fetch.h"
#include "ingest/ingest.h"

enum {
    WRITE_MS = 60000, /* for photos to be embedded, and for a turn to write */
    FETCH_MS = 30000, /* for one to come from its host */
};

#define API_CONDITION (g_quark_from_static_string("niteru-api-condition"))

/* ---- conditions of a write ---- */

typedef struct Condition {
    NtService *service;
    const char *match, *none_match; /* the headers; NULL: not given */
    char *before;                   /* the product, as nt_catalogue_product_json has it; NULL: it was not there */
} Condition;

/* Looked at within the transaction: so what was compared is what is overwritten. */
static bool is_allowed(NtCatalogue *db, int64_t product, void *data, GError **error) {
    Condition *condition = data;
    g_autofree char *tag = NULL;
    g_clear_pointer(&condition->before, g_free); /* of an attempt that was not committed */
    if (product != 0) {
        condition->before = api_undo_look(condition->service, db, product, error);
        g_autoptr(NtJson) json = condition->before != NULL ? nt_json_parse(condition->before, strlen(condition->before),
                                                                           "product", NULL, error)
                                                           : NULL;
        if (json == NULL) {
            return false;
        }
        g_autoptr(NtJson) shown = api_product_json(json);
        g_autofree char *text = nt_json_print(shown, false);
        tag = api_product_tag(text);
    }
    bool fits = (condition->match == NULL || (tag != NULL && api_tag_matches(condition->match, tag))) &&
                (condition->none_match == NULL || tag == NULL || !api_tag_matches(condition->none_match, tag));
    if (!fits) {
        g_set_error_literal(error, API_CONDITION, 0,
                            tag == NULL                     ? "there is no such product to match"
                            : condition->none_match != NULL ? "the product is there already"
                                                            : "the product was changed meanwhile: its ETag is another");
    }
    return fits;
}

/* Sets up the conditions of the request's headers. */
static void set_conditions(ApiCall *call, NtProductEdit *edit, Condition *condition) {
    *condition = (Condition){call->service, nt_http_header(call->request, "if-match"),
                             nt_http_header(call->request, "if-none-match"), NULL};
    edit->allow = is_allowed;
    edit->data = condition;
}

bool api_read_version(ApiCall *call, const NtJson *from, const char *within, int64_t *out_version) {
    g_autoptr(GError) error = NULL;
    const char *time = nt_json_text(nt_json_get(from, "time"), NULL);
    *out_version = nt_json_int(nt_json_get(from, "version"), 0);
    g_autofree char *field = g_strconcat(within != NULL ? within : "", "time", NULL);
    if (time != NULL && *out_version != 0) {
        api_problem(call, 400, "invalid", field, "'time' is instead of 'version'");
        return false;
    }
    if (time != NULL && !nt_version_read(time, out_version, &error)) {
        api_problem(call, 400, "invalid", field, "%s", error->message);
        return false;
    }
    return true;
}

static bool read_order(ApiCall *call, NtProductEdit *edit) {
    return nt_put_if_read(nt_json_text(nt_json_get(call->query, "if"), NULL), &edit->only, NULL) &&
           api_read_version(call, call->query, NULL, &edit->version);
}

/* ---- what could not be used ---- */

static void add_warning(const NiteruFailure *failure, void *data) {
    nt_json_append(data, nt_json_string(failure->message));
}

/* Carries out one edit, and answers with the product as the edit left it, whatever others write meanwhile. */
static void carry_out(ApiCall *call, NtProductEdit *edit) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) warnings = nt_json_array();
    Condition condition;
    NiteruPutOptions options = {
        .size = sizeof options, .timeout_ms = WRITE_MS, .failure = add_warning, .data = warnings};
    if (!read_order(call, edit)) {
        return;
    }
    set_conditions(call, edit, &condition);
    edit->shown = !edit->remove;
    if (!nt_products_edit(call->service->catalogue, edit, 1, &options, nt_http_cancellable(call->request), &error)) {
        g_free(condition.before);
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    api_visible_changed(call->service);
    g_autoptr(NtJson) product = edit->product;
    g_autofree char *before = condition.before, *after = product != NULL ? nt_json_print(product, false) : NULL;
    if (edit->error == NULL) {
        api_undo_keep(call, edit->id, before, after);
    }
    if (edit->error == NULL && edit->remove) {
        api_answer_nothing(call);
    } else if (edit->error == NULL) {
        g_autoptr(NtJson) shown = api_product_json(product);
        api_answer_product(call, edit->report.added ? 201 : 200, shown, warnings);
    } else if (edit->error->domain == API_CONDITION) {
        api_problem(call, 412, "precondition-failed", NULL, "%s", edit->error->message);
        g_error_free(edit->error);
    } else if (edit->photo_count > 0 && !g_error_matches(edit->error, NITERU_ERROR, NITERU_ERROR_STALE)) {
        api_fail_photo(call, edit->error);
    } else {
        api_fail(call, edit->error);
    }
}

void api_run_product_put(ApiCall *call) {
    NtProductEdit edit = {.id = call->pieces[0], .metadata = nt_json_get(call->body, "metadata"), .whole = true};
    carry_out(call, &edit);
}

void api_run_product_patch(ApiCall *call) {
    NtProductEdit edit = {.id = call->pieces[0], .metadata = nt_json_get(call->body, "metadata"), .must_exist = true};
    carry_out(call, &edit);
}

void api_run_product_delete(ApiCall *call) {
    NtProductEdit edit = {.id = call->pieces[0], .must_exist = true, .remove = true};
    carry_out(call, &edit);
}

static void remove_versions(ApiCall *call, const char *const *ids, int64_t version) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, version);
    uint64_t removed = 0, stale = 0;
    if (ids == NULL || nt_json_get(call->body, "where") != NULL) {
        api_problem(call, 400, "invalid", "where", "a removal with a version names its products, and no condition");
    } else if (niteru_remove_version(call->service->catalogue, ids, nt_json_count(nt_json_get(call->body, "products")),
                                     text, 0, nt_http_cancellable(call->request), &removed, &stale, &error)) {
        NtJson *out = nt_json_set(nt_json_object(), "removed", nt_json_integer((int64_t)removed));
        api_answer(call, 200, nt_json_set(out, "stale", nt_json_integer((int64_t)stale)));
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_products_remove(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree const char **ids = api_texts(nt_json_get(call->body, "products"));
    const char *where = nt_json_text(nt_json_get(call->body, "where"), NULL);
    uint64_t removed = 0;
    int64_t version = 0;
    if (!api_read_version(call, call->body, NULL, &version)) {
        return;
    }
    if (version != 0) {
        remove_versions(call, ids, version);
    } else if (ids == NULL && where == NULL) {
        api_problem(call, 400, "invalid", "products", "'products' or 'where' must be given");
    } else if (niteru_remove(call->service->catalogue, ids, nt_json_count(nt_json_get(call->body, "products")), where,
                             0, nt_http_cancellable(call->request), &removed, &error)) {
        api_answer(call, 200, nt_json_set(nt_json_object(), "removed", nt_json_integer((int64_t)removed)));
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

/* ---- photos ---- */

/* The photo at an address, from which only its bytes are taken: answers say nothing else of what is there. */
static GBytes *fetch_photo(ApiCall *call, const char *address) {
    g_autoptr(GError) error = NULL;
    const NtFetchOptions options = {.allow_private = call->service->config->allow_private,
                                    .bytes = call->service->config->photo_bytes};
    const NtWait wait = {.cancellable = nt_http_cancellable(call->request),
                         .deadline = g_get_monotonic_time() + FETCH_MS * INT64_C(1000)};
    GBytes *bytes = nt_fetch_one(address, &options, &wait, &error);
    if (bytes == NULL && g_error_matches(error, NITERU_ERROR, NITERU_ERROR_CANCELLED)) {
        api_fail(call, g_steal_pointer(&error));
    } else if (bytes == NULL) {
        bool late = g_error_matches(error, NITERU_ERROR, NITERU_ERROR_TIMEOUT);
        bool refused =
            g_strcmp0(niteru_error_fact(error, "option"), "allow_private") == 0; /* where to is ours to know */
        api_problem(call, 422, "photo-not-fetched", "address", "%s",
                    late      ? "the photo's host did not send it in time"
                    : refused ? "the address leads to no public address at port 80 or 443; nothing was asked"
                              : error->message);
    }
    return bytes;
}

static void put_photo(ApiCall *call, size_t position) {
    const char *address = call->body != NULL ? nt_json_text(nt_json_get(call->body, "address"), NULL) : NULL;
    if (address != NULL && nt_json_get(call->body, "photo") != NULL) {
        api_problem(call, 400, "invalid", "address", "'address' is instead of 'photo'");
        return;
    }
    g_autoptr(GBytes) bytes = address != NULL ? fetch_photo(call, address) : api_read_photo(call);
    if (bytes == NULL) {
        return;
    }
    const NtGivenPhoto photo = {"the photo", bytes};
    NtProductEdit edit = {.id = call->pieces[0],
                          .must_exist = true,
                          .photo_edit = NT_PHOTOS_SET,
                          .position = position,
                          .photos = &photo,
                          .photo_count = 1,
                          .all_photos = true};
    carry_out(call, &edit);
}

void api_run_photo_put(ApiCall *call) {
    size_t number;
    if (api_photo_number(call, &number)) {
        put_photo(call, number);
    }
}

void api_run_photo_add(ApiCall *call) { put_photo(call, SIZE_MAX); }

void api_run_photo_delete(ApiCall *call) {
    NtProductEdit edit = {.id = call->pieces[0], .must_exist = true, .photo_edit = NT_PHOTOS_REMOVE};
    if (api_photo_number(call, &edit.position)) {
        carry_out(call, &edit);
    }
}

/* ---- many at a time ---- */

static NtJson *outcome_json(const NtProductEdit *edit) {
    NtJson *out = nt_json_object();
    const char *code = NULL, *field = NULL;
    nt_json_set(out, "product", nt_json_string(edit->id));
    if (edit->error == NULL) {
        return nt_json_set(out, "status", nt_json_integer(edit->report.added ? 201 : 200));
    }
    unsigned status = api_error_status(edit->error, &code, &field);
    nt_json_set(out, "status", nt_json_integer(status));
    nt_json_set(out, "code", nt_json_string(code));
    /* What went wrong in here has paths of this machine in it. */
    return nt_json_set(out, "detail", nt_json_string(status < 500 ? edit->error->message : "it could not be written"));
}

void api_run_products_batch(ApiCall *call) {
    const NtJson *products = nt_json_get(call->body, "products");
    size_t count = nt_json_count(products);
    bool patch = strcmp(nt_json_text(nt_json_get(call->body, "mode"), "put"), "patch") == 0;
    g_autofree NtProductEdit *edits = g_new0(NtProductEdit, count);
    g_autoptr(GError) error = NULL;
    NtPutIf only = NT_PUT_ALWAYS;
    nt_put_if_read(nt_json_text(nt_json_get(call->body, "if"), NULL), &only, NULL);
    for (size_t i = 0; i < count; i++) {
        const NtJson *product = nt_json_at(products, i);
        edits[i] = (NtProductEdit){.id = nt_json_text(nt_json_get(product, "product"), ""),
                                   .metadata = nt_json_get(product, "metadata"),
                                   .whole = !patch,
                                   .must_exist = patch,
                                   .only = only};
        g_autofree char *within = g_strdup_printf("products[%zu].", i);
        if (!api_read_version(call, product, within, &edits[i].version)) {
            return;
        }
    }
    const NiteruPutOptions options = {.size = sizeof options, .timeout_ms = WRITE_MS};
    if (!nt_products_edit(call->service->catalogue, edits, count, &options, nt_http_cancellable(call->request),
                          &error)) {
        api_fail(call, g_steal_pointer(&error));
    } else {
        api_visible_changed(call->service);
        NtJson *outcomes = nt_json_array();
        for (size_t i = 0; i < count; i++) {
            nt_json_append(outcomes, outcome_json(&edits[i]));
        }
        api_answer(call, 200, nt_json_set(nt_json_object(), "products", outcomes));
    }
    for (size_t i = 0; i < count; i++) {
        g_clear_error(&edits[i].error);
    }
}
