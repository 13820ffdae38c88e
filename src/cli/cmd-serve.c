/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru serve`. */
#include "cli/commands.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/service.h"

static char *file;
static char **listen_on, **set;
static gboolean check, everybody, show;

static const GOptionEntry options[] = {
    {"listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &listen_on, "listen here (127.0.0.1:8080); may be repeated",
     "ADDRESS"},
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "settings (else niteru.conf in the catalogue, where there is one)",
     "FILE"},
    {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &set, "one setting, over the file's; may be repeated", "NAME=VALUE"},
    {"public", 0, 0, G_OPTION_ARG_NONE, &everybody, "who has no key may do what a publishable key may", NULL},
    {"check", 0, 0, G_OPTION_ARG_NONE, &check, "say what is wrong with the settings, and do not serve", NULL},
    {"settings", 0, 0, G_OPTION_ARG_NONE, &show, "print all settings with what they mean, and do not serve", NULL},
    {0},
};

static bool read_flags(NtServiceConfig *config, GError **error) {
    for (size_t i = 0; set != NULL && set[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(set[i], "=", 2);
        if (parts[0] == NULL || parts[1] == NULL) {
            return cli_usage(error, "--set %s: write NAME=VALUE", set[i]);
        }
        if (!nt_service_config_set(config, g_strstrip(parts[0]), g_strstrip(parts[1]), error)) {
            return false;
        }
    }
    g_autofree char *addresses = listen_on != NULL ? g_strjoinv(";", listen_on) : NULL;
    return (addresses == NULL || nt_service_config_set(config, "listen", addresses, error)) &&
           (!everybody || nt_service_config_set(config, "public", "true", error));
}

/* The settings: defaults, the file's, the flags'. */
static NtServiceConfig *read_settings(const NiteruCatalogue *catalogue, GError **error) {
    g_autoptr(NtServiceConfig) config = nt_service_config_new();
    g_autofree char *usual = g_build_filename(niteru_folder(catalogue), "niteru.conf", NULL);
    const char *path = file != NULL ? file : g_file_test(usual, G_FILE_TEST_EXISTS) ? usual : NULL;
    return (path == NULL || nt_service_config_read(config, path, error)) && read_flags(config, error)
               ? g_steal_pointer(&config)
               : NULL;
}

static void wait_for_stop(GCancellable *cancel) {
    GPollFD stop = {0};
    if (g_cancellable_make_pollfd(cancel, &stop)) {
        while (!g_cancellable_is_cancelled(cancel)) {
            g_poll(&stop, 1, -1);
        }
        g_cancellable_release_fd(cancel);
    }
}

static NtService *serving; /* while SIGHUP is for it */

static void reload(void) {
    g_autoptr(GError) error = NULL;
    if (!nt_service_reload(serving, &error)) { /* those that were read before stay in use */
        fprintf(stderr, "niteru: %s\n", error->message);
    }
}

/* A server runs for weeks. Few arenas, and large blocks (photos, bodies, pictures) always from the system: by itself
 * glibc gives every thread an arena and takes ever larger blocks from them, and what is free in one is no use to
 * others.
 */
static void keep_memory_flat(void) {
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

/* OpenMP's threads go on running for milliseconds after a photo is embedded, in case there is more for them, and keep a
 * core from the search that follows. That it is microseconds must be said before libgomp is loaded: so this begins the
 * program anew. Measured on two cores, search by photo among 100,000 products: 7.4 ms, and 5.2 ms so. */
static void spin_briefly(const CliContext *context) {
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL), *line = NULL;
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    gsize size;
    if (g_getenv("GOMP_SPINCOUNT") != NULL || g_getenv("OMP_WAIT_POLICY") != NULL || program == NULL ||
        !g_file_get_contents("/proc/self/cmdline", &line, &size, NULL)) {
        return;
    }
    for (gsize at = 0; at < size; at += strlen(line + at) + 1) {
        g_ptr_array_add(arguments, line + at);
    }
    g_ptr_array_add(arguments, NULL);
    g_setenv("GOMP_SPINCOUNT", "5000", true);
    if (!g_cancellable_is_cancelled(context->cancel)) {
        execv(program, (char **)arguments->pdata); /* where that fails all works, and slower */
    }
}

static CliStatus run_serve(CliContext *context, int argc, char **argv, GError **error) {
    spin_briefly(context);
    keep_memory_flat();
    signal(SIGPIPE, SIG_IGN); /* whoever read what is printed may go */
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    g_autoptr(NtServiceConfig) config = catalogue != NULL ? read_settings(catalogue, error) : NULL;
    if (config == NULL) {
        return CLI_FAILED;
    }
    if (show) {
        g_autofree char *text = nt_service_config_print(config);
        fputs(text, stdout);
        return CLI_DONE;
    }
    if (check) {
        if (!nt_service_check(catalogue, config, error)) {
            return CLI_FAILED;
        }
        puts("the settings are fine");
        return CLI_DONE;
    }
    g_autoptr(NtService) service = nt_service_new(catalogue, config, error);
    if (service == NULL || !nt_service_start(service, error)) {
        return CLI_FAILED;
    }
    if (!context->quiet) {
        printf("niteru serves %s at %s\n", niteru_folder(catalogue), nt_service_url(service));
        fflush(stdout);
    }
    serving = service;
    __atomic_store_n(&cli_on_hangup, reload, __ATOMIC_RELEASE);
    cli_notify("READY=1");
    wait_for_stop(context->cancel);
    cli_notify("STOPPING=1");
    __atomic_store_n(&cli_on_hangup, NULL, __ATOMIC_RELEASE);
    if (!context->quiet) {
        fputs("finishing what was begun; once more stops at once\n", stderr);
    }
    nt_service_stop(service);
    return CLI_DONE;
}

const CliCommand cli_serve = {
    .name = "serve",
    .arguments = "",
    .summary = "answer over HTTP",
    .details =
        "Serves the catalogue over HTTP until it is stopped by Ctrl-C or SIGTERM: what is alike, photo searches, and "
        "products in and out; /openapi.json tells all of it. On this machine's own address (127.0.0.1) no key is "
        "needed as long as none was made; any other address needs keys (niteru key create), or --public. Settings "
        "stand in a file, which --settings prints as it is; flags go before it.",
    .examples = "niteru serve\n"
                "niteru serve --listen 0.0.0.0:8080 --set certificate=shop.pem --set key=shop.key\n"
                "niteru serve --config /etc/niteru.conf --check",
    .options = options,
    .least = 0,
    .most = 0,
    .stops = true,
    .run = run_serve,
};
