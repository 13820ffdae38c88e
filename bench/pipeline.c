/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well `niteru index` keeps the cores busy. usage: pipeline PHOTO-LIST.csv MODEL.onnx PRESET [PYTHON [N]]
 *
 * 1. CPU seconds to read, decode (in the helper) and make ready one photo;
 * 2. CPU seconds of the network per photo, in the batches the pipeline uses;
 * 3. photos a second of niteru_index on a fresh catalogue, whole process;
 * so the most there could be is cores / (1 + 2), and 3 over that is the efficiency.
 * 4. With PYTHON (an interpreter that has Pillow and onnxruntime): the usual loop, one photo at a time, in the same
 *    run (bench/python-loop.py).
 * 1 and 2 are taken twice: alone in one thread, and on all cores at once, where cores that share caches, memory or a
 * clock make each other slower before any pipeline does. All four are run in turns, three times; medians are compared.
 * Prints CSV: name,value,unit.
 */
#include "connect/connect.h"
#include "embed/embed.h"
#include "niteru/niteru.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BATCH = 8, TURNS = 3 };

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec * 1e-6; }

/* CPU seconds of this process and the helpers it has waited for. */
static double cpu_seconds(void) {
    struct rusage own, children;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    return seconds_of(own.ru_utime) + seconds_of(own.ru_stime) + seconds_of(children.ru_utime) +
           seconds_of(children.ru_stime);
}

static void die(const GError *error) {
    fprintf(stderr, "pipeline: %s\n", error->message);
    exit(1);
}

static GPtrArray *list_photos(const char *list, size_t most) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSource) source = nt_source_open(list, NULL, &error);
    if (source == NULL) {
        die(error);
    }
    GPtrArray *photos = g_ptr_array_new_with_free_func(g_free);
    NtListing listing;
    NtSourceStep step;
    while (photos->len < most && (step = nt_source_next(source, &listing, NULL)) != NT_SOURCE_END) {
        if (step == NT_SOURCE_FAILED) {
            break;
        }
        if (step == NT_SOURCE_PRODUCT) {
            g_ptr_array_add(photos, g_strdup(listing.photos[0]));
        }
    }
    return photos;
}

/* One of the two halves of the work, done alone. */
typedef struct Half {
    const GPtrArray *photos;
    const NtCard *card;
    NtNetwork *network; /* NULL: decode and make ready; else run it */
} Half;

static void decode_half(Half *half) {
    g_autoptr(GError) error = NULL;
    NtLimits limits = nt_limits_default();
    limits.decoder_photos = 1000000;
    const NtPreprocess *rule = &half->card->preprocess;
    g_autofree float *input = g_new(float, (size_t)3 * rule->width * rule->height);
    NtDecoder *decoder = nt_decoder_new(&limits, &error);
    g_autoptr(NtPreprocessor) rules = decoder != NULL ? nt_preprocessor_new(rule, &error) : NULL;
    if (rules == NULL) {
        die(error);
    }
    for (guint i = 0; i < half->photos->len; i++) {
        const char *path = g_ptr_array_index(half->photos, i);
        g_autoptr(GBytes) bytes = nt_file_read(path, limits.photo_bytes, NULL);
        uint8_t hash[32];
        gsize size = 0;
        const void *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : "";
        NtPixels pixels;
        nt_sha256(data, size, hash);
        if (nt_decoder_decode(decoder, data, size, path, NULL, &pixels, NULL, NULL)) {
            nt_preprocess(rules, &pixels, input, NULL);
        }
    }
    nt_decoder_free(decoder);
}

static void network_half(Half *half) {
    const NtNetworkInfo *info = nt_network_info(half->network);
    g_autoptr(GError) error = NULL;
    g_autoptr(NtRunner) runner = nt_runner_new(half->network, BATCH, 1, &error);
    if (runner == NULL) {
        die(error);
    }
    size_t floats = (size_t)3 * info->width * info->height;
    g_autofree float *input = g_new0(float, BATCH *floats), *out = g_new(float, BATCH * info->dimension);
    for (size_t i = 0; i < BATCH * floats; i++) {
        input[i] = (float)(i % 255) / 127.5F - 1;
    }
    for (size_t i = 0; i < half->photos->len; i += BATCH) {
        nt_runner_run(runner, input, BATCH, out, NULL, NULL);
    }
}

static void *run_half(void *data) {
    Half *half = (Half *)data;
    (half->network != NULL ? network_half : decode_half)(half);
    return NULL;
}

/* CPU seconds per photo of one half in `threads` threads, each with all the photos. */
static double time_half(const Half *half, unsigned threads) {
    GPtrArray *running = g_ptr_array_new();
    double start = cpu_seconds();
    for (unsigned t = 0; t < threads; t++) {
        g_ptr_array_add(running, g_thread_new("half", run_half, (void *)half));
    }
    for (unsigned t = 0; t < threads; t++) {
        g_thread_join(g_ptr_array_index(running, t));
    }
    g_ptr_array_free(running, TRUE);
    return (cpu_seconds() - start) / (threads * half->photos->len);
}

/* Photos a second of a whole indexing run on a fresh catalogue, and CPU seconds per photo. */
static double time_index(const char *list, const char *network, const char *preset, double *out_cpu) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-bench-XXXXXX", NULL);
    g_autofree char *shop = g_build_filename(folder, "shop", NULL);
    NiteruModelOptions model = {
        .size = sizeof(NiteruModelOptions), .name = "bench", .preset = preset, .make_default = true};
    NiteruIndexReport report = {.size = sizeof(NiteruIndexReport)};
    double start = cpu_seconds();
    NiteruCatalogue *catalogue = niteru_open(shop, NULL, &error);
    if (catalogue == NULL || !niteru_model_add(catalogue, network, &model, NULL, NULL, &error) ||
        !niteru_index(catalogue, list, NULL, NULL, &report, &error)) {
        die(error);
    }
    niteru_close(catalogue);
    *out_cpu = (cpu_seconds() - start) / (double)MAX(report.embedded, 1);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    if (system(command) != 0) {
        fprintf(stderr, "pipeline: %s was left behind\n", folder);
    }
    return (double)report.embedded / report.embed_seconds;
}

/* Photos a second of the Python loop; negative when it could not run. */
static double time_python(const char *python, const char *list, const char *network, const char *preset, size_t count) {
    g_autofree char *amount = g_strdup_printf("%zu", count);
    const char *argv[] = {python, "bench/python-loop.py", list, network, "--preset", preset, "--count", amount, NULL};
    g_autofree char *out = NULL;
    g_autoptr(GError) error = NULL;
    int status;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error)) {
        fprintf(stderr, "pipeline: %s: %s\n", python, error->message);
        return -1;
    }
    g_autoptr(NtJson) answer = nt_json_parse(out, strlen(out), "python-loop.py", NULL, NULL);
    return answer != NULL ? nt_json_number(nt_json_get(answer, "photos_per_second"), -1) : -1;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, TURNS, sizeof *values, by_value);
    return values[TURNS / 2];
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: %s PHOTO-LIST.csv MODEL.onnx PRESET [PYTHON [PHOTOS]]\n", argv[0]);
        return 2;
    }
    g_autoptr(GError) error = NULL;
    size_t most = argc > 5 ? (size_t)g_ascii_strtoull(argv[5], NULL, 10) : 1000;
    g_autoptr(GPtrArray) photos = list_photos(argv[1], most);
    const NtPreset *preset = nt_preset_find(argv[3], &error);
    g_autoptr(NtNetwork) network = preset != NULL ? nt_network_load(argv[2], NULL, &error) : NULL;
    g_autoptr(NtCard) card =
        network != NULL ? nt_card_for_network(nt_network_info(network), "bench", preset, &error) : NULL;
    if (card == NULL) {
        die(error);
    }
    Half decoding = {photos, card, NULL}, running = {photos, card, network};
    double decode[2][TURNS], net[2][TURNS], index[TURNS], cpu[TURNS], python[TURNS];
    for (int turn = 0; turn < TURNS; turn++) {
        for (int all = 0; all < 2; all++) {
            decode[all][turn] = time_half(&decoding, all ? nt_cores() : 1);
            net[all][turn] = time_half(&running, all ? nt_cores() : 1);
        }
        index[turn] = time_index(argv[1], argv[2], argv[3], &cpu[turn]);
        python[turn] = argc > 4 ? time_python(argv[4], argv[1], argv[2], argv[3], most) : -1;
    }
    double rate = median(index), loop = median(python);
    printf("cores,%u,\nindex,%.1f,photos per second\nindex_cpu,%.3f,CPU ms per photo\n", nt_cores(), rate,
           median(cpu) * 1e3);
    static const char *const where[] = {"alone", "on_all_cores"};
    for (int all = 0; all < 2; all++) {
        double first = median(decode[all]), second = median(net[all]), bound = nt_cores() / (first + second);
        printf("decode_and_resize_%s,%.3f,CPU ms per photo\nnetwork_%s,%.3f,CPU ms per photo\n", where[all],
               first * 1e3, where[all], second * 1e3);
        printf("bound_%s,%.1f,photos per second\nefficiency_%s,%.3f,of the bound\n", where[all], bound, where[all],
               rate / bound);
    }
    if (loop > 0) {
        printf("python_loop,%.1f,photos per second\nindex_over_python,%.2f,times\n", loop, rate / loop);
    }
    return 0;
}
