/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of photos, walked in the bytewise order of the paths below it. In memory are the names of one folder and of
 * those above it, never the whole tree.
 *
 * A file whose name ends as photos' names do is taken for one without being opened; what the bytes are is found when
 * they are decoded. Any other is a photo when its first bytes say so (NtSourceOptions.look), and counted and named when
 * they do not. Names that begin with a dot are passed over, and so are folders that file managers leave (__MACOSX,
 * @eaDir) and a catalogue of niteru's own. Whatever cannot be looked at is a fault, links that lead nowhere too: it may
 * be a disk that is not there.
 *
 * Links to files are followed. A link to a folder is followed when it leads out of the source and not back into a
 * folder the walk is in; photos inside the source come under their own path anyway. So a walk always ends.
 */
#include "connect/source-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 100 };

/* One folder of the walk. */
typedef struct Frame {
    char *path;         /* below the source, "" or ending in "/" */
    GPtrArray *entries; /* names; of folders with "/" at the end; sorted */
    guint at;
    dev_t device;
    ino_t inode;
    bool grouped; /* product_from_folder: its photos were given out */
} Frame;

typedef struct Walk {
    GPtrArray *frames; /* Frame, the deepest last */
    char *real;        /* the source's path with links resolved, ending in "/" */
    bool product_from_folder;
    bool (*look)(const uint8_t *head, size_t size, const char **out_what);
} Walk;

static void free_frame(void *at) {
    Frame *frame = at;
    g_free(frame->path);
    g_ptr_array_unref(frame->entries);
    g_free(frame);
}

bool nt_is_photo_name(const char *name) {
    static const char *const endings[] = {"jpg", "jpeg", "jpe",  "jfif", "png",  "webp",
                                          "gif", "tif",  "tiff", "avif", "heic", "heif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < G_N_ELEMENTS(endings); i++) {
        if (g_ascii_strcasecmp(dot + 1, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_passed_over(const char *name) {
    return name[0] == '.' || g_str_equal(name, "__MACOSX") || g_str_equal(name, "@eaDir");
}

static char *full_path(const NtSource *source, const char *below) {
    return g_build_filename(source->location, below, NULL);
}

/* What an entry is, links followed: 'd', 'f', or 0 for anything else and what cannot be looked at. */
static char type_of(const NtSource *source, int folder, const struct dirent *entry, int *out_errno) {
    *out_errno = 0;
    if (entry->d_type == DT_DIR || entry->d_type == DT_REG) {
        return entry->d_type == DT_DIR ? 'd' : 'f';
    }
    struct stat st;
    if (fstatat(folder, entry->d_name, &st, 0) != 0) {
        *out_errno = errno;
        return 0;
    }
    return S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : 0;
}

/* Counts and names a file that is no photo. */
static void skip(NtSource *source, const Frame *frame, const char *name, const char *what) {
    source->skipped++;
    g_autofree char *below = g_strconcat(frame->path, name, NULL), *safe = nt_text_printable(below, 200);
    nt_keep_name(source->skipped_names, what != NULL ? g_strdup_printf("%s (%s)", safe, what) : g_steal_pointer(&safe),
                 NT_SKIPPED_NAMES);
}

static void entry_fault(NtSource *source, const Frame *frame, const char *name, int fault) {
    g_autofree char *below = g_strconcat(frame->path, name, NULL), *path = full_path(source, below);
    nt_row_begin(source, path, 0);
    nt_row_fault(source, path, fault != 0 ? nt_error_code_from_errno(fault) : NITERU_ERROR_INVALID, "%s",
                 fault != 0 ? g_strerror(fault) : "not a regular file");
}

/* Reads the first bytes of a file; negative with errno when that cannot be done. */
static ssize_t read_head(int folder, const char *name, uint8_t head[NT_LOOK_BYTES]) {
    int fd = nt_file_open_at(folder, name, 0);
    if (fd < 0) {
        return -1;
    }
    ssize_t got;
    while ((got = pread(fd, head, NT_LOOK_BYTES, 0)) < 0 && errno == EINTR) {
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return got;
}

/* A file that is not named as photos are. */
static void look_at(NtSource *source, int folder, const char *name, Frame *frame) {
    const Walk *walk = source->state;
    uint8_t head[NT_LOOK_BYTES];
    const char *what = NULL;
    ssize_t got = walk->look != NULL ? read_head(folder, name, head) : 0;
    if (got < 0 && errno == EBUSY) {
        skip(source, frame, name, "of the catalogue");
    } else if (got < 0) {
        entry_fault(source, frame, name, errno);
    } else if (walk->look != NULL && walk->look(head, (size_t)got, &what)) {
        g_ptr_array_add(frame->entries, g_strdup(name));
    } else {
        skip(source, frame, name, what);
    }
}

static void take_entry(NtSource *source, DIR *folder, const struct dirent *entry, Frame *frame) {
    const char *name = entry->d_name;
    if (is_passed_over(name)) {
        bool file = entry->d_type == DT_REG;
        source->skipped += file;
        source->hidden += file;
        return;
    }
    int fault = 0;
    char type = type_of(source, dirfd(folder), entry, &fault);
    if (type == 'd') {
        g_ptr_array_add(frame->entries, g_strconcat(name, "/", NULL));
    } else if (type == 'f' && nt_is_photo_name(name)) {
        g_ptr_array_add(frame->entries, g_strdup(name));
    } else if (type == 'f') {
        look_at(source, dirfd(folder), name, frame);
    } else if (fault != 0 || nt_is_photo_name(name)) {
        entry_fault(source, frame, name, fault);
    } else {
        skip(source, frame, name, "not a regular file");
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_catalogue(int folder) {
    return faccessat(folder, "catalogue.db", F_OK, 0) == 0 && faccessat(folder, "vectors", F_OK, 0) == 0;
}

/* Whether a folder reached by a link is to be walked: not inside the source, and none that we are in. */
static bool leads_elsewhere(const Walk *walk, const char *path, const struct stat *st) {
    for (guint i = 0; i < walk->frames->len; i++) {
        const Frame *frame = g_ptr_array_index(walk->frames, i);
        if (frame->device == st->st_dev && frame->inode == st->st_ino) {
            return false;
        }
    }
    struct stat link;
    g_autofree char *bare = g_strndup(path, strlen(path) - (g_str_has_suffix(path, "/") ? 1 : 0));
    if (lstat(bare, &link) != 0 || !S_ISLNK(link.st_mode)) {
        return true;
    }
    char *resolved = realpath(bare, NULL);
    g_autofree char *real = resolved != NULL ? g_strconcat(resolved, "/", NULL) : NULL;
    free(resolved);
    return real != NULL && !g_str_has_prefix(real, walk->real);
}

/* Reads the names of a folder and goes into it. A folder that cannot be read is a fault. */
static void enter(NtSource *source, const char *below) {
    Walk *walk = source->state;
    g_autofree char *path = full_path(source, below);
    nt_row_begin(source, path, 0);
    if (walk->frames->len >= MOST_DEPTH) {
        nt_row_fault(source, NULL, NITERU_ERROR_LIMIT, "folders are nested deeper than %d", MOST_DEPTH);
        return;
    }
    DIR *folder = opendir(path);
    struct stat st;
    if (folder == NULL || fstat(dirfd(folder), &st) != 0) {
        nt_row_fault(source, NULL, nt_error_code_from_errno(errno), "%s", g_strerror(errno));
        g_clear_pointer(&folder, closedir);
        return;
    }
    if (!leads_elsewhere(walk, path, &st) || (walk->frames->len > 0 && is_catalogue(dirfd(folder)))) {
        closedir(folder);
        return;
    }
    Frame *frame = g_new0(Frame, 1);
    frame->path = g_strdup(below);
    frame->entries = g_ptr_array_new_with_free_func(g_free);
    frame->device = st.st_dev;
    frame->inode = st.st_ino;
    const struct dirent *entry;
    size_t held = 0;
    while ((errno = 0, entry = readdir(folder)) != NULL) {
        held += !g_str_equal(entry->d_name, ".") && !g_str_equal(entry->d_name, "..");
        take_entry(source, folder, entry, frame);
    }
    int fault = errno;
    if (fault == 0 && held == 0 && below[0] != '\0') {
        nt_keep_name(source->empty_folders, g_strdup(below), NT_EMPTY_FOLDERS);
    }
    if (fault != 0) {
        nt_row_begin(source, path, 0);
        nt_row_fault(source, NULL, nt_error_code_from_errno(fault), "cannot be read to its end: %s", g_strerror(fault));
    }
    closedir(folder);
    g_ptr_array_sort(frame->entries, compare_names);
    g_ptr_array_add(walk->frames, frame);
}

/* The id of a path below the source: NFC. Queues a fault when the name is not text. */
static bool set_id(NtSource *source, const char *below, const char *path) {
    if (!g_utf8_validate(below, -1, NULL)) {
        return nt_row_fault(source, path, NITERU_ERROR_INVALID, "the name is not UTF-8; rename it");
    }
    g_autofree char *id = nt_text_nfc(below);
    return nt_row_set_id(source, id);
}

static NtSourceStep give_photo(NtSource *source, const Frame *frame, const char *name) {
    g_autofree char *below = g_strconcat(frame->path, name, NULL), *path = full_path(source, below);
    nt_row_begin(source, path, 0);
    if (!set_id(source, below, path)) {
        return NT_SOURCE_FAULT;
    }
    g_ptr_array_add(source->photos, g_steal_pointer(&path));
    return NT_SOURCE_PRODUCT;
}

/* All photos that lie in a folder itself, as one product named by the folder. */
static NtSourceStep give_folder(NtSource *source, Frame *frame) {
    frame->grouped = true;
    g_autofree char *name = g_strndup(frame->path, strlen(frame->path) - 1), *folder = full_path(source, name);
    nt_row_begin(source, folder, 0);
    if (!set_id(source, name, NULL)) {
        return NT_SOURCE_FAULT;
    }
    size_t left_out = 0;
    for (guint i = 0; i < frame->entries->len; i++) {
        const char *entry = g_ptr_array_index(frame->entries, i);
        if (g_str_has_suffix(entry, "/")) {
            continue;
        }
        g_autofree char *below = g_strconcat(frame->path, entry, NULL), *path = full_path(source, below);
        if (!g_utf8_validate(entry, -1, NULL)) {
            g_autofree char *safe = nt_text_printable(entry, 200);
            nt_row_fault(source, path, NITERU_ERROR_INVALID, "%s: the name is not UTF-8; rename it", safe);
        } else if (source->photos->len >= NT_MOST_PHOTOS) {
            left_out++;
        } else {
            g_ptr_array_add(source->photos, g_steal_pointer(&path));
        }
    }
    if (left_out > 0) {
        nt_row_fault(source, NULL, NITERU_ERROR_LIMIT,
                     "a product may have %d photos; %zu more in this folder were left out", NT_MOST_PHOTOS, left_out);
    }
    return source->photos->len > 0 ? NT_SOURCE_PRODUCT : NT_SOURCE_FAULT;
}

static NtSourceStep next_of_folder(NtSource *source, GError **error) {
    Walk *walk = source->state;
    if (walk->frames->len == 0) {
        return NT_SOURCE_END;
    }
    Frame *frame = g_ptr_array_index(walk->frames, walk->frames->len - 1);
    bool grouping = walk->product_from_folder && frame->path[0] != '\0';
    if (grouping && !frame->grouped) {
        return give_folder(source, frame);
    }
    if (frame->at == frame->entries->len) {
        g_ptr_array_remove_index(walk->frames, walk->frames->len - 1);
        return NT_SOURCE_FAULT; /* nothing given; ask again */
    }
    const char *name = g_ptr_array_index(frame->entries, frame->at++);
    if (g_str_has_suffix(name, "/")) {
        g_autofree char *below = g_strconcat(frame->path, name, NULL);
        enter(source, below);
        return NT_SOURCE_FAULT;
    }
    return grouping ? NT_SOURCE_FAULT : give_photo(source, frame, name);
}

static bool open_folder(NtSource *source, const NtSourceOptions *options, GError **error) {
    const char *option = options->map != NULL && options->map[0] != NULL ? "map"
                         : options->photos != NULL                       ? "photos"
                         : options->separator != NULL                    ? "image_separator"
                                                                         : NULL;
    if (option != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: the option %s is for lists; a folder has no columns", source->given,
                option);
        return nt_fact(error, "option", option);
    }
    DIR *readable = opendir(source->location);
    if (readable == NULL) {
        return nt_fail_errno(error, errno, "%s", source->given);
    }
    closedir(readable);
    char *real = realpath(source->location, NULL);
    Walk *walk = g_new0(Walk, 1);
    walk->frames = g_ptr_array_new_with_free_func(free_frame);
    walk->real = g_str_equal(real != NULL ? real : "/", "/") ? g_strdup("/") : g_strconcat(real, "/", NULL);
    walk->product_from_folder = options->product_from_folder;
    walk->look = options->look;
    free(real);
    source->state = walk;
    /* The source itself may be a link. */
    g_autofree char *plain = g_strndup(walk->real, MAX(strlen(walk->real) - 1, 1));
    g_free(source->location);
    source->location = g_steal_pointer(&plain);
    enter(source, "");
    return true;
}

static void close_folder(NtSource *source) {
    Walk *walk = source->state;
    if (walk != NULL) {
        g_ptr_array_unref(walk->frames);
        g_free(walk->real);
        g_free(walk);
    }
}

const NtSourceKind nt_source_folder = {
    .name = "folder", .open = open_folder, .next = next_of_folder, .close = close_folder};
