/* SPDX-License-Identifier: Apache-2.0 */
/* A photo file of a source on its way to a vector: read, known by its hash, and left alone where the catalogue has its
 * vector. The first part runs in threads of the pipeline. */
#include "ingest/ingest-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { FRESH_SECONDS = 2 /* the coarsest clock of a file system in use (FAT) */ };

/* A file written within the last tick of its file system's clock may be written again without its stamp changing, so
 * its stamp says nothing: the next run reads it again. */
static bool is_fresh(const NtStamp *stamp) {
    int64_t now = g_get_real_time() * 1000, newest = MAX(stamp->mtime_ns, stamp->ctime_ns);
    return ABS(now - newest) < FRESH_SECONDS * INT64_C(1000000000);
}

/* Whether the catalogue has a vector for these bytes, as of the last commit. Where it cannot be told, none. */
static bool has_vector(const PhotoJob *job) {
    NtCatalogue *db = nt_reader_take(job->catalogue, NULL);
    int64_t content = 0, vrow = -1;
    if (db == NULL) {
        return false;
    }
    bool ok = nt_catalogue_find_content(db, job->content.hash, &content, NULL) && content > 0 &&
              (job->only_of != NT_MAKER_UNKNOWN
                   ? nt_catalogue_find_vector_of(db, job->model, content, job->only_of, &vrow, NULL)
                   : nt_catalogue_find_vector(db, job->model, content, &vrow, NULL));
    nt_reader_give(job->catalogue, db);
    return ok && vrow >= 0;
}

/* The bytes of the file, and its stamp. */
static GBytes *read_file(PhotoJob *job, GError **error) {
    int fd = nt_file_open(job->path, job->path, error);
    if (fd < 0) {
        return NULL;
    }
    GBytes *bytes = NULL;
    if (nt_stamp_read_fd(fd, job->path, &job->stamp, error)) {
        bytes = nt_photo_read_fd(fd, job->path, &job->catalogue->limits, error);
    }
    close(fd);
    if (is_fresh(&job->stamp)) {
        job->stamp = (NtStamp){0};
    }
    return bytes;
}

static bool read_photo(NtEmbedJob *base, GBytes **out_bytes, GError **error) {
    PhotoJob *job = (PhotoJob *)base;
    g_autoptr(GBytes) bytes = job->bytes != NULL ? g_bytes_ref(job->bytes) : read_file(job, error);
    if (bytes == NULL) {
        return false;
    }
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    nt_sha256(data, size, job->content.hash);
    job->content.bytes = size;
    if (job->embed || !has_vector(job)) {
        *out_bytes = g_steal_pointer(&bytes);
    }
    return true;
}

static void free_photo(NtEmbedJob *base) {
    PhotoJob *job = (PhotoJob *)base;
    g_clear_pointer(&job->bytes, g_bytes_unref);
    g_free(job->path);
    g_free(job->location);
    g_free(job->product);
    g_free(job->place);
    g_free(job->etag);
    g_free(job->modified);
    g_clear_pointer(&job->same, g_ptr_array_unref);
    g_free(job);
}

PhotoJob *photo_job_new(NiteruCatalogue *catalogue, int64_t photo, const char *path, const char *product,
                        const char *place) {
    PhotoJob *job = g_new0(PhotoJob, 1);
    job->base = (NtEmbedJob){.read = read_photo, .free = free_photo};
    job->catalogue = catalogue;
    job->photo = photo;
    job->path = g_strdup(path);
    job->product = g_strdup(product);
    job->place = g_strdup(place);
    job->base.name = job->path;
    return job;
}

const NtContent *photo_job_content(PhotoJob *job) {
    static const char *const words[] = {
        [NT_IMAGE_JPEG] = "jpeg", [NT_IMAGE_PNG] = "png",   [NT_IMAGE_WEBP] = "webp", [NT_IMAGE_GIF] = "gif",
        [NT_IMAGE_TIFF] = "tiff", [NT_IMAGE_AVIF] = "avif", [NT_IMAGE_HEIC] = "heic", [NT_IMAGE_BMP] = "bmp"};
    const NtImageHeader *header = &job->base.header;
    if (job->base.vector != NULL) {
        job->content.format = (size_t)header->format < G_N_ELEMENTS(words) ? words[header->format] : NULL;
        job->content.width = header->width;
        job->content.height = header->height;
    }
    return &job->content;
}
