/* SPDX-License-Identifier: Apache-2.0 */
/* What the elementwise functions compute: for folding, and to hold oneDNN's against. */
#include "nn/op-internal.h"

#include <math.h>

float nt_eltwise_apply(NtEltwise alg, float x, float alpha, float beta) {
    switch (alg) {
    case NT_ELTWISE_RELU: return x > 0 ? x : alpha * x;
    case NT_ELTWISE_CLIP: return fminf(beta, fmaxf(alpha, x));
    case NT_ELTWISE_LOGISTIC: return 1.0f / (1.0f + expf(-x));
    case NT_ELTWISE_TANH: return tanhf(x);
    case NT_ELTWISE_ELU: return x > 0 ? x : alpha * expm1f(x);
    case NT_ELTWISE_ABS: return fabsf(x);
    case NT_ELTWISE_SQRT: return sqrtf(x);
    case NT_ELTWISE_LINEAR: return alpha * x + beta;
    case NT_ELTWISE_EXP: return expf(x);
    case NT_ELTWISE_LOG: return logf(x);
    case NT_ELTWISE_GELU_ERF: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case NT_ELTWISE_GELU_TANH: return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case NT_ELTWISE_SWISH: return x / (1.0f + expf(-alpha * x));
    case NT_ELTWISE_HARDSWISH: return x * fminf(1.0f, fmaxf(0.0f, x / 6.0f + 0.5f));
    case NT_ELTWISE_SOFTPLUS: return x > 20.0f ? x : log1pf(expf(x));
    case NT_ELTWISE_MISH: return x * tanhf(x > 20.0f ? x : log1pf(expf(x)));
    }
    return x;
}
