/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether everything is sound: every byte that an answer depends on is read once and compared. The database's pages
 * have checksums that are compared whenever one is read; here all are. Each kind of damage has its remedy, and those
 * that are needed are named by a code.
 */
#include "events/events.h"
#include "search/search.h"

#include <string.h>

enum { SAMPLE = 64 /* products that must find themselves */ };

/* In the order in which they are best done. */
typedef enum Remedy {
    REMEDY_DATABASE,
    REMEDY_LOST,
    REMEDY_RECORD,
    REMEDY_NETWORK,
    REMEDY_VECTORS,
    REMEDY_MAKERS,
    REMEDY_EVENTS,
} Remedy;

static const char *const codes[] = {
    [REMEDY_DATABASE] = "database", [REMEDY_LOST] = "lost-commits", [REMEDY_RECORD] = "record",
    [REMEDY_NETWORK] = "network",   [REMEDY_VECTORS] = "vectors",   [REMEDY_MAKERS] = "makers",
    [REMEDY_EVENTS] = "events",
};

typedef struct Check {
    NtReader reader;
    NtJson *problems;
    bool needed[G_N_ELEMENTS(codes)];
    const NtModelRow *row; /* whose vectors are being read */
} Check;

static void add_problem(Check *check, Remedy remedy, const char *text) {
    nt_json_append(check->problems, nt_json_string(text));
    check->needed[remedy] = true;
}

static void add_database_problem(const char *text, void *data) { add_problem(data, REMEDY_DATABASE, text); }

static void add_finding(const NtVectorsFinding *finding, void *data) {
    Check *check = data;
    g_autofree char *text =
        g_strdup_printf("vectors of %s, rows %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT ": %s", check->row->name,
                        finding->first_row, finding->first_row + finding->rows - 1, finding->message);
    add_problem(check, REMEDY_VECTORS, text);
}

/* The network's files against what was added; imported vectors have none. */
static void check_network(Check *check, const NtModelRow *row) {
    if (!nt_model_row_has_network(row)) {
        return;
    }
    g_autofree char *file = g_build_filename(row->name, "model.onnx", NULL);
    g_autofree char *path = nt_catalogue_path(check->reader.db, "models", file);
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &check->reader.catalogue->limits, &fault);
    if (files == NULL) {
        add_problem(check, REMEDY_NETWORK, fault->message);
        return;
    }
    bool same;
    if (row->has_digest) {
        uint8_t digest[sizeof row->digest];
        nt_network_files_digest(files, digest);
        same = memcmp(digest, row->digest, sizeof digest) == 0;
    } else {
        uint8_t hash[sizeof row->hash];
        gsize size;
        const void *data = g_bytes_get_data(nt_network_files_bytes(files, 0), &size);
        nt_sha256(data, size, hash);
        same = memcmp(hash, row->hash, sizeof hash) == 0;
    }
    if (!same) {
        g_autofree char *text =
            g_strdup_printf("%s%s: not the network that the model was made with", path,
                            nt_network_files_count(files) > 1 ? ", or a file with its weights" : "");
        add_problem(check, REMEDY_NETWORK, text);
    }
}

/* The rows of one model against their digests. */
static bool check_vectors(Check *check, const NtModelRow *row, GError **error) {
    g_autoptr(GError) fault = NULL;
    uint64_t rows;
    NtCatalogue *db = check->reader.db;
    g_autoptr(NtModel) model = nt_model_open(check->reader.catalogue, db, row->name, &rows, &fault);
    check->row = row;
    if (model == NULL) {
        add_problem(check, REMEDY_VECTORS, fault->message);
        return true;
    }
    uint64_t blocks = nt_vectors_blocks(rows);
    nt_autofree uint64_t *digests = nt_alloc(blocks, sizeof(uint64_t), "checksums", error);
    for (uint64_t block = 0; digests != NULL && block < blocks; block++) {
        unsigned covered;
        g_autoptr(GError) none = NULL;
        if (nt_catalogue_get_digest(db, row->model, block, &digests[block], &covered, &none)) {
            continue;
        }
        if (!g_error_matches(none, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&none));
            return false;
        }
        digests[block] = 0; /* fits no block: it is reported as damaged */
    }
    if (digests == NULL) {
        return false;
    }
    nt_vectors_check(model->vectors, rows, digests, add_finding, check);
    return true;
}

/* Vectors that are not those of the model's network. */
static bool check_makers(Check *check, const NtModelRow *row, GError **error) {
    size_t before = nt_json_count(check->problems);
    if (!nt_makers_check(check->reader.db, row, check->problems, error)) {
        return false;
    }
    check->needed[REMEDY_MAKERS] |= nt_json_count(check->problems) > before;
    return true;
}

/* Commits that are gone, or of which nobody could tell. */
static bool check_commits(Check *check, GError **error) {
    g_autoptr(GError) fault = NULL;
    NtCatalogue *db = check->reader.db;
    if (!nt_catalogue_check_whole(db, &fault)) {
        if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CORRUPT)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        add_problem(check, REMEDY_LOST, fault->message);
    }
    if (nt_catalogue_record_damaged(db)) {
        g_autofree char *path = nt_catalogue_path(db, NULL, "catalogue.commits");
        g_autofree char *text = g_strdup_printf("%s: damaged; lost commits would not be noticed", path);
        add_problem(check, REMEDY_RECORD, text);
    }
    return true;
}

static void add_events_problem(const char *text, void *data) { add_problem(data, REMEDY_EVENTS, text); }

static bool check_events(Check *check, const NiteruCatalogue *catalogue, GError **error) {
    g_autofree char *folder = g_build_filename(catalogue->folder, "events", NULL);
    return nt_events_check(folder, add_events_problem, check, error);
}

static bool copy_row(const NtModelRow *row, void *data) {
    NtModelRow copy = {.model = row->model, .name = g_strdup(row->name)};
    memcpy(copy.hash, row->hash, sizeof copy.hash);
    memcpy(copy.digest, row->digest, sizeof copy.digest);
    copy.has_digest = row->has_digest;
    copy.mixed = row->mixed;
    g_array_append_val(data, copy);
    return true;
}

static bool check_models(Check *check, GError **error) {
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(NtModelRow));
    g_array_set_clear_func(rows, (GDestroyNotify)nt_model_row_clear);
    g_autoptr(GError) fault = NULL;
    bool ok = nt_catalogue_each_model(check->reader.db, copy_row, rows, &fault);
    for (guint i = 0; ok && i < rows->len; i++) {
        const NtModelRow *row = &g_array_index(rows, NtModelRow, i);
        check_network(check, row);
        ok = check_vectors(check, row, &fault) && check_makers(check, row, &fault);
    }
    if (!ok && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CORRUPT)) {
        add_problem(check, REMEDY_DATABASE, fault->message); /* what was found so far is told nevertheless */
        return true;
    }
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return ok;
}

/* A sample of products must find themselves; where something is damaged, that was told already. */
static bool check_found(Check *check, NiteruCatalogue *catalogue, const NtWait *wait, GError **error) {
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(NtModelRow));
    g_array_set_clear_func(rows, (GDestroyNotify)nt_model_row_clear);
    if (nt_json_count(check->problems) > 0) {
        return true;
    }
    if (!nt_catalogue_each_model(check->reader.db, copy_row, rows, error)) {
        return false;
    }
    for (guint i = 0; i < rows->len; i++) {
        const NtModelRow *row = &g_array_index(rows, NtModelRow, i);
        g_autofree char *missed = NULL;
        unsigned tested;
        if (!nt_self_test(catalogue, row->name, SAMPLE, wait, &tested, &missed, error)) {
            return false;
        }
        if (missed != NULL) {
            add_problem(check, REMEDY_VECTORS, missed);
        }
    }
    return true;
}

/* A damaged database makes the rest idle. */
static NtJson *needed_remedies(const Check *check) {
    NtJson *out = nt_json_array();
    for (size_t i = 0; i < (check->needed[REMEDY_DATABASE] ? 1 : G_N_ELEMENTS(codes)); i++) {
        if (check->needed[i]) {
            nt_json_append(out, nt_json_string(codes[i]));
        }
    }
    return out;
}

static bool open_reader(Check *check, const NtCall *call, GError **error) {
    if (!nt_reader_open_any(&check->reader, call->catalogue, error)) {
        return false;
    }
    nt_catalogue_set_wait(check->reader.db, &call->wait);
    return true;
}

bool niteru_check(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, char **out_json,
                  GError **error) {
    g_auto(NtCall) call = {0};
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error)) {
        return false;
    }
    g_autoptr(NtJson) out = nt_json_object();
    NtJson *notes = nt_json_array();
    Check check = {.problems = nt_json_array()};
    nt_json_set(out, "problems", check.problems);
    bool ok = open_reader(&check, &call, error) && check_commits(&check, error) &&
              nt_catalogue_check(check.reader.db, add_database_problem, &check, error) && check_models(&check, error) &&
              check_found(&check, catalogue, &call.wait, error) && check_events(&check, catalogue, error);
    if (ok && !nt_catalogue_pages_checked(check.reader.db)) {
        nt_json_append(notes,
                       nt_json_string("this catalogue was made before the database's pages had checksums, so that "
                                      "a flipped bit in it may not be seen; index its sources into a new "
                                      "catalogue to have them"));
    }
    nt_reader_clear(&check.reader);
    nt_json_set(out, "sound", nt_json_bool(nt_json_count(check.problems) == 0));
    nt_json_set(out, "remedies", needed_remedies(&check));
    nt_json_set(out, "notes", notes);
    if (ok) {
        *out_json = nt_json_print(out, true);
    }
    return ok;
}
