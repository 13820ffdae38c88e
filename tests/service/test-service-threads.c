/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service in this process, asked and written to by several clients at once, and stopped under load: for the thread
 * sanitizer above all. On vectors made elsewhere, so that no network and no decoder is needed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/service.h"

enum { PRODUCTS = 200, DIMENSION = 16, CLIENTS = 8, ROUNDS = 60 };

typedef struct Fixture {
    char *folder;
    NiteruCatalogue *catalogue;
    NtServiceConfig *config;
    NtService *service;
    uint16_t port;
    gint failed, answered;
} Fixture;

/* An .npy of seeded vectors and their ids. */
static void write_vectors(const Fixture *fixture, char **out_npy, char **out_ids) {
    *out_npy = g_build_filename(fixture->folder, "v.npy", NULL);
    *out_ids = g_build_filename(fixture->folder, "ids.txt", NULL);
    FILE *npy = fopen(*out_npy, "wb"), *ids = fopen(*out_ids, "w");
    char head[128];
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", 10);
    int size = g_snprintf(head + 10, 117, "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", PRODUCTS,
                          DIMENSION);
    head[10 + size] = ' ';
    head[127] = '\n';
    fwrite(head, 1, sizeof head, npy);
    GRand *random = g_rand_new_with_seed(5);
    for (int i = 0; i < PRODUCTS; i++) {
        for (int d = 0; d < DIMENSION; d++) {
            float value = (float)g_rand_double_range(random, -1, 1);
            fwrite(&value, sizeof value, 1, npy);
        }
        fprintf(ids, "p%d\n", i);
    }
    g_rand_free(random);
    fclose(npy);
    fclose(ids);
}

static void set_up(Fixture *fixture, const void *data) {
    g_autoptr(GError) error = NULL;
    fixture->folder = g_dir_make_tmp("niteru-threads-XXXXXX", NULL);
    g_autofree char *shop = g_build_filename(fixture->folder, "shop.niteru", NULL), *npy = NULL, *ids = NULL;
    const NiteruOptions options = {.size = sizeof options, .threads = 3};
    fixture->catalogue = niteru_open(shop, &options, &error);
    g_assert_no_error(error);
    write_vectors(fixture, &npy, &ids);
    const NiteruImportOptions import = {.size = sizeof import, .model = "made-elsewhere"};
    g_assert_true(niteru_import(fixture->catalogue, npy, ids, &import, NULL, NULL, &error));
    g_assert_no_error(error);
    fixture->config = nt_service_config_new();
    g_assert_true(nt_service_config_set(fixture->config, "listen", "127.0.0.1:0", &error) &&
                  nt_service_config_set(fixture->config, "log", "off", &error) &&
                  nt_service_config_set(fixture->config, "loops", "2", &error));
    fixture->service = nt_service_new(fixture->catalogue, fixture->config, &error);
    g_assert_no_error(error);
    g_assert_true(nt_service_start(fixture->service, &error));
    fixture->port = (uint16_t)g_ascii_strtoull(strrchr(nt_service_url(fixture->service), ':') + 1, NULL, 10);
}

static void tear_down(Fixture *fixture, const void *data) {
    nt_service_free(fixture->service);
    nt_service_config_free(fixture->config);
    niteru_close(fixture->catalogue);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", fixture->folder);
    g_assert_cmpint(system(command), ==, 0);
    g_free(fixture->folder);
}

/* One request on a connection of its own; the status, 0: none came. */
static unsigned ask(Fixture *fixture, const char *method, const char *path, const char *body) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture->port)};
    struct timeval patience = {30, 0};
    char answer[4096];
    size_t size = 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    g_autofree char *request = g_strdup_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                               method, path, strlen(body), body);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request)) {
        for (ssize_t got;
             size < sizeof answer - 1 && (got = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0;) {
            size += (size_t)got;
        }
    }
    close(fd);
    answer[size] = '\0';
    return size > 12 ? (unsigned)g_ascii_strtoull(answer + 9, NULL, 10) : 0;
}

typedef struct Client {
    Fixture *fixture;
    int number;
} Client;

static void *act(void *data) {
    const Client *client = data;
    Fixture *fixture = client->fixture;
    GRand *random = g_rand_new_with_seed((guint32)client->number);
    for (int i = 0; i < ROUNDS; i++) {
        int product = g_rand_int_range(random, 0, PRODUCTS);
        g_autofree char *path = g_strdup_printf("/v1/products/p%d", product);
        g_autofree char *similar =
            g_strdup_printf("%s/similar?k=3%s", path, i % 3 == 0 ? "&where=stock%20%3E%200" : "");
        g_autofree char *patch = g_strdup_printf("{\"metadata\": {\"stock\": %d, \"title\": \"thing %d\"}}", i, i);
        unsigned status;
        switch (g_rand_int_range(random, 0, 8)) {
        case 0: status = ask(fixture, "PATCH", path, patch); break;
        case 1: status = ask(fixture, "POST", "/v1/search/text", "{\"text\": \"thing\"}"); break;
        case 2: status = ask(fixture, "GET", "/v1/products?limit=5", ""); break;
        case 3:
            status = ask(fixture, "POST", "/v1/recommend", "{\"positive\": [\"p1\", \"p2\"], \"negative\": [\"p3\"]}");
            break;
        case 4: status = ask(fixture, "GET", i % 2 == 0 ? "/readyz" : "/metrics", ""); break;
        default: status = ask(fixture, "GET", similar, ""); break;
        }
        /* Before the first patch there is no field `stock`; when the service stops there is no answer. */
        g_atomic_int_add(&fixture->failed, status >= 500 && status != 503);
        g_atomic_int_add(&fixture->answered, status == 200);
    }
    g_rand_free(random);
    return NULL;
}

static void run_clients(Fixture *fixture, Client clients[CLIENTS], GThread *threads[CLIENTS]) {
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (Client){fixture, i};
        threads[i] = g_thread_new("client", act, &clients[i]);
    }
}

static void test_load(Fixture *fixture, const void *data) {
    Client clients[CLIENTS];
    GThread *threads[CLIENTS];
    g_assert_cmpuint(ask(fixture, "PATCH", "/v1/products/p0", "{\"metadata\": {\"stock\": 1}}"), ==, 200);
    run_clients(fixture, clients, threads);
    for (int i = 0; i < CLIENTS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_cmpint(fixture->failed, ==, 0);
    g_assert_cmpint(fixture->answered, ==, CLIENTS * ROUNDS);
    g_assert_true(nt_service_stop(fixture->service));
}

static void test_stop(Fixture *fixture, const void *data) {
    Client clients[CLIENTS];
    GThread *threads[CLIENTS];
    run_clients(fixture, clients, threads);
    while (g_atomic_int_get(&fixture->answered) < CLIENTS) {
        g_usleep(1000);
    }
    g_assert_true(nt_service_stop(fixture->service));
    for (int i = 0; i < CLIENTS; i++) {
        g_thread_join(threads[i]);
    }
    g_assert_cmpint(fixture->failed, ==, 0);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/service/threads/load", Fixture, NULL, set_up, test_load, tear_down);
    g_test_add("/service/threads/stop", Fixture, NULL, set_up, test_stop, tear_down);
    return g_test_run();
}
