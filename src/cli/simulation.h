/* SPDX-License-Identifier: Apache-2.0 */
/* The visits of `niteru simulate`: visitors of src/simulate ask the server that serves the catalogue, by cli/remote.c.
 */
#ifndef NT_CLI_SIMULATION_H
#define NT_CLI_SIMULATION_H

#include "cli/cli.h"
#include "simulate/simulate.h"

enum { CLI_ARMS = 3 };
extern const char *const cli_arms[CLI_ARMS + 1]; /* that an answer can be of, by name; ends with NULL */

typedef struct CliPerson CliPerson;

typedef struct CliSimulation {
    /* What is wanted; the texts are borrowed. */
    CliContext *context;
    NtSimManners manners;
    const char *by; /* fields, with commas */
    gint visitors, rounds, k;
    const char *scenario;
    gint64 seed;
    double drift, views; /* a chance each visit; a mean each visit */
    bool change_catalogue;
    CliProgress progress;
    /* What comes of it. */
    NtSimAssortment *assortment;
    NtSimTally *tallies; /* (rounds) */
    NtSimTally arms[CLI_ARMS];
    uint64_t events, refused, over, late, drifts, sold_out_shown;
    char *complaint; /* about the first event that was refused */
    /* Its own. */
    CliPerson *people;    /* (visitors) */
    unsigned repeat;      /* of this seed on this catalogue, from 1 */
    int64_t start;        /* Unix seconds of the first round */
    GHashTable *sold_out; /* ids now, borrowed */
    GPtrArray *changed;   /* NtJson: {"product", "before": what `available` was} */
} CliSimulation;
void cli_simulation_clear(CliSimulation *run);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CliSimulation, cli_simulation_clear)

/* Reads the products. Errors: the server's, NOT_FOUND (no value that could be a taste), CANCELLED. */
bool cli_simulation_read(CliSimulation *run, GError **error);

/* All visits, one after the other; what was counted stands also after a failure, and the catalogue is put back. */
bool cli_simulation_run(CliSimulation *run, GError **error);

#endif
