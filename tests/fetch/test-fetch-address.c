/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are asked: blocks of the registries, and every spelling of a private address that was thought of. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "fetch/fetch.h"

static bool is_public(const char *text) {
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        return nt_address_is_public((const struct sockaddr *)&in);
    }
    g_assert_cmpint(inet_pton(AF_INET6, text, &in6.sin6_addr), ==, 1);
    return nt_address_is_public((const struct sockaddr *)&in6);
}

static void test_blocks(void) {
    static const char *const open[] = {"1.1.1.1",         "9.255.255.255",    "11.0.0.0",        "100.63.255.255",
                                       "100.128.0.0",     "126.255.255.255",  "128.0.0.0",       "169.253.255.255",
                                       "172.15.255.255",  "172.32.0.0",       "192.0.1.0",       "192.167.255.255",
                                       "192.169.0.0",     "198.17.255.255",   "198.20.0.0",      "203.0.112.255",
                                       "223.255.255.255", "2606:4700::1111",  "2001:4860::8888", "2002:101:101::",
                                       "::ffff:1.1.1.1",  "64:ff9b::101:101", "2001:200::",      "3ffe::1"};
    static const char *const closed[] = {"0.0.0.0",
                                         "0.255.255.255",
                                         "10.0.0.0",
                                         "10.255.255.255",
                                         "100.64.0.0",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "169.254.169.254",
                                         "172.16.0.0",
                                         "172.31.255.255",
                                         "192.0.0.8",
                                         "192.0.2.1",
                                         "192.88.99.1",
                                         "192.168.0.0",
                                         "192.168.255.255",
                                         "198.18.0.0",
                                         "198.19.255.255",
                                         "198.51.100.7",
                                         "203.0.113.7",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::127.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "64:ff9b::7f00:1",
                                         "64:ff9b:1::1",
                                         "100::1",
                                         "2001::1",
                                         "2001:0:53aa::1",
                                         "2001:10::1",
                                         "2001:db8::1",
                                         "2002:7f00:1::",
                                         "2002:a00:1::",
                                         "3fff::1",
                                         "5f00::1",
                                         "fc00::1",
                                         "fd12:3456::1",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "4000::1"};
    for (size_t i = 0; i < G_N_ELEMENTS(open); i++) {
        g_assert_cmpstr(is_public(open[i]) ? open[i] : "refused", ==, open[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(closed); i++) {
        g_assert_cmpstr(is_public(closed[i]) ? "taken" : closed[i], ==, closed[i]);
    }
    struct sockaddr local = {.sa_family = AF_UNIX};
    g_assert_false(nt_address_is_public(&local));
}

/* Hosts that mean a private or special address to one program or another. */
static const char *const hosts[] = {"127.0.0.1",
                                    "127.1",
                                    "127.0.1",
                                    "127.255.255.254",
                                    "127.0.0.1.",
                                    "2130706433",
                                    "0x7f000001",
                                    "0x7F000001",
                                    "017700000001",
                                    "0177.0.0.1",
                                    "0177.0.0.01",
                                    "0x7f.0.0.1",
                                    "0x7f.1",
                                    "0x7f.0x0.0x0.0x1",
                                    "127.0x1",
                                    "00000177.1",
                                    "0x0000000000007f000001",
                                    "127.000.000.001",
                                    "127.00.00.01",
                                    "0",
                                    "0.0.0.0",
                                    "0x0",
                                    "00",
                                    "0.1",
                                    "localhost",
                                    "LOCALHOST",
                                    "localhost.",
                                    "LocalHost",
                                    "%31%32%37.0.0.1",
                                    "%6c%6f%63%61%6c%68%6f%73%74",
                                    "127%2e0%2e0%2e1",
                                    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",
                                    "127\xe3\x80\x82"
                                    "0\xe3\x80\x82"
                                    "0\xe3\x80\x82"
                                    "1",
                                    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",
                                    "\xef\xbd\x8c\xef\xbd\x8f\xef\xbd\x83\xef\xbd\x81lhost",
                                    "[::1]",
                                    "[::]",
                                    "[0:0:0:0:0:0:0:1]",
                                    "[0000:0000:0000:0000:0000:0000:0000:0001]",
                                    "[::0001]",
                                    "[0::1]",
                                    "[::ffff:127.0.0.1]",
                                    "[::ffff:7f00:1]",
                                    "[0:0:0:0:0:ffff:127.0.0.1]",
                                    "[::FFFF:7F00:0001]",
                                    "[::127.0.0.1]",
                                    "[::7f00:1]",
                                    "[64:ff9b::127.0.0.1]",
                                    "[64:ff9b::7f00:1]",
                                    "[64:ff9b:1::7f00:1]",
                                    "[2002:7f00:1::]",
                                    "[2002:7f00:0001::1]",
                                    "[2001:0:7f00:1::]",
                                    "[::1%25lo]",
                                    "[fe80::1]",
                                    "[fe80::1%25eth0]",
                                    "[fec0::1]",
                                    "[fc00::1]",
                                    "[fd00::1]",
                                    "[fd12:3456:789a::1]",
                                    "[ff02::1]",
                                    "[ff05::2]",
                                    "[100::1]",
                                    "[2001:db8::1]",
                                    "[2001:10::1]",
                                    "[5f00::1]",
                                    "10.0.0.1",
                                    "10.1",
                                    "012.0.0.1",
                                    "0xa.0.0.1",
                                    "167772161",
                                    "0x0a000001",
                                    "10.255.255.255",
                                    "[::ffff:10.0.0.1]",
                                    "[64:ff9b::10.0.0.1]",
                                    "[2002:a00:1::]",
                                    "172.16.0.1",
                                    "172.31.255.255",
                                    "172.1048577",
                                    "0254.16.0.1",
                                    "2886729729",
                                    "0xac100001",
                                    "[::ffff:172.16.0.1]",
                                    "192.168.0.1",
                                    "192.168.1",
                                    "0300.0250.0.1",
                                    "0xc0.0xa8.0.1",
                                    "3232235521",
                                    "0xc0a80001",
                                    "[::ffff:192.168.0.1]",
                                    "169.254.169.254",
                                    "0xa9fea9fe",
                                    "2852039166",
                                    "0251.0376.0251.0376",
                                    "169.16689662",
                                    "[::ffff:169.254.169.254]",
                                    "[::ffff:a9fe:a9fe]",
                                    "100.64.0.1",
                                    "100.127.255.254",
                                    "192.0.0.1",
                                    "192.0.2.1",
                                    "192.88.99.1",
                                    "198.18.0.1",
                                    "198.51.100.1",
                                    "203.0.113.1",
                                    "224.0.0.1",
                                    "239.1.1.1",
                                    "240.0.0.1",
                                    "255.255.255.255"};

/* Listens at the port that the addresses name, where that may be done: whoever is asked nevertheless is counted. */
static int listen_at(int family, const struct sockaddr *address, socklen_t size) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (family == AF_INET6) {
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        }
        if (bind(fd, address, size) == 0 && listen(fd, 64) == 0) {
            return fd;
        }
        close(fd);
    }
    return -1;
}

static unsigned hits(int fd) {
    unsigned count = 0;
    int client;
    while (fd >= 0 && (client = accept(fd, NULL, NULL)) >= 0) {
        count++;
        close(client);
    }
    return count;
}

static void test_spellings(void) {
    g_assert_cmpuint(G_N_ELEMENTS(hosts), >=, 102);
    struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    int fds[] = {listen_at(AF_INET, (struct sockaddr *)&any4, sizeof any4),
                 listen_at(AF_INET6, (struct sockaddr *)&any6, sizeof any6)};
    g_autoptr(GError) error = NULL;
    g_autoptr(NtFetcher) fetcher = nt_fetcher_new(&(NtFetchOptions){.host_connections = 1}, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autofree char *address = g_strdup_printf("http://%s/a.jpg", hosts[i]);
        nt_fetcher_offer(fetcher, nt_fetch_new(address, NULL, NULL, NULL, NULL));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
        g_autoptr(NtFetch) fetch = nt_fetcher_take(fetcher, 60 * G_TIME_SPAN_SECOND);
        g_assert_nonnull(fetch);
        g_assert_nonnull(fetch->fault);
        g_test_message("%s", fetch->fault->message);
        /* It went to no connection: it is no address, no name, or leads where nobody goes. */
        bool refused = strstr(fetch->fault->message, "leads to no public address") != NULL;
        bool unread = strstr(fetch->fault->message, "is no address") != NULL ||
                      strstr(fetch->fault->message, "resolve") != NULL ||
                      strstr(fetch->fault->message, "hostname") != NULL ||
                      strstr(fetch->fault->message, "illegal format") != NULL;
        g_assert_true(refused || unread);
        g_assert_null(fetch->body);
    }
    g_assert_cmpuint(hits(fds[0]) + hits(fds[1]), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static void test_words(void) {
    static const char *const refused[] = {"ftp://example.com/a.jpg",
                                          "file:///etc/passwd",
                                          "gopher://example.com/",
                                          "http:/example.com",
                                          "http://",
                                          "http://user@example.com/",
                                          "http://user:word@example.com/",
                                          "http://example.com:8080/",
                                          "https://example.com:22/",
                                          "http://example.com:0/",
                                          "http://example.com:65536/",
                                          "http://exa mple.com/",
                                          "javascript:1",
                                          "",
                                          "dict://localhost:11211/"};
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(nt_fetch_check(refused[i], false, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    }
    g_autofree char *filler = g_strnfill(9000, 'a'), *longest = g_strconcat("http://example.com/", filler, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_fetch_check(longest, false, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_assert_true(nt_fetch_check("http://example.com:8080/", true, NULL));
    g_assert_true(nt_fetch_check("HTTPS://cdn.example.com/a b.jpg?v=1", false, NULL));
    g_assert_false(nt_fetch_check("http://user@example.com/", true, NULL));
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/address/blocks", test_blocks);
    g_test_add_func("/address/spellings", test_spellings);
    g_test_add_func("/address/words", test_words);
    return g_test_run();
}
