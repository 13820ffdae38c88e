/* SPDX-License-Identifier: Apache-2.0 */
/* The log: a JSON object a line on standard error. No keys, no queries (which may hold a key), no bodies. */
#include "service/service-internal.h"

#include <string.h>
#include <unistd.h>

static void write_line(NtJson *line) {
    g_autofree char *text = nt_json_print(line, false);
    g_autofree char *whole = g_strconcat(text, "\n", NULL);
    for (size_t at = 0, size = strlen(whole); at < size;) {
        ssize_t wrote = write(STDERR_FILENO, whole + at, size - at);
        if (wrote <= 0) {
            return; /* nobody reads it: that must not stop the service */
        }
        at += (size_t)wrote;
    }
}

static NtJson *line_of(const char *level) {
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
    g_autofree char *time = g_strdup_printf("%s.%03dZ", seconds, g_date_time_get_microsecond(now) / 1000);
    NtJson *line = nt_json_object();
    nt_json_set(line, "time", nt_json_string(time));
    return nt_json_set(line, "level", nt_json_string(level));
}

void api_log(const NtService *service, const char *level, const char *message) {
    if (strcmp(service->config->log, "off") != 0) {
        g_autoptr(NtJson) line = line_of(level);
        nt_json_set(line, "message", nt_json_string(message));
        write_line(line);
    }
}

void api_log_request(const NtService *service, const NtHttpRequest *request, const ApiCall *call) {
    unsigned status = nt_http_status(request);
    bool wanted =
        strcmp(service->config->log, "requests") == 0 || (strcmp(service->config->log, "errors") == 0 && status >= 500);
    if (!wanted) {
        return;
    }
    g_autoptr(NtJson) line = line_of(status >= 500 ? "error" : "info");
    g_autofree char *path = nt_text_printable(nt_http_path(request), 300);
    if (call != NULL) {
        nt_json_set(line, "request_id", nt_json_string(call->id));
    }
    nt_json_set(line, "client", nt_json_string(nt_http_client(request)));
    nt_json_set(line, "method", nt_json_string(nt_http_method(request)));
    nt_json_set(line, "path", nt_json_string(path));
    nt_json_set(line, "status", nt_json_integer(status));
    nt_json_set(line, "ms", nt_json_real((double)(nt_http_age(request) / 10) / 100));
    nt_json_set(line, "bytes", nt_json_integer((int64_t)nt_http_sent(request)));
    if (call != NULL && call->key != NULL) {
        nt_json_set(line, "key", nt_json_string(call->key));
    }
    write_line(line);
}
