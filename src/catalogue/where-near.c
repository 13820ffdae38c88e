/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a condition matches nothing. Each comparison that has to hold (one under `not` need not) is tried by itself; for
 * one that no product passes, the values that its field has are looked at: texts that are the same but for case, width
 * and blanks, or a letter or two away; the range of numbers and dates. The work is bounded: comparisons, rows read and
 * values compared each have a limit, and all this happens only when there is no answer anyway.
 */
#include "catalogue/where-internal.h"

#include <limits.h>
#include <string.h>

enum {
    MOST_COMPARISONS = 8,
    MOST_ROWS = 200000, /* of a field that are looked at for values */
    MOST_VALUES = 5000, /* distinct ones */
    MOST_NEAR = 3,      /* that are named */
    LONGEST_SHOWN = 60, /* characters */
};

/* A value of the field, and how far it is from the one asked for. */
typedef struct Near {
    char *text;
    unsigned distance;
    int64_t products;
} Near;

static void clear_near(void *at) { g_free(((Near *)at)->text); }

static int nearest_first(const void *a, const void *b) {
    const Near *x = a, *y = b;
    if (x->distance != y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return x->products != y->products ? (x->products > y->products ? -1 : 1) : strcmp(x->text, y->text);
}

/* Without blanks at the ends, of one width and one case. */
static char *plain(const char *text) {
    g_autofree char *folded = nt_where_folded(text);
    return g_strdup(g_strstrip(folded));
}

/* How far two texts may be apart to be called near: a letter for every three, at most two. */
static unsigned reach(const char *text) { return (unsigned)MIN(g_utf8_strlen(text, -1) / 3, 2); }

/* A field as it stands in SQL. */
typedef struct Column {
    char name[32];
    NtFieldType type;
} Column;

static Column column_of(const GArray *fields, const char *field) {
    const StoredField *stored = nt_fields_find(fields, field);
    Column column = {.name = "p.id", .type = NT_FIELD_TEXT};
    if (stored != NULL) {
        column.type = stored->type;
        g_snprintf(column.name, sizeof column.name, "p.m_%" G_GINT64_FORMAT, stored->field);
    }
    return column;
}

/* The values of a column with their numbers of products, one row each. */
static char *values_sql(const Column *column) {
    if (column->type == NT_FIELD_LIST) {
        return g_strdup_printf(
            "SELECT e.value, count(*) FROM (SELECT %s AS v FROM product p WHERE %s IS NOT NULL LIMIT "
            "%d) l, json_each(l.v) e GROUP BY e.value LIMIT %d",
            column->name, column->name, MOST_ROWS, MOST_VALUES);
    }
    return g_strdup_printf(
        "SELECT v, count(*) FROM (SELECT %s AS v FROM product p WHERE %s IS NOT NULL LIMIT %d) GROUP "
        "BY v LIMIT %d",
        column->name, column->name, MOST_ROWS, MOST_VALUES);
}

/* Adds to `out` what the column has near `wanted`, nearest first. */
static bool add_near(NtCatalogue *catalogue, const Column *column, const char *wanted, NtJson *out, GError **error) {
    g_autofree char *sql = values_sql(column), *asked = plain(wanted);
    unsigned far = reach(asked);
    g_autoptr(GArray) found = g_array_new(false, false, sizeof(Near));
    g_array_set_clear_func(found, clear_near);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const char *text = nt_column_text(&query, 0);
        g_autofree char *value = text != NULL ? plain(text) : NULL;
        unsigned distance = value != NULL ? nt_text_distance(asked, value) : UINT_MAX;
        if (distance <= far && strcmp(text, wanted) != 0) {
            Near near = {g_strdup(text), distance, nt_column_int(&query, 1)};
            g_array_append_val(found, near);
        }
    }
    g_array_sort(found, nearest_first);
    for (guint i = 0; i < found->len && nt_json_count(out) < MOST_NEAR; i++) {
        const Near *near = &g_array_index(found, Near, i);
        NtJson *item = nt_json_set(nt_json_object(), "value", nt_json_string(near->text));
        nt_json_append(out, nt_json_set(item, "products", nt_json_integer(near->products)));
    }
    return step == 0;
}

/* Sets "least" and "most", where the field has any value. */
static bool set_range(NtCatalogue *catalogue, const Column *column, NtJson *item, GError **error) {
    g_autofree char *sql = g_strdup_printf("SELECT min(%s), max(%s) FROM product p", column->name, column->name);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    NtJson *least = nt_field_json(column->type, query.stmt, 0), *most = nt_field_json(column->type, query.stmt, 1);
    if (least != NULL && most != NULL) {
        nt_json_set(nt_json_set(item, "least", least), "most", most);
    } else {
        nt_json_free(least);
        nt_json_free(most);
    }
    return true;
}

/* "category = 'dress'", "price in (1, 2)", cut where it is long. */
static char *comparison_text(const Node *node) {
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">=", "~"};
    g_autoptr(GString) text = g_string_new(node->field);
    g_string_append_printf(text, " %s ", node->kind == NODE_IN ? "in" : signs[node->op]);
    for (guint i = 0; i < node->values->len; i++) {
        const Literal *literal = &g_array_index(node->values, Literal, i);
        const char *quote = literal->kind == LITERAL_TEXT ? "'" : "";
        const char *value = literal->kind == LITERAL_BOOL ? (literal->integer != 0 ? "true" : "false") : literal->text;
        g_string_append_printf(text, "%s%s%s%s%s",
                               i > 0                   ? ", "
                               : node->kind == NODE_IN ? "("
                                                       : "",
                               quote, value, quote, node->kind == NODE_IN && i + 1 == node->values->len ? ")" : "");
    }
    return nt_text_printable(text->str, LONGEST_SHOWN);
}

/* What is near a comparison that no product passes. */
static NtJson *explain(NtCatalogue *catalogue, const GArray *fields, const Node *node, GError **error) {
    Column column = column_of(fields, node->field);
    g_autofree char *text = comparison_text(node);
    g_autoptr(NtJson) item = nt_json_set(nt_json_object(), "condition", nt_json_string(text));
    nt_json_set(item, "field", nt_json_string(node->field));
    bool ordering = node->kind == NODE_COMPARE && node->op >= OP_LESS && node->op <= OP_GREATER_EQUAL;
    bool texts = column.type == NT_FIELD_TEXT || column.type == NT_FIELD_LIST;
    if (ordering || (!texts && column.type != NT_FIELD_BOOL)) {
        return set_range(catalogue, &column, item, error) ? g_steal_pointer(&item) : NULL;
    }
    NtJson *near = nt_json_array();
    nt_json_set(item, "near", near);
    bool equality = texts && (node->kind == NODE_IN || node->op == OP_EQUAL || node->op == OP_CONTAINS);
    for (guint i = 0; equality && i < node->values->len && nt_json_count(near) < MOST_NEAR; i++) {
        if (!add_near(catalogue, &column, g_array_index(node->values, Literal, i).text, near, error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&item);
}

static bool matches(NtCatalogue *catalogue, const NtWhere *where, bool *out, GError **error) {
    g_autofree char *sql = g_strdup_printf("SELECT 1 FROM product p WHERE 1%s LIMIT 1", nt_where_sql(where));
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
        return false;
    }
    nt_where_bind(where, query.stmt);
    int step = nt_query_step(&query, error);
    *out = step == 1;
    return step >= 0;
}

/* The comparisons below a node that have to hold, or one of which has to. */
static void collect(const Node *node, GPtrArray *out) {
    if (node->kind == NODE_COMPARE || node->kind == NODE_IN) {
        g_ptr_array_add(out, (void *)node);
    }
    for (guint i = 0; (node->kind == NODE_AND || node->kind == NODE_OR) && i < node->children->len; i++) {
        collect(g_ptr_array_index(node->children, i), out);
    }
}

NtJson *nt_where_near(NtCatalogue *catalogue, const char *text, GError **error) {
    g_autoptr(Node) node = nt_where_read(text, error);
    const GArray *fields = node != NULL ? nt_fields(catalogue, error) : NULL;
    if (fields == NULL) {
        return NULL;
    }
    g_autoptr(GPtrArray) comparisons = g_ptr_array_new();
    g_autoptr(NtJson) out = nt_json_array();
    collect(node, comparisons);
    for (guint i = 0; i < comparisons->len && i < MOST_COMPARISONS; i++) {
        const Node *comparison = g_ptr_array_index(comparisons, i);
        g_autoptr(NtWhere) alone = nt_where_compile(fields, comparison, error);
        bool any = false;
        if (alone == NULL || !matches(catalogue, alone, &any, error)) {
            return NULL;
        }
        NtJson *item = any ? NULL : explain(catalogue, fields, comparison, error);
        if (!any && item == NULL) {
            return NULL;
        }
        if (item != NULL) {
            nt_json_append(out, item);
        }
    }
    return g_steal_pointer(&out);
}
