/* SPDX-License-Identifier: Apache-2.0 */
/* Products out: one, and the list of them. */
#include "service/service-internal.h"

#include <string.h>

#include "recommend/recommend.h"
#include "state/state.h"

/* ---- how a product is shown ---- */

NtJson *api_product_json(const NtJson *from) {
    static const char *const facts[] = {"format", "width", "height", "bytes"};
    const char *id = nt_json_text(nt_json_get(from, "product"), "");
    const NtJson *photos = nt_json_get(from, "photos");
    g_autofree char *escaped = nt_http_encode(id);
    NtJson *out = nt_json_object(), *list = nt_json_array();
    nt_json_set(out, "product", nt_json_string(id));
    if (nt_json_get(from, "version") != NULL) {
        nt_json_set(out, "version", nt_json_ref(nt_json_get(from, "version")));
    }
    nt_json_set(out, "metadata", nt_json_ref(nt_json_get(from, "metadata")));
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        const NtJson *photo = nt_json_at(photos, i);
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
        const char *fault = nt_json_text(nt_json_get(photo, "error"), NULL);
        if (fault != NULL) {
            g_autofree char *words = api_photo_words(fault);
            nt_json_set(item, "error", nt_json_string(words));
        }
        nt_json_append(list, item);
    }
    return nt_json_set(out, "photos", list);
}

char *api_product_tag(const char *json) {
    return g_strdup_printf("\"%016" G_GINT64_MODIFIER "x\"", nt_xxh3(json, strlen(json), 0));
}

bool api_tag_matches(const char *tags, const char *tag) {
    g_auto(GStrv) items = g_strsplit(tags, ",", -1);
    for (size_t i = 0; items[i] != NULL; i++) {
        const char *item = g_strstrip(items[i]);
        item += g_str_has_prefix(item, "W/") ? 2 : 0;
        if (strcmp(item, "*") == 0 || strcmp(item, tag) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- one ---- */

static NtJson *read_product(NiteruCatalogue *catalogue, const char *id, GError **error) {
    g_auto(NtReader) reader = {0};
    int64_t product;
    g_autoptr(NtJson) json =
        nt_reader_open(&reader, catalogue, error) && nt_catalogue_find_product(reader.db, id, &product, error)
            ? nt_catalogue_product_json(reader.db, product, error)
            : NULL;
    return json != NULL ? api_product_json(json) : NULL;
}

/* The product that the path names, as shown to the one who asks; new. NULL: answered. */
static NtJson *visible_product(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) product = read_product(call->service->catalogue, call->pieces[0], &error);
    if (product == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return NULL;
    }
    if (api_is_hidden(call, product)) {
        api_fail_hidden(call->pieces[0], &error);
        api_fail(call, g_steal_pointer(&error));
        return NULL;
    }
    return g_steal_pointer(&product);
}

void api_answer_product(ApiCall *call, unsigned status, NtJson *product, NtJson *warnings) {
    g_autofree char *json = nt_json_print(product, false), *tag = api_product_tag(json);
    const char *known = nt_http_header(call->request, "if-none-match");
    nt_http_add_header(call->request, "ETag", tag);
    if (strcmp(nt_http_method(call->request), "GET") == 0 && known != NULL && api_tag_matches(known, tag)) {
        nt_http_answer(call->request, 304, NULL, NULL);
        return;
    }
    if (nt_json_count(warnings) > 0) {
        api_answer(call, status, nt_json_ref(nt_json_set(product, "warnings", nt_json_ref(warnings))));
    } else {
        api_answer_text(call, status, g_steal_pointer(&json));
    }
}

void api_run_product_get(ApiCall *call) {
    g_autoptr(NtJson) product = visible_product(call);
    if (product != NULL) {
        api_answer_product(call, 200, product, NULL);
    }
}

/* ---- the list ---- */

typedef struct Listing {
    NtJson *products;
    char *last;
} Listing;

static bool add_product(const char *id, const char *json, void *data) {
    Listing *listing = data;
    g_autoptr(NtJson) product = nt_json_parse(json, strlen(json), "product", NULL, NULL);
    nt_json_append(listing->products, api_product_json(product));
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
                                 .flag = nt_json_text(nt_json_get(call->query, "flag"), NULL),
                                 .timeout_ms = api_timeout(call)};
    bool ok = api_visible(call, true, nt_json_text(nt_json_get(call->query, "where"), NULL), &where, &error);
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

/* ---- what is the matter with them ---- */

/* Adds what visitors do not get to see, where anything is known of that. */
static bool add_unseen(const ApiCall *call, const NtWait *wait, NtJson *out, GError **error) {
    for (NtUnseen which = 0; which < NT_UNSEENS; which++) {
        bool known;
        g_autoptr(GArray) found =
            nt_recommender_unseen(nt_recommender_of(call->service->catalogue), which, wait, &known, error);
        if (found == NULL) {
            return false;
        }
        if (known) {
            nt_json_set(out, nt_unseen_name(which), nt_json_integer(found->len));
        }
    }
    return true;
}

static bool count_flags(const ApiCall *call, const NtWait *wait, uint64_t out[NT_FLAGS], GError **error) {
    g_auto(NtReader) reader = {0};
    if (!nt_reader_open(&reader, call->service->catalogue, error)) {
        return false;
    }
    nt_catalogue_set_wait(reader.db, wait);
    return nt_catalogue_count_flags(reader.db, out, error);
}

void api_run_flags(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) out = nt_json_object();
    NtWait wait = nt_wait_for(api_timeout(call), nt_http_cancellable(call->request));
    uint64_t counts[NT_FLAGS];
    if (!count_flags(call, &wait, counts, &error)) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    nt_json_set(out, "products", nt_json_integer((int64_t)counts[NT_FLAG_NONE]));
    for (NtFlag flag = NT_FLAG_NONE + 1; flag < NT_FLAGS; flag++) {
        nt_json_set(out, nt_flag_name(flag), nt_json_integer((int64_t)counts[flag]));
    }
    if (add_unseen(call, &wait, out, &error)) {
        api_answer(call, 200, g_steal_pointer(&out));
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
