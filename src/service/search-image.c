/* SPDX-License-Identifier: Apache-2.0 */
/* Searches by a photo that need not be in the catalogue: as multipart, as the body itself, or as base64 in JSON. */
#include "service/service-internal.h"

#include <string.h>

enum { MOST_PARTS = 1100 }; /* the items of a list may come one a part */

/* The value of a field in a form. An array is JSON, or its items come one a part: `before`, what there is of it, NULL
 * at the first. New; NULL: it cannot be read as what it is to be. */
static NtJson *read_field(const ApiSchema *member, const char *text, NtJson *before) {
    NtJson *whole = member->type == API_ARRAY || member->type == API_OBJECT
                        ? nt_json_parse(text, strlen(text), member->name, NULL, NULL)
                        : api_schema_read_text(member, text);
    if (member->type != API_ARRAY || (whole != NULL && nt_json_type(whole) == NT_JSON_ARRAY)) {
        return whole;
    }
    nt_json_free(whole);
    NtJson *item = api_schema_read_text(member->items, text);
    return item != NULL ? nt_json_append(before != NULL ? nt_json_ref(before) : nt_json_array(), item) : NULL;
}

/* The photo of a multipart body, and its other parts as a JSON object that is checked like a JSON body. False:
 * answered. */
static bool read_form(ApiCall *call, GBytes **out_photo) {
    g_autoptr(GError) error = NULL;
    g_auto(ApiFault) fault = {0};
    g_autoptr(GBytes) body = nt_http_body_bytes(call->request);
    gsize size;
    const char *bytes = g_bytes_get_data(body, &size);
    g_autoptr(GArray) parts =
        nt_http_multipart(nt_http_header(call->request, "content-type"), bytes, size, MOST_PARTS, &error);
    if (parts == NULL) {
        api_problem(call, 400, "malformed-multipart", NULL, "%s", error->message);
        return false;
    }
    call->body = nt_json_object();
    for (guint i = 0; i < parts->len; i++) {
        const NtHttpPart *part = &g_array_index(parts, NtHttpPart, i);
        const ApiSchema *member = api_schema_member(call->route->body, part->name);
        g_autofree char *text = g_strndup(part->data, part->size);
        if (strcmp(part->name, "photo") == 0) {
            g_clear_pointer(out_photo, g_bytes_unref); /* of several the last counts */
            *out_photo = g_bytes_new_from_bytes(body, (gsize)(part->data - bytes), part->size);
            continue;
        }
        bool whole = strlen(text) == part->size && g_utf8_validate(text, -1, NULL);
        NtJson *value = member != NULL && whole ? read_field(member, text, nt_json_get(call->body, part->name)) : NULL;
        if (value == NULL) {
            g_autofree char *safe = nt_text_printable(part->name, 100);
            api_problem(call, 400, member == NULL ? "unknown-field" : "wrong-type", safe,
                        member == NULL ? "'%s' is not known here" : "'%s' cannot be read as what it is to be", safe);
            return false;
        }
        nt_json_set(call->body, part->name, value);
    }
    if (!api_schema_check(call->route->body, call->body, &fault)) {
        api_problem(call, 400, fault.code, fault.field, "%s", fault.detail);
        return false;
    }
    return api_check_condition(call);
}

/* Of base64 in either alphabet, perhaps as a data: address. */
static GBytes *decode_base64(const char *text) {
    const char *comma = g_str_has_prefix(text, "data:") ? strchr(text, ',') : NULL;
    gsize size = 0;
    g_autofree char *plain = g_strdup(comma != NULL ? comma + 1 : text);
    for (char *at = plain; *at != '\0'; at++) {
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    }
    guchar *bytes = g_base64_decode(plain, &size);
    return g_bytes_new_take(bytes, size);
}

/* The photo that an earlier search kept, where the fields name one instead of *photo. False: answered. */
static bool find_upload(ApiCall *call, GBytes **photo) {
    const char *upload = call->body != NULL ? nt_json_text(nt_json_get(call->body, "upload"), NULL) : NULL;
    if (upload == NULL) {
        return true;
    }
    if (*photo != NULL) {
        api_problem(call, 400, "invalid", "upload", "'upload' is instead of a photo, and a photo was sent");
        return false;
    }
    *photo = api_uploads_find(call->service->uploads, upload);
    if (*photo == NULL) {
        api_problem(call, 404, "upload-expired", "upload", "this photo is not kept any more: send it again");
    }
    return *photo != NULL;
}

GBytes *api_read_photo(ApiCall *call) {
    const char *type = nt_http_header(call->request, "content-type");
    g_autoptr(GBytes) photo = NULL;
    if (nt_http_type_is(type, "multipart/form-data")) {
        if (!read_form(call, &photo)) {
            return NULL;
        }
    } else if (call->body != NULL) {
        const char *text = nt_json_text(nt_json_get(call->body, "photo"), NULL);
        photo = text != NULL ? decode_base64(text) : NULL;
    } else {
        photo = nt_http_body_bytes(call->request);
    }
    if (!find_upload(call, &photo)) {
        return NULL;
    }
    uint64_t most = call->service->config->photo_bytes;
    if (photo != NULL && g_bytes_get_size(photo) > most) {
        api_problem(call, 413, "body-too-large", "photo", "a photo has at most %" G_GUINT64_FORMAT " bytes", most);
        return NULL;
    }
    if (photo == NULL || g_bytes_get_size(photo) == 0) {
        api_problem(
            call, 400, "missing-photo", "photo",
            "no photo was sent: as the part 'photo' of multipart/form-data, as base64 in the field 'photo' of a "
            "JSON body, or as the body itself");
        return NULL;
    }
    return g_steal_pointer(&photo);
}

unsigned api_photo_fault(const GError *error, const char **out_code) {
    static const struct {
        NiteruError error;
        unsigned status;
        const char *code;
    } table[] = {
        {NITERU_ERROR_UNSUPPORTED, 415, "unsupported-photo"},
        {NITERU_ERROR_LIMIT, 422, "photo-over-limit"},
        {NITERU_ERROR_CORRUPT, 422, "damaged-photo"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_error_matches(error, NITERU_ERROR, (int)table[i].error)) {
            *out_code = table[i].code;
            return table[i].status;
        }
    }
    return 0;
}

void api_fail_photo(ApiCall *call, GError *error) {
    const char *code;
    unsigned status = api_photo_fault(error, &code);
    if (status == 0) {
        api_fail(call, error);
    } else {
        api_problem(call, status, code, "photo", "%s", error->message);
        g_error_free(error);
    }
}

/* The part of the photo that is searched with. False: answered. */
static bool read_box(ApiCall *call, NiteruSearchOptions *options) {
    const NtJson *box = call->body != NULL ? nt_json_get(call->body, "box") : NULL;
    if (box != NULL) {
        options->x = nt_json_number(nt_json_get(box, "x"), 0);
        options->y = nt_json_number(nt_json_get(box, "y"), 0);
        options->width = nt_json_number(nt_json_get(box, "width"), 0);
        options->height = nt_json_number(nt_json_get(box, "height"), 0);
        if (options->x + options->width > 1 || options->y + options->height > 1) {
            api_problem(call, 400, "invalid", "box",
                        "'box' must end within the photo: x + width is at most 1, and "
                        "y + height");
            return false;
        }
    }
    return true;
}

/* The id under which the photo can be searched with again. New; NULL: it is not kept. */
static char *keep(ApiCall *call, GBytes *photo) {
    const char *before = call->body != NULL ? nt_json_text(nt_json_get(call->body, "upload"), NULL) : NULL;
    return before != NULL ? g_strdup(before) : api_uploads_keep(call->service->uploads, photo);
}

void api_run_search_image(ApiCall *call) {
    g_autoptr(GBytes) photo = api_read_photo(call);
    g_autoptr(GError) error = NULL;
    NiteruSearchOptions options;
    g_autofree char *where = NULL;
    g_autofree const char **exclude = NULL;
    if (photo == NULL) {
        return;
    }
    bool ok = api_search_options(call, &options, &where, &exclude, &error);
    if (!read_box(call, &options)) {
        return;
    }
    /* What is to be expected of a whole photo says nothing of a part. */
    bool whole = call->body == NULL || nt_json_get(call->body, "box") == NULL;
    options.not_here = call->body == NULL || nt_json_truth(nt_json_get(call->body, "not_here"), whole);
    g_autoptr(NiteruResults) results =
        ok ? niteru_search_bytes(call->service->catalogue, g_bytes_get_data(photo, NULL), g_bytes_get_size(photo),
                                 "the photo", &options, nt_http_cancellable(call->request), &error)
           : NULL;
    if (results != NULL) {
        g_autofree char *upload = keep(call, photo);
        api_answer_results(call, results, upload);
    } else {
        api_fail_photo(call, g_steal_pointer(&error));
    }
}
