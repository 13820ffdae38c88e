/* SPDX-License-Identifier: Apache-2.0 */
/* Files made by hand, byte by byte, for the tests of what a photo claims about itself. */
#ifndef NT_TEST_BYTES_H
#define NT_TEST_BYTES_H

#include <glib.h>
#include <stdint.h>

/* Appends text with its NULs (a literal), and numbers in either byte order. */
#define PUT(array, literal) g_byte_array_append(array, (const guint8 *)(literal), sizeof(literal) - 1)
void put_bytes(GByteArray *array, const void *bytes, size_t size);
void put_be32(GByteArray *array, uint32_t value);
void put_le32(GByteArray *array, uint32_t value);
void put_be16(GByteArray *array, uint16_t value);
void put_le16(GByteArray *array, uint16_t value);
void put_le24(GByteArray *array, uint32_t value);

/* A PNG chunk with its checksum. */
void put_chunk(GByteArray *png, const char *type, const void *data, size_t size);
/* Signature, IHDR of 8-bit RGB (or 1-bit grey), a little IDAT, IEND. The IDAT does not hold that many pixels. */
GByteArray *make_png(uint32_t width, uint32_t height, uint8_t bits, uint8_t colour);
/* SOI, SOF0, SOS, a few bytes, EOI. */
GByteArray *make_jpeg(uint16_t width, uint16_t height);
/* A screen, one frame at (0, 0) of its own size with almost no data, the trailer. */
GByteArray *make_gif(uint16_t width, uint16_t height, uint16_t frame_width, uint16_t frame_height);
/* A VP8L stream header, with no data to speak of. Sides up to 16384. */
GByteArray *make_webp(uint32_t width, uint32_t height);
/* One directory with LONG width and height and a strip. */
GByteArray *make_tiff(uint32_t width, uint32_t height);
/* ftyp, meta with pitm and iprp, mdat. */
GByteArray *make_heif(const char *brand, uint32_t width, uint32_t height);
/* EXIF with an orientation, as the TIFF file it is. */
GByteArray *make_exif(uint16_t orientation);
/* `jpeg` with an APP segment put behind its SOI. New. */
GByteArray *with_segment(const GByteArray *jpeg, uint8_t marker, const void *data, size_t size);

#endif
