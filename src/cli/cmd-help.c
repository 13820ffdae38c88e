/* SPDX-License-Identifier: Apache-2.0 */
/* help, and what packages are made from: man pages and shell completion. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static char *man_folder;

static const GOptionEntry options[] = {
    {"man", 0, 0, G_OPTION_ARG_FILENAME, &man_folder, "write the man pages into this folder", "FOLDER"},
    {0},
};
static const GOptionEntry no_options[] = {{0}};

static bool write_page(const char *folder, const CliCommand *command, GError **error) {
    g_autofree char *name = command != NULL ? g_strdup_printf("niteru-%s.1", command->name) : g_strdup("niteru.1");
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *page = cli_man_page(command);
    return nt_file_write(path, page, strlen(page), error);
}

static CliStatus run_help(CliContext *context, int argc, char **argv, GError **error) {
    if (man_folder != NULL) {
        bool ok = write_page(man_folder, NULL, error);
        for (size_t i = 0; ok && cli_commands[i] != NULL; i++) {
            ok = write_page(man_folder, cli_commands[i], error);
        }
        return ok ? CLI_DONE : CLI_FAILED;
    }
    if (argc == 0) {
        cli_print_help(stdout);
        return CLI_DONE;
    }
    const CliCommand *command = cli_command_find(argv[0]);
    if (command == NULL) {
        cli_usage(error, "there is no command '%s'; niteru help lists them", argv[0]);
        return CLI_USAGE;
    }
    cli_print_command_help(command, stdout);
    return CLI_DONE;
}

const CliCommand cli_help = {
    .name = "help",
    .arguments = "[COMMAND]",
    .summary = "the commands, or one of them in full",
    .details = "The same text as COMMAND --help.",
    .examples = "niteru help index",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run_help,
};

static CliStatus run_completion(CliContext *context, int argc, char **argv, GError **error) {
    g_autofree char *script = cli_completion(argv[0]);
    if (script == NULL) {
        cli_usage(error, "'%s' is not bash, zsh or fish", argv[0]);
        return CLI_USAGE;
    }
    fputs(script, stdout);
    return CLI_DONE;
}

const CliCommand cli_completion_ = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "a script that completes commands and options in the shell",
    .details = "make install puts it where the shells look; this prints it for other places.",
    .examples = "niteru completion bash > ~/.local/share/bash-completion/completions/niteru",
    .options = no_options,
    .least = 1,
    .most = 1,
    .run = run_completion,
};
