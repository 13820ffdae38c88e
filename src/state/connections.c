/* SPDX-License-Identifier: Apache-2.0 */
/* The connections searches read through. A few are kept for the next who come. */
#include "state/state.h"

enum { MOST_READERS = 64 };

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
    bool keep = catalogue->readers->len < MOST_READERS;
    if (keep) {
        g_ptr_array_add(catalogue->readers, reader);
    }
    g_mutex_unlock(&catalogue->lock);
    if (!keep) {
        nt_catalogue_close(reader);
    }
}

bool nt_reader_open_any(NtReader *reader, NiteruCatalogue *catalogue, GError **error) {
    *reader = (NtReader){.catalogue = catalogue, .db = nt_reader_take(catalogue, error)};
    return reader->db != NULL && nt_catalogue_check_in_place(reader->db, error) &&
           nt_catalogue_begin_reading(reader->db, error);
}

bool nt_reader_open(NtReader *reader, NiteruCatalogue *catalogue, GError **error) {
    *reader = (NtReader){.catalogue = catalogue, .db = nt_reader_take(catalogue, error)};
    return reader->db != NULL && nt_catalogue_check_in_place(reader->db, error) &&
           nt_catalogue_check_whole(reader->db, error) && nt_catalogue_begin_reading(reader->db, error);
}

bool nt_reader_open_for(NtReader *reader, const NtCall *call, GError **error) {
    if (!nt_reader_open(reader, call->catalogue, error)) {
        return false;
    }
    nt_catalogue_set_wait(reader->db, &call->wait);
    return true;
}

void nt_reader_clear(NtReader *reader) {
    if (reader->db != NULL) {
        nt_catalogue_set_wait(reader->db, NULL);
        nt_catalogue_end_reading(reader->db);
        nt_reader_give(reader->catalogue, reader->db);
        reader->db = NULL;
    }
}
