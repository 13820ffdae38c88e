/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of an ONNX file, and the words for its damage. */
#include "nn/onnx-internal.h"

char *nt_onnx_text(const NtWireField *field, const char *where, GError **error) {
    if (field->type != NT_WIRE_BYTES || !g_utf8_validate((const char *)field->bytes, (gssize)field->size, NULL)) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: a name or text is not UTF-8", where);
        return NULL;
    }
    return g_strndup((const char *)field->bytes, field->size); /* validated text holds no NUL */
}

bool nt_onnx_damaged(const NtGraph *graph, const char *what, GError **error) {
    return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: %s is damaged or cut short; this is not a whole ONNX file",
                   graph->name, what);
}

bool nt_onnx_take_text(const NtGraph *graph, const NtWireField *field, char **out, GError **error) {
    g_free(*out);
    *out = nt_onnx_text(field, graph->name, error);
    return *out != NULL;
}
