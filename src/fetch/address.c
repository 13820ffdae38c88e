/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses may be asked: by their words, and by where a connection would go. */
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

#include "fetch/fetch-internal.h"

/* Lists have addresses with blanks and letters of any script in them, as browsers show them. */
enum { AS_WRITTEN = CURLU_URLENCODE | CURLU_ALLOW_SPACE };

enum { LONGEST_ADDRESS = 8192 };

typedef struct Block {
    uint8_t bytes[16];
    unsigned bits;
} Block;

/* Blocks of IPv4 that are not global unicast: IANA IPv4 Special-Purpose Address Registry, multicast, and the relays of
 * 6to4, which are no longer in use. */
static const Block blocks4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
};

/* Global unicast of IPv6 is 2000::/3, less these: protocol assignments with Teredo and ORCHID, documentation. */
static const Block unicast6 = {{0x20}, 3};
static const Block blocks6[] = {{{0x20, 0x01}, 23}, {{0x20, 0x01, 0x0d, 0xb8}, 32}, {{0x3f, 0xff}, 20}};

/* Blocks that carry an address of IPv4: mapped, NAT64, 6to4. */
static const struct {
    Block block;
    unsigned at; /* byte at which it begins */
} carriers[] = {{{{[10] = 0xff, [11] = 0xff}, 96}, 12}, {{{0, 0x64, 0xff, 0x9b}, 96}, 12}, {{{0x20, 0x02}, 16}, 2}};

static bool is_in(const uint8_t *address, const Block *block) {
    unsigned whole = block->bits / 8, rest = block->bits % 8;
    return memcmp(address, block->bytes, whole) == 0 &&
           (rest == 0 || (uint8_t)((address[whole] ^ block->bytes[whole]) >> (8 - rest)) == 0);
}

static bool is_public4(const uint8_t *address) {
    for (size_t i = 0; i < G_N_ELEMENTS(blocks4); i++) {
        if (is_in(address, &blocks4[i])) {
            return false;
        }
    }
    return true;
}

static bool is_public6(const uint8_t *address) {
    for (size_t i = 0; i < G_N_ELEMENTS(carriers); i++) {
        if (is_in(address, &carriers[i].block)) {
            return is_public4(address + carriers[i].at);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(blocks6); i++) {
        if (is_in(address, &blocks6[i])) {
            return false;
        }
    }
    return is_in(address, &unicast6);
}

bool nt_address_is_public(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return is_public4((const uint8_t *)&in.sin_addr);
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return is_public6((const uint8_t *)&in.sin6_addr);
    }
    return false;
}

bool nt_is_web_address(const char *text) {
    return g_ascii_strncasecmp(text, "http://", 7) == 0 || g_ascii_strncasecmp(text, "https://", 8) == 0;
}

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return has;
}

static bool check_parts(CURLU *url, const char *safe, bool allow_private, GError **error) {
    char *port = NULL;
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: holds a name or password, which are not sent", safe);
    }
    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    bool usual = g_strcmp0(port, "80") == 0 || g_strcmp0(port, "443") == 0;
    if (!usual && !allow_private) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: port %s is not asked, only 80 and 443 are", safe, port);
        nt_fact(error, "option", "allow_private");
    }
    curl_free(port);
    return usual || allow_private;
}

bool nt_fetch_check(const char *address, bool allow_private, GError **error) {
    g_autofree char *safe = nt_text_printable(address, 200);
    if (strlen(address) > LONGEST_ADDRESS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: the address has more than %d bytes", safe, LONGEST_ADDRESS);
    }
    if (!nt_is_web_address(address)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: is no address of http or https", safe);
    }
    CURLU *url = curl_url();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, address, AS_WRITTEN);
    bool ok = code == CURLUE_OK
                  ? check_parts(url, safe, allow_private, error)
                  : nt_fail(error, NITERU_ERROR_INVALID, "%s: is no address: %s", safe, curl_url_strerror(code));
    curl_url_cleanup(url);
    return ok;
}

char *fetch_host_of(const char *address, char **out_normal) {
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *normal = NULL, *out = NULL;
    if (curl_url_set(url, CURLUPART_URL, address, AS_WRITTEN) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &normal, 0) == CURLUE_OK) {
        g_autofree char *lower = g_ascii_strdown(host, -1);
        out = g_strdup_printf("%s://%s:%s", scheme, lower, port);
        *out_normal = g_strdup(normal);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(normal);
    curl_url_cleanup(url);
    return out;
}
