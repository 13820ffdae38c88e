/* SPDX-License-Identifier: Apache-2.0 */
/* Photos and their contents. Included by catalogue/catalogue.h. */
#ifndef NT_CATALOGUE_PHOTO_H
#define NT_CATALOGUE_PHOTO_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

/* What tells a file that was not touched since it was read: all four equal. All zeros: not known, never equal. */
typedef struct NtStamp {
    int64_t size;     /* bytes */
    int64_t mtime_ns; /* nanoseconds since 1970 */
    int64_t ctime_ns;
    int64_t inode;
} NtStamp;

/* The stamp of a file (symbolic links followed). Take it before reading the file, so that a change during the read is
 * noticed by the next run. Errors: NOT_FOUND, INVALID (not a regular file), IO. Thread-safe. */
bool nt_stamp_read(const char *path, NtStamp *out, GError **error);
/* The same of an open descriptor; `name` is for messages. */
bool nt_stamp_read_fd(int fd, const char *name, NtStamp *out, GError **error);

/* One photo of a product being put. */
typedef struct NtPhotoPut {
    const char *location; /* absolute path, or address */
    NtStamp stamp;        /* of the file now; zeros: always to be read */
} NtPhotoPut;

typedef struct NtPhotoState {
    int64_t photo;   /* its row, for the calls below */
    int64_t content; /* what it shows, unchanged since it was read; 0: read it */
    int64_t shown;   /* what it shows now, whether or not that is to be read again; 0: nothing */
    bool failed;     /* unchanged since it failed (content is 0); worth another try: the fault may have passed */
} NtPhotoState;

/* One distinct photo file. */
typedef struct NtContent {
    uint8_t hash[32];   /* SHA-256 of the encoded bytes */
    uint64_t bytes;     /* encoded size */
    const char *format; /* "jpeg", ...; NULL: not known */
    uint32_t width;     /* pixels, upright; 0: not known */
    uint32_t height;
} NtContent;

/* The content with this hash; *out_content = 0 when there is none. */
bool nt_catalogue_find_content(NtCatalogue *catalogue, const uint8_t hash[32], int64_t *out_content, GError **error);

/* Adds a content, or finds the one with the same hash. */
bool nt_catalogue_add_content(NtCatalogue *catalogue, const NtContent *content, int64_t *out_content, GError **error);

/* Whether any photo shows a content. */
bool nt_catalogue_is_shown(NtCatalogue *catalogue, int64_t content, bool *out, GError **error);

/* Whether a photo of this number is still the one at `location`, and still shows `content` (0: nothing): for who sets
 * its content or failure long after the number was got, when the photo may be gone and its number another's, or may
 * have been put anew. */
bool nt_catalogue_photo_is(NtCatalogue *catalogue, int64_t photo, const char *location, int64_t content, bool *out,
                           GError **error);

/* The photo was read: it shows `content`, and its file had this stamp. Clears an earlier failure. Vectors that were
 * imported for a photo without a file go over to `content` where that has none. Errors: NOT_FOUND (the photo was
 * removed meanwhile). */
bool nt_catalogue_set_photo_content(NtCatalogue *catalogue, int64_t photo, int64_t content, const NtStamp *stamp,
                                    GError **error);

/* The photo could not be used, because of `reason`; it shows nothing then. `stamp` NULL: not known. */
bool nt_catalogue_set_photo_failure(NtCatalogue *catalogue, int64_t photo, const GError *reason, const NtStamp *stamp,
                                    GError **error);

/* The content to which an imported vector belongs: that of the product's `position`-th photo (from 0); a photo and a
 * content without a file are made where there are none. */
bool nt_catalogue_import_content(NtCatalogue *catalogue, int64_t product, unsigned position, int64_t *out_content,
                                 GError **error);

/* Calls `each` for the locations of a product's photos in their order; stops when it returns false. */
bool nt_catalogue_each_photo(NtCatalogue *catalogue, int64_t product, bool (*each)(const char *location, void *data),
                             void *data, GError **error);

/* A photo by its row: id of its product, location; new texts, either may be NULL when not wanted.
 * Errors: NOT_FOUND. */
bool nt_catalogue_photo_names(NtCatalogue *catalogue, int64_t photo, char **out_id, char **out_location,
                              GError **error);

/* What is known of a photo at a web address. */
typedef struct NtWebState {
    int64_t content;       /* what it shows; 0: it is not known yet, and neither is the rest */
    char *etag, *modified; /* as its host said them; NULL: it did not */
    int64_t asked;         /* when it was last known to be so, microseconds since 1970 */
} NtWebState;
void nt_web_state_clear(NtWebState *state);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtWebState, nt_web_state_clear)

/* Of the photos at an address that show something, the one that was asked for last. */
bool nt_catalogue_find_web(NtCatalogue *catalogue, const char *address, NtWebState *out, GError **error);

/* The photo shows what its address gave just now. `own_network`: addresses of private networks were allowed. */
bool nt_catalogue_set_photo_web(NtCatalogue *catalogue, int64_t photo, const char *etag, const char *modified,
                                int64_t asked, bool own_network, GError **error);

/* Whether a photo's address may be asked for in a private network too: it was when it came. */
bool nt_catalogue_is_own_network(NtCatalogue *catalogue, const char *address, bool *out, GError **error);

typedef struct NtPhotoFailure {
    const char *product; /* id; all borrowed for the time of the callback */
    const char *location;
    const char *message;
    NiteruError code;
} NtPhotoFailure;

/* Photos that could not be used, in the order of products' rows. */
bool nt_catalogue_each_failure(NtCatalogue *catalogue, bool (*each)(const NtPhotoFailure *failure, void *data),
                               void *data, GError **error);

/* The photo at a position (from 0) of a product: its location, new, and the hash of what it shows; *out_hashed: it has
 * one. Errors: NOT_FOUND (no product of that id, or not so many photos). */
bool nt_catalogue_find_photo(NtCatalogue *catalogue, const char *id, unsigned position, char **out_location,
                             uint8_t out_hash[32], bool *out_hashed, GError **error);

#endif
