/* SPDX-License-Identifier: Apache-2.0 */
/* Text files, line by line: bytes are read in pieces, turned to UTF-8, and cut at line ends; memory is bounded by one
 * line of the limit's length. */
#include "connect/source-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

struct NtLines {
    int fd;
    char *name;
    char *encoding; /* NULL: UTF-8 */
    GIConv converter;
    size_t limit;      /* bytes of a line */
    uint64_t size;     /* of the file, as it was opened */
    uint64_t consumed; /* bytes read */
    bool eof;
    char *raw; /* PIECE bytes */
    size_t raw_count;
    GString *text; /* UTF-8 not given out yet */
    size_t at;
    uint64_t number;
    bool started; /* the byte order mark was looked for */
    NtTextScan scan;
    bool unended; /* the last line had no mark behind it */
};

void nt_lines_close(NtLines *lines) {
    if (lines == NULL) {
        return;
    }
    if (lines->fd >= 0) {
        close(lines->fd);
    }
    if (lines->converter != (GIConv)-1) {
        g_iconv_close(lines->converter);
    }
    g_string_free(lines->text, TRUE);
    nt_text_scan_clear(&lines->scan);
    g_free(lines->raw);
    g_free(lines->name);
    g_free(lines->encoding);
    g_free(lines);
}

/* ---- what the first bytes show ---------------------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t size;
    const char *what;
} foreign[] = {
    {"\x1f\x8b", 2, "is compressed with gzip; unpack it first (gunzip)"},
    {"BZh", 3, "is compressed with bzip2; unpack it first (bunzip2)"},
    {"\xfd"
     "7zXZ",
     5, "is compressed with xz; unpack it first (unxz)"},
    {"\x28\xb5\x2f\xfd", 4, "is compressed with zstd; unpack it first (unzstd)"},
    {"PK\x03\x04", 4, "is a ZIP file or an Excel workbook; unpack it, or save the sheet as CSV"},
    {"\xd0\xcf\x11\xe0", 4, "is an old Excel workbook; save the sheet as CSV"},
    {"SQLite format 3", 15, "is a database; export the table as CSV"},
    {"%PDF", 4, "is a PDF, not a list"},
    {"\xff\xd8\xff", 3, "is a photo, not a list; give the folder it is in"},
    {"\x89PNG", 4, "is a photo, not a list; give the folder it is in"},
    {"GIF8", 4, "is a photo, not a list; give the folder it is in"},
    {"RIFF", 4, "is a photo, not a list; give the folder it is in"},
};

static bool begins_with(const NtLines *lines, const char *bytes, size_t size) {
    return lines->raw_count >= size && memcmp(lines->raw, bytes, size) == 0;
}

static bool fail_wide(const NtLines *lines, const char *order, GError **error) {
    g_autofree char *cells = nt_encoding_cells(NULL, lines->raw, MIN(lines->raw_count, 4096) & ~(size_t)1, order);
    nt_fail(error, NITERU_ERROR_INVALID,
            "%s: is UTF-16 without a byte order mark; it reads as %s: %s; if that looks right, name that encoding",
            lines->name, order, cells);
    nt_fact(error, "option", "encoding");
    return nt_fact(error, "value", order);
}

/* A list that begins with a byte order mark says itself what it is in. */
static bool take_mark(NtLines *lines, GError **error) {
    bool wide = begins_with(lines, "\xff\xfe", 2) || begins_with(lines, "\xfe\xff", 2);
    if (begins_with(lines, "\xff\xfe\0\0", 4) || begins_with(lines, "\0\0\xfe\xff", 4)) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: is UTF-32; save it as UTF-8", lines->name);
    }
    if (lines->encoding == NULL && wide) {
        lines->encoding = g_strdup("utf-16");
    }
    bool other =
        wide ? !nt_encoding_is_wide(lines->encoding) : lines->encoding != NULL && begins_with(lines, "\xef\xbb\xbf", 3);
    if (other) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: is %s, as its byte order mark says; name no encoding", lines->name,
                wide ? "UTF-16" : "UTF-8");
        nt_fact(error, "option", "encoding");
    }
    return !other;
}

static bool check_head(NtLines *lines, GError **error) {
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (begins_with(lines, foreign[i].bytes, foreign[i].size)) {
            return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: %s", lines->name, foreign[i].what);
        }
    }
    if (!take_mark(lines, error)) {
        return false;
    }
    size_t size = MIN(lines->raw_count, 4096);
    if (nt_encoding_is_wide(lines->encoding)) {
        return true;
    }
    const char *order = nt_encoding_wide_order(lines->raw, size);
    if (order != NULL) {
        return fail_wide(lines, order, error);
    }
    return memchr(lines->raw, '\0', size) == NULL ||
           nt_fail(error, NITERU_ERROR_INVALID, "%s: is not text: it holds NUL bytes", lines->name);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* Reads the next piece behind what is left in `raw`. */
static bool fill(NtLines *lines, GError **error) {
    ssize_t got;
    while ((got = read(lines->fd, lines->raw + lines->raw_count, PIECE - lines->raw_count)) < 0 && errno == EINTR) {
    }
    if (got < 0) {
        return nt_fail_errno(error, errno, "%s: cannot be read", lines->name);
    }
    lines->eof = got == 0;
    lines->raw_count += (size_t)got;
    lines->consumed += (uint64_t)got;
    return true;
}

/* Turns what is in `raw` to UTF-8; an incomplete character at the end waits for the next piece. */
static void convert(NtLines *lines) {
    char *in = lines->raw;
    gsize left = lines->raw_count;
    size_t step = nt_encoding_is_wide(lines->encoding) ? 2 : 1;
    while (left > 0) {
        char piece[4096];
        char *out = piece;
        gsize room = sizeof piece;
        gsize rc = g_iconv(lines->converter, &in, &left, &out, &room);
        int fault = rc == (gsize)-1 ? errno : 0;
        g_string_append_len(lines->text, piece, out - piece);
        if (fault == EILSEQ || (fault == EINVAL && lines->eof)) {
            g_string_append_c(lines->text, (char)0xff);
            step = MIN(step, left);
            in += step;
            left -= step;
        } else if (fault == EINVAL) {
            break;
        }
    }
    memmove(lines->raw, in, left);
    lines->raw_count = left;
}

static bool more(NtLines *lines, GError **error) {
    if (lines->at > 0) {
        g_string_erase(lines->text, 0, (gssize)lines->at);
        lines->at = 0;
    }
    if (lines->started && !fill(lines, error)) {
        return false;
    }
    if (lines->converter != (GIConv)-1) {
        convert(lines);
    } else {
        g_string_append_len(lines->text, lines->raw, (gssize)lines->raw_count);
        lines->raw_count = 0;
    }
    if (!lines->started && lines->text->len >= 3 && memcmp(lines->text->str, "\xef\xbb\xbf", 3) == 0) {
        lines->at = 3;
    }
    lines->started = true;
    return true;
}

static bool open_converter(NtLines *lines, GError **error) {
    const char *name = nt_encoding_iconv(lines->encoding);
    bool marked = begins_with(lines, "\xff\xfe", 2) || begins_with(lines, "\xfe\xff", 2);
    if (g_ascii_strcasecmp(name, "UTF-16") == 0 && !marked) {
        const char *order = nt_encoding_wide_order(lines->raw, lines->raw_count);
        name = order != NULL ? order : "UTF-16LE";
    }
    lines->converter = g_iconv_open("UTF-8", name);
    if (lines->converter == (GIConv)-1 && g_str_equal(name, "EUC-JP-MS")) {
        lines->converter = g_iconv_open("UTF-8", "EUC-JP");
    }
    if (lines->converter == (GIConv)-1) {
        nt_fail(error, NITERU_ERROR_INVALID, "there is no encoding '%s'; try utf-8, cp1252, cp932, euc-jp or utf-16",
                lines->encoding);
        return nt_fact(error, "option", "encoding");
    }
    return true;
}

static bool open_file(NtLines *lines, const char *path, GError **error) {
    struct stat st;
    lines->fd = nt_file_open(path, lines->name, error);
    if (lines->fd < 0) {
        return false;
    }
    if (fstat(lines->fd, &st) != 0) {
        return nt_fail_errno(error, errno, "%s", lines->name);
    }
    if (!S_ISREG(st.st_mode)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: not a regular file", lines->name);
    }
    lines->size = (uint64_t)st.st_size;
    if (!fill(lines, error) || !check_head(lines, error)) {
        return false;
    }
    if (lines->encoding != NULL && !open_converter(lines, error)) {
        return false;
    }
    return nt_encoding_is_wide(lines->encoding) ||
           nt_text_scan(lines->fd, lines->name, lines->encoding, &lines->scan, error);
}

NtLines *nt_lines_open(const char *path, const char *name, const char *encoding, size_t limit, GError **error) {
    NtLines *lines = g_new0(NtLines, 1);
    lines->fd = -1;
    lines->name = g_strdup(name);
    lines->encoding = nt_encoding_is_utf8(encoding) ? NULL : g_strdup(encoding);
    lines->converter = (GIConv)-1;
    lines->limit = limit;
    lines->raw = g_malloc(PIECE);
    lines->text = g_string_new(NULL);
    if (!open_file(lines, path, error)) {
        nt_lines_close(lines);
        return NULL;
    }
    return lines;
}

/* Where the line in `text` ends, searched from `from` on: at LF, CR LF or CR. *out_mark: bytes of the mark, 0 where
 * there is none. A CR that is the last byte may be half of a CR LF, so it counts only when `whole`: nothing more comes.
 */
static size_t find_end(const char *text, size_t size, size_t from, bool whole, size_t *out_mark) {
    size_t at = from;
    while (at < size && text[at] != '\n' && text[at] != '\r') {
        at++;
    }
    bool cr = at < size && text[at] == '\r';
    if (at == size || (cr && at + 1 == size && !whole)) {
        *out_mark = 0;
    } else {
        *out_mark = cr && at + 1 < size && text[at + 1] == '\n' ? 2 : 1;
    }
    return at;
}

NtLineStep nt_lines_next(NtLines *lines, const char **out_text, size_t *out_size, GError **error) {
    bool too_long = false;
    size_t searched = 0; /* bytes behind `at` known to hold no line end */
    for (;;) {
        char *begin = lines->text->str + lines->at;
        size_t there = lines->text->len - lines->at, mark = 0;
        bool whole = lines->eof && lines->started && lines->raw_count == 0;
        size_t size = find_end(begin, there, searched, whole, &mark);
        if (mark > 0 || whole) {
            if (mark == 0 && there == 0 && !too_long) {
                return NT_LINE_END;
            }
            lines->at += size + mark;
            lines->number++;
            lines->unended = mark == 0;
            *out_text = begin;
            *out_size = size;
            return too_long || size > lines->limit ? NT_LINE_TOO_LONG : NT_LINE;
        }
        searched = size;
        if (there > lines->limit + 1) { /* let go of it; go on to its end */
            too_long = true;
            lines->at += size;
            searched = 0;
        }
        if (!more(lines, error)) {
            return NT_LINE_FAILED;
        }
        searched = MIN(searched, lines->text->len - lines->at);
    }
}

uint64_t nt_lines_number(const NtLines *lines) { return lines->number; }

bool nt_lines_unended(const NtLines *lines) { return lines->unended; }

double nt_lines_share(const NtLines *lines) {
    return lines->size > 0 ? MIN(1.0, (double)lines->consumed / (double)lines->size) : 1.0;
}

bool nt_lines_check(const NtLines *lines, const char *text, size_t size, GError **error) {
    return nt_text_check(&lines->scan, lines->encoding, text, size, error);
}
