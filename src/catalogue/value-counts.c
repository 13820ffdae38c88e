/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting the values of fields, all of them in one pass over the products in question. SQLite would sort the products
 * once for each field; a table of values is small beside that, and bounded.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { FEW = 4 /* a product that is looked up costs as much as so many in a row */, UNWATCHED = 1024 };

typedef struct Value {
    uint64_t products;
    int64_t last; /* the product that was counted last: an item may stand in a list twice */
    int64_t integer;
    double number;
    char *text; /* NULL: one of the above */
} Value;

typedef struct Facet {
    int64_t field;
    char *name;
    NtFieldType type;
    GHashTable *values; /* Value, by what it holds; NULL: too many numbers or dates to be listed */
    bool some;          /* least and most are there */
    NtValue least, most;
    char *least_text, *most_text;
    uint64_t missing;
} Facet;

typedef struct Counting {
    NtCatalogue *catalogue;
    GArray *facets; /* Facet */
    size_t listed;
    size_t distinct, bytes;
    uint64_t products;
} Counting;

static void free_value(void *at) {
    g_free(((Value *)at)->text);
    g_free(at);
}

static void clear_facet(void *at) {
    Facet *facet = at;
    g_free(facet->name);
    g_clear_pointer(&facet->values, g_hash_table_unref);
    g_free(facet->least_text);
    g_free(facet->most_text);
}

static bool has_range(NtFieldType type) {
    return type == NT_FIELD_INTEGER || type == NT_FIELD_NUMBER || type == NT_FIELD_DATE;
}

static bool add_facet(Counting *counting, const char *name, GError **error) {
    Facet facet = {0};
    if (counting->facets->len == NT_FACETS_FIELDS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "the values of %d fields at most are counted at a time",
                       NT_FACETS_FIELDS);
    }
    if (!nt_catalogue_find_field(counting->catalogue, name, &facet.field, &facet.type, error)) {
        return false;
    }
    bool number = facet.type == NT_FIELD_NUMBER, text = facet.type >= NT_FIELD_DATE;
    facet.name = g_strdup(name);
    facet.values = g_hash_table_new_full(number ? g_double_hash
                                         : text ? g_str_hash
                                                : g_int64_hash,
                                         number ? g_double_equal
                                         : text ? g_str_equal
                                                : g_int64_equal,
                                         NULL, free_value);
    g_array_append_val(counting->facets, facet);
    return true;
}

/* ---- counting --------------------------------------------------------------------------------------------------- */

static int compare_values(const NtValue *a, const NtValue *b) {
    switch (a->type) {
    case NT_FIELD_NUMBER: return (a->number > b->number) - (a->number < b->number);
    case NT_FIELD_DATE:
    case NT_FIELD_TEXT: return strcmp(a->text, b->text);
    default: return (a->integer > b->integer) - (a->integer < b->integer);
    }
}

/* Makes *bound the value, with a text of its own, where it lies beyond it. */
static void widen(const NtValue *value, int direction, bool some, NtValue *bound, char **text) {
    if (!some || compare_values(value, bound) * direction > 0) {
        g_free(*text);
        *text = g_strdup(value->text);
        *bound = *value;
        bound->text = *text;
    }
}

static const void *key_of(const NtValue *value) {
    return value->text != NULL              ? (const void *)value->text
           : value->type == NT_FIELD_NUMBER ? (const void *)&value->number
                                            : (const void *)&value->integer;
}

static bool add_value(Counting *counting, Facet *facet, const NtValue *value, Value **out, GError **error) {
    if (has_range(facet->type) && g_hash_table_size(facet->values) == counting->listed) {
        g_clear_pointer(&facet->values, g_hash_table_unref);
        *out = NULL;
        return true;
    }
    counting->distinct++;
    counting->bytes += value->text != NULL ? strlen(value->text) : 0;
    if (counting->distinct > NT_FACETS_DISTINCT || counting->bytes > NT_FACETS_BYTES) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: too many different values to be counted (%d, or %d MiB)",
                       facet->name, NT_FACETS_DISTINCT, NT_FACETS_BYTES >> 20);
    }
    Value *added = g_new(Value, 1);
    *added = (Value){.integer = value->integer, .number = value->number, .text = g_strdup(value->text)};
    void *key = added->text != NULL              ? (void *)added->text
                : value->type == NT_FIELD_NUMBER ? (void *)&added->number
                                                 : (void *)&added->integer;
    g_hash_table_insert(facet->values, key, added);
    *out = added;
    return true;
}

static bool count_value(Counting *counting, Facet *facet, int64_t product, const NtValue *value, GError **error) {
    if (has_range(facet->type)) {
        widen(value, -1, facet->some, &facet->least, &facet->least_text);
        widen(value, 1, facet->some, &facet->most, &facet->most_text);
        facet->some = true;
    }
    if (facet->values == NULL) {
        return true;
    }
    Value *there = g_hash_table_lookup(facet->values, key_of(value));
    if (there == NULL && !add_value(counting, facet, value, &there, error)) {
        return false;
    }
    if (there != NULL && there->last != product) {
        there->last = product;
        there->products++;
    }
    return true;
}

static bool count_items(Counting *counting, Facet *facet, int64_t product, const NtJson *list, GError **error) {
    for (size_t i = 0; i < nt_json_count(list); i++) {
        NtValue item = {.type = NT_FIELD_TEXT, .text = nt_json_text(nt_json_at(list, i), NULL)};
        if (item.text != NULL && !count_value(counting, facet, product, &item, error)) {
            return false;
        }
    }
    return true;
}

static bool count_column(Counting *counting, Facet *facet, int64_t product, sqlite3_stmt *stmt, int column,
                         GError **error) {
    if (facet->type == NT_FIELD_LIST) {
        g_autoptr(NtJson) list = nt_field_json(NT_FIELD_LIST, stmt, column);
        facet->missing += nt_json_count(list) == 0;
        return count_items(counting, facet, product, list, error);
    }
    NtValue value = {.type = facet->type};
    if (facet->type >= NT_FIELD_DATE) {
        value.text = (const char *)sqlite3_column_text(stmt, column);
    } else if (facet->type == NT_FIELD_NUMBER) {
        value.number = sqlite3_column_double(stmt, column);
    } else {
        value.integer = sqlite3_column_int64(stmt, column);
    }
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL || (facet->type >= NT_FIELD_DATE && value.text == NULL)) {
        facet->missing++;
        return true;
    }
    return count_value(counting, facet, product, &value, error);
}

/* ---- which products --------------------------------------------------------------------------------------------- */

/* "SELECT p.product, p.m_3, p.m_1 FROM product p" */
static char *select_sql(const Counting *counting) {
    GString *sql = g_string_new("SELECT p.product");
    for (guint i = 0; i < counting->facets->len; i++) {
        g_string_append_printf(sql, ", p.m_%" G_GINT64_FORMAT, g_array_index(counting->facets, Facet, i).field);
    }
    g_string_append(sql, " FROM product p");
    return g_string_free(sql, FALSE);
}

static bool count_row(Counting *counting, const NtQuery *query, GError **error) {
    int64_t product = nt_column_int(query, 0);
    counting->products++;
    for (guint i = 0; i < counting->facets->len; i++) {
        Facet *facet = &g_array_index(counting->facets, Facet, i);
        if (!count_column(counting, facet, product, query->stmt, (int)i + 1, error)) {
            return false;
        }
    }
    return true;
}

static bool count_all(Counting *counting, const char *select, const NtCells *among, GError **error) {
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, &counting->catalogue->sql, error, select, "") ? 1 : -1;
    while (step == 1 && (step = nt_query_step(&query, error)) == 1) {
        if ((among == NULL || nt_cells_bit(among, (uint64_t)nt_column_int(&query, 0))) &&
            !count_row(counting, &query, error)) {
            return false;
        }
    }
    return step == 0;
}

/* Looks up each of them. */
static bool count_some(Counting *counting, const char *select, const NtCells *among, GError **error) {
    NtCatalogue *catalogue = counting->catalogue;
    g_autofree char *sql = g_strconcat(select, " WHERE p.product = ?1", NULL);
    unsigned looked_up = 0;
    for (uint64_t at = 0; at < nt_cells_length(among); at++) {
        for (uint64_t bits = nt_cells_get(among, at); bits != 0; bits &= bits - 1) {
            uint64_t product = 64 * at + (uint64_t)__builtin_ctzll(bits);
            g_auto(NtQuery) query = {0};
            if ((catalogue->sql.wait != NULL && ++looked_up % UNWATCHED == 0 &&
                 !nt_wait_check(catalogue->sql.wait, error)) ||
                !nt_query_open(&query, &catalogue->sql, error, sql, "i", (int64_t)product)) {
                return false;
            }
            int step = nt_query_step(&query, error);
            if (step < 0 || (step == 1 && !count_row(counting, &query, error))) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the answer ------------------------------------------------------------------------------------------------- */

static NtValue value_of(const Facet *facet, const Value *value) {
    return (NtValue){.type = facet->type == NT_FIELD_LIST ? NT_FIELD_TEXT : facet->type,
                     .integer = value->integer,
                     .number = value->number,
                     .text = value->text};
}

/* The most frequent first. */
static int by_products(const void *a, const void *b, void *data) {
    const Value *x = *(Value *const *)a, *y = *(Value *const *)b;
    NtValue left = value_of(data, x), right = value_of(data, y);
    return x->products != y->products ? (x->products < y->products ? 1 : -1) : compare_values(&left, &right);
}

static NtJson *value_json(const NtValue *value) {
    switch (value->type) {
    case NT_FIELD_BOOL: return nt_json_bool(value->integer != 0);
    case NT_FIELD_INTEGER: return nt_json_integer(value->integer);
    case NT_FIELD_NUMBER: return nt_json_real(value->number);
    default: return nt_json_string(value->text);
    }
}

static NtJson *facet_json(Facet *facet, size_t listed) {
    NtJson *out = nt_json_set(nt_json_object(), "type", nt_json_string(nt_field_type_name(facet->type)));
    if (facet->some) {
        nt_json_set(out, "least", value_json(&facet->least));
        nt_json_set(out, "most", value_json(&facet->most));
    }
    if (facet->values != NULL) {
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        NtJson *values = nt_json_array();
        GHashTableIter at;
        void *found;
        g_hash_table_iter_init(&at, facet->values);
        while (g_hash_table_iter_next(&at, NULL, &found)) {
            g_ptr_array_add(all, found);
        }
        g_ptr_array_sort_with_data(all, by_products, facet);
        for (guint i = 0; i < all->len && i < listed; i++) {
            const Value *value = all->pdata[i];
            NtValue shown = value_of(facet, value);
            NtJson *item = nt_json_set(nt_json_object(), "value", value_json(&shown));
            nt_json_append(values, nt_json_set(item, "products", nt_json_integer((int64_t)value->products)));
        }
        nt_json_set(out, "values", values);
        nt_json_set(out, "others", nt_json_integer((int64_t)(all->len - MIN(all->len, listed))));
    }
    return nt_json_set(out, "missing", nt_json_integer((int64_t)facet->missing));
}

NtJson *nt_catalogue_value_counts(NtCatalogue *catalogue, const char *const *fields, size_t listed,
                                  const NtCells *among, uint64_t count, uint64_t *out_products, GError **error) {
    g_autoptr(GArray) facets = g_array_new(FALSE, FALSE, sizeof(Facet));
    g_array_set_clear_func(facets, clear_facet);
    Counting counting = {.catalogue = catalogue, .facets = facets, .listed = listed};
    int64_t most = 0;
    for (size_t i = 0; fields[i] != NULL; i++) {
        if (!add_facet(&counting, fields[i], error)) {
            return NULL;
        }
    }
    if (!nt_sql_int(&catalogue->sql, 0, &most, error, "SELECT max(product) FROM product", "")) {
        return NULL;
    }
    g_autofree char *select = select_sql(&counting);
    bool some = among != NULL && count < (uint64_t)most / FEW;
    if (!(some ? count_some : count_all)(&counting, select, among, error)) {
        return NULL;
    }
    *out_products = counting.products;
    NtJson *out = nt_json_object();
    for (guint i = 0; i < facets->len; i++) {
        Facet *facet = &g_array_index(facets, Facet, i);
        nt_json_set(out, facet->name, facet_json(facet, listed));
    }
    return out;
}
