/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: bytes, pickles, the ONNX writer. */
#ifndef NT_ZOO_INTERNAL_H
#define NT_ZOO_INTERNAL_H

#include "zoo/zoo.h"

static inline unsigned nt_le16(const uint8_t *from) { return from[0] | (unsigned)from[1] << 8; }
static inline uint32_t nt_le32(const uint8_t *from) { return nt_le16(from) | (uint32_t)nt_le16(from + 2) << 16; }
static inline uint64_t nt_le64(const uint8_t *from) { return nt_le32(from) | (uint64_t)nt_le32(from + 4) << 32; }

/* wheel.c: of a file's bytes, in hexadecimal digits. New text. */
char *nt_zoo_sha256(GBytes *bytes);
/* Whether a text is a SHA-256. Errors: INVALID. */
bool nt_zoo_check_sha256(const char *text, GError **error);
/* lite-card.c: the card of an EfficientNet-Lite (doc/card.md), JSON. `published`: its licence and training set are
 * those of the row. New text. */
char *nt_zoo_card(const NtZooNetwork *network, const char *source, bool published);

/* ---- pickle.c ---- */

typedef enum NtPickleKind {
    NT_PICKLE_NONE,
    NT_PICKLE_BOOL,    /* number */
    NT_PICKLE_INT,     /* number */
    NT_PICKLE_TEXT,    /* text, size */
    NT_PICKLE_GLOBAL,  /* text: "torch.FloatStorage"; number: which of the allowed */
    NT_PICKLE_TUPLE,   /* size members from `first` on in NtPickle.members */
    NT_PICKLE_LIST,    /* what was put into it: NtPickle.puts */
    NT_PICKLE_DICT,    /* the same */
    NT_PICKLE_STORAGE, /* the id that names a storage: a tuple as above */
    NT_PICKLE_TENSOR,  /* the arguments of torch._utils._rebuild_tensor_v2: a tuple as above */
} NtPickleKind;

/* The names that may stand in a pickle. Storages last: NT_PICKLE_FLOAT and what follows. */
typedef enum NtPickleName { NT_PICKLE_ORDERED, NT_PICKLE_REBUILD, NT_PICKLE_FLOAT, NT_PICKLE_LONG } NtPickleName;

typedef struct NtPickleValue {
    NtPickleKind kind;
    int64_t number;
    const char *text; /* in the pickle's bytes, not ended by NUL, valid UTF-8 */
    uint32_t size, first;
} NtPickleValue;

/* Something put into a list (key unused) or a dict. Values are numbers of NtPickle.values. */
typedef struct NtPicklePut {
    uint32_t owner, key, value;
} NtPicklePut;

typedef struct NtPickle {
    GArray *values;  /* NtPickleValue */
    GArray *members; /* uint32_t: members of tuples */
    GArray *puts;    /* NtPicklePut, in their order */
    uint32_t root;   /* the value that the pickle is */
} NtPickle;

/* Reads the pickle at *at, and goes on behind its end. Nothing is called: what a reader of Python would call becomes a
 * record of the call, for the two calls that weights need. `name` for messages; the bytes must stay. The caller clears
 * what comes out, on failure too. Errors: CORRUPT, LIMIT. */
bool nt_pickle_read(const uint8_t *data, size_t size, size_t *at, const char *name, NtPickle *out, GError **error);
void nt_pickle_clear(NtPickle *pickle);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtPickle, nt_pickle_clear)

static inline const NtPickleValue *nt_pickle_value(const NtPickle *pickle, uint32_t i) {
    return &g_array_index(pickle->values, NtPickleValue, i);
}
/* A tuple's i-th member; i < size. */
static inline const NtPickleValue *nt_pickle_member(const NtPickle *pickle, const NtPickleValue *tuple, uint32_t i) {
    return nt_pickle_value(pickle, g_array_index(pickle->members, uint32_t, tuple->first + i));
}

/* ---- onnx-write.c ---- */

/* A network of convolutions being written, of opset 13, with float32 weights inside. Not thread-safe. */
typedef struct NtOnnxWriter NtOnnxWriter;

/* The input is "image", (N, 3, side, side). */
NtOnnxWriter *nt_onnx_writer_new(unsigned side);
void nt_onnx_writer_free(NtOnnxWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtOnnxWriter, nt_onnx_writer_free)
/* A tensor of floats; `rank` dims. */
void nt_onnx_writer_tensor(NtOnnxWriter *writer, const char *name, const uint64_t *dims, unsigned rank,
                           const float *values, size_t count);

typedef struct NtOnnxConv {
    unsigned kernel, stride, groups;
    unsigned before, after; /* zeros around: above and left, below and right */
} NtOnnxConv;
/* A node Conv named as its output, with weights `weights` and `bias`. */
void nt_onnx_writer_conv(NtOnnxWriter *writer, const char *input, const char *weights, const char *bias,
                         const NtOnnxConv *conv, const char *output);
/* A node without attributes; `inputs` ends with NULL. */
void nt_onnx_writer_node(NtOnnxWriter *writer, const char *type, const char *const *inputs, const char *output);
/* The file, whose output is "embedding", (N, dimension); the writer is freed. */
GBytes *nt_onnx_writer_finish(NtOnnxWriter *writer, unsigned dimension);

/* ---- efficientnet-lite.c ---- */

/* The network without its classifier as an ONNX file: (N, 3, side, side), RGB as (x - 127) / 128, to (N, 1280). `name`
 * names the weights in messages. Errors: UNSUPPORTED (a tensor is missing or has another shape), CORRUPT (a number that
 * none may be), NO_MEMORY. */
GBytes *nt_zoo_lite_write(const NtZooLite *lite, const NtTorchFile *weights, const char *name, GError **error);

#endif
