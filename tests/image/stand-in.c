/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program in niteru-decoder's place that misbehaves. A helper's environment is bare, so what it does is named by the
 * program's own name: "stand-in-SILENT" (a link to this one) never says a word.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image/wire.h"

static void sleep_for_ever(void) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;) {
        sleep(1000);
    }
}

static void say(const void *message, size_t size) {
    if (send(NT_WIRE_SOCKET, message, size, MSG_NOSIGNAL) < 0) {
        _exit(1);
    }
}

/* What it does instead of getting ready; returns when it gets ready after all. */
static void start(const char *what) {
    NtWireReply reply = {.status = NT_WIRE_OK};
    if (strcmp(what, "silent") == 0) {
        sleep_for_ever();
    } else if (strcmp(what, "killed-at-start") == 0) {
        raise(SIGKILL);
    } else if (strcmp(what, "closed-at-start") == 0) {
        close(NT_WIRE_SOCKET);
        sleep_for_ever();
    } else if (strcmp(what, "short-at-start") == 0) {
        say(&reply, 3);
        sleep_for_ever();
    } else if (strcmp(what, "refusing") == 0) {
        reply.status = NT_WIRE_FAILED;
        memset(reply.message, '\x1b', sizeof reply.message);
        say(&reply, sizeof reply);
        sleep_for_ever();
    } else if (strcmp(what, "unasked") == 0) {
        say(&reply, sizeof reply); /* one for the start and one too many */
    }
    say(&reply, sizeof reply);
}

static void lie(const char *what, NtWireReply *reply) {
    if (strcmp(what, "huge") == 0) {
        reply->width = reply->height = UINT32_MAX;
    } else if (strcmp(what, "empty") == 0) {
        reply->width = reply->height = 0;
    } else if (strcmp(what, "other-size") == 0) {
        reply->width = reply->height = 50;
    } else if (strcmp(what, "other-number") == 0) {
        reply->number += 7;
    } else if (strcmp(what, "odd-status") == 0) {
        reply->status = 4711;
        memset(reply->message, 0x9b, sizeof reply->message);
    }
}

static void answer(const char *what, const NtWireRequest *request) {
    NtWireReply reply = {.status = NT_WIRE_OK, .width = 90, .height = 60, .number = request->number};
    char long_message[4096] = {0};
    if (strcmp(what, "mute") == 0) {
        sleep_for_ever();
    } else if (strcmp(what, "closed") == 0) {
        close(NT_WIRE_SOCKET);
        sleep_for_ever();
    } else if (strcmp(what, "half-closed") == 0) {
        shutdown(NT_WIRE_SOCKET, SHUT_WR);
        sleep_for_ever();
    } else if (strcmp(what, "dead") == 0) {
        _exit(3);
    } else if (strcmp(what, "killed") == 0) {
        raise(SIGKILL);
    } else if (strcmp(what, "trickle") == 0) {
        for (size_t i = 0; i < sizeof reply; i++) {
            say((const char *)&reply + i, 1);
            usleep(20000);
        }
    } else if (strcmp(what, "long") == 0) {
        say(long_message, sizeof long_message);
        sleep_for_ever();
    } else if (strcmp(what, "orphan") == 0 && fork() != 0) {
        _exit(0); /* its child keeps the socket open */
    } else if (strcmp(what, "orphan") == 0) {
        sleep_for_ever();
    } else if (strcmp(what, "twice") == 0) {
        say(&reply, sizeof reply);
    }
    lie(what, &reply);
    say(&reply, sizeof reply);
}

int main(int argc, char **argv) {
    const char *name = strstr(argc > 0 ? argv[0] : "", "stand-in-");
    const char *what = name != NULL ? name + strlen("stand-in-") : "";
    NtWireSetup setup;
    NtWireRequest request;
    if (recv(NT_WIRE_SOCKET, &setup, sizeof setup, 0) != (ssize_t)sizeof setup) {
        return 2;
    }
    start(what);
    while (recv(NT_WIRE_SOCKET, &request, sizeof request, 0) == (ssize_t)sizeof request) {
        answer(what, &request);
    }
    return 0;
}
