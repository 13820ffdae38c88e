/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer by libcurl: what is sent, where a connection may go, what an answer means. */
#include <string.h>
#include <unistd.h>

#include "fetch/fetch-internal.h"

enum {
    CONNECT_MILLISECONDS = 5000,
    /* An answer that brings less than so many bytes a second for so many seconds stalls. A bound on the whole alone
     * would be wrong either way: sixteen photos of a slow line may well take a minute, and all of them arrive. */
    STALL_BYTES = 1000,
    STALL_SECONDS = 15,
    WHOLE_SECONDS = 120,
    LONGEST_VALIDATOR = 1024, /* bytes of an ETag or date that is kept */
    LONGEST_RETRY_AFTER = 60, /* seconds */
};

static const gint64 most_held = INT64_C(256) << 20;

Transfer *transfer_new(NtFetch *fetch, const NtFetchOptions *options, gint64 *held) {
    Transfer *transfer = g_new0(Transfer, 1);
    transfer->fetch = fetch;
    transfer->options = options;
    transfer->held = held;
    transfer->body = g_byte_array_new();
    return transfer;
}

static void drop_body(Transfer *transfer) {
    __atomic_sub_fetch(transfer->held, (gint64)transfer->body->len, __ATOMIC_RELAXED);
    g_byte_array_set_size(transfer->body, 0);
}

static void end_try(Transfer *transfer) {
    g_clear_pointer(&transfer->easy, curl_easy_cleanup);
    g_clear_pointer(&transfer->headers, curl_slist_free_all);
    g_clear_pointer(&transfer->etag, g_free);
    g_clear_pointer(&transfer->modified, g_free);
}

void transfer_free(void *data) {
    Transfer *transfer = data;
    end_try(transfer);
    drop_body(transfer);
    g_byte_array_unref(transfer->body);
    nt_fetch_free(transfer->fetch);
    g_free(transfer->address);
    g_free(transfer);
}

/* ---- while it is under way ---- */

/* Called for every connection with the address that it goes to, whatever names and redirects led there. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to) {
    Transfer *transfer = data;
    if (!transfer->options->allow_private && !nt_address_is_public(&to->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *data) {
    Transfer *transfer = data;
    size_t size = one * count;
    if (transfer->body->len + size > transfer->options->bytes) {
        transfer->too_much = true;
        return 0;
    }
    if (__atomic_add_fetch(transfer->held, (gint64)size, __ATOMIC_RELAXED) > most_held) {
        __atomic_sub_fetch(transfer->held, (gint64)size, __ATOMIC_RELAXED);
        transfer->no_room = true;
        return 0;
    }
    g_byte_array_append(transfer->body, (const guint8 *)bytes, (guint)size);
    return size;
}

/* The value of a header line of this name, new; NULL: it is another, or no text worth keeping. */
static char *value_of(const char *line, size_t size, const char *name) {
    size_t length = strlen(name);
    if (size <= length || g_ascii_strncasecmp(line, name, length) != 0 || size - length > LONGEST_VALIDATOR) {
        return NULL;
    }
    char *value = g_strstrip(g_strndup(line + length, size - length));
    for (const char *p = value; *p != '\0'; p++) {
        if (*p < 0x20 || *p > 0x7e) {
            g_free(value);
            return NULL;
        }
    }
    return value;
}

static size_t take_header(char *line, size_t one, size_t count, void *data) {
    Transfer *transfer = data;
    char *etag = value_of(line, one * count, "etag:"), *modified = value_of(line, one * count, "last-modified:");
    if (etag != NULL) {
        g_free(transfer->etag);
        transfer->etag = etag;
    }
    if (modified != NULL) {
        g_free(transfer->modified);
        transfer->modified = modified;
    }
    return one * count;
}

static void add_header(Transfer *transfer, const char *name, const char *value) {
    if (value != NULL) {
        g_autofree char *line = g_strdup_printf("%s: %s", name, value);
        transfer->headers = curl_slist_append(transfer->headers, line);
    }
}

CURL *transfer_begin(Transfer *transfer) {
    CURL *easy = transfer->easy = curl_easy_init();
    transfer->tries++;
    transfer->refused = false;
    transfer->too_much = transfer->no_room = false;
    drop_body(transfer);
    add_header(transfer, "Accept", "image/*");
    add_header(transfer, "If-None-Match", transfer->fetch->etag);
    add_header(transfer, "If-Modified-Since", transfer->fetch->modified);
    curl_easy_setopt(easy, CURLOPT_URL, transfer->address);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "niteru");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)WHOLE_SECONDS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->options->bytes);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    return easy;
}

/* ---- what its end means ---- */

static TransferEnd fail(Transfer *transfer, NiteruError code, const char *what, const char *option) {
    g_autofree char *safe = nt_text_printable(transfer->fetch->address, 200);
    nt_fail(&transfer->fetch->fault, code, "%s: %s", safe, what);
    if (option != NULL) {
        nt_fact(&transfer->fetch->fault, "option", option);
    }
    return TRANSFER_DONE;
}

static TransferEnd again(const Transfer *transfer, GError **out_fault, TransferEnd end, const char *what) {
    g_autofree char *safe = nt_text_printable(transfer->fetch->address, 200);
    nt_fail(out_fault, NITERU_ERROR_IO, "%s: %s", safe, what);
    return end;
}

/* No answer came, or a part of one. */
static TransferEnd end_broken(Transfer *transfer, CURLcode code, GError **out_fault) {
    g_autofree char *what = NULL;
    if (transfer->refused) {
        return fail(transfer, NITERU_ERROR_INVALID, "leads to no public address; nothing was asked", "allow_private");
    }
    if (transfer->no_room) {
        return TRANSFER_LATER;
    }
    if (transfer->too_much || code == CURLE_FILESIZE_EXCEEDED) {
        what =
            g_strdup_printf("has more than %" G_GUINT64_FORMAT " bytes (limit fetch-bytes)", transfer->options->bytes);
        fail(transfer, NITERU_ERROR_LIMIT, what, NULL);
        nt_fact(&transfer->fetch->fault, "limit", "fetch-bytes");
        return TRANSFER_DONE;
    }
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return fail(transfer, NITERU_ERROR_INVALID, curl_easy_strerror(code), NULL);
    case CURLE_PARTIAL_FILE:
        return again(transfer, out_fault, TRANSFER_AGAIN, "the host sent less than it had promised");
    case CURLE_OPERATION_TIMEDOUT: return again(transfer, out_fault, TRANSFER_AGAIN, "the host did not answer in time");
    default: return again(transfer, out_fault, TRANSFER_AGAIN, curl_easy_strerror(code));
    }
}

static TransferEnd redirect(Transfer *transfer) {
    const char *to = NULL;
    g_autoptr(GError) fault = NULL;
    curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &to);
    if (to == NULL) {
        return fail(transfer, NITERU_ERROR_IO, "the host sends elsewhere and does not say where", NULL);
    }
    if (++transfer->redirects > NT_FETCH_REDIRECTS) {
        return fail(transfer, NITERU_ERROR_INVALID, "the host sends elsewhere again and again", NULL);
    }
    if (!nt_fetch_check(to, transfer->options->allow_private, &fault)) {
        g_autofree char *what = g_strdup_printf("the host sends elsewhere: %s", fault->message);
        return fail(transfer, NITERU_ERROR_INVALID, what, niteru_error_fact(fault, "option"));
    }
    g_free(transfer->address);
    transfer->address = g_strdup(to);
    transfer->tries--;
    return TRANSFER_REDIRECT;
}

static TransferEnd end_answered(Transfer *transfer, long status, GError **out_fault, int64_t *out_delay) {
    NtFetch *fetch = transfer->fetch;
    g_autofree char *what = g_strdup_printf("the host answered %ld", status);
    if (status == 200) {
        fetch->outcome = NT_FETCH_BODY;
        gsize size = transfer->body->len; /* the bytes count as held until they are taken */
        fetch->body = g_bytes_new_take(g_byte_array_free(transfer->body, FALSE), size);
        transfer->body = g_byte_array_new();
        g_free(fetch->etag);
        g_free(fetch->modified);
        fetch->etag = g_steal_pointer(&transfer->etag);
        fetch->modified = g_steal_pointer(&transfer->modified);
        return TRANSFER_DONE;
    }
    if (status == 304 && (fetch->etag != NULL || fetch->modified != NULL)) {
        fetch->outcome = NT_FETCH_UNCHANGED;
        return TRANSFER_DONE;
    }
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
        return redirect(transfer);
    }
    if (status == 429 || status == 503) {
        curl_off_t seconds = 0;
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &seconds);
        *out_delay = CLAMP(seconds, 0, LONGEST_RETRY_AFTER) * G_TIME_SPAN_SECOND;
        return again(transfer, out_fault, TRANSFER_TOO_MUCH, what);
    }
    if (status == 408 || status == 425 || status == 500 || status == 502 || status == 504) {
        return again(transfer, out_fault, TRANSFER_AGAIN, what);
    }
    return fail(transfer, status == 404 || status == 410 ? NITERU_ERROR_NOT_FOUND : NITERU_ERROR_INVALID, what, NULL);
}

TransferEnd transfer_end(Transfer *transfer, CURLcode code, GError **out_fault, int64_t *out_delay) {
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    TransferEnd end =
        code == CURLE_OK ? end_answered(transfer, status, out_fault, out_delay) : end_broken(transfer, code, out_fault);
    end_try(transfer);
    drop_body(transfer); /* one that was given out is no longer in it */
    return end;
}
