/* SPDX-License-Identifier: Apache-2.0 */
/* The visits of `niteru simulate`: what its visitors ask a server, and what they tell it. */
#include "cli/simulation.h"

#include <math.h>
#include <string.h>

#include "cli/remote.h"

enum {
    DAY = 86400,
    PAGE = 1000,       /* products of one request for the list */
    MOST_CHANGED = 200 /* products that sell out, and as many that are new */
};
static const double late_share = 0.1;     /* of events, that are sent with the next visit */
static const double changed_share = 0.05; /* of products, that sell out, and that are new */

const char *const cli_arms[CLI_ARMS + 1] = {"personal", "control", "random", NULL};

/* A visitor, and the events that they have not sent yet. */
struct CliPerson {
    NtSimVisitor visitor;
    NtJson *late; /* an array, or NULL */
};

void cli_simulation_clear(CliSimulation *run) {
    for (gint i = 0; run->people != NULL && i < run->visitors; i++) {
        nt_json_free(run->people[i].late);
    }
    g_free(run->people);
    g_free(run->tallies);
    g_free(run->complaint);
    g_clear_pointer(&run->sold_out, g_hash_table_unref);
    g_clear_pointer(&run->changed, g_ptr_array_unref);
    nt_sim_assortment_free(run->assortment);
}

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

static bool read_page(CliSimulation *run, char **fields, char **after, GError **error) {
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

bool cli_simulation_read(CliSimulation *run, GError **error) {
    g_auto(GStrv) fields = g_strsplit(run->by, ",", 8);
    g_autofree char *after = NULL;
    run->assortment = nt_sim_assortment_new();
    do {
        if (g_cancellable_set_error_if_cancelled(run->context->cancel, error) ||
            !read_page(run, fields, &after, error)) {
            return false;
        }
    } while (after != NULL);
    if (!nt_sim_assortment_close(run->assortment, error)) {
        g_prefix_error(error, "--by %s: ", run->by);
        return false;
    }
    return true;
}

/* ---- products that sell out, and that are new ---- */

static bool set_available(CliSimulation *run, const char *id, NtJson *available, GError **error) {
    g_autoptr(NtJson) body = nt_json_object();
    g_autofree char *escaped = g_uri_escape_string(id, NULL, false),
                    *path = g_strconcat("/v1/products/", escaped, NULL);
    nt_json_set(body, "metadata", nt_json_set(nt_json_object(), "available", available));
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "PATCH", path, body, error);
    return answer != NULL;
}

static bool sell_out(CliSimulation *run, const char *id, GError **error) {
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
static bool put_back(CliSimulation *run, guint from, GError **error) {
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
static bool change(CliSimulation *run, gint round, GError **error) {
    uint32_t products = nt_sim_products(run->assortment);
    guint wanted = (guint)MIN(MOST_CHANGED, ceil(changed_share * products));
    NtSimRandom random = nt_sim_random((uint64_t)run->seed, UINT64_MAX - (uint64_t)round);
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
    CliSimulation *run;
    CliPerson *person;
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
static bool send_events(CliSimulation *run, NtJson *events, GError **error) {
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
    double mean = visit->run->views, more = mean > 1 ? (mean - 1) / mean : 0;
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

static size_t arm_of(const NtJson *answer) {
    const char *arm = nt_json_text(nt_json_get(answer, "arm"), cli_arms[0]);
    size_t found = 0;
    for (size_t i = 0; i < CLI_ARMS; i++) {
        found = strcmp(arm, cli_arms[i]) == 0 ? i : found;
    }
    return found;
}

/* Asks, and does something with what is answered. */
static bool react(Visit *visit, NtSimTally *tally, GError **error) {
    CliSimulation *run = visit->run;
    g_autofree char *scenario = g_uri_escape_string(run->scenario, NULL, false);
    g_autofree char *path =
        g_strdup_printf("/v1/users/%s/recommend?metadata=false&k=%d&scenario=%s", visit->user, run->k, scenario);
    g_autoptr(NtJson) answer = cli_remote_ask(run->context, "GET", path, NULL, error);
    if (answer == NULL) {
        return false;
    }
    const NtJson *products = nt_json_get(answer, "products");
    const char *rec_id = nt_json_text(nt_json_get(answer, "rec_id"), NULL);
    size_t count = MIN(nt_json_count(products), NT_SIM_SHOWN);
    NtSimTally one = {0};
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
    nt_sim_tally_add(&one, &visit->person->visitor, values, served, acts, count);
    nt_sim_tally_join(tally, &one);
    nt_sim_tally_join(&run->arms[arm_of(answer)], &one);
    for (size_t i = 0; i < count; i++) {
        add_acts(visit, acts[i], nt_json_text(nt_json_get(nt_json_at(products, i), "product"), ""), rec_id, (int)i);
    }
    return true;
}

static char *name_of(const CliSimulation *run, gint number) {
    return g_strdup_printf("sim-%" G_GINT64_FORMAT "-%u-%d", run->seed, run->repeat, number);
}

/* The first names that nobody has: a repetition must not go on with the visitors of the one before, and names that are
 * the same for each fresh catalogue have the same answers. */
static bool choose_names(CliSimulation *run, GError **error) {
    bool taken = true;
    while (taken) {
        run->repeat++;
        g_autofree char *user = name_of(run, 0), *path = g_strdup_printf("/v1/users/%s/export", user);
        g_autoptr(NtJson) kept = cli_remote_ask(run->context, "GET", path, NULL, error);
        if (kept == NULL || g_cancellable_set_error_if_cancelled(run->context->cancel, error)) {
            return false;
        }
        taken = nt_json_count(nt_json_get(kept, "events")) > 0 || nt_json_count(nt_json_get(kept, "answers")) > 0;
    }
    return true;
}

/* One visit: what was held back before arrives, the visitor looks around, asks, and does something. */
static bool visit_once(CliSimulation *run, gint number, gint round, GError **error) {
    CliPerson *person = &run->people[number];
    run->drifts += nt_sim_drift(&person->visitor, run->assortment, run->drift);
    double hour = nt_sim_unit(&person->visitor.random);
    g_autofree char *user = name_of(run, number);
    Visit visit = {.run = run, .person = person, .user = user};
    visit.time = run->start + (int64_t)round * DAY + (int64_t)(hour * DAY);
    visit.events = g_steal_pointer(&person->late);
    visit.events = visit.events != NULL ? visit.events : nt_json_array();
    look_around(&visit);
    if (!send_events(run, g_steal_pointer(&visit.events), error)) {
        return false;
    }
    visit.events = nt_json_array();
    bool ok = react(&visit, &run->tallies[round], error);
    return send_events(run, visit.events, ok ? error : NULL) && ok;
}

static bool go_round(CliSimulation *run, gint round, gint64 began, GError **error) {
    if (run->change_catalogue && (round == 0 || round == run->rounds / 2) && !change(run, round, error)) {
        return false;
    }
    for (gint i = 0; i < run->visitors; i++) {
        uint64_t done = (uint64_t)round * (uint64_t)run->visitors + (uint64_t)i,
                 total = (uint64_t)run->rounds * (uint64_t)run->visitors;
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

bool cli_simulation_run(CliSimulation *run, GError **error) {
    gint64 began = g_get_monotonic_time();
    bool ok = choose_names(run, error);
    run->people = g_new0(CliPerson, run->visitors);
    run->tallies = g_new0(NtSimTally, run->rounds);
    run->sold_out = g_hash_table_new(g_str_hash, g_str_equal);
    run->changed = g_ptr_array_new_with_free_func((GDestroyNotify)nt_json_free);
    run->start = g_get_real_time() / G_USEC_PER_SEC - (int64_t)run->rounds * DAY;
    for (gint i = 0; i < run->visitors; i++) {
        run->people[i].visitor = nt_sim_visitor(run->assortment, (uint64_t)run->seed, (uint64_t)i);
    }
    for (gint round = 0; ok && round < run->rounds; round++) {
        ok = go_round(run, round, began, error);
    }
    for (gint i = 0; ok && i < run->visitors; i++) { /* what was still on its way */
        ok = send_events(run, g_steal_pointer(&run->people[i].late), error);
    }
    return put_back(run, 0, ok ? error : NULL) && ok;
}
