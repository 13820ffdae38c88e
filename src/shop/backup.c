/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of a catalogue as it is at one moment, made while others write.
 *
 * The moment is that of one read transaction. In it the models are read, their vectors files opened and their networks
 * copied, and then the database page by page. What it names of vectors does not change afterwards: rows that a
 * transaction named are never written again, and a file that is open stays readable when a compaction replaces it. The
 * originals are copied last, from the names in the copied database; they are kept from a sweep from before the
 * transaction until they are copied. A file that is gone between the transaction's begin and its opening belongs to a
 * model that was removed or compacted just then: the next try sees the catalogue without it.
 */
#include "recommend/recommend.h"
#include "shop/backup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 3, COPY_ROWS = 4096, MOST_NOTES = 20, TELL_EVERY = G_TIME_SPAN_SECOND / 4 };

/* Files beside the database that are settings or records; what else is in the folder is made anew or of this machine.
 */
static const char *const further[] = {"niteru.conf", "audit.jsonl", "audit.1.jsonl"};

/* A model on its way. */
typedef struct Rows {
    char *name;
    NtVectors *vectors;
    NtVectorsSpec spec;
    uint64_t rows;
} Rows;

typedef struct Copying {
    NiteruCatalogue *from;
    const char *to;
    const NiteruBackupOptions *options;
    const NtWait *wait;
    GArray *models; /* Rows */
    NiteruProgress progress;
    gint64 begun, told;
    uint64_t before;    /* bytes done before the step that is under way */
    uint64_t originals; /* copied */
    uint64_t missing;   /* originals that are not in the catalogue either, or differ from their hash */
    NtJson *notes;
    GError *fault; /* of a callback */
} Copying;

static void clear_rows(void *data) {
    Rows *rows = data;
    g_free(rows->name);
    nt_vectors_close(rows->vectors);
}

/* ---- progress ---- */

/* `done` bytes of the step that is under way. */
static bool tell(Copying *copying, uint64_t done, GError **error) {
    gint64 now = g_get_monotonic_time();
    NiteruProgress *progress = &copying->progress;
    progress->done = copying->before + done;
    progress->total = MAX(progress->total, progress->done);
    if (copying->options->progress != NULL && now - copying->told >= TELL_EVERY) {
        copying->told = now;
        progress->seconds = (double)(now - copying->begun) / G_TIME_SPAN_SECOND;
        double rate = (double)progress->done / MAX(progress->seconds, 0.001);
        progress->remaining = (double)(progress->total - progress->done) / MAX(rate, 1);
        copying->options->progress(progress, copying->options->data);
    }
    return nt_wait_check(copying->wait, error);
}

static bool end_step(Copying *copying, uint64_t done, GError **error) {
    bool ok = tell(copying, done, error);
    copying->before += done;
    return ok;
}

static bool tell_pages(uint64_t done, uint64_t total, void *data, GError **error) { return tell(data, done, error); }

/* ---- models ---- */

static bool copy_network(Copying *copying, const NtModelRow *row, GError **error) {
    g_autofree char *from = nt_catalogue_path(copying->from->db, "models", row->name);
    g_autofree char *file = g_build_filename(from, "model.onnx", NULL);
    g_autofree char *to = g_build_filename(copying->to, "models", row->name, NULL);
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(file, &copying->from->limits, error);
    if (files == NULL) {
        return false;
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < nt_network_files_count(files); i++) {
        bytes += g_bytes_get_size(nt_network_files_bytes(files, i));
    }
    return nt_folder_make(to, error) && nt_network_write(files, to, error) && end_step(copying, bytes, error);
}

static bool take_model(const NtModelRow *row, void *data) {
    Copying *copying = data;
    g_autofree char *path = nt_generation_path(copying->from->db, row->name, row->generation);
    Rows rows = {.name = g_strdup(row->name), .rows = row->rows};
    bool ok = nt_generation_spec(row, &rows.spec, &copying->fault) &&
              (rows.vectors = nt_vectors_open(path, false, &rows.spec, &copying->fault)) != NULL;
    g_array_append_val(copying->models, rows);
    copying->progress.total += row->rows * row->dimension * (strcmp(row->dtype, "f2") == 0 ? 2 : 4);
    return ok && (!nt_model_row_has_network(row) || copy_network(copying, row, &copying->fault));
}

static bool fail_with(Copying *copying, GError **error) {
    if (copying->fault == NULL) {
        return true;
    }
    g_clear_error(error);
    g_propagate_error(error, g_steal_pointer(&copying->fault));
    return false;
}

static bool copy_rows(Copying *copying, const Rows *rows, GError **error) {
    g_autofree char *file = g_strdup_printf("%s.%u.vec", rows->name, (unsigned)rows->spec.generation);
    g_autofree char *path = g_build_filename(copying->to, "vectors", file, NULL);
    g_autofree uint64_t *numbers = g_new(uint64_t, COPY_ROWS);
    g_auto(NtRows) view = {0};
    if (!nt_vectors_create(path, &rows->spec, error) || !nt_vectors_view(rows->vectors, rows->rows, &view, error)) {
        return false;
    }
    g_autoptr(NtVectors) to = nt_vectors_open(path, true, &rows->spec, error);
    for (uint64_t at = 0; to != NULL && at < rows->rows; at += COPY_ROWS) {
        size_t count = (size_t)MIN(rows->rows - at, COPY_ROWS);
        for (size_t i = 0; i < count; i++) {
            numbers[i] = at + i;
        }
        if (!nt_vectors_copy(to, at, &view, numbers, count, error) ||
            !tell(copying, (at + count) * view.stride, error)) {
            return false;
        }
    }
    return to != NULL && nt_vectors_sync(to, error) && end_step(copying, rows->rows * view.stride, error);
}

/* ---- the moment ---- */

static bool count_original(const char *location, uint64_t bytes, void *data) {
    ((Copying *)data)->progress.total += bytes;
    return true;
}

static uint64_t size_of(const char *path) {
    GStatBuf st;
    return g_stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Within one read transaction. */
static bool copy_moment(Copying *copying, NtCatalogue *db, GError **error) {
    g_autofree char *from = nt_catalogue_path(db, NULL, "catalogue.db");
    g_autofree char *to = g_build_filename(copying->to, "catalogue.db", NULL);
    copying->progress.total = size_of(from);
    bool read = nt_catalogue_each_original(db, count_original, copying, error) &&
                nt_catalogue_each_model(db, take_model, copying, error);
    if (!fail_with(copying, error) || !read || !nt_catalogue_copy(db, to, tell_pages, copying, error)) {
        return false;
    }
    GStatBuf st;
    if (g_stat(from, &st) == 0 && g_chmod(to, st.st_mode & 0777) != 0) {
        return nt_fail_errno(error, errno, "%s", to);
    }
    return end_step(copying, size_of(to), error);
}

/* One try: false with NOT_FOUND is worth another. */
static bool try_moment(Copying *copying, GError **error) {
    g_auto(NtReader) reader = {0};
    g_array_set_size(copying->models, 0);
    copying->before = 0;
    return nt_reader_open(&reader, copying->from, error) && copy_moment(copying, reader.db, error);
}

static bool take_moment(Copying *copying, GError **error) {
    for (unsigned i = 1;; i++) {
        g_autoptr(GError) fault = NULL;
        if (try_moment(copying, &fault)) {
            return true;
        }
        if (i == TRIES || !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
}

/* ---- originals and the rest ---- */

/* Whether the file holds what its name says. */
static bool fits_name(const char *path) {
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree uint8_t *block = g_malloc(65536);
    g_autofree char *name = g_path_get_basename(path);
    FILE *file = fopen(path, "re");
    for (size_t got; file != NULL && (got = fread(block, 1, 65536, file)) > 0;) {
        g_checksum_update(sum, block, (gssize)got);
    }
    bool ok = file != NULL && ferror(file) == 0 && strcmp(g_checksum_get_string(sum), name) == 0;
    if (file != NULL) {
        fclose(file);
    }
    return ok;
}

static void note(Copying *copying, const char *text) {
    if (nt_json_count(copying->notes) < MOST_NOTES) {
        nt_json_append(copying->notes, nt_json_string(text));
    }
}

/* What is lost in the catalogue already does not keep the rest from being saved. */
static bool copy_original(const char *location, uint64_t bytes, void *data) {
    Copying *copying = data;
    g_autofree char *from = g_build_filename(copying->from->folder, location, NULL);
    g_autofree char *to = g_build_filename(copying->to, location, NULL), *folder = g_path_get_dirname(to);
    g_autoptr(GError) fault = NULL;
    uint64_t size = 0;
    bool made = g_mkdir_with_parents(folder, 0755) == 0;
    if (made && nt_file_copy(from, to, copying->wait, &size, &fault)) {
        copying->originals++;
        if (!fits_name(to)) {
            g_autofree char *text = g_strdup_printf("%s: differs from what it was when it came", location);
            copying->missing++;
            note(copying, text);
        }
        return end_step(copying, size, &copying->fault);
    }
    if (made && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        g_autofree char *text = g_strdup_printf("%s: is not in the catalogue any more", location);
        copying->missing++;
        note(copying, text);
        return true;
    }
    if (!made) {
        nt_fail_errno(&fault, errno, "%s: cannot be made", folder);
    }
    copying->fault = g_steal_pointer(&fault);
    return false;
}

static bool copy_further(Copying *copying, GError **error) {
    for (size_t i = 0; i < G_N_ELEMENTS(further); i++) {
        g_autofree char *from = g_build_filename(copying->from->folder, further[i], NULL);
        g_autofree char *to = g_build_filename(copying->to, further[i], NULL);
        if (g_file_test(from, G_FILE_TEST_IS_REGULAR) && !nt_file_copy(from, to, copying->wait, NULL, error)) {
            return false;
        }
    }
    return true;
}

/* By the names in the copied database; fills in what the copy holds. */
static bool copy_originals(Copying *copying, NtJson *out, GError **error) {
    NtCatalogueOptions reading = {.read_only = true, .limits = &copying->from->limits};
    g_autoptr(NtCatalogue) copy = nt_catalogue_open(copying->to, &reading, error);
    uint64_t products = 0, photos = 0;
    bool ok = copy != NULL && nt_catalogue_count(copy, &products, &photos, error) &&
              nt_catalogue_each_original(copy, copy_original, copying, error);
    if (!fail_with(copying, error) || !ok) {
        return false;
    }
    nt_json_set(out, "layout", nt_json_integer(nt_catalogue_layout(copy)));
    nt_json_set(out, "products", nt_json_integer((int64_t)products));
    nt_json_set(out, "photos", nt_json_integer((int64_t)photos));
    nt_json_set(out, "originals", nt_json_integer((int64_t)copying->originals));
    nt_json_set(out, "originals_missing", nt_json_integer((int64_t)copying->missing));
    return true;
}

/* What visitors did, as of now: it names products by their ids, and so goes with the moment before. */
static bool copy_events(Copying *copying, GError **error) {
    g_autofree char *from = g_build_filename(copying->from->folder, "events", NULL);
    g_autofree char *to = g_build_filename(copying->to, "events", NULL);
    uint64_t bytes = 0;
    if (!nt_catalogue_read_only(
            copying->from->db)) { /* of a backup, which nobody writes to, there is nothing to flush */
        NtEvents *events = nt_recommender_events(nt_recommender_of(copying->from), error);
        if (events == NULL || !nt_events_flush(events, error)) {
            return false;
        }
    }
    return nt_events_copy(from, to, tell_pages, copying, &bytes, error) && end_step(copying, bytes, error);
}

static bool copy_all(Copying *copying, NtJson *out, GError **error) {
    static const char *const folders[] = {"models", "vectors"};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(copying->to, folders[i], NULL);
        if (g_mkdir(path, 0755) != 0) {
            return nt_fail_errno(error, errno, "%s: cannot be made", path);
        }
    }
    if (!take_moment(copying, error)) {
        return false;
    }
    uint64_t vectors = 0;
    for (guint i = 0; i < copying->models->len; i++) {
        const Rows *rows = &g_array_index(copying->models, Rows, i);
        vectors += rows->rows;
        if (!copy_rows(copying, rows, error)) {
            return false;
        }
    }
    nt_json_set(out, "models", nt_json_integer(copying->models->len));
    nt_json_set(out, "vectors", nt_json_integer((int64_t)vectors));
    return copy_events(copying, error) && copy_originals(copying, out, error) && copy_further(copying, error);
}

NtJson *nt_catalogue_copy_all(NiteruCatalogue *from, const char *to, const NiteruBackupOptions *options,
                              const NtWait *wait, GError **error) {
    Copying copying = {.from = from, .to = to, .options = options, .wait = wait, .begun = g_get_monotonic_time()};
    g_autoptr(NtJson) out = nt_json_object();
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
    int held = -1;
    copying.models = g_array_new(FALSE, FALSE, sizeof(Rows));
    copying.notes = nt_json_array();
    g_array_set_clear_func(copying.models, clear_rows);
    nt_json_set(out, "format", nt_json_integer(1));
    nt_json_set(out, "niteru", nt_json_string(niteru_version()));
    nt_json_set(out, "time", nt_json_string(time));
    bool ok = nt_originals_hold(from, wait, &held, error) && copy_all(&copying, out, error);
    if (held >= 0) {
        close(held);
    }
    nt_json_set(out, "bytes", nt_json_integer((int64_t)copying.before));
    nt_json_set(out, "notes", copying.notes);
    g_array_unref(copying.models);
    return ok ? g_steal_pointer(&out) : NULL;
}

/* ---- looking at a copy ---- */

bool nt_copy_check(const char *folder, bool settle, GCancellable *cancellable, NtJson *notes, GError **error) {
    NiteruOptions options = {.size = sizeof options, .read_only = !settle, .must_exist = true};
    g_autoptr(NiteruCatalogue) copy = niteru_open(folder, &options, error);
    g_autofree char *text = NULL;
    if (copy == NULL || !niteru_check(copy, 0, cancellable, &text, error)) {
        return false;
    }
    g_autoptr(NtJson) report = nt_json_parse(text, strlen(text), "the check", NULL, error);
    const NtJson *remedies = nt_json_get(report, "remedies"), *problems = nt_json_get(report, "problems");
    for (size_t i = 0; i < nt_json_count(remedies); i++) {
        /* Vectors of another network than the model's are there as they were; anything else is damage. */
        if (strcmp(nt_json_text(nt_json_at(remedies, i), ""), "makers") != 0) {
            nt_fail(error, NITERU_ERROR_CORRUPT, "the copy is not sound, and neither may be what it was made of: %s",
                    nt_json_text(nt_json_at(problems, 0), "?"));
            return nt_fact(error, "remedy", "check");
        }
    }
    for (size_t i = 0; i < nt_json_count(problems); i++) {
        nt_json_append(notes, nt_json_ref(nt_json_at(problems, i)));
    }
    return report != NULL;
}

/* ---- niteru_backup ---- */

/* Files are sealed by the list of what they are, written last. */
static bool seal(const char *folder, const NtJson *manifest, GError **error) {
    g_autofree char *path = g_build_filename(folder, BACKUP_MANIFEST, NULL), *text = nt_json_print(manifest, true);
    return nt_file_write(path, text, strlen(text), error);
}

static bool may_be_made(const NiteruCatalogue *catalogue, const char *folder, GError **error) {
    g_autofree char *place = g_canonicalize_filename(folder, NULL), *within = g_strconcat(catalogue->folder, "/", NULL);
    g_autofree char *inner = g_strconcat(place, "/", NULL);
    if (g_str_has_prefix(inner, within)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: is in the catalogue's own folder; name one outside of it",
                       folder);
    }
    return nt_place_is_free(place) ||
           nt_fail(error, NITERU_ERROR_INVALID, "%s: is there already; name a new or an empty folder", folder);
}

bool niteru_backup(NiteruCatalogue *catalogue, const char *folder, const NiteruBackupOptions *given,
                   GCancellable *cancellable, char **out_json, GError **error) {
    NiteruBackupOptions options;
    g_auto(NtCall) call = {0};
    g_auto(FreshFolder) fresh = {0};
    if (!NT_OPTIONS_READ(NiteruBackupOptions, &options, given, error) ||
        !nt_call_begin(&call, catalogue, options.timeout_ms, cancellable, error) ||
        !may_be_made(catalogue, folder, error) || !nt_fresh_folder_make(folder, &fresh, error)) {
        return false;
    }
    g_autoptr(NtJson) manifest = nt_catalogue_copy_all(catalogue, fresh.path, &options, &call.wait, error);
    if (manifest == NULL || !nt_copy_check(fresh.path, false, cancellable, nt_json_get(manifest, "notes"), error) ||
        !nt_wait_check(&call.wait, error) || !seal(fresh.path, manifest, error) ||
        !nt_fresh_folder_place(&fresh, error)) {
        return false;
    }
    if (out_json != NULL) {
        *out_json = nt_json_print(manifest, true);
    }
    return true;
}
