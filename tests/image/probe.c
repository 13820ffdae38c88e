/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests' proof of the walls: from the inside of a confined helper, everything that broken codecs are feared for is
 * tried. Takes the place of src/decoder/answer.c in a helper that only tests start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "decoder/decoder-internal.h"
#include "probe.h"

/* Whether the forbidden thing was refused. System calls are made directly: libraries might refuse on their own. */
static bool is_refused(Probe probe) {
    switch (probe) {
    case PROBE_OPEN_FILE: return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) < 0;
    case PROBE_CREATE_FILE: return syscall(SYS_openat, AT_FDCWD, "/tmp/niteru-probe", O_CREAT | O_WRONLY, 0600) < 0;
    case PROBE_SOCKET: return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0;
    case PROBE_FORK: {
        long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
        if (pid == 0) {
            _exit(0);
        }
        return pid < 0;
    }
    case PROBE_EXEC: {
        char *const nothing[] = {NULL};
        return syscall(SYS_execve, "/bin/true", nothing, nothing) < 0;
    }
    case PROBE_KILL: return syscall(SYS_kill, getppid(), 0) < 0;
    case PROBE_EXECUTABLE_MEMORY: {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return page == MAP_FAILED;
    }
    case PROBE_TRACE: return syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL) < 0;
    default: return false;
    }
}

static void flood(void) {
    for (int i = 0; i < 200000; i++) {
        g_warning("line %d of not enough data", i);
    }
}

static void eat_memory(void) {
    for (;;) {
        /* GLib ends the process when this fails. */
        void *block = g_malloc((size_t)64 << 20);
        memset(block, 1, (size_t)64 << 20);
    }
}

static unsigned overflow(const volatile char *above) {
    volatile char block[4096] = {above[0]}; /* 0, as far as the compiler knows anything */
    return block[0] != 0 ? 0 : overflow(block) + (unsigned)block[100];
}

static void probe(const NtWireRequest *request, NtWireReply *reply) {
    volatile uint64_t turns = 0;
    switch ((Probe)request->shrink) {
    case PROBE_SPIN:
        for (;;) {
            turns = turns + 1;
        }
    case PROBE_SLEEP:
        for (;;) {
            sleep(1000);
        }
    case PROBE_CRASH: abort();
    case PROBE_OVERFLOW: reply->width = overflow((volatile char[]){0}); break;
    case PROBE_EXIT: _exit(7);
    case PROBE_EAT_MEMORY: eat_memory(); break;
    case PROBE_FLOOD: flood(); break;
    case PROBE_LIE:
        reply->width = UINT32_MAX;
        reply->height = UINT32_MAX;
        break;
    default:
        if (!is_refused((Probe)request->shrink)) {
            nt_reply_fail(reply, NT_WIRE_FAILED, "not refused");
        }
    }
}

void nt_helper_answer(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    if (request->task == PROBE) {
        probe(request, reply);
    } else {
        nt_helper_decode(helper, request, reply);
    }
}
