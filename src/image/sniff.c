/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first look: which format the first bytes claim. Signatures only, at fixed places; what lies deeper is the scan's
 * work. Kinds that niteru does not read are recognised too, so that a refusal can say what was given instead.
 */
#include "image/image.h"

#include <string.h>

#include "image/bmp.h"
#include "image/scan-internal.h"

typedef struct Signature {
    const char *bytes;
    uint8_t size;
    uint16_t offset;
    const char *what;
} Signature;

static bool matches(const uint8_t *bytes, size_t size, const char *signature, size_t length, size_t offset) {
    return size >= offset + length && memcmp(bytes + offset, signature, length) == 0;
}
#define MATCHES(literal, offset) matches(bytes, size, literal, sizeof(literal) - 1, offset)

/* Brands of ISO base media files, the four letters after "ftyp" and those of the compatible list. */
static const char *const avif_brands[] = {"avif", "avis"};
static const char *const heic_brands[] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"};
/* Still-image brands that do not say which codec; the compatible brands or the scan decide. */
static const char *const still_brands[] = {"mif1", "msf1", "miaf", "mif2"};

static bool is_one_of(const uint8_t *brand, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(brand, list[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

static NtImageFormat sniff_ftyp(const uint8_t *bytes, size_t size) {
    size_t end = MIN(nt_be32(bytes), MIN(size, 256));
    bool still = false;
    for (size_t at = 8; at + 4 <= end; at += 4) {
        if (at == 12) { /* the minor version, not a brand */
            continue;
        }
        if (is_one_of(bytes + at, avif_brands, G_N_ELEMENTS(avif_brands))) {
            return NT_IMAGE_AVIF;
        }
        if (is_one_of(bytes + at, heic_brands, G_N_ELEMENTS(heic_brands))) {
            return NT_IMAGE_HEIC;
        }
        still |= at == 8 && is_one_of(bytes + at, still_brands, G_N_ELEMENTS(still_brands));
    }
    /* A still image that names no codec is, in the wild, a HEIC; the loader is the same one anyway. */
    return still ? NT_IMAGE_HEIC : NT_IMAGE_UNKNOWN;
}

NtImageFormat nt_image_sniff(const uint8_t *bytes, size_t size) {
    if (MATCHES("\xff\xd8\xff", 0)) {
        return NT_IMAGE_JPEG;
    }
    if (MATCHES("\x89PNG\r\n\x1a\n", 0)) {
        return NT_IMAGE_PNG;
    }
    if (MATCHES("RIFF", 0) && MATCHES("WEBP", 8)) {
        return NT_IMAGE_WEBP;
    }
    if (MATCHES("GIF87a", 0) || MATCHES("GIF89a", 0)) {
        return NT_IMAGE_GIF;
    }
    if (MATCHES("II*\0", 0) || MATCHES("MM\0*", 0) || MATCHES("II+\0", 0) || MATCHES("MM\0+", 0)) {
        return NT_IMAGE_TIFF;
    }
    if (nt_bmp_sniff(bytes, size)) {
        return NT_IMAGE_BMP;
    }
    return size >= 16 && MATCHES("ftyp", 4) ? sniff_ftyp(bytes, size) : NT_IMAGE_UNKNOWN;
}

const char *nt_image_format_name(NtImageFormat format) {
    static const char *const names[] = {"unknown", "JPEG", "PNG", "WebP", "GIF", "TIFF", "AVIF", "HEIC", "BMP"};
    return (size_t)format < G_N_ELEMENTS(names) ? names[format] : names[0];
}

const char *nt_image_mime(NtImageFormat format) {
    static const char *const types[] = {"application/octet-stream",
                                        "image/jpeg",
                                        "image/png",
                                        "image/webp",
                                        "image/gif",
                                        "image/tiff",
                                        "image/avif",
                                        "image/heic",
                                        "image/bmp"};
    return (size_t)format < G_N_ELEMENTS(types) ? types[format] : types[0];
}

#define SIGNATURE(literal, offset, what)                                                                               \
    { literal, sizeof(literal) - 1, offset, what }

static const Signature others[] = {
    SIGNATURE("%PDF-", 0, "a PDF"),
    SIGNATURE("8BPS", 0, "a Photoshop file"),
    SIGNATURE("BM", 0, "a BMP picture without a header that is known, or a text"),
    SIGNATURE("\0\0\1\0", 0, "an icon (ICO)"),
    SIGNATURE("\0\0\2\0", 0, "a cursor (CUR)"),
    SIGNATURE("\0\0\0\x0cjP  \r\n\x87\n", 0, "a JPEG 2000 picture"),
    SIGNATURE("\xff\x4f\xff\x51", 0, "a JPEG 2000 picture"),
    SIGNATURE("\xff\x0a", 0, "a JPEG XL picture (JPEG XL is not read yet; save it as JPEG, PNG or WebP)"),
    SIGNATURE("\0\0\0\x0cJXL ", 0, "a JPEG XL picture (JPEG XL is not read yet; save it as JPEG, PNG or WebP)"),
    SIGNATURE("II\xbc", 0, "a JPEG XR picture"),
    SIGNATURE("#?RADIANCE", 0, "a Radiance HDR picture"),
    SIGNATURE("\x76\x2f\x31\x01", 0, "an OpenEXR picture"),
    SIGNATURE("SIMPLE  =", 0, "a FITS picture"),
    SIGNATURE("DDS ", 0, "a DirectDraw texture"),
    SIGNATURE("qoif", 0, "a QOI picture"),
    SIGNATURE("MATLAB 5.0", 0, "a MATLAB file"),
    SIGNATURE("\x08\xf2\xa6\xb6", 0, "a libvips file"),
    SIGNATURE("\xb6\xa6\xf2\x08", 0, "a libvips file"),
    SIGNATURE("%!PS", 0, "a PostScript file"),
    SIGNATURE("\xc5\xd0\xd3\xc6", 0, "an EPS file"),
    SIGNATURE("push graphic-context", 0, "an ImageMagick drawing (MVG)"),
    SIGNATURE("PK\3\4", 0, "a ZIP archive (or an Office file)"),
    SIGNATURE("PK\5\6", 0, "an empty ZIP archive"),
    SIGNATURE("\x1f\x8b", 0, "a gzip file (or a compressed SVG)"),
    SIGNATURE("BZh", 0, "a bzip2 file"),
    SIGNATURE("\xfd"
              "7zXZ",
              0, "an xz file"),
    SIGNATURE("7z\xbc\xaf", 0, "a 7-Zip archive"),
    SIGNATURE("Rar!", 0, "a RAR archive"),
    SIGNATURE("\x28\xb5\x2f\xfd", 0, "a zstd file"),
    SIGNATURE("ustar", 257, "a tar archive"),
    SIGNATURE("\x1a\x45\xdf\xa3", 0, "a Matroska or WebM video"),
    SIGNATURE("AVI ", 8, "an AVI video"),
    SIGNATURE("WAVE", 8, "a WAV sound"),
    SIGNATURE("OggS", 0, "an Ogg file"),
    SIGNATURE("ID3", 0, "an MP3 sound"),
    SIGNATURE("FLV\1", 0, "a Flash video"),
    SIGNATURE("\0\0\1\xba", 0, "an MPEG video"),
    SIGNATURE("\x7f"
              "ELF",
              0, "a program (ELF)"),
    SIGNATURE("MZ", 0, "a Windows program"),
    SIGNATURE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Office file"),
    SIGNATURE("SQLite format 3", 0, "an SQLite database"),
    SIGNATURE("\x93NUMPY", 0, "a NumPy array"),
    SIGNATURE("{\\rtf", 0, "an RTF document"),
    SIGNATURE("version https://git-lfs", 0, "a Git LFS pointer, not the photo itself (git lfs pull fetches it)"),
};

/* Text formats begin after white space and a byte order mark, in any case. */
static const struct {
    const char *prefix, *what;
} texts[] = {
    {"<svg", "an SVG drawing"},
    {"<!doctype html", "an HTML page"},
    {"<html", "an HTML page"},
    {"<head", "an HTML page"},
    {"<!doctype svg", "an SVG drawing"},
    {"<msl", "an ImageMagick script (MSL)"},
    {"<image", "an ImageMagick script (MSL)"},
    {"<?xml", "an XML file (an SVG drawing?)"},
    {"<?php", "a PHP program"},
    {"{", "a JSON text"},
    {"[", "a JSON text"},
    {"#!", "a script"},
    {"http://", "a list of addresses"},
    {"https://", "a list of addresses"},
};

static bool looks_like_text(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < MIN(size, 512); i++) {
        if (bytes[i] == 0 || (bytes[i] < 32 && strchr("\t\n\r\f\x1b", bytes[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

static const char *describe_text(const uint8_t *bytes, size_t size) {
    size_t at = MATCHES("\xef\xbb\xbf", 0) ? 3 : 0;
    while (at < MIN(size, 512) && g_ascii_isspace(bytes[at])) {
        at++;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        size_t length = strlen(texts[i].prefix);
        if (size - at >= length && g_ascii_strncasecmp((const char *)bytes + at, texts[i].prefix, length) == 0) {
            /* An XML prologue says nothing; the root element soon after it does. */
            bool xml = strcmp(texts[i].prefix, "<?xml") == 0;
            bool svg = xml && g_strstr_len((const char *)bytes, (gssize)MIN(size, 2048), "<svg") != NULL;
            return svg ? "an SVG drawing" : texts[i].what;
        }
    }
    return looks_like_text(bytes, size) ? "plain text" : NULL;
}

/* PNM, PGM, PPM, PAM and PFM begin with P and one letter; white space follows. */
static bool looks_like_pnm(const uint8_t *bytes, size_t size) {
    return size >= 3 && bytes[0] == 'P' && strchr("1234567Ff", bytes[1]) != NULL && g_ascii_isspace(bytes[2]);
}

/* TGA has no signature. Its second version ends in one; the first is known by a header that fits together. */
static bool looks_like_tga(const uint8_t *bytes, size_t size) {
    static const char footer[] = "TRUEVISION-XFILE.";
    if (size >= 44 && memcmp(bytes + size - sizeof footer, footer, sizeof footer) == 0) {
        return true;
    }
    bool header = size >= 18 && bytes[1] == 0 && (bytes[2] == 2 || bytes[2] == 3 || bytes[2] == 10 || bytes[2] == 11);
    return header && nt_le32(bytes + 3) == 0 && bytes[7] == 0 && nt_le16(bytes + 12) != 0 && nt_le16(bytes + 14) != 0 &&
           (bytes[16] == 8 || bytes[16] == 24 || bytes[16] == 32) && (bytes[17] & 0xc0) == 0;
}

const char *nt_image_describe_other(const uint8_t *bytes, size_t size) {
    if (size == 0) {
        return "an empty file";
    }
    if (looks_like_tga(bytes, size)) {
        return "a TGA picture";
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (matches(bytes, size, others[i].bytes, others[i].size, others[i].offset)) {
            return others[i].what;
        }
    }
    if (size >= 12 && MATCHES("ftyp", 4)) {
        return MATCHES("qt  ", 8) ? "a QuickTime video" : MATCHES("crx ", 8) ? "a Canon raw photo" : "an MP4 video";
    }
    if (looks_like_pnm(bytes, size)) {
        return "a PNM picture";
    }
    bool zeros = true;
    for (size_t i = 0; i < MIN(size, 512) && zeros; i++) {
        zeros = bytes[i] == 0;
    }
    return zeros ? "nothing but zeros (a download that never finished?)" : describe_text(bytes, size);
}
