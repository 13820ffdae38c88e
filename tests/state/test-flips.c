/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bits of a catalogue's files are flipped, one at a time: each is refused by name, or found by check, or changes
 * no answer. Over a catalogue at rest, and over one whose writer was killed, with its log. NITERU_FLIPS (60) says how
 * many, NITERU_FLIP_SEED (printed) which. Then the advice of check is followed, which must lead to a sound catalogue.
 */
#include "../support/shop.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PHOTOS = 24 };

/* ---- the catalogues ---- */

static void draw_folder(const Shop *shop, const char *name, unsigned first, unsigned count) {
    for (unsigned i = first; i < first + count; i++) {
        g_autofree char *file = g_strdup_printf("%s/p%02u.png", name, i);
        draw_picture(shop, file, i);
    }
}

static void kill_self(const NiteruProgress *now, void *data) {
    if (now->done >= 2) {
        kill(getpid(), SIGKILL);
    }
}

/* Indexes three folders; the last run is killed in the middle when `killed`. In a process of its own. */
static void make_shop(Shop *shop, bool killed) {
    shop_open(shop);
    g_clear_pointer(&shop->catalogue, niteru_close);
    draw_folder(shop, "one", 0, PHOTOS / 2);
    draw_folder(shop, "two", PHOTOS / 2, PHOTOS / 2);
    draw_folder(shop, "three", PHOTOS, PHOTOS);
    pid_t child = fork();
    if (child == 0) {
        shop_again(shop);
        bool ok =
            index_shop(shop, "one", NULL, NULL) && index_shop(shop, "two", NULL, NULL) &&
            index_shop(shop, "three",
                       &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .progress = killed ? kill_self : NULL},
                       NULL);
        niteru_close(shop->catalogue);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    g_assert_true(killed ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static GPtrArray *files_found;

static int find_file(const char *path, const struct stat *st, int type, struct FTW *at) {
    if (type == FTW_F && st->st_size > 0) {
        g_ptr_array_add(files_found, g_strdup(path));
    }
    return 0;
}

static int by_path(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* All files of the catalogue that hold something, in order. */
static GPtrArray *list_files(const Shop *shop) {
    g_autofree char *folder = below(shop, "shop.niteru");
    files_found = g_ptr_array_new_with_free_func(g_free);
    nftw(folder, find_file, 16, FTW_PHYS);
    g_ptr_array_sort(files_found, by_path);
    return files_found;
}

/* ---- the answers ---- */

static bool add_product(const char *id, const char *json, void *data) {
    g_string_append_printf(data, "%s %s\n", id, json);
    return true;
}

static bool add_results(GString *out, NiteruResults *results) {
    for (size_t i = 0; results != NULL && i < niteru_results_count(results); i++) {
        const NiteruResult *result = niteru_results_get(results, i);
        g_string_append_printf(out, "%s %.6f %.3f %s\n", result->product, result->raw, result->score, result->photo);
    }
    bool ok = results != NULL;
    niteru_results_free(results);
    return ok;
}

static bool add_text(GString *out, char *text) {
    g_string_append_printf(out, "%s\n", text != NULL ? text : "");
    g_free(text);
    return text != NULL;
}

/* What the catalogue says to a number of questions, one by a photo among them, which takes the network, when `photo`;
 * NULL when one is refused. */
static char *ask(NiteruCatalogue *catalogue, const Shop *shop, bool photo, GError **error) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *path = below(shop, "three/p30.png");
    const NiteruSearchOptions options = {.size = sizeof(NiteruSearchOptions), .k = 8};
    bool ok = niteru_list(catalogue, NULL, add_product, out, NULL, error) &&
              add_text(out, niteru_info_json(catalogue, 0, NULL, error));
    for (unsigned i = 0; ok && i < PHOTOS; i += 3) {
        g_autofree char *id = g_strdup_printf("p%02u.png", i);
        ok = add_results(out, niteru_similar(catalogue, id, &options, NULL, error));
    }
    ok = ok && (!photo || add_results(out, niteru_search_photo(catalogue, path, &options, NULL, error)));
    return ok ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

typedef enum Fate { REFUSED, FOUND, HARMLESS, WRONG } Fate;

static NiteruCatalogue *open_reading(const Shop *shop, GError **error) {
    g_autofree char *path = below(shop, "shop.niteru");
    return niteru_open(path, &(NiteruOptions){.size = sizeof(NiteruOptions), .read_only = true, .threads = 1}, error);
}

/* *out_remedy (NULL is fine): the first thing that check says to do. */
static bool is_sound(NiteruCatalogue *catalogue, char **out_remedy) {
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;
    if (!niteru_check(catalogue, 0, NULL, &report, &error)) {
        g_assert_cmpint(error->domain, ==, NITERU_ERROR);
        return false;
    }
    g_autoptr(NtJson) json = nt_json_parse(report, strlen(report), "check", NULL, NULL);
    if (out_remedy != NULL) {
        *out_remedy = g_strdup(nt_json_text(nt_json_at(nt_json_get(json, "remedies"), 0), ""));
    }
    return nt_json_truth(nt_json_get(json, "sound"), false);
}

static Fate fate_of(const Shop *shop, bool photo, const char *expected) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruCatalogue) catalogue = open_reading(shop, &error);
    g_autofree char *answers = catalogue != NULL ? ask(catalogue, shop, photo, &error) : NULL;
    if (answers == NULL) {
        g_assert_true(error->domain == NITERU_ERROR && error->message[0] != '\0');
        return REFUSED;
    }
    return !is_sound(catalogue, NULL) ? FOUND : strcmp(answers, expected) == 0 ? HARMLESS : WRONG;
}

/* ---- flips ---- */

/* Flips bits of a byte of a file, in place. */
static void flip(const char *path, gint64 byte, guint8 bits) {
    FILE *file = g_fopen(path, "r+b");
    g_assert_true(file != NULL && fseeko(file, byte, SEEK_SET) == 0);
    int value = fgetc(file);
    g_assert_true(value != EOF && fseeko(file, byte, SEEK_SET) == 0 && fputc(value ^ bits, file) != EOF);
    g_assert_cmpint(fclose(file), ==, 0);
}

static gint64 size_of(const char *path) {
    GStatBuf st;
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    return st.st_size;
}

static guint32 number_from(const char *variable, guint32 fallback) {
    const char *text = g_getenv(variable);
    return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : fallback;
}

static void flip_all(bool killed) {
    static const char *const names[] = {"refused", "found", "harmless", "wrong"};
    Shop shop;
    guint32 seed = number_from("NITERU_FLIP_SEED", g_random_int()), flips = number_from("NITERU_FLIPS", 60) / 2;
    unsigned fates[4] = {0};
    g_autoptr(GError) error = NULL;
    make_shop(&shop, killed);
    g_autoptr(NiteruCatalogue) catalogue = open_reading(&shop, &error);
    g_assert_no_error(error);
    g_autofree char *expected = ask(catalogue, &shop, false, &error);
    g_autofree char *expected_photo = ask(catalogue, &shop, true, &error);
    g_assert_no_error(error);
    g_assert_true(is_sound(catalogue, NULL));
    g_clear_pointer(&catalogue, niteru_close);
    g_autoptr(GPtrArray) files = list_files(&shop);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_test_message("seed %u, %u flips over %u files", seed, flips, files->len);
    for (guint32 i = 0; i < flips; i++) {
        const char *path = g_ptr_array_index(files, (guint)g_rand_int_range(random, 0, (gint32)files->len));
        gint64 byte = (gint64)(g_rand_double(random) * (double)size_of(path));
        guint8 bit = (guint8)(1 << g_rand_int_range(random, 0, 8));
        flip(path, byte, bit);
        bool photo = strstr(path, "/models/") != NULL;
        Fate fate = fate_of(&shop, photo, photo ? expected_photo : expected);
        fates[fate]++;
        g_test_message("%s: byte %" G_GINT64_FORMAT ", bit 0x%02x: %s", path + strlen(shop.folder), byte, bit,
                       names[fate]);
        if (fate == WRONG) {
            g_test_fail();
        }
        flip(path, byte, bit);
    }
    g_test_message("%u refused, %u found by check, %u without an effect, %u wrong", fates[REFUSED], fates[FOUND],
                   fates[HARMLESS], fates[WRONG]);
    shop_drop(&shop);
}

static void test_at_rest(void) { flip_all(false); }
static void test_killed(void) { flip_all(true); }

/* ---- the advice ---- */

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return g_remove(path); }

static void drop_catalogue(const Shop *shop) {
    g_autofree char *folder = below(shop, "shop.niteru");
    g_assert_cmpint(nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
}

static void remove_vectors(const Shop *shop) { drop_file(shop, "shop.niteru/vectors/niteru-base.1.vec"); }
static void do_nothing(const Shop *shop) {}
static void remove_model(const Shop *shop) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = below(shop, "shop.niteru");
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(path, NULL, &error);
    g_assert_true(niteru_model_remove(catalogue, "niteru-base", 0, NULL, &error));
}

/* For some kinds of damage: check says what to do, and that done all is sound and answers as before. */
static void test_advice(void) {
    static const struct {
        const char *file;
        bool killed;
        gint64 byte; /* from the end when negative */
        const char *remedy;
        void (*follow)(const Shop *shop);
    } kinds[] = {
        {"vectors/niteru-base.1.vec", false, -5, "vectors", remove_vectors},
        {"vectors/niteru-base.1.vec", false, 17, "vectors", remove_vectors},
        {"models/niteru-base/model.onnx", false, 5000, "network", remove_model},
        {"catalogue.commits", false, 10, "record", do_nothing},
        {"catalogue.db-wal", true, 5000, "lost-commits", do_nothing},
        {"catalogue.db", false, 4096 * 5 + 4000, "database", drop_catalogue},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        Shop shop;
        g_autoptr(GError) error = NULL;
        make_shop(&shop, kinds[i].killed);
        g_autofree char *file = g_build_filename(shop.folder, "shop.niteru", kinds[i].file, NULL), *remedy = NULL;
        flip(file, kinds[i].byte < 0 ? size_of(file) + kinds[i].byte : kinds[i].byte, 0x10);
        NiteruCatalogue *catalogue = open_reading(&shop, &error);
        g_assert_no_error(error);
        g_assert_false(is_sound(catalogue, &remedy));
        niteru_close(catalogue);
        g_test_message("%s: %s", kinds[i].file, remedy);
        g_assert_cmpstr(remedy, ==, kinds[i].remedy);
        kinds[i].follow(&shop);
        shop_again(&shop);
        index_shop(&shop, "one", NULL, &error);
        index_shop(&shop, "two", NULL, &error);
        index_shop(&shop, "three", NULL, &error);
        g_assert_no_error(error);
        g_assert_true(is_sound(shop.catalogue, NULL));
        NiteruResults *found =
            niteru_similar(shop.catalogue, "p01.png",
                           &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 100}, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(niteru_results_count(found), ==, 2 * PHOTOS - 1);
        niteru_results_free(found);
        shop_drop(&shop);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/flips/at-rest", test_at_rest);
    g_test_add_func("/state/flips/killed", test_killed);
    g_test_add_func("/state/flips/advice", test_advice);
    return g_test_run();
}
