/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decoder needs once its libraries are set up: memory, time, threads, and the socket it already has. The list
 * below is all; any other system call fails with EPERM (a codec that asks for a luxury survives without it), and
 * nothing on the list takes a path, an address or a process. See doc/image.md for the picture.
 */
#include <errno.h>
#include <linux/sched.h>
#include <malloc.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "decoder/decoder-internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif

static bool limit(int resource, rlim_t value) {
    struct rlimit both = {value, value};
    return setrlimit(resource, &both) == 0;
}

bool nt_sandbox_limit_resources(const NtWireSetup *setup) {
    bool ok = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0);
    ok = ok && (setup->cpu_seconds == 0 || limit(RLIMIT_CPU, setup->cpu_seconds));
#ifndef ADDRESS_SANITIZER /* its shadow memory is terabytes of address space */
    ok = ok && (setup->memory == 0 || limit(RLIMIT_AS, setup->memory));
    /* One heap, kept between photos: fresh pages for every photo would cost more than a small decode. */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
    /* Codecs start threads, each of which would take 8 MiB of the address space for its stack. */
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) == 0) {
        pthread_attr_setstacksize(&attributes, 2 << 20);
        pthread_setattr_default_np(&attributes);
        pthread_attr_destroy(&attributes);
    }
    return ok;
}

static const int allowed[] = {
    /* the socket, and messages on the way to /dev/null */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    /* memory; mmap and mprotect are below */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    /* threads and their waiting */
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(exit),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(gettid),
    SCMP_SYS(membarrier),
    /* time */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    /* ending, and what malloc, GLib and sanitizers ask */
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
};

static bool add_rules(scmp_filter_ctx filter) {
    int status = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(allowed) && status == 0; i++) {
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    }
    /* Memory that is written and then run is how an overflow becomes a program. */
    const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const int mappers[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < G_N_ELEMENTS(mappers) && status == 0; i++) {
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mappers[i], 1, not_executable);
    }
    /* Threads, no processes. clone3 hides its flags in memory where a filter can not look: with ENOSYS glibc falls
     * back to clone. */
    if (status == 0) {
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    }
    if (status == 0) {
#if defined(__s390__) || defined(__s390x__)
        const struct scmp_arg_cmp thread = SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
#else
        const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
#endif
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread);
    }
    /* abort() signals itself; nobody else is in reach. */
    if (status == 0) {
        status =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    }
    /* Names of threads are harmless, and memory allocators name their maps. */
    if (status == 0) {
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    }
    return status == 0;
}

bool nt_sandbox_confine(void) {
    /* After this no descriptor can be had, even by a call that were forgotten above. */
    if (!limit(RLIMIT_NOFILE, NT_WIRE_MEMORY + 1) || prctl(PR_SET_DUMPABLE, 0) != 0) {
        return false;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return false;
    }
    /* libseccomp sets no_new_privs itself; TSYNC puts threads that warming up may have left under the filter too. */
    bool ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && add_rules(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}
