/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper that misbehaves in any way costs one photo and at most its time limit: the call returns, the error names the
 * photo, nothing is left behind, and the decoder goes on. stand-in.c takes niteru-decoder's place.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/descriptors.h"
#include "base/base.h"
#include "bytes.h"
#include "image/image.h"

typedef struct Case {
    const char *what;
    NiteruError code;
    const char *words;
} Case;

static const Case cases[] = {
    {"silent", NITERU_ERROR_IO, "did not get ready within 1 s"},
    {"killed-at-start", NITERU_ERROR_IO, "killed from outside while starting"},
    {"closed-at-start", NITERU_ERROR_IO, "does not answer as niteru-decoder does"},
    {"short-at-start", NITERU_ERROR_IO, "does not answer as niteru-decoder does"},
    {"refusing", NITERU_ERROR_IO, "the decoder cannot work"},
    {"mute", NITERU_ERROR_LIMIT, "limit decoder-seconds"},
    {"closed", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"half-closed", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"dead", NITERU_ERROR_CORRUPT, "died of it (status 3)"},
    {"killed", NITERU_ERROR_IO, "may be tried again"},
    {"trickle", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"long", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"orphan", NITERU_ERROR_CORRUPT, "died of it"},
    {"unasked", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"huge", NITERU_ERROR_CORRUPT, "impossible size"},
    {"empty", NITERU_ERROR_CORRUPT, "impossible size"},
    {"other-size", NITERU_ERROR_CORRUPT, "50 x 50 pixels, which is not what its header says"},
    {"other-number", NITERU_ERROR_CORRUPT, "closed its end or answered nonsense"},
    {"odd-status", NITERU_ERROR_FAILED, "good: "},
};

static char *folder;
static GByteArray *photo; /* a JPEG that says it has 90 x 60 pixels */

/* A decoder whose helper is the stand-in that does `what`. */
static NtDecoder *new_decoder(const char *what) {
    g_autofree char *name = g_strconcat("stand-in-", what, NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    NtLimits limits = nt_limits_default();
    GError *error = NULL;
    limits.decoder_seconds = 1;
    if (symlink(g_getenv("NT_STAND_IN"), path) != 0) {
        g_assert_cmpint(errno, ==, EEXIST);
    }
    g_setenv("NITERU_DECODER", path, TRUE);
    NtDecoder *decoder = nt_decoder_new(&limits, &error);
    g_assert_no_error(error);
    return decoder;
}

static bool decode(NtDecoder *decoder, GError **error) {
    NtPixels pixels = {0};
    return nt_decoder_decode(decoder, photo->data, photo->len, "good", NULL, &pixels, NULL, error);
}

static void test_case(gconstpointer data) {
    const Case *one = data;
    unsigned before = open_descriptors();
    NtDecoder *decoder = new_decoder(one->what);
    for (int i = 0; i < 2; i++) { /* the second photo has a second helper, no better than the first */
        GError *error = NULL;
        g_assert_false(decode(decoder, &error));
        g_assert_error(error, NITERU_ERROR, (int)one->code);
        if (strstr(error->message, one->words) == NULL || !g_str_has_prefix(error->message, "good: ")) {
            g_error("%s: '%s' does not say '%s'", one->what, error->message, one->words);
        }
        g_assert_true(g_utf8_validate(error->message, -1, NULL) && strchr(error->message, '\x1b') == NULL);
        g_error_free(error);
    }
    nt_decoder_free(decoder);
    g_assert_cmpuint(open_descriptors(), ==, before);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_assert_cmpint(errno, ==, ECHILD);
}

/* A second answer to one question is not taken for the answer to the next: that helper is replaced. */
static void test_twice(void) {
    g_autoptr(NtDecoder) decoder = new_decoder("twice");
    GError *error = NULL;
    for (unsigned i = 1; i <= 3; i++) {
        decode(decoder, &error);
        g_assert_no_error(error);
        g_usleep(20000); /* for the second one to come */
        g_assert_cmpuint(nt_decoder_stats(decoder).started, ==, i);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("niteru-helpers-XXXXXX", NULL);
    photo = make_jpeg(90, 60);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/stand-in/", cases[i].what, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/stand-in/twice", test_twice);
    int status = g_test_run();
    for (size_t i = 0; i <= G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strconcat("stand-in-", i < G_N_ELEMENTS(cases) ? cases[i].what : "twice", NULL);
        g_autofree char *path = g_build_filename(folder, name, NULL);
        unlink(path);
    }
    rmdir(folder);
    g_byte_array_unref(photo);
    g_free(folder);
    return status;
}
