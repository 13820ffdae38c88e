/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checksum in each page of a database, so that a bit flipped on disk is found when the page is read, whatever it
 * holds: SQLite has none, and its structure hides most damage.
 *
 * SQLite can be told to leave bytes at the end of each page to others. Databases made here have PAGE_CHECKSUM_BYTES
 * (8) of them, and this thin layer below SQLite fills them: XXH3-64, little-endian, of the rest of the page seeded with
 * its number, so that a page in another's place is found too. It is set on the way to the file and compared on the way
 * back; SQLite itself never looks at it. Only the database file passes here: the write-ahead log has SQLite's own
 * checksums, made before the write, and a page gets ours when it is folded into the database.
 *
 * Whether a file has checksums is told twice, by byte 20 of its header (the reserved bytes) and by the application id,
 * of which any two that are used differ in three bits at least. Where they contradict each other the file is damaged,
 * so no single flipped bit turns the comparison off. A page of zeros passes: SQLite may leave a hole where it never
 * wrote.
 */
#include "sql/sql.h"

#include <string.h>

enum { HEADER_BYTES = 100, SMALLEST_PAGE = 512, LARGEST_PAGE = 65536 };

typedef struct PageFile {
    sqlite3_file base;
    sqlite3_file *real;
    bool checked;    /* the file's pages have checksums */
    uint8_t *buffer; /* a page on its way out; NULL until the first */
} PageFile;

static sqlite3_file *real_of(sqlite3_file *file) { return ((PageFile *)file)->real; }

/* ---- checksums ---- */

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

NtPageState nt_page_state(const uint8_t *header) {
    uint32_t identity = big_endian(header + 68);
    unsigned reserved = header[20];
    if (identity == NT_IDENTITY_CHECKED || identity == NT_IDENTITY_EVENTS) {
        return reserved == NT_PAGE_CHECKSUM_BYTES ? NT_PAGES_CHECKED : NT_PAGES_CONTRADICT;
    }
    if (identity == NT_IDENTITY) {
        return reserved == 0 ? NT_PAGES_PLAIN : NT_PAGES_CONTRADICT;
    }
    /* Being made: the identity is in the same transaction as the first tables. */
    return identity == 0 && reserved == NT_PAGE_CHECKSUM_BYTES ? NT_PAGES_CHECKED : NT_PAGES_PLAIN;
}

static bool is_page(int size, sqlite3_int64 offset) {
    return size >= SMALLEST_PAGE && size <= LARGEST_PAGE && (size & (size - 1)) == 0 && offset % size == 0;
}

static uint64_t checksum(const uint8_t *page, int size, sqlite3_int64 offset) {
    return GUINT64_TO_LE(nt_xxh3(page, (size_t)size - NT_PAGE_CHECKSUM_BYTES, (uint64_t)(offset / size + 1)));
}

static bool is_whole(const uint8_t *page, int size, sqlite3_int64 offset) {
    uint64_t expected = checksum(page, size, offset);
    return memcmp(&expected, page + size - NT_PAGE_CHECKSUM_BYTES, sizeof expected) == 0 ||
           (page[0] == 0 && memcmp(page, page + 1, (size_t)size - 1) == 0);
}

/* ---- the file ---- */

static int learn_header(PageFile *file, const uint8_t *header) {
    NtPageState state = nt_page_state(header);
    file->checked = state == NT_PAGES_CHECKED;
    return state == NT_PAGES_CONTRADICT ? SQLITE_IOERR_DATA : SQLITE_OK;
}

static int page_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset) {
    PageFile *file = (PageFile *)base;
    int rc = file->real->pMethods->xRead(file->real, out, size, offset);
    if (rc == SQLITE_OK && offset == 0 && size >= HEADER_BYTES) {
        rc = learn_header(file, out);
    }
    bool damaged = rc == SQLITE_OK && file->checked && is_page(size, offset) && !is_whole(out, size, offset);
    return damaged ? SQLITE_IOERR_DATA : rc;
}

static int page_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset) {
    PageFile *file = (PageFile *)base;
    if (offset == 0 && size >= HEADER_BYTES && learn_header(file, data) != SQLITE_OK) {
        return SQLITE_IOERR_DATA;
    }
    if (!file->checked || !is_page(size, offset)) {
        return file->real->pMethods->xWrite(file->real, data, size, offset);
    }
    if (file->buffer == NULL && (file->buffer = sqlite3_malloc(LARGEST_PAGE)) == NULL) {
        return SQLITE_IOERR_NOMEM;
    }
    memcpy(file->buffer, data, (size_t)size); /* SQLite's own copy is not ours to change */
    uint64_t sum = checksum(file->buffer, size, offset);
    memcpy(file->buffer + size - NT_PAGE_CHECKSUM_BYTES, &sum, sizeof sum);
    return file->real->pMethods->xWrite(file->real, file->buffer, size, offset);
}

static int page_close(sqlite3_file *base) {
    PageFile *file = (PageFile *)base;
    sqlite3_free(file->buffer);
    file->buffer = NULL;
    return file->real->pMethods->xClose(file->real);
}

static int page_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int page_sync(sqlite3_file *file, int flags) { return real_of(file)->pMethods->xSync(real_of(file), flags); }
static int page_size(sqlite3_file *file, sqlite3_int64 *out) {
    return real_of(file)->pMethods->xFileSize(real_of(file), out);
}
static int page_lock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xLock(real_of(file), lock); }
static int page_unlock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xUnlock(real_of(file), lock); }
static int page_reserved(sqlite3_file *file, int *out) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
static int page_control(sqlite3_file *file, int op, void *data) {
    return real_of(file)->pMethods->xFileControl(real_of(file), op, data);
}
static int page_sector(sqlite3_file *file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
static int page_traits(sqlite3_file *file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); }
static int page_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out) {
    return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out);
}
static int page_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void page_shm_barrier(sqlite3_file *file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
static int page_shm_unmap(sqlite3_file *file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/* Version 2: no reading through a mapping, which would pass by the comparison. */
static const sqlite3_io_methods page_methods = {
    .iVersion = 2,
    .xClose = page_close,
    .xRead = page_read,
    .xWrite = page_write,
    .xTruncate = page_truncate,
    .xSync = page_sync,
    .xFileSize = page_size,
    .xLock = page_lock,
    .xUnlock = page_unlock,
    .xCheckReservedLock = page_reserved,
    .xFileControl = page_control,
    .xSectorSize = page_sector,
    .xDeviceCharacteristics = page_traits,
    .xShmMap = page_shm_map,
    .xShmLock = page_shm_lock,
    .xShmBarrier = page_shm_barrier,
    .xShmUnmap = page_shm_unmap,
};

/* ---- the layer ---- */

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags) {
    sqlite3_vfs *real = vfs->pAppData;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) {
        return real->xOpen(real, name, base, flags, out_flags); /* logs and temporary files are as SQLite has them */
    }
    PageFile *file = (PageFile *)base;
    *file = (PageFile){.real = (sqlite3_file *)(file + 1)};
    int rc = real->xOpen(real, name, file->real, flags, out_flags);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &page_methods;
    }
    return rc;
}

static void *register_layer(void *data) {
    static sqlite3_vfs layer;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (real == NULL) { /* SQLite could not start: opening says so */
        return NULL;
    }
    layer = *real; /* all but opening is the system's own, which is handed itself */
    layer.szOsFile = (int)sizeof(PageFile) + real->szOsFile;
    layer.zName = "niteru";
    layer.pNext = NULL;
    layer.pAppData = real;
    layer.xOpen = open_file;
    sqlite3_vfs_register(&layer, 0);
    return (void *)layer.zName;
}

const char *nt_pages_layer(void) {
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, register_layer, NULL);
}
