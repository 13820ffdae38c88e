/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI 3.1 document, written from the table of routes. */
#include "service/service-internal.h"

#include <string.h>

static NtJson *text(const char *value) { return nt_json_string(value); }

static NtJson *reference(const char *kind, const char *name) {
    g_autofree char *path = g_strdup_printf("#/components/%s/%s", kind, name);
    return nt_json_set(nt_json_object(), "$ref", text(path));
}

static NtJson *content(const char *type, NtJson *schema) {
    return nt_json_set(nt_json_object(), type, nt_json_set(nt_json_object(), "schema", schema));
}

static NtJson *parameter(const char *place, const ApiSchema *schema, const char *name, bool required) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "name", text(name));
    nt_json_set(out, "in", text(place));
    nt_json_set(out, "required", nt_json_bool(required));
    if (schema->text != NULL) {
        nt_json_set(out, "description", text(schema->text));
    }
    return nt_json_set(out, "schema", api_schema_document(schema));
}

static NtJson *parameters(const ApiRoute *route) {
    static const ApiSchema piece = {.type = API_TEXT, .least = 1, .text = "Percent-encoded, also a '/'."};
    NtJson *out = nt_json_array();
    for (const char *at = route->path; (at = strchr(at, '{')) != NULL; at++) {
        g_autofree char *name = g_strndup(at + 1, strcspn(at + 1, "}"));
        nt_json_append(out, parameter("path", &piece, name, true));
    }
    for (const ApiSchema *member = route->query != NULL ? route->query->members : NULL;
         member != NULL && member->name != NULL; member++) {
        if (strcmp(member->name, "key") != 0) { /* told as a way to authenticate */
            nt_json_append(out, parameter("query", member, member->name, member->required));
        }
    }
    return out;
}

/* A file as the body: bytes have no schema. */
static NtJson *upload_body(const ApiRoute *route) {
    const char *type = route->takes == API_LIST_UPLOAD      ? "text/csv"
                       : route->takes == API_NETWORK_UPLOAD ? "application/octet-stream"
                                                            : "image/*";
    return content(type, nt_json_object());
}

static NtJson *request_body(const ApiRoute *route) {
    if (!api_takes_json(route)) {
        return nt_json_set(nt_json_set(nt_json_object(), "required", nt_json_bool(true)), "content",
                           upload_body(route));
    }
    NtJson *types = content("application/json", api_schema_document(route->body));
    if (route->takes == API_PHOTO_BODY) {
        NtJson *photo = nt_json_set(nt_json_object(), "type", text("string"));
        nt_json_set(photo, "contentMediaType", text("application/octet-stream"));
        NtJson *form = api_schema_document(route->body);
        nt_json_set(nt_json_get(form, "properties"), "photo", photo);
        if (api_schema_member(route->body, "upload") == NULL) { /* else one of the two is needed */
            nt_json_set(form, "required", nt_json_append(nt_json_array(), text("photo")));
        }
        nt_json_set(types, "multipart/form-data", nt_json_set(nt_json_object(), "schema", form));
        nt_json_set(types, "image/*", nt_json_set(nt_json_object(), "schema", nt_json_object()));
    }
    return nt_json_set(nt_json_set(nt_json_object(), "required", nt_json_bool(true)), "content", types);
}

static void add_fault(NtJson *out, unsigned status) {
    char number[16];
    g_snprintf(number, sizeof number, "%u", status);
    if (nt_json_get(out, number) == NULL) {
        NtJson *fault = nt_json_set(nt_json_object(), "description", text(nt_http_reason(status)));
        nt_json_set(
            out, number,
            nt_json_set(fault, "content", content("application/problem+json", reference("schemas", "Problem"))));
    }
}

static NtJson *responses(const ApiRoute *route) {
    NtJson *out = nt_json_object(), *fine = nt_json_set(nt_json_object(), "description", text(route->summary));
    char number[16];
    if (route->answer != NULL) {
        nt_json_set(fine, "content", content("application/json", api_schema_document(route->answer)));
    } else if (route->type != NULL) {
        nt_json_set(fine, "content", content(route->type, nt_json_set(nt_json_object(), "type", text("string"))));
    }
    g_snprintf(number, sizeof number, "%u", route->status > 0 ? route->status : 200);
    nt_json_set(out, number, fine);
    if (strcmp(route->method, "PUT") == 0 && route->answer != NULL) {
        nt_json_set(out, "201", nt_json_ref(fine));
    }
    add_fault(out, 400);
    add_fault(out, 414);
    add_fault(out, 431);
    for (size_t i = 0; route->faults != NULL && route->faults[i] != 0; i++) {
        add_fault(out, route->faults[i]);
    }
    if (route->access > API_ANYONE) {
        add_fault(out, 401);
        add_fault(out, 403);
    }
    add_fault(out, 429);
    add_fault(out, 500);
    add_fault(out, 503);
    return out;
}

static NtJson *security(const ApiRoute *route) {
    NtJson *out = nt_json_array();
    if (route->access == API_ANYONE) {
        return out;
    }
    nt_json_append(out, nt_json_set(nt_json_object(), "key", nt_json_array()));
    nt_json_append(out, nt_json_set(nt_json_object(), "session", nt_json_array()));
    if (route->access == API_PUBLISHABLE) {
        nt_json_append(out, nt_json_set(nt_json_object(), "keyInAddress", nt_json_array()));
    }
    return nt_json_append(out, nt_json_object()); /* on a loopback address none is needed */
}

static NtJson *operation(const ApiRoute *route) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "operationId", text(route->name));
    nt_json_set(out, "tags", nt_json_append(nt_json_array(), text(route->tag)));
    nt_json_set(out, "summary", text(route->summary));
    if (route->text != NULL) {
        nt_json_set(out, "description", text(route->text));
    }
    nt_json_set(out, "security", security(route));
    nt_json_set(out, "parameters", parameters(route));
    if (route->takes != API_NO_BODY) {
        nt_json_set(out, "requestBody", request_body(route));
    }
    return nt_json_set(out, "responses", responses(route));
}

static const ApiSchema problem = {
    .type = API_OBJECT,
    .text = "A problem document (RFC 9457).",
    .members = (const ApiSchema[]){{"type", API_TEXT, true},
                                   {"title", API_TEXT, true},
                                   {"status", API_INTEGER, true},
                                   {"code", API_TEXT, true, .text = "What happened, for programs; does not change."},
                                   {"field", API_TEXT, .text = "The parameter or field that has to do with it."},
                                   {"detail", API_TEXT, true, .text = "What happened, in a sentence."},
                                   {.name = NULL}}};

static NtJson *components(void) {
    NtJson *bearer = nt_json_set(nt_json_object(), "type", text("http"));
    nt_json_set(bearer, "scheme", text("bearer"));
    NtJson *in_address = nt_json_set(nt_json_object(), "type", text("apiKey"));
    nt_json_set(in_address, "in", text("query"));
    nt_json_set(in_address, "name", text("key"));
    nt_json_set(in_address, "description", text("Publishable keys only."));
    NtJson *session = nt_json_set(nt_json_object(), "type", text("apiKey"));
    nt_json_set(session, "in", text("cookie"));
    nt_json_set(session, "name", text(API_SESSION_COOKIE));
    nt_json_set(session, "description", text("The page's; what changes anything needs X-CSRF-Token too."));
    NtJson *schemes = nt_json_set(nt_json_object(), "key", bearer);
    nt_json_set(schemes, "session", session);
    nt_json_set(schemes, "keyInAddress", in_address);
    NtJson *out = nt_json_set(nt_json_object(), "securitySchemes", schemes);
    return nt_json_set(out, "schemas", nt_json_set(nt_json_object(), "Problem", api_schema_document(&problem)));
}

char *nt_service_openapi(void) {
    NtJson *paths = nt_json_object();
    for (const ApiRoute *route = api_routes; route->method != NULL; route++) {
        if (route->access == API_LOCAL) {
            continue;
        }
        NtJson *path = nt_json_get(paths, route->path);
        if (path == NULL) {
            path = nt_json_object();
            nt_json_set(paths, route->path, path);
        }
        g_autofree char *method = g_ascii_strdown(route->method, -1);
        nt_json_set(path, method, operation(route));
    }
    NtJson *info = nt_json_set(nt_json_object(), "title", text("niteru"));
    nt_json_set(info, "version", text(niteru_version()));
    nt_json_set(info, "description", text("Products that look alike, from their photos."));
    g_autoptr(NtJson) out = nt_json_set(nt_json_object(), "openapi", text("3.1.0"));
    nt_json_set(out, "info", info);
    nt_json_set(out, "paths", paths);
    nt_json_set(out, "components", components());
    return nt_json_print(out, true);
}

void api_openapi_make(NtService *service) {
    char *document = nt_service_openapi();
    service->openapi = g_bytes_new_take(document, strlen(document));
    service->openapi_gzip = nt_http_gzip(service->openapi);
}

void api_run_openapi(ApiCall *call) {
    const NtService *service = call->service;
    if (service->openapi_gzip != NULL) {
        nt_http_offer_gzip(call->request, g_bytes_ref(service->openapi_gzip));
    }
    nt_http_answer(call->request, 200, "application/json", g_bytes_ref(service->openapi));
}
