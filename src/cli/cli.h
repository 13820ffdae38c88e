/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: the program. A table of commands (commands.c), one file per command (cmd-*.c); help, man pages and shell
 * completion are made from the same table (manual.c). Uses the public header and base only.
 */
#ifndef NT_CLI_H
#define NT_CLI_H

#include <stdio.h>

#include "base/base.h"
#include "niteru/niteru.h"

/* What every command gets: the options given before or after its name. */
typedef struct CliContext {
    const char *catalogue; /* -C, or NULL */
    char **limits;         /* --limit, NULL-terminated, or NULL */
    int threads;           /* --threads, 0: all cores */
    gboolean json;         /* --json: one JSON document on standard output */
    gboolean quiet;        /* --quiet: no progress, no summary */
    GCancellable *cancel;  /* set by Ctrl-C and SIGTERM */
} CliContext;

/* Exit status: 0 done, 1 failed, 2 the command line was wrong. */
typedef enum CliStatus { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 } CliStatus;

typedef struct CliCommand {
    const char *name;
    const char *arguments;       /* "SOURCE", as shown in the usage line */
    const char *summary;         /* one line, for the list of commands */
    const char *details;         /* paragraphs for --help and the man page */
    const char *examples;        /* command lines, one a line */
    const GOptionEntry *options; /* ends with an empty entry */
    int least, most;             /* how many arguments; most < 0: any number */
    bool stops;                  /* looks at CliContext.cancel; else the first Ctrl-C ends the program */
    CliStatus (*run)(CliContext *context, int argc, char **argv, GError **error); /* argv: the arguments alone */
} CliCommand;

/* The table, ending with NULL, in the order of help. */
extern const CliCommand *const cli_commands[];
extern const GOptionEntry cli_common_options[]; /* without their variables: for help and completion */
const CliCommand *cli_command_find(const char *name);

/* Opens the catalogue the context names. */
NiteruCatalogue *cli_open(const CliContext *context, bool for_writing, GError **error);

/* What SIGHUP does instead of ending the program, on the thread that waits for signals; atomic, NULL: nothing else. */
extern void (*cli_on_hangup)(void);

/* notify.c: tells the service manager, where there is one, "READY=1", "STOPPING=1"; see sd_notify(3). */
void cli_notify(const char *state);

/* cmd-audit.c: notes in the audit log what a command did, where it is one that writes and did so itself. `arguments`:
 * those of the command, ending with NULL. */
void cli_audit_note(const CliContext *context, const CliCommand *command, char **arguments, bool done);

/* Prints a JSON text and a newline; frees it. */
void cli_print_json(char *json);

/* Sets a usage error, which main turns into status 2 and a pointer to --help. */
#define CLI_USAGE_ERROR (g_quark_from_static_string("niteru-usage"))
bool cli_usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* hint.c: what to do about an error, in words of the command line: " (--encoding cp1252)", or "". New. */
char *cli_hint(const GError *error);

/* progress.c: a line on standard error that is rewritten in place; nothing when it is not a terminal. */
typedef struct CliProgress {
    const char *noun; /* "photos" */
    bool shown;       /* a line is standing */
    bool enabled;
} CliProgress;
CliProgress cli_progress_new(const CliContext *context, const char *noun);
void cli_progress_show(CliProgress *progress, const NiteruProgress *now);
void cli_progress_clear(CliProgress *progress);

/* table.c: columns of text for a terminal; wide characters count two. */
typedef struct CliTable CliTable;
CliTable *cli_table_new(const char *const *headings); /* a heading that starts with '>' is aligned right; NULL ends */
void cli_table_add(CliTable *table, ...) G_GNUC_NULL_TERMINATED; /* one text per column */
void cli_table_print(CliTable *table);                           /* and frees it */
void cli_table_free(CliTable *table);
char *cli_count(uint64_t number);                                       /* "12,345" */
char *cli_count_of(uint64_t number, const char *one, const char *many); /* "1 photo", "12,345 photos" */

/* results.c: how answers are shown. */
void cli_print_results(const CliContext *context, NiteruCatalogue *catalogue, const NiteruResults *results);

/* Says on standard error why a condition (NULL: none) matches nothing, if it does not: a sentence, or with --json the
 * document of niteru_where_json, so that standard output stays a list of products. */
void cli_print_near(const CliContext *context, NiteruCatalogue *catalogue, const char *where);

/* manual.c */
void cli_print_help(FILE *out);
void cli_print_command_help(const CliCommand *command, FILE *out);
char *cli_man_page(const CliCommand *command); /* NULL: niteru(1) itself */
char *cli_completion(const char *shell);       /* "bash", "zsh" or "fish"; NULL when unknown */

#endif
