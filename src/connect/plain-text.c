/* SPDX-License-Identifier: Apache-2.0 */
/* HTML as shops' exports have it in their cells, turned into the text a reader sees. Not a parser of documents: tags
 * go, references become characters, white space becomes one space. Linear in time, and never longer than its input. */
#include "connect/export-internal.h"

#include <string.h>

static const struct {
    const char *name;
    gunichar character;
} entities[] = {
    {"amp", '&'},       {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},    {"nbsp", ' '},
    {"ensp", ' '},      {"emsp", ' '},     {"thinsp", ' '},   {"shy", 0},        {"iexcl", 0xa1},   {"cent", 0xa2},
    {"pound", 0xa3},    {"yen", 0xa5},     {"sect", 0xa7},    {"copy", 0xa9},    {"laquo", 0xab},   {"reg", 0xae},
    {"deg", 0xb0},      {"plusmn", 0xb1},  {"sup2", 0xb2},    {"sup3", 0xb3},    {"middot", 0xb7},  {"raquo", 0xbb},
    {"frac14", 0xbc},   {"frac12", 0xbd},  {"frac34", 0xbe},  {"Agrave", 0xc0},  {"Aacute", 0xc1},  {"Acirc", 0xc2},
    {"Atilde", 0xc3},   {"Auml", 0xc4},    {"Aring", 0xc5},   {"AElig", 0xc6},   {"Ccedil", 0xc7},  {"Egrave", 0xc8},
    {"Eacute", 0xc9},   {"Ecirc", 0xca},   {"Ntilde", 0xd1},  {"Oacute", 0xd3},  {"Ouml", 0xd6},    {"times", 0xd7},
    {"Oslash", 0xd8},   {"Uacute", 0xda},  {"Uuml", 0xdc},    {"szlig", 0xdf},   {"agrave", 0xe0},  {"aacute", 0xe1},
    {"acirc", 0xe2},    {"atilde", 0xe3},  {"auml", 0xe4},    {"aring", 0xe5},   {"aelig", 0xe6},   {"ccedil", 0xe7},
    {"egrave", 0xe8},   {"eacute", 0xe9},  {"ecirc", 0xea},   {"euml", 0xeb},    {"igrave", 0xec},  {"iacute", 0xed},
    {"icirc", 0xee},    {"iuml", 0xef},    {"ntilde", 0xf1},  {"ograve", 0xf2},  {"oacute", 0xf3},  {"ocirc", 0xf4},
    {"otilde", 0xf5},   {"ouml", 0xf6},    {"oslash", 0xf8},  {"ugrave", 0xf9},  {"uacute", 0xfa},  {"ucirc", 0xfb},
    {"uuml", 0xfc},     {"yuml", 0xff},    {"oelig", 0x153},  {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
    {"rsquo", 0x2019},  {"sbquo", 0x201a}, {"ldquo", 0x201c}, {"rdquo", 0x201d}, {"bdquo", 0x201e}, {"bull", 0x2022},
    {"hellip", 0x2026}, {"prime", 0x2032}, {"Prime", 0x2033}, {"euro", 0x20ac},  {"trade", 0x2122}, {"rarr", 0x2192},
};

/* Tags inside a word or a line, which part nothing. */
static const char *const inline_tags[] = {"a",    "abbr", "b",     "big",  "bdi",    "em",  "font", "i", "ins",
                                          "mark", "s",    "small", "span", "strong", "sub", "sup",  "u", "wbr"};

typedef struct Reader {
    GString *out;
    size_t limit;
    bool space;      /* one is due before the next character */
    bool no_bracket; /* no '>' follows any more: looking for it again and again would be quadratic */
} Reader;

static void put(Reader *reader, gunichar character) {
    if (g_unichar_isspace(character) || g_unichar_iscntrl(character)) {
        reader->space = true;
        return;
    }
    if (reader->space && reader->out->len > 0) {
        g_string_append_c(reader->out, ' ');
    }
    reader->space = false;
    g_string_append_unichar(reader->out, character);
}

static bool is_inline(const char *name, size_t size) {
    for (size_t i = 0; i < G_N_ELEMENTS(inline_tags); i++) {
        if (strlen(inline_tags[i]) == size && g_ascii_strncasecmp(name, inline_tags[i], size) == 0) {
            return true;
        }
    }
    return false;
}

/* Behind "</name" of an element whose content is no text; the end when it is not closed. */
static const char *skip_element(const char *at, const char *name, size_t size) {
    while ((at = strstr(at, "</")) != NULL) {
        at += 2;
        if (g_ascii_strncasecmp(at, name, size) == 0) {
            return at + size;
        }
    }
    return "";
}

/* Behind the tag or comment that begins here, or NULL where '<' is just a sign. */
static const char *skip_tag(Reader *reader, const char *at) {
    if (g_str_has_prefix(at, "<!--")) {
        const char *end = strstr(at + 4, "-->");
        return end != NULL ? end + 3 : "";
    }
    const char *name = at[1] == '/' ? at + 2 : at + 1;
    if (!g_ascii_isalpha(*name) && *name != '!' && *name != '?') {
        return NULL;
    }
    const char *end = reader->no_bracket ? NULL : strchr(name, '>');
    if (end == NULL) {
        reader->no_bracket = true;
        return NULL;
    }
    size_t size = 0;
    while (g_ascii_isalnum(name[size])) {
        size++;
    }
    reader->space |= !is_inline(name, size);
    static const char *const silent[] = {"script", "style"};
    for (size_t i = 0; at[1] != '/' && i < G_N_ELEMENTS(silent); i++) {
        if (strlen(silent[i]) == size && g_ascii_strncasecmp(name, silent[i], size) == 0) {
            const char *closed = skip_element(end + 1, silent[i], size);
            const char *bracket = strchr(closed, '>');
            return bracket != NULL ? bracket + 1 : "";
        }
    }
    return end + 1;
}

/* The character of "#39" or "#x27"; U+FFFE where there is none such. */
static gunichar numbered(const char *name) {
    bool hex = name[1] == 'x' || name[1] == 'X';
    const char *digits = name + (hex ? 2 : 1);
    char *end = NULL;
    guint64 number = g_ascii_isxdigit(*digits) ? g_ascii_strtoull(digits, &end, hex ? 16 : 10) : 0;
    if (end == NULL || *end != '\0' || number == 0 || number > 0x10ffff || !g_unichar_validate((gunichar)number)) {
        return 0xfffe;
    }
    return (gunichar)number;
}

/* Puts the character that a reference means; gives what follows it, or NULL where '&' is just a sign. */
static const char *take_reference(Reader *reader, const char *at) {
    size_t size = 1;
    while (size < 12 && (g_ascii_isalnum(at[size]) || at[size] == '#')) {
        size++;
    }
    if (at[size] != ';') {
        return NULL;
    }
    g_autofree char *name = g_strndup(at + 1, size - 1);
    gunichar character = name[0] == '#' ? numbered(name) : 0xfffe;
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++) {
        character = g_str_equal(entities[i].name, name) ? entities[i].character : character;
    }
    if (character == 0xfffe) {
        return NULL;
    }
    if (character != 0) {
        put(reader, character);
    }
    return at + size + 1;
}

char *nt_plain_text(const char *html, size_t limit) {
    Reader reader = {.out = g_string_new(NULL), .limit = limit};
    for (const char *at = html; *at != '\0' && reader.out->len < limit;) {
        const char *next = *at == '<' ? skip_tag(&reader, at) : *at == '&' ? take_reference(&reader, at) : NULL;
        if (next == NULL) {
            put(&reader, g_utf8_get_char(at));
            next = g_utf8_next_char(at);
        }
        at = next;
    }
    return g_string_free(reader.out, FALSE);
}
