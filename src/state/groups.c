/* SPDX-License-Identifier: Apache-2.0 */
/* A group lives while a product is in it. Its number may then be given to another, in versions that are made from then
 * on: each version holds its own numbers. */
#include "state/groups.h"

#include <string.h>

enum { LONG = 64 /* bytes of a value; a longer one is stood for by its SHA-256, so that memory is bounded */ };

typedef struct Group {
    uint64_t number;
    uint64_t products;
    char text[];
} Group;

void nt_groups_clear(NtGroups *groups) {
    g_clear_pointer(&groups->by_text, g_hash_table_unref);
    g_clear_pointer(&groups->by_number, g_ptr_array_unref);
    g_clear_pointer(&groups->free_numbers, g_array_unref);
    nt_cells_clear(&groups->of);
    *groups = (NtGroups){0};
}

/* The group of a value, made where it is new; `text` is what stands for it. */
static Group *group_of(NtGroups *groups, const char *text) {
    Group *group = g_hash_table_lookup(groups->by_text, text);
    if (group != NULL) {
        return group;
    }
    size_t bytes = strlen(text) + 1;
    group = g_malloc0(sizeof *group + bytes);
    memcpy(group->text, text, bytes);
    if (groups->free_numbers->len > 0) {
        group->number = g_array_index(groups->free_numbers, uint64_t, groups->free_numbers->len - 1);
        g_array_set_size(groups->free_numbers, groups->free_numbers->len - 1);
        groups->by_number->pdata[group->number - 1] = group;
    } else {
        g_ptr_array_add(groups->by_number, group);
        group->number = groups->by_number->len;
    }
    g_hash_table_insert(groups->by_text, group->text, group);
    return group;
}

/* Gives a product the value; NULL or empty: none. */
static bool set(NtGroups *groups, int64_t product, const char *value, GError **error) {
    char digest[LONG + 2] = "#";
    if (value != NULL && strlen(value) > LONG) {
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, value, -1);
        g_strlcpy(digest + 1, hex, sizeof digest - 1);
        value = digest; /* longer than any value that stands for itself */
    }
    Group *group = value != NULL && value[0] != '\0' ? group_of(groups, value) : NULL;
    uint64_t before = nt_cells_get(&groups->of, (uint64_t)product), after = group != NULL ? group->number : 0;
    if (group != NULL) {
        group->products++;
    }
    if (!nt_cells_set(&groups->of, (uint64_t)product, after, error)) {
        return false;
    }
    Group *left = before != 0 ? groups->by_number->pdata[before - 1] : NULL;
    if (left != NULL && --left->products == 0) {
        g_array_append_val(groups->free_numbers, before);
        groups->by_number->pdata[before - 1] = NULL;
        g_hash_table_remove(groups->by_text, left->text);
    }
    return true;
}

typedef struct Setting {
    NtGroups *groups;
    GError *fault;
    bool found;
} Setting;

static bool set_value(int64_t product, const char *text, void *data) {
    Setting *setting = data;
    setting->found = true;
    return set(setting->groups, product, text, &setting->fault);
}

/* Reads the value of a product (0: of all). */
static bool read_values(NtCatalogue *db, int64_t product, Setting *setting, GError **error) {
    bool ok = nt_catalogue_each_value(db, NT_GROUP_FIELD, product, set_value, setting, error);
    if (setting->fault != NULL) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&setting->fault));
        return false;
    }
    return ok;
}

bool nt_groups_build(NtCatalogue *db, NtGroups *out, GError **error) {
    out->by_text = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    out->by_number = g_ptr_array_new();
    out->free_numbers = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    Setting setting = {.groups = out};
    out->known = nt_catalogue_fields_version(db, &out->fields, error) && read_values(db, 0, &setting, error);
    if (!out->known) {
        nt_groups_clear(out);
        return false;
    }
    return true;
}

bool nt_groups_forward(NtCatalogue *db, NtGroups *groups, int64_t fields, const GArray *changed, GError **error) {
    if (groups->known && groups->fields != fields) {
        nt_groups_clear(groups);
    }
    for (guint i = 0; groups->known && i < changed->len; i++) {
        Setting setting = {.groups = groups};
        int64_t product = g_array_index(changed, int64_t, i);
        if (!read_values(db, product, &setting, error) || (!setting.found && !set(groups, product, NULL, error))) {
            nt_groups_clear(groups);
            return false;
        }
    }
    return true;
}
