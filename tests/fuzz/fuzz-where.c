/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks conditions: the text of --where, on a catalogue with a field of every type. What must hold: an error exactly
 * when there is no condition, with a message fit for printing; whatever is accepted runs in SQLite, and it and its NOT
 * never both match a product. The same text is also read as a number, a price and a date.
 */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "catalogue/catalogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PRODUCTS = 6 };

static char *folder;
static NtCatalogue *catalogue;

static void clean_up(void) {
    nt_catalogue_close(catalogue);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    g_assert_cmpint(system(command), ==, 0);
    g_free(folder);
}

static void put(const NtRun *run, NtColumns *columns, int number) {
    static const char *const fields[] = {"price", "stock", "sale", "category", "created", "tags"};
    static const char *const values[PRODUCTS][G_N_ELEMENTS(fields)] = {
        {"10.5", "1", "true", "Dress", "2026-01-01", "red|silk"},
        {"20", "2", "false", "Shoe", "2026-02-01", "blue"},
        {"30.25", "3", "", "Dress", "", ""},
        {"", "", "true", "", "2026-03-01T10:00:00Z", "red"},
        {"0", "0", "false", "'; --", "", "a|b|c"},
        {"", "", "", "", "", ""}};
    nt_columns_begin_row(columns);
    for (size_t f = 0; f < G_N_ELEMENTS(fields); f++) {
        g_assert_true(nt_columns_read(columns, fields[f], values[number][f], NULL, NULL));
    }
    g_autofree char *id = g_strdup_printf("p%d", number);
    NtPhotoPut photo = {.location = "/p.jpg"};
    NtPhotoState state;
    NtProductPut product = {.id = id, .line = (uint64_t)number + 2, .photos = &photo, .photo_count = 1};
    product.values = nt_columns_values(columns, &product.value_count);
    g_assert_true(nt_catalogue_put_product(catalogue, run, &product, &state, NULL, NULL));
}

static void set_up(void) {
    static const char *const types[] = {"price=number", "stock=integer", "sale=bool", "category=text",
                                        "created=date", "tags=list",     NULL};
    folder = g_dir_make_tmp("niteru-fuzz-XXXXXX", NULL);
    catalogue = nt_catalogue_open(folder, NULL, NULL);
    NtRun run;
    g_assert_true(nt_catalogue_begin(catalogue, NULL) &&
                  nt_catalogue_start_run(catalogue, "csv", "/list.csv", &run, NULL));
    g_autoptr(NtColumns) columns = nt_columns_new(catalogue, types, NULL);
    g_assert_true(columns != NULL && nt_columns_settle(columns, NULL));
    for (int i = 0; i < PRODUCTS; i++) {
        put(&run, columns, i);
    }
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    atexit(clean_up);
}

static bool mark(int64_t product, const char *id, void *data) {
    *(unsigned *)data |= 1U << (id[1] - '0');
    return true;
}

/* The products that match, a bit for each; *out_fine: the condition was one. */
static unsigned matches(const char *text, bool *out_fine) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtWhere) where = nt_where_parse(catalogue, text, &error);
    g_assert_true((where == NULL) == (error != NULL));
    g_assert_true(error == NULL || g_utf8_validate(error->message, -1, NULL));
    unsigned found = 0;
    if (where != NULL && !nt_catalogue_list(catalogue, where, NT_FLAG_NONE, NULL, 0, mark, &found, &error)) {
        g_error("%s: %s", text, error->message);
    }
    *out_fine = where != NULL;
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (catalogue == NULL) {
        set_up();
    }
    g_autofree char *text = g_strndup((const char *)data, size);
    bool fine, negated_fine;
    unsigned found = matches(text, &fine);
    if (fine) {
        g_autofree char *negation = g_strdup_printf("not (%s)", text);
        unsigned others = matches(negation, &negated_fine);
        g_assert_true(!negated_fine || (found & others) == 0);
    }
    double number = 0;
    const char *currency = NULL;
    g_autofree char *date = NULL;
    g_assert_true(!nt_number_read(text, 0, &number, &currency) || isfinite(number));
    nt_number_mark(text);
    g_assert_true(!nt_date_read(text, &date) || strlen(date) == 10 || strlen(date) == 20);
    return 0;
}
