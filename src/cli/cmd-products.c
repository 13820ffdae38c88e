/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at single products and taking them away: show, list, remove. */
#include "cli/commands.h"
#include "cli/remote.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static char *where, *after, *version;
static int limit;

static const GOptionEntry no_options[] = {{0}};

/* ---- show ---- */

static bool print_field(const char *name, NtJson *value, void *data) {
    g_autofree char *text = NULL;
    if (nt_json_type(value) == NT_JSON_STRING) {
        text = nt_text_printable(nt_json_text(value, ""), 300);
    } else {
        text = nt_json_print(value, false);
    }
    g_autofree char *safe = nt_text_printable(name, 40);
    printf("  %-16s %s\n", safe, text);
    return true;
}

static void print_product(const NtJson *product) {
    g_autofree char *id = nt_text_printable(nt_json_text(nt_json_get(product, "product"), ""), SIZE_MAX);
    printf("%s\n", id);
    nt_json_foreach(nt_json_get(product, "metadata"), print_field, NULL);
    NtJson *photos = nt_json_get(product, "photos");
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        const NtJson *photo = nt_json_at(photos, i);
        g_autofree char *path = nt_text_printable(nt_json_text(nt_json_get(photo, "photo"), ""), 300);
        const char *fault = nt_json_text(nt_json_get(photo, "error"), NULL);
        printf("  %-16s %s", "photo", path);
        if (fault != NULL) {
            g_autofree char *safe = nt_text_message(fault, 400);
            printf("  (%s)\n", safe);
        } else if (nt_json_get(photo, "width") != NULL) {
            printf("  %" G_GINT64_FORMAT " x %" G_GINT64_FORMAT " %s\n", nt_json_int(nt_json_get(photo, "width"), 0),
                   nt_json_int(nt_json_get(photo, "height"), 0), nt_json_text(nt_json_get(photo, "format"), ""));
        } else {
            puts("  (not read yet)");
        }
    }
}

static CliStatus run_show(CliContext *context, int argc, char **argv, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    for (int i = 0; catalogue != NULL && i < argc; i++) {
        char *text = niteru_product_json(catalogue, argv[i], error);
        if (text == NULL) {
            return CLI_FAILED;
        }
        if (context->json) {
            cli_print_json(text);
            continue;
        }
        g_autoptr(NtJson) product = nt_json_parse(text, strlen(text), argv[i], NULL, error);
        g_free(text);
        if (product == NULL) {
            return CLI_FAILED;
        }
        print_product(product);
    }
    return catalogue != NULL ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_show = {
    .name = "show",
    .arguments = "ID...",
    .summary = "a product's metadata and photos",
    .details = "Prints what the catalogue knows of each product.",
    .examples = "niteru show dress-017-red\nniteru show dress-017-red --json",
    .options = no_options,
    .least = 1,
    .most = -1,
    .run = run_show,
};

/* ---- list ---- */

static const GOptionEntry list_options[] = {
    {"where", 'w', 0, G_OPTION_ARG_STRING, &where, "only products that match", "CONDITION"},
    {"after", 0, 0, G_OPTION_ARG_STRING, &after, "start behind this id", "ID"},
    {"count", 'k', 0, G_OPTION_ARG_INT, &limit, "at most so many (all)", "N"},
    {0},
};

typedef struct Listing {
    bool json;
    uint64_t count;
} Listing;

static bool print_listed(const char *id, const char *json, void *data) {
    Listing *listing = data;
    g_autofree char *safe = nt_text_printable(id, SIZE_MAX);
    puts(listing->json ? json : safe);
    listing->count++;
    return !ferror(stdout);
}

static CliStatus run_list(CliContext *context, int argc, char **argv, GError **error) {
    if (limit < 0) {
        cli_usage(error, "-k %d: at least one, or 0 for all", limit);
        return CLI_USAGE;
    }
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, error);
    Listing listing = {.json = context->json};
    bool ok =
        catalogue != NULL &&
        niteru_list(catalogue,
                    &(NiteruListOptions){
                        .size = sizeof(NiteruListOptions), .where = where, .after = after, .limit = (size_t)limit},
                    print_listed, &listing, NULL, error);
    if (ok && listing.count == 0) {
        cli_print_near(context, catalogue, where);
    }
    return ok ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_list = {
    .name = "list",
    .arguments = "",
    .summary = "the ids of the products",
    .details =
        "Prints one id a line, in order; with --json one product a line, with its metadata and photos. Characters "
        "that a terminal would obey are written as \\x9b or \\u202e; --json has the exact ids.",
    .examples = "niteru list --where \"category = 'Dress' and price < 50\"",
    .options = list_options,
    .least = 0,
    .most = 0,
    .run = run_list,
};

/* ---- remove ---- */

static const GOptionEntry remove_options[] = {
    {"where", 'w', 0, G_OPTION_ARG_STRING, &where, "remove the products that match", "CONDITION"},
    {"as-of", 0, 0, G_OPTION_ARG_STRING, &version,
     "a number or time: products of a later version stay, and writes of earlier ones do not bring the others back",
     "VERSION"},
    {0},
};

static bool remove_here(NiteruCatalogue *catalogue, const char *const *ids, size_t count, uint64_t *removed,
                        uint64_t *stale, GError **error) {
    return version != NULL ? niteru_remove_version(catalogue, ids, count, version, 0, NULL, removed, stale, error)
                           : niteru_remove(catalogue, ids, count, where, 0, NULL, removed, error);
}

static CliStatus run_remove(CliContext *context, int argc, char **argv, GError **error) {
    if (argc == 0 && where == NULL) {
        cli_usage(error, "name the products to remove, or give --where");
        return CLI_USAGE;
    }
    if (version != NULL && where != NULL) {
        cli_usage(error, "--as-of is for products that are named, and not for --where");
        return CLI_USAGE;
    }
    bool remote = context->limits == NULL && cli_remote_is_there(context);
    const char *const *ids = (const char *const *)argv;
    uint64_t removed = 0, stale = 0;
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, !remote, error);
    if (catalogue == NULL ||
        !(remote ? cli_remote_remove(context, ids, (size_t)argc, where, version, &removed, &stale, error)
                 : remove_here(catalogue, ids, (size_t)argc, &removed, &stale, error))) {
        return CLI_FAILED;
    }
    if (context->json) {
        printf("{\"removed\": %" G_GUINT64_FORMAT ", \"stale\": %" G_GUINT64_FORMAT "}\n", removed, stale);
    } else if (!context->quiet) {
        printf("%" G_GUINT64_FORMAT " removed\n", removed);
    }
    if (stale > 0 && !context->quiet && !context->json) {
        printf("%" G_GUINT64_FORMAT " stay: of a later version\n", stale);
    }
    if (removed == 0 && where != NULL) {
        cli_print_near(context, catalogue, where);
    }
    /* Asking to remove what is not there is worth knowing in a script. */
    return removed > 0 || argc == 0 ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_remove = {
    .name = "remove",
    .arguments = "[ID...]",
    .summary = "take products out of the catalogue",
    .details = "They are in no answer from then on. Photos on disk are not touched.",
    .examples = "niteru remove dress-017-red\nniteru remove --where \"available = false\"",
    .options = remove_options,
    .least = 0,
    .most = -1,
    .run = run_remove,
};
