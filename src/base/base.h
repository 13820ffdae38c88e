/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: what every room stands on. Errors, checked memory, digests, files, limits, text, JSON, loops over
 * threads, arrays of many versions, how long to wait.
 * Other rooms include this face only. Everything here is safe to call from any thread unless it says otherwise.
 */
#ifndef NT_BASE_H
#define NT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/cells.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread-pool.h"
#include "base/thread.h"
#include "base/wait.h"

#endif
