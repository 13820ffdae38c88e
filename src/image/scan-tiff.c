/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TIFF 6.0 and BigTIFF: the first directory only, since the first page is what is read. Sizes, tile sizes, the amount
 * of metadata, and that every strip or tile lies inside the file.
 */
#include "image/scan-internal.h"

typedef struct Reader {
    NtScan *scan;
    bool little, big; /* byte order; BigTIFF (64-bit offsets) */
} Reader;

/* One directory entry: `count` values of `type`, at `values` bytes from the start of the file. */
typedef struct Field {
    uint16_t tag, type;
    uint64_t count, values;
} Field;

enum {
    TAG_WIDTH = 256,
    TAG_HEIGHT = 257,
    TAG_BITS = 258,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_STRIP_OFFSETS = 273,
    TAG_ORIENTATION = 274,
    TAG_SAMPLES = 277,
    TAG_STRIP_BYTES = 279,
    TAG_PLANES = 284,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_HEIGHT = 323,
    TAG_TILE_OFFSETS = 324,
    TAG_TILE_BYTES = 325,
    TAG_SAMPLE_FORMAT = 339,
    TAG_XMP = 700,
    TAG_IPTC = 33723,
    TAG_PHOTOSHOP = 34377,
    TAG_ICC = 34675,
};

enum { COMPRESSION_OLD_JPEG = 6, PHOTOMETRIC_RGB = 2, PHOTOMETRIC_LAB = 8 };

static uint16_t read16(const Reader *reader, uint64_t at) {
    const uint8_t *bytes = reader->scan->bytes + at;
    return reader->little ? nt_le16(bytes) : nt_be16(bytes);
}
static uint32_t read32(const Reader *reader, uint64_t at) {
    const uint8_t *bytes = reader->scan->bytes + at;
    return reader->little ? nt_le32(bytes) : nt_be32(bytes);
}
static uint64_t read64(const Reader *reader, uint64_t at) {
    const uint8_t *bytes = reader->scan->bytes + at;
    return reader->little ? nt_le64(bytes) : nt_be64(bytes);
}
static uint64_t read_offset(const Reader *reader, uint64_t at) {
    return reader->big ? read64(reader, at) : read32(reader, at);
}

static bool inside(const Reader *reader, uint64_t at, uint64_t size) {
    return at <= reader->scan->size && size <= reader->scan->size - at;
}

static unsigned type_size(uint16_t type) {
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < G_N_ELEMENTS(sizes) ? sizes[type] : 0;
}

/* The i-th value of an unsigned field (BYTE, SHORT, LONG, LONG8); 0 for other types. */
static uint64_t value_at(const Reader *reader, const Field *field, uint64_t i) {
    uint64_t at = field->values + i * type_size(field->type);
    switch (field->type) {
    case 1: return reader->scan->bytes[at];
    case 3: return read16(reader, at);
    case 4: return read32(reader, at);
    case 16: return read64(reader, at);
    default: return 0;
    }
}

static bool read_field(const Reader *reader, uint64_t at, Field *field) {
    field->tag = read16(reader, at);
    field->type = read16(reader, at + 2);
    field->count = read_offset(reader, at + 4);
    uint64_t value = at + (reader->big ? 12 : 8), room = reader->big ? 8 : 4, size;
    if (__builtin_mul_overflow(field->count, (uint64_t)type_size(field->type), &size)) {
        return nt_scan_damaged(reader->scan, "a field of impossible length");
    }
    field->values = size <= room ? value : read_offset(reader, value);
    return true;
}

typedef struct Directory {
    uint64_t width, height, tile_width, tile_height, samples, bits, orientation, compression, photometric, planes;
    uint64_t sample_format; /* of the channel furthest from unsigned whole numbers */
    bool bits_differ;       /* from channel to channel */
    Field offsets, bytes;
} Directory;

/* One value for each channel; more than a few channels are no photo, so a few are looked at. */
enum { CHANNELS_SEEN = 64 };

static void take_bits(const Reader *reader, const Field *field, Directory *directory) {
    directory->bits = value_at(reader, field, 0);
    for (uint64_t i = 1; i < MIN(field->count, CHANNELS_SEEN); i++) {
        uint64_t bits = value_at(reader, field, i);
        directory->bits_differ |= bits != directory->bits;
        directory->bits = MAX(directory->bits, bits);
    }
}

static void take_sample_format(const Reader *reader, const Field *field, Directory *directory) {
    for (uint64_t i = 0; i < MIN(field->count, CHANNELS_SEEN); i++) {
        uint64_t format = value_at(reader, field, i);
        directory->sample_format = format != 4 ? MAX(directory->sample_format, format) : directory->sample_format;
    }
}

static bool take_field(const Reader *reader, const Field *field, Directory *directory) {
    uint64_t size = field->count * type_size(field->type);
    switch (field->tag) {
    case TAG_WIDTH:
    case TAG_HEIGHT:
    case TAG_BITS:
    case TAG_COMPRESSION:
    case TAG_PHOTOMETRIC:
    case TAG_PLANES:
    case TAG_SAMPLE_FORMAT:
    case TAG_ORIENTATION:
    case TAG_SAMPLES:
    case TAG_TILE_WIDTH:
    case TAG_TILE_HEIGHT:
    case TAG_STRIP_OFFSETS:
    case TAG_TILE_OFFSETS:
    case TAG_STRIP_BYTES:
    case TAG_TILE_BYTES: break;
    case TAG_XMP:
    case TAG_IPTC:
    case TAG_PHOTOSHOP:
    case TAG_ICC: return nt_scan_add_metadata(reader->scan, size);
    default: return true;
    }
    /* A type without a size would make any count fit into the file, and the loop over it endless. */
    if (field->count == 0 || type_size(field->type) == 0) {
        return nt_scan_damaged(reader->scan, "a field without values");
    }
    if (!inside(reader, field->values, size)) {
        uint64_t end;
        return nt_scan_cut_off(reader->scan, __builtin_add_overflow(field->values, size, &end) ? 0 : end);
    }
    switch (field->tag) {
    case TAG_WIDTH: directory->width = value_at(reader, field, 0); break;
    case TAG_HEIGHT: directory->height = value_at(reader, field, 0); break;
    case TAG_BITS: take_bits(reader, field, directory); break;
    case TAG_COMPRESSION: directory->compression = value_at(reader, field, 0); break;
    case TAG_PHOTOMETRIC: directory->photometric = value_at(reader, field, 0); break;
    case TAG_PLANES: directory->planes = value_at(reader, field, 0); break;
    case TAG_SAMPLE_FORMAT: take_sample_format(reader, field, directory); break;
    case TAG_ORIENTATION: directory->orientation = value_at(reader, field, 0); break;
    case TAG_SAMPLES: directory->samples = value_at(reader, field, 0); break;
    case TAG_TILE_WIDTH: directory->tile_width = value_at(reader, field, 0); break;
    case TAG_TILE_HEIGHT: directory->tile_height = value_at(reader, field, 0); break;
    case TAG_STRIP_OFFSETS:
    case TAG_TILE_OFFSETS: directory->offsets = *field; break;
    default: directory->bytes = *field; break;
    }
    return true;
}

/* Every strip or tile lies inside the file. */
static bool check_data(const Reader *reader, const Directory *directory) {
    const Field *offsets = &directory->offsets, *bytes = &directory->bytes;
    if (offsets->count == 0) {
        return nt_scan_damaged(reader->scan, "it holds no picture");
    }
    uint64_t needed = 0;
    for (uint64_t i = 0; i < MIN(offsets->count, bytes->count); i++) {
        uint64_t end;
        if (__builtin_add_overflow(value_at(reader, offsets, i), value_at(reader, bytes, i), &end)) {
            return nt_scan_damaged(reader->scan, "a strip at an impossible place");
        }
        needed = MAX(needed, end);
    }
    return needed <= reader->scan->size || nt_scan_cut_off(reader->scan, needed);
}

/* Refuses numbers whose black and white nobody has agreed on, and what no decoder at hand reads, by name. Guessing
 * would make a picture of something else. */
static bool check_numbers(NtScan *scan, const Directory *directory) {
    static const char *const formats[] = {[2] = "signed whole numbers",
                                          [3] = "floating-point numbers",
                                          [5] = "complex whole numbers",
                                          [6] = "complex numbers"};
    uint64_t format = directory->sample_format, bits = directory->bits;
    if (directory->photometric == PHOTOMETRIC_LAB) {
        return true; /* L, a and b have their units, whatever they are written as */
    }
    if (format > 1) {
        bool known = format < G_N_ELEMENTS(formats) && formats[format] != NULL;
        return nt_scan_unsupported(scan,
                                   "its pixels are %s, for which no black and white is defined; save it with 8 or "
                                   "16 bits a channel",
                                   known ? formats[format] : "of an unknown kind");
    }
    if (directory->bits_differ || (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 32)) {
        return nt_scan_unsupported(scan, "%u%s bits a channel; 1, 2, 4, 8, 16 and 32 (the same for all) can be read",
                                   (unsigned)bits, directory->bits_differ ? " and other" : "");
    }
    if (bits == 32 && directory->photometric != UINT64_MAX && directory->photometric > PHOTOMETRIC_RGB) {
        return nt_scan_unsupported(scan, "32 bits a channel in a colour space other than grey or RGB");
    }
    return true;
}

/* The colour spaces that are read as what they are; another would be shown as if its numbers were red, green, blue. */
static bool check_colours(NtScan *scan, const Directory *directory) {
    enum { WHITE_IS_ZERO = 0, PALETTE = 3, SEPARATED = 5, YCBCR = 6, JPEG = 7 };
    uint64_t samples = directory->samples, bits = directory->bits;
    switch (directory->photometric) {
    case UINT64_MAX: return true; /* not said: libtiff tells it from the channels */
    case WHITE_IS_ZERO:
    case WHITE_IS_ZERO + 1: return true;
    case PHOTOMETRIC_RGB: return samples >= 3 || nt_scan_unsupported(scan, "RGB in %u channels", (unsigned)samples);
    case PALETTE:
        return (samples == 1 && bits <= 8) ||
               nt_scan_unsupported(scan, "a palette of other than 8 bits and one channel");
    case SEPARATED: return samples >= 4 || nt_scan_unsupported(scan, "inks in %u channels", (unsigned)samples);
    case YCBCR:
        return directory->compression == JPEG ||
               nt_scan_unsupported(scan, "YCbCr that is not compressed as JPEG; save it as RGB");
    case PHOTOMETRIC_LAB:
        return (samples >= 3 && (bits == 8 || bits == 16 || bits == 32)) ||
               nt_scan_unsupported(scan, "Lab in %u channels of %u bits", (unsigned)samples, (unsigned)bits);
    default:
        return nt_scan_unsupported(scan,
                                   "a colour space (photometric interpretation %u) that is not read; save it as RGB",
                                   (unsigned)MIN(directory->photometric, UINT32_MAX));
    }
}

static bool check_layout(NtScan *scan, const Directory *directory) {
    bool tiled = directory->tile_width != 0 || directory->tile_height != 0;
    if (tiled && directory->planes == 2 && directory->samples > 1) {
        return nt_scan_unsupported(scan, "tiles with a plane for each channel; save it in strips, or with channels "
                                         "interleaved");
    }
    if (directory->compression == COMPRESSION_OLD_JPEG) {
        return nt_scan_unsupported(scan, "the old JPEG compression (6) of 1992, which was withdrawn; save it anew");
    }
    return true;
}

static bool check_directory(const Reader *reader, const Directory *directory) {
    NtScan *scan = reader->scan;
    if (!nt_scan_set_size(scan, directory->width, directory->height)) {
        return false;
    }
    bool tiled = directory->tile_width != 0 || directory->tile_height != 0;
    if (tiled && !nt_scan_check_frame(scan, directory->tile_width, directory->tile_height)) {
        return false;
    }
    if (directory->samples > 64 || directory->bits > 64) {
        return nt_scan_damaged(scan, "an absurd number of channels or bits");
    }
    bool turned = directory->orientation >= 1 && directory->orientation <= 8;
    scan->out->orientation = turned ? (uint32_t)directory->orientation : 1;
    return check_layout(scan, directory) && check_colours(scan, directory) && check_numbers(scan, directory) &&
           check_data(reader, directory);
}

bool nt_scan_tiff(NtScan *scan) {
    Reader reader = {.scan = scan, .little = scan->bytes[0] == 'I'};
    reader.big = (reader.little ? scan->bytes[2] : scan->bytes[3]) == '+';
    if (!inside(&reader, 0, reader.big ? 16 : 8)) {
        return nt_scan_cut_off(scan, 0);
    }
    uint64_t at = read_offset(&reader, reader.big ? 8 : 4), head = reader.big ? 8 : 2, entry = reader.big ? 20 : 12;
    uint64_t tail = reader.big ? 8 : 4; /* where the next directory is */
    if (!inside(&reader, at, head)) {
        return at < UINT64_MAX - head ? nt_scan_cut_off(scan, at + head)
                                      : nt_scan_damaged(scan, "its directory lies at an impossible place");
    }
    uint64_t count = reader.big ? read64(&reader, at) : read16(&reader, at);
    if (count == 0 || count > 65535) {
        return nt_scan_damaged(scan, "its directory has an impossible number of fields");
    }
    at += head;
    if (!inside(&reader, at, count * entry + tail)) {
        return nt_scan_cut_off(scan, at + count * entry + tail);
    }
    Directory directory = {
        .samples = 1, .bits = 1, .sample_format = 1, .planes = 1, .compression = 1, .photometric = UINT64_MAX};
    for (uint64_t i = 0; i < count; i++) {
        Field field;
        if (!read_field(&reader, at + i * entry, &field) || !take_field(&reader, &field, &directory)) {
            return false;
        }
    }
    uint64_t next = at + count * entry;
    scan->out->frames = read_offset(&reader, next) != 0 ? 2 : 1;
    return check_directory(&reader, &directory);
}
