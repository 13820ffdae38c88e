/* SPDX-License-Identifier: Apache-2.0 */
#include "image/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

#ifndef NT_LIBEXECDIR
#define NT_LIBEXECDIR "/usr/local/libexec"
#endif

/* How often a waiting owner looks at the helper's CPU clock. */
enum { WATCH_MS = 100 };
/* A helper is ready in some 30 ms; a machine under load gets a thousand times that. */
enum { WALL_FACTOR = 6 };

char *nt_helper_find(GError **error) {
    /* Relative to the running program: installed in bin/, inside the build tree, or everything in one folder. */
    static const char *const places[] = {".", "../libexec", "../decoder", "../../src/decoder", "../src/decoder"};
    const char *named = g_getenv("NITERU_DECODER");
    if (named != NULL && *named != '\0') {
        if (g_file_test(named, G_FILE_TEST_IS_EXECUTABLE)) {
            return g_strdup(named);
        }
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "NITERU_DECODER names '%s', which is no program", named);
        return NULL;
    }
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = program != NULL ? g_path_get_dirname(program) : g_strdup("/");
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(folder, places[i], "niteru-decoder", NULL);
        if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
            return g_steal_pointer(&path);
        }
    }
    g_autofree char *installed = g_build_filename(NT_LIBEXECDIR, "niteru-decoder", NULL);
    if (g_file_test(installed, G_FILE_TEST_IS_EXECUTABLE)) {
        return g_steal_pointer(&installed);
    }
    nt_fail(error, NITERU_ERROR_NOT_FOUND,
            "the program niteru-decoder, which reads photos, is neither beside '%s' nor in %s; 'make install' puts it "
            "there, or NITERU_DECODER names its path",
            program != NULL ? program : "this program", NT_LIBEXECDIR);
    return NULL;
}

/* A bare environment: the photo's decoder needs none of ours, least of all LD_PRELOAD. */
static char **helper_environment(void) {
    static const char *const kept[] = {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LIBHEIF_PLUGIN_PATH"};
    /* VIPSHOME at nothing keeps libvips' modules out; see src/decoder/main.c. Vectors would be machine code that orc
     * writes at run time; what outgrows the threshold would be put into a file. */
    static const char *const set[] = {"VIPSHOME=/nonexistent", "VIPS_CONCURRENCY=1", "LC_ALL=C", "VIPS_NOVECTOR=1",
                                      "VIPS_DISC_THRESHOLD=64g"};
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t i = 0; i < G_N_ELEMENTS(set); i++) {
        g_strv_builder_add(builder, set[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        const char *value = g_getenv(kept[i]);
        if (value != NULL) {
            g_autofree char *pair = g_strdup_printf("%s=%s", kept[i], value);
            g_strv_builder_add(builder, pair);
        }
    }
    return g_strv_builder_end(builder);
}

/* Descriptors are placed in two steps, by way of two numbers above both, so that nothing overwrites what is still to be
 * copied: a source may be any number, 0 to 2 too when this process was started without them. */
static int place_descriptors(posix_spawn_file_actions_t *actions, int socket, int memory) {
    int above = MAX(MAX(socket, memory), NT_WIRE_MEMORY) + 1;
    int status = posix_spawn_file_actions_adddup2(actions, socket, above);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(actions, memory, above + 1);
    status = status != 0 ? status : posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(actions, 0, 1);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(actions, 0, 2);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(actions, above, NT_WIRE_SOCKET);
    status = status != 0 ? status : posix_spawn_file_actions_adddup2(actions, above + 1, NT_WIRE_MEMORY);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    status = status != 0 ? status : posix_spawn_file_actions_addclosefrom_np(actions, NT_WIRE_MEMORY + 1);
#endif
    return status;
}

static int spawn(pid_t *pid, const char *path, int socket, int memory) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    /* Signals as at birth, and a process group of its own: Ctrl-C is the owner's to handle. */
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    g_auto(GStrv) environment = helper_environment();
    char *arguments[] = {(char *)(uintptr_t)path, NULL};
    int status = place_descriptors(&actions, socket, memory);
    status = status != 0 ? status : posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

bool nt_helper_start(NtHelperProcess *helper, const char *path, int memory, const NtWireSetup *setup, GError **error) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return nt_fail_errno(error, errno, "no socket for the decoder");
    }
    pid_t pid = 0;
    int status = spawn(&pid, path, pair[1], memory);
    close(pair[1]);
    if (status != 0) {
        close(pair[0]);
        return nt_fail_errno(error, status, "%s does not start", path);
    }
    *helper = (NtHelperProcess){.pid = pid, .socket = pair[0]};
    if (send(helper->socket, setup, sizeof *setup, MSG_NOSIGNAL) != (ssize_t)sizeof *setup) {
        status = errno;
        nt_helper_end(helper);
        return nt_fail_errno(error, status, "%s ended at once", path);
    }
    return true;
}

/* Ends the process and returns how it ended, as waitpid tells. */
static int reap(NtHelperProcess *helper, bool killing) {
    int status = 0;
    if (helper->pid > 0) {
        if (killing) {
            kill(helper->pid, SIGKILL);
        }
        while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (helper->socket >= 0) {
        close(helper->socket);
    }
    *helper = (NtHelperProcess){.socket = -1};
    return status;
}

void nt_helper_end(NtHelperProcess *helper) {
    if (helper->pid > 0) {
        reap(helper, true);
    }
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec * 1e-9 : 0;
}

/* Waits for a message of `size` bytes. */
static NtAsked receive(NtHelperProcess *helper, uint64_t seconds, void *message, size_t size, int *out_status) {
    clockid_t cpu;
    bool has_cpu = clock_getcpuclockid(helper->pid, &cpu) == 0;
    double cpu_end = has_cpu ? seconds_of(cpu) + (double)seconds : 0;
    double wall_end = seconds_of(CLOCK_MONOTONIC) + (double)seconds * WALL_FACTOR;
    for (;;) {
        struct pollfd fd = {.fd = helper->socket, .events = POLLIN};
        int count = poll(&fd, 1, WATCH_MS);
        if (count > 0) {
            ssize_t got = recv(helper->socket, message, size, MSG_DONTWAIT | MSG_TRUNC);
            if (got == (ssize_t)size) {
                return NT_ASKED_OK;
            }
            /* The end of the stream, or a message of a wrong size, which no honest helper sends. */
            *out_status = reap(helper, got > 0);
            return NT_ASKED_DIED;
        }
        if ((has_cpu && seconds_of(cpu) > cpu_end) || seconds_of(CLOCK_MONOTONIC) > wall_end) {
            *out_status = reap(helper, true);
            return NT_ASKED_TOO_LONG;
        }
    }
}

bool nt_helper_wait_ready(NtHelperProcess *helper, uint64_t seconds, GError **error) {
    NtWireReply reply;
    int status = 0;
    if (receive(helper, seconds, &reply, sizeof reply, &status) != NT_ASKED_OK) {
        return nt_fail(error, NITERU_ERROR_IO,
                       "the decoder ended before it was ready (%s %d); is the limit decoder-memory too small?",
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    if (reply.status != NT_WIRE_OK) {
        reply.message[sizeof reply.message - 1] = '\0';
        nt_helper_end(helper);
        return nt_fail(error, NITERU_ERROR_IO, "the decoder cannot work: %s", reply.message);
    }
    helper->ready = true;
    return true;
}

NtAsked nt_helper_ask(NtHelperProcess *helper, const NtWireRequest *request, uint64_t seconds, NtWireReply *reply,
                      int *out_status) {
    if (send(helper->socket, request, sizeof *request, MSG_NOSIGNAL) != (ssize_t)sizeof *request) {
        nt_helper_end(helper);
        return NT_ASKED_GONE;
    }
    return receive(helper, seconds, reply, sizeof *reply, out_status);
}
