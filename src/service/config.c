/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: one table of them, for the file, for flags, and for telling what they are. */
#include "service/service-internal.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

typedef enum Kind { TEXT, LIST, TRUTH, NUMBER, BYTES, CHOICE } Kind;

typedef struct Setting {
    const char *name;
    Kind kind;
    size_t offset;
    const char *value;    /* default, as written */
    uint64_t least, most; /* of a number or bytes */
    const char *text;
} Setting;

static const char *const log_choices[] = {"requests", "errors", "off", NULL};

static const Setting settings[] = {
#define S(name, kind, value, least, most, text)                                                                        \
    { #name, kind, offsetof(NtServiceConfig, name), value, least, most, text }
    S(listen, LIST, "127.0.0.1:8080", 0, 0, "addresses, parted by ';': 127.0.0.1:8080, [::1]:8080, 0.0.0.0:80"),
    S(certificate, TEXT, "", 0, 0, "for TLS: a PEM file with the certificate and those between it and the root"),
    S(key, TEXT, "", 0, 0, "for TLS: a PEM file with the certificate's key"),
    S(public, TRUTH, "false", 0, 0, "who has no key may do what a publishable key may"),
    S(allow_private, TRUTH, "false", 0, 0, "photos' web addresses may lie in the shop's own network, and at any port"),
    S(trusted_proxies, LIST, "", 0, 0, "networks whose X-Forwarded-For and -Proto are believed: 10.0.0.0/8"),
    S(cors_origins, LIST, "", 0, 0, "pages that may read answers in a browser: https://shop.example, or *"),
    S(log, CHOICE, "requests", 0, 0, "requests, errors or off; on standard error, a JSON object a line"),
    S(stop_seconds, NUMBER, "9", 0, 3600, "how long stopping waits for what was begun"),
    S(publishable_rate, NUMBER, "50", 0, 1000000, "requests a second of one address with a publishable key; 0: any"),
    S(secret_rate, NUMBER, "0", 0, 1000000, "requests a second of one key of another kind; 0: any"),
    S(control_percent, NUMBER, "5", 0, 100, "of visitors who are recommended to in the visual order only, to compare"),
    S(random_percent, NUMBER, "1", 0, 100, "of recommendations that are drawn by chance, to learn from"),
    S(weight_view, NUMBER, "1", 0, 100, "what a view weighs in a visitor's tastes,"),
    S(weight_click, NUMBER, "2", 0, 100, "a click,"),
    S(weight_favourite, NUMBER, "5", 0, 100, "a favourite,"),
    S(weight_cart, NUMBER, "6", 0, 100, "something put into the cart,"),
    S(weight_purchase, NUMBER, "8", 0, 100, "a purchase;"),
    S(weight_dismiss, NUMBER, "8", 0, 100, "and how much it speaks against a product that it was turned away"),
    S(taste_days, NUMBER, "90", 1, 400, "what was done longer ago is no taste"),
    S(taste_decay_days, NUMBER, "100", 1, 36500, "after so many days an action weighs 1 / 2.718 of what it did"),
    S(loops, NUMBER, "0", 0, 256, "threads that serve connections and search; 0: one per core"),
    S(readers, NUMBER, "2", 1, 256, "threads that read"),
    S(embedders, NUMBER, "4", 1, 256, "photos that are embedded at a time"),
    S(writers, NUMBER, "4", 1, 256, "writes at a time; they take turns at the database"),
    S(queue, NUMBER, "64", 1, 100000, "calls that wait for such a thread, each kind; beyond: 429"),
    S(json_bytes, BYTES, "1Mi", 1024, 1024 * MIB, "of a JSON body"),
    S(photo_bytes, BYTES, "20Mi", 1024, 1024 * MIB, "of a photo"),
    S(upload_bytes, BYTES, "64Mi", 0, 1024 * 1024 * MIB, "of photos that were searched with, kept for 15 minutes"),
    S(list_bytes, BYTES, "1Gi", 1024, 1024 * 1024 * MIB, "of a list that is imported"),
    S(import_bytes, BYTES, "20Gi", 1024, 1024 * 1024 * MIB, "of a list that is imported and its photos"),
    S(memory_reserve, BYTES, "0", 0, 1024 * 1024 * MIB,
      "of memory to be left: below, writes and searches by photo get 503; 0: a 32nd of it, 64Mi to 512Mi"),
    S(connections, NUMBER, "0", 0, 1000000, "open at a time; 0: as many as descriptors allow, at most 20000"),
    S(client_connections, NUMBER, "64", 1, 1000000, "open at a time from one address"),
    S(head_seconds, NUMBER, "10", 1, 3600, "for a request's headers to come"),
    S(body_seconds, NUMBER, "30", 1, 3600, "for a request's body to come"),
    S(idle_seconds, NUMBER, "60", 1, 3600, "that a connection may wait between requests"),
    S(timeout_ms, NUMBER, "10000", 1, 600000, "of a search that names no time itself"),
#undef S
};

static void *place_of(const NtServiceConfig *config, const Setting *setting) {
    return (char *)config + setting->offset;
}

static bool invalid(GError **error, const Setting *setting, const char *value, const char *wanted) {
    return nt_fail(error, NITERU_ERROR_INVALID, "%s = %s: must be %s", setting->name, value, wanted);
}

/* A whole number with a unit Ki, Mi or Gi, which only bytes have. */
static bool read_number(const char *text, bool bytes, uint64_t *out) {
    char *end = NULL;
    if (!g_ascii_isdigit(*text)) {
        return false;
    }
    uint64_t number = g_ascii_strtoull(text, &end, 10), factor = 1;
    if (bytes && *end != '\0' && strchr("KMG", *end) != NULL && end[1] == 'i' && end[2] == '\0') {
        factor = *end == 'K' ? 1024 : *end == 'M' ? MIB : 1024 * MIB;
        end += 2;
    }
    return *end == '\0' && !__builtin_mul_overflow(number, factor, out);
}

static bool set_number(NtServiceConfig *config, const Setting *setting, const char *value, GError **error) {
    uint64_t number;
    if (!read_number(value, setting->kind == BYTES, &number) || number < setting->least || number > setting->most) {
        g_autofree char *range =
            g_strdup_printf("a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT "%s", setting->least,
                            setting->most, setting->kind == BYTES ? ", perhaps with Ki, Mi or Gi" : "");
        return invalid(error, setting, value, range);
    }
    if (setting->kind == BYTES) {
        *(uint64_t *)place_of(config, setting) = number;
    } else {
        *(unsigned *)place_of(config, setting) = (unsigned)number;
    }
    return true;
}

/* As nt_http_listen takes it. */
static bool is_address(const char *text) {
    if (g_str_has_prefix(text, "unix:")) {
        return text[strlen("unix:")] != '\0';
    }
    g_autofree char *uri = g_strdup_printf("http://%s", text);
    g_autoptr(GUri) parts = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    const char *host = parts != NULL ? g_uri_get_host(parts) : "";
    return (strcmp(host, "localhost") == 0 || g_hostname_is_ip_address(host)) && g_uri_get_port(parts) >= 0 &&
           *g_uri_get_path(parts) == '\0' && g_uri_get_query(parts) == NULL && g_uri_get_fragment(parts) == NULL &&
           g_uri_get_userinfo(parts) == NULL;
}

/* As browsers write it: anything more would be like none. */
static bool is_origin(const char *text) {
    g_autoptr(GUri) parts = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    if (parts == NULL || *g_uri_get_host(parts) == '\0') {
        return strcmp(text, "*") == 0;
    }
    return *g_uri_get_path(parts) == '\0' && g_uri_get_query(parts) == NULL && g_uri_get_fragment(parts) == NULL &&
           g_uri_get_userinfo(parts) == NULL;
}

/* Lists whose items have a form. */
static const struct {
    const char *name;
    bool (*fits)(const char *item);
    const char *wanted;
} forms[] = {
    {"listen", is_address, "addresses such as 127.0.0.1:8080, [::1]:8080, 0.0.0.0:80 or unix:/run/niteru.sock"},
    {"cors_origins", is_origin, "origins such as https://shop.example, without a path, or *"},
};

static bool set_list(NtServiceConfig *config, const Setting *setting, const char *value, GError **error) {
    char ***place = place_of(config, setting);
    g_auto(GStrv) items = g_strsplit(value, ";", -1);
    g_autoptr(GStrvBuilder) kept = g_strv_builder_new();
    for (size_t i = 0; items[i] != NULL; i++) {
        if (*g_strstrip(items[i]) == '\0') {
            continue;
        }
        for (size_t f = 0; f < G_N_ELEMENTS(forms); f++) {
            if (strcmp(forms[f].name, setting->name) == 0 && !forms[f].fits(items[i])) {
                return invalid(error, setting, items[i], forms[f].wanted);
            }
        }
        g_strv_builder_add(kept, items[i]);
    }
    g_strfreev(*place);
    *place = g_strv_builder_end(kept);
    return true;
}

static bool set(NtServiceConfig *config, const Setting *setting, const char *value, GError **error) {
    switch (setting->kind) {
    case LIST: return set_list(config, setting, value, error);
    case TRUTH:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
            return invalid(error, setting, value, "true or false");
        }
        *(bool *)place_of(config, setting) = *value == 't';
        return true;
    case CHOICE:
        if (!g_strv_contains(log_choices, value)) {
            return invalid(error, setting, value, "one of: requests, errors, off");
        }
        /* fall through */
    case TEXT: {
        char **place = place_of(config, setting);
        g_free(*place);
        *place = *value != '\0' ? g_strdup(value) : NULL;
        return true;
    }
    default: return set_number(config, setting, value, error);
    }
}

static const Setting *find(const char *name) {
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            return &settings[i];
        }
    }
    return NULL;
}

bool nt_service_config_set(NtServiceConfig *config, const char *name, const char *value, GError **error) {
    const Setting *setting = find(name), *nearest = &settings[0];
    if (setting != NULL) {
        return set(config, setting, value, error);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        if (nt_text_distance(settings[i].name, name) < nt_text_distance(nearest->name, name)) {
            nearest = &settings[i];
        }
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "there is no setting '%s'; did you mean '%s'?", name, nearest->name);
}

NtServiceConfig *nt_service_config_new(void) {
    NtServiceConfig *config = g_new0(NtServiceConfig, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        set(config, &settings[i], settings[i].value, NULL);
    }
    return config;
}

void nt_service_config_free(NtServiceConfig *config) {
    for (size_t i = 0; config != NULL && i < G_N_ELEMENTS(settings); i++) {
        void *place = place_of(config, &settings[i]);
        if (settings[i].kind == LIST) {
            g_strfreev(*(char ***)place);
        } else if (settings[i].kind == TEXT || settings[i].kind == CHOICE) {
            g_free(*(char **)place);
        }
    }
    g_free(config);
}

#define GROUP "serve"

bool nt_service_config_read(NtServiceConfig *config, const char *path, GError **error) {
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) fault = NULL;
    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &fault)) {
        bool missing = g_error_matches(fault, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        return nt_fail(error, missing ? NITERU_ERROR_NOT_FOUND : NITERU_ERROR_INVALID, "%s: %s", path, fault->message);
    }
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (size_t i = 0; groups[i] != NULL; i++) {
        if (strcmp(groups[i], GROUP) != 0) {
            return nt_fail(error, NITERU_ERROR_INVALID, "%s: there is no group [%s]; settings stand in [" GROUP "]",
                           path, groups[i]);
        }
    }
    g_auto(GStrv) names = g_key_file_get_keys(file, GROUP, NULL, NULL);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        g_autofree char *value = g_key_file_get_value(file, GROUP, names[i], NULL);
        if (!nt_service_config_set(config, names[i], value != NULL ? value : "", error)) {
            g_prefix_error(error, "%s: ", path);
            return false;
        }
    }
    return true;
}

static char *print_value(const NtServiceConfig *config, const Setting *setting) {
    const void *place = place_of(config, setting);
    switch (setting->kind) {
    case LIST: return g_strjoinv(";", *(char ***)place);
    case TRUTH: return g_strdup(*(const bool *)place ? "true" : "false");
    case NUMBER: return g_strdup_printf("%u", *(const unsigned *)place);
    case BYTES: return g_strdup_printf("%" G_GUINT64_FORMAT, *(const uint64_t *)place);
    default: return g_strdup(*(char *const *)place != NULL ? *(char *const *)place : "");
    }
}

char *nt_service_config_print(const NtServiceConfig *config) {
    GString *out = g_string_new("[" GROUP "]\n");
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
        g_autofree char *value = print_value(config, &settings[i]);
        g_string_append_printf(out, "# %s\n%s = %s\n", settings[i].text, settings[i].name, value);
    }
    return g_string_free(out, FALSE);
}
