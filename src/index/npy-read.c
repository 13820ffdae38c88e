/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading .npy: the magic, a version, the length of a header, and the header: a Python dictionary of three keys, of
 * which we take the form NumPy writes and the freedoms its own reader allows (any order, either quote, spaces).
 */
#include "base/base.h"
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MAX = 65536 };

typedef enum Number { FLOAT16, FLOAT32, FLOAT64, INT8, UINT8 } Number;

struct NtNpyReader {
    int fd;
    char *path;
    char descr[8];
    Number number;
    size_t size;  /* bytes of one number */
    bool swapped; /* the other byte order */
    uint64_t rows;
    size_t dim;
    uint64_t data; /* offset of the first number */
};

/* ---- the header ---- */

typedef struct Parser {
    const char *at, *end;
} Parser;

static void skip_spaces(Parser *parser) {
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\t')) {
        parser->at++;
    }
}

static bool take(Parser *parser, char c) {
    skip_spaces(parser);
    if (parser->at < parser->end && *parser->at == c) {
        parser->at++;
        return true;
    }
    return false;
}

/* A quoted text without escapes, into `out` (room bytes). */
static bool take_text(Parser *parser, char *out, size_t room) {
    skip_spaces(parser);
    if (parser->at >= parser->end || (*parser->at != '\'' && *parser->at != '"')) {
        return false;
    }
    char quote = *parser->at++;
    const char *close = memchr(parser->at, quote, (size_t)(parser->end - parser->at));
    if (close == NULL || (size_t)(close - parser->at) >= room) {
        return false;
    }
    memcpy(out, parser->at, (size_t)(close - parser->at));
    out[close - parser->at] = '\0';
    parser->at = close + 1;
    return true;
}

static bool take_word(Parser *parser, const char *word) {
    size_t length = strlen(word);
    skip_spaces(parser);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

/* (), (7,), (7, 3), ...: up to four axes; a negative or huge number is no number. */
static bool take_shape(Parser *parser, uint64_t *out, unsigned *out_axes) {
    *out_axes = 0;
    if (!take(parser, '(')) {
        return false;
    }
    while (!take(parser, ')')) {
        uint64_t value = 0;
        unsigned digits = 0;
        skip_spaces(parser);
        for (; parser->at < parser->end && g_ascii_isdigit(*parser->at) && digits < 19; digits++) {
            value = value * 10 + (uint64_t)(*parser->at++ - '0');
        }
        if (digits == 0 || digits == 19 || *out_axes == 4) {
            return false;
        }
        out[(*out_axes)++] = value;
        if (!take(parser, ',')) {
            return take(parser, ')');
        }
    }
    return true;
}

typedef struct Layout {
    char descr[64];
    bool has_descr, has_order, has_shape, fortran;
    uint64_t shape[4];
    unsigned axes;
} Layout;

static bool parse_header(Parser *parser, Layout *out) {
    if (!take(parser, '{')) {
        return false;
    }
    while (!take(parser, '}')) {
        char key[32];
        if (!take_text(parser, key, sizeof key) || !take(parser, ':')) {
            return false;
        }
        bool ok = false;
        if (strcmp(key, "descr") == 0 && !out->has_descr) {
            out->has_descr = ok = take_text(parser, out->descr, sizeof out->descr);
        } else if (strcmp(key, "fortran_order") == 0 && !out->has_order) {
            out->fortran = take_word(parser, "True");
            out->has_order = ok = out->fortran || take_word(parser, "False");
        } else if (strcmp(key, "shape") == 0 && !out->has_shape) {
            out->has_shape = ok = take_shape(parser, out->shape, &out->axes);
        }
        if (!ok) {
            return false;
        }
        if (!take(parser, ',')) {
            if (!take(parser, '}')) {
                return false;
            }
            break;
        }
    }
    skip_spaces(parser);
    return parser->at == parser->end && out->has_descr && out->has_order && out->has_shape;
}

/* ---- opening ---- */

static bool understand_type(NtNpyReader *reader, const Layout *layout, GError **error) {
    static const struct {
        const char *code;
        Number number;
        size_t size;
    } types[] = {{"f2", FLOAT16, 2}, {"f4", FLOAT32, 4}, {"f8", FLOAT64, 8}, {"i1", INT8, 1}, {"u1", UINT8, 1}};
    const char *descr = layout->descr;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        bool order = types[i].size == 1 ? *descr == '|' : *descr == '<' || *descr == '>';
        if (order && strcmp(descr + 1, types[i].code) == 0) {
            reader->number = types[i].number;
            reader->size = types[i].size;
            reader->swapped = types[i].size > 1 && (*descr == '>') == (G_BYTE_ORDER == G_LITTLE_ENDIAN);
            g_strlcpy(reader->descr, descr, sizeof reader->descr);
            return true;
        }
    }
    g_autofree char *safe = nt_text_printable(descr, 20);
    return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                   "%s: numbers of type '%s'; float32 is what is wanted: numpy.save(name, array.astype('float32'))",
                   reader->path, safe);
}

/* The shape against the file's size, before anything is believed. */
static bool understand_shape(NtNpyReader *reader, const Layout *layout, uint64_t rest, GError **error) {
    if (layout->fortran) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: column by column; numpy.save(name, numpy.ascontiguousarray(array)) writes it by rows",
                       reader->path);
    }
    if (layout->axes != 1 && layout->axes != 2) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: %u axes; vectors have two: numpy.save(name, array.reshape(len(array), -1))", reader->path,
                       layout->axes);
    }
    uint64_t rows = layout->axes == 2 ? layout->shape[0] : 1, dim = layout->shape[layout->axes - 1], bytes;
    if (__builtin_mul_overflow(rows, dim, &bytes) || __builtin_mul_overflow(bytes, reader->size, &bytes) ||
        bytes != rest) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: the header says %" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                       " numbers of %zu bytes, but %" G_GUINT64_FORMAT " bytes follow",
                       reader->path, rows, dim, reader->size, rest);
    }
    if (dim > NT_DIMENSION_MAX || rows > NT_VECTORS_ROWS_MAX || (dim == 0 && rows > 0)) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: %" G_GUINT64_FORMAT " rows of %" G_GUINT64_FORMAT " numbers; a row has 1 to %d",
                       reader->path, rows, dim, NT_DIMENSION_MAX);
    }
    reader->rows = rows;
    reader->dim = (size_t)dim;
    return true;
}

static bool read_all(const NtNpyReader *reader, void *out, size_t size, uint64_t offset, GError **error) {
    for (size_t at = 0; at < size;) {
        ssize_t got = pread(reader->fd, (char *)out + at, size - at, (off_t)(offset + at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nt_fail_errno(error, errno, "%s", reader->path);
        }
        if (got == 0) {
            return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: cut off", reader->path);
        }
        at += (size_t)got;
    }
    return true;
}

static bool read_header(NtNpyReader *reader, uint64_t size, GError **error) {
    uint8_t start[12] = {0};
    if (size < sizeof start || !read_all(reader, start, sizeof start, 0, NULL) || memcmp(start, "\x93NUMPY", 6) != 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not an .npy file", reader->path);
    }
    if (start[6] < 1 || start[6] > 3 || start[7] != 0) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: .npy version %u.%u; 1.0, 2.0 and 3.0 are read",
                       reader->path, start[6], start[7]);
    }
    bool wide = start[6] > 1; /* four bytes of length instead of two */
    uint64_t length = start[8] | (uint64_t)start[9] << 8;
    length |= wide ? (uint64_t)start[10] << 16 | (uint64_t)start[11] << 24 : 0;
    reader->data = (wide ? 12 : 10) + length;
    if (length > HEADER_MAX || reader->data > size) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: a header of %" G_GUINT64_FORMAT " bytes in a file of %" G_GUINT64_FORMAT, reader->path,
                       length, size);
    }
    g_autofree char *text = g_malloc(length + 1);
    if (!read_all(reader, text, length, wide ? 12 : 10, error)) {
        return false;
    }
    Layout layout = {0};
    Parser parser = {text, text + length};
    if (!parse_header(&parser, &layout)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: the header is not that of a plain array of numbers (descr, fortran_order and shape)",
                       reader->path);
    }
    return understand_type(reader, &layout, error) && understand_shape(reader, &layout, size - reader->data, error);
}

NtNpyReader *nt_npy_open(const char *path, GError **error) {
    int fd = nt_file_open(path, path, error);
    struct stat st;
    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, &st) != 0) {
        nt_fail_errno(error, errno, "%s", path);
        close(fd);
        return NULL;
    }
    g_autoptr(NtNpyReader) reader = g_new0(NtNpyReader, 1);
    reader->fd = fd;
    reader->path = g_strdup(path);
    if (!S_ISREG(st.st_mode)) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a regular file", path);
        return NULL;
    }
    return read_header(reader, (uint64_t)st.st_size, error) ? g_steal_pointer(&reader) : NULL;
}

void nt_npy_close(NtNpyReader *reader) {
    if (reader != NULL) {
        close(reader->fd);
        g_free(reader->path);
        g_free(reader);
    }
}

uint64_t nt_npy_rows(const NtNpyReader *reader) { return reader->rows; }
size_t nt_npy_dim(const NtNpyReader *reader) { return reader->dim; }
const char *nt_npy_descr(const NtNpyReader *reader) { return reader->descr; }

/* ---- rows ---- */

static void swap_bytes(uint8_t *bytes, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            uint8_t kept = bytes[i * size + a];
            bytes[i * size + a] = bytes[i * size + b];
            bytes[i * size + b] = kept;
        }
    }
}

static void convert(Number number, const void *from, size_t count, float *out) {
    switch (number) {
    case FLOAT16: nt_kernels()->to_f32(from, count, out); break;
    case FLOAT32: memcpy(out, from, count * sizeof(float)); break;
    case FLOAT64:
        for (size_t i = 0; i < count; i++) {
            out[i] = (float)((const double *)from)[i];
        }
        break;
    case INT8:
        for (size_t i = 0; i < count; i++) {
            out[i] = ((const int8_t *)from)[i];
        }
        break;
    case UINT8:
        for (size_t i = 0; i < count; i++) {
            out[i] = ((const uint8_t *)from)[i];
        }
        break;
    }
}

bool nt_npy_read(NtNpyReader *reader, uint64_t first, size_t count, float *out, GError **error) {
    if (first > reader->rows || count > reader->rows - first) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: rows %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT, reader->path,
                       first, first + count, reader->rows);
    }
    size_t numbers = count * reader->dim;
    nt_autofree uint8_t *bytes = nt_alloc(numbers, reader->size, "rows of an .npy", error);
    if (bytes == NULL ||
        !read_all(reader, bytes, numbers * reader->size, reader->data + first * reader->dim * reader->size, error)) {
        return false;
    }
    if (reader->swapped) {
        swap_bytes(bytes, numbers, reader->size);
    }
    convert(reader->number, bytes, numbers, out);
    return true;
}
