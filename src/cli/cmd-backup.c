/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru backup` and `niteru restore`. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static gboolean replace;

static const GOptionEntry backup_options[] = {{0}};

static const GOptionEntry restore_options[] = {
    {"replace", 0, 0, G_OPTION_ARG_NONE, &replace, "where a catalogue is: move it aside once the other is whole", NULL},
    {0},
};

/* In MiB, so that the numbers can be read. */
static void show_progress(const NiteruProgress *now, void *data) {
    NiteruProgress shown = *now;
    shown.done >>= 20;
    shown.total >>= 20;
    cli_progress_show(data, &shown);
}

static void print_report(const CliContext *context, const char *did, const char *folder, const NtJson *report) {
    static const struct {
        const char *name, *one, *many;
    } counts[] = {{"products", "product", "products"},
                  {"photos", "photo", "photos"},
                  {"vectors", "vector", "vectors"},
                  {"models", "model", "models"},
                  {"originals", "original", "originals"}};
    g_autoptr(GString) line = g_string_new(did);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        uint64_t number = (uint64_t)nt_json_int(nt_json_get(report, counts[i].name), 0);
        g_autofree char *text = cli_count_of(number, counts[i].one, counts[i].many);
        g_string_append_printf(line, "%s %s", i > 0 ? "," : "", text);
    }
    g_autofree char *size =
        g_format_size_full((guint64)nt_json_int(nt_json_get(report, "bytes"), 0), G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *safe = nt_text_printable(folder, SIZE_MAX);
    if (!context->quiet) {
        printf("%s, %s, in %s\n", line->str, size, safe);
    }
    const char *aside = nt_json_text(nt_json_get(report, "replaced"), NULL);
    if (aside != NULL && !context->quiet) {
        g_autofree char *kept = nt_text_printable(aside, SIZE_MAX);
        printf("what was there before is now %s; remove it when it is not needed\n", kept);
    }
    const NtJson *notes = nt_json_get(report, "notes");
    for (size_t i = 0; i < nt_json_count(notes); i++) {
        g_autofree char *note = nt_text_message(nt_json_text(nt_json_at(notes, i), ""), 400);
        fprintf(stderr, "note: %s\n", note);
    }
}

static CliStatus finish(const CliContext *context, const char *did, const char *folder, char *text, GError **error) {
    if (context->json) {
        cli_print_json(text);
        return CLI_DONE;
    }
    g_autofree char *owned = text;
    g_autoptr(NtJson) report = nt_json_parse(owned, strlen(owned), "the report", NULL, error);
    if (report == NULL) {
        return CLI_FAILED;
    }
    print_report(context, did, folder, report);
    return CLI_DONE;
}

static NiteruBackupOptions common_options(CliProgress *progress) {
    return (NiteruBackupOptions){
        .size = sizeof(NiteruBackupOptions), .replace = replace, .progress = show_progress, .data = progress};
}

static CliStatus run_backup(CliContext *context, int argc, char **argv, GError **error) {
    CliProgress progress = cli_progress_new(context, "MiB");
    NiteruBackupOptions options = common_options(&progress);
    char *text = NULL;
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    bool ok = catalogue != NULL && niteru_backup(catalogue, argv[0], &options, context->cancel, &text, error);
    cli_progress_clear(&progress);
    return ok ? finish(context, "backed up:", argv[0], text, error) : CLI_FAILED;
}

static CliStatus run_restore(CliContext *context, int argc, char **argv, GError **error) {
    CliProgress progress = cli_progress_new(context, "MiB");
    NiteruBackupOptions options = common_options(&progress);
    const char *named = context->catalogue != NULL ? context->catalogue : g_getenv("NITERU_CATALOGUE");
    const char *folder = named != NULL && *named != '\0' ? named : "shop.niteru";
    char *text = NULL;
    bool ok = niteru_restore(argv[0], folder, &options, context->cancel, &text, error);
    cli_progress_clear(&progress);
    return ok ? finish(context, "restored:", folder, text, error) : CLI_FAILED;
}

const CliCommand cli_backup = {
    .name = "backup",
    .arguments = "DIR",
    .summary = "copy the catalogue as it is now to a new folder, also while it is served",
    .details =
        "Makes DIR, a copy of the catalogue as it was at one moment: products, vectors, networks, keys, the photos it "
        "keeps, and niteru.conf where that is in it. Searches and writes go on meanwhile. The copy is compared with "
        "its checksums before it gets its name; when it is stopped, or the disk fills up, nothing of it is left. Keys "
        "and settings are in it: keep it as you keep these. Photos that stay in folders of their own are not in it.",
    .examples = "niteru backup /backups/shop-monday\n"
                "niteru -C shop.niteru backup \"/backups/shop-$(date +%F)\"",
    .options = backup_options,
    .least = 1,
    .most = 1,
    .stops = true,
    .run = run_backup,
};

const CliCommand cli_restore = {
    .name = "restore",
    .arguments = "DIR",
    .summary = "make the catalogue from a backup",
    .details =
        "Makes the catalogue (-C, else $NITERU_CATALOGUE, else ./shop.niteru) from the backup in DIR, which is only "
        "read. A backup of an older niteru is brought to today's layout, one of a newer niteru is refused. Where a "
        "catalogue is already nothing is done without --replace, which moves it aside once the other is whole. No "
        "server may run on it.",
    .examples = "niteru restore /backups/shop-monday\n"
                "niteru -C shop.niteru restore --replace /backups/shop-monday",
    .options = restore_options,
    .least = 1,
    .most = 1,
    .stops = true,
    .run = run_restore,
};
