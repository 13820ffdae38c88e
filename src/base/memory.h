/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Big blocks. GLib ends the process when an allocation fails, so what may be large (pixels, vectors, plans, bodies)
 * is taken here, where failure is an error. Sizes are multiplied with overflow checks.
 */
#ifndef NT_BASE_MEMORY_H
#define NT_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* A block of count * size bytes, 64-byte aligned, not cleared; never NULL on success (a zero size gives one line).
 * `what` names the block in the error message. Errors: NO_MEMORY. Free with nt_free (or nt_autofree). */
void *nt_alloc(size_t count, size_t size, const char *what, GError **error);
/* The same, cleared to zero. */
void *nt_alloc0(size_t count, size_t size, const char *what, GError **error);
void nt_free(void *block);

/* Frees on leaving the scope; for blocks of nt_alloc. */
#define nt_autofree __attribute__((cleanup(nt_free_at)))
void nt_free_at(void *at);

/* *out = a * b; false when it does not fit a size_t. */
static inline bool nt_mul(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool nt_add(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

#endif
