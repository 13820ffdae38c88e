/* SPDX-License-Identifier: Apache-2.0 */
/* The command table. A new command is a file cmd-<name>.c and a line here. */
#include "cli/commands.h"
#include "cli/cli.h"

#include <string.h>

const CliCommand *const cli_commands[] = {
    &cli_index, &cli_similar, &cli_search, &cli_recommend, &cli_compare, &cli_show, &cli_list,        &cli_remove,
    &cli_eval,  &cli_export,  &cli_import, &cli_events,    &cli_model,   &cli_key,  &cli_serve,       &cli_simulate,
    &cli_info,  &cli_check,   &cli_backup, &cli_restore,   &cli_audit,   &cli_help, &cli_completion_, NULL,
};

/* Options every command has; main.c binds them to variables in this order. */
const GOptionEntry cli_common_options[] = {
    {"catalogue", 'C', 0, G_OPTION_ARG_FILENAME, NULL,
     "the catalogue's folder (else $NITERU_CATALOGUE, else ./shop.niteru)", "DIR"},
    {"json", 0, 0, G_OPTION_ARG_NONE, NULL, "answer in JSON on standard output", NULL},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, NULL, "no progress and no summary", NULL},
    {"threads", 0, 0, G_OPTION_ARG_INT, NULL, "worker threads (one per core when not given)", "N"},
    {"limit", 0, 0, G_OPTION_ARG_STRING_ARRAY, NULL, "change a limit; niteru info lists them", "NAME=VALUE"},
    {0},
};

const CliCommand *cli_command_find(const char *name) {
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}
