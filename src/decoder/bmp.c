/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BMP, row by row into the output. The scan has found that all rows lie inside the input; run lengths are followed as
 * far as the input goes, and never out of a row. What they skip is transparent, as browsers have it: white.
 */
#include <string.h>

#include "decoder/decoder-internal.h"
#include "image/bmp.h"
#include "image/scan-internal.h"

typedef struct Reader {
    NtBmp bmp;
    const uint8_t *bytes;
    size_t size;
    uint8_t palette[256][3];
    NtPlace place;
    uint64_t rows; /* that are there */
    uint8_t *row;  /* (width, bands) */
} Reader;

static void read_palette(Reader *reader) {
    const NtBmp *bmp = &reader->bmp;
    for (unsigned i = 0; i < bmp->colours; i++) {
        const uint8_t *from = reader->bytes + bmp->palette + (size_t)i * bmp->entry;
        memcpy(reader->palette[i], (const uint8_t[]){from[2], from[1], from[0]}, 3);
    }
}

/* Row `y` of the file to row `y` of the picture. */
static void put_row(Reader *reader, uint32_t y) {
    nt_place_rows(&reader->place, reader->row, 0, reader->bmp.top_down ? y : reader->place.height - 1 - y, 1);
}

static void unpack_indices(const Reader *reader, const uint8_t *from) {
    unsigned bits = reader->bmp.bits, mask = (1U << bits) - 1;
    for (uint32_t x = 0; x < reader->place.width; x++) {
        size_t bit = (size_t)x * bits;
        unsigned index = from[bit / 8] >> (8 - bits - bit % 8) & mask;
        memcpy(reader->row + 3 * (size_t)x, reader->palette[index], 3);
    }
}

/* The bits under a mask as 0 to 255, rounded. */
static uint8_t scale(uint32_t pixel, uint32_t mask, unsigned shift) {
    uint64_t top = mask >> shift;
    return (uint8_t)(top == 0     ? 0
                     : top == 255 ? (pixel & mask) >> shift
                                  : (((uint64_t)(pixel & mask) >> shift) * 255 + top / 2) / top);
}

static void unpack_masked(const Reader *reader, const uint8_t *from) {
    const uint32_t *masks = reader->bmp.masks;
    unsigned shifts[4], bands = reader->place.bands;
    for (int c = 0; c < 4; c++) {
        shifts[c] = masks[c] == 0 ? 0 : (unsigned)__builtin_ctz(masks[c]);
    }
    for (uint32_t x = 0; x < reader->place.width; x++) {
        uint32_t pixel = reader->bmp.bits == 16 ? nt_le16(from + 2 * (size_t)x) : nt_le32(from + 4 * (size_t)x);
        for (unsigned c = 0; c < bands; c++) {
            reader->row[(size_t)x * bands + c] = scale(pixel, masks[c], shifts[c]);
        }
    }
}

static void unpack_row(const Reader *reader, const uint8_t *from) {
    switch (reader->bmp.bits) {
    case 16:
    case 32: unpack_masked(reader, from); break;
    case 24:
        for (size_t x = 0; x < reader->place.width; x++) {
            memcpy(reader->row + 3 * x, (const uint8_t[]){from[3 * x + 2], from[3 * x + 1], from[3 * x]}, 3);
        }
        break;
    default: unpack_indices(reader, from);
    }
}

/* Many programs write an alpha that is 0 everywhere and mean an opaque picture. */
static bool has_alpha(const Reader *reader) {
    const NtBmp *bmp = &reader->bmp;
    for (uint64_t y = 0; bmp->masks[3] != 0 && y < reader->rows; y++) {
        const uint8_t *row = reader->bytes + bmp->data + y * bmp->stride;
        for (uint64_t x = 0; x < bmp->width; x++) {
            uint32_t pixel = bmp->bits == 16 ? nt_le16(row + 2 * x) : nt_le32(row + 4 * x);
            if ((pixel & bmp->masks[3]) != 0) {
                return true;
            }
        }
    }
    return false;
}

static void read_rows(Reader *reader) {
    for (uint32_t y = 0; y < reader->place.height; y++) {
        if (y < reader->rows) { /* else the last one is repeated */
            unpack_row(reader, reader->bytes + reader->bmp.data + y * reader->bmp.stride);
        }
        put_row(reader, y);
    }
}

/* ---- run lengths ---- */

typedef struct Runs {
    Reader *reader;
    size_t at;
    uint32_t x, y; /* where the next pixel goes; y counts from the bottom */
} Runs;

static void put_index(Runs *runs, unsigned index) {
    if (runs->x < runs->reader->place.width) {
        memcpy(runs->reader->row + 3 * (size_t)runs->x++, runs->reader->palette[index], 3);
    }
}

/* Ends the row, and `rows` - 1 empty ones above it. */
static void next_rows(Runs *runs, unsigned rows) {
    Reader *reader = runs->reader;
    for (unsigned i = 0; i < rows && runs->y < reader->place.height; i++) {
        put_row(reader, runs->y++);
        memset(reader->row, 255, (size_t)reader->place.width * 3);
    }
}

/* `count` pixels written out, padded to 16 bits. False when the input ends. */
static bool put_literally(Runs *runs, unsigned count) {
    unsigned bits = runs->reader->bmp.bits, bytes = (count * bits + 7) / 8;
    if (runs->reader->size - runs->at < bytes) {
        return false;
    }
    const uint8_t *from = runs->reader->bytes + runs->at;
    for (unsigned i = 0; i < count; i++) {
        put_index(runs, bits == 8 ? from[i] : i % 2 == 0 ? from[i / 2] >> 4U : from[i / 2] & 15U);
    }
    runs->at = MIN(runs->at + bytes + (bytes & 1), runs->reader->size);
    return true;
}

/* What follows a zero: the end of a row (0) or the picture (1), a step (2), or pixels. False at the end. */
static bool read_escape(Runs *runs, unsigned code) {
    const Reader *reader = runs->reader;
    if (code == 0) {
        next_rows(runs, 1);
        runs->x = 0;
        return true;
    }
    if (code == 2 && reader->size - runs->at >= 2) {
        uint32_t x = runs->x + reader->bytes[runs->at];
        next_rows(runs, reader->bytes[runs->at + 1]);
        runs->x = MIN(x, reader->place.width);
        runs->at += 2;
        return true;
    }
    return code > 2 && put_literally(runs, code);
}

/* False when the input ended before the last row was begun and without saying so. */
static bool read_runs(Reader *reader) {
    Runs runs = {.reader = reader, .at = reader->bmp.data};
    bool more = true, ended = false;
    memset(reader->row, 255, (size_t)reader->place.width * 3);
    while (more && runs.y < reader->place.height && reader->size - runs.at >= 2) {
        unsigned count = reader->bytes[runs.at], value = reader->bytes[runs.at + 1];
        runs.at += 2;
        if (count == 0) {
            ended = value == 1;
            more = read_escape(&runs, value);
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            put_index(&runs, reader->bmp.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
        }
    }
    bool whole = ended || runs.y + 1 >= reader->place.height;
    next_rows(&runs, reader->place.height - runs.y);
    return whole;
}

void nt_helper_decode_bmp(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    Reader reader = {.bytes = helper->input, .size = request->size};
    const char *what = "";
    if (!nt_bmp_sniff(reader.bytes, reader.size) ||
        nt_bmp_read(reader.bytes, reader.size, &reader.bmp, &what) != NT_BMP_SOUND) {
        nt_reply_fail(reply, NT_WIRE_CORRUPT, "a damaged BMP");
        return;
    }
    const NtBmp *bmp = &reader.bmp;
    if (bmp->width == 0 || bmp->height == 0 || !nt_helper_check_size(helper, bmp->width, bmp->height, reply)) {
        return;
    }
    uint64_t left = reader.size - bmp->data;
    reader.rows = left >= bmp->row ? MIN((left - bmp->row) / bmp->stride + 1, bmp->height) : 0;
    reply->percent = bmp->rle ? 100 : (uint32_t)(reader.rows * 100 / bmp->height);
    if (reply->percent < request->percent || (!bmp->rle && reader.rows == 0)) {
        nt_reply_fail(reply, NT_WIRE_CORRUPT, "a BMP cut off after %u %%", reply->percent);
        return;
    }
    read_palette(&reader);
    reader.place = (NtPlace){.output = helper->output,
                             .width = (uint32_t)bmp->width,
                             .height = (uint32_t)bmp->height,
                             .bands = !bmp->rle && bmp->bits >= 16 && has_alpha(&reader) ? 4 : 3,
                             .orientation = 1};
    reader.row = g_malloc((size_t)reader.place.width * reader.place.bands);
    if (bmp->rle && !read_runs(&reader)) {
        nt_reply_fail(reply, NT_WIRE_CORRUPT, "a BMP cut off: its run lengths end before the picture does");
    } else if (!bmp->rle) {
        read_rows(&reader);
    }
    nt_helper_set_size(&reader.place, reply);
    g_free(reader.row);
}
