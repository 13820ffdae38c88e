/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One embedding: one photo, one thread, one core. usage: embed [--python PYTHON] [--csv FILE] [NETWORK.onnx...]
 *
 * With PYTHON (an interpreter that has onnxruntime, and onnx to cut both networks at the same tensor) ONNX Runtime does
 * the same in a child (bench/embed-ort.py), float32 and one thread too. Both are pinned to one core and take turns, so
 * that whatever else the machine does falls on both; medians of all runs are compared. Without networks named: those in
 * models/ and the well-known ones of tests/nn/golden, whose weights are made here.
 *
 * Prints CSV: figure,value,unit. FILE gets the same lines at its end.
 */
#include "nn/nn.h"
#include "tests/nn/seeded-weights.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

enum { ROUNDS = 9 };
static const double ROUND_MS = 250; /* of one side */

typedef struct Settings {
    const char *python; /* NULL: niteru alone */
    FILE *csv;          /* NULL: only standard output */
} Settings;

/* ONNX Runtime in a child. */
typedef struct Rival {
    GPid pid;
    FILE *to, *from;
    char version[32];
} Rival;

static double now_ms(void) { return (double)g_get_monotonic_time() * 1e-3; }

/* The last core that this process may use; the child inherits it. */
static void pin(void) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return;
    }
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(GArray *times) {
    qsort(times->data, times->len, sizeof(double), by_value);
    return g_array_index(times, double, times->len / 2);
}

static void print_figure(const Settings *settings, const char *name, const char *what, double value, const char *unit) {
    FILE *files[] = {stdout, settings->csv};
    for (size_t i = 0; i < G_N_ELEMENTS(files) && files[i] != NULL; i++) {
        fprintf(files[i], "%s_%s,%.3f,%s\n", name, what, value, unit);
        fflush(files[i]);
    }
}

static bool rival_start(Rival *rival, const char *python, const char *path, const NtNetworkInfo *info) {
    unsigned h = info->height, w = info->width, c = info->channels;
    g_autofree char *shape =
        info->channels_last ? g_strdup_printf("1,%u,%u,%u", h, w, c) : g_strdup_printf("1,%u,%u,%u", c, h, w);
    const char *argv[] = {python, "bench/embed-ort.py", path, info->output, shape, NULL};
    g_autoptr(GError) error = NULL;
    int to, from;
    char line[64] = "";
    *rival = (Rival){0};
    if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &rival->pid, &to, &from,
                                  NULL, &error)) {
        fprintf(stderr, "embed: %s\n", error->message);
        return false;
    }
    rival->to = fdopen(to, "w");
    rival->from = fdopen(from, "r");
    return fgets(line, sizeof line, rival->from) != NULL && sscanf(line, "ready %31s", rival->version) == 1;
}

static void rival_stop(Rival *rival) {
    if (rival->to != NULL) {
        fclose(rival->to);
        fclose(rival->from);
    }
}

static bool rival_run(Rival *rival, unsigned count, GArray *times) {
    fprintf(rival->to, "%u\n", count);
    fflush(rival->to);
    for (unsigned i = 0; i < count; i++) {
        double ms;
        if (fscanf(rival->from, "%lf", &ms) != 1) {
            return false;
        }
        g_array_append_val(times, ms);
    }
    return true;
}

static bool own_run(NtRunner *runner, const float *input, float *out, unsigned count, GArray *times, GError **error) {
    for (unsigned i = 0; i < count; i++) {
        double start = now_ms();
        if (!nt_runner_run(runner, input, 1, out, NULL, error)) {
            return false;
        }
        double ms = now_ms() - start;
        g_array_append_val(times, ms);
    }
    return true;
}

/* Rounds of both in turn. Times of the rival stay empty when it could not run. */
static bool take_turns(NtNetwork *network, Rival *rival, GArray *own, GArray *other, GError **error) {
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, error);
    if (runner == NULL) {
        return false;
    }
    size_t pixels = (size_t)info->channels * info->height * info->width;
    g_autofree float *input = g_new(float, pixels), *out = g_new(float, info->dimension);
    nt_seeded_uniform("photo", 0, pixels, input);
    double start = now_ms();
    if (!own_run(runner, input, out, 2, own, error)) {
        return false;
    }
    unsigned count = (unsigned)CLAMP(2 * ROUND_MS / (now_ms() - start), 1, 1000);
    g_array_set_size(own, 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!own_run(runner, input, out, count, own, error)) {
            return false;
        }
        if (rival != NULL && !rival_run(rival, count, other)) {
            rival = NULL;
            g_array_set_size(other, 0);
        }
    }
    return true;
}

/* Loads the file at `path`, called `name` in the figures, and compares. */
static bool measure(const Settings *settings, const char *path, const char *name, GError **error) {
    g_autoptr(NtNetwork) network = nt_network_load(path, NULL, error);
    if (network == NULL) {
        return false;
    }
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) other = g_array_new(FALSE, FALSE, sizeof(double));
    Rival rival = {0};
    bool compared = settings->python != NULL && rival_start(&rival, settings->python, path, info);
    bool done = take_turns(network, compared ? &rival : NULL, own, other, error);
    rival_stop(&rival);
    if (!done) {
        return false;
    }
    double ms = median(own);
    print_figure(settings, name, "niteru", ms, "ms per embedding");
    print_figure(settings, name, "speed", (double)info->multiply_adds * 2e-6 / ms, "GFLOP/s");
    if (other->len > 0) {
        g_autofree char *unit = g_strdup_printf("times as fast as ONNX Runtime %s", rival.version);
        double theirs = median(other);
        print_figure(settings, name, "onnxruntime", theirs, "ms per embedding");
        print_figure(settings, name, "ratio", theirs / ms, unit);
    }
    return true;
}

/* A skeleton of tests/nn/golden is written out with its weights first: ONNX Runtime needs a file. */
static bool measure_file(const Settings *settings, const char *path, GError **error) {
    g_autofree char *base = g_path_get_basename(path), *folder = g_path_get_dirname(path);
    g_autofree char *name = strcmp(base, "model.onnx") == 0 ? g_path_get_basename(folder) : g_strdup(base);
    if (g_str_has_suffix(name, ".onnx")) {
        name[strlen(name) - 5] = '\0';
    }
    g_autoptr(GBytes) filled = strstr(path, "nn/golden/") != NULL ? nt_seeded_onnx(path, error) : NULL;
    if (filled == NULL) {
        return (error == NULL || *error == NULL) && measure(settings, path, name, error);
    }
    g_autofree char *whole = NULL;
    int file = g_file_open_tmp("niteru-bench-XXXXXX.onnx", &whole, error);
    if (file < 0) {
        return false;
    }
    gsize size;
    const char *bytes = g_bytes_get_data(filled, &size);
    g_close(file, NULL);
    bool done = g_file_set_contents(whole, bytes, (gssize)size, error) && measure(settings, whole, name, error);
    remove(whole);
    return done;
}

static void add_folder(GPtrArray *paths, const char *folder) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        if (g_str_has_suffix(name, ".onnx")) {
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
        }
    }
}

int main(int argc, char **argv) {
    g_autofree char *csv = NULL, *python = NULL;
    g_auto(GStrv) named = NULL;
    const GOptionEntry entries[] = {
        {"python", 0, 0, G_OPTION_ARG_FILENAME, &python, "compare with the onnxruntime of this interpreter", "PYTHON"},
        {"csv", 0, 0, G_OPTION_ARG_FILENAME, &csv, "append the figures to this file", "FILE"},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &named, NULL, "[NETWORK.onnx...]"},
        {0}};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "embed: %s\n", error->message);
        return 2;
    }
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (char **path = named; path != NULL && *path != NULL; path++) {
        g_ptr_array_add(paths, g_strdup(*path));
    }
    if (paths->len == 0) {
        add_folder(paths, "models");
        add_folder(paths, "tests/nn/golden");
    }
    Settings settings = {.python = python, .csv = csv != NULL ? fopen(csv, "a") : NULL};
    int status = csv != NULL && settings.csv == NULL;
    pin();
    for (guint i = 0; i < paths->len; i++) {
        if (!measure_file(&settings, paths->pdata[i], &error)) {
            fprintf(stderr, "embed: %s\n", error->message);
            g_clear_error(&error);
            status = 1;
        }
    }
    if (settings.csv != NULL) {
        fclose(settings.csv);
    }
    return status;
}
