/* SPDX-License-Identifier: Apache-2.0 */
/* What is there: info, check. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const GOptionEntry no_options[] = {{0}};

/* A value as it is read: text without quotes, numbers as they are. */
static char *value_text(NtJson *value) {
    return nt_json_type(value) == NT_JSON_STRING ? nt_text_printable(nt_json_text(value, ""), 300)
                                                 : nt_json_print(value, false);
}

/* One member of an object on one line: the first is its heading, of truths the name alone. */
static bool append_member(const char *key, NtJson *value, void *data) {
    GString *line = (GString *)data;
    g_autofree char *safe = nt_text_printable(key, 60), *text = value_text(value);
    if (line->len == 0) {
        g_string_append_printf(line, "%-18s ", text);
        return true;
    }
    bool truth = nt_json_type(value) == NT_JSON_BOOL;
    if (truth && !nt_json_truth(value, false)) {
        return true;
    }
    g_string_append_printf(line, "%s%s%s%s", line->str[line->len - 1] == ' ' ? "" : ", ", safe, truth ? "" : " ",
                           truth ? "" : text);
    return true;
}

/* Prints an object as an indented outline, an array as a line for each of its values, nothing for nothing. */
static bool print_outline(const char *key, NtJson *value, void *data) {
    int indent = GPOINTER_TO_INT(data);
    NtJsonType type = nt_json_type(value);
    g_autofree char *safe = nt_text_printable(key, 60);
    if (type == NT_JSON_NULL || (type == NT_JSON_ARRAY && nt_json_count(value) == 0)) {
        return true;
    }
    if (type == NT_JSON_OBJECT) {
        printf("%*s%s\n", indent, "", safe);
        nt_json_foreach(value, print_outline, GINT_TO_POINTER(indent + 2));
    } else if (type == NT_JSON_ARRAY) {
        printf("%*s%s\n", indent, "", safe);
        for (size_t i = 0; i < nt_json_count(value); i++) {
            NtJson *item = nt_json_at(value, i);
            g_autoptr(GString) line = g_string_new(NULL);
            if (nt_json_type(item) == NT_JSON_OBJECT) {
                nt_json_foreach(item, append_member, line);
            } else {
                g_autofree char *text = value_text(item);
                g_string_assign(line, text);
            }
            printf("%*s%s\n", indent + 2, "", line->str);
        }
    } else {
        g_autofree char *text = value_text(value);
        printf("%*s%-*s %s\n", indent, "", MAX(1, 20 - indent), safe, text);
    }
    return true;
}

static CliStatus print_answer(const CliContext *context, char *text, GError **error) {
    if (text == NULL) {
        return CLI_FAILED;
    }
    if (context->json) {
        cli_print_json(text);
        return CLI_DONE;
    }
    g_autofree char *owned = text;
    g_autoptr(NtJson) value = nt_json_parse(owned, strlen(owned), "answer", NULL, error);
    if (value == NULL) {
        return CLI_FAILED;
    }
    nt_json_foreach(value, print_outline, GINT_TO_POINTER(0));
    return CLI_DONE;
}

static CliStatus run_info(CliContext *context, int argc, char **argv, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, &fault);
    if (catalogue == NULL &&
        !(context->catalogue == NULL && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND))) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return CLI_FAILED;
    }
    return print_answer(context, niteru_info_json(catalogue, 0, NULL, error), error);
}

const CliCommand cli_info = {
    .name = "info",
    .arguments = "",
    .summary = "what is in the catalogue, and what this niteru can do",
    .details = "Counts, metadata fields with their types, models, sizes on disk, limits and their present values, and "
               "the processor's features in use. Without a catalogue, the program's own facts.",
    .examples = "niteru info\nniteru info --json",
    .options = no_options,
    .least = 0,
    .most = 0,
    .run = run_info,
};

/* What niteru_check's remedies are in words. */
static const struct {
    const char *code, *words;
} remedies[] = {
    {"database", "restore a backup, or remove the catalogue's folder and index the sources again: photos are not kept "
                 "in it"},
    {"lost-commits", "index the sources again (niteru index SOURCE), and import again what was imported: what was lost "
                     "is made again"},
    {"events", "restore a backup, or move the file of events away: what is in it is lost then"},
    {"record", "run niteru index on any source again: catalogue.commits is written anew"},
    {"network", "put a damaged network's file back; or remove the model (niteru model remove), add it again and index "
                "the sources again"},
    {"vectors", "remove a damaged vectors file (in vectors/) and run niteru index, or niteru import, on the same "
                "sources again: lost vectors are made again"},
    {"makers", "index the sources that are named above with --rehash"},
};

/* The report with "advice" in words in the place of its remedies. */
static char *with_advice(const NtJson *report) {
    const NtJson *needed = nt_json_get(report, "remedies");
    g_autoptr(GString) advice = g_string_new(NULL);
    for (size_t n = 0; n < nt_json_count(needed); n++) {
        const char *code = nt_json_text(nt_json_at(needed, n), "");
        for (size_t i = 0; i < G_N_ELEMENTS(remedies); i++) {
            if (strcmp(remedies[i].code, code) == 0) {
                g_string_append_printf(advice, "%s%s", advice->len > 0 ? "; " : "", remedies[i].words);
            }
        }
    }
    g_autoptr(NtJson) out = nt_json_object();
    nt_json_set(out, "problems", nt_json_ref(nt_json_get(report, "problems")));
    nt_json_set(out, "sound", nt_json_ref(nt_json_get(report, "sound")));
    nt_json_set(out, "advice", nt_json_string(advice->len > 0 ? advice->str : NULL));
    nt_json_set(out, "notes", nt_json_ref(nt_json_get(report, "notes")));
    return nt_json_print(out, true);
}

static CliStatus run_check(CliContext *context, int argc, char **argv, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    g_autofree char *text = NULL;
    if (catalogue == NULL || !niteru_check(catalogue, 0, NULL, &text, error)) {
        return CLI_FAILED;
    }
    g_autoptr(NtJson) report = nt_json_parse(text, strlen(text), "check", NULL, NULL);
    bool sound = nt_json_truth(nt_json_get(report, "sound"), false);
    CliStatus status = print_answer(context, with_advice(report), error);
    return sound ? status : CLI_FAILED;
}

const CliCommand cli_check = {
    .name = "check",
    .arguments = "",
    .summary = "read everything once and compare it with its checksums",
    .details = "Checks every page of the database, every block of vectors, the networks with their weight files, whose "
               "vectors each model holds, and whether commits were lost. The exit status is 1 when something is "
               "damaged; the report says what, and what to do.",
    .examples = "niteru check",
    .options = no_options,
    .least = 0,
    .most = 0,
    .run = run_check,
};
