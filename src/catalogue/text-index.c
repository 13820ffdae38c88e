/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the index of words right: the table product_words (FTS5) holds the words of each product under its number,
 * those of its title apart. Whatever changes texts notes the product; before the commit those noted are taken in the
 * order of their numbers, which is the order the index is made for, and each once. What is written is the state the
 * transaction leaves, so that a product that was removed, and another that got its number since, need no thought.
 *
 * A web address is no text: nobody looks for "https".
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { MOST_NOTES = 65536 };

/* ---- the words of a product ------------------------------------------------------------------------------------- */

/* How to read the texts of a product: a statement's columns from `id` on. */
typedef struct Texts {
    char *columns; /* "p.id, p.m_3, p.m_1": the title, where there is one, comes first */
    bool title;
    GArray *types; /* NtFieldType, of those behind the id */
} Texts;

static void clear_texts(Texts *texts) {
    g_free(texts->columns);
    g_array_unref(texts->types);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Texts, clear_texts)

static void add_column(GString *columns, GArray *types, const StoredField *field) {
    g_string_append_printf(columns, ", p.m_%" G_GINT64_FORMAT, field->field);
    g_array_append_val(types, field->type);
}

static bool open_texts(Texts *texts, NtCatalogue *catalogue, GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    texts->types = g_array_new(false, false, sizeof(NtFieldType));
    if (fields == NULL) {
        return false;
    }
    GString *columns = g_string_new("p.id");
    const StoredField *title = nt_fields_find(fields, "title");
    texts->title = title != NULL && (title->type == NT_FIELD_TEXT || title->type == NT_FIELD_LIST);
    if (texts->title) {
        add_column(columns, texts->types, title);
    }
    for (guint i = 0; i < fields->len; i++) {
        const StoredField *field = &g_array_index(fields, StoredField, i);
        if (field != title && (field->type == NT_FIELD_TEXT || field->type == NT_FIELD_LIST)) {
            add_column(columns, texts->types, field);
        }
    }
    texts->columns = g_string_free(columns, FALSE);
    return true;
}

static bool is_address(const char *text) {
    return g_ascii_strncasecmp(text, "https://", 8) == 0 || g_ascii_strncasecmp(text, "http://", 7) == 0;
}

/* Appends the words of a text, of which *left bytes may still be read. */
static void append_text(GString *out, const char *text, size_t *left) {
    if (!is_address(text)) {
        nt_words_append(out, text, *left);
        *left -= MIN(*left, strlen(text));
    }
}

static void append_value(GString *out, NtFieldType type, sqlite3_stmt *stmt, int column, size_t *left) {
    if (type == NT_FIELD_TEXT) {
        const char *text = (const char *)sqlite3_column_text(stmt, column);
        append_text(out, text != NULL ? text : "", left);
        return;
    }
    g_autoptr(NtJson) list = nt_field_json(type, stmt, column);
    for (size_t i = 0; i < nt_json_count(list) && *left > 0; i++) {
        const NtJson *item = nt_json_at(list, i);
        g_autofree char *printed = nt_json_text(item, NULL) == NULL ? nt_json_print(item, false) : NULL;
        append_text(out, printed != NULL ? printed : nt_json_text(item, ""), left);
    }
}

/* The words of the product that a statement shows, its texts from `column` on. */
static void read_words(const Texts *texts, sqlite3_stmt *stmt, int column, GString *title, GString *body) {
    size_t title_left = NT_TEXT_BYTES, body_left = NT_TEXT_BYTES;
    const char *id = (const char *)sqlite3_column_text(stmt, column);
    g_string_truncate(title, 0);
    g_string_truncate(body, 0);
    append_text(body, id != NULL ? id : "", &body_left);
    for (guint i = 0; i < texts->types->len; i++) {
        bool first = i == 0 && texts->title;
        append_value(first ? title : body, g_array_index(texts->types, NtFieldType, i), stmt, column + 1 + (int)i,
                     first ? &title_left : &body_left);
    }
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* A product with what is to be done with it. */
typedef struct Writer {
    NtCatalogue *catalogue;
    const char *read_sql;
    const Texts *texts;
    GString *title, *body;
} Writer;

static bool insert(NtCatalogue *catalogue, int64_t product, const GString *title, const GString *body, GError **error) {
    return nt_sql_run(&catalogue->sql, error, "INSERT INTO product_words(rowid, title, body) VALUES(?1, ?2, ?3)", "itt",
                      product, title->str, body->str);
}

/* The words that are indexed for a product, against those that it has. */
static bool is_indexed(const Writer *writer, int64_t product, bool *out_there, bool *out_same, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &writer->catalogue->sql, error, "SELECT title, body FROM product_words WHERE rowid = ?1",
                       "i", product)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    *out_there = step == 1;
    *out_same = step == 1 && g_strcmp0(nt_column_text(&query, 0), writer->title->str) == 0 &&
                g_strcmp0(nt_column_text(&query, 1), writer->body->str) == 0;
    return step >= 0;
}

static bool write_product(const Writer *writer, int64_t product, GError **error) {
    NtCatalogue *catalogue = writer->catalogue;
    bool there = false, same = false;
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, writer->read_sql, "i", product)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        return step == 0 &&
               nt_sql_run(&catalogue->sql, error, "DELETE FROM product_words WHERE rowid = ?1", "i", product);
    }
    read_words(writer->texts, query.stmt, 0, writer->title, writer->body);
    if (!is_indexed(writer, product, &there, &same, error) || same) {
        return same;
    }
    return there ? nt_sql_run(&catalogue->sql, error, "UPDATE product_words SET title = ?2, body = ?3 WHERE rowid = ?1",
                              "itt", product, writer->title->str, writer->body->str)
                 : insert(catalogue, product, writer->title, writer->body, error);
}

bool nt_words_write(NtCatalogue *catalogue, GError **error) {
    if (catalogue->texts->len == 0) {
        return true;
    }
    g_auto(Texts) texts = {0};
    if (!open_texts(&texts, catalogue, error)) {
        return false;
    }
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM product p WHERE p.product = ?1", texts.columns);
    g_autoptr(GString) title = g_string_new(NULL), body = g_string_new(NULL);
    Writer writer = {catalogue, sql, &texts, title, body};
    nt_numbers_sort(catalogue->texts, 0);
    for (guint i = 0; i < catalogue->texts->len; i++) {
        if (!write_product(&writer, g_array_index(catalogue->texts, int64_t, i), error)) {
            return false;
        }
    }
    nt_words_forget(catalogue);
    return true;
}

void nt_words_forget(NtCatalogue *catalogue) {
    if (catalogue->texts != NULL) {
        g_array_set_size(catalogue->texts, 0);
    }
}

bool nt_words_note(NtCatalogue *catalogue, int64_t product, GError **error) {
    GArray *texts = catalogue->texts;
    if (texts->len > 0 && g_array_index(texts, int64_t, texts->len - 1) == product) {
        return true;
    }
    g_array_append_val(texts, product);
    return texts->len < MOST_NOTES || nt_words_write(catalogue, error);
}

bool nt_words_build(NtCatalogue *catalogue, GError **error) {
    g_auto(Texts) texts = {0};
    if (!open_texts(&texts, catalogue, error)) {
        return false;
    }
    g_autofree char *sql = g_strdup_printf("SELECT p.product, %s FROM product p ORDER BY p.product", texts.columns);
    g_autoptr(GString) title = g_string_new(NULL), body = g_string_new(NULL);
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, &catalogue->sql, error, sql, "") ? 1 : -1;
    while (step == 1 && (step = nt_query_step(&query, error)) == 1) {
        read_words(&texts, query.stmt, 1, title, body);
        step = insert(catalogue, nt_column_int(&query, 0), title, body, error) ? 1 : -1;
    }
    return step == 0;
}

/* ---- checking --------------------------------------------------------------------------------------------------- */

/* The sum, which does not depend on the order, of the digests of all tokens with their places. */
static uint64_t token_digest(const char *token, size_t size, int64_t product, uint64_t column, uint64_t position) {
    uint64_t place[] = {(uint64_t)product, column, position};
    return nt_xxh3(token, size, nt_xxh3(place, sizeof place, 0));
}

/* The digest of the tokens of which the index is to be. */
static bool digest_words(NtCatalogue *catalogue, uint64_t *out, GError **error) {
    g_auto(NtQuery) query = {0};
    int step =
        nt_query_open(&query, &catalogue->sql, error, "SELECT rowid, title, body FROM product_words", "") ? 1 : -1;
    while (step == 1 && (step = nt_query_step(&query, error)) == 1) {
        for (int column = 0; column < 2; column++) {
            const char *at = nt_column_text(&query, column + 1);
            for (uint64_t position = 0; at != NULL && *at != '\0'; position++) {
                size_t size = strcspn(at, " ");
                *out += token_digest(at, size, nt_column_int(&query, 0), (uint64_t)column, position);
                at += size + (at[size] == ' ');
            }
        }
    }
    return step == 0;
}

/* The digest of those that it is of. The table that shows them stands beside the database, where a connection for
 * reading may make one too. */
static bool digest_index(NtCatalogue *catalogue, uint64_t *out, GError **error) {
    int rc = sqlite3_exec(catalogue->sql.db,
                          "PRAGMA query_only=OFF; CREATE VIRTUAL TABLE IF NOT EXISTS temp.indexed_words USING"
                          " fts5vocab(main, product_words, instance)",
                          NULL, NULL, NULL);
    if (catalogue->read_only) {
        sqlite3_exec(catalogue->sql.db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    }
    g_auto(NtQuery) query = {0};
    int step = (rc == SQLITE_OK || nt_sql_fail_rc(&catalogue->sql, rc, error)) &&
                       nt_query_open(&query, &catalogue->sql, error,
                                     "SELECT term, doc, col = 'body', offset FROM temp.indexed_words", "")
                   ? 1
                   : -1;
    while (step == 1 && (step = nt_query_step(&query, error)) == 1) {
        const char *term = nt_column_text(&query, 0);
        *out += token_digest(term != NULL ? term : "", term != NULL ? strlen(term) : 0, nt_column_int(&query, 1),
                             (uint64_t)nt_column_int(&query, 2), (uint64_t)nt_column_int(&query, 3));
    }
    return step == 0;
}

/* FTS5 keeps what it has read of its index's layout, and looks whether that has changed since when a cursor is opened,
 * but not when SQLite 3.44 and later have it check itself: an index that another connection wrote to would be called
 * malformed. */
bool nt_words_renew(NtCatalogue *catalogue, GError **error) {
    int64_t row;
    return !nt_has_words(catalogue) ||
           nt_sql_int(&catalogue->sql, 0, &row, error, "SELECT rowid FROM product_words LIMIT 1", "");
}

bool nt_words_check(NtCatalogue *catalogue, void (*problem)(const char *text, void *data), void *data, GError **error) {
    int64_t astray = 0;
    uint64_t words = 0, indexed = 0;
    g_autoptr(GError) fault = NULL;
    if (!nt_has_words(catalogue)) {
        return true;
    }
    if (!nt_words_write(catalogue, &fault) || /* what an open transaction has noted */
        !nt_sql_int(&catalogue->sql, 0, &astray, &fault,
                    "SELECT (SELECT count(*) FROM product WHERE product NOT IN (SELECT rowid FROM product_words)) +"
                    " (SELECT count(*) FROM product_words WHERE rowid NOT IN (SELECT product FROM product))",
                    "") ||
        !digest_words(catalogue, &words, &fault) || !digest_index(catalogue, &indexed, &fault)) {
        if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CORRUPT)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        problem(fault->message, data);
        return true;
    }
    if (astray > 0) {
        g_autofree char *text = g_strdup_printf(
            "the index of words: %" G_GINT64_FORMAT " products are not in it, or no longer there and in it", astray);
        problem(text, data);
    }
    if (words != indexed) {
        problem("the index of words is not that of the products' words", data);
    }
    return true;
}
