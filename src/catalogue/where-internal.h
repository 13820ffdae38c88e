/* SPDX-License-Identifier: Apache-2.0 */
/* The syntax tree of a condition, between where-parse.c and where-sql.c. */
#ifndef NT_CATALOGUE_WHERE_INTERNAL_H
#define NT_CATALOGUE_WHERE_INTERNAL_H

#include "catalogue/catalogue-internal.h"

typedef enum NodeKind {
    NODE_AND,     /* children */
    NODE_OR,      /* children */
    NODE_NOT,     /* one child */
    NODE_COMPARE, /* field, operator, one value */
    NODE_IN,      /* field, values */
    NODE_MISSING, /* field */
    NODE_PRESENT, /* field */
    NODE_TRUE,    /* field, a bool one */
} NodeKind;

typedef enum Operator {
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_CONTAINS
} Operator;

typedef enum LiteralKind { LITERAL_TEXT, LITERAL_INTEGER, LITERAL_NUMBER, LITERAL_BOOL } LiteralKind;

typedef struct Literal {
    LiteralKind kind;
    char *text; /* of a text; of a number as it was written */
    int64_t integer;
    double number;
    size_t column; /* where it stands, in characters from 1 */
} Literal;

typedef struct Node {
    NodeKind kind;
    GPtrArray *children; /* Node */
    char *field;
    size_t column; /* of the field's name */
    Operator op;
    GArray *values; /* Literal */
} Node;

void nt_where_node_free(Node *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, nt_where_node_free)

/* Text to tree; knows nothing of fields. Errors: INVALID, LIMIT, with the column. */
Node *nt_where_read(const char *text, GError **error);
/* Tree to SQL. Errors: those of nt_where_parse that fields and values have. */
NtWhere *nt_where_compile(const GArray *fields, const Node *node, GError **error);
/* Composed, of one width and one case: "Ｔシャツ" contains "tシャツ", "CAFÉ" contains "café". New text. */
char *nt_where_folded(const char *text);

#endif
