/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors in and out: export, import. */
#include "cli/commands.h"

#include <stdio.h>

static char *model, *dtype, *metric;
static gboolean mix;

/* ---- export ---- */

static const GOptionEntry export_options[] = {
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "vectors of this model", "NAME"},
    {"dtype", 0, 0, G_OPTION_ARG_STRING, &dtype, "f4 (float32) or f2 (float16); as stored when not given", "TYPE"},
    {0},
};

static CliStatus finish(const CliContext *context, bool ok, uint64_t rows, const char *what) {
    if (ok && context->json) {
        printf("{\"rows\": %" G_GUINT64_FORMAT "}\n", rows);
    } else if (ok && !context->quiet) {
        g_autofree char *count = cli_count(rows);
        printf("%s vectors %s\n", count, what);
    }
    return ok ? CLI_DONE : CLI_FAILED;
}

static CliStatus run_export(CliContext *context, int argc, char **argv, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    uint64_t rows = 0;
    bool ok = catalogue != NULL &&
              niteru_export(catalogue, argv[0],
                            &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = model, .dtype = dtype},
                            NULL, &rows, error);
    return finish(context, ok, rows, "written");
}

const CliCommand cli_export = {
    .name = "export",
    .arguments = "FOLDER",
    .summary = "write the vectors as .npy with their ids",
    .details = "Writes image_vectors.npy (one row per photo, in the order of ids), image_ids.txt (the product id of "
               "each row) and image_paths.txt (its photo) into FOLDER, for numpy.load and other programs.",
    .examples =
        "niteru export vectors/\npython3 -c 'import numpy; print(numpy.load(\"vectors/image_vectors.npy\").shape)'",
    .options = export_options,
    .least = 1,
    .most = 1,
    .run = run_export,
};

/* ---- import ---- */

static const GOptionEntry import_options[] = {
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "the model these vectors belong to; made when it is not there",
     "NAME"},
    {"metric", 0, 0, G_OPTION_ARG_STRING, &metric, "cosine, euclidean or inner (cosine)", "METRIC"},
    {"dtype", 0, 0, G_OPTION_ARG_STRING, &dtype, "how to store them: f4 (float32) or f2 (float16); f4 when not given",
     "TYPE"},
    {"mix", 0, 0, G_OPTION_ARG_NONE, &mix,
     "take vectors made elsewhere into a model that has a network, though the two are not comparable", NULL},
    {0},
};

static void on_failure(const NiteruFailure *failure, void *data) {
    g_autofree char *safe = nt_text_message(failure->message, 400), *hint = cli_hint(failure->error);
    unsigned *count = data;
    if ((*count)++ < 10) {
        fprintf(stderr, "niteru: %s%s\n", safe, hint);
    }
}

static CliStatus run_import(CliContext *context, int argc, char **argv, GError **error) {
    if (model == NULL) {
        cli_usage(error, "--model NAME is needed: the model these vectors belong to");
        return CLI_USAGE;
    }
    unsigned failures = 0;
    NiteruImportOptions import = {.size = sizeof(NiteruImportOptions),
                                  .model = model,
                                  .metric = metric,
                                  .dtype = dtype,
                                  .mix = mix,
                                  .failure = on_failure,
                                  .data = &failures};
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    uint64_t rows = 0;
    bool ok = catalogue != NULL && niteru_import(catalogue, argv[0], argv[1], &import, NULL, &rows, error);
    if (failures > 10) {
        fprintf(stderr, "niteru: %u rows could not be used\n", failures);
    }
    return finish(context, ok, rows, "taken in");
}

const CliCommand cli_import = {
    .name = "import",
    .arguments = "VECTORS.npy IDS",
    .summary = "take in vectors made elsewhere",
    .details =
        "VECTORS.npy holds one row per product, IDS the id of each row: a text file of lines, or an .npy of text. "
        "Products that are not in the catalogue are added. Rows that are not finite are reported and left out; "
        "the exit status is 1 when no row could be taken.\n\n"
        "Vectors of another network are not comparable with those of a model's own network, so they go into a "
        "model of their own. --mix says that they may stand side by side nevertheless, because the same network "
        "made them elsewhere, say; the catalogue remembers it, niteru info shows it, and niteru index --rehash "
        "makes such vectors anew.",
    .examples = "niteru import image_vectors.npy image_ids.txt --model my-resnet",
    .options = import_options,
    .least = 2,
    .most = 2,
    .run = run_import,
};
