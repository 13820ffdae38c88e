/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas: what a JSON value, or the parameters of a query, may be. One table checks what comes in, names the place
 * that is wrong, and is written into the OpenAPI document.
 */
#ifndef NT_SERVICE_SCHEMA_H
#define NT_SERVICE_SCHEMA_H

#include "base/base.h"

typedef enum ApiType { API_ANY, API_TEXT, API_INTEGER, API_NUMBER, API_BOOL, API_ARRAY, API_OBJECT } ApiType;

typedef struct ApiSchema ApiSchema;
struct ApiSchema {
    const char *name; /* of the member of an object; else NULL */
    ApiType type;
    bool required;
    bool nullable;
    double least, most;         /* of a number; of a text's characters or an array's items; both 0: any */
    const char *const *choices; /* of a text; NULL: any */
    const ApiSchema *members;   /* of an object, ending with a name NULL; NULL: any members */
    const ApiSchema *items;     /* of an array; NULL: any */
    const char *text;           /* what it means, in a sentence */
    const char *example;        /* JSON; NULL: none */
};

/* What is wrong with a value. */
typedef struct ApiFault {
    const char *code; /* static */
    char *field;      /* new: "products[3].id" */
    char *detail;     /* new */
} ApiFault;
void api_fault_clear(ApiFault *fault);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ApiFault, api_fault_clear)

/* Whether a value is as its schema says. */
bool api_schema_check(const ApiSchema *schema, NtJson *value, ApiFault *fault);

/* The parameters of a query as an object that its schema has been checked against; NULL: *fault tells. An array is
 * given by repeating its parameter. `schema` NULL: no parameters are known. */
NtJson *api_schema_read_query(const ApiSchema *schema, const char *query, ApiFault *fault);

/* The same of one text, as of a field of a form: as the schema's type has it; NULL: it cannot be read as that. */
NtJson *api_schema_read_text(const ApiSchema *schema, const char *text);

/* The JSON Schema (2020-12) of it. */
NtJson *api_schema_document(const ApiSchema *schema);

/* A member by its name; NULL: there is none. */
const ApiSchema *api_schema_member(const ApiSchema *schema, const char *name);

#endif
