/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the index share: files in a fresh folder, and numbers. */
#ifndef INDEX_SUPPORT_H
#define INDEX_SUPPORT_H

#include "base/base.h"
#include "index/index.h"

/* The path of a file that is not there yet, in a fresh folder; drop_path removes both. */
char *make_path(const char *name);
void drop_path(char *path);

/* Fails the test, with the message, when there is an error. */
void assert_fine(GError *error);
/* Fails the test unless the error is of that code and its message holds `text`; frees it. */
void assert_failed(GError **error, NiteruError code, const char *text);

/* What the file holds, and a file of these bytes in place of any other. */
GByteArray *read_bytes(const char *path);
void write_bytes(const char *path, const void *data, size_t size);

/* A generator with a seed that is printed. */
GRand *make_rand(void);
/* About normal, mean 0, deviation 1. */
float normal(GRand *rand);

#endif
