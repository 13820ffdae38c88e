/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives (PKWARE's APPNOTE), as much as wheels have: one disk, no zip64, stored or deflated. What the central
 * directory at the end says of a file is held against the file; nothing is written to disk. */
#include "zoo/zoo-internal.h"

#include <string.h>
#include <zlib.h>

enum {
    END_BYTES = 22,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT_MOST = 65535,
    ENTRIES_MOST = 4096,
    STORED = 0,
    DEFLATED = 8,
    ENCRYPTED = 1,
};

static const uint32_t end_mark = 0x06054b50, entry_mark = 0x02014b50, local_mark = 0x04034b50;

typedef struct Zip {
    const uint8_t *data;
    size_t size;
    const char *name; /* for messages */
} Zip;

typedef struct Entry {
    char *name; /* new, fit to be printed */
    unsigned flags, method;
    uint32_t crc;
    size_t packed, size, local;
} Entry;

static void entry_clear(Entry *entry) { g_clear_pointer(&entry->name, g_free); }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Entry, entry_clear)

static bool broken(const Zip *zip, const char *what, GError **error) {
    return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: a broken zip archive: %s", zip->name, what);
}

/* The place of the record that ends the archive: the last one whose comment reaches to the end. */
static bool find_end(const Zip *zip, size_t *out, GError **error) {
    for (size_t back = END_BYTES; back <= zip->size && back <= END_BYTES + COMMENT_MOST; back++) {
        size_t at = zip->size - back;
        if (nt_le32(zip->data + at) == end_mark && nt_le16(zip->data + at + 20) == back - END_BYTES) {
            *out = at;
            return true;
        }
    }
    return broken(zip, "its end is missing", error);
}

/* Names that an unpacker would write outside of its folder say that somebody means harm. */
static bool is_name_safe(const uint8_t *name, size_t size) {
    if (size == 0 || name[0] == '/' || memchr(name, '\0', size) != NULL || memchr(name, '\\', size) != NULL) {
        return false;
    }
    g_autofree char *text = g_strndup((const char *)name, size);
    g_auto(GStrv) parts = g_strsplit(text, "/", -1);
    return !g_strv_contains((const char *const *)parts, "..");
}

/* Reads the entry at *at, of a directory that ends at `end`, and goes on behind it. */
static bool read_entry(const Zip *zip, size_t *at, size_t end, Entry *out, GError **error) {
    const uint8_t *from = zip->data + *at;
    if (end - *at < ENTRY_BYTES || nt_le32(from) != entry_mark) {
        return broken(zip, "its directory is damaged", error);
    }
    size_t name = nt_le16(from + 28), rest = (size_t)nt_le16(from + 30) + nt_le16(from + 32);
    if (end - *at - ENTRY_BYTES < name + rest) {
        return broken(zip, "its directory is damaged", error);
    }
    g_autofree char *raw = g_strndup((const char *)from + ENTRY_BYTES, name);
    g_autofree char *shown = nt_text_printable(raw, 100);
    if (!is_name_safe(from + ENTRY_BYTES, name)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: holds a file named '%s', which leads out of the archive",
                       zip->name, shown);
    }
    *out = (Entry){.name = g_steal_pointer(&shown),
                   .flags = nt_le16(from + 8),
                   .method = nt_le16(from + 10),
                   .crc = nt_le32(from + 16),
                   .packed = nt_le32(from + 20),
                   .size = nt_le32(from + 24),
                   .local = nt_le32(from + 42)};
    *at += ENTRY_BYTES + name + rest;
    return true;
}

/* Finds the one entry whose name ends with `suffix`. */
static bool find_entry(const Zip *zip, const char *suffix, Entry *out, GError **error) {
    size_t end = 0;
    if (!find_end(zip, &end, error)) {
        return false;
    }
    const uint8_t *record = zip->data + end;
    unsigned count = nt_le16(record + 10);
    size_t size = nt_le32(record + 12), at = nt_le32(record + 16);
    if (count == UINT16_MAX || size == UINT32_MAX || at == UINT32_MAX || nt_le16(record + 4) != 0 ||
        count > ENTRIES_MOST) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: a zip archive of several parts or too many files",
                       zip->name);
    }
    if (at > end || size > end - at) {
        return broken(zip, "its directory lies outside", error);
    }
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        g_auto(Entry) entry = {0};
        if (!read_entry(zip, &at, end, &entry, error)) {
            return false;
        }
        if (!g_str_has_suffix(entry.name, suffix)) {
            continue;
        }
        if (found) {
            return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: holds several files %s, '%s' and '%s'", zip->name,
                           suffix, out->name, entry.name);
        }
        *out = entry;
        entry.name = NULL;
        found = true;
    }
    return found || nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: a zip archive without a file %s", zip->name, suffix);
}

/* Where the entry's bytes are: the header before them has lengths of its own. */
static bool find_content(const Zip *zip, const Entry *entry, const uint8_t **out, GError **error) {
    if (entry->local > zip->size || zip->size - entry->local < LOCAL_BYTES ||
        nt_le32(zip->data + entry->local) != local_mark) {
        return broken(zip, "its directory leads to no file", error);
    }
    const uint8_t *local = zip->data + entry->local;
    size_t begin = entry->local + LOCAL_BYTES + nt_le16(local + 26) + nt_le16(local + 28);
    if (begin > zip->size || zip->size - begin < entry->packed) {
        return broken(zip, "a file in it is cut short", error);
    }
    *out = zip->data + begin;
    return true;
}

/* Whether exactly the promised bytes come out of exactly the given ones. */
static bool inflate_into(const Entry *entry, const uint8_t *from, uint8_t *to) {
    z_stream stream = {.next_in = (Bytef *)from, /* not written to */
                       .avail_in = (uInt)entry->packed,
                       .next_out = to,
                       .avail_out = (uInt)entry->size};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return false;
    }
    bool ok = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
    inflateEnd(&stream);
    return ok;
}

GBytes *nt_unzip_one(GBytes *bytes, const char *name, const char *suffix, size_t limit, GError **error) {
    Zip zip = {.name = name};
    zip.data = g_bytes_get_data(bytes, &zip.size);
    g_auto(Entry) entry = {0};
    const uint8_t *content = NULL;
    if (!find_entry(&zip, suffix, &entry, error) || !find_content(&zip, &entry, &content, error)) {
        return NULL;
    }
    if ((entry.flags & ENCRYPTED) != 0 || (entry.method != STORED && entry.method != DEFLATED)) {
        nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: '%s' is encrypted or packed by method %u", name, entry.name,
                entry.method);
        return NULL;
    }
    if (entry.size > limit) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%s: '%s' is %zu bytes unpacked, over the limit of %zu", name, entry.name,
                entry.size, limit);
        return NULL;
    }
    /* Deflate packs to 1 in 1,032 at best: what claims more is refused before memory is taken for it. */
    if (entry.method == STORED ? entry.size != entry.packed : entry.size / 1032 > entry.packed) {
        broken(&zip, "a size that its bytes cannot have", error);
        return NULL;
    }
    uint8_t *out = nt_alloc(entry.size, 1, entry.name, error);
    if (out == NULL) {
        return NULL;
    }
    g_autoptr(GBytes) result = g_bytes_new_with_free_func(out, entry.size, nt_free, out);
    bool ok = true;
    if (entry.method == STORED) {
        memcpy(out, content, entry.size);
    } else {
        ok = inflate_into(&entry, content, out);
    }
    if (!ok || crc32_z(0, out, entry.size) != entry.crc) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: '%s' is damaged in the archive", name, entry.name);
        return NULL;
    }
    return g_steal_pointer(&result);
}
