/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page, and the tag for pages of others: files of web/dist that are part of the program. They are no secret, so
 * nobody is asked for a key; what they show comes over the API like anybody's. A view's address answers with the page,
 * which reads the address itself.
 */
#include "service/service-internal.h"

#include <string.h>

#include "service/page.h"

#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "              \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct File {
    GBytes *bytes, *gzip; /* gzip NULL: it is no smaller */
    char *tag;
    const char *type;
} File;

static const char *type_of(const char *name) {
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".svg", "image/svg+xml"}};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_suffix(name, types[i][0])) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

static void free_file(void *data) {
    File *file = data;
    g_bytes_unref(file->bytes);
    g_clear_pointer(&file->gzip, g_bytes_unref);
    g_free(file->tag);
    g_free(file);
}

static void add_file(GHashTable *files, const char *name) {
    g_autofree char *path = g_strconcat("/page", name, NULL);
    GBytes *bytes = g_resource_lookup_data(nt_page_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    if (bytes == NULL) {
        return;
    }
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    File *file = g_new(File, 1);
    *file = (File){.bytes = bytes,
                   .gzip = nt_http_gzip(bytes),
                   .tag = g_strdup_printf("\"%016" G_GINT64_MODIFIER "x\"", nt_xxh3(data, size, 0)),
                   .type = type_of(name)};
    g_hash_table_insert(files, g_strdup(name), file);
}

/* All files of a folder ("/", "/assets/") and of those in it. */
static void add_folder(GHashTable *files, const char *folder) {
    g_autofree char *path = g_strconcat("/page", folder, NULL);
    g_auto(GStrv) names =
        g_resource_enumerate_children(nt_page_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        g_autofree char *name = g_strconcat(folder, names[i], NULL);
        if (g_str_has_suffix(name, "/")) {
            add_folder(files, name);
        } else {
            add_file(files, name);
        }
    }
}

GHashTable *api_page_files(void) {
    GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_file);
    add_folder(files, "/");
    return files;
}

/* Whether an address is one of a view. */
static bool is_view(const char *path) {
    static const char *const views[] = {"/p/", "/photo", "/catalogue", "/engine", "/for-you"};
    for (size_t i = 0; i < G_N_ELEMENTS(views); i++) {
        size_t size = strlen(views[i]);
        if (strncmp(path, views[i], size) == 0 && (views[i][size - 1] == '/' || strchr("/", path[size]) != NULL)) {
            return true;
        }
    }
    return strcmp(path, "/") == 0;
}

/* The tag is for pages of any other site, whatever such a page asks of what it loads; it is asked for again soon,
 * because those pages name it without a version. */
static void add_tag_headers(NtHttpRequest *request) {
    nt_http_add_header(request, "Access-Control-Allow-Origin", "*");
    nt_http_add_header(request, "Cross-Origin-Resource-Policy", "cross-origin");
    nt_http_add_header(request, "Cache-Control", "public, max-age=300, must-revalidate");
}

static void add_page_headers(NtHttpRequest *request) {
    nt_http_add_header(request, "Cache-Control", "no-cache");
    nt_http_add_header(request, "Content-Security-Policy", POLICY);
    nt_http_add_header(request, "Referrer-Policy", "same-origin");
}

bool api_answer_page(ApiCall *call) {
    const char *method = nt_http_method(call->request), *path = nt_http_path(call->request);
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return false;
    }
    const File *file = g_hash_table_lookup(call->service->page, is_view(path) ? "/index.html" : path);
    if (file == NULL) {
        return false;
    }
    nt_http_add_header(call->request, "ETag", file->tag);
    nt_http_add_header(call->request, "X-Content-Type-Options", "nosniff");
    if (strcmp(path, "/tag.js") == 0) {
        add_tag_headers(call->request);
    } else {
        add_page_headers(call->request);
    }
    if (file->gzip != NULL) {
        nt_http_offer_gzip(call->request, g_bytes_ref(file->gzip));
    }
    nt_http_answer(call->request, 200, file->type, g_bytes_ref(file->bytes));
    return true;
}
