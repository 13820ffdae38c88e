/* SPDX-License-Identifier: Apache-2.0 */
/* nt_download as a program, for test-download.py: download-tool ADDRESS PATH [NAME=VALUE...]. Prints the SHA-256, or
 * the error's code and message, and what it was told of the progress, most and total. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

static uint64_t most_done, last_total;

static void note(uint64_t done, uint64_t total, void *data) {
    most_done = MAX(most_done, done);
    last_total = total;
}

/* The most that was resident, in kB; what getrusage tells is that of who started this program. */
static long most_memory(void) {
    g_autofree char *status = NULL;
    const char *line = g_file_get_contents("/proc/self/status", &status, NULL, NULL) ? strstr(status, "VmHWM:") : NULL;
    return line != NULL ? strtol(line + strlen("VmHWM:"), NULL, 10) : 0;
}

int main(int argc, char **argv) {
    NtDownload download = {.address = argv[1], .path = argv[2], .progress = note};
    NtWait wait = {0};
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=') + 1;
        uint64_t number = g_ascii_strtoull(value, NULL, 10);
        if (g_str_has_prefix(argv[i], "sha256=")) {
            download.sha256 = value;
        } else if (g_str_has_prefix(argv[i], "bytes=")) {
            download.bytes = number;
        } else if (g_str_has_prefix(argv[i], "most=")) {
            download.most = number;
        } else if (g_str_has_prefix(argv[i], "stall=")) {
            download.stall_seconds = (unsigned)number;
        } else if (g_str_has_prefix(argv[i], "private=")) {
            download.allow_private = number != 0;
        } else if (g_str_has_prefix(argv[i], "delay=")) {
            download.delay_ms = (unsigned)number;
        } else if (g_str_has_prefix(argv[i], "deadline_ms=")) {
            wait.deadline = g_get_monotonic_time() + (int64_t)number * 1000;
        }
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *digits = NULL;
    bool ok = nt_download(&download, &wait, &digits, &error);
    printf("{\"ok\": %s, \"code\": %d, \"sha256\": \"%s\", \"done\": %" G_GUINT64_FORMAT
           ", \"total\": %" G_GUINT64_FORMAT ", \"memory_kb\": %ld, \"option\": \"%s\"}\n%s\n",
           ok ? "true" : "false", ok ? -1 : error->code, ok ? digits : "", most_done, last_total, most_memory(),
           ok || niteru_error_fact(error, "option") == NULL ? "" : niteru_error_fact(error, "option"),
           ok ? "" : error->message);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
