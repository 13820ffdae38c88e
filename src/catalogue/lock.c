/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process writes. The lock is flock() on the file `lock`: the kernel lets it go when its holder dies, however it
 * dies, so a stale lock cannot exist. (Records of fcntl() belong to the process and vanish when any descriptor of the
 * file is closed; a pid file alone can outlive its process.) The text of the file is not the lock: it names the holder
 * for the message a second one gets, and, when it is still there at the next start, tells of an unclean stop.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* What the file says about the holder: "process 123 (niteru)". */
static char *read_holder(int fd) {
    char text[128] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    g_strchomp(text);
    return text[0] != '\0' ? nt_text_printable(text, 100) : NULL;
}

static bool lock_file(NtCatalogue *catalogue, int flags, int operation, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, "lock");
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s: cannot be opened", path);
    }
    int rc;
    while ((rc = flock(fd, operation | LOCK_NB)) != 0 && errno == EINTR) {
    }
    if (rc == 0) {
        catalogue->lock_fd = fd;
        return true;
    }
    int saved = errno;
    g_autofree char *holder = read_holder(fd);
    close(fd);
    if (saved != EWOULDBLOCK) {
        return nt_fail_errno(error, saved, "%s: cannot be locked", path);
    }
    return nt_fail(error, NITERU_ERROR_BUSY,
                   "%s: %s is writing this catalogue; one process writes at a time, so wait for it or end it",
                   catalogue->folder, holder != NULL ? holder : "another process");
}

bool nt_lock_take(NtCatalogue *catalogue, GError **error) {
    if (!lock_file(catalogue, O_RDWR | O_CREAT, LOCK_EX, error)) {
        return false;
    }
    g_autofree char *before = read_holder(catalogue->lock_fd);
    catalogue->unclean = before != NULL;
    const char *program = g_get_prgname();
    g_autofree char *text =
        g_strdup_printf("process %d (%s)\n", (int)getpid(), program != NULL ? program : "a program");
    if (ftruncate(catalogue->lock_fd, 0) != 0) {
        return nt_fail_errno(error, errno, "%s/lock: cannot be written", catalogue->folder);
    }
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, "lock");
    return nt_write_all(catalogue->lock_fd, path, text, strlen(text), 0, error);
}

bool nt_lock_share(NtCatalogue *catalogue, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, "lock");
    if (access(path, F_OK) != 0) {
        return true;
    }
    return lock_file(catalogue, O_RDONLY, LOCK_SH, error);
}

void nt_lock_release(NtCatalogue *catalogue, bool clean) {
    if (catalogue->lock_fd < 0) {
        return;
    }
    if (clean && !catalogue->read_only && ftruncate(catalogue->lock_fd, 0) != 0) {
        /* The text stays: the next writer checks once more than it must. */
    }
    close(catalogue->lock_fd);
    catalogue->lock_fd = -1;
}
