/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values: typed values out of texts and JSON, as lists, requests and events bring them. Three steps: what one value
 * could be (nt_value_fits), what a column of such is (NtEvidence), and the value in the form of that type
 * (nt_value_read). doc/lists.md has the rules in full, with the ambiguous cases. No state, no I/O; every call is
 * thread-safe on its own data.
 *
 * The reserved names title, category, brand, price, currency, stock, available, group, url and created are those of
 * ordinary fields whose usual type is preferred. Names are compared without regard to ASCII case.
 */
#ifndef NT_VALUES_H
#define NT_VALUES_H

#include "base/base.h"

typedef enum NtFieldType {
    NT_FIELD_MISSING, /* of a value: none; of a field: unknown */
    NT_FIELD_BOOL,    /* true, false */
    NT_FIELD_INTEGER, /* 64 bits */
    NT_FIELD_NUMBER,  /* double; money is a number, its currency goes to `currency` (or `<field>_currency`) */
    NT_FIELD_DATE,    /* "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ" (UTC) */
    NT_FIELD_TEXT,
    NT_FIELD_LIST, /* texts, kept as a JSON array */
} NtFieldType;

/* "bool", "integer", ...; the type of a name, NT_FIELD_MISSING when there is none such. */
const char *nt_field_type_name(NtFieldType type);
NtFieldType nt_field_type_of_name(const char *name);

/* The type a reserved name usually has; NT_FIELD_MISSING: it is no reserved name. */
NtFieldType nt_field_usual_type(const char *name);

/* Whether a field decides who may see a product (`public`): it is bool, and a value of it that cannot be read, or says
 * "none", counts as false. Only a product without any value of it is seen by all. */
bool nt_field_guards(const char *name);

/* One typed value. Text is borrowed from whoever made the value. */
typedef struct NtValue {
    int64_t field;    /* number of the field it is a value of, where there are such */
    NtFieldType type; /* NT_FIELD_MISSING: there is no such value (any more) */
    int64_t integer;  /* BOOL (0, 1), INTEGER */
    double number;    /* NUMBER */
    const char *text; /* DATE, TEXT, LIST (a JSON array of strings) */
} NtValue;

/* Sets a value that is missing, though something was written, to false where the field guards; whether it did. */
bool nt_value_hide(const char *name, NtFieldType type, NtValue *value);

/* ---- single texts ----------------------------------------------------------------------------------------------- */

/* Which mark separates decimals: '.' or ',' by evidence of a column, 0: not known. */
typedef char NtDecimalMark;

/* Reads a number, with or without a currency, in the ways shops write it: "3980", "¥3,980", "1.299,00 €", "$12.50",
 * "12,50 EUR", "US$ 5", "1 299,00", "1e-3". *out_currency (static text, NULL: none) is its ISO 4217 code, or the sign
 * itself where that is ambiguous ("kr"). False when it is not a number. */
bool nt_number_read(const char *text, NtDecimalMark mark, double *out_number, const char **out_currency);

/* What one text says about the decimal mark of its column: '.', ',' or 0 (nothing, or it could be either). */
NtDecimalMark nt_number_mark(const char *text);

/* Whether a text is a date (YYYY-MM-DD or YYYY/MM/DD), alone or with a time of day (no zone: UTC);
 * *out_date is its normal form, free with g_free. */
bool nt_date_read(const char *text, char **out_date);

/* ---- one value: a text, or JSON where `json` is given (a number, bool, array, null) --------------------------------
 */

/* Whether it is none at all: an empty or blank text, null. */
bool nt_value_missing(const char *text, const NtJson *json);

/* Turns it into a value of `type`. *out_text holds what value->text points at (g_free), *out_currency as above. A text
 * that says "none" ("n/a", "null", "-") is no value for types other than text. False when it does not fit. */
bool nt_value_read(NtFieldType type, NtDecimalMark mark, const char *text, const NtJson *json, NtValue *value,
                   char **out_text, const char **out_currency);

/* ---- a column of values ----------------------------------------------------------------------------------------- */

/* What the values of a column say about its type. All zeros: nothing yet. */
typedef struct NtEvidence {
    uint64_t values; /* that are not missing for a type other than text */
    uint64_t nones;  /* "none", "n/a": no value for a type other than text */
    uint64_t words;  /* among the values: texts without a digit, and JSON's true, false, arrays and objects */
    uint64_t fits[NT_FIELD_LIST + 1];
    uint64_t dots, commas;
    bool money; /* one had a currency */
} NtEvidence;

/* Takes one value of the column `name` into account. */
void nt_evidence_learn(NtEvidence *evidence, const char *name, const char *text, const NtJson *json);

/* The type of the column by the values so far; text when there were none. */
NtFieldType nt_evidence_type(const NtEvidence *evidence, const char *name);
NtDecimalMark nt_evidence_mark(const NtEvidence *evidence);

#endif
