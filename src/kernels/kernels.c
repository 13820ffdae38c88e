/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels this CPU runs. The only place that asks. */
#include "kernels/kernels-internal.h"

#include <pthread.h>
#include <stdlib.h>

/* Rising: a CPU that runs one runs those before it, and NITERU_KERNELS names the last one allowed. */
enum { SET_C, SET_AVX2, SET_AVX512, SETS };

static const char *const set_names[SETS] = {"c", "avx2", "avx512"};

#if defined(__x86_64__)
#include <cpuid.h>

/* Bits of CPUID leaf 1 ECX and leaf 7 EBX, and of XCR0: Intel SDM volume 1, sections 13.3 and 14.3; the registers must
 * be known to the CPU and saved by the system. */
enum {
    L1_FMA = 1U << 12,
    L1_OSXSAVE = 1U << 27,
    L1_AVX = 1U << 28,
    L1_F16C = 1U << 29,
    L7_AVX2 = 1U << 5,
    L7_AVX512F = 1U << 16,
    L7_AVX512BW = 1U << 30,
    L7_AVX512DQ = 1U << 17,
    XCR0_YMM = 0x6,
    XCR0_ZMM = 0xe6,
};
#define L7_AVX512VL (1U << 31)

static bool has(unsigned value, unsigned bits) { return (value & bits) == bits; }

static unsigned best_set(void) {
    unsigned eax, ebx, ecx, edx, leaf7;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has(ecx, L1_OSXSAVE | L1_AVX | L1_FMA | L1_F16C) ||
        !__get_cpuid_count(7, 0, &eax, &leaf7, &(unsigned){0}, &edx)) {
        return SET_C;
    }
    unsigned saved, upper;
    __asm__("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
    if (!has(saved, XCR0_YMM) || !has(leaf7, L7_AVX2)) {
        return SET_C;
    }
    bool wide = has(saved, XCR0_ZMM) && has(leaf7, L7_AVX512F | L7_AVX512BW | L7_AVX512DQ | L7_AVX512VL);
    return wide ? SET_AVX512 : SET_AVX2;
}

static void (*const fillers[SETS])(NtKernels *kernels) = {nt_kernels_fill_c, nt_kernels_fill_avx2,
                                                          nt_kernels_fill_avx512};
#else
static unsigned best_set(void) { return SET_C; }
static void (*const fillers[SETS])(NtKernels *kernels) = {nt_kernels_fill_c};
#endif

static NtKernels tables[SETS];
static unsigned chosen, possible;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
    possible = best_set();
    chosen = possible;
    const char *ceiling = getenv("NITERU_KERNELS");
    for (unsigned set = 0; set <= possible; set++) {
        fillers[set](&tables[set]);
        if (ceiling != NULL && strcmp(ceiling, set_names[set]) == 0) {
            chosen = set;
        }
    }
}

const NtKernels *nt_kernels(void) {
    pthread_once(&once, choose);
    return &tables[chosen];
}

const NtKernels *nt_kernels_named(const char *name) {
    pthread_once(&once, choose);
    for (unsigned set = 0; set <= possible; set++) {
        if (strcmp(name, set_names[set]) == 0) {
            return &tables[set];
        }
    }
    return NULL;
}
