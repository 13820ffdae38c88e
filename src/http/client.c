/* SPDX-License-Identifier: Apache-2.0 */
/* Who a client is: its own address, or behind proxies that the shop trusts, the one they tell. */
#include "http/http-internal.h"

#include <string.h>

bool nt_http_proxies_parse(const char *const *networks, NtHttpProxies *out, GError **error) {
    out->masks = g_ptr_array_new_with_free_func(g_object_unref);
    for (size_t i = 0; networks != NULL && networks[i] != NULL; i++) {
        g_autoptr(GError) fault = NULL;
        GInetAddressMask *mask = g_inet_address_mask_new_from_string(networks[i], &fault);
        if (mask == NULL) {
            return nt_fail(error, NITERU_ERROR_INVALID, "'%s' is no address or network such as 10.0.0.0/8",
                           networks[i]);
        }
        g_ptr_array_add(out->masks, mask);
    }
    return true;
}

bool nt_http_proxies_trust(const NtHttpProxies *proxies, GInetAddress *address) {
    for (guint i = 0; i < proxies->masks->len; i++) {
        if (g_inet_address_mask_matches(g_ptr_array_index(proxies->masks, i), address)) {
            return true;
        }
    }
    return false;
}

/* "192.0.2.1", "192.0.2.1:123", "2001:db8::1", "[2001:db8::1]:123". */
static GInetAddress *parse_address(const char *text) {
    if (*text == '[') {
        g_autofree char *inner = g_strndup(text + 1, strcspn(text + 1, "]"));
        return g_inet_address_new_from_string(inner);
    }
    GInetAddress *address = g_inet_address_new_from_string(text);
    if (address == NULL) {
        g_autofree char *host = g_strndup(text, strcspn(text, ":"));
        address = g_inet_address_new_from_string(host);
    }
    return address;
}

char *nt_http_proxies_client(const NtHttpProxies *proxies, GInetAddress *peer, const char *forwarded) {
    if (forwarded == NULL || !nt_http_proxies_trust(proxies, peer)) {
        return g_inet_address_to_string(peer);
    }
    /* From the right: what stands left of the first address that is not trusted was written by whoever it is. */
    g_auto(GStrv) chain = g_strsplit(forwarded, ",", -1);
    g_autoptr(GInetAddress) client = g_object_ref(peer);
    for (guint i = g_strv_length(chain); i > 0; i--) {
        GInetAddress *address = parse_address(g_strstrip(chain[i - 1]));
        if (address == NULL) {
            break;
        }
        g_object_unref(client);
        client = address;
        if (!nt_http_proxies_trust(proxies, address)) {
            break;
        }
    }
    return g_inet_address_to_string(client);
}

const guint8 *nt_http_client_bytes(GInetAddress *address, size_t *out_size) {
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 address in IPv6's clothes */
    const guint8 *bytes = g_inet_address_to_bytes(address);
    bool short_one = g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4;
    bool within = !short_one && memcmp(bytes, mapped, sizeof mapped) == 0;
    *out_size = short_one || within ? 4 : 8;
    return within ? bytes + sizeof mapped : bytes;
}

char *nt_http_client_network(const char *address) {
    g_autoptr(GInetAddress) parsed = strchr(address, ':') != NULL ? g_inet_address_new_from_string(address) : NULL;
    if (parsed == NULL) {
        return NULL;
    }
    size_t size;
    guint8 whole[16] = {0};
    const guint8 *bytes = nt_http_client_bytes(parsed, &size);
    memcpy(whole, bytes, size);
    g_autoptr(GInetAddress) network =
        g_inet_address_new_from_bytes(whole, size == 4 ? G_SOCKET_FAMILY_IPV4 : G_SOCKET_FAMILY_IPV6);
    return g_inet_address_to_string(network);
}
