/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru events`: what visitors did, out of files; and how long it is kept. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_FAULTS = 20 };

static char *encoding;
static char **map, **set, **also;
static gboolean row_sessions;
static int position_base;

static const GOptionEntry options[] = {
    {"map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &map, "import: a column that gives a member of events", "MEMBER=COLUMN"},
    {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &set, "import: a member that is the same in all", "MEMBER=TEXT"},
    {"also", 0, 0, G_OPTION_ARG_STRING_ARRAY, &also,
     "import: one more event of this kind where the column says 1, true or yes", "KIND=COLUMN"},
    {"row-sessions", 0, 0, G_OPTION_ARG_NONE, &row_sessions, "import: each row is a session of its own", NULL},
    {"position-base", 0, 0, G_OPTION_ARG_INT, &position_base, "import: what the first position is in the file (0)",
     "NUMBER"},
    {"encoding", 0, 0, G_OPTION_ARG_STRING, &encoding, "import: of the file, when not UTF-8", "NAME"},
    {0},
};

/* ---- import ---- */

typedef struct Import {
    CliContext *context;
    NiteruCatalogue *catalogue; /* NULL: a server takes the events */
    const char *file;
    CliProgress progress;
    uint64_t new, known, over, refused;
    GError *error; /* why it was given up */
} Import;

static void tell_fault(uint64_t line, const char *message, void *data) {
    Import *import = data;
    if (import->refused++ < SHOWN_FAULTS && !import->context->quiet) {
        g_autofree char *safe = nt_text_message(message, 400);
        cli_progress_clear(&import->progress);
        fprintf(stderr, "%s:%" G_GUINT64_FORMAT ": %s\n", import->file, line, safe);
    }
}

/* The answers to a batch; NULL with import->error. */
static NtJson *send_batch(Import *import, const char *events) {
    if (import->catalogue != NULL) {
        g_autofree char *text = niteru_events_json(import->catalogue, events, import->context->cancel, &import->error);
        return text != NULL ? nt_json_parse(text, strlen(text), "answers", NULL, &import->error) : NULL;
    }
    g_autoptr(NtJson) body = nt_json_parse(events, strlen(events), "events", NULL, &import->error);
    g_autoptr(NtJson) answer =
        body != NULL ? cli_remote_ask(import->context, "POST", "/v1/events", body, &import->error) : NULL;
    NtJson *answers = nt_json_get(answer, "events");
    return answers != NULL ? nt_json_ref(answers) : NULL;
}

static bool take_batch(const char *events, const uint64_t *lines, size_t count, double share, void *data) {
    Import *import = data;
    g_autoptr(NtJson) answers = send_batch(import, events);
    for (size_t i = 0; answers != NULL && i < count; i++) {
        const NtJson *answer = nt_json_at(answers, i);
        const char *status = nt_json_text(nt_json_get(answer, "status"), "");
        import->new += strcmp(status, "new") == 0;
        import->known += strcmp(status, "known") == 0;
        import->over += strcmp(status, "over") == 0;
        if (strcmp(status, "refused") == 0) {
            tell_fault(lines[i], nt_json_text(nt_json_get(answer, "message"), ""), import);
        }
    }
    uint64_t done = import->new + import->known + import->over + import->refused;
    const NiteruProgress now = {
        .done = done, .total = share > 0 ? (uint64_t)((double)done / share) : 0, .remaining = -1};
    cli_progress_show(&import->progress, &now);
    return answers != NULL;
}

static void print_summary(const Import *import) {
    if (import->context->json) {
        g_autoptr(NtJson) out = nt_json_object();
        nt_json_set(out, "new", nt_json_integer((int64_t)import->new));
        nt_json_set(out, "known", nt_json_integer((int64_t)import->known));
        nt_json_set(out, "over", nt_json_integer((int64_t)import->over));
        nt_json_set(out, "refused", nt_json_integer((int64_t)import->refused));
        cli_print_json(nt_json_print(out, true));
    } else if (!import->context->quiet) {
        g_autofree char *new = cli_count_of(import->new, "new event", "new events"), *known = cli_count(import->known);
        g_autofree char *over = cli_count(import->over), *refused = cli_count(import->refused);
        printf("%s, %s known already, %s over what a visitor counts for, %s refused\n", new, known, over, refused);
    }
}

static CliStatus import_files(CliContext *context, int count, char **files, GError **error) {
    Import import = {.context = context, .progress = cli_progress_new(context, "events")};
    g_autoptr(NiteruCatalogue) own = cli_remote_is_there(context) ? NULL : cli_open(context, true, error);
    import.catalogue = own;
    if (own == NULL && *error != NULL) {
        return CLI_FAILED;
    }
    const NiteruEventsOptions how = {.size = sizeof how,
                                     .encoding = encoding,
                                     .map = (const char *const *)map,
                                     .set = (const char *const *)set,
                                     .also = (const char *const *)also,
                                     .row_sessions = row_sessions,
                                     .position_base = position_base};
    const NiteruEventsReader reader = {.batch = take_batch, .fault = tell_fault, .data = &import};
    bool ok = true;
    for (int i = 0; ok && i < count; i++) {
        import.file = files[i];
        ok = niteru_events_read(files[i], &how, &reader, context->cancel, error) && import.error == NULL;
    }
    cli_progress_clear(&import.progress);
    if (import.error != NULL) {
        g_clear_error(error);
        g_propagate_error(error, import.error);
    }
    if (ok) {
        print_summary(&import);
    }
    return ok && (import.refused == 0 || import.new + import.known + import.over > 0) ? CLI_DONE : CLI_FAILED;
}

/* ---- the retention ---- */

static CliStatus retention(CliContext *context, const char *wanted, GError **error) {
    unsigned days;
    guint64 number = 0;
    bool off = g_strcmp0(wanted, "off") == 0;
    if (wanted != NULL && !off && !g_ascii_string_to_unsigned(wanted, 10, 1, 36500, &number, NULL)) {
        cli_usage(error, "a retention is a number of days from 1 to 36500, or off");
        return CLI_USAGE;
    }
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, wanted != NULL, error);
    if (catalogue == NULL || (wanted != NULL && !niteru_events_set_retention(catalogue, (unsigned)number, error)) ||
        !niteru_events_retention(catalogue, &days, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        g_autoptr(NtJson) out = nt_json_set(nt_json_object(), "retention_days", nt_json_integer(days));
        cli_print_json(nt_json_print(out, true));
    } else if (days == 0) {
        puts("events are kept for ever");
    } else {
        printf("events are kept for %u days\n", days);
    }
    return CLI_DONE;
}

static CliStatus run(CliContext *context, int argc, char **argv, GError **error) {
    if (strcmp(argv[0], "import") == 0 && argc > 1) {
        return import_files(context, argc - 1, argv + 1, error);
    }
    if (strcmp(argv[0], "retention") == 0 && argc <= 2) {
        return retention(context, argv[1], error);
    }
    cli_usage(error, "usage: niteru events import FILE... | retention [DAYS | off]");
    return CLI_USAGE;
}

const CliCommand cli_events = {
    .name = "events",
    .arguments = "import FILE... | retention [DAYS | off]",
    .summary = "what visitors did, out of files; how long it is kept",
    .details =
        "import takes CSV with a header, or JSONL: kind (impression, view, click, favourite, cart, purchase, dismiss), "
        "product, user or session, time (Unix seconds or RFC 3339), and as far as they are known id, rec_id, position, "
        "scenario, value, currency. Columns of other names are told with --map. An event that is there already is "
        "known and not stored again, so a file may be imported twice. Products must be in the catalogue.\n"
        "retention shows for how many days events are kept, or changes it; what is older is removed, a week at a time, "
        "and not taken.",
    .examples = "niteru events import events.jsonl\n"
                "niteru events import log.csv --map product=item_id --map time=timestamp --set kind=impression\\\n"
                "    --also click=click --position-base 1 --row-sessions --set scenario=women\n"
                "niteru events retention off",
    .options = options,
    .least = 1,
    .most = -1,
    .stops = true,
    .run = run,
};
