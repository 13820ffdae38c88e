/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>
#include <unistd.h>

CliProgress cli_progress_new(const CliContext *context, const char *noun) {
    return (CliProgress){.noun = noun, .enabled = !context->quiet && isatty(STDERR_FILENO)};
}

/* "4 s", "3 min 20 s", "2 h 05 min". */
static char *duration(double seconds) {
    unsigned long s = (unsigned long)(seconds + 0.5);
    if (s < 60) {
        return g_strdup_printf("%lu s", s);
    }
    return s < 3600 ? g_strdup_printf("%lu min %02lu s", s / 60, s % 60)
                    : g_strdup_printf("%lu h %02lu min", s / 3600, s / 60 % 60);
}

void cli_progress_show(CliProgress *progress, const NiteruProgress *now) {
    if (!progress->enabled) {
        return;
    }
    g_autofree char *done = cli_count(now->done);
    g_autofree char *total = cli_count(now->total);
    g_autoptr(GString) line = g_string_new(NULL);
    if (now->total > 0) {
        double share = MIN(1.0, (double)now->done / (double)now->total);
        static const char bar[] = "██████████████████████████████";
        size_t full = (size_t)(share * 20);
        g_string_append_printf(line, "%.*s%*s %3.0f %%  %s of %s %s", (int)(full * 3), bar, (int)(20 - full), "",
                               share * 100, done, total, progress->noun);
    } else {
        g_string_append_printf(line, "%s %s", done, progress->noun);
    }
    if (now->rate > 0) {
        g_string_append_printf(line, "  %.0f a second", now->rate);
    }
    if (now->remaining >= 0) {
        g_autofree char *left = duration(now->remaining);
        g_string_append_printf(line, "  %s left", left);
    }
    if (now->failed > 0) {
        g_string_append_printf(line, "  %" G_GUINT64_FORMAT " failed", now->failed);
    }
    fprintf(stderr, "\r\033[K%s", line->str);
    fflush(stderr);
    progress->shown = true;
}

void cli_progress_clear(CliProgress *progress) {
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        progress->shown = false;
    }
}
