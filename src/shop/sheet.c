/* SPDX-License-Identifier: Apache-2.0 */
/* Contact sheets of answers: fetches photos and texts, the draw room draws. */
#include "draw/draw.h"
#include "image/image.h"
#include "state/state.h"

struct NiteruSheet {
    NiteruCatalogue *catalogue;
    NtSheet *drawn;
    NtDecoder *decoder; /* NULL until a photo is needed */
};

NiteruSheet *niteru_sheet_new(NiteruCatalogue *catalogue, const char *title) {
    g_autofree char *name = g_path_get_basename(catalogue->folder); /* sheets are passed on: no paths of this machine */
    g_autofree char *subtitle = g_strdup_printf("each query, and what looks most like it in %s", name);
    NiteruSheet *sheet = g_new0(NiteruSheet, 1);
    sheet->catalogue = catalogue;
    sheet->drawn = nt_sheet_new(title, subtitle);
    return sheet;
}

void niteru_sheet_free(NiteruSheet *sheet) {
    if (sheet != NULL) {
        nt_sheet_free(sheet->drawn);
        g_clear_pointer(&sheet->decoder, nt_decoder_free);
        g_free(sheet);
    }
}

/* A reduced copy of a photo; NULL when it cannot be read, which the sheet shows as an empty frame. */
static NtPicture *thumbnail(NiteruSheet *sheet, const char *path) {
    g_autoptr(GBytes) bytes = nt_file_read(path, sheet->catalogue->limits.photo_bytes, NULL);
    if (bytes == NULL || sheet->decoder == NULL) {
        return NULL;
    }
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    NtPixels pixels;
    bool ok = nt_decoder_decode(sheet->decoder, data, size, path, NULL, &pixels, NULL, NULL);
    return ok ? nt_image_thumbnail(&pixels, 400, NULL) : NULL;
}

/* What a cell is drawn from, kept until the row is added. */
typedef struct Cell {
    NtPicture *photo;
    NtJson *product; /* NULL: not a product of the catalogue */
} Cell;

static void clear_cell(void *data) {
    Cell *cell = data;
    g_clear_pointer(&cell->photo, nt_picture_free);
    nt_json_free(cell->product);
}

/* The product, read at one moment that is over before a photo is decoded; NULL when there is none. */
static NtJson *read_product(NiteruSheet *sheet, const char *id) {
    g_auto(NtReader) reader = {0};
    int64_t product;
    return nt_reader_open(&reader, sheet->catalogue, NULL) && nt_catalogue_find_product(reader.db, id, &product, NULL)
               ? nt_catalogue_product_json(reader.db, product, NULL)
               : NULL;
}

static Cell fetch(NiteruSheet *sheet, const char *product, const char *photo) {
    Cell cell = {.product = product != NULL ? read_product(sheet, product) : NULL};
    if (photo == NULL && cell.product != NULL) {
        photo = nt_json_text(nt_json_get(nt_json_at(nt_json_get(cell.product, "photos"), 0), "photo"), NULL);
    }
    cell.photo = photo != NULL ? thumbnail(sheet, photo) : NULL;
    return cell;
}

static NtSheetCell describe(const Cell *cell, const char *name) {
    const NtJson *title = nt_json_get(nt_json_get(cell->product, "metadata"), "title");
    const char *text = nt_json_text(title, NULL);
    return (NtSheetCell){.photo = cell->photo != NULL ? &cell->photo->pixels : NULL,
                         .title = text != NULL ? text : name,
                         .caption = text != NULL ? name : NULL,
                         .score = -1};
}

bool niteru_sheet_add(NiteruSheet *sheet, const char *product, const char *photo, const NiteruResults *results,
                      GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    if (!nt_call_begin(&call, sheet->catalogue, 0, cancellable, error) ||
        (sheet->decoder == NULL && (sheet->decoder = nt_decoder_new(&sheet->catalogue->limits, error)) == NULL)) {
        return false;
    }
    size_t count = MIN(niteru_results_count(results), (size_t)NT_SHEET_RESULTS);
    g_autoptr(GArray) fetched = g_array_sized_new(FALSE, TRUE, sizeof(Cell), (guint)count + 1);
    g_array_set_clear_func(fetched, clear_cell);
    g_autofree NtSheetCell *cells = g_new0(NtSheetCell, count + 1);
    for (size_t i = 0; i <= count; i++) {
        if (!nt_wait_check(&call.wait, error)) {
            return false;
        }
        const NiteruResult *result = i > 0 ? niteru_results_get(results, i - 1) : NULL;
        Cell cell = result != NULL ? fetch(sheet, result->product, result->photo) : fetch(sheet, product, photo);
        g_array_append_val(fetched, cell);
        const char *name = result != NULL ? result->product : product != NULL ? product : photo;
        cells[i] = describe(&g_array_index(fetched, Cell, i), name);
        if (result != NULL) {
            cells[i].score = result->score;
            cells[i].word = result->word;
        }
    }
    return nt_sheet_add(sheet->drawn, &cells[0], cells + 1, count, error);
}

bool niteru_sheet_write(NiteruSheet *sheet, const char *path, GError **error) {
    if (sheet->decoder == NULL && (sheet->decoder = nt_decoder_new(&sheet->catalogue->limits, error)) == NULL) {
        return false;
    }
    return nt_sheet_write(sheet->drawn, sheet->decoder, path, error);
}
