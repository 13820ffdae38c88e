/* SPDX-License-Identifier: Apache-2.0 */
/* What those who run the engine look at: its memory, its answers over time, its faults, its models. */
#include "service/service-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "search/search.h"

/* ---- the engine as a whole ---- */

static int64_t resident_bytes(void) {
    g_autofree char *text = NULL;
    unsigned long pages = 0;
    bool read = g_file_get_contents("/proc/self/statm", &text, NULL, NULL) && sscanf(text, "%*u %lu", &pages) == 1;
    return read ? (int64_t)pages * sysconf(_SC_PAGESIZE) : 0;
}

static void add_part(NtJson *parts, const char *name, int64_t bytes) {
    NtJson *part = nt_json_set(nt_json_object(), "name", nt_json_string(name));
    nt_json_append(parts, nt_json_set(part, "bytes", nt_json_integer(bytes)));
}

static void add_file(NtJson *parts, const char *name, const char *folder, const char *file) {
    g_autofree char *path = g_build_filename(folder, file, NULL);
    GStatBuf st;
    if (g_stat(path, &st) == 0) {
        add_part(parts, name, st.st_size);
    }
}

/* What takes room, in memory or on disk: the vectors are mapped, and in memory as far as they are searched. */
static NtJson *sizes(NtService *service, const NtJson *models) {
    NtJson *parts = nt_json_array();
    NtHttpCounts counts;
    nt_http_server_counts(service->server, &counts);
    for (size_t i = 0; i < nt_json_count(models); i++) {
        const NtJson *model = nt_json_at(models, i);
        int64_t size = strcmp(nt_json_text(nt_json_get(model, "dtype"), ""), "f4") == 0 ? 4 : 2;
        g_autofree char *name = g_strdup_printf("vectors of %s", nt_json_text(nt_json_get(model, "name"), ""));
        add_part(parts, name,
                 nt_json_int(nt_json_get(model, "vectors"), 0) * nt_json_int(nt_json_get(model, "dimension"), 0) *
                     size);
    }
    const char *folder = niteru_folder(service->catalogue);
    add_file(parts, "database", folder, "catalogue.db");
    add_file(parts, "database log", folder, "catalogue.db-wal");
    add_part(parts, "photos searched with", (int64_t)api_uploads_bytes(service->uploads));
    add_part(parts, "request bodies", (int64_t)counts.body_bytes);
    add_part(parts, "answers not read yet", (int64_t)counts.answer_bytes);
    return parts;
}

static NtJson *queues(NtService *service) {
    NtHttpCounts counts;
    nt_http_server_counts(service->server, &counts);
    NtJson *out = nt_json_set(nt_json_object(), "connections", nt_json_integer((int64_t)counts.open));
    nt_json_set(out, "waiting_reads", nt_json_integer(api_workers_waiting(service->readers)));
    nt_json_set(out, "waiting_photos", nt_json_integer(api_workers_waiting(service->embedders)));
    return nt_json_set(out, "waiting_writes", nt_json_integer(api_workers_waiting(service->writers)));
}

static NtJson *memory_json(ApiMemory *memory) {
    ApiMemoryState state = api_memory_look(memory);
    NtJson *out = nt_json_set(nt_json_object(), "short", nt_json_bool(state.is_short));
    if (state.total > 0) {
        nt_json_set(out, "total_bytes", nt_json_integer((int64_t)state.total));
        nt_json_set(out, "available_bytes", nt_json_integer((int64_t)state.available));
    }
    nt_json_set(out, "reserve_bytes", nt_json_integer((int64_t)state.reserve));
    return nt_json_set(out, "refused", nt_json_integer(api_memory_refused(memory)));
}

/* How photos can be made ready for a network that is added. */
static NtJson *presets(void) {
    NtJson *out = nt_json_array();
    for (const char *const *name = niteru_presets(); *name != NULL; name++) {
        NtJson *preset = nt_json_set(nt_json_object(), "name", nt_json_string(*name));
        nt_json_append(out, nt_json_set(preset, "text", nt_json_string(niteru_preset_summary(*name))));
    }
    return out;
}

void api_run_engine(ApiCall *call) {
    NtService *service = call->service;
    g_autoptr(GError) error = NULL;
    g_autofree char *models = niteru_models_json(service->catalogue, api_timeout(call), NULL, &error);
    if (models == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    g_autoptr(NtJson) all = nt_json_parse(models, strlen(models), "models", NULL, NULL);
    NtJson *out = nt_json_set(nt_json_object(), "version", nt_json_string(niteru_version()));
    nt_json_set(out, "uptime_seconds", nt_json_integer((g_get_monotonic_time() - service->started) / G_USEC_PER_SEC));
    nt_json_set(out, "cores", nt_json_integer(nt_cores()));
    nt_json_set(out, "resident_bytes", nt_json_integer(resident_bytes()));
    nt_json_set(out, "memory", memory_json(service->memory));
    nt_json_set(out, "sizes", sizes(service, all));
    nt_json_set(out, "queues", queues(service));
    nt_json_set(out, "presets", presets());
    nt_json_set(out, "latency", api_history_latency(service->history));
    api_answer(call, 200, nt_json_set(out, "errors", api_history_faults(service->history)));
}

/* ---- models ---- */

enum { ADD_MS = 300000 };

/* "sha256", "card", "network", ... of one. */
void api_run_model(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    char *json = niteru_model_json(call->service->catalogue, call->pieces[0], api_timeout(call),
                                   nt_http_cancellable(call->request), &error);
    if (json != NULL) {
        api_answer_text(call, 200, json);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

/* A network is uploaded into a file without a name, which goes with the call, or with the process. */
void api_accept_network(ApiCall *call) {
    call->upload_fd = open(niteru_folder(call->service->catalogue), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (call->upload_fd < 0) {
        api_problem(call, 500, "not-stored", NULL, "the body could not be stored here: %s", g_strerror(errno));
        return;
    }
    call->upload_path = g_strdup_printf("/proc/self/fd/%d", call->upload_fd);
    nt_http_accept_body(call->request, call->service->catalogue->limits.onnx_bytes, call->upload_fd, 24 * 3600 * 1000);
}

/* What is wrong with the network, without the place that it was read from. */
static void fail_network(ApiCall *call, GError *error) {
    g_auto(GStrv) parts = g_strsplit(error->message, call->upload_path, -1);
    g_autofree char *named = g_strjoinv("the network", parts);
    g_auto(GStrv) folders = g_strsplit(named, "/proc/self/fd/", -1);
    g_free(error->message);
    error->message = g_strjoinv("", folders);
    if (error->domain == NITERU_ERROR && error->code == NITERU_ERROR_CORRUPT) { /* what was sent is, and nothing here */
        api_problem(call, 422, "invalid-network", NULL, "%s", error->message);
        g_error_free(error);
    } else {
        api_fail(call, error);
    }
}

void api_run_model_put(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    const NiteruModelOptions options = {.size = sizeof options,
                                        .name = call->pieces[0],
                                        .preset = nt_json_text(nt_json_get(call->query, "preset"), NULL),
                                        .output = nt_json_text(nt_json_get(call->query, "output"), NULL),
                                        .metric = nt_json_text(nt_json_get(call->query, "metric"), NULL),
                                        .width = (unsigned)nt_json_int(nt_json_get(call->query, "width"), 0),
                                        .height = (unsigned)nt_json_int(nt_json_get(call->query, "height"), 0),
                                        .timeout_ms = ADD_MS};
    if (lseek(call->upload_fd, 0, SEEK_END) <= 0) {
        api_problem(call, 400, "missing-body", NULL, "nothing was sent");
        return;
    }
    char *json = niteru_model_add(call->service->catalogue, call->upload_path, &options,
                                  nt_http_cancellable(call->request), &name, &error)
                     ? niteru_model_json(call->service->catalogue, name, 0, NULL, &error)
                     : NULL;
    if (json != NULL) {
        api_answer_text(call, 201, json);
    } else {
        fail_network(call, g_steal_pointer(&error));
    }
}

void api_run_model_remove(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (niteru_model_remove(call->service->catalogue, call->pieces[0], 0, nt_http_cancellable(call->request), &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

/* ---- how quick a model is ---- */

enum { SPEED_RUNS = 5 };

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median time of the network for one photo, on all cores, beside whatever else goes on. */
static bool measure(NtService *service, const char *name, double *out_ms, GError **error) {
    g_autoptr(NtModel) model = nt_model_find(service->catalogue, name, error);
    NtNetwork *network = model != NULL ? nt_model_network(service->catalogue, model, error) : NULL;
    g_autoptr(NtRunner) runner = network != NULL ? nt_runner_new(network, 1, nt_cores(), error) : NULL;
    if (runner == NULL) {
        return false;
    }
    const NtNetworkInfo *info = nt_network_info(network);
    size_t size = (size_t)info->channels * info->height * info->width;
    g_autofree float *input = g_new0(float, size), *vector = g_new0(float, info->dimension);
    int64_t times[SPEED_RUNS + 1];
    for (size_t i = 0; i <= SPEED_RUNS; i++) { /* the first warms up */
        bool finite;
        int64_t start = g_get_monotonic_time();
        if (!nt_runner_run(runner, input, 1, vector, &finite, error)) {
            return false;
        }
        times[i] = g_get_monotonic_time() - start;
    }
    qsort(times + 1, SPEED_RUNS, sizeof times[0], compare_times);
    *out_ms = (double)times[1 + SPEED_RUNS / 2] / 1000;
    return true;
}

void api_run_model_measure(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    double ms;
    if (!measure(call->service, call->pieces[0], &ms, &error)) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *out = nt_json_set(nt_json_object(), "milliseconds_per_photo", nt_json_real(ms));
    api_answer(call, 200, nt_json_set(out, "cores", nt_json_integer(nt_cores())));
}
