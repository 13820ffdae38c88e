/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/remote.h"
#include "service/service.h"

#include <errno.h>
#include <stdio.h>

static char *model, *format, *encoding, *errors_path, *photos, *separator, *version, *version_from, *only;
static char **map, **types;
static gboolean from_folder, prune, rehash, strict, allow_private;
static int connections;

static gboolean set_product_from(const char *name, const char *value, void *data, GError **error) {
    if (g_strcmp0(value, "folder") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: '%s' is not folder", name, value);
        return FALSE;
    }
    from_folder = TRUE;
    return TRUE;
}

static const GOptionEntry options[] = {
    {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "embed with this model", "NAME"},
    {"format", 0, 0, G_OPTION_ARG_STRING, &format,
     "folder, csv, jsonl, shopify, woocommerce, google-merchant (else told from the source)", "FORMAT"},
    {"encoding", 0, 0, G_OPTION_ARG_STRING, &encoding, "of a list: utf-8, cp1252, cp932, euc-jp, utf-16", "NAME"},
    {"map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &map, "take a field from another column: 'image=Image Src,id=Handle'",
     "FIELD=COLUMN"},
    {"type", 0, 0, G_OPTION_ARG_STRING_ARRAY, &types, "bool, integer, number, date, text or list", "FIELD=TYPE"},
    {"photos", 0, 0, G_OPTION_ARG_FILENAME, &photos, "of a list: the folder that the paths of its photos begin in",
     "DIR"},
    {"image-separator", 0, 0, G_OPTION_ARG_STRING, &separator, "of a list: what parts several photos in a cell ('|')",
     "TEXT"},
    {"product-from", 0, 0, G_OPTION_ARG_CALLBACK, (void *)set_product_from, "folder: each sub-folder is one product",
     "WHAT"},
    {"prune", 0, 0, G_OPTION_ARG_NONE, &prune, "remove products this source brought before and no longer has", NULL},
    {"as-of", 0, 0, G_OPTION_ARG_STRING, &version,
     "a number or time, later for each run: products that were written or removed at a later one stay as they are",
     "VERSION"},
    {"version-from", 0, 0, G_OPTION_ARG_STRING, &version_from, "of a list: the field that has this for each row",
     "FIELD"},
    {"if", 0, 0, G_OPTION_ARG_STRING, &only,
     "absent: only products that are not there yet; present: only those that are", "WHAT"},
    {"rehash", 0, 0, G_OPTION_ARG_NONE, &rehash, "read photos again even when their size and times did not change",
     NULL},
    {"strict", 0, 0, G_OPTION_ARG_NONE, &strict, "refuse photos whose end is missing (--limit photo-rows=100)", NULL},
    {"allow-private", 0, 0, G_OPTION_ARG_NONE, &allow_private,
     "photos' web addresses may lie in your own network, on this machine and at any port", NULL},
    {"connections", 0, 0, G_OPTION_ARG_INT, &connections, "to one host at once, for photos at web addresses (8)", "N"},
    {"errors", 0, 0, G_OPTION_ARG_FILENAME, &errors_path, "list what failed and why, one JSON object a line", "FILE"},
    {0},
};

/* What a run's callbacks share. */
typedef struct Run {
    CliProgress progress;
    const CliContext *context;
    FILE *errors;
    unsigned shown;
} Run;

enum { SHOWN_FAILURES = 10 }; /* more go to --errors only */

static void on_progress(const NiteruProgress *now, void *data) { cli_progress_show(&((Run *)data)->progress, now); }

static void on_failure(const NiteruFailure *failure, void *data) {
    Run *run = data;
    g_autofree char *hint = cli_hint(failure->error);
    if (run->errors != NULL) {
        g_autofree char *message = g_strconcat(failure->message, hint, NULL);
        g_autoptr(NtJson) line = nt_json_object();
        nt_json_set(line, "place", nt_json_string(failure->place));
        nt_json_set(line, "product", nt_json_string(failure->product));
        nt_json_set(line, "photo", nt_json_string(failure->photo));
        nt_json_set(line, "message", nt_json_string(message));
        g_autofree char *text = nt_json_print(line, false);
        fprintf(run->errors, "%s\n", text);
    }
    if (run->shown++ < SHOWN_FAILURES) {
        cli_progress_clear(&run->progress);
        g_autofree char *safe = nt_text_message(failure->message, 400);
        fprintf(stderr, "niteru: %s%s\n", safe, hint);
    }
}

static void on_note(const char *text, void *data) {
    Run *run = data;
    if (!run->context->quiet) {
        cli_progress_clear(&run->progress);
        g_autofree char *safe = nt_text_message(text, 1200);
        fprintf(stderr, "niteru: %s\n", safe);
    }
}

/* `--map a=b,c=d` and repeated --map are the same. */
static char **split_settings(char **given) {
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (size_t i = 0; given != NULL && given[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(given[i], ",", -1);
        g_strv_builder_addv(builder, (const char **)parts);
    }
    return g_strv_builder_end(builder);
}

static void print_others(const NiteruIndexReport *report) {
    if (report->others > 0) {
        g_autofree char *others = cli_count_of(report->others, "other file", "other files"),
                        *hidden = cli_count(report->hidden);
        printf("%s in the folder: not %s", others, report->others == 1 ? "a photo" : "photos");
        if (report->hidden > 0) {
            printf(" (%s hidden)", hidden);
        }
        putchar('\n');
    }
}

static void print_passed_over(const NiteruIndexReport *report) {
    if (report->stale > 0) {
        g_autofree char *stale = cli_count_of(report->stale, "product", "products");
        printf("%s left as they are: of a later version, or removed at one\n", stale);
    }
    if (report->passed_over > 0) {
        g_autofree char *passed_over = cli_count_of(report->passed_over, "product", "products");
        printf("%s passed over: --if %s\n", passed_over, only);
    }
}

static void print_report(const CliContext *context, const NiteruIndexReport *report, unsigned shown) {
    if (context->json) {
        NtJson *out = nt_report_json(report);
        cli_print_json(nt_json_print(out, true));
        nt_json_free(out);
        return;
    }
    if (context->quiet) {
        return;
    }
    g_autofree char *products = cli_count_of(report->products, "product", "products");
    g_autofree char *embedded = cli_count_of(report->embedded, "photo", "photos");
    g_autofree char *known = cli_count(report->reused - report->identical), *failed = cli_count(report->failed);
    printf("%s: %s embedded, %s known already", products, embedded, known);
    if (report->identical > 0) {
        g_autofree char *identical = cli_count(report->identical);
        printf(", %s identical to another", identical);
    }
    if (report->fetched + report->unchanged > 0) {
        g_autofree char *fetched = cli_count(report->fetched), *unchanged = cli_count(report->unchanged);
        printf(", %s fetched, %s unchanged on the web", fetched, unchanged);
    }
    if (report->cut_short > 0) {
        g_autofree char *cut_short = cli_count(report->cut_short);
        printf(", %s cut short", cut_short);
    }
    printf(", %s failed; %.1f s", failed, report->seconds);
    if (report->embedded > 0 && report->embed_seconds > 0) {
        printf(", %.0f photos a second", (double)report->embedded / report->embed_seconds);
    }
    putchar('\n');
    if (report->removed > 0) {
        g_autofree char *removed = cli_count_of(report->removed, "product", "products");
        printf("%s removed that the source no longer has\n", removed);
    }
    print_passed_over(report);
    print_others(report);
    if (report->values > 0) {
        g_autofree char *values = cli_count_of(report->values, "value", "values");
        printf("%s did not fit the field's type and were left out; --type FIELD=text keeps such values\n", values);
    }
    if (shown > SHOWN_FAILURES && errors_path == NULL) {
        printf("%u more complaints are not shown; --errors FILE lists all\n", shown - SHOWN_FAILURES);
    }
}

static void want_whole_photos(CliContext *context) {
    guint count = context->limits != NULL ? g_strv_length(context->limits) : 0;
    context->limits = g_renew(char *, context->limits, count + 2);
    context->limits[count] = g_strdup("photo-rows=100");
    context->limits[count + 1] = NULL;
}

static bool index_here(CliContext *context, const char *source, const NiteruIndexOptions *settings,
                       NiteruIndexReport *out_report, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    return catalogue != NULL && niteru_index(catalogue, source, settings, context->cancel, out_report, error);
}

static CliStatus run_index(CliContext *context, int argc, char **argv, GError **error) {
    Run run = {.progress = cli_progress_new(context, "photos"), .context = context};
    if (errors_path != NULL && (run.errors = fopen(errors_path, "we")) == NULL) {
        nt_fail_errno(error, errno, "--errors %s", errors_path);
        return CLI_FAILED;
    }
    g_auto(GStrv) settings = split_settings(map);
    g_auto(GStrv) type_settings = split_settings(types);
    NiteruIndexOptions settings_of_run = {
        .size = sizeof(NiteruIndexOptions),
        .model = model,
        .format = format,
        .encoding = encoding,
        .map = (const char *const *)settings,
        .types = (const char *const *)type_settings,
        .photos = photos,
        .image_separator = separator,
        .product_from_folder = from_folder,
        .prune = prune,
        .rehash = rehash,
        .allow_private = allow_private,
        .host_connections = (unsigned)connections,
        .version = version,
        .version_from = version_from,
        .only = only,
        .progress = on_progress,
        .failure = on_failure,
        .note = on_note,
        .data = &run,
    };
    if (connections < 0 || connections > 64) {
        nt_fail(error, NITERU_ERROR_INVALID, "--connections %d: from 1 to 64, or 0 for the usual 8", connections);
        return CLI_USAGE;
    }
    if (strict) {
        want_whole_photos(context);
    }
    NiteruIndexReport report = {.size = sizeof(NiteruIndexReport)};
    /* Limits and threads of this command's own mean that it does the work itself. */
    bool remote = context->limits == NULL && context->threads == 0 && cli_remote_is_there(context);
    bool ok = remote ? cli_remote_index(context, argv[0], &settings_of_run, &report, error)
                     : index_here(context, argv[0], &settings_of_run, &report, error);
    cli_progress_clear(&run.progress);
    if (report.cut_short > 0) {
        on_note("--strict refuses photos that are cut short", &run);
    }
    if (run.errors != NULL && fclose(run.errors) != 0 && ok) {
        ok = nt_fail_errno(error, errno, "--errors %s", errors_path);
    }
    if (ok || report.photos > 0 || report.others > 0) {
        print_report(context, &report, run.shown);
    }
    bool nothing_worked = report.failed > 0 && report.embedded + report.reused == 0;
    return ok && !nothing_worked ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_index = {
    .name = "index",
    .arguments = "SOURCE",
    .summary = "take products and their photos from a folder or a list",
    .details =
        "SOURCE is a folder of photos (each photo is a product; its id is its path below the folder), or a list in CSV "
        "or JSONL with the columns id and image (or images), whose other columns become metadata; or a shop's own "
        "export: Shopify's, WooCommerce's, or a feed for Google Merchant Center in XML or cells. Running it again "
        "embeds only photos whose content changed, and goes on where an earlier run was stopped.\n\n"
        "A photo or row that cannot be used is reported and costs only itself. The exit status is 1 when the run was "
        "stopped, nothing at all could be used, or --prune removed nothing because a part of the source could not be "
        "read.",
    .examples = "niteru index photos/\nniteru index products.csv --map 'id=SKU,image=Photo' --prune\n"
                "niteru index products.csv --encoding cp932 --errors errors.jsonl\n"
                "niteru index products_export.csv --format shopify --prune",
    .options = options,
    .least = 1,
    .most = 1,
    .stops = true,
    .run = run_index,
};
