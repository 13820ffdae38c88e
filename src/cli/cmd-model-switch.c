/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru model switch`: another model in the place of the one that is used. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>

CliSwitch cli_switch;

enum { SHOWN_FAILURES = 10 };

typedef struct Run {
    CliProgress progress;
    unsigned shown;
} Run;

static void on_progress(const NiteruProgress *now, void *data) { cli_progress_show(&((Run *)data)->progress, now); }

static void on_failure(const NiteruFailure *failure, void *data) {
    Run *run = data;
    if (run->shown++ < SHOWN_FAILURES) {
        g_autofree char *safe = nt_text_message(failure->message, 400), *hint = cli_hint(failure->error);
        cli_progress_clear(&run->progress);
        fprintf(stderr, "niteru: %s%s\n", safe, hint);
    }
}

static void on_note(const char *text, void *data) {
    (void)text;
    (void)data;
}

static void print_model(CliTable *table, const NtJson *comparison, const char *which) {
    const NtJson *model = nt_json_get(comparison, which), *judged = nt_json_get(comparison, "judged");
    g_autofree char *first = g_strdup_printf("%.3f", nt_json_number(nt_json_get(model, "p1"), 0));
    g_autofree char *five = g_strdup_printf("%.3f", nt_json_number(nt_json_get(model, "p5"), 0));
    g_autofree char *better = cli_count((uint64_t)nt_json_int(nt_json_get(model, "better"), 0));
    g_autofree char *key = g_strconcat(which, "_better", NULL);
    g_autofree char *people = cli_count((uint64_t)nt_json_int(nt_json_get(judged, key), 0));
    cli_table_add(table, nt_json_text(nt_json_get(model, "model"), ""), first, five, better,
                  judged != NULL ? people : "", NULL);
}

static void print_comparison(const NtJson *comparison) {
    if (comparison == NULL || nt_json_int(nt_json_get(comparison, "queries"), 0) == 0) {
        return;
    }
    const char *label = nt_json_text(nt_json_get(comparison, "label"), NULL);
    g_autofree char *queries =
        cli_count_of((uint64_t)nt_json_int(nt_json_get(comparison, "queries"), 0), "product", "products");
    printf("asked for %s with both: %.0f %% of the first five answers are the same\n", queries,
           100 * nt_json_number(nt_json_get(comparison, "same"), 0));
    if (label != NULL) {
        static const char *const headings[] = {"model", ">P@1", ">P@5", ">better for", ">people chose it", NULL};
        CliTable *table = cli_table_new(headings);
        g_autofree char *safe = nt_text_printable(label, 60);
        printf("an answer is right when its %s is the same:\n", safe);
        print_model(table, comparison, "old");
        print_model(table, comparison, "new");
        cli_table_print(table);
    } else {
        puts("no field tells what is alike, so nothing tells which is better (--label FIELD); look at some of those on "
             "which they differ:");
    }
    const NtJson *different = nt_json_get(comparison, "different");
    for (size_t i = 0; label == NULL && i < MIN(nt_json_count(different), 3); i++) {
        g_autofree char *safe = nt_text_printable(nt_json_text(nt_json_at(different, i), ""), 200);
        printf("  niteru similar %s --model %s\n", safe,
               nt_json_text(nt_json_get(nt_json_get(comparison, "new"), "model"), ""));
    }
}

/* In the words of a job, as the server has them. */
static NtJson *report_json(const char *model, const NiteruSwitchReport *report, NtJson *comparison) {
    NtJson *out = nt_json_set(nt_json_object(), "model", nt_json_string(model));
    nt_json_set(out, "switched", nt_json_bool(report->switched));
    nt_json_set(out, "embedded", nt_json_integer((int64_t)report->embedded));
    nt_json_set(out, "failed", nt_json_integer((int64_t)report->failed));
    return comparison != NULL ? nt_json_set(out, "comparison", nt_json_ref(comparison)) : out;
}

static void print_report(const CliContext *context, const char *model, const NiteruSwitchReport *report,
                         NtJson *comparison) {
    if (context->json) {
        g_autoptr(NtJson) out = report_json(model, report, comparison);
        cli_print_json(nt_json_print(out, true));
        return;
    }
    if (context->quiet) {
        return;
    }
    g_autofree char *embedded = cli_count_of(report->embedded, "photo", "photos");
    printf("%s embedded\n", embedded);
    print_comparison(comparison);
    if (report->switched) {
        printf("%s is used from now on; the way back: niteru model switch --back\n",
               model != NULL ? model : "the model before");
    } else if (cli_switch.prepare) {
        printf("%s is ready; use it: niteru model switch %s\n", model, model);
    }
}

static bool switch_here(CliContext *context, const char *model, const NiteruSwitchOptions *options,
                        NiteruSwitchReport *out_report, NtJson **out_comparison, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    g_autofree char *text = NULL;
    bool ok =
        catalogue != NULL && niteru_model_switch(catalogue, model, options, context->cancel, out_report, &text, error);
    *out_comparison = text != NULL ? nt_json_parse(text, strlen(text), "comparison", NULL, NULL) : NULL;
    return ok;
}

CliStatus cli_model_switch(CliContext *context, const char *model, GError **error) {
    Run run = {.progress = cli_progress_new(context, "photos")};
    NiteruSwitchReport report = {.size = sizeof report};
    g_autoptr(NtJson) comparison = NULL;
    if ((model == NULL) != cli_switch.back || (cli_switch.back && cli_switch.prepare)) {
        cli_usage(error, "usage: niteru model switch NAME [--prepare] | switch --back");
        return CLI_USAGE;
    }
    const NiteruSwitchOptions options = {.size = sizeof options,
                                         .prepare = cli_switch.prepare,
                                         .leave_out = cli_switch.leave_out,
                                         .label = cli_switch.label,
                                         .rate = cli_switch.rate,
                                         .allow_private = cli_switch.allow_private,
                                         .progress = on_progress,
                                         .failure = on_failure,
                                         .data = &run};
    bool remote = context->limits == NULL && context->threads == 0 && cli_remote_is_there(context);
    const NiteruIndexOptions told = {
        .size = sizeof told, .progress = on_progress, .failure = on_failure, .note = on_note, .data = &run};
    bool ok = remote ? cli_remote_switch(context, model, &options, &told, &report, &comparison, error)
                     : switch_here(context, model, &options, &report, &comparison, error);
    cli_progress_clear(&run.progress);
    if (ok || report.embedded > 0) {
        print_report(context, model, &report, comparison);
    }
    return ok ? CLI_DONE : CLI_FAILED;
}
