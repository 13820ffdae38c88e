/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks texts to search for, on a catalogue with a few products. What must hold: a text is refused exactly when it is
 * too long or not UTF-8; every other one runs, none of it being syntax, with scores of 0 to 100 that fall; words are
 * valid and hold nothing but letters, digits, marks and blanks.
 */
#include <string.h>

#include <glib/gstdio.h>

#include "catalogue/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *folder;
static NtCatalogue *catalogue;

static void clean_up(void) {
    nt_catalogue_close(catalogue);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    g_assert_cmpint(system(command), ==, 0);
    g_free(folder);
}

static void set_up(void) {
    static const char *const titles[] = {"red dress", "Redwood table", "花柄ワンピース", "赤いﾜﾝﾋﾟｰｽ", "Été Tシャツ"};
    static const char *const types[] = {"title=text", NULL};
    folder = g_dir_make_tmp("niteru-fuzz-XXXXXX", NULL);
    catalogue = nt_catalogue_open(folder, NULL, NULL);
    NtRun run;
    g_assert_true(nt_catalogue_begin(catalogue, NULL) &&
                  nt_catalogue_start_run(catalogue, "csv", "/list.csv", &run, NULL));
    g_autoptr(NtColumns) columns = nt_columns_new(catalogue, types, NULL);
    g_assert_true(columns != NULL && nt_columns_settle(columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++) {
        g_autofree char *id = g_strdup_printf("p%zu", i);
        nt_columns_begin_row(columns);
        g_assert_true(nt_columns_read(columns, "title", titles[i], NULL, NULL));
        NtProductPut product = {.id = id};
        product.values = nt_columns_values(columns, &product.value_count);
        g_assert_true(nt_catalogue_put_product(catalogue, &run, &product, NULL, NULL, NULL));
    }
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    atexit(clean_up);
}

static void check_words(const char *text) {
    g_autofree char *words = nt_words(text, NT_TEXT_BYTES);
    g_assert_true(g_utf8_validate(words, -1, NULL) && strstr(words, "  ") == NULL);
    for (const char *at = words; *at != '\0'; at++) {
        g_assert_true((unsigned char)*at >= 0x80 || g_ascii_isdigit(*at) || g_ascii_islower(*at) || *at == ' ');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (catalogue == NULL) {
        set_up();
    }
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(NtTextFound) found = {0};
    g_autoptr(GError) error = NULL;
    NtTextSearch search = {.text = text, .most = 3};
    bool fine = strlen(text) <= NT_TEXT_QUERY_BYTES && g_utf8_validate(text, -1, NULL);
    bool ok = nt_catalogue_find_text(catalogue, &search, &found, &error);
    if (ok != fine) {
        g_error("%s: %s", text, error != NULL ? error->message : "was taken");
    }
    double before = 100;
    for (guint i = 0; ok && i < found.hits->len; i++) {
        double score = g_array_index(found.hits, NtTextHit, i).score;
        g_assert_true(score > 0 && score <= before);
        before = score;
    }
    check_words(text);
    return 0;
}
