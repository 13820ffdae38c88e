/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One try to download: a request for what is missing, the redirects it leads over, and what the answer means.
 *
 *     200        the whole: what there was is thrown away
 *     206        the rest, when it is exactly the asked-for range of the same file (RFC 9110, 14.4 and 15.3.7)
 *     others     no part of the file; which of them are worth another try is told below
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fetch/fetch-internal.h"

enum {
    CONNECT_MILLISECONDS = 15000,
    STALL_BYTES = 1000, /* a second; hardly a byte */
    STALL_SECONDS = 30,
    LONGEST_LINE = 1024,       /* of a header that is looked at, bytes */
    LONGEST_REFUSAL = 1 << 16, /* body of an answer that brings nothing, bytes; read for a redirect's sake */
    LONGEST_RETRY_AFTER = 60,  /* seconds */
    PROGRESS_EVERY = G_TIME_SPAN_SECOND / 5,
};

/* Space that is left to others. */
static const uint64_t spare = 16 << 20;

typedef struct Try {
    const NtDownload *download;
    Part *part;
    const NtWait *wait;
    char *address; /* where it is now */
    CURL *easy;
    struct curl_slist *headers;
    uint64_t asked_from; /* 0: for the whole */
    /* ---- of the answer that is coming in ---- */
    char *etag;
    bool ranged, encoded, chunked;
    ContentRange range; /* where `ranged` */
    uint64_t until;     /* bytes there are in the part when all of this answer came; 0: not known */
    uint64_t refusal;   /* bytes of a body that brings nothing */
    bool looked;        /* the answer is one that brings bytes of the file */
    /* ---- why it ended, where we ended it ---- */
    bool refused; /* a connection would have gone to a private address */
    bool anew;    /* the part is of no use */
    bool final;   /* `fault` holds for good */
    GError *fault;
    int64_t shown; /* when progress was told last */
} Try;

/* ---- faults ---- */

static bool fail(Try *try, NiteruError code, bool final, const char *format, ...) G_GNUC_PRINTF(4, 5);
static bool fail(Try *try, NiteruError code, bool final, const char *format, ...) {
    if (try->fault == NULL) {
        va_list arguments;
        va_start(arguments, format);
        g_autofree char *what = g_strdup_vprintf(format, arguments), *safe = nt_text_printable(try->address, 200);
        va_end(arguments);
        nt_fail(&try->fault, code, "%s: %s", safe, what);
        try->final = final;
    }
    return false;
}

/* The answer does not fit what there is: from the beginning then. */
static bool fail_anew(Try *try, const char *what) {
    try->anew = true;
    return fail(try, NITERU_ERROR_IO, false, "%s", what);
}

/* ---- headers ---- */

/* The value of a header line of this name, new; NULL: it is another, or no text worth looking at. */
static char *value_of(const char *line, size_t size, const char *name) {
    size_t length = strlen(name);
    if (size <= length || g_ascii_strncasecmp(line, name, length) != 0 || size - length > LONGEST_LINE) {
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

bool fetch_read_range(const char *value, ContentRange *out) {
    const char *at = value + strlen("bytes ");
    if (g_ascii_strncasecmp(value, "bytes ", strlen("bytes ")) != 0) {
        return false;
    }
    uint64_t numbers[3];
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!g_ascii_isdigit(*at)) {
            return false;
        }
        char *end;
        errno = 0;
        numbers[i] = g_ascii_strtoull(at, &end, 10);
        if (errno != 0 || numbers[i] > INT64_MAX || *end != "-/"[i]) {
            return false;
        }
        at = end + 1;
    }
    *out = (ContentRange){.first = numbers[0], .last = numbers[1], .whole = numbers[2]};
    return out->first <= out->last && out->last < out->whole;
}

static size_t take_header(char *line, size_t one, size_t count, void *data) {
    Try *try = data;
    size_t size = one * count;
    if (size > 5 && g_ascii_strncasecmp(line, "HTTP/", 5) == 0) { /* an answer begins, maybe after one of 1xx */
        g_clear_pointer(&try->etag, g_free);
        try->ranged = try->encoded = try->chunked = false;
        return size;
    }
    g_autofree char *etag = value_of(line, size, "etag:"), *range = value_of(line, size, "content-range:");
    g_autofree char *coding = value_of(line, size, "content-encoding:");
    g_autofree char *transfer = value_of(line, size, "transfer-encoding:");
    /* Only a strong one proves that two parts are of the same bytes. */
    if (etag != NULL && strlen(etag) >= 2 && etag[0] == '"' && g_str_has_suffix(etag, "\"")) {
        g_free(try->etag);
        try->etag = g_steal_pointer(&etag);
    }
    try->ranged = range != NULL ? fetch_read_range(range, &try->range) : try->ranged;
    try->encoded = coding != NULL ? g_ascii_strcasecmp(coding, "identity") != 0 : try->encoded;
    try->chunked = transfer != NULL ? g_ascii_strcasecmp(transfer, "chunked") == 0 : try->chunked;
    return size;
}

/* ---- the answer ---- */

static bool check_room(Try *try, uint64_t total) {
    struct statvfs disk;
    if (fstatvfs(try->part->fd, &disk) != 0) {
        return true; /* writing tells */
    }
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize, needed = total - MIN(total, try->part->have) + spare;
    char needs[NT_REAL_BYTES], has[NT_REAL_BYTES];
    return room >= needed || fail(try, NITERU_ERROR_NO_SPACE, true, "needs %s MB of space at %s, where there are %s",
                                  nt_text_real((double)needed / 1e6, 1, needs), try->part->content,
                                  nt_text_real((double)room / 1e6, 1, has));
}

/* Whether a file of so many bytes (0: not known) may be the one. */
static bool check_size(Try *try, uint64_t total) {
    const NtDownload *download = try->download;
    if (total == 0) {
        return true;
    }
    if (download->bytes > 0 && total != download->bytes) {
        return fail(try, NITERU_ERROR_CORRUPT, true,
                    "has %" G_GUINT64_FORMAT " bytes, and the published file has %" G_GUINT64_FORMAT
                    ": it is another file",
                    total, download->bytes);
    }
    if (download->most > 0 && total > download->most) {
        return fail(try, NITERU_ERROR_LIMIT, true,
                    "has %" G_GUINT64_FORMAT " bytes, over the limit of %" G_GUINT64_FORMAT, total, download->most);
    }
    return check_room(try, total);
}

static bool look_at_whole(Try *try, int64_t length) {
    uint64_t total = try->until = length > 0 ? (uint64_t)length : 0;
    long version = 0;
    curl_easy_getinfo(try->easy, CURLINFO_HTTP_VERSION, &version);
    if (length < 0 && !try->chunked && version <= CURL_HTTP_VERSION_1_1 && try->download->sha256 == NULL) {
        fail(try, NITERU_ERROR_INVALID, true,
             "the host does not say how long the file is, so that nothing would show whether all of it came; its "
             "SHA-256 would");
        return nt_fact(&try->fault, "option", "sha256");
    }
    return check_size(try, total) &&
           (part_begin(try->part, try->download->address, try->etag, total, &try->fault) || (try->final = true, false));
}

static bool look_at_rest(Try *try, int64_t length) {
    Part *part = try->part;
    if (try->asked_from == 0 || !try->ranged || try->range.first != try->asked_from ||
        (length >= 0 && (uint64_t)length != try->range.last - try->range.first + 1)) {
        return fail_anew(try, "the host sent another part of the file than was asked for");
    }
    if (g_strcmp0(try->etag, part->etag) != 0 || (part->total > 0 && try->range.whole != part->total)) {
        return fail_anew(try, "the file was changed while it was fetched");
    }
    try->until = try->range.last + 1;
    part->total = try->range.whole;
    return check_size(try, try->range.whole);
}

/* Looks at an answer of 200 or 206 before its first byte. */
static bool look(Try *try) {
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(try->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(try->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (try->encoded) {
        return fail(try, NITERU_ERROR_INVALID, true, "the host sends the file packed, which was not asked for");
    }
    try->looked = status == 206 ? look_at_rest(try, length) : look_at_whole(try, length);
    return try->looked;
}

static bool keep(Try *try, const char *bytes, size_t size) {
    Part *part = try->part;
    const NtDownload *download = try->download;
    uint64_t most = try->until > 0 ? try->until : download->bytes > 0 ? download->bytes : download->most;
    if (most > 0 && size > most - MIN(most, part->have)) {
        bool limited = try->until == 0 && download->bytes == 0;
        return fail(try, limited ? NITERU_ERROR_LIMIT : NITERU_ERROR_CORRUPT, true,
                    "sends more than %s %" G_GUINT64_FORMAT " bytes", limited ? "the limit of" : "its", most);
    }
    if (!nt_write_all(part->fd, part->content, bytes, size, part->have, &try->fault)) {
        try->final = true;
        return false;
    }
    part->have += size;
    return true;
}

static size_t take_bytes(char *bytes, size_t one, size_t count, void *data) {
    Try *try = data;
    size_t size = one * count;
    long status = 0;
    curl_easy_getinfo(try->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 && status != 206) {
        try->refusal += size;
        return try->refusal <= LONGEST_REFUSAL ? size : 0;
    }
    return (try->looked || look(try)) && keep(try, bytes, size) ? size : 0;
}

/* ---- while it is under way ---- */

static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *to) {
    Try *try = data;
    if (!try->download->allow_private && !nt_address_is_public(&to->addr)) {
        try->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int look_around(void *data, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t up_now) {
    Try *try = data;
    int64_t time = g_get_monotonic_time();
    if (try->download->progress != NULL && try->looked && time - try->shown >= PROGRESS_EVERY) {
        try->shown = time;
        try->download->progress(try->part->have, MAX(try->part->total, try->download->bytes), try->download->data);
    }
    if (!nt_wait_check(try->wait, try->fault == NULL ? &try->fault : NULL)) {
        try->final = true;
        return 1;
    }
    return 0;
}

static void add_header(Try *try, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_header(Try *try, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    try->headers = curl_slist_append(try->headers, line);
}

static void set_up(Try *try) {
    CURL *easy = try->easy = curl_easy_init();
    const NtDownload *download = try->download;
    try->asked_from = try->part->etag != NULL ? try->part->have : 0;
    try->looked = try->ranged = try->encoded = try->chunked = try->refused = false;
    try->refusal = 0;
    add_header(try, "Accept: */*");
    if (try->asked_from > 0) {
        add_header(try, "Range: bytes=%" G_GUINT64_FORMAT "-", try->asked_from);
        add_header(try, "If-Range: %s", try->part->etag);
    }
    curl_easy_setopt(easy, CURLOPT_URL, try->address);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "niteru");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, try->headers);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     (long)(download->stall_seconds > 0 ? download->stall_seconds : STALL_SECONDS));
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, try);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, try);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, try);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_around);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, try);
}

/* ---- what its end means ---- */

static TryEnd again(Try *try, const char *what) {
    fail(try, NITERU_ERROR_IO, false, "%s", what);
    return TRY_AGAIN;
}

static TryEnd failed(Try *try, NiteruError code, const char *what) {
    fail(try, code, true, "%s", what);
    return TRY_FAILED;
}

/* No whole answer came. */
static TryEnd end_broken(Try *try, CURLcode code) {
    if (try->fault != NULL) {
        return try->final ? TRY_FAILED : try->anew ? TRY_ANEW : TRY_AGAIN;
    }
    if (try->refused) {
        failed(try, NITERU_ERROR_INVALID, "leads to no public address; nothing was asked");
        nt_fact(&try->fault, "option", "allow_private");
        return TRY_FAILED;
    }
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: /* this machine trusts nobody: ca-certificates is missing */
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return failed(try, NITERU_ERROR_INVALID, curl_easy_strerror(code));
    case CURLE_PARTIAL_FILE: return again(try, "the host sent less than it had promised");
    case CURLE_OPERATION_TIMEDOUT: return again(try, "the host did not answer in time, or no longer sent anything");
    case CURLE_WRITE_ERROR: return again(try, "the host refuses in too many words");
    default: return again(try, curl_easy_strerror(code));
    }
}

static TryEnd end_refused(Try *try, long status, int64_t *out_delay) {
    g_autofree char *what = g_strdup_printf("the host answered %ld", status);
    switch (status) {
    case 429:
    case 503: {
        curl_off_t seconds = 0;
        curl_easy_getinfo(try->easy, CURLINFO_RETRY_AFTER, &seconds);
        *out_delay = CLAMP(seconds, 0, LONGEST_RETRY_AFTER) * G_TIME_SPAN_SECOND;
        return again(try, what);
    }
    case 408:
    case 425:
    case 500:
    case 502:
    case 504: return again(try, what);
    case 416: fail_anew(try, what); return TRY_ANEW;
    case 404:
    case 410: return failed(try, NITERU_ERROR_NOT_FOUND, what);
    default: return failed(try, NITERU_ERROR_INVALID, what);
    }
}

static TryEnd end_answered(Try *try, long status, int64_t *out_delay) {
    if (status != 200 && status != 206) {
        return end_refused(try, status, out_delay);
    }
    if (!try->looked && !look(try)) { /* an empty body */
        return end_broken(try, CURLE_OK);
    }
    uint64_t total = MAX(try->part->total, try->download->bytes);
    if (try->part->have < total) {
        return again(try, "the host sent a part of the file only");
    }
    return try->part->have > 0 ? TRY_DONE : failed(try, NITERU_ERROR_CORRUPT, "is empty");
}

static bool is_https(const char *address) { return g_ascii_strncasecmp(address, "https:", 6) == 0; }

/* Goes to where the host sends; NULL: it does not, or it may not be asked there, and try->fault tells why. */
static char *find_next(Try *try, long status, unsigned redirects) {
    const char *to = NULL;
    g_autoptr(GError) fault = NULL;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
        return NULL;
    }
    curl_easy_getinfo(try->easy, CURLINFO_REDIRECT_URL, &to);
    if (to == NULL) {
        fail(try, NITERU_ERROR_INVALID, true, "the host sends elsewhere and does not say where");
    } else if (redirects >= NT_DOWNLOAD_REDIRECTS) {
        fail(try, NITERU_ERROR_INVALID, true, "the host sends elsewhere again and again");
    } else if (!nt_fetch_check(to, try->download->allow_private, &fault)) {
        fail(try, NITERU_ERROR_INVALID, true, "the host sends elsewhere: %s", fault->message);
        nt_fact(&try->fault, "option", niteru_error_fact(fault, "option") != NULL ? "allow_private" : NULL);
    } else if (is_https(try->address) && !is_https(to)) {
        fail(try, NITERU_ERROR_INVALID, true, "the host sends from https to http, which is not followed");
    }
    return try->fault == NULL ? g_strdup(to) : NULL;
}

/* One request, and its end; *out_next where it leads on. */
static TryEnd ask(Try *try, unsigned redirects, char **out_next, int64_t *out_delay) {
    long status = 0;
    set_up(try);
    CURLcode code = curl_easy_perform(try->easy);
    curl_easy_getinfo(try->easy, CURLINFO_RESPONSE_CODE, &status);
    TryEnd end = TRY_AGAIN;
    if (code != CURLE_OK) {
        end = end_broken(try, code);
    } else if ((*out_next = find_next(try, status, redirects)) == NULL) {
        end = try->fault != NULL ? TRY_FAILED : end_answered(try, status, out_delay);
    }
    g_clear_pointer(&try->easy, curl_easy_cleanup);
    g_clear_pointer(&try->headers, curl_slist_free_all);
    g_clear_pointer(&try->etag, g_free);
    return end;
}

TryEnd download_try(const NtDownload *download, Part *part, const NtWait *wait, GError **out_fault,
                    int64_t *out_delay) {
    Try try = {.download = download, .part = part, .wait = wait, .address = g_strdup(download->address)};
    TryEnd end;
    char *next = NULL;
    if (part->etag != NULL && part->total > 0 && part->have == part->total) { /* killed between its end and its name */
        g_free(try.address);
        return TRY_DONE;
    }
    for (unsigned redirects = 0;; redirects++) {
        end = ask(&try, redirects, &next, out_delay);
        if (next == NULL) {
            break;
        }
        g_free(try.address);
        try.address = g_steal_pointer(&next);
    }
    g_free(try.address);
    if (try.fault != NULL) {
        g_propagate_error(out_fault, try.fault);
    }
    return end;
}
