/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the room only: what single values say about the type of their column. */
#ifndef NT_VALUES_INTERNAL_H
#define NT_VALUES_INTERNAL_H

#include "values/values.h"

/* The kinds of values a text could be, as bits. */
typedef enum NtFits {
    NT_FITS_BOOL = 1 << NT_FIELD_BOOL,
    NT_FITS_INTEGER = 1 << NT_FIELD_INTEGER,
    NT_FITS_NUMBER = 1 << NT_FIELD_NUMBER,
    NT_FITS_DATE = 1 << NT_FIELD_DATE,
    NT_FITS_TEXT = 1 << NT_FIELD_TEXT,
    NT_FITS_LIST = 1 << NT_FIELD_LIST,
} NtFits;

unsigned nt_value_fits(const char *text, const char **out_currency);

/* Whether a text stands for no value of a type other than text: blank, "null", "none", "nan", "n/a", "-". */
bool nt_value_none(const char *text);

#endif
