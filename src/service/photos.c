/* SPDX-License-Identifier: Apache-2.0 */
/* Photos out, as they were given or small. */
#include "service/service-internal.h"

#include <string.h>

enum { MOST_NUMBER_DIGITS = 4 };

bool api_photo_number(ApiCall *call, size_t *out) {
    const char *text = call->pieces[1];
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > MOST_NUMBER_DIGITS || text[digits] != '\0') {
        api_problem(call, 404, "not-found", NULL, "photos are numbered from 0");
        return false;
    }
    *out = (size_t)g_ascii_strtoull(text, NULL, 10);
    return true;
}

char *api_photo_words(const char *message) {
    const char *colon = strstr(message, ": ");
    const char *slash = colon != NULL ? g_strrstr_len(message, colon - message, "/") : NULL;
    return g_strdup(slash != NULL ? slash + 1 : message);
}

/* Answers with a picture; a browser may keep it, and asks with its tag later. Takes the bytes. */
static void answer_picture(ApiCall *call, GBytes *bytes, const char *type) {
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    g_autofree char *tag = g_strdup_printf("\"%016" G_GINT64_MODIFIER "x\"", nt_xxh3(data, size, 0));
    const char *known = nt_http_header(call->request, "if-none-match");
    nt_http_add_header(call->request, "ETag", tag);
    nt_http_add_header(call->request, "Cache-Control", "private, max-age=300");
    nt_http_add_header(call->request, "X-Content-Type-Options", "nosniff");
    nt_http_add_header(call->request, "Content-Security-Policy", "default-src 'none'");
    if (known != NULL && api_tag_matches(known, tag)) {
        g_bytes_unref(bytes);
        nt_http_answer(call->request, 304, NULL, NULL);
    } else {
        nt_http_answer(call->request, 200, type, bytes);
    }
}

void api_run_photo_get(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    const char *const ids[] = {call->pieces[0], NULL}, *type = "image/jpeg";
    NiteruCatalogue *catalogue = call->service->catalogue;
    GCancellable *cancellable = nt_http_cancellable(call->request);
    unsigned side = (unsigned)nt_json_int(nt_json_get(call->query, "w"), 0),
             timeout = call->service->config->timeout_ms;
    size_t number;
    if (!api_photo_number(call, &number)) {
        return;
    }
    GBytes *bytes =
        !api_check_visible(call, ids, &error) ? NULL
        : side > 0 ? niteru_photo_thumbnail(catalogue, ids[0], (unsigned)number, side, timeout, cancellable, &error)
                   : niteru_photo_bytes(catalogue, ids[0], (unsigned)number, &type, timeout, cancellable, &error);
    if (bytes != NULL) {
        answer_picture(call, bytes, type);
    } else {
        const char *code, *field;
        if (api_error_status(error, &code, &field) < 500) { /* others are for the log, which has the path */
            char *words = api_photo_words(error->message);
            g_free(error->message);
            error->message = words;
        }
        api_fail_photo(call, g_steal_pointer(&error));
    }
}
