/* SPDX-License-Identifier: Apache-2.0 */
/* The program: reads the options that every command has, finds the command, runs it, words what went wrong. */
#include "cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static CliContext context;
static gboolean show_version, show_help;
static char *catalogue_option;

/* The variables behind cli_common_options, in its order. */
static void bind_common(GOptionEntry *entries) {
    void *const places[] = {&catalogue_option, &context.json, &context.quiet, &context.threads, &context.limits};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        entries[i] = cli_common_options[i];
        entries[i].arg_data = places[i];
    }
}

bool cli_usage(GError **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_clear_error(error);
    *error = g_error_new_valist(CLI_USAGE_ERROR, 0, format, args);
    va_end(args);
    return false;
}

NiteruCatalogue *cli_open(const CliContext *given, bool for_writing, GError **error) {
    NiteruOptions options = {
        .size = sizeof(NiteruOptions),
        .read_only = !for_writing,
        .discard_empty = true,
        .threads = (unsigned)given->threads,
        .limits = (const char *const *)given->limits,
    };
    return niteru_open(given->catalogue, &options, error);
}

void cli_print_json(char *json) {
    puts(json);
    g_free(json);
}

static gint stops; /* atomic: the command under way looks at context.cancel */

void (*cli_on_hangup)(void);

/* The next signal that is to end something; SIGHUP may mean another thing. */
static int next_signal(const sigset_t *set) {
    while (true) {
        int number = 0;
        if (sigwait(set, &number) != 0) {
            continue;
        }
        void (*hangup)(void) = __atomic_load_n(&cli_on_hangup, __ATOMIC_ACQUIRE);
        if (number != SIGHUP || hangup == NULL) {
            return number;
        }
        hangup();
    }
}

/* Waits for Ctrl-C or SIGTERM in a thread of its own, where cancelling is allowed (a signal handler may do next to
 * nothing). The first one stops a command that looks for it, between photos; the second, or the first of every other
 * command, ends the process at once, which loses nothing that was acknowledged. */
static void *watch_signals(void *data) {
    const sigset_t *set = data;
    int signal_number = next_signal(set);
    if (g_atomic_int_get(&stops) == 0) {
        _exit(128 + signal_number);
    }
    g_cancellable_cancel(context.cancel);
    _exit(128 + next_signal(set));
}

static void start_signal_watch(void) {
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* inherited by every thread started later */
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a write over the file-size limit is an error like a full disk, not a death */
    g_thread_unref(g_thread_new("signals", watch_signals, &set));
}

/* Reads the common options that stand before the command's name; leaves the rest in argv. */
static bool parse_common(int *argc, char ***argv, GError **error) {
    GOptionEntry entries[8] = {0};
    bind_common(entries);
    entries[5] = (GOptionEntry){"version", 'V', 0, G_OPTION_ARG_NONE, &show_version, "", NULL};
    entries[6] = (GOptionEntry){"help", 'h', 0, G_OPTION_ARG_NONE, &show_help, "", NULL};
    g_autoptr(GOptionContext) parser = g_option_context_new(NULL);
    g_option_context_set_help_enabled(parser, FALSE);
    g_option_context_set_strict_posix(parser, TRUE);
    g_option_context_add_main_entries(parser, entries, NULL);
    return g_option_context_parse(parser, argc, argv, error);
}

/* Reads a command's options, and the common ones that stand after its name. */
static bool parse_command(const CliCommand *command, int *argc, char ***argv, GError **error) {
    GOptionEntry entries[7] = {0};
    bind_common(entries);
    entries[5] = (GOptionEntry){"help", 'h', 0, G_OPTION_ARG_NONE, &show_help, "", NULL};
    g_autoptr(GOptionContext) parser = g_option_context_new(NULL);
    g_option_context_set_help_enabled(parser, FALSE);
    g_option_context_add_main_entries(parser, command->options, NULL);
    g_option_context_add_main_entries(parser, entries, NULL);
    if (!g_option_context_parse(parser, argc, argv, error)) {
        return false;
    }
    if (*argc > 1 && strcmp((*argv)[1], "--") == 0) { /* GOption leaves it standing */
        (*argv)[1] = (*argv)[0];
        (*argv)++;
        (*argc)--;
    }
    return true;
}

static CliStatus run(int argc, char **argv, const CliCommand **out_command, GError **error) {
    if (!parse_common(&argc, &argv, error)) {
        return CLI_USAGE;
    }
    if (show_version) {
        printf("niteru %s\n", niteru_version());
        return CLI_DONE;
    }
    if (argc < 2 || show_help) {
        cli_print_help(show_help ? stdout : stderr);
        return show_help ? CLI_DONE : CLI_USAGE;
    }
    const CliCommand *command = cli_command_find(argv[1]);
    if (command == NULL) {
        cli_usage(error, "there is no command '%s'; niteru --help lists them", argv[1]);
        return CLI_USAGE;
    }
    *out_command = command;
    argc--;
    argv++;
    if (!parse_command(command, &argc, &argv, error)) {
        return CLI_USAGE;
    }
    if (show_help) {
        cli_print_command_help(command, stdout);
        return CLI_DONE;
    }
    if (argc - 1 < command->least || (command->most >= 0 && argc - 1 > command->most)) {
        cli_usage(error, "usage: niteru %s%s%s", command->name, *command->arguments ? " " : "", command->arguments);
        return CLI_USAGE;
    }
    if (context.threads < 0) {
        cli_usage(error, "--threads %d: at least one, or 0 for one per core", context.threads);
        return CLI_USAGE;
    }
    context.catalogue = catalogue_option;
    g_atomic_int_set(&stops, command->stops);
    CliStatus status = command->run(&context, argc - 1, argv + 1, error);
    if (status != CLI_USAGE) {
        cli_audit_note(&context, command, argv + 1, status == CLI_DONE);
    }
    return status;
}

/* Why standard output failed. The write that met the fault is long gone, and its errno with it: try one byte more. */
static int output_fault(void) { return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : EIO; }

static void tell(const GError *error, const CliCommand *command, bool usage) {
    g_autofree char *safe = nt_text_printable(error->message, SIZE_MAX), *hint = cli_hint(error);
    fprintf(stderr, "niteru: %s%s\n", safe, hint);
    if (usage && command != NULL) {
        fprintf(stderr, "try: niteru %s --help\n", command->name);
    }
}

int main(int argc, char **argv) {
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers have a point in every language: programs read them */
    context.cancel = g_cancellable_new();
    start_signal_watch();
    const CliCommand *command = NULL;
    g_autoptr(GError) error = NULL;
    CliStatus status = run(argc, argv, &command, &error);
    if (error != NULL) {
        bool usage = error->domain == G_OPTION_ERROR || error->domain == CLI_USAGE_ERROR;
        tell(error, command, usage);
        status = usage ? CLI_USAGE : CLI_FAILED;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "niteru: standard output: %s\n", g_strerror(output_fault()));
        status = CLI_FAILED;
    }
    return (int)status;
}
