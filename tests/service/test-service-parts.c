/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the service by themselves: schemas, routes, rates, uploads, settings. */
#include "service/service-internal.h"

#include <string.h>

#include <glib/gstdio.h>

/* ---- the memory guard ---- */

static void write_file(const char *root, const char *name, const char *text) {
    g_autofree char *path = g_build_filename(root, name, NULL), *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static ApiMemoryState memory_of(const char *root, uint64_t reserve) {
    ApiMemory *memory = api_memory_new(root, reserve);
    ApiMemoryState state = api_memory_look(memory);
    g_assert_cmpint(api_memory_allows(memory), ==, !state.is_short);
    g_assert_cmpuint(api_memory_refused(memory), ==, state.is_short);
    api_memory_free(memory);
    return state;
}

static void test_memory(void) {
    g_autofree char *root = g_dir_make_tmp("niteru-memory-XXXXXX", NULL);
    ApiMemoryState state = memory_of(root, 5);
    g_assert_cmpuint(state.total, ==, 0); /* nothing can be told */
    g_assert_false(state.is_short);
    write_file(root, "proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\nMemAvailable:    1048576 kB\n");
    state = memory_of(root, 0);
    g_assert_cmpuint(state.total, ==, UINT64_C(8) << 30);
    g_assert_cmpuint(state.available, ==, UINT64_C(1) << 30);
    g_assert_cmpuint(state.reserve, ==, UINT64_C(256) << 20); /* a 32nd */
    g_assert_false(state.is_short);
    g_assert_true(memory_of(root, UINT64_C(2) << 30).is_short);

    /* Version 2: the tightest group around the process; idle pages of files count as free. */
    write_file(root, "proc/self/cgroup", "0::/shop.slice/niteru.service\n");
    write_file(root, "sys/fs/cgroup/shop.slice/niteru.service/memory.max", "max\n");
    write_file(root, "sys/fs/cgroup/shop.slice/niteru.service/memory.current", "500000000\n");
    write_file(root, "sys/fs/cgroup/shop.slice/memory.max", "1000000000\n");
    write_file(root, "sys/fs/cgroup/shop.slice/memory.current", "990000000\n");
    write_file(root, "sys/fs/cgroup/shop.slice/memory.stat", "anon 1\ninactive_file 40000000\nactive_file 7\n");
    state = memory_of(root, 0);
    g_assert_cmpuint(state.total, ==, 1000000000);
    g_assert_cmpuint(state.available, ==, 50000000);
    g_assert_cmpuint(state.reserve, ==, UINT64_C(64) << 20);
    g_assert_true(state.is_short);
    g_assert_false(memory_of(root, 50000000).is_short);

    /* Version 1, whose "no limit" is a large number; and a group that is over its limit. */
    write_file(root, "proc/self/cgroup", "7:cpu:/x\n4:memory,hugetlb:/box\nnonsense\n9:memory:no path\n");
    write_file(root, "sys/fs/cgroup/memory/box/memory.limit_in_bytes", "9223372036854771712\n");
    write_file(root, "sys/fs/cgroup/memory/box/memory.usage_in_bytes", "7\n");
    g_assert_cmpuint(memory_of(root, 0).total, ==, UINT64_C(8) << 30);
    write_file(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
    write_file(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000\n");
    state = memory_of(root, 1);
    g_assert_cmpuint(state.available, ==, 0);
    g_assert_true(state.is_short);
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", root);
    g_assert_cmpint(system(remove), ==, 0);
}

/* ---- schemas ---- */

static const ApiSchema text_item = {.type = API_TEXT, .least = 1, .most = 5};
static const ApiSchema part[] = {{"x", API_NUMBER, true, .least = 0, .most = 1}, {.name = NULL}};
static const ApiSchema schema = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"k", API_INTEGER, .least = 1, .most = 10},
                                   {"name", API_TEXT, true, .least = 1, .most = 8},
                                   {"kind", API_TEXT, .choices = (const char *const[]){"a", "b", NULL}},
                                   {"list", API_ARRAY, .items = &text_item, .least = 0, .most = 3},
                                   {"part", API_OBJECT, .members = part},
                                   {"free", API_OBJECT},
                                   {"yes", API_BOOL, .nullable = true},
                                   {.name = NULL}}};

static void test_bodies(void) {
    static const struct {
        const char *json, *code, *field;
    } cases[] = {
        {"{\"name\": \"x\"}", NULL, NULL},
        {"{\"name\": \"x\", \"k\": 10, \"kind\": \"b\", \"list\": [\"a\"], \"part\": {\"x\": 1}, \"free\": {\"z\": "
         "[1]}}",
         NULL, NULL},
        {"{\"name\": \"x\", \"yes\": null}", NULL, NULL},
        {"[]", "wrong-type", NULL},
        {"{}", "missing-field", "name"},
        {"{\"name\": null}", "wrong-type", "name"},
        {"{\"name\": \"\"}", "out-of-range", "name"},
        {"{\"name\": \"123456789\"}", "out-of-range", "name"},
        {"{\"name\": \"x\", \"k\": 0}", "out-of-range", "k"},
        {"{\"name\": \"x\", \"k\": 11}", "out-of-range", "k"},
        {"{\"name\": \"x\", \"k\": 1.5}", "wrong-type", "k"},
        {"{\"name\": \"x\", \"k\": \"1\"}", "wrong-type", "k"},
        {"{\"name\": \"x\", \"kind\": \"c\"}", "not-a-choice", "kind"},
        {"{\"name\": \"x\", \"list\": [\"a\", 1]}", "wrong-type", "list[1]"},
        {"{\"name\": \"x\", \"list\": [\"a\", \"\"]}", "out-of-range", "list[1]"},
        {"{\"name\": \"x\", \"list\": [\"a\", \"b\", \"c\", \"d\"]}", "out-of-range", "list"},
        {"{\"name\": \"x\", \"part\": {}}", "missing-field", "part.x"},
        {"{\"name\": \"x\", \"part\": {\"x\": 2}}", "out-of-range", "part.x"},
        {"{\"name\": \"x\", \"part\": {\"x\": 0, \"y\": 0}}", "unknown-field", "part.y"},
        {"{\"name\": \"x\", \"other\": 1}", "unknown-field", "other"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiFault) fault = {0};
        g_autoptr(NtJson) json = nt_json_parse(cases[i].json, strlen(cases[i].json), "", NULL, NULL);
        g_test_message("%s", cases[i].json);
        g_assert_cmpint(api_schema_check(&schema, json, &fault), ==, cases[i].code == NULL);
        g_assert_cmpstr(fault.code, ==, cases[i].code);
        g_assert_cmpstr(fault.field, ==, cases[i].field);
    }
}

static void test_queries(void) {
    static const struct {
        const char *query, *json, *code;
    } cases[] = {
        {"name=a%20b&k=7&yes=true", "{\"name\": \"a b\", \"k\": 7, \"yes\": true}", NULL},
        {"list=a&name=x&list=b", "{\"list\": [\"a\", \"b\"], \"name\": \"x\"}", NULL},
        {"name=x&k=+7", NULL, "wrong-type"},
        {"name=x&k=7x", NULL, "wrong-type"},
        {"name=x&k=", NULL, "wrong-type"},
        {"name=x&k=99999999999999999999", NULL, "wrong-type"},
        {"name=x&yes=1", NULL, "wrong-type"},
        {"name=x&name=y", NULL, "repeated-parameter"},
        {"name=x&z=1", NULL, "unknown-parameter"},
        {"name=%", NULL, "bad-encoding"},
        {"k=1", NULL, "missing-field"},
        {NULL, NULL, "missing-field"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(ApiFault) fault = {0};
        g_autoptr(NtJson) json = api_schema_read_query(&schema, cases[i].query, &fault);
        g_autofree char *text = json != NULL ? nt_json_print(json, false) : NULL;
        g_assert_cmpstr(text, ==, cases[i].json);
        g_assert_cmpstr(fault.code, ==, cases[i].code);
    }
    static const ApiSchema number = {.type = API_NUMBER};
    static const char *const bad[] = {"nan", "inf", "1e999", "0x1", "1,5", "", " 1", "1 "};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(api_schema_read_text(&number, bad[i]));
    }
    g_autoptr(NtJson) half = api_schema_read_text(&number, "-5e-1");
    g_assert_cmpfloat(nt_json_number(half, 0), ==, -0.5);
}

/* ---- routes ---- */

static void test_routes(void) {
    static const struct {
        const char *method, *path, *name, *first, *second, *allowed;
        bool broken;
    } cases[] = {
        {"GET", "/v1/products/a%2Fb%3Ac/similar", "similarProducts", "a/b:c", NULL, NULL, false},
        {"HEAD", "/healthz", "isAlive", NULL, NULL, NULL, false},
        {"GET", "/v1/products/similar", "getProduct", "similar", NULL, NULL, false},
        {"GET", "/v1/products/a:b", "getProduct", "a:b", NULL, NULL, false},
        {"POST", "/v1/products:batch", "writeProducts", NULL, NULL, NULL, false},
        {"POST", "/v1/jobs/x:start", "startJob", "x", NULL, NULL, false},
        {"DELETE", "/v1/products/p/photos/0", "deletePhoto", "p", "0", NULL, false},
        {"POST", "/healthz", NULL, NULL, NULL, "GET, HEAD", false},
        {"GET", "/v1/products/%zz", NULL, NULL, NULL, NULL, true},
        {"GET", "/v1/products//similar", NULL, NULL, NULL, NULL, false},
        {"GET", "/v1/products/a/b/c", NULL, NULL, NULL, NULL, false},
        {"GET", "/V1/products", NULL, NULL, NULL, NULL, false},
        {"GET", "//healthz", NULL, NULL, NULL, NULL, false},
        {"GET", "", NULL, NULL, NULL, NULL, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *pieces[API_MOST_PIECES] = {NULL};
        g_autofree char *allowed = NULL;
        bool broken;
        const ApiRoute *route = api_route_find(cases[i].method, cases[i].path, pieces, &allowed, &broken);
        g_test_message("%s %s", cases[i].method, cases[i].path);
        g_assert_cmpstr(route != NULL ? route->name : NULL, ==, cases[i].name);
        g_assert_cmpstr(pieces[0], ==, cases[i].first);
        g_assert_cmpstr(pieces[1], ==, cases[i].second);
        g_assert_cmpstr(allowed, ==, cases[i].allowed);
        g_assert_cmpint(broken, ==, cases[i].broken);
        for (size_t p = 0; p < API_MOST_PIECES; p++) {
            g_free(pieces[p]);
        }
    }
}

/* Every row is whole, has a name of its own and can be found by its own path. */
static void test_table(void) {
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    for (const ApiRoute *route = api_routes; route->method != NULL; route++) {
        char *pieces[API_MOST_PIECES] = {NULL};
        g_autofree char *allowed = NULL, *path = g_strdup(route->path);
        bool broken;
        g_test_message("%s", route->name);
        g_assert_true(g_hash_table_add(names, (char *)route->name));
        g_assert_true(route->run != NULL && route->summary != NULL && route->tag != NULL);
        g_assert_true(api_takes_json(route) == (route->body != NULL));
        g_strdelimit(path, "{}", 'x');
        g_assert_true(api_route_find(route->method, path, pieces, &allowed, &broken) == route);
        for (size_t p = 0; p < API_MOST_PIECES; p++) {
            g_free(pieces[p]);
        }
    }
}

/* ---- rates, uploads, settings ---- */

static void test_rates(void) {
    ApiRates *rates = api_rates_new();
    unsigned left, wait, taken = 0;
    while (taken < 1000 && api_rates_take(rates, "a", 10, &left, &wait)) {
        taken++;
    }
    g_assert_cmpuint(taken, >=, 20);
    g_assert_cmpuint(taken, <, 40); /* it fills meanwhile */
    g_assert_cmpuint(wait, ==, 1);
    g_assert_true(api_rates_take(rates, "b", 10, &left, &wait));
    g_usleep(150000);
    g_assert_true(api_rates_take(rates, "a", 10, &left, &wait));
    /* Many strangers: what is kept of them is bounded, and who has had enough is not forgiven for them. */
    while (api_rates_take(rates, "greedy", 1000, &left, &wait)) {
    }
    int64_t began = g_get_monotonic_time();
    unsigned more = 0;
    for (unsigned i = 0; i < 200000; i++) {
        g_autofree char *who = g_strdup_printf("stranger %u", i);
        g_assert_true(api_rates_take(rates, who, 10, &left, &wait));
        more += i % 10 == 0 && api_rates_take(rates, "greedy", 1000, &left, &wait);
    }
    g_assert_cmpfloat(more, <=, (double)(g_get_monotonic_time() - began) / 1000 + 1); /* as many as flow in */
    api_rates_free(rates);
}

/* ---- threads ---- */

typedef struct Gate {
    GMutex lock;
    GCond changed;
    bool open;
    gint passed;
} Gate;

static void pass(void *data) {
    Gate *gate = data;
    g_mutex_lock(&gate->lock);
    while (!gate->open) {
        g_cond_wait(&gate->changed, &gate->lock);
    }
    g_mutex_unlock(&gate->lock);
    g_atomic_int_inc(&gate->passed);
}

/* One who asks much has a quarter of the queue, and leaves the rest to others. */
static void test_workers(void) {
    Gate gate = {.open = false};
    ApiWorkers *workers = api_workers_new("test", 1, 8);
    g_assert_true(api_workers_push(workers, "a", pass, &gate));
    while (api_workers_waiting(workers) > 0) { /* until the thread has it */
        g_usleep(1000);
    }
    g_assert_true(api_workers_push(workers, "a", pass, &gate));
    g_assert_true(api_workers_push(workers, "a", pass, &gate));
    g_assert_false(api_workers_push(workers, "a", pass, &gate));
    g_assert_true(api_workers_push(workers, "b", pass, &gate));
    for (int i = 0; i < 5; i++) {
        g_assert_true(api_workers_push(workers, NULL, pass, &gate));
    }
    g_assert_false(api_workers_push(workers, "c", pass, &gate)); /* it is full */
    g_mutex_lock(&gate.lock);
    gate.open = true;
    g_cond_broadcast(&gate.changed);
    g_mutex_unlock(&gate.lock);
    while (g_atomic_int_get(&gate.passed) < 9) {
        g_usleep(1000);
    }
    g_assert_true(api_workers_push(workers, "a", pass, &gate)); /* what is done does not count */
    api_workers_free(workers);
    g_assert_cmpint(gate.passed, ==, 10);
}

/* Who has a secret key has the time that is asked for, and a stranger not more than is usual. */
static void test_timeouts(void) {
    static const struct {
        ApiAccess access;
        const char *query;
        unsigned timeout;
    } cases[] = {{API_SECRET, "{}", 1000},
                 {API_SECRET, "{\"timeout_ms\": 5000}", 5000},
                 {API_PUBLISHABLE, "{\"timeout_ms\": 5000}", 1000},
                 {API_PUBLISHABLE, "{\"timeout_ms\": 500}", 500},
                 {API_ANYONE, "{}", 1000}};
    g_autoptr(NtServiceConfig) config = nt_service_config_new();
    NtService service = {.config = config};
    config->timeout_ms = 1000;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(NtJson) query = nt_json_parse(cases[i].query, strlen(cases[i].query), "", NULL, NULL);
        const ApiCall call = {.service = &service, .access = cases[i].access, .query = query};
        g_assert_cmpuint(api_timeout(&call), ==, cases[i].timeout);
    }
}

static void test_uploads(void) {
    ApiUploads *uploads = api_uploads_new(1000);
    g_autofree char *block = g_strnfill(400, 'x');
    char *ids[4];
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autoptr(GBytes) photo = g_bytes_new(block, 400 - i);
        ids[i] = api_uploads_keep(uploads, photo);
        g_assert_cmpuint(strlen(ids[i]), ==, 32);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) { /* there is room for two: the oldest went */
        g_autoptr(GBytes) photo = api_uploads_find(uploads, ids[i]);
        g_assert_true((photo != NULL) == (i >= 2));
        g_assert_true(photo == NULL || g_bytes_get_size(photo) == 400 - i);
        g_free(ids[i]);
    }
    g_autofree char *large = g_strnfill(1001, 'x');
    g_autoptr(GBytes) photo = g_bytes_new(large, 1001);
    g_assert_null(api_uploads_keep(uploads, photo));
    g_assert_null(api_uploads_find(uploads, ""));
    api_uploads_free(uploads);
}

static void test_settings(void) {
    g_autoptr(NtServiceConfig) config = nt_service_config_new();
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(config->json_bytes, ==, 1 << 20);
    g_assert_true(nt_service_config_set(config, "json_bytes", "2Mi", &error));
    g_assert_cmpuint(config->json_bytes, ==, 2 << 20);
    g_assert_true(nt_service_config_set(config, "listen", " 127.0.0.1:1 ;; [::1]:2;unix:/a", &error));
    g_assert_cmpuint(g_strv_length(config->listen), ==, 3);
    g_assert_cmpstr(config->listen[0], ==, "127.0.0.1:1");
    g_assert_true(nt_service_config_set(config, "cors_origins", "https://shop.example:8443; *;app://x", &error));
    static const char *const wrong[][2] = {{"queue", "x"},
                                           {"queue", "-1"},
                                           {"queue", "1Ki"},
                                           {"json_bytes", "1"},
                                           {"json_bytes", "99999999999999999999"},
                                           {"public", "1"},
                                           {"log", ""},
                                           {"", ""},
                                           {"listen", "a:1"},
                                           {"listen", "127.0.0.1"},
                                           {"listen", "127.0.0.1:80/x"},
                                           {"listen", "127.0.0.1:80?x"},
                                           {"listen", "127.0.0.1:1;::1:80"},
                                           {"listen", "127.0.0.1:65536"},
                                           {"listen", "unix:"},
                                           {"cors_origins", "shop.example"},
                                           {"cors_origins", "https://shop.example/"},
                                           {"cors_origins", "https://a?b"},
                                           {"cors_origins", "https://"},
                                           {"cors_origins", "https://u@a"},
                                           {"cors_origins", "https://a#b"}};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(nt_service_config_set(config, wrong[i][0], wrong[i][1], &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, wrong[i][0])); /* which one it is */
        g_clear_error(&error);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service/schema/bodies", test_bodies);
    g_test_add_func("/service/schema/queries", test_queries);
    g_test_add_func("/service/routes", test_routes);
    g_test_add_func("/service/table", test_table);
    g_test_add_func("/service/rates", test_rates);
    g_test_add_func("/service/workers", test_workers);
    g_test_add_func("/service/timeouts", test_timeouts);
    g_test_add_func("/service/uploads", test_uploads);
    g_test_add_func("/service/memory", test_memory);
    g_test_add_func("/service/settings", test_settings);
    return g_test_run();
}
