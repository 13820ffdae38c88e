/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A catalogue made of a backup: the same copy as the backup was (backup.c), made in the other direction, with the
 * layout of today. The backup itself is only read. The copy is compared with its checksums before it goes to its place,
 * so that a damaged backup replaces nothing.
 */
#include "shop/backup-internal.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MANIFEST_BYTES = 1 << 20, FORMAT = 1 };

static NtJson *read_manifest(const char *backup, GError **error) {
    g_autofree char *path = g_build_filename(backup, BACKUP_MANIFEST, NULL);
    g_autoptr(GError) fault = NULL;
    g_autoptr(GBytes) bytes = nt_file_read(path, MANIFEST_BYTES, &fault);
    if (bytes == NULL) {
        nt_fail(error, (NiteruError)fault->code, "%s: no backup, or one that is not whole: %s", backup, fault->message);
        return NULL;
    }
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_autoptr(NtJson) manifest = nt_json_parse(text, size, path, NULL, error);
    if (manifest == NULL) {
        return NULL;
    }
    int64_t format = nt_json_int(nt_json_get(manifest, "format"), 0);
    if (format != FORMAT) {
        nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                "%s: a backup of format %" G_GINT64_FORMAT ", made by niteru %s; this is niteru %s, which reads format "
                "%d: update niteru",
                backup, format, nt_json_text(nt_json_get(manifest, "niteru"), "?"), niteru_version(), FORMAT);
        return NULL;
    }
    return g_steal_pointer(&manifest);
}

/* Whether a server listens at the socket in the folder; one that was killed leaves the socket and does not. */
static bool is_served(const char *folder) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
    g_autofree char *path = g_build_filename(absolute, "serve.sock", NULL);
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        return false; /* too long for a socket: no server has one there */
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool served = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return served;
}

static bool may_be_restored(const char *folder, bool replace, GError **error) {
    g_autofree char *database = g_build_filename(folder, "catalogue.db", NULL);
    if (is_served(folder)) {
        return nt_fail(error, NITERU_ERROR_BUSY, "%s: a server runs on it; stop that first", folder);
    }
    if (nt_place_is_free(folder)) {
        return true;
    }
    if (!g_file_test(database, G_FILE_TEST_EXISTS)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: holds other things and no catalogue; name a new folder",
                       folder);
    }
    if (!replace) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: there is a catalogue already", folder);
        return nt_fact(error, "option", "replace");
    }
    return true;
}

static NiteruCatalogue *open_backup(const char *backup, const NtJson *manifest, GError **error) {
    NiteruOptions options = {.size = sizeof options, .read_only = true, .must_exist = true};
    NiteruCatalogue *catalogue = niteru_open(backup, &options, error);
    if (catalogue == NULL && error != NULL && g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED)) {
        g_prefix_error(error, "a backup that niteru %s made, and this is niteru %s: ",
                       nt_json_text(nt_json_get(manifest, "niteru"), "?"), niteru_version());
    }
    return catalogue;
}

/* Into the folder beside its place; checked, with the layout of today. */
static NtJson *fill(const char *backup, const NtJson *manifest, const FreshFolder *fresh,
                    const NiteruBackupOptions *options, GCancellable *cancellable, GError **error) {
    NtWait wait = nt_wait_for(options->timeout_ms, cancellable);
    g_autoptr(NiteruCatalogue) from = open_backup(backup, manifest, error);
    g_autoptr(NtJson) out = from != NULL ? nt_catalogue_copy_all(from, fresh->path, options, &wait, error) : NULL;
    if (out == NULL || !nt_copy_check(fresh->path, true, cancellable, nt_json_get(out, "notes"), error) ||
        !nt_wait_check(&wait, error)) {
        return NULL;
    }
    nt_json_set(out, "niteru", nt_json_ref(nt_json_get(manifest, "niteru")));
    nt_json_set(out, "time", nt_json_ref(nt_json_get(manifest, "time")));
    return g_steal_pointer(&out);
}

bool niteru_restore(const char *backup, const char *given_folder, const NiteruBackupOptions *given,
                    GCancellable *cancellable, char **out_json, GError **error) {
    NiteruBackupOptions options;
    g_auto(FreshFolder) fresh = {0};
    g_autofree char *aside = NULL;
    /* Where a link leads: what it leads to is replaced, beside where it lies, and not the link. */
    g_autofree char *real = realpath(given_folder, NULL);
    const char *folder = real != NULL ? real : given_folder;
    g_autoptr(NtJson) manifest = read_manifest(backup, error);
    if (manifest == NULL || !NT_OPTIONS_READ(NiteruBackupOptions, &options, given, error) ||
        !may_be_restored(folder, options.replace, error) || !nt_fresh_folder_make(folder, &fresh, error)) {
        return false;
    }
    g_autoptr(NtJson) out = fill(backup, manifest, &fresh, &options, cancellable, error);
    if (out != NULL) {
        nt_audit_command(fresh.path, "restoreBackup", "backup", backup);
    }
    /* Somebody may have come meanwhile. */
    if (out == NULL || !may_be_restored(folder, options.replace, error) ||
        !(nt_place_is_free(folder) ? nt_fresh_folder_place(&fresh, error)
                                   : nt_fresh_folder_replace(&fresh, &aside, error))) {
        return false;
    }
    nt_json_set(out, "replaced", nt_json_string(aside));
    if (out_json != NULL) {
        *out_json = nt_json_print(out, true);
    }
    return true;
}
