/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper as a hostile place: from inside it everything that is forbidden is tried (probe.h), it is made to
 * crash, hang, eat, lie and babble, and killed at work and at rest. Each costs at most one photo.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/descriptors.h"
#include "base/base.h"
#include "bytes.h"
#include "image/decoder-internal.h"
#include "image/helper.h"
#include "image/image.h"
#include "photos.h"
#include "probe.h"

static GBytes *memory_photos[3];  /* of 7000 x 7000, whose decoders take several times that */
static GBytes *photo, *big_photo; /* good ones of 90 x 60 and 6000 x 5900 */

static NtDecoder *new_decoder(const NtLimits *limits) {
    GError *error = NULL;
    NtDecoder *decoder = nt_decoder_new(limits, &error);
    g_assert_no_error(error);
    return decoder;
}

static bool decode(NtDecoder *decoder, GError **error) {
    NtPixels pixels = {0};
    return nt_decoder_decode(decoder, g_bytes_get_data(photo, NULL), g_bytes_get_size(photo), "good", NULL, &pixels,
                             NULL, error);
}

static void decode_ok(NtDecoder *decoder) {
    GError *error = NULL;
    bool ok = decode(decoder, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

static bool probe(NtDecoder *decoder, Probe what, NtWireReply *reply, GError **error) {
    NtWireRequest request = {.task = PROBE, .shrink = what};
    return nt_decoder_ask(decoder, &request, "photo", reply, error);
}

static void test_walls(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    decode_ok(decoder);
    for (int what = 0; what < PROBE_COUNT_OF_FORBIDDEN; what++) {
        NtWireReply reply;
        GError *error = NULL;
        if (!probe(decoder, (Probe)what, &reply, &error)) {
            g_error("probe %d: %s", what, error->message);
        }
    }
    g_assert_false(g_file_test("/tmp/niteru-probe", G_FILE_TEST_EXISTS));
    decode_ok(decoder);
    g_assert_cmpuint(nt_decoder_stats(decoder).started, ==, 1);
}

/* The probe loses its helper; the next photo has a new one. */
static void expect_loss(const NtLimits *limits, Probe what, NiteruError code, const char *words) {
    g_autoptr(NtDecoder) decoder = new_decoder(limits);
    NtWireReply reply;
    GError *error = NULL;
    decode_ok(decoder);
    g_assert_false(probe(decoder, what, &reply, &error));
    g_assert_error(error, NITERU_ERROR, (int)code);
    if (strstr(error->message, words) == NULL) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_error_free(error);
    decode_ok(decoder);
    g_assert_cmpuint(nt_decoder_stats(decoder).deaths, ==, 1);
    g_assert_cmpuint(nt_decoder_stats(decoder).started, ==, 2);
}

static void test_crash(void) {
    expect_loss(NULL, PROBE_CRASH, NITERU_ERROR_LIMIT, "gave up (signal 6)");
    expect_loss(NULL, PROBE_OVERFLOW, NITERU_ERROR_CORRUPT, "died of it (signal 11)");
    expect_loss(NULL, PROBE_EXIT, NITERU_ERROR_CORRUPT, "died of it (status 7)");
}

static void test_hang(void) {
    NtLimits limits = nt_limits_default();
    limits.decoder_seconds = 1;
    expect_loss(&limits, PROBE_SPIN, NITERU_ERROR_LIMIT, "longer than 1 s (limit decoder-seconds)");
    expect_loss(&limits, PROBE_SLEEP, NITERU_ERROR_LIMIT, "longer than 1 s (limit decoder-seconds)");
}

static void test_memory(void) {
#ifndef __SANITIZE_ADDRESS__ /* there the limit is off, and the machine's memory would be eaten */
    expect_loss(NULL, PROBE_EAT_MEMORY, NITERU_ERROR_LIMIT, "decoder-memory");
#endif
}

static void test_lie(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    NtWireReply reply;
    NtPixels pixels = {0};
    GError *error = NULL;
    g_assert_true(probe(decoder, PROBE_LIE, &reply, NULL));
    g_assert_false(nt_decoder_take_pixels(decoder, &reply, "photo", &pixels, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
    g_assert_null(pixels.rgb);
    g_error_free(error);
    decode_ok(decoder); /* by another helper: that one is not asked again */
    g_assert_cmpuint(nt_decoder_stats(decoder).started, ==, 2);
}

static void test_flood(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    NtWireReply reply;
    g_assert_true(probe(decoder, PROBE_FLOOD, &reply, NULL));
    g_assert_cmpuint(nt_decoder_stats(decoder).warnings, ==, 200000);
    decode_ok(decoder);
}

/* The only child of this process, or 0. */
static pid_t only_child(void) {
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? (pid_t)g_ascii_strtoll(text, NULL, 10) : 0;
}

/* Killed while it waits: nobody notices. */
static void test_killed_idle(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    decode_ok(decoder);
    pid_t child = only_child();
    if (child == 0) {
        g_test_skip("/proc/self/task/*/children is not there");
        return;
    }
    for (int i = 0; i < 3; i++) {
        child = only_child();
        kill(child, SIGKILL);
        g_usleep(20000);
        decode_ok(decoder);
    }
    g_assert_cmpuint(nt_decoder_stats(decoder).deaths, ==, 0);
    g_assert_cmpuint(nt_decoder_stats(decoder).started, ==, 4);
}

static void *kill_later(void *data) {
    g_usleep(50000);
    kill(GPOINTER_TO_INT(data), SIGKILL);
    return NULL;
}

/* Killed at work: one photo, and it says that it may be tried again. */
static void test_killed_at_work(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    decode_ok(decoder);
    pid_t child = only_child();
    if (child == 0) {
        g_test_skip("/proc/self/task/*/children is not there");
        return;
    }
    GThread *killer = g_thread_new("killer", kill_later, GINT_TO_POINTER(child));
    NtWireReply reply;
    GError *error = NULL;
    g_assert_false(probe(decoder, PROBE_SLEEP, &reply, &error));
    g_thread_join(killer);
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "may be tried again"));
    g_error_free(error);
    decode_ok(decoder);
}

static void reap_all(int signal) {
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}

/* The helper's end is noticed, and what can be known of it is told, whatever this program does about its children. */
static void test_sigchld(void) {
    const struct sigaction dispositions[] = {
        {.sa_handler = SIG_IGN}, {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT}, {.sa_handler = reap_all}};
    static const struct {
        Probe what;
        NiteruError code;
        const char *words;
    } ends[] = {{PROBE_CRASH, NITERU_ERROR_LIMIT, "gave up (signal 6)"},
                {PROBE_OVERFLOW, NITERU_ERROR_CORRUPT, "died of it (signal 11)"},
                {PROBE_EXIT, NITERU_ERROR_IO, "the photo may be tried again"}};
    for (size_t d = 0; d < G_N_ELEMENTS(dispositions); d++) {
        struct sigaction before;
        sigaction(SIGCHLD, &dispositions[d], &before);
        g_autoptr(NtDecoder) decoder = new_decoder(NULL);
        for (size_t e = 0; e < G_N_ELEMENTS(ends); e++) {
            NtWireReply reply;
            g_autoptr(GError) error = NULL;
            decode_ok(decoder);
            g_assert_false(probe(decoder, ends[e].what, &reply, &error));
            g_test_message("%s", error->message);
            /* A handler that reaps may come too late to hide this end from us. */
            bool seen = dispositions[d].sa_handler == reap_all && strstr(error->message, "(status 7)") != NULL;
            if (!seen) {
                g_assert_error(error, NITERU_ERROR, (int)ends[e].code);
                g_assert_nonnull(strstr(error->message, ends[e].words));
            }
        }
        decode_ok(decoder);
        g_clear_pointer(&decoder, nt_decoder_free);
        sigaction(SIGCHLD, &before, NULL);
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1); /* no child and no zombie */
        g_assert_cmpint(errno, ==, ECHILD);
    }
}

/* An owner that dies takes its helper along, even one that is busy for ever. */
static void test_dies_with_owner(void) {
    int pipe_ends[2];
    g_assert_cmpint(pipe(pipe_ends), ==, 0);
    pid_t owner = fork();
    if (owner == 0) {
        close(pipe_ends[0]);
        NtDecoder *decoder = nt_decoder_new(NULL, NULL);
        decode(decoder, NULL);
        pid_t helper = only_child();
        GThread *killer = NULL;
        if (write(pipe_ends[1], &helper, sizeof helper) == (ssize_t)sizeof helper) {
            killer = g_thread_new("killer", kill_later, GINT_TO_POINTER(getpid()));
        }
        NtWireReply reply;
        probe(decoder, PROBE_SPIN, &reply, NULL);
        g_thread_join(killer);
        _exit(0);
    }
    close(pipe_ends[1]);
    pid_t helper = 0;
    g_assert_cmpint(read(pipe_ends[0], &helper, sizeof helper), ==, sizeof helper);
    close(pipe_ends[0]);
    g_assert_cmpint(waitpid(owner, NULL, 0), ==, owner);
    if (helper == 0) {
        g_test_skip("/proc/self/task/*/children is not there");
        return;
    }
    /* The orphan is reaped by whoever inherits it; in a container without an init it stays as a zombie. */
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)helper);
    for (int i = 0;; i++) {
        g_autofree char *stat = NULL;
        if (!g_file_get_contents(path, &stat, NULL, NULL) || strstr(stat, ") Z ") != NULL) {
            return;
        }
        g_assert_cmpint(i, <, 500);
        g_usleep(10000);
    }
}

/* Bytes of the shared memory that are really there; the decoder's is the only one of its name in this process. */
static uint64_t shared_memory_taken(void) {
    for (int fd = 3; fd < 64; fd++) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
        g_autofree char *target = g_file_read_link(link, NULL);
        struct stat about;
        if (target != NULL && strstr(target, "niteru-photo") != NULL && fstat(fd, &about) == 0) {
            return (uint64_t)about.st_blocks * 512;
        }
    }
    return 0;
}

/* A big photo's 106 MB are given back with the next photo. */
static void test_memory_given_back(void) {
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    NtPixels pixels;
    decode_ok(decoder);
    g_assert_cmpuint(shared_memory_taken(), <, 1 << 20);
    GError *error = NULL;
    nt_decoder_decode(decoder, g_bytes_get_data(big_photo, NULL), g_bytes_get_size(big_photo), "big", NULL, &pixels,
                      NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(shared_memory_taken(), >=, UINT64_C(3) * 6000 * 5900);
    decode_ok(decoder);
    g_assert_cmpuint(shared_memory_taken(), <, 20 << 20);
}

/* 2,500 photos at 400 for each helper: six or seven helpers (the limit is reached after the 400th), no descriptor
 * left behind, no child either. */
static void test_recycling(void) {
    NtLimits limits = nt_limits_default();
    limits.decoder_photos = 400;
    unsigned before = open_descriptors();
    NtDecoder *decoder = new_decoder(&limits);
    for (int i = 0; i < 2500; i++) {
        decode_ok(decoder);
    }
    NtDecoderStats stats = nt_decoder_stats(decoder);
    g_assert_cmpuint(stats.photos, ==, 2500);
    g_assert_cmpuint(stats.started, ==, 7);
    g_assert_cmpuint(stats.deaths, ==, 0);
    nt_decoder_free(decoder);
    g_assert_cmpuint(open_descriptors(), ==, before);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

/* Too little memory to start in, and the limits at their edges. */
static void test_tight_limits(void) {
    NtLimits limits = nt_limits_default();
#ifndef __SANITIZE_ADDRESS__
    limits.decoder_memory = 1 << 20;
    g_autoptr(NtDecoder) cramped = new_decoder(&limits);
    GError *error = NULL;
    g_assert_false(decode(cramped, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_IO);
    g_assert_nonnull(strstr(error->message, "decoder-memory"));
    g_error_free(error);
#endif
    limits = nt_limits_default();
    limits.photo_bytes = g_bytes_get_size(photo);
    limits.photo_side = 90;
    limits.photo_pixels = 90 * 60;
    g_autoptr(NtDecoder) exact = new_decoder(&limits);
    decode_ok(exact);
    limits.photo_pixels--;
    g_autoptr(NtDecoder) less = new_decoder(&limits);
    g_assert_false(decode(less, NULL));
    decode_ok(exact);
}

/* Memory that does not suffice is told as that, not as damage: a photo within the limits, in too tight a helper. */
static void test_short_of_memory(void) {
#ifndef __SANITIZE_ADDRESS__
    NtLimits limits = nt_limits_default();
    limits.decoder_memory = UINT64_C(800) << 20;
    g_autoptr(NtDecoder) cramped = new_decoder(&limits), roomy = new_decoder(NULL);
    for (int i = 0; i < 3; i++) {
        NtPixels pixels;
        GError *error = NULL;
        const void *data = g_bytes_get_data(memory_photos[i], NULL);
        size_t size = g_bytes_get_size(memory_photos[i]);
        g_assert_false(nt_decoder_decode(cramped, data, size, "big", NULL, &pixels, NULL, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
        g_assert_nonnull(strstr(error->message, "decoder-memory"));
        g_clear_error(&error);
        nt_decoder_decode(roomy, data, size, "big", NULL, &pixels, NULL, &error);
        g_assert_no_error(error);
    }
#endif
}

static void test_missing(void) {
    g_autofree char *kept = g_strdup(g_getenv("NITERU_DECODER"));
    GError *error = NULL;
    g_setenv("NITERU_DECODER", "/nonexistent/niteru-decoder", TRUE);
    g_assert_null(nt_decoder_new(NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "NITERU_DECODER names '/nonexistent/niteru-decoder'"));
    g_clear_error(&error);
    /* A program that is no helper. */
    g_setenv("NITERU_DECODER", "/bin/true", TRUE);
    g_autoptr(NtDecoder) decoder = new_decoder(NULL);
    g_assert_false(decode(decoder, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_IO);
    g_error_free(error);
    if (kept != NULL) {
        g_setenv("NITERU_DECODER", kept, TRUE);
    } else {
        g_unsetenv("NITERU_DECODER");
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    if (VIPS_INIT(argv[0]) != 0) {
        return 1;
    }
    photo = encode(make_corners(90, 60), ".jpg");
    big_photo = encode(make_corners(6000, 5900), ".png[compression=1]");
    memory_photos[0] = encode(make_corners(7000, 7000), ".webp[lossless,effort=0]");
    memory_photos[1] = encode(make_corners(7000, 7000), ".jpg[interlace,subsample-mode=off]");
    memory_photos[2] = encode(make_corners(7000, 7000), ".png[interlace,compression=1]");
    vips_shutdown();
    g_test_add_func("/helper/walls", test_walls);
    g_test_add_func("/helper/crash", test_crash);
    g_test_add_func("/helper/hang", test_hang);
    g_test_add_func("/helper/memory", test_memory);
    g_test_add_func("/helper/lie", test_lie);
    g_test_add_func("/helper/flood", test_flood);
    g_test_add_func("/helper/killed-idle", test_killed_idle);
    g_test_add_func("/helper/killed-at-work", test_killed_at_work);
    g_test_add_func("/helper/sigchld", test_sigchld);
    g_test_add_func("/helper/dies-with-owner", test_dies_with_owner);
    g_test_add_func("/helper/recycling", test_recycling);
    g_test_add_func("/helper/memory-given-back", test_memory_given_back);
    g_test_add_func("/helper/tight-limits", test_tight_limits);
    g_test_add_func("/helper/short-of-memory", test_short_of_memory);
    g_test_add_func("/helper/missing", test_missing);
    return g_test_run();
}
