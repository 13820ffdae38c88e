/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look through a list before it is read: is it in the encoding it is read in? One row in another encoding is refused
 * by itself, with its line, when it comes; a list that is in another one as a whole is refused here, once, with the
 * encoding that its bytes speak for. The look ends after SCAN_BYTES: what differs from there on is refused row by row.
 */
#include "connect/source-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    SCAN_BYTES = 16 * 1024 * 1024,
    PIECE = 256 * 1024,
    SAMPLE_BYTES = 64 * 1024,
    SAMPLE_LINE = 4096, /* bytes of one line that are kept */
};

void nt_text_scan_clear(NtTextScan *scan) {
    g_clear_pointer(&scan->header, g_free);
    if (scan->sample != NULL) {
        g_string_free(scan->sample, TRUE);
        scan->sample = NULL;
    }
}

static bool is_ascii(const char *text, size_t size) {
    size_t i = 0;
    while (i < size && (unsigned char)text[i] < 0x80) {
        i++;
    }
    return i == size;
}

static bool has_c1(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 0x80 && (unsigned char)text[i] < 0xa0) {
            return true;
        }
    }
    return false;
}

static void look_at_line(NtTextScan *scan, bool single_byte, const char *line, size_t size) {
    if (scan->header == NULL && size > 0) {
        scan->header = g_strndup(line, MIN(size, SAMPLE_LINE));
    }
    if (is_ascii(line, size)) {
        return;
    }
    bool utf8 = g_utf8_validate_len(line, size, NULL);
    bool bad = single_byte ? has_c1(line, size) : !utf8;
    scan->utf8 += utf8;
    scan->foreign += !utf8;
    scan->bad += bad;
    GString *sample = scan->sample;
    if (bad && sample->len < SAMPLE_BYTES) {
        g_string_append_len(sample, line, (gssize)MIN(size, SAMPLE_LINE));
        g_string_append_c(sample, '\n');
    }
}

/* Takes the whole lines of a text; what follows the last line end is left, unless this is the end. */
static size_t look_at_lines(NtTextScan *scan, bool single_byte, const char *text, size_t size, bool last) {
    size_t begin = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || text[i] == '\r') {
            look_at_line(scan, single_byte, text + begin, i - begin);
            begin = i + 1;
        }
    }
    if (last || begin == 0) { /* a line longer than a piece is looked at in parts */
        look_at_line(scan, single_byte, text + begin, size - begin);
        begin = size;
    }
    return begin;
}

static bool read_through(int fd, const char *name, bool single_byte, NtTextScan *scan, GError **error) {
    g_autofree char *piece = g_malloc(PIECE);
    size_t kept = 0;
    off_t at = 0;
    while (at < SCAN_BYTES) {
        ssize_t got = pread(fd, piece + kept, PIECE - kept, at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nt_fail_errno(error, errno, "%s: cannot be read", name);
        }
        const char *text = piece;
        size_t size = kept + (size_t)got, mark = at == 0 && size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        at += got;
        size_t taken = mark + look_at_lines(scan, single_byte, text + mark, size - mark, got == 0);
        if (got == 0) {
            break;
        }
        kept = size - taken;
        memmove(piece, piece + taken, kept);
    }
    return true;
}

/* Fails with `what` and the way out: "it reads as cp1252: '19,90 €', 'Größe'; if that looks right, name that". */
static bool fail_in_other(const NtTextScan *scan, const char *what, const char *bytes, size_t size, GError **error) {
    const char *guess = nt_encoding_guess(bytes, size);
    g_autofree char *cells = guess != NULL ? nt_encoding_cells(scan->header, bytes, size, guess) : NULL;
    if (guess != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s; it reads as %s: %s; if that looks right, name that encoding, else its own (gbk, cp1251, ...) or "
                "save it as UTF-8",
                what, guess, cells);
    } else {
        nt_fail(error, NITERU_ERROR_INVALID, "%s; it is in no encoding that is told by its bytes: name it", what);
    }
    nt_fact(error, "option", "encoding");
    return nt_fact(error, "value", guess);
}

bool nt_text_scan(int fd, const char *name, const char *encoding, NtTextScan *out, GError **error) {
    bool single_byte = encoding != NULL && g_str_equal(nt_encoding_iconv(encoding), "ISO-8859-1");
    bool western = single_byte || (encoding != NULL && g_str_equal(nt_encoding_iconv(encoding), "CP1252"));
    out->sample = g_string_new(NULL);
    if (!read_through(fd, name, single_byte, out, error)) {
        return false;
    }
    /* A word or two of Japanese may look like UTF-8 by accident; umlauts do not. */
    bool utf8 = out->utf8 >= (western ? 1 : 2) && out->foreign == 0;
    if (encoding != NULL && utf8) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: is UTF-8, not %s; name no encoding", name, encoding);
        return nt_fact(error, "option", "encoding");
    }
    /* A line or two that are UTF-8 by accident do not make a list mixed. */
    bool whole = out->bad >= 2 && 10 * out->utf8 < out->bad;
    if (!whole || (encoding != NULL && !single_byte)) {
        return true;
    }
    g_autofree char *what =
        g_strdup_printf("%s: is not %s%s", name, encoding != NULL ? encoding : "UTF-8",
                        single_byte ? " (which has control characters where this has bytes 0x80 to 0x9f)" : "");
    return fail_in_other(out, what, out->sample->str, out->sample->len, error);
}

/* The control character from U+0080 to U+009F that a text holds, or 0. Ours never do where they were meant as text. */
static gunichar find_control(const char *text, size_t size) {
    for (size_t i = 0; i + 1 < size; i++) {
        unsigned char second = (unsigned char)text[i + 1];
        if ((unsigned char)text[i] == 0xc2 && second < 0xa0) {
            return second;
        }
    }
    return 0;
}

/* What a text that was taken for latin1 would be in cp1252; NULL where it is neither. */
static char *as_cp1252(const char *text, size_t size) {
    gsize length = 0;
    g_autofree char *bytes = g_convert(text, (gssize)size, "ISO-8859-1", "UTF-8", NULL, &length, NULL);
    return bytes != NULL ? g_convert(bytes, (gssize)length, "UTF-8", "CP1252", NULL, NULL, NULL) : NULL;
}

static bool fail_control(const char *encoding, gunichar control, const char *text, size_t size, GError **error) {
    g_autofree char *meant = as_cp1252(text, size);
    g_autofree char *safe = meant != NULL ? nt_text_printable(meant, 40) : NULL;
    if (safe != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "holds the control character U+%04X; in cp1252 it would be '%s': name that encoding", control, safe);
    } else {
        nt_fail(error, NITERU_ERROR_INVALID, "holds the control character U+%04X; is %s its encoding?", control,
                encoding);
    }
    nt_fact(error, "option", "encoding");
    return nt_fact(error, "value", safe != NULL ? "cp1252" : NULL);
}

/* A text that is UTF-8 once it is turned, and may not be what was meant nevertheless. */
static bool check_controls(const char *encoding, const char *text, size_t size, GError **error) {
    /* ISO-2022 is made of escapes and ASCII, which is UTF-8 to the letter. */
    if (memchr(text, 0x1b, size) != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "holds the control character U+001B (escape); is it ISO-2022? Name that encoding, or save the list as "
                "UTF-8");
        nt_fact(error, "option", "encoding");
        return nt_fact(error, "value", "iso-2022-jp");
    }
    gunichar control = encoding != NULL ? find_control(text, size) : 0;
    return control == 0 || fail_control(encoding, control, text, size, error);
}

bool nt_text_check(const NtTextScan *scan, const char *encoding, const char *text, size_t size, GError **error) {
    if (memchr(text, '\0', size) != NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "holds a NUL byte");
    }
    if (g_utf8_validate_len(text, size, NULL)) {
        return check_controls(encoding, text, size, error);
    }
    if (encoding != NULL) {
        bool utf8 = scan->utf8 > 0 && scan->foreign == 0;
        nt_fail(error, NITERU_ERROR_INVALID, "not %s; %s", encoding,
                utf8 ? "the list is UTF-8: name no encoding" : "is that its encoding?");
        return nt_fact(error, "option", "encoding");
    }
    if (scan->utf8 == 0) {
        bool known = scan->sample->len > 0; /* all that is wrong with the list tells more than this text */
        return fail_in_other(scan, "not UTF-8", known ? scan->sample->str : text, known ? scan->sample->len : size,
                             error);
    }
    const char *guess = nt_encoding_guess(text, size);
    g_autofree char *cells = guess != NULL ? nt_encoding_cells(NULL, text, size, guess) : NULL;
    return nt_fail(error, NITERU_ERROR_INVALID,
                   "not UTF-8, as other lines of the list are%s%s%s%s; save the list in one encoding",
                   guess != NULL ? ", but " : "", guess != NULL ? guess : "", guess != NULL ? ": " : "",
                   cells != NULL ? cells : "");
}
