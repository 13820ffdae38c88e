/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of an XML feed, one at a time, by expat. Somebody else's XML may be made to break us, so: a document that
 * declares entities is refused at its first declaration (a few lines of them can mean gigabytes), nothing outside of
 * the file is ever looked at, and nesting, names, texts, items and what expat must hold of an unfinished tag are
 * bounded. The parser is suspended at the end of each item, so memory is one item and one piece of the file.
 */
#include "connect/xml-items.h"

#include <errno.h>
#include <expat.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, MOST_DEPTH = 64, LONGEST_NAME = 256 };

typedef struct Value {
    char *name;
    bool prefixed;
    size_t offset; /* of its text */
} Value;

struct NtXmlItems {
    int fd;
    char *name; /* of the file, for messages */
    XML_Parser parser;
    uint64_t line_limit, field_limit, value_limit;
    uint64_t size, fed; /* bytes of the file; of them given to the parser */
    bool last, suspended;
    GError *fault; /* why parsing was stopped for good */
    /* the element it is in */
    unsigned depth;
    bool checked;        /* the first element was looked at */
    unsigned item_depth; /* of the item; 0: in none */
    uint64_t line;       /* where it begins */
    GError *refused;     /* why the item is passed over */
    bool whole;          /* an item has ended and waits to be taken */
    GArray *values;      /* Value */
    GString *texts;      /* of the values, each with NUL */
};

static void clear_value(void *at) { g_free(((Value *)at)->name); }

/* Stops for good. */
static void G_GNUC_PRINTF(3, 4) stop(NtXmlItems *items, NiteruError code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (items->fault == NULL) {
        nt_fail(&items->fault, code, "%s", text);
    }
    XML_StopParser(items->parser, XML_FALSE);
}

static void G_GNUC_PRINTF(2, 3) refuse(NtXmlItems *items, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (items->refused == NULL) {
        nt_fail(&items->refused, NITERU_ERROR_LIMIT, "%s", text);
    }
}

static const char *local_name(const char *name) {
    const char *colon = strrchr(name, ':');
    return colon != NULL ? colon + 1 : name;
}

/* ---- what expat tells ------------------------------------------------------------------------------------------- */

static void check_root(NtXmlItems *items, const char *name) {
    static const char *const roots[] = {"rss", "feed", "RDF"};
    items->checked = true;
    for (size_t i = 0; i < G_N_ELEMENTS(roots); i++) {
        if (g_str_equal(local_name(name), roots[i])) {
            return;
        }
    }
    g_autofree char *safe = nt_text_printable(name, 60);
    stop(items, NITERU_ERROR_INVALID,
         "is not a Merchant feed: its first element is <%s>; a feed is RSS (<rss>) or Atom "
         "(<feed>)",
         safe);
}

static void begin_value(NtXmlItems *items, const char *name, const char **attributes) {
    const char *local = local_name(name);
    if (strlen(name) > LONGEST_NAME) {
        refuse(items, "the name of an element is longer than %d bytes", LONGEST_NAME);
        return;
    }
    if (items->values->len >= items->value_limit) {
        refuse(items, "more than %" G_GUINT64_FORMAT " elements (limit list-columns)", items->value_limit);
        return;
    }
    Value value = {
        .name = g_strdelimit(g_strdup(local), "_", ' '), .prefixed = local != name, .offset = items->texts->len};
    g_array_append_val(items->values, value);
    const char *href = NULL, *rel = "alternate";
    for (size_t i = 0; attributes[i] != NULL; i += 2) { /* Atom's <link rel="alternate" href="..."/> */
        href = g_str_equal(attributes[i], "href") ? attributes[i + 1] : href;
        rel = g_str_equal(attributes[i], "rel") ? attributes[i + 1] : rel;
    }
    if (href != NULL && g_str_equal(local, "link") && g_str_equal(rel, "alternate")) {
        g_string_append_len(items->texts, href, (gssize)MIN(strlen(href), items->field_limit));
    }
}

static void XMLCALL on_start(void *data, const XML_Char *name, const XML_Char **attributes) {
    NtXmlItems *items = data;
    if (!items->checked) {
        check_root(items, name);
    }
    if (++items->depth > MOST_DEPTH) {
        stop(items, NITERU_ERROR_LIMIT, "elements are nested deeper than %d", MOST_DEPTH);
        return;
    }
    const char *local = local_name(name);
    if (items->item_depth == 0 && (g_str_equal(local, "item") || g_str_equal(local, "entry"))) {
        items->item_depth = items->depth;
        items->line = XML_GetCurrentLineNumber(items->parser);
        g_array_set_size(items->values, 0);
        g_string_truncate(items->texts, 0);
        g_clear_error(&items->refused);
    } else if (items->item_depth > 0 && items->refused == NULL) {
        if (items->depth == items->item_depth + 1) {
            begin_value(items, name, attributes);
        } else {
            g_string_append_c(items->texts, ' ');
        }
    }
}

static void XMLCALL on_end(void *data, const XML_Char *name) {
    NtXmlItems *items = data;
    if (items->item_depth > 0 && items->depth == items->item_depth + 1 && items->refused == NULL) {
        g_string_append_c(items->texts, '\0');
    }
    if (items->item_depth > 0 && items->depth == items->item_depth) {
        items->item_depth = 0;
        items->whole = true;
        XML_StopParser(items->parser, XML_TRUE);
    }
    items->depth--;
}

static void XMLCALL on_text(void *data, const XML_Char *text, int size) {
    NtXmlItems *items = data;
    if (items->item_depth == 0 || items->depth <= items->item_depth || items->refused != NULL) {
        return;
    }
    const Value *value = &g_array_index(items->values, Value, items->values->len - 1);
    if (items->texts->len - value->offset + (size_t)size > items->field_limit) {
        g_autofree char *safe = nt_text_printable(value->name, 60);
        refuse(items, "<%s> is longer than %" G_GUINT64_FORMAT " bytes (limit list-field)", safe, items->field_limit);
    } else if (items->texts->len + (size_t)size > items->line_limit) {
        refuse(items, "the product is longer than %" G_GUINT64_FORMAT " bytes (limit list-line)", items->line_limit);
    } else {
        g_string_append_len(items->texts, text, size);
    }
}

static void XMLCALL on_entity(void *data, const XML_Char *name, int is_parameter, const XML_Char *value, int size,
                              const XML_Char *base, const XML_Char *system, const XML_Char *public,
                              const XML_Char *notation) {
    g_autofree char *safe = nt_text_printable(name, 60);
    stop(data, NITERU_ERROR_INVALID,
         "declares the entity '%s'; feeds that do are refused, for a few lines of such can mean gigabytes; take the "
         "DOCTYPE out",
         safe);
}

/* Encodings of one byte a character, as iconv has them. */
static int XMLCALL on_encoding(void *data, const XML_Char *name, XML_Encoding *out) {
    GIConv converter = g_iconv_open("UTF-8", nt_encoding_iconv(name));
    if (converter == (GIConv)-1) {
        return XML_STATUS_ERROR;
    }
    bool single = true;
    for (int i = 0; i < 256; i++) {
        char byte = (char)i, text[8] = {0}, *in = &byte, *to = text;
        gsize left = 1, room = sizeof text - 1;
        gsize rc = g_iconv(converter, &in, &left, &to, &room);
        single &= rc != (gsize)-1 || errno != EINVAL; /* the first byte of several */
        out->map[i] = rc == (gsize)-1 ? -1 : (int)g_utf8_get_char(text);
    }
    g_iconv_close(converter);
    out->data = NULL;
    out->convert = NULL;
    out->release = NULL;
    return single && out->map['<'] == '<' ? XML_STATUS_OK : XML_STATUS_ERROR;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Words what stopped the parser, without the place, which `line` becomes. */
static bool fail_parse(NtXmlItems *items, GError **error) {
    enum XML_Error code = XML_GetErrorCode(items->parser);
    bool cut = code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN || code == XML_ERROR_PARTIAL_CHAR ||
               code == XML_ERROR_UNCLOSED_CDATA_SECTION;
    items->line = XML_GetCurrentLineNumber(items->parser);
    if (items->fault != NULL) {
        g_propagate_error(error, g_error_copy(items->fault));
        return false;
    }
    if (code == XML_ERROR_NO_MEMORY) {
        return nt_fail(error, NITERU_ERROR_NO_MEMORY, "out of memory");
    }
    if (items->last && cut) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "the feed ends in the middle: it is cut off; export it again");
    }
    if (code == XML_ERROR_UNKNOWN_ENCODING) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "the feed is in an encoding that XML is not read in here; turn it into UTF-8 and say so in its "
                       "first line");
    }
    unsigned long column = (unsigned long)XML_GetCurrentColumnNumber(items->parser) + 1;
    return nt_fail(error, NITERU_ERROR_CORRUPT, "column %lu: not well-formed XML: %s%s", column, XML_ErrorString(code),
                   code == XML_ERROR_UNDEFINED_ENTITY
                       ? " (names such as &nbsp; are HTML's; write &#160;, or put HTML into <![CDATA[...]]>)"
                       : "; what follows cannot be read");
}

/* Gives the parser the next piece. */
static enum XML_Status feed(NtXmlItems *items, GError **error) {
    void *piece = XML_GetBuffer(items->parser, PIECE);
    if (piece == NULL) {
        nt_fail(error, NITERU_ERROR_NO_MEMORY, "%s: out of memory", items->name);
        return XML_STATUS_ERROR;
    }
    ssize_t got;
    while ((got = read(items->fd, piece, PIECE)) < 0 && errno == EINTR) {
    }
    if (got < 0) {
        nt_fail_errno(error, errno, "%s: cannot be read", items->name);
        return XML_STATUS_ERROR;
    }
    items->fed += (uint64_t)got;
    items->last = got == 0;
    return XML_ParseBuffer(items->parser, (int)got, got == 0);
}

/* What expat holds of a tag or comment that has not ended. */
static bool check_unfinished(NtXmlItems *items, GError **error) {
    XML_Index at = XML_GetCurrentByteIndex(items->parser);
    uint64_t done = at > 0 ? (uint64_t)at : 0;
    if (items->fed - MIN(done, items->fed) <= items->line_limit + 2 * PIECE) {
        return true;
    }
    items->line = XML_GetCurrentLineNumber(items->parser);
    return nt_fail(error, NITERU_ERROR_LIMIT,
                   "a tag or comment begins here that is longer than %" G_GUINT64_FORMAT " bytes (limit list-line)",
                   items->line_limit);
}

NtXmlStep nt_xml_items_next(NtXmlItems *items, GError **error) {
    while (!items->whole) {
        if (items->last && !items->suspended) {
            return NT_XML_END;
        }
        GError *fault = NULL;
        enum XML_Status status = items->suspended ? XML_ResumeParser(items->parser) : feed(items, &fault);
        items->suspended = status == XML_STATUS_SUSPENDED;
        if (fault != NULL) {
            g_propagate_error(error, fault);
            return NT_XML_FAILED;
        }
        if (status == XML_STATUS_ERROR) {
            fail_parse(items, error);
            return NT_XML_BROKEN;
        }
        if (!items->suspended && !items->last && !check_unfinished(items, error)) {
            return NT_XML_BROKEN;
        }
    }
    items->whole = false;
    if (items->refused != NULL) {
        g_propagate_error(error, g_steal_pointer(&items->refused));
        return NT_XML_REFUSED;
    }
    return NT_XML_ITEM;
}

uint64_t nt_xml_items_line(const NtXmlItems *items) { return items->line; }
size_t nt_xml_items_count(const NtXmlItems *items) { return items->values->len; }

const char *nt_xml_items_name(const NtXmlItems *items, size_t i, bool *out_prefixed) {
    const Value *value = &g_array_index(items->values, Value, i);
    *out_prefixed = value->prefixed;
    return value->name;
}

const char *nt_xml_items_text(const NtXmlItems *items, size_t i) {
    return items->texts->str + g_array_index(items->values, Value, i).offset;
}

double nt_xml_items_share(const NtXmlItems *items) {
    return items->size > 0 ? MIN(1.0, (double)items->fed / (double)items->size) : 1.0;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static bool open_file(NtXmlItems *items, const char *path, GError **error) {
    struct stat st;
    items->fd = nt_file_open(path, items->name, error);
    if (items->fd < 0) {
        return false;
    }
    if (fstat(items->fd, &st) != 0) {
        return nt_fail_errno(error, errno, "%s", items->name);
    }
    items->size = (uint64_t)st.st_size;
    return S_ISREG(st.st_mode) || nt_fail(error, NITERU_ERROR_INVALID, "%s: not a regular file", items->name);
}

/* What the feed is shows before its first product; that one waits. */
static bool look_at_root(NtXmlItems *items, GError **error) {
    GError *fault = NULL;
    while (!items->checked && !items->last && fault == NULL) {
        enum XML_Status status = feed(items, &fault);
        items->suspended = status == XML_STATUS_SUSPENDED;
        if (fault != NULL) {
            g_propagate_error(error, fault);
            return false;
        }
        bool ok = status == XML_STATUS_ERROR ? fail_parse(items, &fault) : check_unfinished(items, &fault);
        if (!ok) {
            g_propagate_prefixed_error(error, fault, "%s:%" G_GUINT64_FORMAT ": ", items->name, items->line);
            return false;
        }
    }
    return true;
}

NtXmlItems *nt_xml_items_open(const char *path, const char *name, const char *encoding, const NtLimits *limits,
                              GError **error) {
    NtXmlItems *items = g_new0(NtXmlItems, 1);
    items->fd = -1;
    items->name = g_strdup(name);
    items->line_limit = limits->list_line;
    items->field_limit = limits->list_field;
    items->value_limit = limits->list_columns;
    items->values = g_array_new(false, false, sizeof(Value));
    g_array_set_clear_func(items->values, clear_value);
    items->texts = g_string_new(NULL);
    items->parser = XML_ParserCreate(nt_encoding_is_utf8(encoding) ? NULL : nt_encoding_iconv(encoding));
    if (items->parser == NULL) {
        nt_fail(error, NITERU_ERROR_NO_MEMORY, "%s: out of memory", name);
        nt_xml_items_close(items);
        return NULL;
    }
    XML_SetUserData(items->parser, items);
    XML_SetElementHandler(items->parser, on_start, on_end);
    XML_SetCharacterDataHandler(items->parser, on_text);
    XML_SetEntityDeclHandler(items->parser, on_entity);
    XML_SetUnknownEncodingHandler(items->parser, on_encoding, NULL);
    if (!open_file(items, path, error)) {
        nt_xml_items_close(items);
        return NULL;
    }
    if (!look_at_root(items, error)) {
        nt_xml_items_close(items);
        return NULL;
    }
    return items;
}

void nt_xml_items_close(NtXmlItems *items) {
    if (items == NULL) {
        return;
    }
    if (items->parser != NULL) {
        XML_ParserFree(items->parser);
    }
    if (items->fd >= 0) {
        close(items->fd);
    }
    g_clear_error(&items->fault);
    g_clear_error(&items->refused);
    g_array_unref(items->values);
    g_string_free(items->texts, TRUE);
    g_free(items->name);
    g_free(items);
}
