/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the server that serves the catalogue, by the socket in its folder: HTTP with one request a connection. */
#include "cli/remote.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#include "service/service.h"

enum {
    MOST_ANSWER = 64 << 20,
    POLL_MICROSECONDS = 150000,
    PART_IDS = 10000,      /* ids that are removed by one request, */
    PART_BYTES = 400 << 10 /* and theirs: escaped some become longer, and a server takes 1 MiB when not set otherwise */
};

static char *socket_path(const CliContext *context) {
    const char *folder = context->catalogue != NULL ? context->catalogue : g_getenv("NITERU_CATALOGUE");
    g_autofree char *absolute = g_canonicalize_filename(folder != NULL ? folder : "shop.niteru", NULL);
    return g_build_filename(absolute, "serve.sock", NULL);
}

static GSocketConnection *dial(const CliContext *context, GError **error) {
    g_autofree char *path = socket_path(context);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    return g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
}

bool cli_remote_is_there(const CliContext *context) {
    g_autoptr(GSocketConnection) connection = dial(context, NULL);
    return connection != NULL;
}

/* All that is answered until the server closes. */
static GBytes *read_all(GSocketConnection *connection, GError **error) {
    g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    gssize size = g_output_stream_splice(out, in, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, error);
    return size >= 0 && size <= MOST_ANSWER ? g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(out)) : NULL;
}

/* A problem document as the error that the library would have given. */
static void fail_with(const NtJson *problem, GError **error) {
    static const struct {
        const char *code;
        NiteruError error;
    } codes[] = {{"not-found", NITERU_ERROR_NOT_FOUND}, {"invalid", NITERU_ERROR_INVALID},
                 {"no-space", NITERU_ERROR_NO_SPACE},   {"over-limit", NITERU_ERROR_LIMIT},
                 {"timeout", NITERU_ERROR_TIMEOUT},     {"stopped", NITERU_ERROR_CANCELLED},
                 {"stale", NITERU_ERROR_STALE}};
    const char *code = nt_json_text(nt_json_get(problem, "code"), "");
    NiteruError found = NITERU_ERROR_FAILED;
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        found = strcmp(codes[i].code, code) == 0 ? codes[i].error : found;
    }
    nt_fail(error, found, "%s",
            nt_json_text(nt_json_get(problem, "detail"), "the server refused, and did not say why"));
}

static bool wrote;

bool cli_remote_wrote(void) { return wrote; }

NtJson *cli_remote_ask(const CliContext *context, const char *method, const char *path, const NtJson *body,
                       GError **error) {
    g_autoptr(GSocketConnection) connection = dial(context, error);
    if (connection == NULL) {
        return NULL;
    }
    wrote = wrote || strcmp(method, "GET") != 0;
    g_autofree char *text = body != NULL ? nt_json_print(body, false) : g_strdup("");
    g_autofree char *head = g_strdup_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                            "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                            method, path, strlen(text), text);
    GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));
    if (!g_output_stream_write_all(out, head, strlen(head), NULL, NULL, error)) {
        return NULL;
    }
    g_autoptr(GBytes) answer = read_all(connection, error);
    gsize size = 0;
    const char *bytes = answer != NULL ? g_bytes_get_data(answer, &size) : NULL;
    const char *document = bytes != NULL ? g_strstr_len(bytes, (gssize)size, "\r\n\r\n") : NULL;
    if (document == NULL || size < 12) {
        if (error != NULL && *error == NULL) {
            nt_fail(error, NITERU_ERROR_IO, "the server that serves this catalogue went away");
        }
        return NULL;
    }
    document += 4;
    g_autoptr(NtJson) json =
        nt_json_parse(document, size - (gsize)(document - bytes), "the server's answer", NULL, error);
    if (json != NULL && bytes[9] != '2') {
        fail_with(json, error);
        return NULL;
    }
    return g_steal_pointer(&json);
}

/* ---- indexing ---- */

static NtJson *texts_json(const char *const *texts) {
    NtJson *out = nt_json_array();
    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        nt_json_append(out, nt_json_string(texts[i]));
    }
    return out;
}

/* The settings of a run, with paths that mean the same to the server. */
static NtJson *settings_json(const char *source, const NiteruIndexOptions *options) {
    NtJson *out = nt_json_object();
    const struct {
        const char *name, *text;
    } texts[] = {{"model", options->model},
                 {"format", options->format},
                 {"encoding", options->encoding},
                 {"image_separator", options->image_separator},
                 {"version", options->version},
                 {"version_from", options->version_from},
                 {"if", options->only}};
    bool address = strstr(source, "://") != NULL;
    g_autofree char *path = address ? g_strdup(source) : g_canonicalize_filename(source, NULL);
    g_autofree char *photos = options->photos != NULL ? g_canonicalize_filename(options->photos, NULL) : NULL;
    nt_json_set(out, "path", nt_json_string(path));
    if (photos != NULL) {
        nt_json_set(out, "photos", nt_json_string(photos));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i].text != NULL) {
            nt_json_set(out, texts[i].name, nt_json_string(texts[i].text));
        }
    }
    nt_json_set(out, "map", texts_json(options->map));
    nt_json_set(out, "types", texts_json(options->types));
    nt_json_set(out, "product_from_folder", nt_json_bool(options->product_from_folder));
    nt_json_set(out, "prune", nt_json_bool(options->prune));
    nt_json_set(out, "allow_private", nt_json_bool(options->allow_private));
    nt_json_set(out, "host_connections", nt_json_integer(options->host_connections));
    return nt_json_set(out, "rehash", nt_json_bool(options->rehash));
}

static void tell_failure(const NtJson *event, const NiteruIndexOptions *options) {
    static const char *const facts[] = {"option", "value", "limit", "remedy"};
    g_autoptr(GError) error = NULL;
    const char *message = nt_json_text(nt_json_get(event, "message"), "");
    NiteruFailure failure = {.place = nt_json_text(nt_json_get(event, "place"), NULL),
                             .product = nt_json_text(nt_json_get(event, "product"), NULL),
                             .photo = nt_json_text(nt_json_get(event, "photo"), NULL),
                             .message = message,
                             .code = (NiteruError)nt_json_int(nt_json_get(event, "error"), 0),
                             .value_only = nt_json_truth(nt_json_get(event, "value_only"), false)};
    nt_fail(&error, failure.code, "%s", message);
    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        nt_fact(&error, facts[i], nt_json_text(nt_json_get(event, facts[i]), NULL));
    }
    failure.error = error;
    options->failure(&failure, options->data);
}

/* Tells what the run told since; *after goes on. False: it could not be asked. */
static bool tell_events(const CliContext *context, const char *job, const NiteruIndexOptions *options, int64_t *after,
                        GError **error) {
    g_autofree char *path = g_strdup_printf("/v1/jobs/%s/results?limit=1000&after=%" G_GINT64_FORMAT, job, *after);
    g_autoptr(NtJson) answer = cli_remote_ask(context, "GET", path, NULL, error);
    const NtJson *events = nt_json_get(answer, "results");
    for (size_t i = 0; i < nt_json_count(events); i++) {
        const NtJson *event = nt_json_at(events, i);
        if (strcmp(nt_json_text(nt_json_get(event, "event"), ""), "note") == 0) {
            options->note(nt_json_text(nt_json_get(event, "text"), ""), options->data);
        } else {
            tell_failure(event, options);
        }
    }
    *after = nt_json_int(nt_json_get(answer, "end"), *after);
    return answer != NULL && (nt_json_get(answer, "next") == NULL || tell_events(context, job, options, after, error));
}

static uint64_t count_of(const NtJson *counts, const char *name) {
    return (uint64_t)nt_json_int(nt_json_get(counts, name), 0);
}

static void tell_progress(const NtJson *shown, const NiteruIndexOptions *options) {
    const NtJson *from = nt_json_get(shown, "progress");
    if (from != NULL) {
        const NiteruProgress progress = {.done = count_of(from, "done"),
                                         .total = count_of(from, "total"),
                                         .embedded = count_of(from, "embedded"),
                                         .failed = count_of(from, "failed"),
                                         .rate = nt_json_number(nt_json_get(from, "rate"), 0),
                                         .remaining = nt_json_number(nt_json_get(from, "remaining_seconds"), -1)};
        options->progress(&progress, options->data);
    }
}

/* Follows a run to its end; *out_shown (NULL is fine) is the job as it was then, new. */
static bool follow(const CliContext *context, const char *job, const NiteruIndexOptions *options,
                   NiteruIndexReport *out_report, NtJson **out_shown, GError **error) {
    g_autofree char *path = g_strdup_printf("/v1/jobs/%s", job), *stop = g_strdup_printf("%s:stop", path);
    int64_t after = 0;
    for (bool stopped = false;;) {
        g_autoptr(NtJson) shown = cli_remote_ask(context, "GET", path, NULL, error);
        if (shown == NULL || !tell_events(context, job, options, &after, error)) {
            return false;
        }
        const char *state = nt_json_text(nt_json_get(shown, "state"), "");
        tell_progress(shown, options);
        if (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0) {
            nt_report_read(nt_json_get(shown, "counts"), out_report);
            if (out_shown != NULL) {
                *out_shown = nt_json_ref(shown);
            }
            if (*state == 'd') {
                return true;
            }
            nt_fail(error, (NiteruError)nt_json_int(nt_json_get(shown, "error"), 0), "%s",
                    nt_json_text(nt_json_get(shown, "message"), ""));
            return stopped ? nt_fact(error, "remedy", "again") : false;
        }
        if (!stopped && g_cancellable_is_cancelled(context->cancel)) {
            nt_json_free(cli_remote_ask(context, "POST", stop, NULL, NULL));
            stopped = true;
        }
        g_usleep(POLL_MICROSECONDS);
    }
}

bool cli_remote_index(const CliContext *context, const char *source, const NiteruIndexOptions *options,
                      NiteruIndexReport *out_report, GError **error) {
    g_autoptr(NtJson) settings = settings_json(source, options);
    g_autoptr(NtJson) made = cli_remote_ask(context, "POST", "/v1/products:index", settings, error);
    const char *job = nt_json_text(nt_json_get(made, "job"), NULL);
    if (job == NULL) {
        return false;
    }
    bool ok = follow(context, job, options, out_report, NULL, error);
    g_autofree char *path = g_strdup_printf("/v1/jobs/%s", job);
    nt_json_free(cli_remote_ask(context, "DELETE", path, NULL, NULL)); /* all of it was told */
    return ok;
}

bool cli_remote_switch(const CliContext *context, const char *model, const NiteruSwitchOptions *options,
                       const NiteruIndexOptions *told, NiteruSwitchReport *out_report, NtJson **out_comparison,
                       GError **error) {
    g_autoptr(NtJson) settings = nt_json_object(), shown = NULL;
    g_autofree char *escaped = model != NULL ? g_uri_escape_string(model, NULL, false) : NULL;
    g_autofree char *address =
        model != NULL ? g_strdup_printf("/v1/models/%s:switch", escaped) : g_strdup("/v1/models:back");
    nt_json_set(settings, "rate", nt_json_real(options->rate));
    nt_json_set(settings, "allow_private", nt_json_bool(options->allow_private));
    if (model != NULL) {
        nt_json_set(settings, "prepare", nt_json_bool(options->prepare));
        nt_json_set(settings, "leave_out", nt_json_bool(options->leave_out));
    }
    if (model != NULL && options->label != NULL) {
        nt_json_set(settings, "label", nt_json_string(options->label));
    }
    g_autoptr(NtJson) made = cli_remote_ask(context, "POST", address, settings, error);
    const char *job = nt_json_text(nt_json_get(made, "job"), NULL);
    NiteruIndexReport counts = {.size = sizeof counts};
    if (job == NULL) {
        return false;
    }
    bool ok = follow(context, job, told, &counts, &shown, error);
    NtJson *comparison = nt_json_get(shown, "comparison");
    *out_comparison = comparison != NULL ? nt_json_ref(comparison) : NULL;
    out_report->embedded = counts.embedded;
    out_report->failed = counts.failed;
    out_report->switched = ok && !options->prepare;
    return ok;
}

/* Removes some of the ids, as many as go into a request, from *done on, and what matches. */
static bool remove_part(const CliContext *context, const char *const *ids, size_t count, size_t *done,
                        const char *where, const char *version, uint64_t *removed, uint64_t *stale, GError **error) {
    g_autoptr(NtJson) body = nt_json_object();
    NtJson *products = nt_json_array();
    size_t bytes = 0, first = *done;
    while (*done < count && *done - first < PART_IDS && (bytes == 0 || bytes + strlen(ids[*done]) <= PART_BYTES)) {
        bytes += strlen(ids[*done]);
        nt_json_append(products, nt_json_string(ids[(*done)++]));
    }
    nt_json_set(body, "products", products);
    if (where != NULL) {
        nt_json_set(body, "where", nt_json_string(where));
    }
    if (version != NULL && version[strspn(version, "0123456789")] == '\0') {
        nt_json_set(body, "version", nt_json_integer(g_ascii_strtoll(version, NULL, 10)));
    } else if (version != NULL) {
        nt_json_set(body, "time", nt_json_string(version));
    }
    g_autoptr(NtJson) answer = cli_remote_ask(context, "POST", "/v1/products:remove", body, error);
    *removed += count_of(answer, "removed");
    *stale += count_of(answer, "stale");
    return answer != NULL;
}

bool cli_remote_remove(const CliContext *context, const char *const *ids, size_t count, const char *where,
                       const char *version, uint64_t *out_removed, uint64_t *out_stale, GError **error) {
    size_t done = 0;
    *out_removed = *out_stale = 0;
    do { /* the condition goes with the first, so that nothing is removed where it is wrong */
        if (!remove_part(context, ids, count, &done, done == 0 ? where : NULL, version, out_removed, out_stale,
                         error)) {
            return false;
        }
    } while (done < count);
    return true;
}
