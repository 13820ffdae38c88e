/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru-decoder: the helper that runs libvips on photos from strangers. Started by src/image/decoder.c with a socket
 * and a piece of shared memory (src/image/wire.h); of no use by hand. It sets everything up, gives up every right it
 * will not need, and answers requests until the socket closes.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmodule.h>

#include "decoder/decoder-internal.h"

static atomic_uint warnings;

/* A 1.2 kB PNG can cause 131,000 messages; they are counted, not written. */
static GLogWriterOutput swallow(GLogLevelFlags level, const GLogField *fields, gsize count, gpointer data) {
    atomic_fetch_add_explicit(&warnings, 1, memory_order_relaxed);
    return G_LOG_WRITER_HANDLED;
}

static void swallow_old(const char *domain, GLogLevelFlags level, const char *message, gpointer data) {
    atomic_fetch_add_explicit(&warnings, 1, memory_order_relaxed);
}

/* Ends the process when its owner is gone, even in the middle of a photo. PR_SET_PDEATHSIG would do so when the
 * *thread* that started the helper ends, while decoders may be handed from thread to thread. */
static void *watch_owner(void *data) {
    struct pollfd fd = {.fd = NT_WIRE_SOCKET, .events = POLLRDHUP};
    while (poll(&fd, 1, -1) < 0 || (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0) {
    }
    _exit(0);
}

static bool start_watching(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    pthread_attr_setstacksize(&attributes, 128 << 10);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attributes, watch_owner, NULL) == 0;
    pthread_attr_destroy(&attributes);
    return ok;
}

/* AVIF and HEIC may live in a module of libvips. The owner points VIPSHOME at nothing, so that libvips finds none of
 * its modules (ImageMagick, poppler, OpenSlide would be loaded too); the one that is wanted is opened by its name. */
static void load_heif_module(void) {
    Dl_info info;
    if (vips_type_find("VipsOperation", "heifload_buffer") != 0 || dladdr((void *)(uintptr_t)vips_init, &info) == 0) {
        return;
    }
    g_autofree char *folder = g_path_get_dirname(info.dli_fname);
    g_autofree char *path =
        g_strdup_printf("%s/vips-modules-%d.%d/vips-heif.so", folder, vips_version(0), vips_version(1));
    GModule *module = g_module_open(path, G_MODULE_BIND_LAZY);
    if (module != NULL) {
        g_module_make_resident(module);
    }
}

/* Everything a loader fetches from the disk on its first use: libheif opens its codec plugins when it first looks at
 * a file, be that file as empty as this one. */
static void warm_up(void) {
    static const uint8_t nothing[] = "\0\0\0\x18"
                                     "ftypheic\0\0\0\0mif1heic\0\0\0\x08mdat";
    NtWireRequest request = {.format = NT_IMAGE_HEIC, .size = sizeof nothing - 1, .shrink = 1};
    VipsImage *image = nt_helper_load(nothing, &request);
    g_clear_object(&image);
    vips_error_clear();
}

static bool set_up_vips(const char *program) {
    g_log_set_writer_func(swallow, NULL, NULL);
    g_log_set_default_handler(swallow_old, NULL);
    if (VIPS_INIT(program) != 0) {
        return false;
    }
    vips_block_untrusted_set(TRUE);
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    load_heif_module();
    warm_up();
    return true;
}

static bool map_memory(NtHelper *helper) {
    size_t size = helper->setup.input_size + helper->setup.output_size;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, NT_WIRE_MEMORY, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    helper->input = memory;
    helper->output = helper->input + helper->setup.input_size;
    return true;
}

static bool send_reply(const NtWireReply *reply) {
    return send(NT_WIRE_SOCKET, reply, sizeof *reply, MSG_NOSIGNAL) == (ssize_t)sizeof *reply;
}

static int serve(const NtHelper *helper) {
    NtWireRequest request;
    for (;;) {
        ssize_t got = recv(NT_WIRE_SOCKET, &request, sizeof request, 0);
        if (got != (ssize_t)sizeof request) {
            return got == 0 ? 0 : 1;
        }
        NtWireReply reply = {.status = NT_WIRE_OK, .number = request.number, .percent = 100};
        atomic_store(&warnings, 0);
        nt_last_words_about(request.number);
        nt_helper_answer(helper, &request, &reply);
        reply.warnings = atomic_load(&warnings);
        if (!send_reply(&reply)) {
            return 1;
        }
    }
}

int main(int argc, char **argv) {
    NtHelper helper = {.input = NULL};
    if (recv(NT_WIRE_SOCKET, &helper.setup, sizeof helper.setup, 0) != (ssize_t)sizeof helper.setup) {
        fputs("niteru-decoder is started by niteru to decode photos; it does nothing by hand\n", stderr);
        return 2;
    }
    NtWireReply ready = {.status = NT_WIRE_OK};
    nt_last_words_prepare();
    if (!nt_sandbox_limit_resources(&helper.setup) || !map_memory(&helper)) {
        nt_reply_fail(&ready, NT_WIRE_FAILED, "its resources could not be set up; is decoder-memory too small?");
    } else if (!set_up_vips(argv[0])) {
        nt_reply_fail(&ready, NT_WIRE_FAILED, "libvips does not start: %s", vips_error_buffer());
    } else if (!nt_sandbox_confine()) {
        nt_reply_fail(&ready, NT_WIRE_FAILED, "this system's kernel does not let it be confined (seccomp)");
    } else if (!start_watching()) {
        nt_reply_fail(&ready, NT_WIRE_FAILED, "it could not start a thread");
    }
    return send_reply(&ready) && ready.status == NT_WIRE_OK ? serve(&helper) : 1;
}
