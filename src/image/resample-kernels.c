/* SPDX-License-Identifier: Apache-2.0 */
/* Which leaf code this machine runs; decided once. NITERU_KERNELS names the best allowed, as for the kernels room. */
#include <string.h>

#include "image/resample.h"

static const NtResampleKernels *choose(void) {
    const char *ceiling = g_getenv("NITERU_KERNELS");
    if (ceiling != NULL && strcmp(ceiling, "c") == 0) {
        return &nt_resample_c;
    }
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return &nt_resample_avx2;
    }
#endif
    return &nt_resample_c;
}

const NtResampleKernels *nt_resample_kernels(void) {
    static gsize chosen = 0;
    if (g_once_init_enter(&chosen)) {
        g_once_init_leave(&chosen, (gsize)choose());
    }
    return (const NtResampleKernels *)chosen;
}
