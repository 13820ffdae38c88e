/* SPDX-License-Identifier: Apache-2.0 */
/* From a list's columns to fields: evidence over the first rows, one decision, then reading row by row. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

typedef struct Column {
    char *name;
    bool settled;
    NtFieldType declared; /* by --type; NT_FIELD_MISSING: not */
    int64_t field;        /* 0: none made (no value was seen yet) */
    NtFieldType type;
    NtDecimalMark mark;
    struct Column *currency; /* where the currency of this column's money goes; NULL: none seen */
    NtEvidence evidence;
    /* the row being read */
    uint64_t row;
    guint slot;
    bool implied; /* the value in `slot` is a currency taken from a price */
} Column;

struct NtColumns {
    NtCatalogue *catalogue;
    GHashTable *columns; /* lower-case name -> Column */
    GPtrArray *order;    /* the same, as they came */
    bool settled;
    uint64_t row;
    GArray *values;   /* NtValue of the row */
    GPtrArray *texts; /* what they point at */
};

static void free_column(void *at) {
    Column *column = at;
    g_free(column->name);
    g_free(column);
}

/* The column of a name, made when it is new; NULL when there are too many. */
static Column *find_column(NtColumns *columns, const char *name) {
    g_autofree char *key = g_ascii_strdown(name, -1);
    Column *column = g_hash_table_lookup(columns->columns, key);
    if (column == NULL && columns->order->len < 2 * columns->catalogue->limits.list_columns) {
        column = g_new0(Column, 1);
        /* A reserved name is written as niteru writes it, however the list does. */
        column->name = nt_field_usual_type(name) != NT_FIELD_MISSING ? g_strdup(key) : g_strdup(name);
        g_hash_table_insert(columns->columns, g_steal_pointer(&key), column);
        g_ptr_array_add(columns->order, column);
    }
    return column;
}

void nt_columns_free(NtColumns *columns) {
    if (columns == NULL) {
        return;
    }
    g_hash_table_unref(columns->columns);
    g_ptr_array_unref(columns->order);
    g_array_unref(columns->values);
    g_ptr_array_unref(columns->texts);
    g_free(columns);
}

static bool take_setting(NtColumns *columns, const char *setting, GError **error) {
    const char *equals = strrchr(setting, '=');
    g_autofree char *name = equals != NULL ? g_strstrip(g_strndup(setting, (gsize)(equals - setting))) : NULL;
    g_autofree char *named = equals != NULL ? g_strstrip(g_strdup(equals + 1)) : NULL;
    NtFieldType type = named != NULL ? nt_field_type_of_name(named) : NT_FIELD_MISSING;
    Column *column = type != NT_FIELD_MISSING && name[0] != '\0' ? find_column(columns, name) : NULL;
    if (column == NULL) {
        g_autofree char *safe = nt_text_printable(setting, 80);
        nt_fail(error, NITERU_ERROR_INVALID,
                "'%s' gives no field a type; write field=type; the types are bool, integer, number, date, text, list",
                safe);
        return nt_fact(error, "option", "types");
    }
    column->declared = type;
    return true;
}

NtColumns *nt_columns_new(NtCatalogue *catalogue, const char *const *types, GError **error) {
    g_autoptr(NtColumns) columns = g_new0(NtColumns, 1);
    columns->catalogue = catalogue;
    columns->columns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    columns->order = g_ptr_array_new_with_free_func(free_column);
    columns->values = g_array_new(false, false, sizeof(NtValue));
    columns->texts = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; types != NULL && types[i] != NULL; i++) {
        if (!take_setting(columns, types[i], error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&columns);
}

void nt_columns_learn(NtColumns *columns, const char *name, const char *text, const NtJson *json) {
    Column *column = find_column(columns, name);
    if (column != NULL) {
        nt_evidence_learn(&column->evidence, column->name, text, json);
    }
}

/* ---- settling --------------------------------------------------------------------------------------------------- */

static bool settle_type(NtColumns *columns, Column *column, NtFieldType inferred, GError **error) {
    const GArray *fields = nt_fields(columns->catalogue, error);
    if (fields == NULL) {
        return false;
    }
    const StoredField *stored = nt_fields_find(fields, column->name);
    NtFieldType wanted = column->declared != NT_FIELD_MISSING ? column->declared : inferred;
    if (stored != NULL) {
        column->field = stored->field;
        column->type = stored->type;
        if (column->declared != NT_FIELD_MISSING && column->declared != stored->type) {
            column->type = column->declared;
            return nt_field_retype(columns->catalogue, column->field, column->declared, error);
        }
        return true;
    }
    column->type = wanted;
    return nt_field_add(columns->catalogue, column->name, wanted, column->declared != NT_FIELD_MISSING, &column->field,
                        error);
}

/* Where the currency of a column's prices goes: `currency` for price, `<field>_currency` for others. */
static bool settle_currency(NtColumns *columns, Column *column, GError **error) {
    g_autofree char *name = g_ascii_strcasecmp(column->name, "price") == 0
                                ? g_strdup("currency")
                                : g_strconcat(column->name, "_currency", NULL);
    Column *currency = find_column(columns, name);
    if (currency == NULL) {
        return true;
    }
    if (currency->field == 0 && !settle_type(columns, currency, NT_FIELD_TEXT, error)) {
        return false;
    }
    currency->settled = true;
    column->currency = currency->type == NT_FIELD_TEXT ? currency : NULL;
    return true;
}

static bool settle_column(NtColumns *columns, Column *column, NtFieldType inferred, GError **error) {
    column->settled = true;
    column->mark = nt_evidence_mark(&column->evidence);
    if (!settle_type(columns, column, inferred, error)) {
        column->settled = false;
        return false;
    }
    return !column->evidence.money || column->type != NT_FIELD_NUMBER || settle_currency(columns, column, error);
}

bool nt_columns_settle(NtColumns *columns, GError **error) {
    if (!nt_may_write(columns->catalogue, error)) {
        return false;
    }
    columns->settled = true;
    guint seen = columns->order->len; /* currencies join while we go, settled already */
    for (guint i = 0; i < seen; i++) {
        Column *column = g_ptr_array_index(columns->order, i);
        bool empty = column->evidence.values == 0 && column->declared == NT_FIELD_MISSING;
        g_autoptr(GError) fault = NULL;
        if (column->settled || empty ||
            settle_column(columns, column, nt_evidence_type(&column->evidence, column->name), &fault)) {
            continue;
        }
        /* A column too many, or with a name that cannot be: its values are refused one by one as they come. */
        if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_LIMIT) &&
            !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_INVALID)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
    return true;
}

/* A column whose first value comes after the sample: its type is that of this value, a whole number being a number
 * (the next may have decimals), and a text in brackets a text (the next may have none). */
static bool settle_late(NtColumns *columns, Column *column, const char *name, const char *text, const NtJson *json,
                        GError **error) {
    nt_columns_learn(columns, name, text, json);
    NtFieldType type = nt_evidence_type(&column->evidence, column->name);
    bool whole = type == NT_FIELD_INTEGER && nt_field_usual_type(column->name) != NT_FIELD_INTEGER;
    bool bracketed = type == NT_FIELD_LIST && json == NULL;
    return settle_column(columns, column, whole ? NT_FIELD_NUMBER : bracketed ? NT_FIELD_TEXT : type, error);
}

static bool is_stored(const NtColumns *columns, const Column *column) {
    const GArray *fields = nt_fields(columns->catalogue, NULL);
    return fields != NULL && nt_fields_find(fields, column->name) != NULL;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

void nt_columns_begin_row(NtColumns *columns) {
    columns->row++;
    g_array_set_size(columns->values, 0);
    g_ptr_array_set_size(columns->texts, 0);
}

/* Puts a value into the row; what stands there already goes, except a value given before an implied one. */
static void put(NtColumns *columns, Column *column, NtValue value, bool implied) {
    value.field = column->field;
    if (column->row != columns->row) {
        column->row = columns->row;
        column->slot = columns->values->len;
        column->implied = implied;
        g_array_append_val(columns->values, value);
        return;
    }
    NtValue *there = &g_array_index(columns->values, NtValue, column->slot);
    if (implied ? there->type == NT_FIELD_MISSING : value.type != NT_FIELD_MISSING || !column->implied) {
        *there = value;
        column->implied = implied;
    }
}

bool nt_columns_read(NtColumns *columns, const char *name, const char *text, const NtJson *json, GError **error) {
    Column *column = find_column(columns, name);
    if (column == NULL) {
        g_autofree char *safe = nt_text_printable(name, 60);
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: more than %" G_GUINT64_FORMAT " fields (limit list-columns); the value was left out", safe,
                       columns->catalogue->limits.list_columns);
    }
    if (!column->settled && nt_value_missing(text, json) && !is_stored(columns, column)) {
        return true; /* a column that has had no value yet needs no field; a field from earlier is emptied */
    }
    if (!column->settled && !settle_late(columns, column, name, text, json, error)) {
        return false;
    }
    NtValue value = {0};
    char *owned = NULL;
    const char *currency = NULL;
    bool fits = nt_value_read(column->type, column->mark, text, json, &value, &owned, &currency);
    if (owned != NULL) {
        g_ptr_array_add(columns->texts, owned);
    }
    bool hides = !nt_value_missing(text, json) && nt_value_hide(column->name, column->type, &value);
    put(columns, column, fits || hides ? value : (NtValue){0}, false);
    if (!fits || hides) {
        g_autofree char *printed = json != NULL ? nt_json_print(json, false) : NULL;
        g_autofree char *safe = nt_text_printable(text != NULL ? text : printed, 60);
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: '%s' is not %s %s; %s", column->name, safe,
                       column->type == NT_FIELD_INTEGER ? "an" : "a", nt_field_type_name(column->type),
                       hides ? "it counts as false" : "the value was left out");
    }
    if (currency != NULL && column->currency == NULL && !settle_currency(columns, column, error)) {
        return false;
    }
    if (currency != NULL && column->currency != NULL) {
        put(columns, column->currency, (NtValue){.type = NT_FIELD_TEXT, .text = currency}, true);
    }
    return true;
}

const NtValue *nt_columns_values(const NtColumns *columns, size_t *out_count) {
    *out_count = columns->values->len;
    return (const NtValue *)(const void *)columns->values->data;
}
