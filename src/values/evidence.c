/* SPDX-License-Identifier: Apache-2.0 */
/* The type of a column, by what its values fit. */
#include "values/values-internal.h"

#include <string.h>

static const struct {
    const char *name;
    NtFieldType type;
} reserved[] = {
    {"title", NT_FIELD_TEXT},    {"category", NT_FIELD_TEXT}, {"brand", NT_FIELD_TEXT},     {"price", NT_FIELD_NUMBER},
    {"currency", NT_FIELD_TEXT}, {"stock", NT_FIELD_INTEGER}, {"available", NT_FIELD_BOOL}, {"group", NT_FIELD_TEXT},
    {"url", NT_FIELD_TEXT},      {"created", NT_FIELD_DATE},  {"public", NT_FIELD_BOOL},
};

NtFieldType nt_field_usual_type(const char *name) {
    for (size_t i = 0; i < G_N_ELEMENTS(reserved); i++) {
        if (g_ascii_strcasecmp(name, reserved[i].name) == 0) {
            return reserved[i].type;
        }
    }
    return NT_FIELD_MISSING;
}

bool nt_field_guards(const char *name) { return g_ascii_strcasecmp(name, "public") == 0; }

bool nt_value_hide(const char *name, NtFieldType type, NtValue *value) {
    bool hides = type == NT_FIELD_BOOL && value->type == NT_FIELD_MISSING && nt_field_guards(name);
    if (hides) {
        value->type = NT_FIELD_BOOL;
        value->integer = 0;
    }
    return hides;
}

static unsigned json_fits(const NtJson *json) {
    switch (nt_json_type(json)) {
    case NT_JSON_BOOL: return NT_FITS_BOOL | NT_FITS_TEXT;
    case NT_JSON_INTEGER: return NT_FITS_INTEGER | NT_FITS_NUMBER | NT_FITS_TEXT;
    case NT_JSON_REAL: return NT_FITS_NUMBER | NT_FITS_TEXT;
    case NT_JSON_ARRAY: return NT_FITS_LIST | NT_FITS_TEXT;
    default: return NT_FITS_TEXT;
    }
}

/* Whether a value says nothing about quantities or codes: "call us" does not, "A-17" may be an article code. */
static bool is_word(const char *text, const NtJson *json) {
    if (json != NULL) {
        return nt_json_type(json) != NT_JSON_INTEGER && nt_json_type(json) != NT_JSON_REAL;
    }
    return strpbrk(text, "0123456789") == NULL;
}

void nt_evidence_learn(NtEvidence *evidence, const char *name, const char *text, const NtJson *json) {
    if (nt_value_missing(text, json)) {
        return;
    }
    if (json == NULL && nt_value_none(text)) {
        evidence->nones++;
        return;
    }
    const char *currency = NULL;
    unsigned fits = json != NULL ? json_fits(json) : nt_value_fits(text, &currency);
    NtDecimalMark mark = json == NULL ? nt_number_mark(text) : 0;
    if (nt_field_usual_type(name) == NT_FIELD_BOOL) { /* 0, 1, "in stock" tell a bool only where one is expected */
        NtValue value;
        g_autofree char *owned = NULL;
        const char *none = NULL;
        fits |= nt_value_read(NT_FIELD_BOOL, 0, text, json, &value, &owned, &none) ? NT_FITS_BOOL : 0;
    }
    evidence->values++;
    evidence->words += is_word(text, json);
    for (int type = NT_FIELD_BOOL; type <= NT_FIELD_LIST; type++) {
        evidence->fits[type] += (fits >> type) & 1;
    }
    evidence->dots += mark == '.';
    evidence->commas += mark == ',';
    evidence->money |= currency != NULL;
}

/* The type that all values fit but a few words ("call us" among numbers): one in twenty values or more, one in a
 * hundred. A misfit with a digit in it may be an article code, which a type other than text would lose. */
static NtFieldType nearly_type(const NtEvidence *evidence) {
    uint64_t allowed = evidence->values < 20 ? 0 : MAX(1, evidence->values / 100);
    NtFieldType best = NT_FIELD_TEXT;
    for (int type = NT_FIELD_BOOL; type <= NT_FIELD_DATE; type++) {
        uint64_t odd = evidence->values - evidence->fits[type];
        bool close = odd <= allowed && (type == NT_FIELD_BOOL || odd <= evidence->words);
        if (close && (best == NT_FIELD_TEXT || evidence->fits[type] > evidence->fits[best])) {
            best = (NtFieldType)type;
        }
    }
    return best;
}

/* The narrowest type that every value fits, or all but a few words. A list is one only when every value is an array: a
 * text that begins with a bracket must not turn texts into lists. A reserved field keeps its usual type when at least
 * half of its values fit it, so that one "call us" among prices does not turn the column to text. */
NtFieldType nt_evidence_type(const NtEvidence *evidence, const char *name) {
    if (nt_field_guards(name)) {
        return NT_FIELD_BOOL; /* whatever its values are: those that do not fit count as false */
    }
    if (evidence->values == 0) {
        return NT_FIELD_TEXT;
    }
    NtFieldType usual = nt_field_usual_type(name);
    if (evidence->fits[NT_FIELD_LIST] == evidence->values && evidence->nones == 0) {
        return NT_FIELD_LIST;
    }
    if (usual != NT_FIELD_MISSING && 2 * evidence->fits[usual] >= evidence->values) {
        return usual;
    }
    for (int type = NT_FIELD_BOOL; type <= NT_FIELD_DATE; type++) {
        if (evidence->fits[type] == evidence->values) {
            return (NtFieldType)type;
        }
    }
    return nearly_type(evidence);
}

NtDecimalMark nt_evidence_mark(const NtEvidence *evidence) {
    return evidence->dots > evidence->commas ? '.' : evidence->commas > evidence->dots ? ',' : 0;
}
