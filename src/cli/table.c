/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_COLUMNS = 12, MAX_WIDTH = 48 };

struct CliTable {
    size_t columns;
    const char *headings[MAX_COLUMNS];
    size_t width[MAX_COLUMNS];
    GPtrArray *cells; /* rows one after the other, owned text */
};

static void add_cell(CliTable *table, size_t column, const char *text) {
    char *safe = nt_text_printable(text, MAX_WIDTH);
    table->width[column] = MAX(table->width[column], nt_text_columns(safe));
    g_ptr_array_add(table->cells, safe);
}

CliTable *cli_table_new(const char *const *headings) {
    CliTable *table = g_new0(CliTable, 1);
    table->cells = g_ptr_array_new_with_free_func(g_free);
    for (; headings[table->columns] != NULL; table->columns++) {
        g_assert(table->columns < MAX_COLUMNS);
        table->headings[table->columns] = headings[table->columns];
        const char *text = headings[table->columns] + (headings[table->columns][0] == '>');
        table->width[table->columns] = nt_text_columns(text);
    }
    return table;
}

void cli_table_add(CliTable *table, ...) {
    va_list args;
    va_start(args, table);
    for (size_t i = 0; i < table->columns; i++) {
        const char *text = va_arg(args, const char *);
        g_assert(text != NULL);
        add_cell(table, i, text);
    }
    va_end(args);
}

static void print_cell(const CliTable *table, size_t column, const char *text) {
    int pad = (int)(table->width[column] - nt_text_columns(text));
    bool right = table->headings[column][0] == '>', last = column + 1 == table->columns;
    if (right) {
        printf("%*s%s", pad, "", text);
    } else {
        printf("%s%*s", text, last ? 0 : pad, "");
    }
    fputs(last ? "\n" : "  ", stdout);
}

void cli_table_print(CliTable *table) {
    for (size_t i = 0; i < table->columns; i++) {
        print_cell(table, i, table->headings[i] + (table->headings[i][0] == '>'));
    }
    for (guint i = 0; i < table->cells->len; i++) {
        print_cell(table, i % table->columns, g_ptr_array_index(table->cells, i));
    }
    cli_table_free(table);
}

void cli_table_free(CliTable *table) {
    g_ptr_array_unref(table->cells);
    g_free(table);
}

char *cli_count(uint64_t number) {
    g_autofree char *digits = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    GString *out = g_string_new(NULL);
    for (size_t i = 0, n = strlen(digits); i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            g_string_append_c(out, ',');
        }
        g_string_append_c(out, digits[i]);
    }
    return g_string_free(out, FALSE);
}

char *cli_count_of(uint64_t number, const char *one, const char *many) {
    g_autofree char *digits = cli_count(number);
    return g_strconcat(digits, " ", number == 1 ? one : many, NULL);
}
