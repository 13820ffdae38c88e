/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/network-internal.h"

bool nt_optimise(NtGraph *graph, const NtShape *input, GError **error) { return nt_graph_sweep(graph, error); }
