/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: from photos to vectors: a source's products into the catalogue (ingest.c, ingest-source.c, photo-job.c),
 * vectors in and out as .npy (transfer.c). The public header has the contracts of everything named niteru_.
 */
#ifndef NT_INGEST_H
#define NT_INGEST_H

#include "state/state.h"

#endif
