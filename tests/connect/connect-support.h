/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of connect share: files in a fresh folder, and a source's steps written down as text. */
#ifndef CONNECT_SUPPORT_H
#define CONNECT_SUPPORT_H

#include "connect/connect.h"

/* A fresh folder for one test; removed with everything in it by drop_folder. */
char *make_folder(void);
void drop_folder(char *folder);

/* Writes a file of `size` bytes (-1: a text) below the folder, making folders on the way; returns its path. */
char *put_file(const char *folder, const char *name, const char *bytes, gssize size);

/* Reads a source to its end. One line a step, paths shown below `folder`:
 *   "2 id [photo photo] field=text field=json" for a product on line 2
 *   "! 3 message" for a fault on line 3
 *   "FAILED message"
 * A source that cannot be opened gives "REFUSED message". Behind the message of a refusal or fault stands what it knows
 * of an option: " {encoding=cp1252}". */
char *read_all(const char *folder, const char *location, const NtSourceOptions *options);

/* Reads a list with this content, named `name`, with these options. */
char *read_list(const char *name, const char *bytes, gssize size, const NtSourceOptions *options);

#endif
