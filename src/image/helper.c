/* SPDX-License-Identifier: Apache-2.0 */
#include "image/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

#ifndef P_PIDFD
#define P_PIDFD 3 /* of the kernel since 5.4, of glibc's headers later */
#endif
#ifndef NT_LIBEXECDIR
#define NT_LIBEXECDIR "/usr/local/libexec"
#endif

enum {
    WATCH_MS = 100,  /* how often a waiting owner looks at the helper's CPU clock */
    WALL_FACTOR = 6, /* how much longer than its CPU time a helper may take on the wall clock */
    GRACE_MS = 500,  /* for a helper that has closed its socket to end */
    STUCK_MS = 5000, /* for one that was killed */
    LOOK_MS = 5,
};
/* CPU time between two looks that counts as work. */
#define WORK_SECONDS 1e-3

static double seconds_of(clockid_t clock) {
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec * 1e-9 : 0;
}

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
    /* Stands for this very process, even when somebody else reaps it and its pid is given to another. */
    *helper = (NtHelperProcess){.pid = pid, .socket = pair[0], .process = (int)syscall(SYS_pidfd_open, pid, 0)};
    if (send(helper->socket, setup, sizeof *setup, MSG_NOSIGNAL) != (ssize_t)sizeof *setup) {
        status = errno;
        nt_helper_end(helper);
        return nt_fail_errno(error, status, "%s ended at once", path);
    }
    return true;
}

/* waitid without waiting, for this very process where it has a pidfd: its pid may be that of another child once
 * somebody else (a SIGCHLD handler of the host) has reaped it. False: it has been reaped. info->si_pid is 0 while it
 * lives; it is reaped unless `options` has WNOWAIT. */
static bool look_at(const NtHelperProcess *helper, int options, siginfo_t *info) {
    *info = (siginfo_t){0};
    int status = helper->process >= 0 ? waitid(P_PIDFD, (id_t)helper->process, info, WEXITED | WNOHANG | options) : -1;
    if (helper->process < 0 || (status != 0 && errno == EINVAL)) { /* kernels before 5.4 */
        status = waitid(P_PID, (id_t)helper->pid, info, WEXITED | WNOHANG | options);
    }
    return status == 0;
}

/* Waits up to `milliseconds` for the process to end; it is not reaped. False when it still lives. */
static bool has_ended(const NtHelperProcess *helper, int milliseconds) {
    double until = seconds_of(CLOCK_MONOTONIC) + milliseconds * 1e-3;
    for (;;) {
        siginfo_t info;
        if (!look_at(helper, WNOWAIT, &info) || info.si_pid != 0) {
            return true;
        }
        double left = (until - seconds_of(CLOCK_MONOTONIC)) * 1e3;
        if (left <= 0) {
            return false;
        }
        /* Where the kernel has no pidfd, a look every few milliseconds does. */
        struct pollfd fd = {.fd = helper->process, .events = POLLIN};
        poll(&fd, 1, helper->process >= 0 ? (int)left + 1 : MIN((int)left + 1, LOOK_MS));
    }
}

static void kill_helper(const NtHelperProcess *helper) {
    if (helper->process < 0 || syscall(SYS_pidfd_send_signal, helper->process, SIGKILL, NULL, 0) != 0) {
        kill(helper->pid, SIGKILL);
    }
}

/* Ends the process, after a grace in which it may end by itself, and forgets it. True with how it ended when it did so
 * by itself. No helper can make this wait: what does not even die of SIGKILL (a process stuck in the kernel) is left
 * behind. */
static bool reap(NtHelperProcess *helper, int grace_ms, int *out_status) {
    siginfo_t info;
    bool by_itself = has_ended(helper, grace_ms);
    if (!by_itself) {
        kill_helper(helper);
        has_ended(helper, STUCK_MS);
    }
    *out_status = NT_STATUS_UNKNOWN;
    if (look_at(helper, WNOWAIT, &info)) {
        /* Whatever it may have started: it leads a group, whose number is its own until it is reaped. */
        kill(-helper->pid, SIGKILL);
        if (look_at(helper, 0, &info) && info.si_pid != 0) {
            *out_status = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : info.si_status;
        }
    }
    close(helper->socket);
    if (helper->process >= 0) {
        close(helper->process);
    }
    *helper = (NtHelperProcess){.socket = -1, .process = -1};
    return by_itself;
}

void nt_helper_end(NtHelperProcess *helper) {
    int status;
    if (helper->pid > 0) {
        reap(helper, 0, &status);
    }
}

/* What is known of a helper's time while its owner waits. */
typedef struct Watch {
    clockid_t cpu;
    bool has_cpu;
    double seconds;            /* allowed */
    double cpu_end, wall_end;  /* when it is over */
    double cpu_seen, idle_end; /* its CPU clock at the last look; when it is over if that stands still */
} Watch;

static Watch begin_watch(const NtHelperProcess *helper, uint64_t seconds) {
    Watch watch = {.seconds = (double)seconds};
    double now = seconds_of(CLOCK_MONOTONIC);
    watch.has_cpu = clock_getcpuclockid(helper->pid, &watch.cpu) == 0;
    watch.cpu_seen = watch.has_cpu ? seconds_of(watch.cpu) : 0;
    watch.cpu_end = watch.cpu_seen + watch.seconds;
    watch.wall_end = now + watch.seconds * WALL_FACTOR;
    watch.idle_end = now + watch.seconds;
    return watch;
}

/* Whether the time is up: its CPU time; or, for one that waits instead of working, the same on the wall clock. One that
 * works but gets little of a busy processor has six times that. */
static bool is_over(Watch *watch) {
    double now = seconds_of(CLOCK_MONOTONIC), cpu = watch->has_cpu ? seconds_of(watch->cpu) : 0;
    if (cpu > watch->cpu_seen + WORK_SECONDS) {
        watch->cpu_seen = cpu;
        watch->idle_end = now + watch->seconds;
    }
    return cpu > watch->cpu_end || now > watch->idle_end || now > watch->wall_end;
}

/* It has told which signal it dies of: what remains known where somebody else reaps it. */
static NtAsked take_last_words(NtHelperProcess *helper, const NtWireReply *reply, int *out_status) {
    bool by_itself = reap(helper, GRACE_MS, out_status);
    if (*out_status == NT_STATUS_UNKNOWN && reply->size < NSIG && reply->size != SIGKILL) {
        *out_status = (int)reply->size;
    }
    return by_itself ? NT_ASKED_DIED : NT_ASKED_MISBEHAVED;
}

/* Waits for a reply. */
static NtAsked receive(NtHelperProcess *helper, uint64_t seconds, NtWireReply *reply, int *out_status) {
    Watch watch = begin_watch(helper, seconds);
    while (!is_over(&watch)) {
        struct pollfd fds[] = {{.fd = helper->socket, .events = POLLIN}, {.fd = helper->process, .events = POLLIN}};
        if (poll(fds, G_N_ELEMENTS(fds), WATCH_MS) <= 0) {
            continue;
        }
        ssize_t got = recv(helper->socket, reply, sizeof *reply, MSG_DONTWAIT | MSG_TRUNC);
        if (got == (ssize_t)sizeof *reply) {
            return reply->status == NT_WIRE_DIED ? take_last_words(helper, reply, out_status) : NT_ASKED_OK;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR) && fds[1].revents == 0) {
            continue;
        }
        /* It has ended; or it has closed its socket and lives, or sent what no honest helper sends. */
        return reap(helper, got > 0 ? 0 : GRACE_MS, out_status) ? NT_ASKED_DIED : NT_ASKED_MISBEHAVED;
    }
    reap(helper, 0, out_status);
    return NT_ASKED_TOO_LONG;
}

NtAsked nt_helper_wait_ready(NtHelperProcess *helper, uint64_t seconds, NtWireReply *reply, int *out_status) {
    NtAsked asked = receive(helper, seconds, reply, out_status);
    if (asked != NT_ASKED_OK) {
        return asked;
    }
    reply->message[sizeof reply->message - 1] = '\0';
    helper->ready = reply->status == NT_WIRE_OK;
    if (!helper->ready) {
        nt_helper_end(helper);
    }
    return NT_ASKED_OK;
}

/* Whether nothing has come that nobody asked for. A second answer to one question would be taken for the next one's. */
static bool is_quiet(const NtHelperProcess *helper) {
    char byte;
    return recv(helper->socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

NtAsked nt_helper_ask(NtHelperProcess *helper, NtWireRequest *request, uint64_t seconds, NtWireReply *reply,
                      int *out_status) {
    request->number = ++helper->asked;
    if (!is_quiet(helper) ||
        send(helper->socket, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof *request) {
        nt_helper_end(helper);
        return NT_ASKED_GONE;
    }
    NtAsked asked = receive(helper, seconds, reply, out_status);
    if (asked == NT_ASKED_OK && reply->number != request->number) {
        nt_helper_end(helper);
        return NT_ASKED_MISBEHAVED;
    }
    return asked;
}
