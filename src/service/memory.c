/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory guard: writes, and searches by photo, are refused while less memory is left than the setting
 * memory_reserve, so that the machine neither swaps nor has the kernel end the service; all that only reads goes on.
 *
 * What is left is the least of what the machine has (MemAvailable, which counts what the kernel can take back) and of
 * what the control groups around this process leave: the limit less what is used, of which pages of files that nobody
 * has looked at lately can be taken back. Groups of both versions are read; the files are looked at once a second.
 */
#include "service/memory.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

enum { LOOK_MICROSECONDS = G_USEC_PER_SEC, MOST_LEVELS = 16 /* of control groups */ };
enum { SHARE = 32 /* of the memory there is, where no reserve is set */ };
#define LEAST_RESERVE (UINT64_C(64) << 20)
#define MOST_RESERVE (UINT64_C(512) << 20)

struct ApiMemory {
    char *root;
    uint64_t wanted;
    GMutex lock; /* both below */
    int64_t looked;
    ApiMemoryState state;
    gint refused; /* atomic */
};

ApiMemory *api_memory_new(const char *root, uint64_t reserve) {
    ApiMemory *memory = g_new0(ApiMemory, 1);
    memory->root = g_strdup(root);
    memory->wanted = reserve;
    g_mutex_init(&memory->lock);
    return memory;
}

void api_memory_free(ApiMemory *memory) {
    if (memory != NULL) {
        g_mutex_clear(&memory->lock);
        g_free(memory->root);
        g_free(memory);
    }
}

/* ---- the kernel's files ---- */

static char *read_file(const ApiMemory *memory, const char *folder, const char *name) {
    g_autofree char *path = g_build_filename(memory->root, folder, name, NULL);
    char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

/* The number behind a name at the beginning of a line, in bytes. */
static bool read_line(const char *text, const char *name, uint64_t unit, uint64_t *out) {
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (g_str_has_prefix(line, name)) {
            *out = g_ascii_strtoull(line + strlen(name), NULL, 10) * unit;
            return true;
        }
    }
    return false;
}

/* A file that holds one number; "max" is none. */
static bool read_number(const ApiMemory *memory, const char *folder, const char *name, uint64_t *out) {
    g_autofree char *text = read_file(memory, folder, name);
    if (text == NULL || !g_ascii_isdigit(*text)) {
        return false;
    }
    *out = g_ascii_strtoull(text, NULL, 10);
    return true;
}

static void read_machine(const ApiMemory *memory, ApiMemoryState *state) {
    g_autofree char *text = read_file(memory, "proc", "meminfo");
    uint64_t total = 0, available = UINT64_MAX;
    if (text != NULL && read_line(text, "MemTotal:", 1024, &total)) {
        read_line(text, "MemAvailable:", 1024, &available);
    }
    state->total = total;
    state->available = available;
}

/* What the files of one version of control groups are called. */
typedef struct Names {
    const char *limit, *used, *idle;
} Names;
static const Names version_2 = {"memory.max", "memory.current", "inactive_file "};
static const Names version_1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "};

static void read_group(const ApiMemory *memory, const char *folder, const Names *names, ApiMemoryState *state) {
    uint64_t limit, used, idle = 0;
    if (!read_number(memory, folder, names->limit, &limit) || !read_number(memory, folder, names->used, &used) ||
        limit >= state->total) { /* version 1 writes "none" as a number larger than any memory */
        return;
    }
    g_autofree char *text = read_file(memory, folder, "memory.stat");
    if (text != NULL) {
        read_line(text, names->idle, 1, &idle);
    }
    uint64_t busy = used - MIN(used, idle);
    state->total = MIN(state->total, limit);
    state->available = MIN(state->available, limit - MIN(limit, busy));
}

/* The group of the process and all around it. */
static void read_groups(const ApiMemory *memory, const char *mount, const char *path, const Names *names,
                        ApiMemoryState *state) {
    g_autofree char *group = g_strdup(path);
    for (unsigned i = 0; i < MOST_LEVELS; i++) {
        g_autofree char *folder = g_build_filename(mount, group, NULL);
        read_group(memory, folder, names, state);
        char *slash = strrchr(group, '/');
        if (slash == NULL || group[1] == '\0') {
            return;
        }
        slash[slash == group] = '\0';
    }
}

/* /proc/self/cgroup has lines "0::/path" (version 2) and "4:memory:/path" (version 1). */
static void read_control_groups(const ApiMemory *memory, ApiMemoryState *state) {
    g_autofree char *text = read_file(memory, "proc/self", "cgroup");
    g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", MOST_LEVELS);
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(lines[i], ":", 3);
        if (g_strv_length(parts) != 3 || parts[2][0] != '/') {
            continue;
        }
        g_auto(GStrv) kinds = g_strsplit(parts[1], ",", MOST_LEVELS);
        if (*parts[1] == '\0') {
            read_groups(memory, "sys/fs/cgroup", parts[2], &version_2, state);
        } else if (g_strv_contains((const char *const *)kinds, "memory")) {
            read_groups(memory, "sys/fs/cgroup/memory", parts[2], &version_1, state);
        }
    }
}

/* ---- the guard ---- */

static ApiMemoryState look(const ApiMemory *memory) {
    ApiMemoryState state = {0};
    read_machine(memory, &state);
    if (state.total == 0 || state.available == UINT64_MAX) { /* nothing can be told, so nothing is refused */
        return (ApiMemoryState){.available = UINT64_MAX, .reserve = memory->wanted};
    }
    read_control_groups(memory, &state);
    state.reserve = memory->wanted > 0 ? memory->wanted : CLAMP(state.total / SHARE, LEAST_RESERVE, MOST_RESERVE);
    state.is_short = state.available < state.reserve;
    return state;
}

ApiMemoryState api_memory_look(ApiMemory *memory) {
    int64_t now = g_get_monotonic_time();
    g_mutex_lock(&memory->lock);
    if (memory->looked == 0 || now - memory->looked >= LOOK_MICROSECONDS) {
        memory->state = look(memory);
        memory->looked = now;
    }
    ApiMemoryState state = memory->state;
    g_mutex_unlock(&memory->lock);
    return state;
}

bool api_memory_allows(ApiMemory *memory) {
    bool allowed = !api_memory_look(memory).is_short;
    if (!allowed) {
        g_atomic_int_inc(&memory->refused);
    }
    return allowed;
}

unsigned api_memory_refused(const ApiMemory *memory) { return (unsigned)g_atomic_int_get(&memory->refused); }
