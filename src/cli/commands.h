/* SPDX-License-Identifier: Apache-2.0 */
/* The commands, each defined in its own file. */
#ifndef NT_CLI_COMMANDS_H
#define NT_CLI_COMMANDS_H

#include "cli/cli.h"

extern const CliCommand cli_index, cli_similar, cli_search, cli_compare, cli_show, cli_list, cli_remove, cli_eval,
    cli_export, cli_import, cli_model, cli_key, cli_serve, cli_info, cli_check, cli_backup, cli_restore, cli_audit,
    cli_events, cli_recommend, cli_simulate, cli_help, cli_completion_;

/* cmd-model-switch.c: `niteru model switch MODEL`, NULL with --back; what its options were set to. */
typedef struct CliSwitch {
    gboolean back, prepare, leave_out, allow_private;
    char *label;
    double rate;
} CliSwitch;
extern CliSwitch cli_switch;
CliStatus cli_model_switch(CliContext *context, const char *model, GError **error);

#endif
