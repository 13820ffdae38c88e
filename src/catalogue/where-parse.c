/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions, from text to a tree, by recursive descent over the grammar of where.h. What it stands against: any bytes
 * from a URL or a command line. Length, depth and the number of values are bounded before anything is built from them.
 */
#include "catalogue/where-internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { MOST_BYTES = 16384, MOST_DEPTH = 64, MOST_VALUES = 1000 };

typedef enum TokenKind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN } TokenKind;

typedef struct Token {
    TokenKind kind;
    char *text;     /* of a word, name, text or number, quotes undone; of a sign: itself; owned by the parser */
    const char *at; /* where it begins */
} Token;

typedef struct Parser {
    const char *text;
    const char *at;
    Token token;
    unsigned depth;
    unsigned values;
} Parser;

static size_t column_of(const Parser *parser, const char *at) {
    return (size_t)g_utf8_strlen(parser->text, at - parser->text) + 1;
}

static bool fail_at(const Parser *parser, const char *at, GError **error, const char *what) {
    return nt_fail(error, NITERU_ERROR_INVALID, "condition, column %zu: %s", column_of(parser, at), what);
}

/* "expected X, found 'y'" at the present token. */
static bool unexpected(const Parser *parser, const char *expected, GError **error) {
    bool ended = parser->token.kind == TOKEN_END;
    g_autofree char *safe = ended ? NULL : nt_text_printable(parser->token.text, 40);
    g_autofree char *what = ended ? g_strdup_printf("expected %s, but the condition ends", expected)
                                  : g_strdup_printf("expected %s, found '%s'", expected, safe);
    return fail_at(parser, parser->token.at, error, what);
}

void nt_where_node_free(Node *node) {
    if (node == NULL) {
        return;
    }
    g_clear_pointer(&node->children, g_ptr_array_unref);
    g_clear_pointer(&node->values, g_array_unref);
    g_free(node->field);
    g_free(node);
}

static void free_node(void *node) { nt_where_node_free(node); }
static void clear_literal(void *at) { g_free(((Literal *)at)->text); }

static Node *new_node(NodeKind kind) {
    Node *node = g_new0(Node, 1);
    node->kind = kind;
    node->children = g_ptr_array_new_with_free_func(free_node);
    node->values = g_array_new(false, true, sizeof(Literal));
    g_array_set_clear_func(node->values, clear_literal);
    return node;
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

static bool is_name_byte(char c) { return g_ascii_isalnum(c) || c == '_' || (c & 0x80) != 0; }

/* Text in quotes, a quote inside doubled. */
static bool read_quoted(Parser *parser, TokenKind kind, GError **error) {
    char quote = *parser->at++;
    GString *text = g_string_new(NULL);
    for (;;) {
        const char *end = strchr(parser->at, quote);
        if (end == NULL) {
            g_string_free(text, TRUE);
            return fail_at(parser, parser->token.at, error, "a quote is opened here and not closed");
        }
        g_string_append_len(text, parser->at, end - parser->at);
        parser->at = end + 1;
        if (*parser->at != quote) {
            break;
        }
        g_string_append_c(text, quote);
        parser->at++;
    }
    parser->token.kind = kind;
    parser->token.text = g_string_free(text, FALSE);
    return true;
}

static bool read_number_token(Parser *parser, GError **error) {
    char *end = NULL;
    double value = g_ascii_strtod(parser->at, &end);
    bool hex = strpbrk(parser->at, "xX") != NULL && strpbrk(parser->at, "xX") < end;
    if (end == parser->at || hex || !isfinite(value)) {
        return fail_at(parser, parser->at, error, "not a number");
    }
    if (is_name_byte(*end) || *end == '-' || *end == '.') {
        return fail_at(parser, parser->at, error, "a number runs into other text; texts and dates stand in quotes");
    }
    parser->token.kind = TOKEN_NUMBER;
    parser->token.text = g_strndup(parser->at, (gsize)(end - parser->at));
    parser->at = end;
    return true;
}

static bool read_sign(Parser *parser, GError **error) {
    static const char *const signs[] = {"<=", ">=", "<>", "!=", "==", "<", ">", "=", "~", "(", ")", ","};
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        size_t size = strlen(signs[i]);
        if (strncmp(parser->at, signs[i], size) == 0) {
            parser->token.kind = TOKEN_SIGN;
            parser->token.text = g_strdup(signs[i]);
            parser->at += size;
            return true;
        }
    }
    return fail_at(parser, parser->at, error, "this character has no meaning here");
}

static bool next(Parser *parser, GError **error) {
    g_clear_pointer(&parser->token.text, g_free);
    while (g_ascii_isspace(*parser->at)) {
        parser->at++;
    }
    const char *at = parser->token.at = parser->at;
    if (*at == '\0') {
        parser->token.kind = TOKEN_END;
        return true;
    }
    if (*at == '\'' || *at == '"') {
        return read_quoted(parser, TOKEN_TEXT, error);
    }
    if (*at == '`') {
        return read_quoted(parser, TOKEN_QUOTED_NAME, error);
    }
    if (g_ascii_isdigit(*at) || *at == '-' || *at == '+' || (*at == '.' && g_ascii_isdigit(at[1]))) {
        return read_number_token(parser, error);
    }
    if (!is_name_byte(*at)) {
        return read_sign(parser, error);
    }
    while (is_name_byte(*parser->at) || *parser->at == '-' || *parser->at == '.') {
        parser->at++;
    }
    parser->token.kind = TOKEN_WORD;
    parser->token.text = g_strndup(at, (gsize)(parser->at - at));
    return true;
}

static bool is_word(const Parser *parser, const char *word) {
    return parser->token.kind == TOKEN_WORD && g_ascii_strcasecmp(parser->token.text, word) == 0;
}

static bool is_sign(const Parser *parser, const char *sign) {
    return parser->token.kind == TOKEN_SIGN && g_str_equal(parser->token.text, sign);
}

static bool expect_sign(Parser *parser, const char *sign, GError **error) {
    g_autofree char *expected = g_strdup_printf("'%s'", sign);
    return is_sign(parser, sign) ? next(parser, error) : unexpected(parser, expected, error);
}

/* ---- grammar ---------------------------------------------------------------------------------------------------- */

static Node *read_condition(Parser *parser, GError **error);

static bool read_value(Parser *parser, Node *node, GError **error) {
    Literal literal = {.column = column_of(parser, parser->token.at)};
    if (++parser->values > MOST_VALUES) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "condition, column %zu: more than %d values", literal.column,
                       MOST_VALUES);
    }
    bool truth = is_word(parser, "true");
    if (truth || is_word(parser, "false")) {
        literal.kind = LITERAL_BOOL;
        literal.integer = truth;
    } else if (parser->token.kind == TOKEN_TEXT) {
        literal.kind = LITERAL_TEXT;
    } else if (parser->token.kind == TOKEN_NUMBER) {
        char *end = NULL;
        errno = 0;
        literal.integer = g_ascii_strtoll(parser->token.text, &end, 10);
        literal.kind = *end == '\0' && errno == 0 ? LITERAL_INTEGER : LITERAL_NUMBER;
        literal.number = g_ascii_strtod(parser->token.text, NULL);
    } else {
        return unexpected(parser, "a value (a number, true, false, or text in quotes)", error);
    }
    literal.text = g_strdup(parser->token.text);
    g_array_append_val(node->values, literal);
    return next(parser, error);
}

static bool read_values(Parser *parser, Node *node, GError **error) {
    if (!expect_sign(parser, "(", error)) {
        return false;
    }
    do {
        if (node->values->len > 0 && !next(parser, error)) {
            return false;
        }
        if (!read_value(parser, node, error)) {
            return false;
        }
    } while (is_sign(parser, ","));
    return is_sign(parser, ")") ? next(parser, error) : unexpected(parser, "',' or ')'", error);
}

/* Words that have a meaning of their own; a field of such a name stands in backquotes. */
static bool is_reserved(const char *word) {
    static const char *const words[] = {"and", "or", "not", "in", "is", "has", "true", "false", "missing", "present"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strcasecmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_field(Parser *parser, Node *node, GError **error) {
    bool word = parser->token.kind == TOKEN_WORD && !is_reserved(parser->token.text);
    if (!word && parser->token.kind != TOKEN_QUOTED_NAME) {
        return unexpected(parser, "the name of a field", error);
    }
    node->column = column_of(parser, parser->token.at);
    node->field = g_strdup(parser->token.text);
    return next(parser, error);
}

static bool read_operator(Parser *parser, Operator *out) {
    static const struct {
        const char *sign;
        Operator op;
    } signs[] = {{"=", OP_EQUAL},       {"==", OP_EQUAL},   {"!=", OP_NOT_EQUAL},
                 {"<>", OP_NOT_EQUAL},  {"<", OP_LESS},     {">", OP_GREATER},
                 {"<=", OP_LESS_EQUAL}, {"~", OP_CONTAINS}, {">=", OP_GREATER_EQUAL}};
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (is_sign(parser, signs[i].sign)) {
            *out = signs[i].op;
            return true;
        }
    }
    return false;
}

/* NOT of a node; takes it. Two cancel out: in three-valued logic too. */
static Node *negate(Node *node) {
    if (node->kind == NODE_NOT) {
        Node *inner = g_ptr_array_steal_index(node->children, 0);
        nt_where_node_free(node);
        return inner;
    }
    Node *negation = new_node(NODE_NOT);
    g_ptr_array_add(negation->children, node);
    return negation;
}

static Node *read_comparison(Parser *parser, GError **error) {
    g_autoptr(Node) node = new_node(NODE_TRUE);
    if (is_word(parser, "has")) {
        node->kind = NODE_PRESENT;
        return next(parser, error) && read_field(parser, node, error) ? g_steal_pointer(&node) : NULL;
    }
    if (!read_field(parser, node, error)) {
        return NULL;
    }
    if (read_operator(parser, &node->op)) {
        node->kind = NODE_COMPARE;
        return next(parser, error) && read_value(parser, node, error) ? g_steal_pointer(&node) : NULL;
    }
    if (is_word(parser, "is")) {
        if (!next(parser, error)) {
            return NULL;
        }
        if (!is_word(parser, "missing") && !is_word(parser, "present")) {
            unexpected(parser, "'missing' or 'present'", error);
            return NULL;
        }
        node->kind = is_word(parser, "missing") ? NODE_MISSING : NODE_PRESENT;
        return next(parser, error) ? g_steal_pointer(&node) : NULL;
    }
    bool negated = is_word(parser, "not");
    if (negated && !next(parser, error)) {
        return NULL;
    }
    if (is_word(parser, "in")) {
        node->kind = NODE_IN;
        if (!next(parser, error) || !read_values(parser, node, error)) {
            return NULL;
        }
        return negated ? negate(g_steal_pointer(&node)) : g_steal_pointer(&node);
    }
    if (negated) {
        unexpected(parser, "'in'", error);
        return NULL;
    }
    return g_steal_pointer(&node); /* a bool field by itself */
}

static Node *read_term(Parser *parser, GError **error) {
    if (parser->depth >= MOST_DEPTH) {
        nt_fail(error, NITERU_ERROR_LIMIT, "condition, column %zu: nested deeper than %d",
                column_of(parser, parser->token.at), MOST_DEPTH);
        return NULL;
    }
    g_autoptr(Node) node = NULL;
    parser->depth++;
    if (is_word(parser, "not")) {
        node = next(parser, error) ? read_term(parser, error) : NULL;
        node = node != NULL ? negate(g_steal_pointer(&node)) : NULL;
    } else if (is_sign(parser, "(")) {
        node = next(parser, error) ? read_condition(parser, error) : NULL;
        if (node != NULL && !expect_sign(parser, ")", error)) {
            g_clear_pointer(&node, nt_where_node_free);
        }
    } else {
        node = read_comparison(parser, error);
    }
    parser->depth--;
    return g_steal_pointer(&node);
}

/* A chain of parts joined by one word: terms by "and", and-chains by "or". */
static Node *read_chain(Parser *parser, NodeKind kind, const char *word, Node *(*part)(Parser *, GError **),
                        GError **error) {
    g_autoptr(Node) chain = new_node(kind);
    for (;;) {
        Node *node = part(parser, error);
        if (node == NULL) {
            return NULL;
        }
        g_ptr_array_add(chain->children, node);
        if (!is_word(parser, word)) {
            break;
        }
        if (!next(parser, error)) {
            return NULL;
        }
    }
    return chain->children->len == 1 ? g_ptr_array_steal_index(chain->children, 0) : g_steal_pointer(&chain);
}

static Node *read_and(Parser *parser, GError **error) { return read_chain(parser, NODE_AND, "and", read_term, error); }

static Node *read_condition(Parser *parser, GError **error) {
    return read_chain(parser, NODE_OR, "or", read_and, error);
}

Node *nt_where_read(const char *text, GError **error) {
    if (strnlen(text, MOST_BYTES + 1) > MOST_BYTES) {
        nt_fail(error, NITERU_ERROR_LIMIT, "condition: longer than %d bytes", MOST_BYTES);
        return NULL;
    }
    const char *end = NULL;
    if (!g_utf8_validate(text, -1, &end)) {
        nt_fail(error, NITERU_ERROR_INVALID, "condition, byte %zu: not UTF-8", (size_t)(end - text) + 1);
        return NULL;
    }
    Parser parser = {.text = text, .at = text};
    g_autoptr(Node) node = next(&parser, error) ? read_condition(&parser, error) : NULL;
    if (node != NULL && parser.token.kind != TOKEN_END) {
        unexpected(&parser, "'and', 'or' or the end", error);
        g_clear_pointer(&node, nt_where_node_free);
    }
    g_free(parser.token.text);
    return g_steal_pointer(&node);
}
