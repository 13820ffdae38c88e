/* SPDX-License-Identifier: Apache-2.0 */
/* oneDNN as a library: its version, its engine, its errors. */
#include "nn/onednn-library-internal.h"

const char *nt_onednn_version(void) {
    static char text[32];
    static gsize once;
    if (g_once_init_enter(&once)) {
        const dnnl_version_t *version = dnnl_version();
        g_snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
        g_once_init_leave(&once, 1);
    }
    return text;
}

static const char *status_text(dnnl_status_t status) {
    switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented";
    default: return "failed";
    }
}

bool nt_onednn_fail(dnnl_status_t status, const char *what, GError **error) {
    return nt_fail(error, status == dnnl_out_of_memory ? NITERU_ERROR_NO_MEMORY : NITERU_ERROR_UNSUPPORTED,
                   "oneDNN %s: %s: %s", nt_onednn_version(), what, status_text(status));
}

dnnl_engine_t nt_onednn_engine(void) {
    static dnnl_engine_t only;
    static gsize once;
    if (g_once_init_enter(&once)) {
        dnnl_engine_create(&only, dnnl_cpu, 0);
        g_once_init_leave(&once, 1);
    }
    return only;
}
