/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *model;

static const GOptionEntry options[] = {
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "compare with this model of the catalogue", "NAME"},
    {0},
};

static CliStatus run_compare(CliContext *context, int argc, char **argv, GError **error) {
    /* A catalogue is needed only to name one of its models; one that is asked for must exist. */
    g_autoptr(NiteruCatalogue) catalogue = NULL;
    if (context->catalogue != NULL || model != NULL) {
        catalogue = cli_open(context, false, error);
        if (catalogue == NULL) {
            return CLI_FAILED;
        }
    }
    g_autoptr(NiteruResults) results = niteru_compare(catalogue, argv[0], argv[1], model, error);
    if (results == NULL) {
        return CLI_FAILED;
    }
    if (context->json) {
        cli_print_json(niteru_results_json(results));
    } else {
        const NiteruResult *result = niteru_results_get(results, 0);
        printf("%.1f  %s  (raw %.6f)\n", result->score, result->word, result->raw);
    }
    return CLI_DONE;
}

const CliCommand cli_compare = {
    .name = "compare",
    .arguments = "PHOTO PHOTO",
    .summary = "how alike two photo files are",
    .details =
        "Neither photo need be in a catalogue. The score is 0 to 100; raw is the metric's own value (the cosine, "
        "for most models).",
    .examples = "niteru compare a.jpg b.jpg",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run_compare,
};
