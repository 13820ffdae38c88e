/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers take turns, transaction by transaction. The lock is flock() on the file `lock`: the kernel lets it go when
 * its holder dies, however it dies, so a stale lock cannot exist; and it belongs to an open file, so that two handles
 * in one process exclude each other too. (Records of fcntl() belong to the process and vanish when any descriptor of
 * the file is closed; a pid file alone can outlive its process.) The text of the file is not the lock: it names the
 * holder for the message another one gets, and, when it is still there at the next turn, tells of a writer killed in
 * its own.
 *
 * Who waits holds the turnstile, a second file, until it has the lock; everybody passes the turnstile before trying the
 * lock. So one who commits in a loop stands behind whoever waits already. Both are tried again and again, because a
 * wait in flock() could be neither cancelled nor bounded.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHORTEST_PAUSE = 500, LONGEST_PAUSE = 4000 /* microseconds between two tries */ };
enum { TURNSTILE_PATIENCE = 2 * G_TIME_SPAN_SECOND };

/* What the file says about the holder: "process 123 (niteru)". */
static char *read_holder(int fd) {
    char text[128] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    g_strchomp(text);
    return text[0] != '\0' ? nt_text_printable(text, 100) : NULL;
}

static bool fail_waiting(const NtCatalogue *catalogue, NiteruError code, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, NT_LOCK_FILE);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    g_autofree char *holder = fd >= 0 ? read_holder(fd) : NULL;
    if (fd >= 0) {
        close(fd);
    }
    return nt_fail(error, code, "%s: %s is writing this catalogue, and it took longer than this may wait",
                   catalogue->folder, holder != NULL ? holder : "another process");
}

/* Whether the path still leads to the file that was locked: one that was removed meanwhile keeps nobody out. */
static bool is_current(int fd, const char *path) {
    struct stat locked, there;
    return fstat(fd, &locked) == 0 && stat(path, &there) == 0 && locked.st_dev == there.st_dev &&
           locked.st_ino == there.st_ino;
}

/* One try. *out_fd: the locked file, or -1 while somebody else has it. */
static bool try_once(const char *path, int flags, int operation, int *out_fd, GError **error) {
    *out_fd = -1;
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s: cannot be opened", path);
    }
    int rc;
    while ((rc = flock(fd, operation | LOCK_NB)) != 0 && errno == EINTR) {
    }
    int saved = errno;
    if (rc == 0 && is_current(fd, path)) {
        *out_fd = fd;
        return true;
    }
    close(fd);
    return rc == 0 || saved == EWOULDBLOCK || nt_fail_errno(error, saved, "%s: cannot be locked", path);
}

static bool take_file(const NtCatalogue *catalogue, const char *name, const NtWait *wait, int *out_fd, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, name);
    for (int64_t pause = SHORTEST_PAUSE;; pause = MIN(2 * pause, LONGEST_PAUSE)) {
        if (!try_once(path, O_RDWR | O_CREAT, LOCK_EX, out_fd, error) || *out_fd >= 0) {
            return *out_fd >= 0;
        }
        g_autoptr(GError) fault = NULL;
        if (!nt_wait_check(wait, &fault)) {
            if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT)) {
                return fail_waiting(catalogue, NITERU_ERROR_TIMEOUT, error);
            }
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        int64_t left = nt_wait_until(wait, pause) - g_get_monotonic_time();
        g_usleep((gulong)CLAMP(left, 1, pause));
    }
}

/* Writes who holds the lock; what stood there is of one who was killed. */
static bool sign(NtCatalogue *catalogue, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, NT_LOCK_FILE);
    g_autofree char *before = read_holder(catalogue->lock_fd);
    const char *program = g_get_prgname();
    g_autofree char *text =
        g_strdup_printf("process %d (%s)\n", (int)getpid(), program != NULL ? program : "a program");
    catalogue->unfinished = before != NULL;
    catalogue->unclean = catalogue->unclean || catalogue->unfinished;
    return (ftruncate(catalogue->lock_fd, 0) == 0 || nt_fail_errno(error, errno, "%s: cannot be written", path)) &&
           nt_write_all(catalogue->lock_fd, path, text, strlen(text), 0, error);
}

/* The turnstile, or -1 where whoever holds it has waited for long: a process that was stopped while it waited (Ctrl-Z)
 * keeps nobody from a lock that is free. */
static bool pass_turnstile(const NtCatalogue *catalogue, const NtWait *wait, int *out_fd, GError **error) {
    NtWait own = wait != NULL ? *wait : (NtWait){0};
    int64_t most = g_get_monotonic_time() + TURNSTILE_PATIENCE;
    own.deadline = own.deadline > 0 ? MIN(own.deadline, most) : most;
    g_autoptr(GError) fault = NULL;
    if (take_file(catalogue, NT_TURNSTILE_FILE, &own, out_fd, &fault)) {
        return true;
    }
    *out_fd = -1;
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT) && own.deadline == most) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
}

bool nt_lock_take(NtCatalogue *catalogue, const NtWait *wait, GError **error) {
    int turnstile = -1;
    if (!pass_turnstile(catalogue, wait, &turnstile, error)) {
        return false;
    }
    bool ok = take_file(catalogue, NT_LOCK_FILE, wait, &catalogue->lock_fd, error);
    if (turnstile >= 0) {
        close(turnstile);
    }
    if (ok && !sign(catalogue, error)) {
        nt_lock_release(catalogue, !catalogue->unfinished);
        return false;
    }
    return ok;
}

bool nt_lock_take_briefly(NtCatalogue *catalogue, int64_t patience, GError **error) {
    NtWait wait = {.deadline = g_get_monotonic_time() + patience};
    g_autoptr(GError) fault = NULL;
    if (nt_lock_take(catalogue, &wait, &fault)) {
        return true;
    }
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT)) {
        return fail_waiting(catalogue, NITERU_ERROR_BUSY, error);
    }
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
}

bool nt_lock_share(NtCatalogue *catalogue, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, NT_LOCK_FILE);
    return access(path, F_OK) != 0 || (try_once(path, O_RDONLY, LOCK_SH, &catalogue->lock_fd, error) &&
                                       (catalogue->lock_fd >= 0 || fail_waiting(catalogue, NITERU_ERROR_BUSY, error)));
}

void nt_lock_release(NtCatalogue *catalogue, bool clean) {
    if (catalogue->lock_fd < 0) {
        return;
    }
    if (clean && !catalogue->read_only && ftruncate(catalogue->lock_fd, 0) != 0) {
        /* The text stays: the next writer checks once more than it must. */
    }
    flock(catalogue->lock_fd, LOCK_UN); /* a child that was forked meanwhile has the descriptor too */
    close(catalogue->lock_fd);
    catalogue->lock_fd = -1;
}
