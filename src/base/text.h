/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: encodings, Unicode form, safe printing. */
#ifndef NT_BASE_TEXT_H
#define NT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* Turns text of a named encoding ("utf-8", "cp932", "latin1", "utf-16", ...; NULL: UTF-8) into UTF-8, drops a byte
 * order mark, and refuses NUL. Returns new text, its length in *out_size (NULL: not wanted). Errors: INVALID, naming
 * `name`, the line and the byte. */
char *nt_text_to_utf8(const char *text, size_t size, const char *encoding, const char *name, size_t *out_size,
                      GError **error);

/* The canonical composed form (NFC) of valid UTF-8, so that one name typed on two systems is one id. New text. */
char *nt_text_nfc(const char *text);

/* A copy fit for a terminal or a message: control characters, marks that turn the direction of text, and broken UTF-8
 * become visible escapes, and at most
 * `limit` characters are kept (then an ellipsis). */
char *nt_text_printable(const char *text, size_t limit);

/* The same for a JSON text that is valid: such characters, which stand in strings only, become JSON's own escapes, so
 * that the document means the same. Takes the text, gives a new one. */
char *nt_text_json_safe(char *json);

/* The same as nt_text_printable for a message: where it is longer than `limit` characters, its middle is left out, for
 * the place stands at its beginning and the reason at its end. */
char *nt_text_message(const char *text, size_t limit);

/* A number with so many decimals, with a point in every locale; returns `out`. Everything that programs read, and
 * sheets, writes its numbers with this, with JSON (whose printer does the same), or with GLib's g_ascii_ functions. */
enum { NT_REAL_BYTES = 64 };
const char *nt_text_real(double value, unsigned decimals, char out[NT_REAL_BYTES]);

/* The number nearest to `value` whose decimals are the fewest that read back as the same float: 0.485 for the float
 * 0.485000014. */
double nt_text_shortest(float value);

/* Levenshtein's distance of two valid texts, in characters; UINT_MAX when one has more than 63. */
unsigned nt_text_distance(const char *a, const char *b);

/* Columns a text takes on a terminal: East Asian wide characters count 2, combining ones 0. */
size_t nt_text_columns(const char *text);

/* Whether there is nothing but ASCII white space in it. */
bool nt_text_blank(const char *text, size_t size);

#endif
