/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* The one list of limits: name, place in NtLimits, default. */
static const struct {
    const char *name;
    size_t offset;
    uint64_t value;
} table[] = {
#define LIMIT(label, field, value)                                                                                     \
    { label, offsetof(NtLimits, field), value }
    LIMIT("photo-bytes", photo_bytes, 256 * MIB),
    LIMIT("fetch-bytes", fetch_bytes, 64 * MIB),
    LIMIT("photo-side", photo_side, 16384),
    LIMIT("photo-pixels", photo_pixels, 120000000),
    LIMIT("photo-metadata", photo_metadata, MIB),
    LIMIT("photo-rows", photo_rows, 95),
    LIMIT("decoder-memory", decoder_memory, 3 * GIB),
    LIMIT("decoder-seconds", decoder_seconds, 10),
    LIMIT("decoder-photos", decoder_photos, 1000),
    LIMIT("onnx-bytes", onnx_bytes, 2 * GIB),
    LIMIT("onnx-nodes", onnx_nodes, 100000),
    LIMIT("onnx-activations", onnx_activations, 4 * GIB),
    LIMIT("list-line", list_line, MIB),
    LIMIT("list-field", list_field, MIB / 4),
    LIMIT("list-columns", list_columns, 500),
    LIMIT("json-depth", json_depth, 64),
    LIMIT("json-values", json_values, 100000),
#undef LIMIT
};

G_STATIC_ASSERT(sizeof(NtLimits) == G_N_ELEMENTS(table) * sizeof(uint64_t));

static uint64_t *limit_at(NtLimits *limits, size_t i) { return (uint64_t *)((char *)limits + table[i].offset); }

NtLimits nt_limits_default(void) {
    NtLimits limits;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        *limit_at(&limits, i) = table[i].value;
    }
    return limits;
}

/* A positive number with an optional unit; false when it is anything else or does not fit. */
static bool parse_amount(const char *text, uint64_t *out) {
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"", 1},     {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"Ki", UINT64_C(1) << 10},
                 {"Mi", MIB}, {"Gi", GIB}};
    if (!g_ascii_isdigit(*text)) {
        return false;
    }
    char *end = NULL;
    uint64_t number = g_ascii_strtoull(text, &end, 10);
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            return number > 0 && number < UINT64_MAX && !__builtin_mul_overflow(number, units[i].factor, out);
        }
    }
    return false;
}

bool nt_limits_set(NtLimits *limits, const char *setting, GError **error) {
    const char *equals = strchr(setting, '=');
    for (size_t i = 0; equals != NULL && i < G_N_ELEMENTS(table); i++) {
        if (strlen(table[i].name) != (size_t)(equals - setting) ||
            strncmp(setting, table[i].name, (size_t)(equals - setting)) != 0) {
            continue;
        }
        uint64_t value;
        if (!parse_amount(equals + 1, &value)) {
            return nt_fail(error, NITERU_ERROR_INVALID,
                           "limit %s: '%s' is not a positive whole number (units k, M, G, Ki, Mi, Gi)", table[i].name,
                           equals + 1);
        }
        *limit_at(limits, i) = value;
        return true;
    }
    g_autoptr(GString) names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", table[i].name);
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not NAME=VALUE with one of these names: %s", setting,
                   names->str);
}

void nt_limits_foreach(const NtLimits *limits, void (*each)(const char *name, uint64_t value, void *data), void *data) {
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        each(table[i].name, *limit_at((NtLimits *)limits, i), data);
    }
}
