/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: what is made, what is kept of it, who is told, and what no message holds. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Seen {
    GString *text; /* "kind name prefix origins|" for each, " revoked" behind those that are */
    uint8_t hashes[8][32];
    unsigned count;
} Seen;

static bool see(const NtKeyRow *key, void *data) {
    Seen *seen = data;
    g_assert_cmpint(key->created, >, 1700000000);
    g_assert_true(key->revoked == 0 || key->revoked >= key->created);
    g_string_append_printf(seen->text, "%s %s%s%s%s|", key->kind, key->name, key->origins != NULL ? " " : "",
                           key->origins != NULL ? key->origins : "", key->revoked != 0 ? " revoked" : "");
    g_assert_cmpuint(strlen(key->prefix), ==, NT_KEY_PREFIX_CHARACTERS);
    memcpy(seen->hashes[seen->count++ % 8], key->hash, 32);
    return true;
}

static void expect_keys(NtCatalogue *catalogue, const char *expected) {
    g_autoptr(GString) text = g_string_new(NULL);
    Seen seen = {.text = text};
    CHECK(nt_catalogue_each_key(catalogue, see, &seen, error));
    g_assert_cmpstr(text->str, ==, expected);
}

/* Makes a key in a transaction of its own; NULL where that fails, with the message in *out_said. */
static char *create(NtCatalogue *catalogue, const char *kind, const char *name, const char *const *origins,
                    char **out_said) {
    g_autoptr(GError) fault = NULL;
    char *key = NULL;
    NtKeyPut put = {kind, name, origins};
    CHECK(nt_catalogue_begin(catalogue, error));
    bool ok = nt_catalogue_create_key(catalogue, &put, &key, &fault);
    g_assert_true(ok == (key != NULL) && ok == (fault == NULL));
    CHECK(nt_catalogue_commit(catalogue, error));
    if (out_said != NULL) {
        *out_said = g_strdup(fault != NULL ? fault->message : "");
    }
    return key;
}

/* Revokes; what is said. */
static char *end_use(NtCatalogue *catalogue, const char *named) {
    g_autoptr(GError) fault = NULL;
    CHECK(nt_catalogue_begin(catalogue, error));
    bool ok = nt_catalogue_revoke_key(catalogue, named, &fault);
    g_assert_true(ok == (fault == NULL));
    g_assert_true(ok || g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND));
    CHECK(nt_catalogue_commit(catalogue, error));
    return g_strdup(ok ? "" : fault->message);
}

static int64_t version(NtCatalogue *catalogue) {
    int64_t out = -1;
    CHECK(nt_catalogue_keys_version(catalogue, &out, error));
    return out;
}

static void test_life(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false), *reader = open_catalogue(folder, true);
    uint64_t before = 1, after = 2;
    g_assert_cmpint(version(reader), ==, 0);
    CHECK(nt_catalogue_last_change(catalogue, &before, error));
    static const char *const pages[] = {"HTTPS://Shop.Example:443/", "http://localhost:8080", "https://[::1]:444",
                                        "https://bücher.example", NULL};
    g_autofree char *secret = create(catalogue, "secret", "backend", NULL, NULL);
    g_autofree char *public = create(catalogue, "publishable", "ページ", pages, NULL);
    g_assert_cmpint(version(reader), ==, 2); /* another connection sees it */
    CHECK(nt_catalogue_last_change(catalogue, &after, error));
    g_assert_cmpuint(before, ==, after);
    g_assert_true(g_str_has_prefix(secret, "nk_sec_") && g_str_has_prefix(public, "nk_pub_"));
    g_assert_cmpuint(strlen(secret), ==, NT_KEY_CHARACTERS);
    g_assert_cmpuint(strspn(secret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), ==,
                     NT_KEY_CHARACTERS);
    expect_keys(reader, "secret backend|publishable ページ [\"https://shop.example\", \"http://localhost:8080\", "
                        "\"https://[::1]:444\", \"https://xn--bcher-kva.example\"]|");
    uint8_t hash[32];
    nt_sha256(secret, strlen(secret), hash);
    g_autoptr(GString) text = g_string_new(NULL);
    Seen seen = {.text = text};
    CHECK(nt_catalogue_each_key(reader, see, &seen, error));
    g_assert_true(nt_equal_in_constant_time(hash, seen.hashes[0], 32));
    g_assert_false(nt_equal_in_constant_time(hash, seen.hashes[1], 32));

    g_free(end_use(catalogue, "backend"));
    g_assert_cmpint(version(reader), ==, 3);
    g_autofree char *again = create(catalogue, "admin", "backend", NULL, NULL); /* the name is free */
    g_assert_true(again != NULL && g_str_has_prefix(again, "nk_adm_"));
    g_autofree char *prefix = g_strndup(again, NT_KEY_PREFIX_CHARACTERS), *by_prefix = end_use(catalogue, prefix);
    g_autofree char *by_text = end_use(catalogue, public);
    g_assert_true(*by_prefix == '\0' && *by_text == '\0');
    expect_keys(reader,
                "secret backend revoked|publishable ページ [\"https://shop.example\", \"http://localhost:8080\", "
                "\"https://[::1]:444\", \"https://xn--bcher-kva.example\"] revoked|admin backend revoked|");
    g_autofree char *said = problems(catalogue);
    g_assert_cmpstr(said, ==, "");
    nt_catalogue_close(reader);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* Refusals change nothing, and no message holds a key. */
static void test_refusals(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_autofree char *key = create(catalogue, "secret", "backend", NULL, NULL);
    g_autofree char *much = g_strnfill(101, 'x');
    const struct {
        const char *kind, *name, *origin, *says;
    } cases[] = {
        {"root", "a", NULL, "publishable, secret and admin"},
        {NULL, "a", NULL, "publishable, secret and admin"},
        {"secret", NULL, NULL, "needs a name"},
        {"secret", "", NULL, "needs a name"},
        {"secret", " \t", NULL, "needs a name"},
        {"secret", "a\nb", NULL, "control characters"},
        {"secret", "\xff", NULL, "control characters"},
        {"secret", much, NULL, "100 bytes"},
        {"secret", key, NULL, "could be taken for a key"},
        {"admin", "backend", NULL, "is in use"},
        {"secret", "a", "https://shop.example", "only a publishable key"},
        {"publishable", "a", "shop.example", "is no origin"},
        {"publishable", "a", "https://shop.example/path", "is no origin"},
        {"publishable", "a", "https://shop.example?x", "is no origin"},
        {"publishable", "a", "https://me@shop.example", "is no origin"},
        {"publishable", "a", "https://", "is no origin"},
        {"publishable", "a", "https://*.shop.example", "is no origin"},
        {"publishable", "a", "https://shop.example:99999", "is no origin"},
        {"publishable", "a", "javascript:alert(1)", "is no origin"},
        {"publishable", "a", "null", "is no origin"},
        {"publishable", "a", "", "is no origin"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *said = NULL;
        const char *const origins[] = {cases[i].origin, NULL};
        g_assert_null(create(catalogue, cases[i].kind, cases[i].name, origins, &said));
        g_test_message("%s", said);
        g_assert_nonnull(strstr(said, cases[i].says));
        g_assert_null(strstr(said, key));
    }
    const char *many[102] = {NULL};
    for (int i = 0; i < 101; i++) {
        many[i] = "https://shop.example";
    }
    g_autofree char *too_many = NULL;
    g_assert_null(create(catalogue, "publishable", "a", many, &too_many));
    g_assert_nonnull(strstr(too_many, "100 origins"));
    g_assert_cmpint(version(catalogue), ==, 1);
    key[20] = key[20] == 'a' ? 'b' : 'a'; /* nearly a key */
    g_autofree char *said = end_use(catalogue, key), *nobody = end_use(catalogue, "nobody");
    g_assert_null(strstr(said, key + NT_KEY_PREFIX_CHARACTERS));
    g_assert_nonnull(strstr(said, "no key in use"));
    g_assert_nonnull(strstr(nobody, "'nobody'"));
    expect_keys(catalogue, "secret backend|");
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

static bool count(const NtKeyRow *key, void *data) {
    unsigned *counts = data;
    counts[key->revoked != 0]++;
    return true;
}

/* The list is bounded at both ends. */
static void test_bounds(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_autoptr(GError) full = NULL;
    char *key = NULL;
    CHECK(nt_catalogue_begin(catalogue, error));
    for (int i = 0; i <= 1000; i++) {
        g_autofree char *name = g_strdup_printf("key %d", i);
        bool made = nt_catalogue_create_key(catalogue, &(NtKeyPut){"secret", name, NULL}, &key, &full);
        g_assert_true(made == (i < 1000));
        g_clear_pointer(&key, g_free);
    }
    g_assert_error(full, NITERU_ERROR, NITERU_ERROR_LIMIT);
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("key %d", i);
        CHECK(nt_catalogue_revoke_key(catalogue, name, error));
    }
    for (int i = 0; i < 5; i++) {
        CHECK(nt_catalogue_create_key(catalogue, &(NtKeyPut){"admin", "a", NULL}, &key, error));
        g_clear_pointer(&key, g_free);
        CHECK(nt_catalogue_revoke_key(catalogue, "a", error));
    }
    CHECK(nt_catalogue_commit(catalogue, error));
    unsigned counts[2] = {0};
    CHECK(nt_catalogue_each_key(catalogue, count, counts, error));
    g_assert_true(counts[0] == 0 && counts[1] == 1000);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/key/life", test_life);
    g_test_add_func("/key/refusals", test_refusals);
    g_test_add_func("/key/bounds", test_bounds);
    return g_test_run();
}
