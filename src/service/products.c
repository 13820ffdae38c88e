/* SPDX-License-Identifier: Apache-2.0 */
/* Products: one, and the list of them. */
#include "service/service-internal.h"

#include <string.h>

/* A product's JSON as the API has it: photos by number and address; where they lie on this machine is not told. */
static NtJson *product_json(const char *text) {
    g_autoptr(NtJson) from = nt_json_parse(text, strlen(text), "product", NULL, NULL);
    const char *id = nt_json_text(nt_json_get(from, "product"), "");
    const NtJson *photos = nt_json_get(from, "photos");
    g_autofree char *escaped = nt_http_encode(id);
    NtJson *out = nt_json_object(), *list = nt_json_array();
    nt_json_set(out, "product", nt_json_string(id));
    nt_json_set(out, "metadata", nt_json_ref(nt_json_get(from, "metadata")));
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        const NtJson *photo = nt_json_at(photos, i);
        static const char *const facts[] = {"format", "width", "height", "bytes", "error"};
        g_autofree char *address = g_strdup_printf("/v1/products/%s/photos/%zu", escaped, i);
        NtJson *item = nt_json_object();
        nt_json_set(item, "number", nt_json_integer((int64_t)i));
        nt_json_set(item, "url", nt_json_string(address));
        for (size_t f = 0; f < G_N_ELEMENTS(facts); f++) {
            NtJson *fact = nt_json_get(photo, facts[f]);
            if (fact != NULL) {
                nt_json_set(item, facts[f], nt_json_ref(fact));
            }
        }
        nt_json_append(list, item);
    }
    return nt_json_set(out, "photos", list);
}

/* The tag of a product as it is: changes with whatever the API shows of it. New. */
static char *etag_of(const char *json) {
    return g_strdup_printf("\"%016" G_GINT64_MODIFIER "x\"", nt_xxh3(json, strlen(json), 0));
}

/* Whether a header of tags (If-Match, If-None-Match) names this one. */
static bool has_tag(const char *tags, const char *tag) {
    return tags != NULL && (strcmp(tags, "*") == 0 || strstr(tags, tag) != NULL);
}

static bool is_hidden(const ApiCall *call, const NtJson *product) {
    return call->access <= API_PUBLISHABLE &&
           !nt_json_truth(nt_json_get(nt_json_get(product, "metadata"), "public"), true);
}

/* Answers with a product as it is now. */
static void answer_product(ApiCall *call, unsigned status) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = niteru_product_json(call->service->catalogue, call->pieces[0], &error);
    if (text == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    g_autoptr(NtJson) product = product_json(text);
    g_autofree char *json = nt_json_print(product, false), *tag = etag_of(json);
    if (is_hidden(call, product)) {
        api_problem(call, 404, "not-found", NULL, "there is no product '%s'", call->pieces[0]);
        return;
    }
    nt_http_add_header(call->request, "ETag", tag);
    if (status == 200 && has_tag(nt_http_header(call->request, "if-none-match"), tag)) {
        nt_http_answer(call->request, 304, NULL, NULL);
        return;
    }
    api_answer_text(call, status, g_steal_pointer(&json));
}

void api_run_product_get(ApiCall *call) { answer_product(call, 200); }

static void write_product(ApiCall *call, bool patch) {
    g_autoptr(GError) error = NULL;
    NtJson *metadata = nt_json_get(call->body, "metadata");
    g_autofree char *text = metadata != NULL ? nt_json_print(metadata, false) : NULL;
    NiteruProduct product = {.size = sizeof product, .id = call->pieces[0], .metadata = text};
    NiteruPutOptions options = {.size = sizeof options};
    NiteruPutReport report = {.size = sizeof report};
    GCancellable *cancellable = nt_http_cancellable(call->request);
    bool ok = patch ? niteru_patch(call->service->catalogue, &product, &options, cancellable, &report, &error)
                    : niteru_put(call->service->catalogue, &product, &options, cancellable, &report, &error);
    if (ok) {
        answer_product(call, report.added ? 201 : 200);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_product_put(ApiCall *call) { write_product(call, false); }
void api_run_product_patch(ApiCall *call) { write_product(call, true); }

void api_run_product_delete(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    const char *const ids[] = {call->pieces[0]};
    uint64_t removed = 0;
    if (!niteru_remove(call->service->catalogue, ids, 1, NULL, 0, nt_http_cancellable(call->request), &removed,
                       &error)) {
        api_fail(call, g_steal_pointer(&error));
    } else if (removed == 0) {
        api_problem(call, 404, "not-found", NULL, "there is no product '%s'", call->pieces[0]);
    } else {
        api_answer_nothing(call);
    }
}

/* ---- the list ---- */

typedef struct Listing {
    NtJson *products;
    char *last;
} Listing;

static bool add_product(const char *id, const char *json, void *data) {
    Listing *listing = data;
    nt_json_append(listing->products, product_json(json));
    g_free(listing->last);
    listing->last = g_strdup(id);
    return true;
}

void api_run_products_list(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *where = NULL;
    NtJson *products = nt_json_array();
    Listing listing = {products, NULL};
    size_t limit = (size_t)nt_json_int(nt_json_get(call->query, "limit"), 100);
    NiteruListOptions options = {.size = sizeof options,
                                 .after = nt_json_text(nt_json_get(call->query, "after"), NULL),
                                 .limit = limit,
                                 .timeout_ms = api_timeout(call)};
    bool ok = api_visible(call, nt_json_text(nt_json_get(call->query, "where"), NULL), &where, &error);
    options.where = where;
    if (!ok || !niteru_list(call->service->catalogue, &options, add_product, &listing,
                            nt_http_cancellable(call->request), &error)) {
        nt_json_free(products);
        api_fail(call, g_steal_pointer(&error));
    } else {
        bool more = nt_json_count(products) == limit;
        NtJson *out = nt_json_set(nt_json_object(), "products", products);
        api_answer(call, 200, more ? nt_json_set(out, "next", nt_json_string(listing.last)) : out);
    }
    g_free(listing.last);
}
