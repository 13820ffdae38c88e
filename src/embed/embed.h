/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed: models, and the way from a photo to a vector. A model is a network (an ONNX file) with a card: JSON that says
 * how photos are made ready, which tensor is taken, how vectors are stored and compared, and what their raw values
 * mean (doc/card.md has the format). Presets are the cards' usual contents by framework.
 */
#ifndef NT_EMBED_H
#define NT_EMBED_H

#include "base/base.h"
#include "embed/scores.h"
#include "image/image.h"
#include "index/index.h"
#include "nn/nn.h"

/* ---- cards ---- */

typedef struct NtCard {
    char *name;                 /* of the model: letters, digits, '.', '-', '_'; at most 64 */
    char *description;          /* a sentence, or NULL */
    char *licence;              /* SPDX name, or NULL */
    char *source;               /* where it comes from, or NULL */
    char *trained_on;           /* names of the photo sets the network was trained on, or NULL: not said */
    char *output;               /* the tensor taken, frozen when the model is added; NULL: not frozen yet */
    char *choice;               /* why that tensor, in words; NULL: not said */
    char *truncated;            /* the classifier that was cut off when the model was added; NULL: none */
    uint64_t truncated_classes; /* that it told apart; 0: none, or not known */
    NtPreprocess preprocess;
    bool shrink_on_load; /* decode large JPEGs at a fraction: faster, and not what the framework would do */
    unsigned dimension;  /* 0: not known yet */
    NtDtype dtype;
    NtMetric metric;
    NtScores scores;
    uint64_t scores_rows; /* vectors the score table was measured on; 0: never */
    double floor;         /* raw value that nearly all products reach with their nearest other one; NaN: not known */
    uint64_t floor_rows;  /* vectors it was measured on; 0: never, whatever `floor` is */
} NtCard;

/* Reads a card; `name` names the source in messages. Unknown fields are refused, so that a misspelt one is not
 * silently without effect. Errors: INVALID, naming the field. */
NtCard *nt_card_parse(const char *text, size_t size, const char *name, GError **error);
/* The card as JSON, new text. */
NtJson *nt_card_json(const NtCard *card);
NtCard *nt_card_copy(const NtCard *card);
void nt_card_free(NtCard *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtCard, nt_card_free)

/* Whether a network is the one a card describes: every buffer from photo to vector is sized by the card. `name` names
 * the network in messages. Errors: UNSUPPORTED (not for colour photos), INVALID (another input or dimension, numbers
 * that a uint8 input cannot hold). */
bool nt_card_fits(const NtCard *card, const NtNetworkInfo *info, const char *name, GError **error);

/* Whether a name can be a model's. Errors: INVALID. */
bool nt_card_check_name(const char *name, GError **error);

/* ---- presets ---- */

typedef struct NtPreset {
    const char *name;
    const char *summary;
    NtPreprocess preprocess; /* width and height 0: the network's; resize 0 with the crop rule: 256/224 of the size */
} NtPreset;

/* The table, ending with an empty name; and one by name: INVALID lists the names. */
extern const NtPreset nt_presets[];
const NtPreset *nt_preset_find(const char *name, GError **error);

/* A card for a network by a preset; the sizes come from the network. NULL preset: told from the network's producer
 * where that leaves no doubt (torchvision), else INVALID, asking for one. */
NtCard *nt_card_for_network(const NtNetworkInfo *info, const char *name, const NtPreset *preset, GError **error);

/* ---- from photo to vector ---- */

/* Embeds a made-up picture from preprocessing to vector, as a promise that real ones can be. Errors: those of
 * nt_card_fits and of running; LIMIT (over a minute); CORRUPT when the answer is not finite. */
bool nt_card_try(const NtCard *card, NtNetwork *network, GError **error);

#include "embed/pipeline.h"

#endif
