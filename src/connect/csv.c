/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV records as RFC 4180 has them: cells parted by a comma (or semicolon, or tab), in quotes where they hold one or a
 * line end, a quote inside doubled. What it stands against: files made by hand, cut short, or meant to break us.
 *
 * A quote that is opened and not closed would swallow the rest of the list. When a record that runs over several lines
 * turns out bad (garbage behind a closing quote, the wrong number of cells, the end of the file, longer than
 * list-line), the first line is refused and reading goes on at its second line, so that one stray quote costs the rows
 * that it touches and no others. A line is open at its end only when it holds an odd number of quotes, and the next
 * such line closes it, so no line is read more than twice.
 */
#include "connect/source-internal.h"

#include <string.h>

struct NtCsv {
    NtLines *lines;
    uint64_t line_limit, cell_limit, column_limit;
    char delimiter;  /* 0: not told yet */
    GString *buffer; /* lines read and not done with, each with '\n' */
    size_t start;    /* of the record */
    size_t scan;     /* of the next line to look at */
    uint64_t start_line, scan_line;
    bool begun;           /* the header was met */
    bool ended, overlong; /* the stream's end; a line of the stream was over the limit and is lost */
    GString *cells;       /* texts of the cells, each with NUL */
    GArray *offsets;      /* size_t: where each begins */
    GPtrArray *names;     /* char *: of the columns, once they are known */
    bool plain;           /* quotes are text */
    bool quoted;          /* the parser is inside quotes */
};

NtCsv *nt_csv_new(NtLines *lines, const NtLimits *limits) {
    NtCsv *csv = g_new0(NtCsv, 1);
    csv->lines = lines;
    csv->line_limit = limits->list_line;
    csv->cell_limit = limits->list_field;
    csv->column_limit = limits->list_columns;
    csv->buffer = g_string_new(NULL);
    csv->scan_line = 1;
    csv->start_line = 1;
    csv->cells = g_string_new(NULL);
    csv->offsets = g_array_new(false, false, sizeof(size_t));
    csv->names = g_ptr_array_new_with_free_func(g_free);
    return csv;
}

void nt_csv_free(NtCsv *csv) {
    if (csv != NULL) {
        nt_lines_close(csv->lines);
        g_string_free(csv->buffer, TRUE);
        g_string_free(csv->cells, TRUE);
        g_array_unref(csv->offsets);
        g_ptr_array_unref(csv->names);
        g_free(csv);
    }
}

uint64_t nt_csv_line(const NtCsv *csv) { return csv->start_line; }
size_t nt_csv_count(const NtCsv *csv) { return csv->offsets->len; }
const char *nt_csv_cell(const NtCsv *csv, size_t i) { return csv->cells->str + g_array_index(csv->offsets, size_t, i); }
const NtLines *nt_csv_lines(const NtCsv *csv) { return csv->lines; }
bool nt_csv_unended(const NtCsv *csv) { return nt_lines_unended(csv->lines) && csv->scan == csv->buffer->len; }

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/* The next line, from the buffer (being read again) or the stream. */
static NtLineStep take_line(NtCsv *csv, const char **out_text, size_t *out_size, GError **error) {
    if (csv->scan == csv->buffer->len) {
        const char *text = NULL;
        size_t size = 0;
        NtLineStep step = csv->overlong ? NT_LINE_TOO_LONG
                          : csv->ended  ? NT_LINE_END
                                        : nt_lines_next(csv->lines, &text, &size, error);
        csv->ended |= step == NT_LINE_END;
        csv->overlong = step == NT_LINE_TOO_LONG;
        if (step != NT_LINE) {
            return step;
        }
        g_string_append_len(csv->buffer, text, (gssize)size);
        g_string_append_c(csv->buffer, '\n');
    }
    const char *begin = csv->buffer->str + csv->scan;
    const char *end = memchr(begin, '\n', csv->buffer->len - csv->scan);
    *out_text = begin;
    *out_size = (size_t)(end - begin);
    csv->scan += *out_size + 1;
    csv->scan_line++;
    return NT_LINE;
}

/* Lets go of everything before the scan position. */
static void begin_record(NtCsv *csv) {
    if (csv->scan == csv->buffer->len) {
        g_string_truncate(csv->buffer, 0);
        csv->scan = 0;
    } else if (csv->scan > 65536 && csv->scan > csv->buffer->len / 2) {
        g_string_erase(csv->buffer, 0, (gssize)csv->scan);
        csv->scan = 0;
    }
    csv->start = csv->scan;
    csv->start_line = csv->scan_line;
    csv->quoted = false;
    g_string_truncate(csv->cells, 0);
    g_array_set_size(csv->offsets, 0);
}

/* Goes back to the record's second line, when it has one. */
static void resume_at_second_line(NtCsv *csv) {
    const char *begin = csv->buffer->str + csv->start;
    const char *end = memchr(begin, '\n', csv->buffer->len - csv->start);
    if (end != NULL && csv->scan_line > csv->start_line + 1) {
        csv->scan = (size_t)(end - csv->buffer->str) + 1;
        csv->scan_line = csv->start_line + 1;
    }
}

/* The delimiter of a header line: the commonest of the three outside quotes; Excel's "sep=;" says it outright. */
static char find_delimiter(const char *text, size_t size) {
    static const char marks[] = ",;\t";
    size_t counts[3] = {0};
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        quoted ^= text[i] == '"';
        for (size_t m = 0; m < 3 && !quoted; m++) {
            counts[m] += text[i] == marks[m];
        }
    }
    size_t best = counts[1] > counts[0] ? 1 : 0;
    return marks[counts[2] > counts[best] ? 2 : best];
}

/* Lists parted by tabs do without quotes, and `Blue 5" heel` is a text in them; only where each name in the header
 * stands in quotes are quotes what they are elsewhere. */
static bool has_plain_quotes(const char *text, size_t size) {
    g_autofree char *header = g_strndup(text, size);
    g_auto(GStrv) cells = g_strsplit(header, "\t", -1);
    for (size_t i = 0; cells[i] != NULL; i++) {
        size_t length = strlen(cells[i]);
        if (length < 2 || cells[i][0] != '"' || cells[i][length - 1] != '"') {
            return true;
        }
    }
    return false;
}

void nt_csv_name_columns(NtCsv *csv) {
    for (size_t i = 0; i < nt_csv_count(csv); i++) {
        g_ptr_array_add(csv->names, g_strstrip(g_strdup(nt_csv_cell(csv, i))));
    }
}

/* ---- cells ------------------------------------------------------------------------------------------------------ */

static void begin_cell(NtCsv *csv) {
    size_t offset = csv->cells->len;
    g_array_append_val(csv->offsets, offset);
}

static bool cell_fits(const NtCsv *csv, GError **error) {
    size_t size = csv->cells->len - g_array_index(csv->offsets, size_t, csv->offsets->len - 1);
    return size <= csv->cell_limit ||
           nt_fail(error, NITERU_ERROR_LIMIT, "cell %u is longer than %" G_GUINT64_FORMAT " bytes (limit list-field)%s",
                   csv->offsets->len, csv->cell_limit,
                   csv->scan_line > csv->start_line + 1 ? "; is a quote opened and not closed?" : "");
}

static bool end_cell(NtCsv *csv, GError **error) {
    if (!cell_fits(csv, error)) {
        return false;
    }
    g_string_append_c(csv->cells, '\0');
    return csv->offsets->len <= csv->column_limit ||
           nt_fail(error, NITERU_ERROR_LIMIT, "more than %" G_GUINT64_FORMAT " columns (limit list-columns)",
                   csv->column_limit);
}

/* Reads a cell in quotes from *at (behind the opening quote, or at the start of a further line). True when it was
 * closed; otherwise csv->quoted stays set, or *error is. */
static bool read_quoted(NtCsv *csv, const char *text, size_t size, size_t *at, GError **error) {
    for (;;) {
        const char *quote = memchr(text + *at, '"', size - *at);
        size_t end = quote != NULL ? (size_t)(quote - text) : size;
        g_string_append_len(csv->cells, text + *at, (gssize)(end - *at));
        *at = end;
        if (quote == NULL) {
            g_string_append_c(csv->cells, '\n');
            cell_fits(csv, error);
            return false;
        }
        if (end + 1 < size && text[end + 1] == '"') {
            g_string_append_c(csv->cells, '"');
            *at += 2;
            continue;
        }
        *at += 1;
        csv->quoted = false;
        if (*at < size && text[*at] != csv->delimiter) {
            return nt_fail(error, NITERU_ERROR_INVALID,
                           "cell %u: text follows a closing quote; a quote inside quotes is doubled (\"\")",
                           csv->offsets->len);
        }
        return true;
    }
}

static bool read_plain(NtCsv *csv, const char *text, size_t size, size_t *at, GError **error) {
    const char *mark = memchr(text + *at, csv->delimiter, size - *at);
    size_t end = mark != NULL ? (size_t)(mark - text) : size;
    if (!csv->plain && memchr(text + *at, '"', end - *at) != NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "cell %u: a quote inside a cell that is not in quotes; write \"12\"\" plate\" for 12\" plate",
                       csv->offsets->len);
    }
    g_string_append_len(csv->cells, text + *at, (gssize)(end - *at));
    *at = end;
    return true;
}

/* Takes one line into the record. On success csv->quoted tells whether the record goes on. */
static bool read_line(NtCsv *csv, const char *text, size_t size, GError **error) {
    size_t at = 0;
    bool inside = csv->quoted;
    for (;;) {
        if (!inside) {
            begin_cell(csv);
            csv->quoted = !csv->plain && at < size && text[at] == '"';
            at += csv->quoted;
        }
        inside = false;
        GError *fault = NULL;
        bool whole = csv->quoted ? read_quoted(csv, text, size, &at, &fault) : read_plain(csv, text, size, &at, &fault);
        if (fault != NULL) {
            g_propagate_error(error, fault);
            return false;
        }
        if (!whole) {
            return true;
        }
        if (!end_cell(csv, error)) {
            return false;
        }
        if (at == size) {
            return true;
        }
        at++; /* the delimiter */
    }
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

/* A record over several lines that went wrong. */
static bool fail_open_quote(const NtCsv *csv, const char *what, GError **error) {
    return nt_fail(error, NITERU_ERROR_INVALID, "cell %u: a quote is opened here and %s", csv->offsets->len, what);
}

/* Every cell must be text; the fault names the column. */
static bool check_text(const NtCsv *csv, GError **error) {
    const char *record = csv->buffer->str + csv->start;
    g_autoptr(GError) any = NULL;
    if (nt_lines_check(csv->lines, record, csv->scan - csv->start, &any)) {
        return true;
    }
    for (guint i = 0; i < csv->offsets->len; i++) {
        const char *cell = nt_csv_cell(csv, i), *name = i < csv->names->len ? g_ptr_array_index(csv->names, i) : "";
        g_autofree char *safe = nt_text_printable(name, 60);
        if (!nt_lines_check(csv->lines, cell, strlen(cell), error)) {
            g_prefix_error(error, "column %u%s%s%s: ", i + 1, *safe != '\0' ? " '" : "", safe,
                           *safe != '\0' ? "'" : "");
            return false;
        }
    }
    g_propagate_error(error, g_steal_pointer(&any));
    return false;
}

static bool check_count(const NtCsv *csv, size_t columns, GError **error) {
    size_t count = csv->offsets->len;
    bool several = csv->scan_line > csv->start_line + 1;
    if (columns == 0 || count == columns || (count < columns && !several)) {
        return true; /* a short row has its last values missing */
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "%zu cells, where the header has %zu%s", count, columns,
                   several ? "; is a quote opened and not closed?" : "");
}

/* Reads lines until the record is whole. *out_resume: the fault may lie in a quote, so the second line is tried. */
static NtCsvStep read_record(NtCsv *csv, const char *text, size_t size, size_t columns, bool *out_resume,
                             GError **error) {
    *out_resume = true;
    bool ok = read_line(csv, text, size, error);
    while (ok && csv->quoted) {
        NtLineStep step = take_line(csv, &text, &size, error);
        if (step == NT_LINE_FAILED) {
            return NT_CSV_FAILED;
        }
        if (step != NT_LINE) {
            ok = fail_open_quote(csv, step == NT_LINE_END ? "never closed" : "not closed within list-line", error);
        } else if (csv->scan - csv->start > csv->line_limit) {
            ok = fail_open_quote(csv, "not closed within list-line", error);
        } else {
            ok = read_line(csv, text, size, error);
        }
    }
    if (ok) {
        *out_resume = false;
        ok = check_text(csv, error);
    }
    if (ok) {
        *out_resume = true;
        ok = check_count(csv, columns, error);
    }
    return ok ? NT_CSV_RECORD : NT_CSV_REFUSED;
}

NtCsvStep nt_csv_next(NtCsv *csv, size_t columns, GError **error) {
    const char *text = NULL;
    size_t size = 0;
    for (;;) {
        begin_record(csv);
        NtLineStep step = take_line(csv, &text, &size, error);
        if (step == NT_LINE_END || step == NT_LINE_FAILED) {
            return step == NT_LINE_END ? NT_CSV_END : NT_CSV_FAILED;
        }
        if (step == NT_LINE_TOO_LONG) {
            csv->overlong = false;
            csv->scan_line++;
            nt_fail(error, NITERU_ERROR_LIMIT, "longer than %" G_GUINT64_FORMAT " bytes (limit list-line)",
                    csv->line_limit);
            return NT_CSV_REFUSED;
        }
        bool told = csv->delimiter == 0 && size == 5 && memcmp(text, "sep=", 4) == 0;
        if (told) {
            csv->delimiter = text[4];
        } else if (!nt_text_blank(text, size)) {
            break;
        }
    }
    if (!csv->begun) {
        csv->delimiter = csv->delimiter != 0 ? csv->delimiter : find_delimiter(text, size);
        csv->plain = csv->delimiter == '\t' && has_plain_quotes(text, size);
        csv->begun = true;
    }
    bool resume = false;
    NtCsvStep step = read_record(csv, text, size, columns, &resume, error);
    if (step == NT_CSV_REFUSED && resume) {
        resume_at_second_line(csv);
    }
    return step;
}
