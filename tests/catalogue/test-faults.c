/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails at any one moment: every call comes back, what was committed is there, what was not is there whole
 * or not at all, and the handle writes again once the disk does. */
#include "catalogue-support.h"
#include "failing-layer.h"

#include <sqlite3.h>
#include <string.h>

typedef struct Story {
    NtCatalogue *catalogue;
    char *before; /* the state after the last commit that returned true */
    char *after;  /* the state a commit that returned false would have made; NULL: none was tried */
} Story;

/* ---- the state, as text ---- */

static bool append_product(int64_t product, const char *id, void *data) {
    g_string_append_printf(data, "%s=%d ", id, (int)product);
    return true;
}

static bool append_vector(const NtVectorEntry *entry, void *data) {
    g_string_append_printf(data, "%s:%d ", entry->id, (int)entry->vrow);
    return true;
}

static char *state_of(NtCatalogue *catalogue) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(NtModelRow) row = {0};
    NtVectorQuery query = {0};
    bool ok = nt_catalogue_list(catalogue, NULL, NT_FLAG_NONE, NULL, 0, append_product, out, NULL) &&
              nt_catalogue_find_model(catalogue, "m", &row, NULL);
    query.model = row.model;
    ok = ok && nt_catalogue_each_vector(catalogue, &query, append_vector, out, NULL);
    g_string_append_printf(out, "rows %d dead %d generation %d", (int)row.rows, (int)row.dead, (int)row.generation);
    return ok ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

/* ---- the story ---- */

static bool put(NtCatalogue *catalogue, const NtRun *run, int number, uint32_t shows, int64_t *out_content) {
    g_autofree char *id = g_strdup_printf("p%d", number);
    NtPhotoPut photo = {.location = "/p.jpg", .stamp = {shows, 1, 1, 1}};
    NtPhotoState state;
    NtProductPut product = {.id = id, .photos = &photo, .photo_count = 1};
    NtContent content = {.bytes = shows, .format = "jpeg"};
    memcpy(content.hash, &shows, sizeof shows);
    return nt_catalogue_put_product(catalogue, run, &product, &state, NULL, NULL) &&
           nt_catalogue_add_content(catalogue, &content, out_content, NULL) &&
           nt_catalogue_set_photo_content(catalogue, state.photo, *out_content, &photo.stamp, NULL);
}

/* A run that brings products `from` .. `to` - 1 with new photos, their vectors, and an end that prunes the others. */
static bool bring(NtCatalogue *catalogue, int from, int to, uint32_t shows) {
    g_auto(NtModelRow) row = {0};
    NtRun run;
    int64_t contents[20];
    uint64_t digest = shows;
    if (!nt_catalogue_start_run(catalogue, "csv", "/list.csv", &run, NULL)) {
        return false;
    }
    for (int i = from; i < to; i++) {
        if (!put(catalogue, &run, i, shows + (uint32_t)i, &contents[i - from])) {
            return false;
        }
    }
    return nt_catalogue_find_model(catalogue, "m", &row, NULL) &&
           nt_catalogue_add_vectors(catalogue, row.model, row.rows, contents, (size_t)(to - from), 0, NULL) &&
           nt_catalogue_put_digests(catalogue, row.model, 0, &digest, 1, (unsigned)row.rows + (unsigned)(to - from),
                                    NULL) &&
           nt_catalogue_end_run(catalogue, &run, true, NULL, NULL);
}

static bool bring_first(NtCatalogue *catalogue) { return bring(catalogue, 0, 10, 100); }
static bool bring_again(NtCatalogue *catalogue) { return bring(catalogue, 4, 16, 200); }

static bool remove_some(NtCatalogue *catalogue) {
    g_autoptr(NtWhere) where = nt_where_parse(catalogue, "id in ('p5', 'p6', 'p7')", NULL);
    return where != NULL && nt_catalogue_remove_where(catalogue, where, NULL, NULL) &&
           nt_catalogue_remove_product(catalogue, "p9", NULL, NULL);
}

static bool ignore_row(uint64_t vrow, void *data) { return true; }

static bool compact(NtCatalogue *catalogue) {
    uint64_t rows = 0, digest = 1;
    g_auto(NtModelRow) row = {0};
    return nt_catalogue_find_model(catalogue, "m", &row, NULL) &&
           nt_catalogue_compact_model(catalogue, row.model, row.generation + 1, ignore_row, NULL, &rows, NULL) &&
           nt_catalogue_put_digests(catalogue, row.model, 0, &digest, 1, (unsigned)rows, NULL);
}

/* One transaction; false where a call failed, after the rollback. */
static bool turn(Story *story, bool (*change)(NtCatalogue *catalogue)) {
    NtCatalogue *catalogue = story->catalogue;
    g_autoptr(GError) error = NULL;
    g_autofree char *state = NULL;
    bool ok = nt_catalogue_begin(catalogue, &error) && change(catalogue) && (state = state_of(catalogue)) != NULL;
    if (ok && nt_catalogue_commit(catalogue, &error)) {
        g_free(story->before);
        story->before = g_steal_pointer(&state);
        return true;
    }
    g_assert_true(error != NULL || !ok);
    story->after = ok ? g_steal_pointer(&state) : NULL;
    nt_catalogue_rollback(catalogue);
    return false;
}

static NtCatalogue *make_shop(const char *folder) {
    NtCatalogue *catalogue = open_catalogue(folder, false);
    nt_catalogue_begin(catalogue, NULL);
    add_model(catalogue, "m");
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    return catalogue;
}

static void expect_state(NtCatalogue *catalogue, const Story *story) {
    g_autofree char *state = state_of(catalogue);
    if (g_strcmp0(state, story->after) != 0) {
        g_assert_cmpstr(state, ==, story->before);
    }
    CHECK(nt_catalogue_check_whole(catalogue, error));
    g_autofree char *said = problems(catalogue);
    g_assert_cmpstr(said, ==, "");
}

/* The whole story with its n-th call failing. False: it came to its end before. */
static bool tell(unsigned n, int code, bool lasting) {
    char *folder = make_folder();
    Story story = {.catalogue = make_shop(folder)};
    story.before = state_of(story.catalogue);
    failing_layer_arm(n, code, lasting);
    bool ok =
        turn(&story, bring_first) && turn(&story, bring_again) && turn(&story, remove_some) && turn(&story, compact);
    if (ok) {
        nt_catalogue_close(story.catalogue); /* folds the log in, or cannot */
        story.catalogue = NULL;
    }
    bool failed = failing_layer_has_failed();
    failing_layer_arm(0, 0, false);
    if (story.catalogue != NULL) {
        expect_state(story.catalogue, &story);
        g_assert_true(turn(&story, bring_again)); /* the disk is well again, and the handle too */
        g_clear_pointer(&story.after, g_free);
        nt_catalogue_close(story.catalogue);
    }
    NtCatalogue *catalogue = open_catalogue(folder, true);
    expect_state(catalogue, &story);
    nt_catalogue_close(catalogue);
    g_free(story.before);
    g_free(story.after);
    drop_folder(folder);
    return failed;
}

static void tell_every(int code, bool lasting) {
    unsigned n = 1;
    while (tell(n, code, lasting)) {
        n++;
    }
    g_test_message("%u calls", n - 1);
    g_assert_cmpuint(n, >, 50);
}

static void test_full(void) { tell_every(SQLITE_FULL, true); }
static void test_io(void) { tell_every(SQLITE_IOERR_WRITE, false); }

/* A catalogue that cannot be made is an error, and is made once it can. */
static void test_making(void) {
    unsigned made = 0, n = 0;
    do {
        char *folder = make_folder();
        g_autoptr(GError) error = NULL;
        failing_layer_arm(++n, SQLITE_FULL, true);
        NtCatalogue *catalogue = nt_catalogue_open(folder, NULL, &error);
        bool failed = failing_layer_has_failed();
        failing_layer_arm(0, 0, false);
        g_assert_true(catalogue != NULL || g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NO_SPACE));
        made = failed ? 0 : n;
        nt_catalogue_close(catalogue);
        catalogue = make_shop(folder);
        g_autofree char *said = problems(catalogue);
        g_assert_cmpstr(said, ==, "");
        nt_catalogue_close(catalogue);
        drop_folder(folder);
    } while (made == 0);
    g_test_message("%u calls", made - 1);
    g_assert_cmpuint(made, >, 10);
}

/* A caller that goes on after SQLite ended the transaction gets the fault again, from writing and from committing. */
static void test_going_on(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = make_shop(folder);
    g_autofree char *before = state_of(catalogue);
    g_autoptr(GError) commit = NULL, again = NULL, write = NULL;
    g_assert_true(nt_catalogue_begin(catalogue, NULL));
    g_assert_true(bring_first(catalogue));
    failing_layer_arm(1, SQLITE_FULL, false);
    g_assert_false(nt_catalogue_commit(catalogue, &commit));
    g_assert_error(commit, NITERU_ERROR, NITERU_ERROR_NO_SPACE);
    g_assert_false(nt_catalogue_commit(catalogue, &again));
    g_assert_error(again, NITERU_ERROR, NITERU_ERROR_NO_SPACE);
    g_assert_false(nt_catalogue_remove_product(catalogue, "p1", NULL, &write));
    g_assert_error(write, NITERU_ERROR, NITERU_ERROR_NO_SPACE);
    CHECK(nt_catalogue_begin(catalogue, error)); /* instead of a rollback */
    g_autofree char *state = state_of(catalogue);
    g_assert_cmpstr(state, ==, before);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    failing_layer_register();
    g_test_add_func("/faults/full", test_full);
    g_test_add_func("/faults/io", test_io);
    g_test_add_func("/faults/making", test_making);
    g_test_add_func("/faults/going-on", test_going_on);
    return g_test_run();
}
