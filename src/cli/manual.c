/* SPDX-License-Identifier: Apache-2.0 */
/* Help, man pages and shell completion, all from the command table. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { HELP_WIDTH = 79 };

/* ---- --help ---- */

/* Prints text wrapped at HELP_WIDTH; a newline ends a paragraph's line. */
static void print_wrapped(const char *text, FILE *out) {
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", -1);
        size_t column = 0;
        for (size_t w = 0; words[w] != NULL; w++) {
            size_t width = nt_text_columns(words[w]);
            if (column > 0 && column + 1 + width > HELP_WIDTH) {
                fputc('\n', out);
                column = 0;
            }
            column += (size_t)fprintf(out, "%s%s", column > 0 ? " " : "", words[w]);
        }
        fputc('\n', out);
    }
}

static void print_options(const GOptionEntry *options, FILE *out) {
    for (; options->long_name != NULL; options++) {
        g_autofree char *letter =
            options->short_name ? g_strdup_printf("-%c, ", options->short_name) : g_strdup("    ");
        g_autofree char *name =
            g_strdup_printf("%s--%s%s%s", letter, options->long_name, options->arg_description ? " " : "",
                            options->arg_description ? options->arg_description : "");
        fprintf(out, "  %-28s %s\n", name, options->description);
    }
}

void cli_print_help(FILE *out) {
    fputs("niteru: from product photos to similar products\n\nusage: niteru [OPTION...] COMMAND [ARGUMENT...]\n\n",
          out);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "  %-11s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    }
    fputs("\nOptions of every command:\n", out);
    print_options(cli_common_options, out);
    fputs("\nniteru COMMAND --help tells more. Start with: niteru index FOLDER-OF-PHOTOS\n", out);
}

void cli_print_command_help(const CliCommand *command, FILE *out) {
    fprintf(out, "niteru %s: %s\n\nusage: niteru %s%s%s\n\n", command->name, command->summary, command->name,
            *command->arguments ? " " : "", command->arguments);
    print_wrapped(command->details, out);
    if (command->options->long_name != NULL) {
        fputs("\nOptions:\n", out);
        print_options(command->options, out);
    }
    if (strcmp(command->name, "model") == 0) {
        fputs("\nPresets:\n", out);
        for (const char *const *preset = niteru_presets(); *preset != NULL; preset++) {
            fprintf(out, "  %-28s %s\n", *preset, niteru_preset_summary(*preset));
        }
    }
    fputs("\nOptions of every command:\n", out);
    print_options(cli_common_options, out);
    fputs("\nExamples:\n", out);
    g_auto(GStrv) examples = g_strsplit(command->examples, "\n", -1);
    for (size_t i = 0; examples[i] != NULL; i++) {
        fprintf(out, "  %s\n", examples[i]);
    }
}

/* ---- man pages ---- */

/* Appends text with what roff would take as its own escaped. */
static void append_roff(GString *page, const char *text) {
    bool line_start = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (line_start && (*p == '.' || *p == '\'')) {
            g_string_append(page, "\\&");
        }
        line_start = *p == '\n';
        if (*p == '\\') {
            g_string_append(page, "\\e");
        } else if (*p == '-') {
            g_string_append(page, "\\-");
        } else if (*p == '\n') {
            g_string_append(page, "\n.PP\n");
        } else {
            g_string_append_c(page, *p);
        }
    }
}

static void append_roff_options(GString *page, const GOptionEntry *options) {
    for (; options->long_name != NULL; options++) {
        g_string_append(page, ".TP\n");
        if (options->short_name) {
            g_string_append_printf(page, "\\fB\\-%c\\fR, ", options->short_name);
        }
        g_string_append(page, "\\fB\\-\\-");
        append_roff(page, options->long_name);
        g_string_append(page, "\\fR");
        if (options->arg_description != NULL) {
            g_string_append(page, " \\fI");
            append_roff(page, options->arg_description);
            g_string_append(page, "\\fR");
        }
        g_string_append_c(page, '\n');
        append_roff(page, options->description);
        g_string_append_c(page, '\n');
    }
}

static void append_main_page(GString *page) {
    g_string_append(page, ".SH NAME\nniteru \\- from product photos to similar products\n"
                          ".SH SYNOPSIS\n\\fBniteru\\fR [\\fIOPTION\\fR...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n"
                          ".SH DESCRIPTION\nniteru takes a shop's product photos and finds products that look alike.\n"
                          ".SH COMMANDS\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        g_string_append_printf(page, ".TP\n\\fBniteru\\-%s\\fR(1)\n", cli_commands[i]->name);
        append_roff(page, cli_commands[i]->summary);
        g_string_append_c(page, '\n');
    }
    g_string_append(page, ".SH EXIT STATUS\n0 when done, 1 when something failed, 2 when the command line was wrong.\n"
                          ".SH ENVIRONMENT\n.TP\n\\fBNITERU_CATALOGUE\\fR\nthe catalogue's folder when \\-C is not "
                          "given\n.TP\n\\fBNITERU_KERNELS\\fR\nc, avx2 or avx512: use no more of the processor than "
                          "this\n");
}

static void append_command_page(GString *page, const CliCommand *command) {
    g_string_append_printf(page, ".SH NAME\nniteru\\-%s \\- ", command->name);
    append_roff(page, command->summary);
    g_string_append_printf(page, "\n.SH SYNOPSIS\n\\fBniteru %s\\fR [\\fIOPTION\\fR...] ", command->name);
    append_roff(page, command->arguments);
    g_string_append(page, "\n.SH DESCRIPTION\n");
    append_roff(page, command->details);
    if (command->options->long_name != NULL) {
        g_string_append(page, "\n.SH OPTIONS\n");
        append_roff_options(page, command->options);
    }
    g_string_append(page, "\n.SH EXAMPLES\n.nf\n");
    g_auto(GStrv) examples = g_strsplit(command->examples, "\n", -1);
    for (size_t i = 0; examples[i] != NULL; i++) {
        append_roff(page, examples[i]);
        g_string_append_c(page, '\n');
    }
    g_string_append(page, ".fi\n");
}

char *cli_man_page(const CliCommand *command) {
    GString *page = g_string_new(NULL);
    g_autofree char *title = g_ascii_strup(command != NULL ? command->name : "", -1);
    g_string_append_printf(page, ".TH NITERU%s%s 1 \"\" \"niteru %s\"\n", command != NULL ? "\\-" : "", title,
                           niteru_version());
    if (command == NULL) {
        append_main_page(page);
    } else {
        append_command_page(page, command);
    }
    g_string_append(page, ".SH COMMON OPTIONS\n");
    append_roff_options(page, cli_common_options);
    return g_string_free(page, FALSE);
}

/* ---- completion ---- */

static void append_long_options(GString *script, const GOptionEntry *options) {
    for (; options->long_name != NULL; options++) {
        g_string_append_printf(script, " --%s", options->long_name);
    }
}

/* The words that a command's arguments can be, each after a blank: what is lower-case at the beginning of an
 * alternative ("add FILE.onnx | list", "bash|zsh|fish"), and for COMMAND the commands. */
static char *argument_words(const CliCommand *command) {
    GString *words = g_string_new(NULL);
    g_auto(GStrv) alternatives = g_strsplit(command->arguments, "|", -1);
    for (size_t i = 0; alternatives[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(g_strstrip(alternatives[i]), " ", 2);
        if (parts[0] != NULL && g_ascii_islower(parts[0][0])) {
            g_string_append_printf(words, " %s", parts[0]);
        }
    }
    for (size_t i = 0; strstr(command->arguments, "COMMAND") != NULL && cli_commands[i] != NULL; i++) {
        g_string_append_printf(words, " %s", cli_commands[i]->name);
    }
    return g_string_free(words, FALSE);
}

/* bash: the words for each command; files and folders complete by themselves (-o default). zsh runs the same script
 * through its bashcompinit. */
static char *bash_script(void) {
    GString *script = g_string_new("_niteru() {\n    local word=${COMP_WORDS[COMP_CWORD]} command= i\n"
                                   "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                                   "        case ${COMP_WORDS[i]} in\n"
                                   "        -C|--catalogue|--threads|--limit) ((i++)) ;;\n        -*) ;;\n"
                                   "        *) command=${COMP_WORDS[i]}; break ;;\n        esac\n    done\n"
                                   "    local words=\n    case $command in\n    '') words=\"");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        g_string_append_printf(script, "%s ", cli_commands[i]->name);
    }
    append_long_options(script, cli_common_options);
    g_string_append(script, "\" ;;\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        g_string_append_printf(script, "    %s) words=\"", cli_commands[i]->name);
        append_long_options(script, cli_commands[i]->options);
        append_long_options(script, cli_common_options);
        g_autofree char *words = argument_words(cli_commands[i]);
        g_string_append(script, words);
        g_string_append(script, "\" ;;\n");
    }
    g_string_append(script, "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\n"
                            "complete -o default -F _niteru niteru\n");
    return g_string_free(script, FALSE);
}

/* fish puts text in single quotes, where a backslash and a quote are escaped. */
static char *fish_quote(const char *text) {
    g_autofree char *escaped = g_strescape(text, "\"");
    g_auto(GStrv) parts = g_strsplit(escaped, "'", -1);
    return g_strjoinv("\\'", parts);
}

static void append_fish_options(GString *script, const GOptionEntry *options, const char *condition) {
    for (; options->long_name != NULL; options++) {
        g_autofree char *text = fish_quote(options->description);
        g_string_append_printf(script, "complete -c niteru%s -l %s%s -d '%s'\n", condition, options->long_name,
                               options->arg_description != NULL ? " -r" : "", text);
    }
}

static char *fish_script(void) {
    GString *script = g_string_new(NULL);
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        g_autofree char *text = fish_quote(cli_commands[i]->summary);
        g_string_append_printf(script, "complete -c niteru -n __fish_use_subcommand -a %s -d '%s'\n",
                               cli_commands[i]->name, text);
        g_autofree char *condition = g_strdup_printf(" -n '__fish_seen_subcommand_from %s'", cli_commands[i]->name);
        append_fish_options(script, cli_commands[i]->options, condition);
        g_autofree char *words = argument_words(cli_commands[i]);
        if (words[0] != '\0') {
            g_string_append_printf(script, "complete -c niteru%s -a '%s'\n", condition, words + 1);
        }
    }
    append_fish_options(script, cli_common_options, "");
    return g_string_free(script, FALSE);
}

char *cli_completion(const char *shell) {
    if (strcmp(shell, "bash") == 0) {
        return bash_script();
    }
    if (strcmp(shell, "zsh") == 0) {
        g_autofree char *bash = bash_script();
        return g_strconcat("#compdef niteru\nautoload -Uz bashcompinit && bashcompinit\n", bash, NULL);
    }
    return strcmp(shell, "fish") == 0 ? fish_script() : NULL;
}
