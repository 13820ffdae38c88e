/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder as its owner sees it: shared memory, a helper that is replaced when it is lost or worn, and no trust in
 * what the helper says. Its numbers are checked against the limits again; its words are cleaned before they are
 * printed; its pixels are only ever read as numbers, so that even one that changes them under our eyes gains nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "image/decoder-internal.h"
#include "image/helper.h"
#include "image/scan-internal.h"

/* What decoder-seconds are meant for. */
#define FULL_PIXELS UINT64_C(50000000)

struct NtDecoder {
    NtLimits limits;
    char *program;
    NtHelperProcess helper;
    NtWireSetup setup;
    int memory;     /* memfd */
    uint8_t *input; /* the mapping: input area, then output area */
    uint8_t *output;
    uint64_t used;    /* bytes of the output area that the last photo filled, */
    uint64_t taken;   /* and of the input area */
    uint64_t photos;  /* done by this helper */
    uint64_t seconds; /* of CPU for what is asked next */
    NtDecoderStats stats;
};

/* Pages of either area beyond this are given back before the next photo; up to here they are kept, because touching
 * fresh pages costs as much as decoding into them. */
#define KEPT_BYTES (UINT64_C(16) << 20)

static uint64_t whole_pages(uint64_t bytes) {
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static bool make_memory(NtDecoder *decoder, GError **error) {
    uint64_t pixels, total;
    NtWireSetup *setup = &decoder->setup;
    if (decoder->limits.photo_bytes > INT64_MAX / 4 ||
        __builtin_mul_overflow(decoder->limits.photo_pixels, UINT64_C(3), &pixels) || pixels > INT64_MAX / 4) {
        return nt_fail(error, NITERU_ERROR_INVALID, "limits photo-bytes and photo-pixels: larger than any memory");
    }
    setup->input_size = whole_pages(decoder->limits.photo_bytes + NT_MAX_TAIL);
    setup->output_size = whole_pages(pixels);
    total = setup->input_size + setup->output_size;
    decoder->memory = memfd_create("niteru-photo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (decoder->memory < 0 || ftruncate(decoder->memory, (off_t)total) != 0 ||
        fcntl(decoder->memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return nt_fail_errno(error, errno, "no shared memory for the decoder");
    }
    void *mapped = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, decoder->memory, 0);
    if (mapped == MAP_FAILED) {
        return nt_fail_errno(error, errno, "no %" G_GUINT64_FORMAT " bytes of address space for the decoder", total);
    }
    decoder->input = mapped;
    decoder->output = decoder->input + setup->input_size;
    return true;
}

NtDecoder *nt_decoder_new(const NtLimits *limits, GError **error) {
    g_autoptr(NtDecoder) decoder = g_new0(NtDecoder, 1);
    decoder->limits = limits != NULL ? *limits : nt_limits_default();
    decoder->seconds = decoder->limits.decoder_seconds;
    decoder->memory = -1;
    decoder->helper.socket = decoder->helper.process = -1;
    decoder->program = nt_helper_find(error);
    if (decoder->program == NULL || !make_memory(decoder, error)) {
        return NULL;
    }
    NtLimits *l = &decoder->limits;
    uint64_t seconds;
    bool bounded = !__builtin_mul_overflow(l->decoder_seconds, MAX(l->decoder_photos, 1), &seconds);
    decoder->setup.cpu_seconds = bounded ? seconds : 0;
    decoder->setup.memory = l->decoder_memory;
    decoder->setup.side = l->photo_side;
    decoder->setup.pixels = l->photo_pixels;
    return g_steal_pointer(&decoder);
}

void nt_decoder_free(NtDecoder *decoder) {
    if (decoder == NULL) {
        return;
    }
    nt_helper_end(&decoder->helper);
    if (decoder->input != NULL) {
        munmap(decoder->input, decoder->setup.input_size + decoder->setup.output_size);
    }
    if (decoder->memory >= 0) {
        close(decoder->memory);
    }
    g_free(decoder->program);
    g_free(decoder);
}

NtDecoderStats nt_decoder_stats(const NtDecoder *decoder) { return decoder->stats; }

/* "signal 11", "status 1"; new text. */
static char *describe_end(int status) {
    return status == NT_STATUS_UNKNOWN ? g_strdup("how is not known: this program does not keep its children's ends")
           : WIFSIGNALED(status)       ? g_strdup_printf("signal %d", WTERMSIG(status))
                                       : g_strdup_printf("status %d", WEXITSTATUS(status));
}

/* Why a new helper did not get ready. Nothing here is the photo's doing, but its name says what was not looked at. */
static bool fail_start(const char *name, NtAsked asked, int status, const NtWireReply *reply, const NtLimits *limits,
                       GError **error) {
    switch (asked) {
    case NT_ASKED_OK: {
        g_autofree char *text = nt_text_printable(reply->message, 200);
        return nt_fail(error, NITERU_ERROR_IO, "%s: not looked at: the decoder cannot work: %s", name, text);
    }
    case NT_ASKED_TOO_LONG:
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: not looked at: the decoder did not get ready within %" G_GUINT64_FORMAT
                       " s (limit decoder-seconds)",
                       name, limits->decoder_seconds);
    case NT_ASKED_DIED: break;
    default:
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: not looked at: what was started as its decoder does not answer as niteru-decoder does "
                       "(does NITERU_DECODER name another program?)",
                       name);
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: not looked at: the decoder was killed from outside while starting (is the machine out of "
                       "memory?); the photo may be tried again",
                       name);
    }
    g_autofree char *how = describe_end(status);
    return nt_fail(
        error, NITERU_ERROR_IO,
        "%s: not looked at: the decoder ended before it was ready (%s); is the limit decoder-memory too small?", name,
        how);
}

/* A helper that is there, ready and not worn. */
static bool have_helper(NtDecoder *decoder, const char *name, GError **error) {
    NtHelperProcess *helper = &decoder->helper;
    if (helper->pid > 0 && decoder->photos >= decoder->limits.decoder_photos) {
        nt_helper_end(helper);
    }
    if (helper->pid == 0) {
        if (!nt_helper_start(helper, decoder->program, decoder->memory, &decoder->setup, error)) {
            g_prefix_error(error, "%s: not looked at: ", name);
            return false;
        }
        decoder->photos = 0;
        decoder->stats.started++;
    }
    if (helper->ready) {
        return true;
    }
    NtWireReply reply;
    int status = 0;
    NtAsked asked = nt_helper_wait_ready(helper, decoder->limits.decoder_seconds, &reply, &status);
    return helper->ready || fail_start(name, asked, status, &reply, &decoder->limits, error);
}

/* Gives back what lies beyond KEPT_BYTES of an area that begins at `start`. */
static void give_back(const NtDecoder *decoder, uint64_t start, uint64_t used) {
    if (used > KEPT_BYTES) {
        off_t from = (off_t)(start + KEPT_BYTES), size = (off_t)(whole_pages(used) - KEPT_BYTES);
        if (fallocate(decoder->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, size) != 0) {
            g_debug("decoder: pages could not be given back: %s", g_strerror(errno));
        }
    }
}

static void give_back_pages(NtDecoder *decoder) {
    give_back(decoder, 0, decoder->taken);
    give_back(decoder, decoder->setup.input_size, decoder->used);
    decoder->taken = decoder->used = 0;
}

/* What a lost helper means for the photo. */
static bool fail_lost(const char *name, NtAsked asked, int status, uint64_t seconds, GError **error) {
    if (asked == NT_ASKED_TOO_LONG || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: decoding took longer than %" G_GUINT64_FORMAT " s (limit decoder-seconds)", name, seconds);
    }
    if (asked == NT_ASKED_MISBEHAVED || asked == NT_ASKED_GONE) {
        return nt_fail(
            error, NITERU_ERROR_CORRUPT,
            "%s: the decoder closed its end or answered nonsense, and was ended; the photo may have broken it", name);
    }
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGTRAP)) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: the decoder gave up (signal %d); a photo that needs more memory than the limit "
                       "decoder-memory ends this way",
                       name, WTERMSIG(status));
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: the decoder was killed from outside (out of memory?); the photo may be tried again", name);
    }
    g_autofree char *how = describe_end(status);
    if (status == NT_STATUS_UNKNOWN) { /* without last words: killed from outside, most likely */
        return nt_fail(error, NITERU_ERROR_IO, "%s: the decoder ended (%s); the photo may be tried again", name, how);
    }
    return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the decoder died of it (%s)", name, how);
}

static bool fail_reply(const char *name, NtWireReply *reply, GError **error) {
    static const NiteruError codes[] = {
        [NT_WIRE_CORRUPT] = NITERU_ERROR_CORRUPT,
        [NT_WIRE_LIMIT] = NITERU_ERROR_LIMIT,
        [NT_WIRE_UNSUPPORTED] = NITERU_ERROR_UNSUPPORTED,
        [NT_WIRE_FAILED] = NITERU_ERROR_FAILED,
    };
    reply->message[sizeof reply->message - 1] = '\0';
    g_autofree char *text = nt_text_printable(reply->message, 200);
    return nt_fail(error, reply->status < G_N_ELEMENTS(codes) ? codes[reply->status] : NITERU_ERROR_FAILED, "%s: %s",
                   name, text);
}

bool nt_decoder_ask(NtDecoder *decoder, NtWireRequest *request, const char *name, NtWireReply *out, GError **error) {
    NtAsked asked = NT_ASKED_GONE;
    int status = 0;
    /* A helper may have died idle (a system short of memory, an operator); that costs no photo. */
    for (int attempt = 0; attempt < 2 && asked == NT_ASKED_GONE; attempt++) {
        if (!have_helper(decoder, name, error)) {
            return false;
        }
        asked = nt_helper_ask(&decoder->helper, request, decoder->seconds, out, &status);
    }
    decoder->photos++;
    if (asked != NT_ASKED_OK) {
        decoder->stats.deaths++;
        return fail_lost(name, asked, status, decoder->seconds, error);
    }
    decoder->stats.warnings += out->warnings;
    return out->status == NT_WIRE_OK || fail_reply(name, out, error);
}

static bool fail_size(NtDecoder *decoder, const char *name, GError **error) {
    nt_helper_end(&decoder->helper);
    return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the decoder answered with an impossible size", name);
}

bool nt_decoder_take_pixels(NtDecoder *decoder, const NtWireReply *reply, const char *name, NtPixels *out,
                            GError **error) {
    uint64_t width = reply->width, height = reply->height, pixels;
    if (width == 0 || height == 0 || width > decoder->limits.photo_side || height > decoder->limits.photo_side ||
        __builtin_mul_overflow(width, height, &pixels) || pixels > decoder->limits.photo_pixels) {
        return fail_size(decoder, name, error);
    }
    decoder->used = pixels * 3;
    *out = (NtPixels){decoder->output, reply->width, reply->height, (size_t)width * 3};
    return true;
}

/* Copies the photo without what nobody needs; returns its new length. */
static size_t copy_input(NtDecoder *decoder, const uint8_t *bytes, size_t size, const NtCuts *cuts) {
    size_t from = 0, to = 0;
    for (unsigned i = 0; i <= cuts->count; i++) {
        size_t end = i < cuts->count ? cuts->cut[i].at : size;
        memcpy(decoder->input + to, bytes + from, end - from);
        to += end - from;
        from = i < cuts->count ? end + cuts->cut[i].size : size;
    }
    if (cuts->patch_at != 0) {
        size_t at = cuts->patch_at; /* in the file; what was left out before it moves it */
        for (unsigned i = 0; i < cuts->count && cuts->cut[i].at < cuts->patch_at; i++) {
            at -= cuts->cut[i].size;
        }
        memcpy(decoder->input + at, cuts->patch, sizeof cuts->patch);
    }
    memcpy(decoder->input + to, cuts->tail, cuts->tail_size);
    return to + cuts->tail_size;
}

/* The largest of 1, 2, 4, 8 that leaves the shorter side its pixels. */
static uint32_t choose_shrink(const NtImageHeader *header, const NtDecodeOptions *options) {
    uint32_t shrink = 1;
    if (options != NULL && options->shrink_to > 0 && header->format == NT_IMAGE_JPEG) {
        uint32_t side = MIN(header->width, header->height);
        while (shrink < 8 && side / (2 * shrink) >= options->shrink_to) {
            shrink *= 2;
        }
    }
    return shrink;
}

/* Whether pixels of that size can be of that photo. AVIF and HEIC are cropped and turned by their decoder, and a GIF's
 * frames may reach out of its screen. */
static bool fits_header(const NtPixels *pixels, const NtImageHeader *header, uint32_t shrink) {
    if (header->format == NT_IMAGE_AVIF || header->format == NT_IMAGE_HEIC || header->format == NT_IMAGE_GIF) {
        return true;
    }
    uint32_t width = (header->width + shrink - 1) / shrink, height = (header->height + shrink - 1) / shrink;
    bool turned = header->orientation >= 5;
    return pixels->width == (turned ? height : width) && pixels->height == (turned ? width : height);
}

/* The limit is meant for photos of up to 50 megapixels; larger ones get as much more as they are larger. */
static uint64_t seconds_for(const NtImageHeader *header, const NtLimits *limits) {
    uint64_t times = ((uint64_t)header->width * header->height + FULL_PIXELS - 1) / FULL_PIXELS, seconds;
    return __builtin_mul_overflow(limits->decoder_seconds, times, &seconds) ? UINT64_MAX : seconds;
}

bool nt_decoder_decode(NtDecoder *decoder, const void *bytes, size_t size, const char *name,
                       const NtDecodeOptions *options, NtPixels *out, NtImageHeader *out_header, GError **error) {
    NtImageHeader header;
    NtCuts cuts;
    NtWireReply reply;
    NtPixels pixels;
    give_back_pages(decoder);
    decoder->stats.refused++; /* taken back on success */
    if (!nt_scan_with_cuts(bytes, size, name, &decoder->limits, &header, &cuts, error)) {
        return false;
    }
    NtWireRequest request = {
        .task = NT_WIRE_DECODE,
        .format = (uint32_t)header.format,
        .size = copy_input(decoder, bytes, size, &cuts),
        .orientation = header.orientation,
        .shrink = choose_shrink(&header, options),
        .percent = header.cut_off ? (uint32_t)decoder->limits.photo_rows : 100,
    };
    decoder->taken = request.size;
    decoder->seconds = seconds_for(&header, &decoder->limits);
    bool ok = nt_decoder_ask(decoder, &request, name, &reply, error) &&
              nt_decoder_take_pixels(decoder, &reply, name, &pixels, error);
    decoder->seconds = decoder->limits.decoder_seconds;
    if (!ok) {
        return false;
    }
    if (!fits_header(&pixels, &header, request.shrink)) {
        nt_helper_end(&decoder->helper);
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: damaged: what was decoded has %u x %u pixels, which is not what its header says", name,
                       pixels.width, pixels.height);
    }
    if (header.cut_off) {
        header.percent = MIN(header.percent, MIN(reply.percent, 100));
    }
    *out = pixels;
    decoder->stats.refused--;
    decoder->stats.photos++;
    if (out_header != NULL) {
        *out_header = header;
    }
    return true;
}

/* Pixels into the output area without gaps between rows; they may lie there already. */
static void put_pixels(NtDecoder *decoder, const NtPixels *pixels) {
    size_t row = (size_t)pixels->width * 3;
    for (uint32_t y = 0; y < pixels->height; y++) {
        memmove(decoder->output + y * row, pixels->rgb + y * pixels->stride, row);
    }
}

GBytes *nt_image_encode(NtDecoder *decoder, const NtPixels *pixels, NtImageFormat format, unsigned quality,
                        GError **error) {
    NtWireReply reply;
    const char *name = nt_image_format_name(format);
    if (format != NT_IMAGE_JPEG && format != NT_IMAGE_PNG) {
        nt_fail(error, NITERU_ERROR_INVALID, "pictures are written as JPEG or PNG, not as %s", name);
        return NULL;
    }
    if (pixels->width > decoder->limits.photo_side || pixels->height > decoder->limits.photo_side ||
        (uint64_t)pixels->width * pixels->height > decoder->limits.photo_pixels) {
        nt_fail(error, NITERU_ERROR_LIMIT, "a picture of %u x %u pixels is over the limits photo-side or photo-pixels",
                pixels->width, pixels->height);
        return NULL;
    }
    put_pixels(decoder, pixels);
    decoder->used = MAX(decoder->used, (uint64_t)pixels->width * pixels->height * 3);
    NtWireRequest request = {.task = NT_WIRE_ENCODE,
                             .format = (uint32_t)format,
                             .quality = quality == 0 ? 85 : MIN(quality, 100),
                             .width = pixels->width,
                             .height = pixels->height};
    if (!nt_decoder_ask(decoder, &request, name, &reply, error)) {
        return NULL;
    }
    if (reply.size == 0 || reply.size > decoder->setup.input_size) {
        nt_helper_end(&decoder->helper);
        nt_fail(error, NITERU_ERROR_IO, "the decoder answered with an impossible length");
        return NULL;
    }
    decoder->taken = MAX(decoder->taken, reply.size);
    return g_bytes_new(decoder->input, reply.size);
}
