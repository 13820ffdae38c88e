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

/* A catalogue is needed only for its models and scores: without one, the model that niteru ships compares. */
static bool open_if_needed(const CliContext *context, NiteruCatalogue **out, GError **error) {
    if (context->catalogue == NULL && model == NULL) {
        return true;
    }
    g_autoptr(GError) fault = NULL;
    *out = cli_open(context, false, &fault);
    if (*out == NULL && !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    return true;
}

static CliStatus run_compare(CliContext *context, int argc, char **argv, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = NULL;
    if (!open_if_needed(context, &catalogue, error)) {
        return CLI_FAILED;
    }
    const NiteruCompareOptions settings = {.size = sizeof settings,
                                           .model = model,
                                           .threads = (unsigned)context->threads,
                                           .limits = (const char *const *)context->limits};
    g_autoptr(NiteruResults) results = niteru_compare(catalogue, argv[0], argv[1], &settings, NULL, error);
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
        "Neither photo need be in a catalogue, and none need exist: the model that niteru ships compares then. The "
        "score "
        "is 0 to 100; raw is the metric's own value (the cosine, for most models). With -C or --model, a catalogue's "
        "models and its scale of scores are used.",
    .examples = "niteru compare a.jpg b.jpg",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run_compare,
};
