/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a pipeline. A photo alone has all cores in the network: the first runner takes it, with a team of as
 * many threads as there are cores. As soon as there is other work each photo has one core, which is the faster way
 * through many.
 */
#include "embed/pipeline-internal.h"

#include <string.h>

enum {
    MISFIRES = 3, /* decoders lost in a row, whatever the photos, that end a run */
    RUNNERS = 2,  /* kept by a thread, of the networks it used last */
    QUALITY = 82, /* of pictures, as JPEG has it */
};

/* ---- readers ---- */

typedef struct Reader {
    NtPipeline *pipeline;
    NtDecoder *decoder;
    NtPreprocessor *preprocessor;
    NtPreprocess rules; /* of the preprocessor */
    unsigned misfires;  /* photos in a row whose decoder was lost without their fault */
} Reader;

/* The next job, single photos first; NULL when the pipeline is to end. */
static Task *next_job(NtPipeline *pipeline) {
    Task *task = NULL;
    g_mutex_lock(&pipeline->lock);
    while (!pipeline->stopping) {
        bool room = g_queue_get_length(&pipeline->inputs[BULK]) + pipeline->reading_bulk < 2 * pipeline->threads;
        task = g_queue_pop_head(&pipeline->jobs[SINGLE]);
        if (task == NULL && room) {
            task = g_queue_pop_head(&pipeline->jobs[BULK]);
        }
        if (task != NULL) {
            task->queue->waiting--;
            pipeline->reading++;
            pipeline->reading_bulk += task->queue->kind == BULK;
            break;
        }
        pipeline->idle_readers++;
        g_cond_wait(&pipeline->work, &pipeline->lock);
        pipeline->idle_readers--;
    }
    g_mutex_unlock(&pipeline->lock);
    return task;
}

/* Room for the pixels of a task. */
static bool take_buffer(NtPipeline *pipeline, Task *task, GError **error) {
    const NtPreprocess *rules = &task->queue->card->preprocess;
    size_t floats = (size_t)3 * rules->width * rules->height;
    g_mutex_lock(&pipeline->lock);
    Task *buffer = g_queue_pop_head(&pipeline->buffers);
    g_mutex_unlock(&pipeline->lock);
    if (buffer != NULL && buffer->floats == floats) {
        task->pixels = g_steal_pointer(&buffer->pixels);
    }
    g_clear_pointer(&buffer, pipeline_task_free);
    if (task->pixels == NULL) {
        task->pixels = nt_alloc(floats, sizeof(float), "a network's input", error);
    }
    task->floats = floats;
    return task->pixels != NULL;
}

/* The decoder, and a preprocessor for this card (NULL: none is needed); made when they are needed, and tried again for
 * the next photo. */
static bool prepare_reader(Reader *reader, const NtCard *card, GError **error) {
    if (reader->decoder == NULL) {
        reader->decoder = nt_decoder_new(&reader->pipeline->limits, error);
    }
    if (reader->decoder == NULL || card == NULL) {
        return reader->decoder != NULL;
    }
    if (reader->preprocessor == NULL || memcmp(&reader->rules, &card->preprocess, sizeof reader->rules) != 0) {
        g_clear_pointer(&reader->preprocessor, nt_preprocessor_free);
        reader->rules = card->preprocess;
        reader->preprocessor = nt_preprocessor_new(&card->preprocess, error);
    }
    return reader->preprocessor != NULL;
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
        reader->misfires = 0;
        return true;
    }
    return g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

/* To how few pixels on its shorter side the decoder may shrink a photo while it reads it; 0: not at all. */
static uint32_t shrink_to(const Task *task) {
    const NtCard *card = task->queue->card;
    const NtBox *box = &task->job->box;
    if (card == NULL) {
        return task->job->side;
    }
    double wanted = MAX(card->preprocess.width, card->preprocess.height);
    double part = nt_box_is_whole(box) ? 1 : MIN(box->width, box->height);
    return card->shrink_on_load ? (uint32_t)MIN(wanted / part, (double)UINT32_MAX) : 0;
}

/* Makes of the pixels what is wanted: the network's input, or a picture. */
static bool make_ready(Reader *reader, Task *task, const NtPixels *pixels, GError **error) {
    NtEmbedJob *job = task->job;
    if (task->queue->card != NULL) {
        NtPixels part = nt_pixels_cut(pixels, &job->box);
        return take_buffer(reader->pipeline, task, error) &&
               nt_preprocess(reader->preprocessor, &part, task->pixels, error);
    }
    g_autoptr(NtPicture) picture = nt_image_thumbnail(pixels, job->side, error);
    job->picture =
        picture != NULL ? nt_image_encode(reader->decoder, &picture->pixels, NT_IMAGE_JPEG, QUALITY, error) : NULL;
    return job->picture != NULL;
}

/* Decodes and makes ready. The header's size is before the EXIF turn; the pixels' is what a person sees. */
static bool decode(Reader *reader, Task *task, GBytes *bytes, GError **error) {
    NtEmbedJob *job = task->job;
    NtDecodeOptions options = {.shrink_to = shrink_to(task)};
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    NtPixels pixels;
    if (!prepare_reader(reader, task->queue->card, error)) {
        job->ends_run = true;
        return false;
    }
    if (!nt_decoder_decode(reader->decoder, data, size, job->name, &options, &pixels, &job->header, error)) {
        job->ends_run = ends_run(reader, *error);
        return false;
    }
    reader->misfires = 0;
    if (options.shrink_to == 0) {
        job->header.width = pixels.width;
        job->header.height = pixels.height;
    }
    return make_ready(reader, task, &pixels, error);
}

/* Reads and decodes one photo, and passes it on. */
static void read_one(Reader *reader, Task *task) {
    NtPipeline *pipeline = reader->pipeline;
    NtEmbedJob *job = task->job;
    g_autoptr(GBytes) bytes = NULL;
    bool ok = job->read(job, &bytes, &job->fault) && bytes != NULL && decode(reader, task, bytes, &job->fault);
    unsigned kind = task->queue->kind;
    g_mutex_lock(&pipeline->lock);
    pipeline->reading--;
    pipeline->reading_bulk -= kind == BULK;
    if (ok && task->pixels != NULL && !task->queue->abandoned) {
        pipeline_need_runner(pipeline);
        if (pipeline->runners > 0) {
            g_queue_push_tail(&pipeline->inputs[kind], g_steal_pointer(&task));
            g_cond_broadcast(&pipeline->ready); /* which runner takes it is theirs to decide */
        } else {
            pipeline_no_thread(task);
        }
    }
    g_mutex_unlock(&pipeline->lock);
    if (task != NULL) {
        pipeline_finish(pipeline, task);
    }
}

void *pipeline_read_photos(void *data) {
    Reader reader = {.pipeline = data};
    Task *task;
    pipeline_settle_thread(reader.pipeline);
    while ((task = next_job(reader.pipeline)) != NULL) {
        read_one(&reader, task);
    }
    g_clear_pointer(&reader.preprocessor, nt_preprocessor_free);
    g_clear_pointer(&reader.decoder, nt_decoder_free);
    return NULL;
}

/* ---- runners ---- */

typedef struct Kept {
    NtNetwork *network; /* kept alive by the runner */
    unsigned threads;
    NtRunner *runner;
} Kept;

typedef struct Worker {
    NtPipeline *pipeline;
    bool first;
    Kept kept[RUNNERS]; /* the one used last comes first */
} Worker;

/* The next input, single photos first, and with how many threads to run it; NULL when the pipeline is to end. One that
 * is alone is left to the first runner. */
static Task *next_input(Worker *worker, unsigned *out_threads) {
    NtPipeline *pipeline = worker->pipeline;
    Task *task = NULL;
    g_mutex_lock(&pipeline->lock);
    while (!pipeline->stopping) {
        unsigned ready = g_queue_get_length(&pipeline->inputs[SINGLE]) + g_queue_get_length(&pipeline->inputs[BULK]);
        if (ready > 0 && (worker->first || !pipeline->first_idle || ready > 1)) {
            task = g_queue_pop_head(&pipeline->inputs[SINGLE]);
            task = task != NULL ? task : g_queue_pop_head(&pipeline->inputs[BULK]);
            bool alone = ready == 1 && pipeline->running == 0 && pipeline->reading == 0 &&
                         g_queue_is_empty(&pipeline->jobs[SINGLE]) && g_queue_is_empty(&pipeline->jobs[BULK]);
            *out_threads = alone && worker->first && task->queue->kind == SINGLE ? pipeline->threads : 1;
            pipeline->running++;
            g_cond_signal(&pipeline->work); /* there is room for another */
            break;
        }
        pipeline->idle_runners++;
        pipeline->first_idle |= worker->first;
        g_cond_wait(&pipeline->ready, &pipeline->lock);
        pipeline->first_idle &= !worker->first;
        pipeline->idle_runners--;
    }
    g_mutex_unlock(&pipeline->lock);
    return task;
}

/* A runner for this network; the one not used for longest makes room. */
static NtRunner *runner_for(Worker *worker, NtNetwork *network, unsigned threads, GError **error) {
    unsigned at = 0;
    while (at < RUNNERS && !(worker->kept[at].network == network && worker->kept[at].threads == threads)) {
        at++;
    }
    Kept kept = {network, threads, NULL};
    if (at < RUNNERS) {
        kept = worker->kept[at];
    } else {
        at = RUNNERS - 1;
        g_clear_pointer(&worker->kept[at].runner, nt_runner_free);
        worker->kept[at] = (Kept){0};
        kept.runner = nt_runner_new(network, 1, threads, error);
    }
    if (kept.runner != NULL) {
        memmove(worker->kept + 1, worker->kept, at * sizeof *worker->kept);
        worker->kept[0] = kept;
    }
    return kept.runner;
}

static void run_one(Worker *worker, Task *task, unsigned threads) {
    NtEmbedJob *job = task->job;
    g_autofree float *vector = g_new(float, task->queue->card->dimension);
    NtRunner *runner = runner_for(worker, task->queue->network, threads, &job->fault);
    bool finite = false;
    if (runner == NULL || !nt_runner_run(runner, task->pixels, 1, vector, &finite, &job->fault)) {
        job->ends_run = true; /* it would strike every photo */
    } else if (!finite) {
        nt_fail(&job->fault, NITERU_ERROR_CORRUPT, "%s: the network's answer is not a number", job->name);
    } else {
        job->vector = g_steal_pointer(&vector);
    }
}

void *pipeline_run_network(void *data) {
    Worker worker = {.pipeline = data};
    pipeline_settle_thread(worker.pipeline);
    g_mutex_lock(&worker.pipeline->lock);
    worker.first = !worker.pipeline->has_first;
    worker.pipeline->has_first = true;
    g_mutex_unlock(&worker.pipeline->lock);
    Task *task;
    unsigned threads;
    while ((task = next_input(&worker, &threads)) != NULL) {
        run_one(&worker, task, threads);
        g_mutex_lock(&worker.pipeline->lock);
        worker.pipeline->running--;
        g_mutex_unlock(&worker.pipeline->lock);
        pipeline_finish(worker.pipeline, task);
    }
    for (unsigned i = 0; i < RUNNERS; i++) {
        g_clear_pointer(&worker.kept[i].runner, nt_runner_free);
    }
    return NULL;
}
