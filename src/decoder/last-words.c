/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that dies of a signal says so first. Its owner may never get to know otherwise: a program that ignores
 * SIGCHLD or waits for all its children takes the end of ours too, and a photo that broke its decoder must not be taken
 * for one whose decoder was killed. */
#include <signal.h>
#include <sys/socket.h>

#include "decoder/decoder-internal.h"

static NtWireReply last = {.status = NT_WIRE_DIED};

/* Nothing but calls that a signal handler may make. */
static void tell(int signal) {
    last.size = (uint64_t)signal;
    (void)!send(NT_WIRE_SOCKET, &last, sizeof last, MSG_NOSIGNAL | MSG_DONTWAIT);
    raise(signal);
}

void nt_last_words_prepare(void) {
    static const int deaths[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGXCPU};
    static char stack[64 << 10]; /* the thread's own may be what has run out */
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = tell, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK};
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(deaths); i++) {
        sigaction(deaths[i], &action, NULL);
    }
}

void nt_last_words_about(uint64_t number) { last.number = number; }
