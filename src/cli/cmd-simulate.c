/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru simulate`: visitors who do not exist use the server that serves the catalogue. Who they are and what they do
 * with an answer is src/simulate, their visits simulation.c. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <stdio.h>

#include "cli/simulation.h"

enum { MOST_VISITORS = 100000, MOST_ROUNDS = 365 };

static gint visitors, rounds, shown_k;
static gint64 seed = 1;
static char *by, *preset, *scenario;
static double off_taste = 0.2, drift = 0.02, views = 2;
static gboolean change_catalogue;

static const GOptionEntry options[] = {
    {"visitors", 0, 0, G_OPTION_ARG_INT, &visitors, "how many (100)", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "visits of each, a day apart, the last of them today (10)", "N"},
    {"k", 'k', 0, G_OPTION_ARG_INT, &shown_k, "products of an answer (10)", "N"},
    {"scenario", 0, 0, G_OPTION_ARG_STRING, &scenario,
     "the place of the shop where they are, whose settings and rules count (default)", "NAME"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "other visitors for another seed (1)", "N"},
    {"by", 0, 0, G_OPTION_ARG_STRING, &by,
     "the field whose values are tastes; several: all of them together (category)", "FIELD[,FIELD]"},
    {"preset", 0, 0, G_OPTION_ARG_STRING, &preset,
     "clicks of products of a taste that are looked at: quiet 0.4 %, usual 3 %, busy 10 % (usual)", "NAME"},
    {"off-taste", 0, 0, G_OPTION_ARG_DOUBLE, &off_taste, "share of what they do that no taste explains (0.2)", "SHARE"},
    {"drift", 0, 0, G_OPTION_ARG_DOUBLE, &drift,
     "chance that a visit begins with another taste in the place of one (0.02)", "CHANCE"},
    {"views", 0, 0, G_OPTION_ARG_DOUBLE, &views, "products that a visitor comes upon by themselves, each visit (2)",
     "MEAN"},
    {"change-catalogue", 0, 0, G_OPTION_ARG_NONE, &change_catalogue,
     "let products sell out and come new in the middle; they are put back at the end", NULL},
    {0},
};

/* ---- what comes of it ---- */

static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

static NtJson *tally_json(const NtSimTally *tally) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "answers", nt_json_integer((int64_t)tally->answers));
    nt_json_set(out, "shown", nt_json_integer((int64_t)tally->shown));
    nt_json_set(out, "liked", nt_json_integer((int64_t)tally->liked));
    nt_json_set(out, "looked_at", nt_json_integer((int64_t)tally->looks));
    nt_json_set(out, "clicks", nt_json_integer((int64_t)tally->clicks));
    nt_json_set(out, "clicks_on_taste", nt_json_integer((int64_t)tally->clicks_liked));
    nt_json_set(out, "favourites", nt_json_integer((int64_t)tally->favourites));
    nt_json_set(out, "carts", nt_json_integer((int64_t)tally->carts));
    nt_json_set(out, "purchases", nt_json_integer((int64_t)tally->purchases));
    nt_json_set(out, "tastes", nt_json_real(share((double)tally->tastes, (double)tally->answers)));
    nt_json_set(out, "tastes_covered", nt_json_real(share((double)tally->covered, (double)tally->answers)));
    return nt_json_set(out, "rand_index",
                       tally->judged > 0 ? nt_json_real(tally->index / (double)tally->judged) : nt_json_null());
}

static void print_json(const CliSimulation *run, const NtSimTally *all) {
    g_autoptr(NtJson) out = nt_json_object();
    NtJson *each = nt_json_array(), *arms = nt_json_object();
    nt_json_set(out, "visitors", nt_json_integer(run->visitors));
    nt_json_set(out, "seed", nt_json_integer(run->seed));
    nt_json_set(out, "by", nt_json_string(run->by));
    nt_json_set(out, "scenario", nt_json_string(run->scenario));
    nt_json_set(out, "preset", nt_json_string(preset));
    nt_json_set(out, "products", nt_json_integer(nt_sim_products(run->assortment)));
    nt_json_set(out, "values", nt_json_integer(nt_sim_values(run->assortment)));
    for (gint i = 0; i < run->rounds && run->tallies[i].answers > 0; i++) {
        nt_json_append(each, tally_json(&run->tallies[i]));
    }
    nt_json_set(out, "rounds", each);
    nt_json_set(out, "all", tally_json(all));
    for (size_t i = 0; i < CLI_ARMS; i++) {
        nt_json_set(arms, cli_arms[i], tally_json(&run->arms[i]));
    }
    nt_json_set(out, "arms", arms);
    nt_json_set(out, "events", nt_json_integer((int64_t)run->events));
    nt_json_set(out, "events_late", nt_json_integer((int64_t)run->late));
    nt_json_set(out, "events_refused", nt_json_integer((int64_t)run->refused));
    nt_json_set(out, "events_over", nt_json_integer((int64_t)run->over));
    nt_json_set(out, "tastes_replaced", nt_json_integer((int64_t)run->drifts));
    nt_json_set(out, "sold_out_shown", nt_json_integer((int64_t)run->sold_out_shown));
    cli_print_json(nt_json_print(out, true));
}

static void add_row(CliTable *table, const char *name, const NtSimTally *tally) {
    double answers = (double)tally->answers;
    g_autofree char *count = cli_count(tally->answers), *clicks = cli_count(tally->clicks);
    g_autofree char *liked = g_strdup_printf("%.1f %%", 100 * share((double)tally->liked, (double)tally->shown));
    g_autofree char *covered =
        g_strdup_printf("%.2f of %.2f", share((double)tally->covered, answers), share((double)tally->tastes, answers));
    g_autofree char *index =
        tally->judged > 0 ? g_strdup_printf("%.3f", tally->index / (double)tally->judged) : g_strdup("");
    cli_table_add(table, name, count, liked, covered, clicks, index, NULL);
}

static void print_report(const CliSimulation *run) {
    static const char *const headings[] = {"round",   ">answers",    ">liked", ">tastes covered",
                                           ">clicks", ">Rand index", NULL};
    NtSimTally all = {0};
    for (gint i = 0; i < run->rounds; i++) {
        nt_sim_tally_join(&all, &run->tallies[i]);
    }
    if (run->context->json) {
        print_json(run, &all);
        return;
    }
    CliTable *table = cli_table_new(headings);
    for (gint i = 0; i < run->rounds && run->tallies[i].answers > 0; i++) {
        g_autofree char *name = g_strdup_printf("%d", i + 1);
        add_row(table, name, &run->tallies[i]);
    }
    add_row(table, "all", &all);
    for (size_t i = 0; i < CLI_ARMS; i++) {
        if (run->arms[i].answers > 0 && run->arms[i].answers < all.answers) {
            add_row(table, cli_arms[i], &run->arms[i]);
        }
    }
    cli_table_print(table);
    if (run->context->quiet) {
        return;
    }
    printf("%u products of %u values of %s; %" G_GUINT64_FORMAT " events, of which %" G_GUINT64_FORMAT
           " came late; %" G_GUINT64_FORMAT " tastes were replaced\n",
           nt_sim_products(run->assortment), nt_sim_values(run->assortment), run->by, run->events, run->late,
           run->drifts);
    if (run->change_catalogue) {
        printf("%" G_GUINT64_FORMAT " products were shown that had sold out\n", run->sold_out_shown);
    }
    if (run->refused > 0) {
        g_autofree char *safe = nt_text_message(run->complaint != NULL ? run->complaint : "", 300);
        printf("%" G_GUINT64_FORMAT " events were refused, the first one: %s\n", run->refused, safe);
    }
}

/* ---- the command ---- */

static bool check_number(const char *name, double value, double least, double most, GError **error) {
    return (value >= least && value <= most) || cli_usage(error, "--%s: from %g to %g", name, least, most);
}

static bool read_options(CliSimulation *out, GError **error) {
    out->visitors = visitors != 0 ? visitors : 100;
    out->rounds = rounds != 0 ? rounds : 10;
    out->k = shown_k != 0 ? shown_k : 10;
    out->seed = seed;
    out->scenario = scenario != NULL ? scenario : "default";
    out->by = by != NULL ? by : "category";
    out->drift = drift;
    out->views = views;
    out->change_catalogue = change_catalogue;
    preset = preset != NULL ? preset : g_strdup("usual");
    if (!nt_sim_preset(preset, &out->manners)) {
        return cli_usage(error, "--preset: quiet, usual or busy");
    }
    out->manners.off_taste = off_taste;
    return check_number("visitors", out->visitors, 1, MOST_VISITORS, error) &&
           check_number("rounds", out->rounds, 1, MOST_ROUNDS, error) &&
           check_number("k", out->k, 1, NT_SIM_SHOWN, error) && check_number("off-taste", off_taste, 0, 0.9, error) &&
           check_number("drift", drift, 0, 1, error) && check_number("views", views, 0, 20, error);
}

static CliStatus run_simulate(CliContext *context, int argc, char **argv, GError **error) {
    g_auto(CliSimulation) run = {.context = context, .progress = cli_progress_new(context, "visits")};
    if (!read_options(&run, error)) {
        return CLI_USAGE;
    }
    if (!cli_remote_is_there(context)) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND,
                "no server serves this catalogue, and visitors need one: start it with niteru serve in another "
                "terminal, with the same -C");
        return CLI_FAILED;
    }
    if (!cli_simulation_read(&run, error)) {
        return CLI_FAILED;
    }
    bool ok = cli_simulation_run(&run, error);
    cli_progress_clear(&run.progress);
    print_report(&run);
    return ok ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_simulate = {
    .name = "simulate",
    .arguments = "",
    .summary = "let visitors who do not exist use a served catalogue, and judge what they are recommended",
    .details =
        "Each visitor has one to six tastes, which are values of a field that are drawn uniformly among those that "
        "three "
        "products or more have. A visit begins with products that they come upon by themselves; then they ask for "
        "recommendations, look at the product at position i (from 0) with the chance 1 / (1 + i), click some, and put "
        "some of these into the cart or buy them. A tenth of the events comes late, with the next visit and the time "
        "they had.\n\n"
        "The server must run (niteru serve) and is asked over the socket in the catalogue's folder. It keeps the "
        "events "
        "as it keeps others, of users sim-SEED-REPETITION-NUMBER: take a copy of the catalogue (niteru backup, "
        "restore) "
        "where "
        "real visitors are served.\n\n"
        "Shown per round: answers; how many of the products shown are of a taste; how many of the visitor's tastes an "
        "answer has a product of; clicks; and the adjusted Rand index between the tastes for which products were shown "
        "and those that visitors have, 1 where they part products in the same way. Where the server keeps a share of "
        "visitors or "
        "answers apart to compare with (control, random), these have a row too.",
    .examples = "niteru simulate\nniteru simulate --visitors 500 --rounds 30 --preset busy --seed 7 --json\n"
                "niteru simulate --by category,colour --change-catalogue\n"
                "niteru simulate --scenario home --json",
    .options = options,
    .least = 0,
    .most = 0,
    .stops = true,
    .run = run_simulate,
};
