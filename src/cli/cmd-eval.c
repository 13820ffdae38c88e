/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static char *label, *model, *where, *exclude_same, *gallery, *query;

static const GOptionEntry options[] = {
    {"label", 'l', 0, G_OPTION_ARG_STRING, &label, "the field that tells what is alike: category, sku, ...", "FIELD"},
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "evaluate this model", "NAME"},
    {"where", 'w', 0, G_OPTION_ARG_STRING, &where, "among the products that match only", "CONDITION"},
    {"exclude-same", 0, 0, G_OPTION_ARG_STRING, &exclude_same, "leave out neighbours with the same value of this field",
     "FIELD"},
    {"gallery", 0, 0, G_OPTION_ARG_FILENAME, &gallery, "search among the products named in this file, one id a line",
     "FILE"},
    {"query", 0, 0, G_OPTION_ARG_FILENAME, &query, "ask for the products named in this file", "FILE"},
    {0},
};

static void on_progress(const NiteruProgress *now, void *data) { cli_progress_show(data, now); }

/* What the model's card says the network was trained on: new text, NULL when it says nothing. */
static char *trained_on(NiteruCatalogue *catalogue) {
    g_autofree char *text = niteru_model_json(catalogue, model, 0, NULL, NULL);
    g_autoptr(NtJson) facts = text != NULL ? nt_json_parse(text, strlen(text), "model", NULL, NULL) : NULL;
    return g_strdup(nt_json_text(nt_json_get(nt_json_get(facts, "card"), "trained_on"), NULL));
}

static void print_json(const NiteruEvalReport *report, const char *training) {
    const struct {
        const char *name;
        double value;
    } figures[] = {{"p1", report->p1},
                   {"p5", report->p5},
                   {"p10", report->p10},
                   {"map10", report->map10},
                   {"recall1", report->recall1},
                   {"recall5", report->recall5},
                   {"macro_p1", report->macro_p1},
                   {"macro_p5", report->macro_p5},
                   {"macro_map10", report->macro_map10},
                   {"seconds", report->seconds}};
    g_autoptr(NtJson) out = nt_json_object();
    nt_json_set(out, "label", nt_json_string(label));
    nt_json_set(out, "queries", nt_json_integer((int64_t)report->queries));
    nt_json_set(out, "labels", nt_json_integer((int64_t)report->labels));
    nt_json_set(out, "unlabelled", nt_json_integer((int64_t)report->unlabelled));
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++) {
        nt_json_set(out, figures[i].name, nt_json_real(figures[i].value));
    }
    nt_json_set(out, "trained_on", nt_json_string(training));
    cli_print_json(nt_json_print(out, true));
}

static void print_text(const NiteruEvalReport *report, const char *training) {
    g_autofree char *queries = cli_count(report->queries), *labels = cli_count(report->labels);
    g_autofree char *field = nt_text_printable(label, 60);
    printf("%s photos, %s values of %s, %s; %.1f s\n", queries, labels, field,
           query != NULL ? "queries against a gallery" : "leave-one-out", report->seconds);
    if (report->unlabelled > 0) {
        printf("%" G_GUINT64_FORMAT " photos have no %s and were left out\n", report->unlabelled, field);
    }
    static const char *const headings[] = {"", ">P@1", ">P@5", ">P@10", ">mAP@10", ">R@1", ">R@5", NULL};
    CliTable *table = cli_table_new(headings);
    char cell[9][16];
    const double values[] = {report->p1,      report->p5,       report->p10,      report->map10,      report->recall1,
                             report->recall5, report->macro_p1, report->macro_p5, report->macro_map10};
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        g_snprintf(cell[i], sizeof cell[i], "%.3f", values[i]);
    }
    cli_table_add(table, "mean over photos", cell[0], cell[1], cell[2], cell[3], cell[4], cell[5], NULL);
    cli_table_add(table, "mean over labels", cell[6], cell[7], "", cell[8], "", "", NULL);
    cli_table_print(table);
    if (training != NULL) {
        g_autofree char *safe = nt_text_printable(training, 1000);
        printf("trained on: %s; figures on the same photos flatter it\n", safe);
    }
}

static CliStatus run_eval(CliContext *context, int argc, char **argv, GError **error) {
    if (label == NULL) {
        cli_usage(error, "--label FIELD is needed: the field that tells what is alike");
        return CLI_USAGE;
    }
    CliProgress progress = cli_progress_new(context, "photos");
    NiteruEvalOptions eval = {.size = sizeof(NiteruEvalOptions),
                              .label = label,
                              .model = model,
                              .where = where,
                              .exclude_same = exclude_same,
                              .gallery = gallery,
                              .query = query,
                              .progress = on_progress,
                              .data = &progress};
    NiteruEvalReport report = {.size = sizeof(NiteruEvalReport)};
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    bool ok = catalogue != NULL && niteru_eval(catalogue, &eval, context->cancel, &report, error);
    cli_progress_clear(&progress);
    if (ok) {
        g_autofree char *training = trained_on(catalogue);
        (context->json ? print_json : print_text)(&report, training);
    } else if (catalogue != NULL && context->json) {
        cli_print_near(context, catalogue, where);
    }
    return ok ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_eval = {
    .name = "eval",
    .arguments = "",
    .summary = "how good the answers are, by a field that tells what is alike",
    .details =
        "Leave-one-out: every photo asks for its neighbours, its own product left out; an answer is right when "
        "its product has the same value of the field. A value that occurs once counts as a miss. P@k is the "
        "share of right answers among the first k, mAP@10 divides by min(10, relevant), R@k is the share of "
        "queries with a right answer among the first k. With --gallery and --query, the products of one list "
        "ask among those of the other. Where the model's card says what the network was trained on, that is told: "
        "on those photos it is better than on a shop's own.",
    .examples = "niteru eval --label category\nniteru eval --label category --exclude-same seller",
    .options = options,
    .least = 0,
    .most = 0,
    .stops = true,
    .run = run_eval,
};
