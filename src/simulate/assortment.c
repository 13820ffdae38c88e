/* SPDX-License-Identifier: Apache-2.0 */
#include "simulate/simulate.h"

#include <string.h>

struct NtSimAssortment {
    GStringChunk *texts;   /* ids and values, each once */
    GHashTable *numbers;   /* id to number + 1; borrows the texts */
    GPtrArray *ids;        /* (products) */
    GHashTable *value_of;  /* a value's text to its number + 1, until it is closed */
    GPtrArray *values;     /* (values) texts */
    GArray *value;         /* (products) uint32_t */
    uint32_t *of, *starts; /* products sorted by value; where each value's begin, (values + 1) */
};

NtSimAssortment *nt_sim_assortment_new(void) {
    NtSimAssortment *assortment = g_new0(NtSimAssortment, 1);
    assortment->texts = g_string_chunk_new(1 << 16);
    assortment->numbers = g_hash_table_new(g_str_hash, g_str_equal);
    assortment->ids = g_ptr_array_new();
    assortment->value_of = g_hash_table_new(g_str_hash, g_str_equal);
    assortment->values = g_ptr_array_new();
    assortment->value = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    return assortment;
}

void nt_sim_assortment_free(NtSimAssortment *assortment) {
    if (assortment != NULL) {
        g_hash_table_unref(assortment->numbers);
        g_hash_table_unref(assortment->value_of);
        g_ptr_array_unref(assortment->ids);
        g_ptr_array_unref(assortment->values);
        g_array_unref(assortment->value);
        nt_free(assortment->of);
        nt_free(assortment->starts);
        g_string_chunk_free(assortment->texts);
        g_free(assortment);
    }
}

static uint32_t number_of(NtSimAssortment *assortment, const char *value) {
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(assortment->value_of, value));
    if (number == 0) {
        char *kept = g_string_chunk_insert(assortment->texts, value);
        g_ptr_array_add(assortment->values, kept);
        number = assortment->values->len;
        g_hash_table_insert(assortment->value_of, kept, GUINT_TO_POINTER(number));
    }
    return number - 1;
}

bool nt_sim_assortment_add(NtSimAssortment *assortment, const char *id, const char *value, GError **error) {
    g_assert(assortment->of == NULL);
    if (assortment->ids->len == NT_SIM_PRODUCTS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "a simulation takes at most %d products", NT_SIM_PRODUCTS);
    }
    if (strlen(id) > NT_SIM_ID_BYTES || (value != NULL && strlen(value) > NT_SIM_VALUE_BYTES)) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "an id has at most %d bytes and a value %d", NT_SIM_ID_BYTES,
                       NT_SIM_VALUE_BYTES);
    }
    if (g_hash_table_contains(assortment->numbers, id)) {
        g_autofree char *safe = nt_text_printable(id, 100);
        return nt_fail(error, NITERU_ERROR_INVALID, "the product %s came twice", safe);
    }
    char *kept = g_string_chunk_insert(assortment->texts, id);
    uint32_t number = value != NULL ? number_of(assortment, value) : NT_SIM_NONE;
    g_ptr_array_add(assortment->ids, kept);
    g_array_append_val(assortment->value, number);
    g_hash_table_insert(assortment->numbers, kept, GUINT_TO_POINTER(assortment->ids->len));
    return true;
}

static uint32_t *values_of(const NtSimAssortment *assortment) { return (uint32_t *)(void *)assortment->value->data; }

/* Numbers the values anew that enough products have; *out_counts (values): how many these are. */
static void keep_large(NtSimAssortment *assortment, uint32_t *counts, uint32_t *numbers) {
    uint32_t *value = values_of(assortment), kept = 0;
    for (guint i = 0; i < assortment->value->len; i++) {
        if (value[i] != NT_SIM_NONE) {
            counts[value[i]]++;
        }
    }
    for (guint v = 0; v < assortment->values->len; v++) {
        numbers[v] = NT_SIM_NONE;
        if (counts[v] >= NT_SIM_LEAST) {
            assortment->values->pdata[kept] = assortment->values->pdata[v];
            counts[kept] = counts[v];
            numbers[v] = kept++;
        }
    }
    g_ptr_array_set_size(assortment->values, (gint)kept);
    for (guint i = 0; i < assortment->value->len; i++) {
        value[i] = value[i] != NT_SIM_NONE ? numbers[value[i]] : NT_SIM_NONE;
    }
}

bool nt_sim_assortment_close(NtSimAssortment *assortment, GError **error) {
    g_assert(assortment->of == NULL);
    size_t values = assortment->values->len, products = assortment->ids->len;
    nt_autofree uint32_t *counts = nt_alloc0(values + 1, sizeof *counts, "values", error);
    nt_autofree uint32_t *numbers = counts != NULL ? nt_alloc0(values + 1, sizeof *numbers, "values", error) : NULL;
    if (numbers == NULL) {
        return false;
    }
    keep_large(assortment, counts, numbers);
    g_hash_table_remove_all(assortment->value_of);
    values = assortment->values->len;
    if (values == 0) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND,
                       "no value is that of %d products or more, of %zu products: nobody can be thought of who likes "
                       "one",
                       NT_SIM_LEAST, products);
    }
    assortment->starts = nt_alloc0(values + 1, sizeof *assortment->starts, "values", error);
    assortment->of = assortment->starts != NULL ? nt_alloc0(products, sizeof *assortment->of, "products", error) : NULL;
    if (assortment->of == NULL) {
        return false;
    }
    for (size_t v = 0; v < values; v++) {
        assortment->starts[v + 1] = assortment->starts[v] + counts[v];
        counts[v] = assortment->starts[v];
    }
    for (size_t i = 0; i < products; i++) {
        uint32_t value = values_of(assortment)[i];
        if (value != NT_SIM_NONE) {
            assortment->of[counts[value]++] = (uint32_t)i;
        }
    }
    return true;
}

uint32_t nt_sim_products(const NtSimAssortment *assortment) { return assortment->ids->len; }
uint32_t nt_sim_values(const NtSimAssortment *assortment) { return assortment->values->len; }

const char *nt_sim_id(const NtSimAssortment *assortment, uint32_t product) {
    g_assert(product < assortment->ids->len);
    return assortment->ids->pdata[product];
}

const char *nt_sim_value_text(const NtSimAssortment *assortment, uint32_t value) {
    g_assert(value < assortment->values->len);
    return assortment->values->pdata[value];
}

uint32_t nt_sim_find(const NtSimAssortment *assortment, const char *id) {
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(assortment->numbers, id));
    return number != 0 ? number - 1 : NT_SIM_NONE;
}

uint32_t nt_sim_value(const NtSimAssortment *assortment, uint32_t product) {
    return product < assortment->value->len ? values_of(assortment)[product] : NT_SIM_NONE;
}

uint32_t nt_sim_draw(const NtSimAssortment *assortment, uint32_t value, NtSimRandom *random) {
    g_assert(assortment->of != NULL && value < assortment->values->len);
    uint32_t first = assortment->starts[value];
    return assortment->of[first + nt_sim_below(random, assortment->starts[value + 1] - first)];
}
