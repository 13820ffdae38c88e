/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From photo files to vectors, on all cores.
 *
 *   offer ──► jobs ──► readers ──────────────► inputs ──► workers ──► outcomes ──► take
 *             bounded  read, hash, decode in a  bounded    network,    bounded by
 *                      helper, make ready                  in batches  the jobs
 *
 * There are as many readers as workers, one of each per core: a reader mostly waits for its decode helper, which is a
 * process of its own, so together they keep every core busy whichever of decoding and network takes longer; the
 * bounded queue of inputs slows down the faster one. A photo whose bytes are known and have a vector goes straight to
 * the outcomes.
 *
 * One lock guards the three queues; it is held for pointer work only. A static split (half the cores decode, half run
 * the network) was rejected: the ratio of the two differs by a factor of ten between networks.
 */
#include "ingest/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 8,          /* photos one network call takes: past this, MobileNet-sized networks gain nothing */
    JOBS_WAITING = 256, /* jobs offered and not begun */
    MISFIRES = 3,       /* decoders lost in a row that end a run */
    NAMES_TOLD = 5,     /* photos whose end is missing */
    FRESH_SECONDS = 2,  /* the coarsest clock of a file system in use (FAT) */
};

/* A photo made ready for the network. */
typedef struct Input {
    NtOutcome *outcome;
    float *pixels; /* (3, H, W) */
} Input;

struct NtPipeline {
    NiteruCatalogue *catalogue;
    NtModel *model;
    NtNetwork *network;
    size_t input_floats;
    unsigned threads;
    int64_t only_of;    /* the maker whose vectors count; NT_MAKER_UNKNOWN: everybody's do */
    GPtrArray *started; /* GThread */

    GMutex lock; /* all below */
    GCond changed;
    GQueue jobs;     /* NtJob */
    GQueue inputs;   /* Input, at most 2 * BATCH * threads */
    GQueue outcomes; /* NtOutcome */
    GQueue buffers;  /* float blocks not in use */
    size_t pending;
    unsigned cut_short;   /* photos whose end is missing that were taken */
    GString *short_names; /* of the first few of them */
    bool stopping;
};

static void free_job(NtJob *job) {
    g_free(job->path);
    g_free(job->product);
    g_free(job->place);
}

void nt_outcome_free(NtOutcome *outcome) {
    if (outcome != NULL) {
        free_job(&outcome->job);
        g_clear_error(&outcome->fault);
        g_free(outcome->vector);
        g_free(outcome);
    }
}

/* ---- queues ---- */

static void put_outcome(NtPipeline *pipeline, NtOutcome *outcome) {
    g_mutex_lock(&pipeline->lock);
    g_queue_push_tail(&pipeline->outcomes, outcome);
    g_cond_broadcast(&pipeline->changed);
    g_mutex_unlock(&pipeline->lock);
}

static void fail_outcome(NtPipeline *pipeline, NtOutcome *outcome, GError *fault) {
    outcome->fault = fault;
    put_outcome(pipeline, outcome);
}

void nt_pipeline_only_of(NtPipeline *pipeline, int64_t maker) { pipeline->only_of = maker; }

bool nt_pipeline_offer(NtPipeline *pipeline, NtJob *job) {
    g_mutex_lock(&pipeline->lock);
    bool room = g_queue_get_length(&pipeline->jobs) < JOBS_WAITING;
    if (room) {
        g_queue_push_tail(&pipeline->jobs, g_memdup2(job, sizeof *job));
        *job = (NtJob){0};
        pipeline->pending++;
        g_cond_broadcast(&pipeline->changed);
    }
    g_mutex_unlock(&pipeline->lock);
    return room;
}

NtOutcome *nt_pipeline_take(NtPipeline *pipeline, int64_t microseconds) {
    int64_t until = g_get_monotonic_time() + microseconds;
    g_mutex_lock(&pipeline->lock);
    while (g_queue_is_empty(&pipeline->outcomes) && pipeline->pending > 0 && microseconds > 0 &&
           g_cond_wait_until(&pipeline->changed, &pipeline->lock, until)) {
    }
    NtOutcome *outcome = g_queue_pop_head(&pipeline->outcomes);
    pipeline->pending -= outcome != NULL;
    g_mutex_unlock(&pipeline->lock);
    return outcome;
}

size_t nt_pipeline_pending(NtPipeline *pipeline) {
    g_mutex_lock(&pipeline->lock);
    size_t pending = pipeline->pending;
    g_mutex_unlock(&pipeline->lock);
    return pending;
}

/* The next job, or NULL when the pipeline is to end. */
static NtJob *next_job(NtPipeline *pipeline) {
    g_mutex_lock(&pipeline->lock);
    while (!pipeline->stopping && g_queue_is_empty(&pipeline->jobs)) {
        g_cond_wait(&pipeline->changed, &pipeline->lock);
    }
    NtJob *job = pipeline->stopping ? NULL : g_queue_pop_head(&pipeline->jobs);
    g_mutex_unlock(&pipeline->lock);
    return job;
}

/* A buffer for one input, waiting while as many as allowed are in use; NULL when the pipeline is to end, or with an
 * error. */
static float *take_buffer(NtPipeline *pipeline) {
    g_mutex_lock(&pipeline->lock);
    while (!pipeline->stopping && g_queue_is_empty(&pipeline->buffers)) {
        g_cond_wait(&pipeline->changed, &pipeline->lock);
    }
    float *buffer = pipeline->stopping ? NULL : g_queue_pop_head(&pipeline->buffers);
    g_mutex_unlock(&pipeline->lock);
    return buffer;
}

static void give_buffer(NtPipeline *pipeline, float *buffer) {
    g_mutex_lock(&pipeline->lock);
    g_queue_push_head(&pipeline->buffers, buffer);
    g_cond_broadcast(&pipeline->changed);
    g_mutex_unlock(&pipeline->lock);
}

/* ---- readers ---- */

typedef struct Reader {
    NtPipeline *pipeline;
    NtCatalogue *db; /* to ask which contents have vectors; NULL: it could not be opened, nothing is known */
    NtDecoder *decoder;
    NtPreprocessor *preprocessor;
    GError *fault;     /* why there is no decoder or preprocessor */
    unsigned misfires; /* photos in a row whose decoder was lost without their fault */
} Reader;

/* A file written within the last tick of its file system's clock may be written again without its stamp changing, so
 * its stamp says nothing: the next run reads it again. */
static bool is_fresh(const NtStamp *stamp) {
    int64_t now = g_get_real_time() * 1000, newest = MAX(stamp->mtime_ns, stamp->ctime_ns);
    return ABS(now - newest) < FRESH_SECONDS * INT64_C(1000000000);
}

/* Reads a photo's bytes with their stamp and hash. */
static GBytes *read_photo(const Reader *reader, NtOutcome *outcome, GError **error) {
    const char *path = outcome->job.path;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        nt_fail_errno(error, errno, "%s", path);
        return NULL;
    }
    GBytes *bytes = NULL;
    if (nt_stamp_read_fd(fd, path, &outcome->stamp, error)) {
        bytes = nt_file_read_fd(fd, path, reader->pipeline->catalogue->limits.photo_bytes, error);
    }
    close(fd);
    if (bytes == NULL && g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        char *message =
            g_strconcat((*error)->message, " (limit photo-bytes; --limit photo-bytes=SIZE changes it)", NULL);
        g_free((*error)->message);
        (*error)->message = message;
    }
    if (is_fresh(&outcome->stamp)) {
        outcome->stamp = (NtStamp){0};
    }
    if (bytes != NULL) {
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        nt_sha256(data, size, outcome->content.hash);
        outcome->content.bytes = size;
    }
    return bytes;
}

/* Whether the catalogue has a vector for these bytes, as of the last commit. */
static bool has_vector(const Reader *reader, const NtContent *content) {
    const NtPipeline *pipeline = reader->pipeline;
    int64_t row = 0, vrow = -1;
    if (reader->db == NULL || !nt_catalogue_find_content(reader->db, content->hash, &row, NULL) || row <= 0) {
        return false;
    }
    bool ok = pipeline->only_of != NT_MAKER_UNKNOWN
                  ? nt_catalogue_find_vector_of(reader->db, pipeline->model->model, row, pipeline->only_of, &vrow, NULL)
                  : nt_catalogue_find_vector(reader->db, pipeline->model->model, row, &vrow, NULL);
    return ok && vrow >= 0;
}

static const char *format_word(NtImageFormat format) {
    static const char *const words[] = {
        [NT_IMAGE_JPEG] = "jpeg", [NT_IMAGE_PNG] = "png",   [NT_IMAGE_WEBP] = "webp", [NT_IMAGE_GIF] = "gif",
        [NT_IMAGE_TIFF] = "tiff", [NT_IMAGE_AVIF] = "avif", [NT_IMAGE_HEIC] = "heic", [NT_IMAGE_BMP] = "bmp"};
    return (size_t)format < G_N_ELEMENTS(words) ? words[format] : NULL;
}

/* Whether a fault of decoding is the machine's and not the photo's: there is no decoder, or several in a row could not
 * be started or were killed. One that is killed may be the photo's doing. */
static bool ends_run(Reader *reader, GError *fault) {
    bool misfire = g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_IO);
    reader->misfires = misfire ? reader->misfires + 1 : 0;
    if (reader->misfires >= MISFIRES) {
        char *message = g_strdup_printf("the run ends here, because %d decoders in a row were lost or did not start "
                                        "(what is done is kept; when the cause is mended, run it again); the last: %s",
                                        MISFIRES, fault->message);
        g_free(fault->message);
        fault->message = message;
    }
    return reader->fault != NULL || reader->misfires >= MISFIRES ||
           g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

static void note_cut_short(NtPipeline *pipeline, const NtImageHeader *header, const char *path) {
    g_mutex_lock(&pipeline->lock);
    if (pipeline->cut_short++ < NAMES_TOLD) {
        g_string_append_printf(pipeline->short_names, "%s%s (%u %% of its rows)", pipeline->cut_short > 1 ? ", " : "",
                               path, header->percent);
    }
    g_mutex_unlock(&pipeline->lock);
}

char *nt_pipeline_note(NtPipeline *pipeline, uint64_t *out_count) {
    g_mutex_lock(&pipeline->lock);
    unsigned count = pipeline->cut_short;
    *out_count = count;
    char *note = count == 0 ? NULL
                            : g_strdup_printf("%u photo%s cut short and taken (--strict refuses such): %s%s", count,
                                              count == 1 ? " was" : "s were", pipeline->short_names->str,
                                              count > NAMES_TOLD ? " and others" : "");
    g_mutex_unlock(&pipeline->lock);
    return note;
}

/* Decodes and makes ready. The header's size is before the EXIF turn; the pixels' is what a person sees. */
static bool fill_input(Reader *reader, NtOutcome *outcome, GBytes *bytes, float *buffer, GError **error) {
    if (reader->fault != NULL) {
        g_propagate_error(error, g_error_copy(reader->fault));
        return false;
    }
    const NtCard *card = reader->pipeline->model->card;
    NtDecodeOptions decode = {.shrink_to =
                                  card->shrink_on_load ? MAX(card->preprocess.width, card->preprocess.height) : 0};
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    NtPixels pixels;
    NtImageHeader header;
    if (!nt_decoder_decode(reader->decoder, data, size, outcome->job.path, &decode, &pixels, &header, error) ||
        !nt_preprocess(reader->preprocessor, &pixels, buffer, error)) {
        return false;
    }
    if (header.cut_off) {
        note_cut_short(reader->pipeline, &header, outcome->job.path);
    }
    outcome->content.format = format_word(header.format);
    outcome->content.width = decode.shrink_to == 0 ? pixels.width : header.width;
    outcome->content.height = decode.shrink_to == 0 ? pixels.height : header.height;
    return true;
}

static void read_one(Reader *reader, NtOutcome *outcome) {
    NtPipeline *pipeline = reader->pipeline;
    GError *fault = NULL;
    g_autoptr(GBytes) bytes = read_photo(reader, outcome, &fault);
    if (bytes == NULL) {
        fail_outcome(pipeline, outcome, fault);
        return;
    }
    if (has_vector(reader, &outcome->content)) {
        put_outcome(pipeline, outcome);
        return;
    }
    float *buffer = take_buffer(pipeline);
    if (buffer == NULL) { /* stopping */
        nt_outcome_free(outcome);
        return;
    }
    if (!fill_input(reader, outcome, bytes, buffer, &fault)) {
        give_buffer(pipeline, buffer);
        outcome->ends_run = ends_run(reader, fault);
        fail_outcome(pipeline, outcome, fault);
        return;
    }
    reader->misfires = 0;
    Input *input = g_new(Input, 1);
    *input = (Input){outcome, buffer};
    g_mutex_lock(&pipeline->lock);
    g_queue_push_tail(&pipeline->inputs, input);
    g_cond_broadcast(&pipeline->changed);
    g_mutex_unlock(&pipeline->lock);
}

static void *read_photos(void *data) {
    NtPipeline *pipeline = data;
    Reader reader = {.pipeline = pipeline};
    reader.db = nt_reader_take(pipeline->catalogue, NULL);
    reader.decoder = nt_decoder_new(&pipeline->catalogue->limits, &reader.fault);
    if (reader.decoder != NULL) {
        reader.preprocessor = nt_preprocessor_new(&pipeline->model->card->preprocess, &reader.fault);
    }
    NtJob *job;
    while ((job = next_job(pipeline)) != NULL) {
        NtOutcome *outcome = g_new0(NtOutcome, 1);
        outcome->job = *job;
        g_free(job);
        read_one(&reader, outcome);
    }
    g_clear_pointer(&reader.preprocessor, nt_preprocessor_free);
    g_clear_pointer(&reader.decoder, nt_decoder_free);
    g_clear_error(&reader.fault);
    if (reader.db != NULL) {
        nt_reader_give(pipeline->catalogue, reader.db);
    }
    return NULL;
}

/* ---- workers ---- */

/* Up to BATCH inputs, at least one; waits for a full batch only while more is on the way (jobs not begun, or begun by
 * readers). 0 when the pipeline is to end. */
static unsigned take_inputs(NtPipeline *pipeline, Input **out) {
    unsigned count = 0;
    g_mutex_lock(&pipeline->lock);
    while (!pipeline->stopping) {
        unsigned ready = g_queue_get_length(&pipeline->inputs);
        size_t elsewhere = pipeline->pending - ready - g_queue_get_length(&pipeline->outcomes);
        if (ready >= BATCH || (ready > 0 && elsewhere == 0)) {
            break;
        }
        int64_t until = g_get_monotonic_time() + 20 * G_TIME_SPAN_MILLISECOND;
        bool woken = g_cond_wait_until(&pipeline->changed, &pipeline->lock, until);
        if (!woken && !g_queue_is_empty(&pipeline->inputs)) {
            break; /* nothing came for a while: a slow disk should not keep photos waiting */
        }
    }
    while (!pipeline->stopping && count < BATCH && !g_queue_is_empty(&pipeline->inputs)) {
        out[count++] = g_queue_pop_head(&pipeline->inputs);
    }
    g_mutex_unlock(&pipeline->lock);
    return count;
}

/* Hands out the vectors of a batch, or the fault that struck it. */
static void finish_batch(NtPipeline *pipeline, Input **inputs, unsigned count, const float *vectors, const bool *finite,
                         const GError *fault) {
    size_t dimension = pipeline->model->card->dimension;
    for (unsigned i = 0; i < count; i++) {
        NtOutcome *outcome = inputs[i]->outcome;
        GError *own = NULL;
        if (fault != NULL) {
            own = g_error_copy(fault);
            outcome->ends_run = true; /* it would strike every batch */
        } else if (!finite[i]) {
            nt_fail(&own, NITERU_ERROR_CORRUPT, "%s: the network's answer is not a number", outcome->job.path);
        }
        if (own == NULL) {
            outcome->vector = g_memdup2(vectors + i * dimension, dimension * sizeof(float));
        }
        give_buffer(pipeline, inputs[i]->pixels);
        g_free(inputs[i]);
        fail_outcome(pipeline, outcome, own);
    }
}

static void *run_network(void *data) {
    NtPipeline *pipeline = data;
    size_t dimension = pipeline->model->card->dimension;
    g_autoptr(GError) no_runner = NULL;
    g_autoptr(NtRunner) runner = nt_runner_new(pipeline->network, BATCH, 1, &no_runner);
    nt_autofree float *batch =
        runner != NULL ? nt_alloc(BATCH * pipeline->input_floats, sizeof(float), "a batch", &no_runner) : NULL;
    g_autofree float *vectors = g_new(float, BATCH *dimension);
    Input *inputs[BATCH];
    unsigned count;
    while ((count = take_inputs(pipeline, inputs)) > 0) {
        bool finite[BATCH] = {false};
        g_autoptr(GError) fault = no_runner != NULL ? g_error_copy(no_runner) : NULL;
        for (unsigned i = 0; fault == NULL && i < count; i++) {
            memcpy(batch + i * pipeline->input_floats, inputs[i]->pixels, pipeline->input_floats * sizeof(float));
        }
        if (fault == NULL) {
            nt_runner_run(runner, batch, count, vectors, finite, &fault);
        }
        finish_batch(pipeline, inputs, count, vectors, finite, fault);
    }
    return NULL;
}

/* ---- life ---- */

NtPipeline *nt_pipeline_new(NiteruCatalogue *catalogue, NtModel *model, GError **error) {
    NtNetwork *network = nt_model_network(catalogue, model, error);
    if (network == NULL) {
        return NULL;
    }
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(NtPipeline) pipeline = g_new0(NtPipeline, 1);
    g_mutex_init(&pipeline->lock);
    g_cond_init(&pipeline->changed);
    pipeline->started = g_ptr_array_new();
    pipeline->short_names = g_string_new(NULL);
    pipeline->catalogue = catalogue;
    pipeline->model = model;
    pipeline->network = nt_network_ref(network);
    pipeline->threads = catalogue->threads;
    pipeline->input_floats = (size_t)3 * info->width * info->height;
    for (unsigned i = 0; i < 2 * BATCH * pipeline->threads; i++) {
        float *buffer = nt_alloc(pipeline->input_floats, sizeof(float), "a network's input", error);
        if (buffer == NULL) {
            return NULL;
        }
        g_queue_push_tail(&pipeline->buffers, buffer);
    }
    for (unsigned i = 0; i < 2 * pipeline->threads; i++) {
        g_autoptr(GError) fault = NULL;
        GThread *thread = i % 2 == 0 ? g_thread_try_new("nt-read", read_photos, pipeline, &fault)
                                     : g_thread_try_new("nt-network", run_network, pipeline, &fault);
        if (thread == NULL) {
            nt_fail(error, NITERU_ERROR_FAILED, "%u threads are too many for this machine (%s): choose fewer --threads",
                    2 * pipeline->threads, fault->message);
            return NULL;
        }
        g_ptr_array_add(pipeline->started, thread);
    }
    return g_steal_pointer(&pipeline);
}

static void free_input(void *data) {
    Input *input = data;
    nt_outcome_free(input->outcome);
    nt_free(input->pixels);
    g_free(input);
}

static void free_waiting_job(void *data) {
    free_job(data);
    g_free(data);
}

void nt_pipeline_free(NtPipeline *pipeline) {
    if (pipeline == NULL) {
        return;
    }
    g_mutex_lock(&pipeline->lock);
    pipeline->stopping = true;
    g_cond_broadcast(&pipeline->changed);
    g_mutex_unlock(&pipeline->lock);
    for (guint i = 0; i < pipeline->started->len; i++) {
        g_thread_join(g_ptr_array_index(pipeline->started, i));
    }
    g_ptr_array_unref(pipeline->started);
    g_queue_clear_full(&pipeline->jobs, free_waiting_job);
    g_queue_clear_full(&pipeline->inputs, free_input);
    g_queue_clear_full(&pipeline->outcomes, (GDestroyNotify)nt_outcome_free);
    g_queue_clear_full(&pipeline->buffers, nt_free);
    g_string_free(pipeline->short_names, TRUE);
    nt_network_unref(pipeline->network);
    g_mutex_clear(&pipeline->lock);
    g_cond_clear(&pipeline->changed);
    g_free(pipeline);
}
