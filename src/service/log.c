/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log: a JSON object a line on standard error. No keys, no queries (which may hold a key), no bodies. Lines are
 * written by a thread of their own: whoever reads them may be slow or gone, and requests must not wait for that. What
 * does not fit into the buffer is dropped, and how many lines that were is logged.
 */
#include "service/service-internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* At the end a reader has END_MS for what waits. */
enum { MOST_BYTES = 1024 * 1024, LOOK_MS = 100, END_MS = 2000 };

struct ApiLog {
    GThread *thread;
    GMutex lock; /* all below */
    GCond changed;
    GString *waiting;
    uint64_t dropped;
    int64_t stop; /* monotonic: when it began to end; 0: not yet */
};

/* Takes what waits; NULL: the end. */
static GString *take(ApiLog *log) {
    g_mutex_lock(&log->lock);
    while (log->waiting->len == 0 && log->stop == 0) {
        g_cond_wait(&log->changed, &log->lock);
    }
    GString *out = log->waiting->len > 0 ? log->waiting : NULL;
    if (out != NULL) {
        log->waiting = g_string_new(NULL);
        if (log->dropped > 0) {
            g_string_append_printf(
                out, "{\"level\": \"warning\", \"message\": \"%" G_GUINT64_FORMAT " lines were dropped\"}\n",
                log->dropped);
            log->dropped = 0;
        }
    }
    g_mutex_unlock(&log->lock);
    return out;
}

/* Waits until something can be written. False: it is the end, and nobody reads. */
static bool wait_for_reader(ApiLog *log) {
    struct pollfd ready = {STDERR_FILENO, POLLOUT, 0};
    while (poll(&ready, 1, LOOK_MS) <= 0) {
        g_mutex_lock(&log->lock);
        bool over = log->stop != 0 && g_get_monotonic_time() - log->stop > END_MS * INT64_C(1000);
        g_mutex_unlock(&log->lock);
        if (over) {
            return false;
        }
    }
    return true;
}

/* How much to write at once: whole lines, which whoever reads along sees as such, and not more than a pipe with room
 * takes at once, or write itself would wait for its reader. */
static size_t piece(const char *lines, size_t size) {
    const char *end = memrchr(lines, '\n', MIN(size, PIPE_BUF));
    return end != NULL ? (size_t)(end - lines) + 1 : MIN(size, PIPE_BUF);
}

static void *write_all(void *data) {
    for (GString *lines; (lines = take(data)) != NULL; g_string_free(lines, TRUE)) {
        for (size_t at = 0; at < lines->len && wait_for_reader(data);) {
            ssize_t wrote = write(STDERR_FILENO, lines->str + at, piece(lines->str + at, lines->len - at));
            if (wrote < 0 && errno != EINTR && errno != EAGAIN) {
                break; /* nobody reads it */
            }
            at += (size_t)MAX(wrote, 0);
        }
    }
    return NULL;
}

ApiLog *api_log_new(void) {
    ApiLog *log = g_new0(ApiLog, 1);
    g_mutex_init(&log->lock);
    g_cond_init(&log->changed);
    log->waiting = g_string_new(NULL);
    log->thread = nt_thread_new("log", write_all, log); /* without one there is no log */
    return log;
}

void api_log_free(ApiLog *log) {
    if (log == NULL) {
        return;
    }
    g_mutex_lock(&log->lock);
    log->stop = g_get_monotonic_time();
    g_cond_broadcast(&log->changed);
    g_mutex_unlock(&log->lock);
    if (log->thread != NULL) {
        g_thread_join(log->thread);
    }
    g_string_free(log->waiting, TRUE);
    g_mutex_clear(&log->lock);
    g_cond_clear(&log->changed);
    g_free(log);
}

static void add_line(ApiLog *log, const NtJson *line) {
    g_autofree char *text = nt_json_print(line, false);
    g_mutex_lock(&log->lock);
    if (log->waiting->len + strlen(text) < MOST_BYTES) {
        g_string_append(log->waiting, text);
        g_string_append_c(log->waiting, '\n');
        g_cond_signal(&log->changed);
    } else {
        log->dropped++;
    }
    g_mutex_unlock(&log->lock);
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
    api_history_fault(service->history, level, message);
    if (strcmp(service->config->log, "off") != 0) {
        g_autoptr(NtJson) line = line_of(level);
        nt_json_set(line, "message", nt_json_string(message));
        add_line(service->log, line);
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
    add_line(service->log, line);
}
