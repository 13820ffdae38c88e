/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos that came as bytes: the catalogue keeps them in photos/, by the hash of their bytes, so that any model can
 * embed them later. Their location in the database is the path below the catalogue's folder, "photos/ab/abcdef....", so
 * that the folder can be moved; all other locations are absolute paths or addresses.
 */
#ifndef NT_INGEST_ORIGINALS_H
#define NT_INGEST_ORIGINALS_H

#include "state/state.h"

/* The location of the original with this hash; new. */
char *originals_location(const uint8_t hash[32]);
/* Keeps it, durably, before the transaction that names it. */
bool originals_keep(NiteruCatalogue *catalogue, const uint8_t hash[32], GBytes *bytes, GError **error);

#endif
