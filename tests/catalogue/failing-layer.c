/* SPDX-License-Identifier: Apache-2.0 */
#include "failing-layer.h"

#include <sqlite3.h>
#include <stddef.h>

typedef struct FailingFile {
    sqlite3_file base;
    sqlite3_file *real;
} FailingFile;

static struct {
    unsigned left; /* calls until the one that fails; 0: none will */
    int code;
    bool lasting, failed;
} fault;

void failing_layer_arm(unsigned n, int code, bool lasting) {
    fault.left = n;
    fault.code = code;
    fault.lasting = lasting;
    fault.failed = false;
}

bool failing_layer_has_failed(void) { return fault.failed; }

static bool fails(void) {
    if (fault.left > 0 && --fault.left == 0) {
        fault.failed = true;
        fault.left = fault.lasting;
        return true;
    }
    return false;
}

static sqlite3_file *real_of(sqlite3_file *file) { return ((FailingFile *)file)->real; }
#define PASS(method, ...) real_of(file)->pMethods->method(real_of(file), ##__VA_ARGS__)

static int layer_close(sqlite3_file *file) { return PASS(xClose); }
static int layer_read(sqlite3_file *file, void *out, int size, sqlite3_int64 at) { return PASS(xRead, out, size, at); }
static int layer_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
    if (fails()) {
        PASS(xWrite, data, size / 2, at); /* as much as there was room for */
        return fault.code;
    }
    return PASS(xWrite, data, size, at);
}
static int layer_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return fails() ? fault.code : PASS(xTruncate, size);
}
static int layer_sync(sqlite3_file *file, int flags) { return fails() ? fault.code : PASS(xSync, flags); }
static int layer_size(sqlite3_file *file, sqlite3_int64 *out) { return PASS(xFileSize, out); }
static int layer_lock(sqlite3_file *file, int lock) { return PASS(xLock, lock); }
static int layer_unlock(sqlite3_file *file, int lock) { return PASS(xUnlock, lock); }
static int layer_reserved(sqlite3_file *file, int *out) { return PASS(xCheckReservedLock, out); }
static int layer_control(sqlite3_file *file, int op, void *data) { return PASS(xFileControl, op, data); }
static int layer_sector(sqlite3_file *file) { return PASS(xSectorSize); }
static int layer_traits(sqlite3_file *file) { return PASS(xDeviceCharacteristics); }
static int layer_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out) {
    return fails() ? fault.code : PASS(xShmMap, region, size, extend, out);
}
static int layer_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return (flags & SQLITE_SHM_LOCK) != 0 && fails() ? fault.code : PASS(xShmLock, offset, count, flags);
}
static void layer_shm_barrier(sqlite3_file *file) { PASS(xShmBarrier); }
static int layer_shm_unmap(sqlite3_file *file, int remove) { return PASS(xShmUnmap, remove); }

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = layer_close,
    .xRead = layer_read,
    .xWrite = layer_write,
    .xTruncate = layer_truncate,
    .xSync = layer_sync,
    .xFileSize = layer_size,
    .xLock = layer_lock,
    .xUnlock = layer_unlock,
    .xCheckReservedLock = layer_reserved,
    .xFileControl = layer_control,
    .xSectorSize = layer_sector,
    .xDeviceCharacteristics = layer_traits,
    .xShmMap = layer_shm_map,
    .xShmLock = layer_shm_lock,
    .xShmBarrier = layer_shm_barrier,
    .xShmUnmap = layer_shm_unmap,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out_flags) {
    sqlite3_vfs *real = sqlite3_vfs_find("unix");
    FailingFile *file = (FailingFile *)base;
    *file = (FailingFile){.real = (sqlite3_file *)(file + 1)};
    int rc = real->xOpen(real, name, file->real, flags, out_flags);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &methods;
    }
    return rc;
}

void failing_layer_register(void) {
    static sqlite3_vfs layer;
    sqlite3_vfs *real = sqlite3_vfs_find("unix");
    layer = *real; /* all but opening is the system's own */
    layer.szOsFile = (int)sizeof(FailingFile) + real->szOsFile;
    layer.zName = "failing";
    layer.pNext = NULL;
    layer.xOpen = layer_open;
    sqlite3_vfs_register(&layer, 1);
}
