/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <string.h>

void put_bytes(GByteArray *array, const void *bytes, size_t size) { g_byte_array_append(array, bytes, (guint)size); }

void put_be32(GByteArray *array, uint32_t value) {
    uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    put_bytes(array, bytes, 4);
}

void put_le32(GByteArray *array, uint32_t value) {
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    put_bytes(array, bytes, 4);
}

void put_be16(GByteArray *array, uint16_t value) {
    uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    put_bytes(array, bytes, 2);
}

void put_le16(GByteArray *array, uint16_t value) {
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};
    put_bytes(array, bytes, 2);
}

void put_le24(GByteArray *array, uint32_t value) {
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16)};
    put_bytes(array, bytes, 3);
}

static uint32_t crc32_slow(const uint8_t *bytes, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
        }
    }
    return ~crc;
}

void put_chunk(GByteArray *png, const char *type, const void *data, size_t size) {
    put_be32(png, (uint32_t)size);
    guint from = png->len;
    put_bytes(png, type, 4);
    put_bytes(png, data, size);
    put_be32(png, crc32_slow(png->data + from, size + 4));
}

GByteArray *make_png(uint32_t width, uint32_t height, uint8_t bits, uint8_t colour) {
    GByteArray *png = g_byte_array_new();
    PUT(png, "\x89PNG\r\n\x1a\n");
    g_autoptr(GByteArray) header = g_byte_array_new();
    put_be32(header, width);
    put_be32(header, height);
    uint8_t rest[] = {bits, colour, 0, 0, 0};
    put_bytes(header, rest, sizeof rest);
    put_chunk(png, "IHDR", header->data, header->len);
    /* zlib: an empty final block. */
    put_chunk(png, "IDAT", "\x78\x9c\x03\x00\x00\x00\x00\x01", 8);
    put_chunk(png, "IEND", "", 0);
    return png;
}

GByteArray *make_jpeg(uint16_t width, uint16_t height) {
    GByteArray *jpeg = g_byte_array_new();
    PUT(jpeg, "\xff\xd8\xff\xc0\x00\x0b\x08");
    put_be16(jpeg, height);
    put_be16(jpeg, width);
    PUT(jpeg, "\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x55\xff\x00\x55\xff\xd9");
    return jpeg;
}

GByteArray *make_gif(uint16_t width, uint16_t height, uint16_t frame_width, uint16_t frame_height) {
    GByteArray *gif = g_byte_array_new();
    PUT(gif, "GIF89a");
    put_le16(gif, width);
    put_le16(gif, height);
    PUT(gif, "\x80\x00\x00\x00\x00\x00\xff\xff\xff\x2c\x00\x00\x00\x00");
    put_le16(gif, frame_width);
    put_le16(gif, frame_height);
    PUT(gif, "\x00\x02\x02\x44\x01\x00\x3b");
    return gif;
}

GByteArray *make_webp(uint32_t width, uint32_t height) {
    GByteArray *webp = g_byte_array_new();
    PUT(webp, "RIFF");
    put_le32(webp, 4 + 8 + 10);
    PUT(webp, "WEBPVP8L");
    put_le32(webp, 10);
    PUT(webp, "\x2f");
    put_le32(webp, (width - 1) | (height - 1) << 14);
    PUT(webp, "\0\0\0\0\0");
    return webp;
}

GByteArray *make_tiff(uint32_t width, uint32_t height) {
    static const uint16_t tags[] = {256, 257, 273, 279};
    GByteArray *tiff = g_byte_array_new();
    PUT(tiff, "II*\0\x08\0\0\0");
    put_le16(tiff, G_N_ELEMENTS(tags));
    for (size_t i = 0; i < G_N_ELEMENTS(tags); i++) {
        put_le16(tiff, tags[i]);
        put_le16(tiff, 4);
        put_le32(tiff, 1);
        put_le32(tiff, i == 0 ? width : i == 1 ? height : i == 2 ? 8 : 4);
    }
    put_le32(tiff, 0);
    return tiff;
}

static void put_box(GByteArray *file, const char *type, const GByteArray *content) {
    put_be32(file, 8 + content->len);
    put_bytes(file, type, 4);
    put_bytes(file, content->data, content->len);
}

GByteArray *make_heif(const char *brand, uint32_t width, uint32_t height) {
    GByteArray *file = g_byte_array_new();
    g_autoptr(GByteArray) ftyp = g_byte_array_new(), pitm = g_byte_array_new(), ispe = g_byte_array_new();
    g_autoptr(GByteArray) ipco = g_byte_array_new(), ipma = g_byte_array_new(), iprp = g_byte_array_new();
    g_autoptr(GByteArray) meta = g_byte_array_new(), mdat = g_byte_array_new();
    put_bytes(ftyp, brand, 4);
    put_be32(ftyp, 0);
    put_bytes(ftyp, brand, 4);
    put_box(file, "ftyp", ftyp);
    PUT(pitm, "\0\0\0\0\0\1");
    PUT(ispe, "\0\0\0\0");
    put_be32(ispe, width);
    put_be32(ispe, height);
    put_box(ipco, "ispe", ispe);
    PUT(ipma, "\0\0\0\0\0\0\0\1\0\1\1\1");
    put_box(iprp, "ipco", ipco);
    put_box(iprp, "ipma", ipma);
    PUT(meta, "\0\0\0\0");
    put_box(meta, "pitm", pitm);
    put_box(meta, "iprp", iprp);
    put_box(file, "meta", meta);
    PUT(mdat, "nothing");
    put_box(file, "mdat", mdat);
    return file;
}

GByteArray *make_exif(uint16_t orientation) {
    GByteArray *exif = g_byte_array_new();
    PUT(exif, "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0");
    put_le16(exif, orientation);
    PUT(exif, "\0\0\0\0\0\0");
    return exif;
}

GByteArray *with_segment(const GByteArray *jpeg, uint8_t marker, const void *data, size_t size) {
    GByteArray *out = g_byte_array_new();
    put_bytes(out, jpeg->data, 2);
    uint8_t head[] = {0xff, marker};
    put_bytes(out, head, 2);
    put_be16(out, (uint16_t)(size + 2));
    put_bytes(out, data, size);
    put_bytes(out, jpeg->data + 2, jpeg->len - 2);
    return out;
}
