/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index: vectors on disk and the search among them. Stands on base and kernels only and is of use without the rest.
 *   metric.h   what is near
 *   vectors.h  the vectors file: append, view, digests, check
 *   labels.h   whom a row stands for
 *   engine.h   the index and the search in it: one query or many
 *   npy.h      NumPy's files in and out
 * Other rooms include this face only.
 */
#ifndef NT_INDEX_H
#define NT_INDEX_H

#include "index/engine.h"
#include "index/labels.h"
#include "index/metric.h"
#include "index/npy.h"
#include "index/vectors.h"

#endif
