/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what everything on a catalogue shares: the handle (NiteruCatalogue), connections for reading and the turn to
 * write (connections.c), models (models.c, model-add.c), their vectors files (generations.c) and whose vectors these
 * are (makers.c). The public header has the contracts of everything named niteru_.
 */
#ifndef NT_STATE_H
#define NT_STATE_H

#include "base/base.h"
#include "catalogue/catalogue.h"
#include "embed/embed.h"
#include "index/index.h"
#include "niteru/niteru.h"

typedef struct NtShared NtShared;
typedef struct NtFilters NtFilters;
typedef struct NtTurns NtTurns;

struct NiteruCatalogue {
    NtCatalogue *db; /* the writer's connection, used by whose turn it is; a reader's in a read-only catalogue */
    NtTurns *turns;
    GMutex lock;           /* the eight below */
    GPtrArray *writers;    /* GThread, of writing calls under way */
    unsigned calls;        /* from outside, under way */
    GCond idle;            /* there are none any more */
    GPtrArray *readers;    /* connections that no search is using */
    GPtrArray *models;     /* NtModel that are in use; they take themselves out */
    GPtrArray *networks;   /* NtModelNetwork, kept until the model is gone */
    GCancellable *closing; /* cancelled when no call may begin any more */
    bool thumbs_counted;   /* it is known how many bytes the small pictures take that are kept: */
    uint64_t thumb_bytes;
    NtShared *shared;                  /* what searches share */
    NtFilters *filters;                /* conditions that were asked for lately */
    NtPipeline *pipeline;              /* for bulk work and single photos */
    NtThreadPool *pool;                /* for searches */
    struct NtRecommender *recommender; /* NULL until it is asked for; under `lock` */
    NtLimits limits;
    unsigned threads; /* at least 1 */
    bool discard;     /* made by this opening, and not to be kept while nothing is in it */
    char *folder;
};

/* ---- calls from outside (call.c) ---- */

/* Reads an options struct, whose first member is its size, that may be of an older or newer version of the header, or
 * NULL, into *to, which is as large as `known`. Errors: INVALID (no size, settings that are not known). */
bool nt_options_read(void *to, size_t known, const void *from, const char *name, GError **error);
#define NT_OPTIONS_READ(type, to, from, error) nt_options_read((to), sizeof(type), (from), #type, (error))
/* Fills in as much of a report as the caller knows; `out` may be NULL. */
void nt_report_write(void *out, const void *from, size_t known);

/* Until when a call may take. */
NtWait nt_wait_for(unsigned timeout_ms, GCancellable *cancellable);

/* A call on a catalogue, until the end of the scope. Errors: CANCELLED (also: it is being closed), TIMEOUT. */
typedef struct NtCall {
    NiteruCatalogue *catalogue; /* NULL: not counted */
    bool writing;
    NtWait wait;
} NtCall;
bool nt_call_begin(NtCall *call, NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable,
                   GError **error);
/* The same of a call that will write. Errors: also INVALID (this thread is in such a call already: a callback of it may
 * not write), and for a catalogue open for reading only. */
bool nt_call_begin_writing(NtCall *call, NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable,
                           GError **error);
void nt_call_clear(NtCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtCall, nt_call_clear)
/* Refuses new calls, stops those under way and waits for their end. */
void nt_calls_stop(NiteruCatalogue *catalogue);

/* ---- the turn to write (turn.c) ---- */

NtTurns *nt_turns_new(void);
void nt_turns_free(NtTurns *turns); /* NULL is fine */

/* Takes the turn and begins a transaction on catalogue->db, which is this thread's until commit, rollback or end. What
 * was read before, such as a model's rows and generation, is to be read again. Errors: INVALID (a catalogue open for
 * reading only), CANCELLED, TIMEOUT (names the process that writes), those of nt_catalogue_begin. */
bool nt_turn_begin(NiteruCatalogue *catalogue, const NtWait *wait, GError **error);
/* Both end the turn, a commit that fails too. Searches find what was committed. */
bool nt_turn_commit(NiteruCatalogue *catalogue, GError **error);
void nt_turn_rollback(NiteruCatalogue *catalogue);
/* Commits when `ok`, else rolls back and returns false. */
bool nt_turn_end(NiteruCatalogue *catalogue, bool ok, GError **error);
/* nt_catalogue_accept_loss, in a turn of its own. */
bool nt_turn_accept_loss(NiteruCatalogue *catalogue, const NtWait *wait, char **out_words, GError **error);

/* ---- connections for reading ---- */

/* A connection for this thread, to be given back. NULL with an error when none can be opened. */
NtCatalogue *nt_reader_take(NiteruCatalogue *catalogue, GError **error);
void nt_reader_give(NiteruCatalogue *catalogue, NtCatalogue *reader);

/* A connection that sees the catalogue as it is now, whatever another thread commits meanwhile, until the end of the
 * scope. */
typedef struct NtReader {
    NiteruCatalogue *catalogue;
    NtCatalogue *db; /* NULL: none */
} NtReader;
bool nt_reader_open(NtReader *reader, NiteruCatalogue *catalogue, GError **error);
/* The same for a call: what it reads ends when the call may take no longer. */
bool nt_reader_open_for(NtReader *reader, const NtCall *call, GError **error);
/* The same where commits were lost, which is an error (CORRUPT) of the one above. */
bool nt_reader_open_any(NtReader *reader, NiteruCatalogue *catalogue, GError **error);
void nt_reader_clear(NtReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtReader, nt_reader_clear)

/* ---- models in use (models.c) ---- */

/* The network of a model, for all generations of its vectors. */
typedef struct NtModelNetwork {
    gint refs;
    int64_t model;
    GMutex loading;     /* it may take seconds, in which other models' searches go on */
    NtNetwork *network; /* NULL until nt_model_network; under `loading` */
} NtModelNetwork;

/* A model with one generation of its vectors open. Whoever lets go of it last closes the file. Any thread may use it.
 */
typedef struct NtModel {
    gint refs;
    NiteruCatalogue *catalogue;
    int64_t model; /* row in the database */
    char *name;
    uint32_t generation;
    uint8_t hash[32];                /* of the network file, as it was added */
    uint8_t digest[NT_DIGEST_BYTES]; /* of all its files, where has_digest */
    bool has_digest;
    NtCard *card;       /* as it was when opened; its scores change, those of an NtVersion do not */
    NtVectors *vectors; /* writable in a catalogue open for writing */
    NtIndex *index;
    GMutex checking; /* the one below */
    GArray *intact;  /* guint16: how many rows of each block of vectors were compared with their digest */
    NtModelNetwork *network;
} NtModel;
NtModel *nt_model_ref(NtModel *model);
void nt_model_unref(NtModel *model); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtModel, nt_model_unref)

/* The model of a name (NULL: the default one) and how many rows of it the database names now; a reference. */
NtModel *nt_model_open(NiteruCatalogue *catalogue, NtCatalogue *db, const char *name, uint64_t *out_rows,
                       GError **error);
/* The same of a row of the table of models. */
NtModel *nt_model_open_row(NiteruCatalogue *catalogue, const NtModelRow *row, GError **error);
/* The same without a connection at hand, which is not held afterwards. */
NtModel *nt_model_find(NiteruCatalogue *catalogue, const char *name, GError **error);
/* Its card as it is now, with the present scores. */
NtCard *nt_model_card(NiteruCatalogue *catalogue, const NtModel *model, GError **error);
/* Forgets all networks; no NtModel is left. */
void nt_models_free(NiteruCatalogue *catalogue);
/* Forgets the network of a model that is gone. */
void nt_model_forget(NiteruCatalogue *catalogue, int64_t model);
/* Its first `rows` rows; the error says how to get them back when they are lost. */
bool nt_model_view(NtModel *model, uint64_t rows, NtRows *out, GError **error);

/* ---- what searches share (shared.c) ---- */

/* A model as of one commit; never changed. Its parts that did not change since are shared with the version before. */
typedef struct NtVersion {
    gint refs;
    NtModel *model;
    bool is_default;
    uint64_t rows;
    char *card_text;
    NtCard *card;
    NtRows view;
    NtLabels labels;                  /* row -> numbers of products, and the ranks of these */
    NtLabels products;                /* product -> rows + 1 */
    struct NtDescriptions *described; /* what answers said of products lately; shared by all versions */
} NtVersion;
void nt_version_unref(NtVersion *version); /* NULL is fine */

/* What a search works on: a model as of now, and a connection that sees the same moment until the end of the scope.
 * Keep it short: the log cannot be emptied meanwhile. */
typedef struct NtSnapshot {
    NtReader reader;
    NtVersion *version;
    uint64_t commits; /* the number of the last one it sees */
    NtCells groups;   /* product -> its group, see nt_snapshot_groups */
    bool grouped;     /* these are known */
} NtSnapshot;
/* The model of a name (NULL: the default one). The first one of a model costs time in proportion to it, and those after
 * a commit in proportion to what that changed. */
bool nt_snapshot_open(NtSnapshot *snapshot, NiteruCatalogue *catalogue, const char *model, GError **error);
void nt_snapshot_clear(NtSnapshot *snapshot);
/* Sees to the snapshot's groups: numbers that are equal for products of equal field `group`, 0 for those without. Costs
 * time in proportion to the catalogue when they are asked for first, or a field was added since. */
bool nt_snapshot_groups(NtSnapshot *snapshot, GError **error);
/* The same, perhaps as of a moment later: what others commit meanwhile costs no time. */
bool nt_snapshot_groups_about(NtSnapshot *snapshot, GError **error);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtSnapshot, nt_snapshot_clear)

/* What an answer says of a product; never changed. */
typedef struct NtDescribed {
    gint refs;
    NtShown shown;
    uint64_t since; /* the commit as of which it was read */
    size_t bytes;
    const char *id, *location; /* the location as a path or address; "" for a vector imported without one */
    int position;              /* of the photo among the product's; negative: there is none */
    const char *metadata;      /* a JSON object; NULL: not asked for when it was read */
} NtDescribed;
NtDescribed *nt_described_new(const char *id, const char *location, int position, const char *metadata);
void nt_described_unref(NtDescribed *described); /* NULL is fine */
/* Describes products that show rows, as of the snapshot; out[i] is a reference. What was described lately costs a
 * look-up, and the rest one statement together. Errors: CORRUPT (a product that is not there); `out` is empty then. */
bool nt_snapshot_describe(const NtSnapshot *snapshot, const NtShown *shown, size_t count, bool metadata,
                          NtDescribed **out, GError **error);

NtShared *nt_shared_new(void);
void nt_shared_free(NtShared *shared); /* NULL is fine */
/* After a commit: brings what is in use up to date, so that searches find it so and files that are no longer named are
 * let go of. Without effect where nothing is in use, or where it fails: the next search then tries. */
void nt_shared_refresh(NiteruCatalogue *catalogue);

/* ---- conditions (filters.c) ---- */

/* The products that match a condition; never changed. */
typedef struct NtFilter {
    gint refs;
    uint64_t commits, changes; /* as of which */
    int64_t fields;            /* version of the fields */
    NtCells bits;              /* by the number of the product */
    uint64_t count;
} NtFilter;
NtFilters *nt_filters_new(void);
void nt_filters_free(NtFilters *filters); /* NULL is fine */
/* The products that match `where` at the snapshot's moment; a reference. Kept for the next one who asks the same, and
 * brought forward by the products that changed. Errors: those of nt_where_parse. */
NtFilter *nt_filter_open(const NtSnapshot *snapshot, const char *where, GError **error);
void nt_filter_unref(NtFilter *filter); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtFilter, nt_filter_unref)

/* ---- vectors files (generations.c) ---- */

/* Starts an empty vectors file when the model's is gone, damaged at its head, or shorter than the database says;
 * *out_lost is then why, in words, and NULL otherwise. Takes a turn. */
bool nt_model_repair(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, char **out_lost, GError **error);
/* Writes anew, without their dead rows, the vectors files of which these are a quarter, and more than a few; takes
 * turns for that, and costs next to nothing where there is none. Without room for a second file the first one goes on.
 */
bool nt_models_compact(NiteruCatalogue *catalogue, const NtWait *wait, GError **error);
/* The path of a model's vectors file, and what stands in its header. */
char *nt_generation_path(const NtCatalogue *db, const char *name, uint32_t generation);
bool nt_generation_spec(const NtModelRow *row, NtVectorsSpec *out, GError **error);
/* Removes a model's vectors files, but that of generation `kept` (0: all). */
void nt_generations_remove(const NtCatalogue *db, const char *name, uint32_t kept);
/* Its network, loaded on first use. Errors: also INVALID for a model of imported vectors, and those of
 * nt_card_fits. */
NtNetwork *nt_model_network(NiteruCatalogue *catalogue, NtModel *model, GError **error);
/* Embeds one encoded photo, or a part of it, or a photo file, before all bulk work: a new vector of card->dimension
 * floats, free with g_free. Hold no read transaction meanwhile. */
float *nt_model_embed(NiteruCatalogue *catalogue, NtModel *model, GBytes *bytes, const char *name, const NtBox *box,
                      const NtWait *wait, GError **error);
float *nt_model_embed_file(NiteruCatalogue *catalogue, NtModel *model, const char *path, const NtWait *wait,
                           GError **error);
/* Adds the model that niteru ships when it is asked for (by its name, or by NULL in a catalogue without models) and
 * not there. Takes a turn. */
bool nt_models_ensure(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error);
/* Measures the score table of a model again when the vectors that are shown have doubled in number since, or never was
 * measured. Takes a turn for the result only. */
bool nt_model_calibrate(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error);

/* Removes a model with all that is its, when it has no vectors and is still the one of that number. Takes a turn. */
bool nt_model_drop_empty(NiteruCatalogue *catalogue, int64_t model, const char *name, const NtWait *wait,
                         GError **error);

/* Writes a network into a folder that is there: model.onnx, with its weight files beside it, under the names by which
 * it refers to them. Errors: INVALID (a weight file of that name), NO_SPACE, IO. */
bool nt_network_write(const NtNetworkFiles *files, const char *folder, GError **error);
/* Removes the files in a model's folder. */
void nt_model_clear_folder(const char *folder);

#define NT_SHIPPED_MODEL "niteru-base"
/* The folder of the models niteru ships: $NITERU_MODELS, beside the program, or where it was installed. */
char *nt_shipped_models(GError **error);
NtCard *nt_shipped_card(const char *folder, GError **error);
/* Adds a model without a network, for imported vectors. */
bool nt_model_add_vectors_only(NiteruCatalogue *catalogue, NtCard *card, const NtWait *wait, GError **error);

/* Compares the block that a row of a view lies in with its digest; once for each block of a generation. `db` sees the
 * moment of the view. Errors: CORRUPT, saying what to do. */
bool nt_row_check(NtCatalogue *db, NtModel *model, const NtRows *view, uint64_t row, GError **error);
/* Stores the digests of the blocks that rows first .. first + count - 1 touch; in a transaction, after the sync. */
bool nt_put_digests(NtCatalogue *db, const NtModel *model, uint64_t first, uint64_t count, GError **error);

/* ---- photos that came as bytes (originals.c) ---- */

/* The location of the original with this hash; new. */
char *nt_original_location(const uint8_t hash[32]);
/* Keeps it, durably, before the transaction that names it. */
bool nt_original_keep(NiteruCatalogue *catalogue, const uint8_t hash[32], GBytes *bytes, GError **error);
/* Has the original at a path, if it is one, outlive the photos that show it by an hour. */
void nt_original_touch(const NiteruCatalogue *catalogue, const char *path);
/* The location of a path: within `path`, for what lies in the catalogue's folder photos/ is named from there. */
const char *nt_path_location(const NiteruCatalogue *catalogue, const char *path);
/* The path, or address, of a photo's location; new. */
char *nt_location_path(const NiteruCatalogue *catalogue, const char *location);
/* Keeps all originals from being removed, by whichever process, until *out_fd is closed (-1: there is no folder of
 * them, or its disk has no locks); waits for a sweep under way. Errors: CANCELLED, TIMEOUT. */
bool nt_originals_hold(const NiteruCatalogue *catalogue, const NtWait *wait, int *out_fd, GError **error);
/* Removes originals that no photo shows any more; reads the names of all. Does nothing while they are held. */
void nt_originals_sweep(NiteruCatalogue *catalogue);

/* ---- who changed what (audit.c) ---- */

/* Appends an entry to the audit log in a catalogue's folder: an object, on one line of at most 256 KiB. It outlives the
 * process from then on, and a power cut when the system has written it. Thread-safe, and safe from several processes.
 * Errors: LIMIT, NO_SPACE, IO. */
bool nt_audit_append(const char *folder, const NtJson *entry, GError **error);
/* The beginning of an entry, "time" and "operation". */
NtJson *nt_audit_entry(const char *operation);
/* A moment (microseconds since 1970) as entries have it; new. */
char *nt_audit_time(int64_t microseconds);
/* Appends an entry of a program that this process's user runs, with one fact; where it cannot be written there is none.
 */
void nt_audit_command(const char *folder, const char *operation, const char *name, const char *value);

/* ---- whose vectors a model holds (makers.c) ---- */

/* Whether a model has a network, or vectors made elsewhere alone. */
bool nt_model_row_has_network(const NtModelRow *row);
/* XXH3-128 of a file, read once. */
bool nt_file_digest(const char *path, uint8_t out[NT_DIGEST_BYTES], GError **error);
/* The maker that a model's network is, added when it is not there; in a transaction, the network having been loaded. */
bool nt_model_maker(NiteruCatalogue *catalogue, const char *name, int64_t *out_maker, GError **error);
/* Sets "mixed", "imported" (a count), "imported_from"; reads all of the model's rows in the database. */
bool nt_makers_show(NtCatalogue *db, const NtModelRow *row, NtJson *out, GError **error);
/* Adds a problem when vectors are not those of the model's network, and should be. */
bool nt_makers_check(NtCatalogue *db, const NtModelRow *row, NtJson *problems, GError **error);

#endif
