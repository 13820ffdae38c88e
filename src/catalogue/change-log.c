/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which products changed, in order. What a transaction changes is noted in memory, as often as it comes, and written
 * when the transaction is committed, each product once; a rollback forgets it. Both stay bounded: the notes are brought
 * down to distinct products when they become many, and the log is cut to its newest LOG_ENTRIES when it has twice as
 * many. It is never emptied: the largest sequence number only grows.
 *
 * Whether the log reaches back to an entry is told by the entry itself, which must still be there. So a transaction of
 * more than LOG_ENTRIES products may leave one entry for all of them, the only one in the log: everyone who asks for
 * what came after an earlier one is sent to read everything.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LOG_ENTRIES = 65536, MOST_NOTES = 4 * LOG_ENTRIES };

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

void nt_numbers_sort(GArray *products, guint first) {
    if (products->len == first) {
        return;
    }
    int64_t *all = (int64_t *)(void *)products->data;
    qsort(all + first, products->len - first, sizeof *all, compare);
    guint kept = first;
    for (guint i = first; i < products->len; i++) {
        if (i == first || all[i] != all[kept - 1]) {
            all[kept++] = all[i];
        }
    }
    g_array_set_size(products, kept);
}

void nt_change_note(NtCatalogue *catalogue, int64_t product) {
    GArray *changed = catalogue->changed;
    bool same = changed->len > 0 && g_array_index(changed, int64_t, changed->len - 1) == product;
    if (same || catalogue->changed_many) {
        return;
    }
    g_array_append_val(changed, product);
    if (changed->len == MOST_NOTES) {
        nt_numbers_sort(changed, 0);
        catalogue->changed_many = changed->len > LOG_ENTRIES;
    }
}

bool nt_change_note_owners(NtCatalogue *catalogue, int64_t content, bool *out_shown, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT product FROM photo WHERE content = ?1", "i", content)) {
        return false;
    }
    int step;
    bool shown = false;
    while ((step = nt_query_step(&query, error)) == 1) {
        nt_change_note(catalogue, nt_column_int(&query, 0));
        shown = true;
    }
    if (step == 0 && out_shown != NULL) {
        *out_shown = shown;
    }
    return step == 0;
}

bool nt_change_note_all(NtCatalogue *catalogue, GError **error) {
    int64_t one = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &one, error, "SELECT min(product) FROM product", "")) {
        return false;
    }
    if (one != 0) {
        nt_change_note(catalogue, one);
        catalogue->changed_many = true;
    }
    return true;
}

void nt_change_forget(NtCatalogue *catalogue) {
    if (catalogue->changed != NULL) {
        g_array_set_size(catalogue->changed, 0);
    }
    catalogue->changed_many = false;
}

/* One entry for all, and nothing before it. */
static bool write_many(NtCatalogue *catalogue, GError **error) {
    int64_t last = 0;
    return nt_sql_int(&catalogue->sql, 0, &last, error, "SELECT max(seq) FROM change", "") &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM change", "") &&
           nt_sql_run(&catalogue->sql, error, "INSERT INTO change(seq, product) VALUES(?1, ?2)", "ii", last + 1,
                      g_array_index(catalogue->changed, int64_t, 0));
}

bool nt_change_write(NtCatalogue *catalogue, GError **error) {
    GArray *changed = catalogue->changed;
    nt_numbers_sort(changed, 0);
    if (catalogue->changed_many || changed->len > LOG_ENTRIES) {
        return write_many(catalogue, error);
    }
    for (guint i = 0; i < changed->len; i++) {
        if (!nt_sql_run(&catalogue->sql, error, "INSERT INTO change(product) VALUES(?1)", "i",
                        g_array_index(changed, int64_t, i))) {
            return false;
        }
    }
    int64_t span = 0;
    return changed->len == 0 ||
           (nt_sql_int(&catalogue->sql, 0, &span, error,
                       "SELECT (SELECT max(seq) FROM change) - (SELECT min(seq) FROM change)", "") &&
            (span < 2 * (int64_t)LOG_ENTRIES ||
             nt_sql_run(&catalogue->sql, error, "DELETE FROM change WHERE seq <= (SELECT max(seq) FROM change) - ?1",
                        "i", (int64_t)LOG_ENTRIES)));
}

bool nt_catalogue_last_change(NtCatalogue *catalogue, uint64_t *out_seq, GError **error) {
    int64_t last = -1; /* UINT64_MAX */
    if (nt_has_changes(catalogue) && !nt_sql_int(&catalogue->sql, 0, &last, error, "SELECT max(seq) FROM change", "")) {
        return false;
    }
    *out_seq = (uint64_t)last;
    return true;
}

bool nt_catalogue_changes(NtCatalogue *catalogue, uint64_t since, GArray *out, bool *out_complete, GError **error) {
    guint before = out->len;
    bool complete = since == 0, first = true;
    if (!nt_has_changes(catalogue) || since > INT64_MAX) {
        *out_complete = false;
        return true;
    }
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT seq, product FROM change WHERE seq >= ?1 ORDER BY seq",
                       "i", (int64_t)since)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1 && out->len - before <= 2 * LOG_ENTRIES) {
        int64_t seq = nt_column_int(&query, 0), product = nt_column_int(&query, 1);
        if (first) {
            /* From the very beginning the first entry ever must be there, else the one asked from. */
            complete = seq == (since == 0 ? 1 : (int64_t)since);
            first = false;
        }
        if (!complete) {
            break;
        }
        if (seq > (int64_t)since) {
            g_array_append_val(out, product);
        }
    }
    if (step < 0 || !complete || out->len - before > 2 * LOG_ENTRIES) {
        g_array_set_size(out, before);
        complete = false;
    }
    if (step >= 0) {
        nt_numbers_sort(out, before);
        *out_complete = complete;
    }
    return step >= 0;
}

bool nt_catalogue_commits(NtCatalogue *catalogue, uint64_t *out_commits, GError **error) {
    int64_t commits = 0;
    if (nt_has_makers(catalogue) &&
        !nt_sql_int(&catalogue->sql, 0, &commits, error, "SELECT value FROM meta WHERE key = 'commits'", "")) {
        return false;
    }
    *out_commits = (uint64_t)MAX(commits, 0);
    return true;
}
