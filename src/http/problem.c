/* SPDX-License-Identifier: Apache-2.0 */
/* Problem documents (RFC 9457): what every refusal looks like. */
#include "http/http-internal.h"

#include <string.h>

const char *nt_http_reason(unsigned status) {
    static const struct {
        unsigned status;
        const char *reason;
    } table[] = {
        {100, "Continue"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].status == status) {
            return table[i].reason;
        }
    }
    return "Status";
}

NtJson *nt_http_problem(unsigned status, const char *code, const char *field, const char *detail) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "type", nt_json_string("about:blank"));
    nt_json_set(out, "title", nt_json_string(nt_http_reason(status)));
    nt_json_set(out, "status", nt_json_integer(status));
    nt_json_set(out, "code", nt_json_string(code));
    if (field != NULL) {
        nt_json_set(out, "field", nt_json_string(field));
    }
    return nt_json_set(out, "detail", nt_json_string(detail));
}

void nt_http_answer_problem(NtHttpRequest *request, unsigned status, const char *code, const char *field,
                            const char *detail) {
    g_autoptr(NtJson) problem = nt_http_problem(status, code, field, detail);
    char *text = nt_json_print(problem, false);
    nt_http_answer(request, status, "application/problem+json", g_bytes_new_take(text, strlen(text)));
}
