/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions, from the tree to SQL over the product table (alias p). The only text that goes into the SQL is ours:
 * fields become column names made of their numbers, values become parameters. SQL's own three-valued logic is the one
 * where.h promises; the one place where SQL would fall out of it (a search in a missing list gives false, not NULL) is
 * mended by CASE. Chains are nested in halves, because SQLite bounds the depth of an expression and counts a chain of
 * n as n deep.
 */
#include "catalogue/where-internal.h"

#include <string.h>

struct NtWhere {
    GString *sql;       /* " AND (...)" */
    GArray *parameters; /* Parameter */
};

typedef struct Parameter {
    NtFieldType type; /* TEXT, INTEGER, NUMBER */
    char *text;
    int64_t integer;
    double number;
} Parameter;

static void clear_parameter(void *at) { g_free(((Parameter *)at)->text); }

void nt_where_free(NtWhere *where) {
    if (where == NULL) {
        return;
    }
    g_string_free(where->sql, TRUE);
    g_array_unref(where->parameters);
    g_free(where);
}

const char *nt_where_sql(const NtWhere *where) { return where != NULL ? where->sql->str : ""; }

void nt_where_bind(const NtWhere *where, sqlite3_stmt *stmt) {
    for (guint i = 0; where != NULL && i < where->parameters->len; i++) {
        const Parameter *parameter = &g_array_index(where->parameters, Parameter, i);
        int at = NT_WHERE_FIRST_PARAMETER + (int)i;
        switch (parameter->type) {
        case NT_FIELD_INTEGER: sqlite3_bind_int64(stmt, at, parameter->integer); break;
        case NT_FIELD_NUMBER: sqlite3_bind_double(stmt, at, parameter->number); break;
        default: sqlite3_bind_text(stmt, at, parameter->text, -1, SQLITE_TRANSIENT); break;
        }
    }
}

/* ---- the "contains" of `~` -------------------------------------------------------------------------------------- */

char *nt_where_folded(const char *text) {
    g_autofree char *valid = g_utf8_make_valid(text, -1); /* a database may hold anything */
    g_autofree char *plain = g_utf8_normalize(valid, -1, G_NORMALIZE_ALL_COMPOSE);
    return g_utf8_casefold(plain != NULL ? plain : valid, -1);
}

/* nt_contains(text, part): NULL when the text is missing. The folded part is kept from row to row. */
static void sql_contains(sqlite3_context *context, int argc, sqlite3_value **argv) {
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    char *part = sqlite3_get_auxdata(context, 1);
    if (text == NULL) {
        sqlite3_result_null(context);
        return;
    }
    g_autofree char *made = NULL;
    if (part == NULL) {
        const char *given = (const char *)sqlite3_value_text(argv[1]);
        part = made = nt_where_folded(given != NULL ? given : "");
    }
    g_autofree char *whole = nt_where_folded(text);
    sqlite3_result_int(context, strstr(whole, part) != NULL);
    if (made != NULL) {
        sqlite3_set_auxdata(context, 1, g_steal_pointer(&made), g_free);
    }
}

bool nt_where_register(NtCatalogue *catalogue, GError **error) {
    int rc = sqlite3_create_function_v2(catalogue->sql.db, "nt_contains", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                        sql_contains, NULL, NULL, NULL);
    return rc == SQLITE_OK || nt_sql_fail(&catalogue->sql, error);
}

/* ---- compiling -------------------------------------------------------------------------------------------------- */

typedef struct Compiler {
    const GArray *fields;
    NtWhere *where;
    int levels; /* parentheses that are open */
} Compiler;

enum { MOST_LEVELS = 20, LONGEST_CHAIN = 24 };

/* A field as the SQL sees it. */
typedef struct Target {
    const char *name;
    NtFieldType type;
    char column[32];
} Target;

static bool find_target(const Compiler *compiler, const Node *node, Target *out, GError **error) {
    const StoredField *field = nt_fields_find(compiler->fields, node->field);
    if (field != NULL) {
        *out = (Target){.name = field->name, .type = field->type};
        g_snprintf(out->column, sizeof out->column, "p.m_%" G_GINT64_FORMAT, field->field);
        return true;
    }
    if (g_ascii_strcasecmp(node->field, "id") == 0) {
        *out = (Target){.name = "id", .type = NT_FIELD_TEXT, .column = "p.id"};
        return true;
    }
    const char *nearest = nt_fields_nearest(compiler->fields, node->field);
    g_autofree char *safe = nt_text_printable(node->field, 60), *listed = nt_fields_listed(compiler->fields);
    g_autofree char *hint = nearest != NULL ? g_strdup_printf("; did you mean '%s'?", nearest) : g_strdup(".");
    return nt_fail(error, NITERU_ERROR_NOT_FOUND,
                   "condition, column %zu: there is no field '%s'%s The fields are: id%s%s", node->column, safe, hint,
                   listed[0] != '\0' ? ", " : "", listed);
}

static void add_parameter(Compiler *compiler, Parameter parameter) {
    GArray *parameters = compiler->where->parameters;
    g_string_append_printf(compiler->where->sql, "?%d", NT_WHERE_FIRST_PARAMETER + (int)parameters->len);
    g_array_append_val(parameters, parameter);
}

static bool misfit(const Target *target, const Literal *literal, const char *hint, GError **error) {
    g_autofree char *value = nt_text_printable(literal->text != NULL ? literal->text : "", 40);
    g_autofree char *name = nt_text_printable(target->name, 60);
    return nt_fail(error, NITERU_ERROR_INVALID, "condition, column %zu: %s is %s%s, which '%s' does not fit%s",
                   literal->column, name, target->type == NT_FIELD_INTEGER ? "an " : "a ",
                   nt_field_type_name(target->type), value, hint);
}

/* Turns a literal into the form in which the field's values are stored. */
static bool read_literal(const Target *target, const Literal *literal, Parameter *out, GError **error) {
    bool text = literal->kind == LITERAL_TEXT;
    *out = (Parameter){.type = NT_FIELD_TEXT};
    switch (target->type) {
    case NT_FIELD_BOOL: {
        bool digit = literal->kind == LITERAL_INTEGER && (literal->integer == 0 || literal->integer == 1);
        *out = (Parameter){.type = NT_FIELD_INTEGER, .integer = literal->integer};
        return literal->kind == LITERAL_BOOL || digit || misfit(target, literal, ": write true or false", error);
    }
    case NT_FIELD_INTEGER:
    case NT_FIELD_NUMBER:
        out->type = literal->kind == LITERAL_INTEGER ? NT_FIELD_INTEGER : NT_FIELD_NUMBER;
        out->integer = literal->integer;
        out->number = literal->number;
        if (literal->kind == LITERAL_BOOL || (text && !nt_number_read(literal->text, 0, &out->number, NULL))) {
            return misfit(target, literal, "", error);
        }
        return true;
    case NT_FIELD_DATE:
        return (text && nt_date_read(literal->text, &out->text)) ||
               misfit(target, literal, ": write 'YYYY-MM-DD'", error);
    default:
        if (!text) {
            return misfit(target, literal, ": texts stand in quotes", error);
        }
        out->text = g_strdup(literal->text);
        return true;
    }
}

static const char *const signs[] = {"=", "<>", "<", "<=", ">", ">="};

/* column <sign> value; a date without a time of day compares days. */
static void write_comparison(Compiler *compiler, const Target *target, Operator op, Parameter value) {
    bool day = target->type == NT_FIELD_DATE && strlen(value.text) == strlen("YYYY-MM-DD");
    g_string_append_printf(compiler->where->sql, day ? "(substr(%s,1,10) %s " : "(%s %s ", target->column, signs[op]);
    add_parameter(compiler, value);
    g_string_append_c(compiler->where->sql, ')');
}

/* Whether an item of a list is one of the values, or contains the value. */
static bool write_list(Compiler *compiler, const Target *target, const Node *node, GError **error) {
    GString *sql = compiler->where->sql;
    bool contains = node->kind == NODE_COMPARE && node->op == OP_CONTAINS;
    g_string_append_printf(sql, "CASE WHEN %s IS NULL THEN NULL ELSE %sEXISTS(SELECT 1 FROM json_each(%s) WHERE %s",
                           target->column, node->op == OP_NOT_EQUAL ? "NOT " : "", target->column,
                           contains ? "nt_contains(value, " : "value IN (");
    for (guint i = 0; i < node->values->len; i++) {
        Parameter parameter;
        if (!read_literal(target, &g_array_index(node->values, Literal, i), &parameter, error)) {
            return false;
        }
        g_string_append(sql, i > 0 ? "," : "");
        add_parameter(compiler, parameter);
    }
    g_string_append(sql, ")) END");
    return true;
}

static bool write_contains(Compiler *compiler, const Target *target, const Literal *literal, GError **error) {
    Parameter parameter;
    if (target->type != NT_FIELD_TEXT) {
        return misfit(target, literal, ": '~' looks into texts and lists", error);
    }
    if (!read_literal(target, literal, &parameter, error)) {
        return false;
    }
    g_string_append_printf(compiler->where->sql, "nt_contains(%s, ", target->column);
    add_parameter(compiler, parameter);
    g_string_append_c(compiler->where->sql, ')');
    return true;
}

static bool write_compare(Compiler *compiler, const Node *node, GError **error) {
    Target target;
    if (!find_target(compiler, node, &target, error)) {
        return false;
    }
    const Literal *literal = &g_array_index(node->values, Literal, 0);
    bool ordering = node->op >= OP_LESS && node->op <= OP_GREATER_EQUAL;
    if (ordering && (target.type == NT_FIELD_LIST || target.type == NT_FIELD_BOOL)) {
        return misfit(&target, literal, ": it has no order, only = and !=", error);
    }
    if (target.type == NT_FIELD_LIST) {
        return write_list(compiler, &target, node, error);
    }
    if (node->op == OP_CONTAINS) {
        return write_contains(compiler, &target, literal, error);
    }
    Parameter parameter;
    if (!read_literal(&target, literal, &parameter, error)) {
        return false;
    }
    write_comparison(compiler, &target, node->op, parameter);
    return true;
}

/* field = a or field = b ..., in halves; dates and texts need no case of their own then. */
static bool write_any(Compiler *compiler, const Target *target, const GArray *values, guint from, guint to,
                      GError **error) {
    if (to - from == 1) {
        Parameter parameter;
        if (!read_literal(target, &g_array_index(values, Literal, from), &parameter, error)) {
            return false;
        }
        write_comparison(compiler, target, OP_EQUAL, parameter);
        return true;
    }
    guint middle = from + (to - from) / 2;
    g_string_append_c(compiler->where->sql, '(');
    if (!write_any(compiler, target, values, from, middle, error)) {
        return false;
    }
    g_string_append(compiler->where->sql, " OR ");
    if (!write_any(compiler, target, values, middle, to, error)) {
        return false;
    }
    g_string_append_c(compiler->where->sql, ')');
    return true;
}

static bool write_in(Compiler *compiler, const Node *node, GError **error) {
    Target target;
    if (!find_target(compiler, node, &target, error)) {
        return false;
    }
    return target.type == NT_FIELD_LIST ? write_list(compiler, &target, node, error)
                                        : write_any(compiler, &target, node->values, 0, node->values->len, error);
}

static bool write_true(Compiler *compiler, const Node *node, GError **error) {
    Target target;
    if (!find_target(compiler, node, &target, error)) {
        return false;
    }
    if (target.type != NT_FIELD_BOOL) {
        g_autofree char *name = nt_text_printable(target.name, 60);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "condition, column %zu: %s is a %s, so a comparison must follow it (or: has %s)", node->column,
                       name, nt_field_type_name(target.type), name);
    }
    g_string_append_printf(compiler->where->sql, "(%s = 1)", target.column);
    return true;
}

static bool write_node(Compiler *compiler, const Node *node, GError **error);

/* Opens a parenthesis. Up to SQLite 3.45 its parser's stack has 100 places, and "(x AND" takes three of them. */
static bool open_level(Compiler *compiler, GError **error) {
    if (compiler->levels == MOST_LEVELS) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "condition: 'and', 'or' and 'not' are nested deeper than %d in one another", MOST_LEVELS);
    }
    compiler->levels++;
    g_string_append_c(compiler->where->sql, '(');
    return true;
}

static void close_level(Compiler *compiler) {
    compiler->levels--;
    g_string_append_c(compiler->where->sql, ')');
}

/* Children from .. to - 1, joined. A long chain is halved: SQLite's trees may be 1,000 deep, and "a OR b OR c" is one
 * level for each. */
static bool write_chain(Compiler *compiler, const Node *node, guint from, guint to, GError **error) {
    if (!open_level(compiler, error)) {
        return false;
    }
    bool halve = to - from > LONGEST_CHAIN;
    for (guint at = from, next; at < to; at = next) {
        next = !halve ? at + 1 : at == from ? from + (to - from) / 2 : to;
        if (at > from) {
            g_string_append(compiler->where->sql, node->kind == NODE_AND ? " AND " : " OR ");
        }
        if (!(halve ? write_chain(compiler, node, at, next, error)
                    : write_node(compiler, g_ptr_array_index(node->children, at), error))) {
            return false;
        }
    }
    close_level(compiler);
    return true;
}

static bool write_node(Compiler *compiler, const Node *node, GError **error) {
    GString *sql = compiler->where->sql;
    Target target;
    switch (node->kind) {
    case NODE_AND:
    case NODE_OR: return write_chain(compiler, node, 0, node->children->len, error);
    case NODE_NOT:
        if (!open_level(compiler, error)) {
            return false;
        }
        g_string_append(sql, "NOT ");
        if (!write_node(compiler, g_ptr_array_index(node->children, 0), error)) {
            return false;
        }
        close_level(compiler);
        return true;
    case NODE_COMPARE: return write_compare(compiler, node, error);
    case NODE_IN: return write_in(compiler, node, error);
    case NODE_TRUE: return write_true(compiler, node, error);
    default:
        if (!find_target(compiler, node, &target, error)) {
            return false;
        }
        g_string_append_printf(sql, "(%s IS %sNULL)", target.column, node->kind == NODE_PRESENT ? "NOT " : "");
        return true;
    }
}

NtWhere *nt_where_compile(const GArray *fields, const Node *node, GError **error) {
    g_autoptr(NtWhere) where = g_new0(NtWhere, 1);
    where->sql = g_string_new(" AND (");
    where->parameters = g_array_new(false, true, sizeof(Parameter));
    g_array_set_clear_func(where->parameters, clear_parameter);
    Compiler compiler = {.fields = fields, .where = where};
    if (!write_node(&compiler, node, error)) {
        return NULL;
    }
    g_string_append_c(where->sql, ')');
    return g_steal_pointer(&where);
}

NtWhere *nt_where_parse(NtCatalogue *catalogue, const char *text, GError **error) {
    g_autoptr(Node) node = nt_where_read(text, error);
    const GArray *fields = node != NULL ? nt_fields(catalogue, error) : NULL;
    NtWhere *where = fields != NULL ? nt_where_compile(fields, node, error) : NULL;
    if (where == NULL) {
        nt_fact(error, "parameter", "where");
    }
    return where;
}
