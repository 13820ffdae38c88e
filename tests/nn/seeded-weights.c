/* SPDX-License-Identifier: Apache-2.0 */
#include "seeded-weights.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

static uint64_t fnv1a(const char *name) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (const char *p = name; *p != '\0'; p++) {
        hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001B3);
    }
    return hash;
}

void nt_seeded_uniform(const char *name, size_t first, size_t count, float *out) {
    uint64_t seed = fnv1a(name);
    for (size_t i = 0; i < count; i++) {
        uint64_t z = seed + (uint64_t)(first + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        out[i] = (float)(z >> 40) * 0x1p-23F - 1.0F;
    }
}

/* Adds strength x the grid (channels, side, side), enlarged: bilinear, half-pixel centres, edges repeated. */
static void add_grid(const char *name, unsigned side, float strength, unsigned channels, unsigned height,
                     unsigned width, float *out) {
    g_autofree float *grid = g_new(float, (size_t)channels *side *side);
    nt_seeded_uniform(name, 0, (size_t)channels * side * side, grid);
    for (unsigned y = 0; y < height; y++) {
        double at_y = CLAMP((y + 0.5) * side / height - 0.5, 0, side - 1);
        unsigned y0 = (unsigned)at_y, y1 = MIN(y0 + 1, side - 1);
        float fy = (float)(at_y - y0);
        for (unsigned x = 0; x < width; x++) {
            double at_x = CLAMP((x + 0.5) * side / width - 0.5, 0, side - 1);
            unsigned x0 = (unsigned)at_x, x1 = MIN(x0 + 1, side - 1);
            float fx = (float)(at_x - x0);
            for (unsigned c = 0; c < channels; c++) {
                const float *plane = grid + (size_t)c * side * side;
                float left = plane[y0 * side + x0] * (1 - fy) + plane[y1 * side + x0] * fy;
                float right = plane[y0 * side + x1] * (1 - fy) + plane[y1 * side + x1] * fy;
                out[((size_t)c * height + y) * width + x] += strength * (left * (1 - fx) + right * fx);
            }
        }
    }
}

void nt_seeded_picture(unsigned seed, unsigned channels, unsigned height, unsigned width, float *out) {
    g_autofree char *coarse = g_strdup_printf("picture %u coarse", seed);
    g_autofree char *fine = g_strdup_printf("picture %u fine", seed);
    g_autofree char *level = g_strdup_printf("picture %u level", seed);
    g_autofree char *strength = g_strdup_printf("picture %u strength", seed);
    float strengths[2];
    g_autofree float *levels = g_new(float, channels);
    nt_seeded_uniform(strength, 0, 2, strengths);
    nt_seeded_uniform(level, 0, channels, levels);
    for (unsigned c = 0; c < channels; c++) {
        for (size_t i = 0; i < (size_t)height * width; i++) {
            out[c * (size_t)height * width + i] = levels[c];
        }
    }
    add_grid(coarse, 4, 1 + strengths[0], channels, height, width, out);
    add_grid(fine, 28, 1 + strengths[1], channels, height, width, out);
}

/* ---- the file ---- */

/* A reading position in protobuf bytes of our own making; malformed ones set `bad`. */
typedef struct Cursor {
    const uint8_t *at, *end;
    bool bad;
} Cursor;

typedef struct Field {
    unsigned number, type;
    uint64_t value;
    Cursor bytes;        /* length-delimited content */
    const uint8_t *head; /* where the field begins, with its key */
    size_t size;         /* of the whole field */
} Field;

static uint64_t take_varint(Cursor *cursor) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    cursor->bad = true;
    return 0;
}

static bool take_field(Cursor *cursor, Field *out) {
    if (cursor->at >= cursor->end || cursor->bad) {
        return false;
    }
    const uint8_t *head = cursor->at;
    uint64_t key = take_varint(cursor);
    *out = (Field){.number = (unsigned)(key >> 3), .type = key & 7, .head = head};
    size_t length = out->type == 1 ? 8 : out->type == 5 ? 4 : 0;
    if (out->type == 0) {
        out->value = take_varint(cursor);
    } else if (out->type == 2) {
        length = take_varint(cursor);
    }
    if (cursor->bad || length > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        return false;
    }
    out->bytes = (Cursor){.at = cursor->at, .end = cursor->at + length};
    cursor->at += length;
    out->size = (size_t)(cursor->at - head);
    return true;
}

static void put_varint(GByteArray *out, uint64_t value) {
    uint8_t bytes[10];
    guint count = 0;
    do {
        bytes[count++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    g_byte_array_append(out, bytes, count);
}

static void put_header(GByteArray *out, unsigned number, size_t length) {
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, length);
}

/* Numbers of ONNX's messages that matter here. */
enum { MODEL_GRAPH = 7, GRAPH_INITIALIZER = 5, TENSOR_DIMS = 1, TENSOR_FLOATS = 4, TENSOR_RAW = 9, TENSOR_DOC = 12 };

/* What a tensor left out says of itself. */
typedef struct Recipe {
    char *name; /* NULL: the tensor is whole */
    GArray *scales;
    size_t count;
} Recipe;

static Recipe read_recipe(Cursor tensor) {
    Recipe recipe = {.scales = g_array_new(FALSE, FALSE, sizeof(float)), .count = 1};
    Field field;
    while (take_field(&tensor, &field)) {
        size_t size = (size_t)(field.bytes.end - field.bytes.at);
        if (field.number == TENSOR_DIMS && field.type == 0) {
            recipe.count *= field.value;
        } else if (field.number == TENSOR_DIMS) {
            while (field.bytes.at < field.bytes.end && !field.bytes.bad) {
                recipe.count *= take_varint(&field.bytes);
            }
        } else if (field.number == TENSOR_FLOATS) {
            g_array_append_vals(recipe.scales, field.bytes.at, (guint)(size / sizeof(float)));
        } else if (field.number == TENSOR_DOC && size > 5 && memcmp(field.bytes.at, "seed:", 5) == 0) {
            recipe.name = g_strndup((const char *)field.bytes.at + 5, size - 5);
        }
    }
    return recipe;
}

/* Bytes of the tensor once whole: its other fields, and raw_data. */
static size_t whole_size(Cursor tensor, const Recipe *recipe) {
    g_autoptr(GByteArray) header = g_byte_array_new();
    put_header(header, TENSOR_RAW, recipe->count * sizeof(float));
    size_t size = header->len + recipe->count * sizeof(float);
    Field field;
    while (take_field(&tensor, &field)) {
        size += field.number != TENSOR_FLOATS ? field.size : 0;
    }
    return size;
}

/* The seeded values as a raw_data field. */
static void put_values(GByteArray *out, const Recipe *recipe) {
    put_header(out, TENSOR_RAW, recipe->count * sizeof(float));
    size_t channel = recipe->count / MAX(recipe->scales->len, 1);
    g_autofree float *values = g_new(float, channel);
    for (guint c = 0; c < recipe->scales->len; c++) {
        float scale = g_array_index(recipe->scales, float, c);
        nt_seeded_uniform(recipe->name, c * channel, channel, values);
        for (size_t i = 0; i < channel; i++) {
            values[i] *= scale;
        }
        g_byte_array_append(out, (const guint8 *)values, (guint)(channel * sizeof(float)));
    }
}

/* Fields stay in the order of their numbers, as protobuf's own writers have them, so that the bytes equal Python's. */
static void put_whole(GByteArray *out, Cursor tensor, const Recipe *recipe) {
    bool put = false;
    Field field;
    while (take_field(&tensor, &field)) {
        if (!put && field.number > TENSOR_RAW) {
            put_values(out, recipe);
            put = true;
        }
        if (field.number != TENSOR_FLOATS) {
            g_byte_array_append(out, field.head, (guint)field.size);
        }
    }
    if (!put) {
        put_values(out, recipe);
    }
}

/* One pass over the graph: adds up its whole size, or writes it (out not NULL). */
static size_t pass_graph(Cursor graph, GByteArray *out) {
    size_t total = 0;
    Field field;
    while (take_field(&graph, &field)) {
        Recipe recipe = {0};
        if (field.number == GRAPH_INITIALIZER) {
            recipe = read_recipe(field.bytes);
        }
        if (recipe.name == NULL) {
            total += field.size;
            if (out != NULL) {
                g_byte_array_append(out, field.head, (guint)field.size);
            }
        } else {
            g_autoptr(GByteArray) header = g_byte_array_new();
            size_t size = whole_size(field.bytes, &recipe);
            put_header(header, GRAPH_INITIALIZER, size);
            total += header->len + size;
            if (out != NULL) {
                g_byte_array_append(out, header->data, header->len);
                put_whole(out, field.bytes, &recipe);
            }
        }
        g_clear_pointer(&recipe.name, g_free);
        g_clear_pointer(&recipe.scales, g_array_unref);
    }
    return total;
}

GBytes *nt_seeded_onnx(const char *skeleton_path, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read(skeleton_path, 16 << 20, error);
    return bytes != NULL ? nt_seeded_onnx_bytes(bytes, skeleton_path, error) : NULL;
}

GBytes *nt_seeded_onnx_bytes(GBytes *bytes, const char *name, GError **error) {
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    Cursor model = {.at = data, .end = data + size};
    GByteArray *out = g_byte_array_new();
    Field field;
    while (take_field(&model, &field)) {
        if (field.number != MODEL_GRAPH) {
            g_byte_array_append(out, field.head, (guint)field.size);
            continue;
        }
        size_t graph = pass_graph(field.bytes, NULL);
        guint before = out->len;
        g_byte_array_set_size(out, before + (guint)graph + 64); /* all the memory at once */
        g_byte_array_set_size(out, before);
        put_header(out, MODEL_GRAPH, graph);
        pass_graph(field.bytes, out);
    }
    if (model.bad) {
        g_byte_array_unref(out);
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a skeleton", name);
        return NULL;
    }
    return g_byte_array_free_to_bytes(out);
}
