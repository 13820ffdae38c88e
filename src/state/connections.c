/* SPDX-License-Identifier: Apache-2.0 */
/* The connections searches read through, and the turn to write. */
#include "state/state.h"

NtCatalogue *nt_reader_take(NiteruCatalogue *catalogue, GError **error) {
    g_mutex_lock(&catalogue->lock);
    NtCatalogue *reader = catalogue->readers->len > 0
                              ? g_ptr_array_steal_index_fast(catalogue->readers, catalogue->readers->len - 1)
                              : NULL;
    g_mutex_unlock(&catalogue->lock);
    return reader != NULL ? reader : nt_catalogue_open_reader(catalogue->db, error);
}

void nt_reader_give(NiteruCatalogue *catalogue, NtCatalogue *reader) {
    g_mutex_lock(&catalogue->lock);
    g_ptr_array_add(catalogue->readers, reader);
    g_mutex_unlock(&catalogue->lock);
}

bool nt_reader_open_any(NtReader *reader, NiteruCatalogue *catalogue, GError **error) {
    *reader = (NtReader){.catalogue = catalogue, .db = nt_reader_take(catalogue, error)};
    return reader->db != NULL && nt_catalogue_begin_reading(reader->db, error);
}

bool nt_reader_open(NtReader *reader, NiteruCatalogue *catalogue, GError **error) {
    *reader = (NtReader){.catalogue = catalogue, .db = nt_reader_take(catalogue, error)};
    return reader->db != NULL && nt_catalogue_check_whole(reader->db, error) &&
           nt_catalogue_begin_reading(reader->db, error);
}

void nt_reader_clear(NtReader *reader) {
    if (reader->db != NULL) {
        nt_catalogue_end_reading(reader->db);
        nt_reader_give(reader->catalogue, reader->db);
        reader->db = NULL;
    }
}

bool nt_writer_lock(NiteruCatalogue *catalogue, GError **error) {
    if (nt_catalogue_read_only(catalogue->db)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_rec_mutex_lock(&catalogue->writing);
    if (catalogue->writers > 0) {
        g_rec_mutex_unlock(&catalogue->writing);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "this thread is writing to %s already: a callback cannot write, do it after the call",
                       catalogue->folder);
    }
    catalogue->writers++;
    return true;
}

void nt_writer_unlock(NiteruCatalogue *catalogue) {
    catalogue->writers--;
    g_rec_mutex_unlock(&catalogue->writing);
}
