/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals, and what libvips means. */
#include <stdarg.h>
#include <string.h>

#include "decoder/decoder-internal.h"

void nt_reply_fail(NtWireReply *reply, NtWireStatus status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reply->status = status;
    g_vsnprintf(reply->message, sizeof reply->message, format, args);
    va_end(args);
    /* One line is enough of what libvips gathers. */
    reply->message[strcspn(reply->message, "\n")] = '\0';
}

bool nt_says_memory(const char *text) {
    static const char *const words[] = {"out of memory",     "nsufficient memory", "emory allocation", "annot allocate",
                                        "nable to allocate", "ailed to allocate",  "alloc failed",     "Out of memory"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

void nt_reply_fail_memory(const NtHelper *helper, NtWireReply *reply) {
    nt_reply_fail(reply, NT_WIRE_LIMIT,
                  "decoding needs more memory than the limit of %" G_GUINT64_FORMAT " bytes (limit decoder-memory)",
                  helper->setup.memory);
}

/* The last line of what libvips has gathered; those before it are warnings, more often than not. */
static const char *last_line(char *text) {
    g_strchomp(text);
    const char *line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

void nt_reply_fail_vips(const NtHelper *helper, NtWireReply *reply, NtWireStatus status, const char *what) {
    static const struct {
        const char *text, *meaning;
    } known[] = {
        {"unable to call", "a library that reads it is missing or does not know this kind"},
        {"nsupported codec", "no codec for it is installed"},
        {"unable to open source", "its directory is damaged"},
        {"read error", "its data is damaged"},
        {"unable to read pixels", "its data is damaged"},
        {"unable to parse image", "its data is damaged"},
        {"bad seek", "it refers to bytes that are not in it"},
        {"", "it refers to bytes that are not in it"}, /* all that libheif says then is a number in brackets */
    };
    g_autofree char *text = g_strdup(vips_error_buffer());
    if (nt_says_memory(text)) {
        nt_reply_fail_memory(helper, reply);
        return;
    }
    if (*text == '\0') {
        nt_reply_fail(reply, status, "%sits data cannot be decoded: it is damaged, or of a kind nobody here reads",
                      what);
        return;
    }
    const char *line = last_line(text);
    bool wordless = line[0] == ' ' && strstr(text, "bad seek") != NULL;
    for (size_t i = wordless ? G_N_ELEMENTS(known) - 1 : 0; i + !wordless < G_N_ELEMENTS(known); i++) {
        if (strstr(line, known[i].text) != NULL) {
            nt_reply_fail(reply, status, "%s%s (%s)", what, known[i].meaning, wordless ? "bad seek" : line);
            return;
        }
    }
    nt_reply_fail(reply, status, "%s%s", what, line);
}
