/* SPDX-License-Identifier: Apache-2.0 */
/* Writers that take turns: between handles and processes, fairly, after kills and changes by others; and the log that
 * stays small however many read. */
#include "catalogue-support.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_exit(pid_t child) {
    int status = -1;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
}

/* Begins, waiting a moment only; expects to be told who writes. */
static bool is_kept_out(NtCatalogue *catalogue, int by) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("process %d (", by);
    NtWait moment = {.deadline = g_get_monotonic_time() + 20000};
    return !nt_catalogue_begin_wait(catalogue, &moment, &error) &&
           g_error_matches(error, NITERU_ERROR, NITERU_ERROR_TIMEOUT) && strstr(error->message, name) != NULL;
}

static bool begins(NtCatalogue *catalogue) {
    NtWait moment = {.deadline = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND};
    return nt_catalogue_begin_wait(catalogue, &moment, NULL);
}

/* A second writer, in this process or another, waits for its turn; whoever opens or reads does not. */
static void test_turns(void) {
    char *folder = make_folder();
    NtCatalogue *first = open_catalogue(folder, false), *second = open_catalogue(folder, false);
    NtRun run = start_run(first, "csv", "/list.csv");
    g_assert_true(begins(first));
    put_product(first, &run, "a", NULL, NULL, 0);
    g_assert_true(is_kept_out(second, getpid()));
    pid_t child = fork();
    if (child == 0) {
        NtCatalogue *third = open_catalogue(folder, false), *reader = open_catalogue(folder, true);
        g_autofree char *ids = matching(reader, "has id");
        _exit(is_kept_out(third, getppid()) && *ids == '\0' ? 0 : 1);
    }
    expect_exit(child);
    CHECK(nt_catalogue_commit(first, error));
    g_assert_true(begins(second));
    put_product(second, &run, "b", NULL, NULL, 0);
    g_assert_true(is_kept_out(first, getpid()));
    nt_catalogue_rollback(second);
    g_assert_true(begins(first));
    nt_catalogue_close(first);
    g_autofree char *ids = matching(second, "has id");
    g_assert_cmpstr(ids, ==, "a");
    nt_catalogue_close(second);
    drop_folder(folder);
}

static void *cancel_soon(void *cancellable) {
    g_usleep(20000);
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void test_cancelled(void) {
    char *folder = make_folder();
    NtCatalogue *first = open_catalogue(folder, false), *second = open_catalogue(folder, false);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    g_assert_true(begins(first));
    GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);
    g_assert_false(nt_catalogue_begin_wait(second, &(NtWait){.cancellable = cancellable}, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    g_thread_join(thread);
    nt_catalogue_close(second);
    nt_catalogue_close(first);
    drop_folder(folder);
}

/* Processes that make the same catalogue at once, and each write to it. */
static void test_makers(void) {
    char *folder = make_folder();
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        if ((children[i] = fork()) == 0) {
            NtCatalogue *catalogue = open_catalogue(folder, false);
            g_autofree char *list = g_strdup_printf("/%d.csv", i), *id = g_strdup_printf("p%d", i);
            NtRun run = start_run(catalogue, "csv", list);
            nt_catalogue_begin(catalogue, NULL);
            put_product(catalogue, &run, id, NULL, NULL, 0);
            bool ok = nt_catalogue_commit(catalogue, NULL);
            nt_catalogue_close(catalogue);
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < 4; i++) {
        expect_exit(children[i]);
    }
    NtCatalogue *catalogue = open_catalogue(folder, true);
    g_autofree char *ids = matching(catalogue, "has id");
    g_assert_cmpstr(ids, ==, "p0 p1 p2 p3");
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

static uint64_t commits_seen(NtCatalogue *catalogue) {
    uint64_t seq = 0;
    CHECK(nt_catalogue_last_change(catalogue, &seq, error));
    return seq;
}

static int compare_times(const void *a, const void *b) { return *(const int64_t *)a < *(const int64_t *)b ? -1 : 1; }

/* A process that commits as fast as it can lets one who waits in behind few of its commits. */
static void test_fair(void) {
    enum { TURNS = 41 };
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    pid_t child = fork();
    if (child == 0) {
        NtCatalogue *busy = open_catalogue(folder, false);
        for (int i = 0; nt_catalogue_begin(busy, NULL); i++) {
            g_autofree char *id = g_strdup_printf("p%d", i);
            put_product(busy, &run, id, NULL, NULL, 0);
            nt_catalogue_commit(busy, NULL);
        }
        _exit(1);
    }
    while (commits_seen(catalogue) < 10) {
        g_usleep(1000);
    }
    unsigned behind = 0;
    int64_t waits[TURNS];
    for (int i = 0; i < TURNS; i++) {
        uint64_t before = commits_seen(catalogue);
        waits[i] = g_get_monotonic_time();
        g_assert_true(begins(catalogue));
        waits[i] = g_get_monotonic_time() - waits[i];
        behind += commits_seen(catalogue) - before > 4;
        nt_catalogue_rollback(catalogue);
        while (commits_seen(catalogue) < before + 4) {
            g_usleep(500);
        }
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    qsort(waits, TURNS, sizeof *waits, compare_times);
    g_test_message("median wait %.2f ms, longest %.2f ms; %u of %d behind more than 4 commits",
                   (double)waits[TURNS / 2] / 1000, (double)waits[TURNS - 1] / 1000, behind, TURNS);
    g_assert_cmpuint(behind, <=, TURNS / 4);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* A writer that dies in the middle of a transaction: what it had committed is there, the rest is not. */
static void test_killed(void) {
    char *folder = make_folder();
    pid_t child = fork();
    if (child == 0) {
        NtCatalogue *catalogue = open_catalogue(folder, false);
        NtRun run = start_run(catalogue, "csv", "/list.csv");
        nt_catalogue_begin(catalogue, NULL);
        put_product(catalogue, &run, "kept", NULL, "/a.jpg", 1);
        nt_catalogue_commit(catalogue, NULL);
        nt_catalogue_begin(catalogue, NULL);
        put_product(catalogue, &run, "lost", NULL, "/b.jpg", 1);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    g_assert_true(WIFSIGNALED(status));
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_assert_false(nt_catalogue_was_unclean(catalogue));
    g_assert_true(nt_catalogue_begin(catalogue, NULL));
    g_assert_true(nt_catalogue_was_unclean(catalogue));
    nt_catalogue_rollback(catalogue);
    g_autofree char *ids = matching(catalogue, "has id"), *said = problems(catalogue);
    g_assert_cmpstr(ids, ==, "kept");
    g_assert_cmpstr(said, ==, "");
    nt_catalogue_close(catalogue);
    catalogue = open_catalogue(folder, false); /* the turn after it has nothing to check any more */
    g_assert_true(nt_catalogue_begin(catalogue, NULL));
    g_assert_false(nt_catalogue_was_unclean(catalogue));
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* What others did between two transactions is seen: fields, rows of models, another layout, the database's end. */
static void test_others(void) {
    char *folder = make_folder();
    NtCatalogue *first = open_catalogue(folder, false), *second = open_catalogue(folder, false);
    NtRun run = start_run(first, "csv", "/list.csv");
    const char *const meta[] = {"price=5", NULL};
    g_autofree char *none = matching(second, "price = 5");
    g_assert_nonnull(strstr(none, "no field"));
    g_assert_true(begins(first));
    int64_t model = add_model(first, "m"), content = add_content(first, 1);
    put_product(first, &run, "a", meta, NULL, 0);
    CHECK(nt_catalogue_add_vectors(first, model, 0, &content, 1, NT_MAKER_UNKNOWN, error));
    CHECK(nt_catalogue_commit(first, error));
    g_assert_true(begins(second));
    g_auto(NtModelRow) row = {0};
    CHECK(nt_catalogue_find_model(second, "m", &row, error));
    g_assert_cmpuint(row.rows, ==, 1);
    CHECK(nt_catalogue_add_vectors(second, model, 1, &content, 1, NT_MAKER_UNKNOWN, error));
    put_product(second, &run, "b", meta, NULL, 0);
    CHECK(nt_catalogue_commit(second, error));
    g_autofree char *both = matching(first, "price = 5");
    g_assert_cmpstr(both, ==, "a b");

    g_autofree char *path = nt_catalogue_path(first, NULL, "catalogue.db"), *aside = g_strconcat(path, ".old", NULL);
    g_autoptr(GError) newer = NULL, gone = NULL;
    sqlite3 *db = NULL;
    g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "niteru"), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "PRAGMA user_version=999", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_false(nt_catalogue_begin(first, &newer));
    g_assert_error(newer, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
    g_assert_cmpint(sqlite3_exec(db, "PRAGMA user_version=3", NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
    g_assert_true(begins(first));
    nt_catalogue_rollback(first);
    g_assert_cmpint(g_rename(path, aside), ==, 0);
    g_assert_false(nt_catalogue_begin(first, &gone));
    g_assert_error(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_assert_cmpint(g_rename(aside, path), ==, 0);
    nt_catalogue_close(first);
    nt_catalogue_close(second);
    drop_folder(folder);
}

typedef struct Reading {
    const char *folder;
    gint stop;
    gint reads;
} Reading;

static bool count_product(int64_t product, void *data) {
    ++*(unsigned *)data;
    return true;
}

/* Reads all products, over and over, each time in a transaction of its own. */
static void *read_on(void *data) {
    Reading *reading = data;
    NtCatalogue *reader = open_catalogue(reading->folder, true);
    while (!g_atomic_int_get(&reading->stop)) {
        unsigned count = 0;
        CHECK(nt_catalogue_begin_reading(reader, error));
        CHECK(nt_catalogue_each_product(reader, count_product, &count, error));
        nt_catalogue_end_reading(reader);
        g_atomic_int_inc(&reading->reads);
    }
    nt_catalogue_close(reader);
    return NULL;
}

/* The log stays small, although there is never a moment without a reader. */
static void test_log(void) {
    enum { READERS = 4, COMMITS = 2000, TEXT = 50000 };
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    g_autofree char *text = g_strnfill(TEXT, 'x'), *log = g_build_filename(folder, "catalogue.db-wal", NULL);
    Reading reading = {.folder = folder};
    GThread *threads[READERS];
    for (int i = 0; i < READERS; i++) {
        threads[i] = g_thread_new("read", read_on, &reading);
    }
    int64_t largest = 0;
    for (int i = 0; i < COMMITS; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i), *value = g_strdup_printf("text=%d%s", i, text);
        g_assert_true(begins(catalogue));
        put_product(catalogue, &run, id, (const char *const[]){value, NULL}, NULL, 0);
        CHECK(nt_catalogue_commit(catalogue, error));
        GStatBuf st = {0};
        g_stat(log, &st);
        largest = MAX(largest, (int64_t)st.st_size);
    }
    g_atomic_int_set(&reading.stop, 1);
    for (int i = 0; i < READERS; i++) {
        g_thread_join(threads[i]);
    }
    g_test_message("the log had %.1f MB at most, with %d reads beside it", (double)largest / 1e6, reading.reads);
    g_assert_cmpint(largest, <, 64 * 1024 * 1024);
    g_assert_cmpint(reading.reads, >, READERS);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turns/turns", test_turns);
    g_test_add_func("/turns/cancelled", test_cancelled);
    g_test_add_func("/turns/makers", test_makers);
    g_test_add_func("/turns/fair", test_fair);
    g_test_add_func("/turns/killed", test_killed);
    g_test_add_func("/turns/others", test_others);
    g_test_add_func("/turns/log", test_log);
    return g_test_run();
}
