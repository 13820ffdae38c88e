/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be in an answer: of strangers' answers, products whose field `public` is not false; of everybody's, products
 * that are not sold out (`available` false, or `stock` not above 0), unless those are asked for. A catalogue without
 * such a field hides nothing by it.
 */
#include "service/service-internal.h"

#include <string.h>

#include "state/state.h"

/* Which of the fields there are is looked at again after a write of this service, and after a while for the writes of
 * other processes. */
enum { LOOK_MICROSECONDS = 100000 };

typedef struct Fields {
    bool public, /* there is such a field, */
        plain;   /* and it is a bool, as it is unless --type has made it something else */
    bool available, stock;
} Fields;

struct ApiVisible {
    GMutex lock; /* the two below */
    Fields fields;
    int64_t until; /* monotonic */
};

ApiVisible *api_visible_new(void) {
    ApiVisible *visible = g_new0(ApiVisible, 1);
    g_mutex_init(&visible->lock);
    return visible;
}

void api_visible_free(ApiVisible *visible) {
    if (visible != NULL) {
        g_mutex_clear(&visible->lock);
        g_free(visible);
    }
}

void api_visible_changed(NtService *service) {
    g_mutex_lock(&service->visible->lock);
    service->visible->until = 0;
    g_mutex_unlock(&service->visible->lock);
}

static bool look(const NtField *field, void *data) {
    Fields *fields = data;
    bool number = field->type == NT_FIELD_INTEGER || field->type == NT_FIELD_NUMBER;
    if (nt_field_guards(field->name)) {
        fields->public = true;
        fields->plain = field->type == NT_FIELD_BOOL;
    }
    fields->available |= field->type == NT_FIELD_BOOL && g_ascii_strcasecmp(field->name, "available") == 0;
    fields->stock |= number && g_ascii_strcasecmp(field->name, "stock") == 0;
    return true;
}

static bool look_at_fields(NtService *service, Fields *out, GError **error) {
    ApiVisible *visible = service->visible;
    int64_t now = g_get_monotonic_time();
    g_mutex_lock(&visible->lock);
    bool ok = now < visible->until;
    if (!ok) {
        g_auto(NtReader) reader = {0};
        Fields fields = {0};
        ok = nt_reader_open(&reader, service->catalogue, error) &&
             nt_catalogue_each_field(reader.db, false, look, &fields, error);
        if (ok) {
            visible->fields = fields;
            visible->until = now + LOOK_MICROSECONDS;
        }
    }
    *out = visible->fields;
    g_mutex_unlock(&visible->lock);
    return ok;
}

/* Whether a condition is one by itself: what is not could close the parenthesis that it is put into. */
static bool check_alone(const ApiCall *call, const char *where, GError **error) {
    g_auto(NtReader) reader = {0};
    g_autoptr(NtWhere) alone =
        nt_reader_open(&reader, call->service->catalogue, error) ? nt_where_parse(reader.db, where, error) : NULL;
    return alone != NULL;
}

bool api_visible(ApiCall *call, bool sold_out, const char *where, char **out_where, GError **error) {
    Fields fields;
    *out_where = NULL;
    if (!look_at_fields(call->service, &fields, error) || (where != NULL && !check_alone(call, where, error))) {
        return false;
    }
    g_autoptr(GString) clause = g_string_new(NULL);
    call->hides = fields.public && call->access <= API_PUBLISHABLE;
    if (call->hides) {
        g_string_append(clause, fields.plain ? " and (public is missing or public)" : " and public is missing");
    }
    if (fields.available && !sold_out) {
        g_string_append(clause, " and (available is missing or available)");
    }
    if (fields.stock && !sold_out) {
        g_string_append(clause, " and (stock is missing or stock > 0)");
    }
    if (where != NULL) {
        g_string_append_printf(clause, " and (%s)", where);
    }
    *out_where = clause->len == 0 ? NULL : g_strdup(clause->str + strlen(" and "));
    return true;
}

/* ---- products by themselves ---- */

static bool may_be_seen(const char *name, NtJson *value, void *data) {
    return !nt_field_guards(name) || nt_json_truth(value, false);
}

bool api_is_hidden(const ApiCall *call, const NtJson *product) {
    return call->access <= API_PUBLISHABLE && !nt_json_foreach(nt_json_get(product, "metadata"), may_be_seen, NULL);
}

bool api_check_visible(const ApiCall *call, const char *const *ids, GError **error) {
    g_auto(NtReader) reader = {0};
    Fields fields;
    if (call->access > API_PUBLISHABLE) {
        return true;
    }
    if (!look_at_fields(call->service, &fields, error) || !nt_reader_open(&reader, call->service->catalogue, error)) {
        return false;
    }
    for (size_t i = 0; fields.public && ids != NULL && ids[i] != NULL; i++) {
        int64_t product;
        g_autoptr(NtJson) json = nt_catalogue_find_product(reader.db, ids[i], &product, error)
                                     ? nt_catalogue_product_json(reader.db, product, error)
                                     : NULL;
        if (json == NULL) {
            return false;
        }
        if (api_is_hidden(call, json)) {
            return api_fail_hidden(ids[i], error);
        }
    }
    return true;
}

bool api_fail_hidden(const char *id, GError **error) {
    g_autofree char *safe = nt_text_printable(id, 80);
    return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no product '%s'", safe);
}
