/* SPDX-License-Identifier: Apache-2.0 */
/* A running server and a client of it, for tests. */
#ifndef NT_TEST_SERVER_FIXTURE_H
#define NT_TEST_SERVER_FIXTURE_H

#include "http/http.h"

typedef struct Fixture {
    NtHttpServer *server;
    uint16_t port;
    gint served, done, gone;
    NtHttpRequest *parked;
    GThread *thread;
    GMutex lock; /* the three below */
    GCond changed;
    GQueue slow; /* requests that the thread answers later */
    bool stop;
} Fixture;

/* `data`: NtHttpOptions; NULL: some with short deadlines. */
void set_up(Fixture *fixture, const void *data);
void tear_down(Fixture *fixture, const void *data);

/* The handler; its paths are in on_serve. */
void on_head(NtHttpRequest *request, void *data);
void on_serve(NtHttpRequest *request, void *data);
void on_turn(unsigned loop, void *data);
void on_done(const NtHttpRequest *request, void *data);

int dial(const Fixture *fixture);
void say(int fd, const char *text);
/* All that comes until the server closes, or until `marks` occurrences of `mark`. New. */
char *hear(int fd, const char *mark, unsigned marks);
/* Says something on a connection of its own and returns all that is answered until the end. New. */
char *ask(const Fixture *fixture, const char *text);
unsigned count(const char *text, const char *part);

#define ASSERT_HAS(text, part) g_assert_nonnull(strstr((text), (part)))
#define ASSERT_LACKS(text, part) g_assert_null(strstr((text), (part)))

#endif
