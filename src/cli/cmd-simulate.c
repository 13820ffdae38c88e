/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru simulate`: visitors who do not exist use the server that serves the catalogue. Who they are and what they do
 * with an answer is src/simulate; here they ask, and what they did is sent. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "simulate/simulate.h"

enum {
    MOST_VISITORS = 100000,
    MOST_ROUNDS = 365,
    DAY = 86400,
    PAGE = 1000,       /* products of one request for the list */
    MOST_CHANGED = 200 /* products that sell out, and as many that are new */
};
static const double late_share = 0.1;     /* of events that are sent with the next visit */
static const double changed_share = 0.05; /* of products, that sell out, and that are new */

static gint visitors, rounds, shown_k;
static gint64 seed;
static char *by, *preset;
static double off_taste = -1, drift = -1, come_upon = -1;
static gboolean change_catalogue;

static const GOptionEntry options[] = {
    {"visitors", 0, 0, G_OPTION_ARG_INT, &visitors, "how many (100)", "N"},
    {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "visits of each, a day apart, the last of them today (10)", "N"},
    {"k", 'k', 0, G_OPTION_ARG_INT, &shown_k, "products of an answer (10)", "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "other visitors for another seed (1)", "N"},
    {"by", 0, 0, G_OPTION_ARG_STRING, &by,
     "the field whose values are tastes; several: all of them together (category)", "FIELD[,FIELD]"},
    {"preset", 0, 0, G_OPTION_ARG_STRING, &preset,
     "clicks of products of a taste that are looked at: quiet 0.4 %, usual 3 %, busy 10 % (usual)", "NAME"},
    {"off-taste", 0, 0, G_OPTION_ARG_DOUBLE, &off_taste, "share of what they do that no taste explains (0.2)", "SHARE"},
    {"drift", 0, 0, G_OPTION_ARG_DOUBLE, &drift,
     "chance that a visit begins with another taste in the place of one (0.02)", "CHANCE"},
    {"views", 0, 0, G_OPTION_ARG_DOUBLE, &come_upon, "products that a visitor comes upon by themselves, each visit (2)",
     "MEAN"},
    {"change-catalogue", 0, 0, G_OPTION_ARG_NONE, &change_catalogue,
     "let products sell out and come new in the middle; they are put back at the end", NULL},
    {0},
};

/* A visitor, and the events that they have not sent yet. */
typedef struct Person {
    NtSimVisitor visitor;
    NtJson *late; /* an array, or NULL */
} Person;

typedef struct Run {
    CliContext *context;
    NtSimAssortment *assortment;
    NtSimManners manners;
    Person *people; /* (visitors) */
    int64_t start;  /* Unix seconds of the first round */
    NtSimTally *rounds;
    uint64_t events, refused, over, late, drifts, sold_out_shown;
    char *complaint;      /* about the first event that was refused */
    GHashTable *sold_out; /* ids now, borrowed */
    GPtrArray *changed;   /* NtJson objects: {"product", "metadata": what it was} */
    CliProgress progress;
} Run;

static void clear_run(Run *run) {
    for (gint i = 0; run->people != NULL && i < visitors; i++) {
        nt_json_free(run->people[i].late);
    }
    g_free(run->people);
    g_free(run->rounds);
    g_free(run->complaint);
    g_clear_pointer(&run->sold_out, g_hash_table_unref);
    g_clear_pointer(&run->changed, g_ptr_array_unref);
    nt_sim_assortment_free(run->assortment);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, clear_run)

/* ---- the products ---- */

/* The values of the fields, one text; NULL: one is missing. */
static char *value_of(const NtJson *metadata, char **fields) {
    g_autoptr(GString) out = g_string_new(NULL);
    for (size_t i = 0; fields[i] != NULL; i++) {
        const NtJson *value = nt_json_get(metadata, fields[i]);
        NtJsonType type = value != NULL ? nt_json_type(value) : NT_JSON_NULL;
        if (type == NT_JSON_NULL) {
            return NULL;
        }
        g_autofree char *text =
            type == NT_JSON_STRING ? g_strdup(nt_json_text(value, "")) : nt_json_print(value, false);
        g_string_append_printf(out, "%s%s", i > 0 ? " / " : "", text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static bool read_page(Run *run, char **fields, char **after, GError **error) {
    g_autofree char *escaped = *after != NULL ? g_uri_escape_string(*after, NULL, false) : NULL;
    g_autofree char *path = g_strdup_printf("/v1/products?limit=%d%s%s", PAGE, escaped != NULL ? "&after=" : "",
                                            escaped != NULL ? escaped : "");
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "GET", path, NULL, error);
    const NtJson *products = nt_json_get(answer, "products");
    for (size_t i = 0; i < nt_json_count(products); i++) {
        const NtJson *product = nt_json_at(products, i);
        g_autofree char *value = value_of(nt_json_get(product, "metadata"), fields);
        if (!nt_sim_assortment_add(run->assortment, nt_json_text(nt_json_get(product, "product"), ""), value, error)) {
            return false;
        }
    }
    g_free(*after);
    *after = g_strdup(nt_json_text(nt_json_get(answer, "next"), NULL));
    return answer != NULL;
}

static bool read_products(Run *run, GError **error) {
    g_auto(GStrv) fields = g_strsplit(by != NULL ? by : "category", ",", 8);
    g_autofree char *after = NULL;
    run->assortment = nt_sim_assortment_new();
    do {
        if (g_cancellable_set_error_if_cancelled(run->context->cancel, error) ||
            !read_page(run, fields, &after, error)) {
            return false;
        }
    } while (after != NULL);
    if (!nt_sim_assortment_close(run->assortment, error)) {
        g_prefix_error(error, "--by %s: ", by != NULL ? by : "category");
        return false;
    }
    return true;
}

/* ---- products that sell out, and that are new ---- */

static bool set_available(Run *run, const char *id, NtJson *available, GError **error) {
    g_autoptr(NtJson) body = nt_json_object();
    g_autofree char *escaped = g_uri_escape_string(id, NULL, false),
                    *path = g_strconcat("/v1/products/", escaped, NULL);
    nt_json_set(body, "metadata", nt_json_set(nt_json_object(), "available", available));
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "PATCH", path, body, error);
    return answer != NULL;
}

static bool sell_out(Run *run, const char *id, GError **error) {
    g_autofree char *escaped = g_uri_escape_string(id, NULL, false),
                    *path = g_strconcat("/v1/products/", escaped, NULL);
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "GET", path, NULL, error);
    NtJson *before = nt_json_get(nt_json_get(answer, "metadata"), "available");
    if (answer == NULL || !set_available(run, id, nt_json_bool(false), error)) {
        return false;
    }
    NtJson *kept = nt_json_set(nt_json_object(), "product", nt_json_string(id));
    g_ptr_array_add(run->changed, nt_json_set(kept, "before", before != NULL ? nt_json_ref(before) : nt_json_null()));
    g_hash_table_add(run->sold_out, (char *)id);
    return true;
}

/* As it was before; goes on after a fault, and tells the first. */
static bool put_back(Run *run, guint from, GError **error) {
    bool ok = true;
    for (guint i = from; i < run->changed->len; i++) {
        const NtJson *kept = run->changed->pdata[i];
        const char *id = nt_json_text(nt_json_get(kept, "product"), "");
        ok = set_available(run, id, nt_json_ref(nt_json_get(kept, "before")), ok ? error : NULL) && ok;
        g_hash_table_remove(run->sold_out, id);
    }
    g_ptr_array_set_size(run->changed, (gint)from);
    return ok;
}

/* Some cannot be had: before the first round those that will be new, in the middle those that sell out then. */
static bool change(Run *run, gint round, GError **error) {
    uint32_t products = nt_sim_products(run->assortment);
    guint wanted = (guint)MIN(MOST_CHANGED, ceil(changed_share * products));
    NtSimRandom random = nt_sim_random((uint64_t)seed, UINT64_MAX - (uint64_t)round);
    g_autoptr(GPtrArray) next = g_ptr_array_new();
    for (guint i = 0; i < wanted; i++) {
        const char *id = nt_sim_id(run->assortment, nt_sim_below(&random, products));
        if (!g_hash_table_contains(run->sold_out, id) && !g_ptr_array_find(next, id, NULL)) {
            g_ptr_array_add(next, (void *)id);
        }
    }
    bool ok = put_back(run, 0, error);
    for (guint i = 0; ok && i < next->len; i++) {
        ok = sell_out(run, next->pdata[i], error);
    }
    return ok;
}

/* ---- a visit ---- */

typedef struct Visit {
    Run *run;
    Person *person;
    char *user;
    int64_t time;   /* of the next event, Unix seconds */
    NtJson *events; /* to be sent */
} Visit;

static void add_event(Visit *visit, const char *kind, const char *product, const char *rec_id, int position) {
    NtJson *event = nt_json_set(nt_json_object(), "kind", nt_json_string(kind));
    nt_json_set(event, "product", nt_json_string(product));
    nt_json_set(event, "user", nt_json_string(visit->user));
    nt_json_set(event, "time", nt_json_integer(MIN(visit->time, g_get_real_time() / G_USEC_PER_SEC)));
    if (rec_id != NULL) {
        nt_json_set(event, "rec_id", nt_json_string(rec_id));
        nt_json_set(event, "position", nt_json_integer(position));
    }
    bool late = nt_sim_chance(&visit->person->visitor.random, late_share);
    if (late && visit->person->late == NULL) {
        visit->person->late = nt_json_array();
    }
    visit->run->late += late;
    nt_json_append(late ? visit->person->late : visit->events, event);
}

/* Sends events, an array; takes it. NULL: there are none. */
static bool send_events(Run *run, NtJson *events, GError **error) {
    g_autoptr(NtJson) owned = events;
    if (nt_json_count(owned) == 0) {
        return true;
    }
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "POST", "/v1/events", owned, error);
    run->events += nt_json_count(owned);
    run->refused += (uint64_t)nt_json_int(nt_json_get(answer, "refused"), 0);
    run->over += (uint64_t)nt_json_int(nt_json_get(answer, "over"), 0);
    const NtJson *each = nt_json_get(answer, "events");
    for (size_t i = 0; i < nt_json_count(each) && run->complaint == NULL; i++) {
        run->complaint = g_strdup(nt_json_text(nt_json_get(nt_json_at(each, i), "message"), NULL));
    }
    return answer != NULL;
}

/* What a visitor finds without being recommended it: one product, and more with a falling chance, so many on average.
 */
static void look_around(Visit *visit) {
    NtSimVisitor *visitor = &visit->person->visitor;
    double mean = come_upon, more = mean > 1 ? (mean - 1) / mean : 0;
    for (int i = 0; i < 50 && nt_sim_chance(&visitor->random, i > 0 ? more : MIN(mean, 1)); i++) {
        uint32_t product = nt_sim_come_upon(visitor, visit->run->assortment, visit->run->manners.off_taste);
        add_event(visit, "view", nt_sim_id(visit->run->assortment, product), NULL, 0);
        visit->time += 20;
    }
}

static void add_acts(Visit *visit, unsigned acts, const char *product, const char *rec_id, int position) {
    static const struct {
        NtSimAct act;
        const char *kind;
    } kinds[] = {{NT_SIM_LOOK, "impression"},     {NT_SIM_CLICK, "click"}, {NT_SIM_CLICK, "view"},
                 {NT_SIM_FAVOURITE, "favourite"}, {NT_SIM_CART, "cart"},   {NT_SIM_PURCHASE, "purchase"}};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (acts & kinds[i].act) {
            add_event(visit, kinds[i].kind, product, rec_id, position);
            visit->time += 5;
        }
    }
}

/* Asks, and does something with what is answered. */
static bool react(Visit *visit, NtSimTally *tally, GError **error) {
    Run *run = visit->run;
    g_autofree char *path = g_strdup_printf("/v1/users/%s/recommend?metadata=false&k=%d", visit->user, shown_k);
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "GET", path, NULL, error);
    if (answer == NULL) {
        return false;
    }
    const NtJson *products = nt_json_get(answer, "products");
    const char *rec_id = nt_json_text(nt_json_get(answer, "rec_id"), NULL);
    size_t count = MIN(nt_json_count(products), NT_SIM_SHOWN);
    g_autofree uint32_t *values = g_new(uint32_t, count + 1);
    g_autofree int *served = g_new(int, count + 1);
    g_autofree unsigned *acts = g_new0(unsigned, count + 1);
    for (size_t i = 0; i < count; i++) {
        const NtJson *product = nt_json_at(products, i);
        const char *id = nt_json_text(nt_json_get(product, "product"), "");
        values[i] = nt_sim_value(run->assortment, nt_sim_find(run->assortment, id));
        served[i] = (int)nt_json_int(nt_json_get(product, "taste"), -1);
        run->sold_out_shown += g_hash_table_contains(run->sold_out, id);
    }
    nt_sim_react(&visit->person->visitor, &run->manners, values, count, acts);
    nt_sim_tally_add(tally, &visit->person->visitor, values, served, acts, count);
    for (size_t i = 0; i < count; i++) {
        add_acts(visit, acts[i], nt_json_text(nt_json_get(nt_json_at(products, i), "product"), ""), rec_id, (int)i);
    }
    return true;
}

/* One visit: what was held back before arrives, the visitor looks around, asks, and does something. */
static bool visit_once(Run *run, gint number, gint round, GError **error) {
    Person *person = &run->people[number];
    run->drifts += nt_sim_drift(&person->visitor, run->assortment, drift);
    double hour = nt_sim_unit(&person->visitor.random);
    g_autofree char *user =
        g_strdup_printf("sim-%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT "-%d", seed, run->start, number);
    Visit visit = {.run = run, .person = person, .user = user};
    visit.time = run->start + (int64_t)round * DAY + (int64_t)(hour * DAY);
    visit.events = g_steal_pointer(&person->late);
    visit.events = visit.events != NULL ? visit.events : nt_json_array();
    look_around(&visit);
    if (!send_events(run, g_steal_pointer(&visit.events), error)) {
        return false;
    }
    visit.events = nt_json_array();
    bool ok = react(&visit, &run->rounds[round], error);
    return send_events(run, visit.events, ok ? error : NULL) && ok;
}

static bool go_round(Run *run, gint round, gint64 began, GError **error) {
    if (change_catalogue && (round == 0 || round == rounds / 2) && !change(run, round, error)) {
        return false;
    }
    for (gint i = 0; i < visitors; i++) {
        uint64_t done = (uint64_t)round * (uint64_t)visitors + (uint64_t)i,
                 total = (uint64_t)rounds * (uint64_t)visitors;
        double spent = (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC,
               rate = (double)done / MAX(spent, 0.001);
        NiteruProgress now = {.done = done, .total = total, .rate = rate, .remaining = -1};
        now.remaining = done > 0 ? (double)(total - done) / rate : -1;
        cli_progress_show(&run->progress, &now);
        if (g_cancellable_set_error_if_cancelled(run->context->cancel, error) || !visit_once(run, i, round, error)) {
            return false;
        }
    }
    return true;
}

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

static void print_json(const Run *run, const NtSimTally *all) {
    g_autoptr(NtJson) out = nt_json_object();
    NtJson *each = nt_json_array();
    nt_json_set(out, "visitors", nt_json_integer(visitors));
    nt_json_set(out, "seed", nt_json_integer(seed));
    nt_json_set(out, "by", nt_json_string(by));
    nt_json_set(out, "preset", nt_json_string(preset));
    nt_json_set(out, "products", nt_json_integer(nt_sim_products(run->assortment)));
    nt_json_set(out, "values", nt_json_integer(nt_sim_values(run->assortment)));
    for (gint i = 0; i < rounds && run->rounds[i].answers > 0; i++) {
        nt_json_append(each, tally_json(&run->rounds[i]));
    }
    nt_json_set(out, "rounds", each);
    nt_json_set(out, "all", tally_json(all));
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

static void print_report(const Run *run) {
    static const char *const headings[] = {"round",   ">answers",    ">liked", ">tastes covered",
                                           ">clicks", ">Rand index", NULL};
    NtSimTally all = {0};
    for (gint i = 0; i < rounds; i++) {
        nt_sim_tally_join(&all, &run->rounds[i]);
    }
    if (run->context->json) {
        print_json(run, &all);
        return;
    }
    CliTable *table = cli_table_new(headings);
    for (gint i = 0; i < rounds && run->rounds[i].answers > 0; i++) {
        g_autofree char *name = g_strdup_printf("%d", i + 1);
        add_row(table, name, &run->rounds[i]);
    }
    add_row(table, "all", &all);
    cli_table_print(table);
    if (run->context->quiet) {
        return;
    }
    printf("%u products of %u values of %s; %" G_GUINT64_FORMAT " events, of which %" G_GUINT64_FORMAT
           " came late; %" G_GUINT64_FORMAT " tastes were replaced\n",
           nt_sim_products(run->assortment), nt_sim_values(run->assortment), by, run->events, run->late, run->drifts);
    if (change_catalogue) {
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

static bool read_options(NtSimManners *out, GError **error) {
    visitors = visitors != 0 ? visitors : 100;
    rounds = rounds != 0 ? rounds : 10;
    shown_k = shown_k != 0 ? shown_k : 10;
    seed = seed != 0 ? seed : 1;
    preset = preset != NULL ? preset : (char *)"usual";
    by = by != NULL ? by : (char *)"category";
    drift = drift != -1 ? drift : 0.02;
    come_upon = come_upon != -1 ? come_upon : 2;
    if (!nt_sim_preset(preset, out)) {
        return cli_usage(error, "--preset: quiet, usual or busy");
    }
    out->off_taste = off_taste != -1 ? off_taste : out->off_taste;
    return check_number("visitors", visitors, 1, MOST_VISITORS, error) &&
           check_number("rounds", rounds, 1, MOST_ROUNDS, error) &&
           check_number("k", shown_k, 1, NT_SIM_SHOWN, error) &&
           check_number("off-taste", out->off_taste, 0, 0.9, error) && check_number("drift", drift, 0, 1, error) &&
           check_number("views", come_upon, 0, 20, error);
}

static bool simulate(Run *run, GError **error) {
    gint64 began = g_get_monotonic_time();
    bool ok = true;
    run->people = g_new0(Person, visitors);
    run->rounds = g_new0(NtSimTally, rounds);
    run->sold_out = g_hash_table_new(g_str_hash, g_str_equal);
    run->changed = g_ptr_array_new_with_free_func((GDestroyNotify)nt_json_free);
    run->start = g_get_real_time() / G_USEC_PER_SEC - (int64_t)rounds * DAY;
    for (gint i = 0; i < visitors; i++) {
        run->people[i].visitor = nt_sim_visitor(run->assortment, (uint64_t)seed, (uint64_t)i);
    }
    for (gint round = 0; ok && round < rounds; round++) {
        ok = go_round(run, round, began, error);
    }
    for (gint i = 0; ok && i < visitors; i++) { /* what was still on its way */
        ok = send_events(run, g_steal_pointer(&run->people[i].late), error);
    }
    return put_back(run, 0, ok ? error : NULL) && ok;
}

static CliStatus run_simulate(CliContext *context, int argc, char **argv, GError **error) {
    g_auto(Run) run = {.context = context, .progress = cli_progress_new(context, "visits")};
    if (!read_options(&run.manners, error)) {
        return CLI_USAGE;
    }
    if (!cli_remote_is_there(context)) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND,
                "no server serves this catalogue, and visitors need one: start it with niteru serve in another "
                "terminal, with the same -C");
        return CLI_FAILED;
    }
    if (!read_products(&run, error)) {
        return CLI_FAILED;
    }
    bool ok = simulate(&run, error);
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
        "as it keeps others, of users sim-SEED-TIME-NUMBER: take a copy of the catalogue (niteru backup, restore) "
        "where "
        "real visitors are served.\n\n"
        "Shown per round: answers; how many of the products shown are of a taste; how many of the visitor's tastes an "
        "answer has a product of; clicks; and the adjusted Rand index between the tastes for which products were shown "
        "and those that visitors have, 1 where they part products in the same way.",
    .examples = "niteru simulate\nniteru simulate --visitors 500 --rounds 30 --preset busy --seed 7 --json\n"
                "niteru simulate --by category,colour --change-catalogue",
    .options = options,
    .least = 0,
    .most = 0,
    .stops = true,
    .run = run_simulate,
};
