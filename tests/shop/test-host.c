/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that loads the library as a plug-in (RTLD_LOCAL) and lives by its own rules for signals, which are no
 * business of the library's: indexing and searching work, decode helpers that are killed are replaced, and none is left
 * behind, alive or as a zombie. usage: host RULE LIBRARY
 */
#include <niteru/niteru.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = 72, HEIGHT = 60, PHOTOS = 6 };

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "host: %s: %s\n", what, why);
    exit(1);
}

/* ---- rules ---- */

static void reap_all(int signal) {
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}

static void interrupt(int signal) {}

static void set(int signal, void (*handler)(int), int flags) {
    const struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void follow(const char *rule) {
    if (strcmp(rule, "ignore") == 0) {
        set(SIGCHLD, SIG_IGN, 0);
    } else if (strcmp(rule, "no-wait") == 0) {
        set(SIGCHLD, SIG_DFL, SA_NOCLDWAIT);
    } else if (strcmp(rule, "reap") == 0) {
        set(SIGCHLD, reap_all, 0);
    } else if (strcmp(rule, "block") == 0) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
    } else if (strcmp(rule, "interrupt") == 0) { /* any call that can end with EINTR does */
        set(SIGALRM, interrupt, 0);
        setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL);
    } else if (strcmp(rule, "default") != 0) {
        die(rule, "no such rule");
    }
}

/* ---- photos ---- */

/* A BMP with a bar on a ground. Pictures of neighbouring numbers, an even and the next odd one, look alike. */
static void draw(const char *path, unsigned number) {
    uint8_t head[54] = {'B', 'M', 0, 0,     0, 0, 0, 0,      0, 0, 54, 0, 0, 0, 40,
                        0,   0,   0, WIDTH, 0, 0, 0, HEIGHT, 0, 0, 0,  1, 0, 24};
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(head, sizeof head, 1, file) != 1) {
        die(path, strerror(errno));
    }
    unsigned kind = number / 2;
    for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
        unsigned x = i % WIDTH, y = i / WIDTH;
        bool bar = kind % 2 == 0 ? x / 9 % 2 == 0 : y / (4 + kind) % 2 == 0;
        uint8_t shade = (uint8_t)(number % 2), pixel[3] = {(uint8_t)(60 * kind + shade), bar ? 220 : 20, 90};
        fwrite(pixel, sizeof pixel, 1, file);
    }
    fclose(file);
}

static void draw_all(const char *folder, unsigned first) {
    for (unsigned i = first; i < first + PHOTOS; i++) {
        char path[300];
        snprintf(path, sizeof path, "%s/%02u.bmp", folder, i);
        draw(path, i);
    }
}

/* ---- children ---- */

/* Kills a process and waits until none of its threads is left, so that its socket is closed. */
static bool kill_child(pid_t child) {
    int process = (int)syscall(SYS_pidfd_open, child, 0);
    bool killed = kill(child, SIGKILL) == 0;
    struct pollfd end = {.fd = process, .events = POLLIN};
    while (killed && poll(&end, 1, process >= 0 ? 10000 : 200) < 0 && errno == EINTR) {
    }
    if (process >= 0) {
        close(process);
    }
    return killed;
}

/* Kills every child of this process; returns how many. */
static unsigned kill_children(void) {
    DIR *threads = opendir("/proc/self/task");
    unsigned count = 0;
    for (const struct dirent *thread; (thread = readdir(threads)) != NULL;) {
        char path[300], numbers[4096] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/children", thread->d_name);
        int file = open(path, O_RDONLY);
        if (file >= 0 && read(file, numbers, sizeof numbers - 1) > 0) {
            for (char *at = numbers, *end; (end = strchr(at, ' ')) != NULL; at = end + 1) {
                count += kill_child((pid_t)strtol(at, NULL, 10));
            }
        }
        if (file >= 0) {
            close(file);
        }
    }
    closedir(threads);
    return count;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return remove(path); }

/* ---- the library ---- */

static void *library;

static void *get(const char *name) {
    void *symbol = dlsym(library, name);
    return symbol != NULL ? symbol : (die(name, dlerror()), NULL);
}

#define GET(name) ((__typeof__(name) *)get(#name))

/* Every photo of the folder that is new goes through the network. */
static void index_new(NiteruCatalogue *shop, const char *folder) {
    GError *error = NULL;
    NiteruIndexReport report = {.size = sizeof report};
    if (!GET(niteru_index)(shop, folder, NULL, NULL, &report, &error)) {
        die("index", error->message);
    }
    if (report.embedded != PHOTOS || report.failed != 0) {
        fprintf(stderr, "host: %u photos embedded, %u failed\n", (unsigned)report.embedded, (unsigned)report.failed);
        exit(1);
    }
}

static void expect_neighbour(NiteruCatalogue *shop, const char *id, const char *neighbour) {
    GError *error = NULL;
    NiteruResults *alike = GET(niteru_similar)(shop, id, NULL, NULL, &error);
    if (alike == NULL) {
        die("similar", error->message);
    }
    const NiteruResult *first = GET(niteru_results_get)(alike, 0);
    if (strcmp(first->product, neighbour) != 0) {
        die(id, first->product);
    }
    GET(niteru_results_free)(alike);
}

int main(int argc, char **argv) {
    char folder[] = "/tmp/niteru-host-XXXXXX", photos[100], catalogue[100];
    if (argc != 3 || mkdtemp(folder) == NULL) {
        die("usage", "host RULE LIBRARY");
    }
    follow(argv[1]);
    library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        die("dlopen", dlerror());
    }
    snprintf(photos, sizeof photos, "%s/photos", folder);
    snprintf(catalogue, sizeof catalogue, "%s/shop.niteru", folder);
    mkdir(photos, 0700);
    draw_all(photos, 0);
    GError *error = NULL;
    NiteruCatalogue *shop =
        GET(niteru_open)(catalogue, &(NiteruOptions){.size = sizeof(NiteruOptions), .threads = 2}, &error);
    if (shop == NULL) {
        die("open", error->message);
    }
    index_new(shop, photos);
    expect_neighbour(shop, "02.bmp", "03.bmp");
    printf("%u helpers killed at rest\n", kill_children());
    draw_all(photos, PHOTOS);
    index_new(shop, photos);
    expect_neighbour(shop, "08.bmp", "09.bmp");
    GET(niteru_close)(shop);
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
        die("close", "a child is left");
    }
    return nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}
