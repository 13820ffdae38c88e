/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN: running what was compiled, and its threads. */
#include "nn/onednn-library-internal.h"

#include <dlfcn.h>

struct NtCall {
    dnnl_primitive_t primitive; /* borrowed */
    dnnl_stream_t stream;
    dnnl_exec_arg_t *arguments;
    unsigned count;
};

static int argument_of(int role) {
    if (role >= NT_ROLE_POST_OP) {
        return DNNL_ARG_ATTR_MULTIPLE_POST_OP(role - NT_ROLE_POST_OP) | DNNL_ARG_SRC_1;
    }
    if (role >= NT_ROLE_MANY) {
        return DNNL_ARG_MULTIPLE_SRC + role - NT_ROLE_MANY;
    }
    static const int arguments[] = {
        [NT_ROLE_SRC] = DNNL_ARG_SRC,   [NT_ROLE_SRC1] = DNNL_ARG_SRC_1, [NT_ROLE_WEIGHTS] = DNNL_ARG_WEIGHTS,
        [NT_ROLE_BIAS] = DNNL_ARG_BIAS, [NT_ROLE_DST] = DNNL_ARG_DST,    [NT_ROLE_SCRATCH] = DNNL_ARG_SCRATCHPAD};
    return arguments[role];
}

NtCall *nt_call_new(const NtPrimitive *primitive, const NtCallArgument *arguments, unsigned count, GError **error) {
    NtCall *call = g_new0(NtCall, 1);
    call->primitive = primitive->primitive;
    call->arguments = g_new0(dnnl_exec_arg_t, count);
    dnnl_status_t status = dnnl_stream_create(&call->stream, nt_onednn_engine(), dnnl_stream_default_flags);
    for (unsigned i = 0; status == dnnl_success && i < count; i++) {
        call->arguments[i].arg = argument_of(arguments[i].role);
        status = dnnl_memory_create(&call->arguments[i].memory, arguments[i].layout->desc, nt_onednn_engine(),
                                    arguments[i].data);
        call->count += status == dnnl_success;
    }
    if (status != dnnl_success) {
        nt_onednn_fail(status, "binding memory", error);
        nt_call_free(call);
        return NULL;
    }
    return call;
}

void nt_call_free(NtCall *call) {
    if (call == NULL) {
        return;
    }
    for (unsigned i = 0; i < call->count; i++) {
        dnnl_memory_destroy(call->arguments[i].memory);
    }
    if (call->stream != NULL) {
        dnnl_stream_destroy(call->stream);
    }
    g_free(call->arguments);
    g_free(call);
}

bool nt_call_run(NtCall *call, GError **error) {
    dnnl_status_t status = dnnl_primitive_execute(call->primitive, call->stream, (int)call->count, call->arguments);
    if (status == dnnl_success) {
        status = dnnl_stream_wait(call->stream);
    }
    return status == dnnl_success || nt_onednn_fail(status, "running", error);
}

bool nt_reorder(const NtLayout *from, const void *src, const NtLayout *to, void *dst, GError **error) {
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_REORDER, .src = from, .dst = to};
    g_autoptr(NtPrimitive) primitive = nt_primitive_new(&spec, error);
    if (primitive == NULL) {
        return false;
    }
    nt_autofree void *scratch = nt_alloc(MAX(primitive->scratch, 1), 1, "a reorder's scratch memory", error);
    g_autoptr(NtLayout) scratch_layout = nt_primitive_layout(primitive, NT_ROLE_SCRATCH);
    if (scratch == NULL) {
        return false;
    }
    NtCallArgument arguments[] = {
        {NT_ROLE_SRC, from, (void *)src}, {NT_ROLE_DST, to, dst}, {NT_ROLE_SCRATCH, scratch_layout, scratch}};
    NtCall *call = nt_call_new(primitive, arguments, scratch_layout != NULL ? 3 : 2, error);
    bool done = call != NULL && nt_call_run(call, error);
    nt_call_free(call);
    return done;
}

/*
 * The team size is a property of the calling thread in OpenMP. It is asked of whichever runtime oneDNN brought along
 * (GNU's on Debian), so that niteru itself needs no OpenMP flags and never links a second runtime.
 */
int nt_threads_set(int threads) {
    static int (*get)(void);
    static void (*set)(int);
    static gsize once;
    if (g_once_init_enter(&once)) {
        *(void **)(&get) = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
        *(void **)(&set) = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
        g_once_init_leave(&once, 1);
    }
    if (get == NULL || set == NULL) {
        return 1; /* a sequential build of oneDNN */
    }
    int before = get();
    if (before != threads) {
        set(threads);
    }
    return before;
}
