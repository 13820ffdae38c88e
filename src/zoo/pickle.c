/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Python's pickles (protocol 2; Lib/pickletools.py documents every opcode), read as data. A pickle is a program for a
 * machine with a stack and a memo, and its opcodes GLOBAL, REDUCE and BUILD make Python import and call whatever they
 * name: that is how a file of weights takes over a machine. This machine has only the opcodes that torch.save writes
 * for a state dict, knows four names, and calls none of them. There is no recursion: values refer to earlier ones by
 * number, and nobody follows more than three such steps.
 */
#include "zoo/zoo-internal.h"

#include <string.h>

/* EfficientNet-Lite2's pickle is 15,000 opcodes, which make 6,000 values. */
enum { OPCODES_MOST = 1 << 21, VALUES_MOST = 1 << 18, MEMO_MOST = 1 << 18, NAME_MOST = 200 };

static const char *const names[] = {
    [NT_PICKLE_ORDERED] = "collections.OrderedDict",
    [NT_PICKLE_REBUILD] = "torch._utils._rebuild_tensor_v2",
    [NT_PICKLE_FLOAT] = "torch.FloatStorage",
    [NT_PICKLE_LONG] = "torch.LongStorage",
};

typedef struct Machine {
    const uint8_t *data;
    size_t size, at;
    const char *name;
    NtPickle *pickle;
    bool built;    /* BUILD was there: once, for it looks through everything */
    GArray *stack; /* uint32_t: values */
    GArray *marks; /* uint32_t: heights of the stack */
    GArray *memo;  /* uint32_t: value + 1; 0: nothing */
    GError **error;
} Machine;

static bool broken(Machine *m, const char *what) {
    return nt_fail(m->error, NITERU_ERROR_CORRUPT, "%s: damaged at byte %zu: %s", m->name, m->at, what);
}

static bool take(Machine *m, size_t count, const uint8_t **out) {
    if (m->size - m->at < count) {
        return broken(m, "it ends in the middle of its records");
    }
    *out = m->data + m->at;
    m->at += count;
    return true;
}

static bool push(Machine *m, const NtPickleValue *value) {
    uint32_t number = m->pickle->values->len;
    if (number >= VALUES_MOST) {
        return nt_fail(m->error, NITERU_ERROR_LIMIT, "%s: over %d values in its records", m->name, VALUES_MOST);
    }
    g_array_append_vals(m->pickle->values, value, 1);
    g_array_append_val(m->stack, number);
    return true;
}

/* The stack above the last mark is what an opcode may take from. */
static uint32_t floor_of(const Machine *m) {
    return m->marks->len > 0 ? g_array_index(m->marks, uint32_t, m->marks->len - 1) : 0;
}

static bool has(const Machine *m, uint32_t count) { return m->stack->len - floor_of(m) >= count; }

static bool need(Machine *m, uint32_t count) { return has(m, count) || broken(m, "a record takes more than there is"); }

static uint32_t top(const Machine *m, uint32_t below) {
    return g_array_index(m->stack, uint32_t, m->stack->len - 1 - below);
}

static const NtPickleValue *top_value(const Machine *m, uint32_t below) {
    return nt_pickle_value(m->pickle, top(m, below));
}

static void drop(Machine *m, uint32_t count) { g_array_set_size(m->stack, m->stack->len - count); }

/* A whole number of `count` bytes; four are signed. */
static bool do_int(Machine *m, size_t count) {
    const uint8_t *from = NULL;
    if (!take(m, count, &from)) {
        return false;
    }
    int64_t number = count == 1 ? from[0] : count == 2 ? (int64_t)nt_le16(from) : (int32_t)nt_le32(from);
    return push(m, &(NtPickleValue){.kind = NT_PICKLE_INT, .number = number});
}

/* LONG1: a length, then so many bytes, signed, little end first. */
static bool do_long(Machine *m) {
    const uint8_t *length = NULL, *from = NULL;
    if (!take(m, 1, &length) || !take(m, *length, &from)) {
        return false;
    }
    if (*length > 8) {
        return broken(m, "a number of more than 64 bits");
    }
    uint64_t bits = *length > 0 && from[*length - 1] >= 0x80 ? UINT64_MAX : 0;
    for (unsigned i = *length; i > 0; i--) {
        bits = bits << 8 | from[i - 1];
    }
    return push(m, &(NtPickleValue){.kind = NT_PICKLE_INT, .number = (int64_t)bits});
}

static bool do_text(Machine *m) {
    const uint8_t *from = NULL;
    if (!take(m, 4, &from)) {
        return false;
    }
    uint32_t size = nt_le32(from);
    if (!take(m, size, &from)) {
        return false;
    }
    if (!g_utf8_validate_len((const char *)from, size, NULL)) {
        return broken(m, "a text that is no UTF-8");
    }
    return push(m, &(NtPickleValue){.kind = NT_PICKLE_TEXT, .text = (const char *)from, .size = size});
}

/* GLOBAL: two lines, a module and a name in it. */
static bool do_global(Machine *m) {
    const uint8_t *from = m->data + m->at;
    size_t left = MIN(m->size - m->at, 2 * NAME_MOST);
    const uint8_t *first = memchr(from, '\n', left);
    const uint8_t *second = first != NULL ? memchr(first + 1, '\n', left - (size_t)(first + 1 - from)) : NULL;
    if (second == NULL) {
        return broken(m, "a name without an end");
    }
    g_autofree char *full = g_strdup_printf("%.*s.%.*s", (int)(first - from), (const char *)from,
                                            (int)(second - first - 1), (const char *)first + 1);
    m->at += (size_t)(second + 1 - from);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(full, names[i]) == 0) {
            return push(m, &(NtPickleValue){.kind = NT_PICKLE_GLOBAL, .number = (int64_t)i});
        }
    }
    g_autofree char *shown = nt_text_printable(full, NAME_MOST);
    if (g_str_has_prefix(full, "torch.") && g_str_has_suffix(full, "Storage")) {
        return nt_fail(m->error, NITERU_ERROR_UNSUPPORTED, "%s: holds numbers of type %s, where float32 is expected",
                       m->name, shown);
    }
    return nt_fail(m->error, NITERU_ERROR_CORRUPT,
                   "%s: asks to run %s, which no weights need: nothing of it was run, and it should not be trusted",
                   m->name, shown);
}

/* Makes a tuple of the last `count` values and puts it in their place. */
static bool make_tuple(Machine *m, uint32_t count) {
    NtPickleValue tuple = {.kind = NT_PICKLE_TUPLE, .size = count, .first = m->pickle->members->len};
    if (count > 0) {
        g_array_append_vals(m->pickle->members, &g_array_index(m->stack, uint32_t, m->stack->len - count), count);
    }
    drop(m, count);
    return push(m, &tuple);
}

/* How many values lie above the last mark, which is taken away. */
static bool pop_mark(Machine *m, uint32_t *out) {
    if (m->marks->len == 0) {
        return broken(m, "a record without its beginning");
    }
    *out = m->stack->len - floor_of(m);
    g_array_set_size(m->marks, m->marks->len - 1);
    return true;
}

static bool do_tuple(Machine *m) {
    uint32_t count = 0;
    return pop_mark(m, &count) && make_tuple(m, count);
}

static bool do_tuple_of(Machine *m, uint32_t count) { return need(m, count) && make_tuple(m, count); }

/* Puts the last `count` values, pairs for a dict, into what lies below them. */
static bool put_all(Machine *m, NtPickleKind kind, uint32_t count) {
    uint32_t step = kind == NT_PICKLE_DICT ? 2 : 1;
    if (!has(m, count + 1) || top_value(m, count)->kind != kind || count % step != 0) {
        return broken(m, "something is put into what cannot hold it");
    }
    for (uint32_t i = count; i >= step; i -= step) {
        NtPicklePut put = {.owner = top(m, count), .key = top(m, i - 1), .value = top(m, i - step)};
        g_array_append_val(m->pickle->puts, put);
    }
    drop(m, count);
    return true;
}

static bool do_put_marked(Machine *m, NtPickleKind kind) {
    uint32_t count = 0;
    return pop_mark(m, &count) && put_all(m, kind, count);
}

/* REDUCE: a call. */
static bool do_call(Machine *m) {
    if (!has(m, 2) || top_value(m, 1)->kind != NT_PICKLE_GLOBAL || top_value(m, 0)->kind != NT_PICKLE_TUPLE) {
        return broken(m, "a call of what is no function");
    }
    NtPickleValue arguments = *top_value(m, 0);
    int64_t function = top_value(m, 1)->number;
    drop(m, 2);
    if (function == NT_PICKLE_ORDERED && arguments.size == 0) {
        return push(m, &(NtPickleValue){.kind = NT_PICKLE_DICT});
    }
    if (function == NT_PICKLE_REBUILD && arguments.size == 6) {
        arguments.kind = NT_PICKLE_TENSOR;
        return push(m, &arguments);
    }
    return nt_fail(m->error, NITERU_ERROR_CORRUPT, "%s: calls %s with %u arguments, which no weights need", m->name,
                   names[function], arguments.size);
}

/* BUILD: attributes of a state dict; torch puts `_metadata` there, the versions of its layers, which say nothing of
 * the numbers. */
static bool do_build(Machine *m) {
    if (m->built || !has(m, 2) || top_value(m, 1)->kind != NT_PICKLE_DICT || top_value(m, 0)->kind != NT_PICKLE_DICT) {
        return broken(m, "attributes for what has none");
    }
    m->built = true;
    uint32_t state = top(m, 0);
    for (guint i = 0; i < m->pickle->puts->len; i++) {
        const NtPicklePut *put = &g_array_index(m->pickle->puts, NtPicklePut, i);
        const NtPickleValue *key = nt_pickle_value(m->pickle, put->key);
        if (put->owner == state && (key->kind != NT_PICKLE_TEXT || key->size != strlen("_metadata") ||
                                    memcmp(key->text, "_metadata", key->size) != 0)) {
            return broken(m, "attributes other than _metadata");
        }
    }
    drop(m, 1);
    return true;
}

/* BINPERSID: the id of something that lies outside of the pickle. */
static bool do_outside(Machine *m) {
    if (!has(m, 1) || top_value(m, 0)->kind != NT_PICKLE_TUPLE) {
        return broken(m, "a storage without its record");
    }
    NtPickleValue id = *top_value(m, 0);
    id.kind = NT_PICKLE_STORAGE;
    drop(m, 1);
    return push(m, &id);
}

static bool read_index(Machine *m, size_t bytes, uint32_t *out) {
    const uint8_t *from = NULL;
    if (!take(m, bytes, &from)) {
        return false;
    }
    *out = bytes == 1 ? from[0] : nt_le32(from);
    return *out < MEMO_MOST || broken(m, "a place of the memo beyond its end");
}

static bool do_memorise(Machine *m, size_t bytes) {
    uint32_t place = 0;
    if (!read_index(m, bytes, &place) || !need(m, 1)) {
        return false;
    }
    if (place >= m->memo->len) {
        g_array_set_size(m->memo, place + 1);
    }
    g_array_index(m->memo, uint32_t, place) = top(m, 0) + 1;
    return true;
}

static bool do_recall(Machine *m, size_t bytes) {
    uint32_t place = 0;
    if (!read_index(m, bytes, &place)) {
        return false;
    }
    uint32_t value = place < m->memo->len ? g_array_index(m->memo, uint32_t, place) : 0;
    if (value == 0 || m->stack->len >= VALUES_MOST) {
        return broken(m, value == 0 ? "an empty place of the memo" : "too many values at once");
    }
    value--;
    g_array_append_val(m->stack, value);
    return true;
}

static bool do_mark(Machine *m) {
    if (m->marks->len >= VALUES_MOST) {
        return broken(m, "too many beginnings without an end");
    }
    g_array_append_val(m->marks, m->stack->len);
    return true;
}

static bool do_protocol(Machine *m) {
    const uint8_t *version = NULL;
    return take(m, 1, &version) && (*version <= 2 || broken(m, "a pickle of a protocol above 2"));
}

static bool do_opcode(Machine *m, uint8_t opcode) {
    switch (opcode) {
    case 0x80: return do_protocol(m);
    case 'N': return push(m, &(NtPickleValue){.kind = NT_PICKLE_NONE});
    case 0x88:
    case 0x89: return push(m, &(NtPickleValue){.kind = NT_PICKLE_BOOL, .number = opcode == 0x88});
    case 'K': return do_int(m, 1);
    case 'M': return do_int(m, 2);
    case 'J': return do_int(m, 4);
    case 0x8a: return do_long(m);
    case 'X': return do_text(m);
    case 'c': return do_global(m);
    case '}': return push(m, &(NtPickleValue){.kind = NT_PICKLE_DICT});
    case ']': return push(m, &(NtPickleValue){.kind = NT_PICKLE_LIST});
    case ')': return make_tuple(m, 0);
    case 0x85:
    case 0x86:
    case 0x87: return do_tuple_of(m, opcode - 0x84U);
    case '(': return do_mark(m);
    case 't': return do_tuple(m);
    case 's': return put_all(m, NT_PICKLE_DICT, 2);
    case 'u': return do_put_marked(m, NT_PICKLE_DICT);
    case 'a': return put_all(m, NT_PICKLE_LIST, 1);
    case 'e': return do_put_marked(m, NT_PICKLE_LIST);
    case 'R': return do_call(m);
    case 'b': return do_build(m);
    case 'Q': return do_outside(m);
    case 'q': return do_memorise(m, 1);
    case 'r': return do_memorise(m, 4);
    case 'h': return do_recall(m, 1);
    case 'j': return do_recall(m, 4);
    default:
        return nt_fail(m->error, NITERU_ERROR_CORRUPT,
                       "%s: byte %zu is the pickle opcode 0x%02x, which no weights need", m->name, m->at - 1, opcode);
    }
}

static bool run(Machine *m) {
    const uint8_t *opcode = NULL;
    for (unsigned count = 0;; count++) {
        if (count >= OPCODES_MOST) {
            return nt_fail(m->error, NITERU_ERROR_LIMIT, "%s: over %d opcodes in its records", m->name, OPCODES_MOST);
        }
        if (!take(m, 1, &opcode)) {
            return false;
        }
        if (*opcode == '.') {
            break;
        }
        if (!do_opcode(m, *opcode)) {
            return false;
        }
    }
    if (m->stack->len != 1 || m->marks->len != 0) {
        return broken(m, "its records do not end as one");
    }
    m->pickle->root = top(m, 0);
    return true;
}

bool nt_pickle_read(const uint8_t *data, size_t size, size_t *at, const char *name, NtPickle *out, GError **error) {
    *out = (NtPickle){.values = g_array_new(FALSE, FALSE, sizeof(NtPickleValue)),
                      .members = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
                      .puts = g_array_new(FALSE, FALSE, sizeof(NtPicklePut))};
    Machine m = {.data = data, .size = size, .at = *at, .name = name, .pickle = out, .error = error};
    m.stack = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    m.marks = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    m.memo = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    bool ok = run(&m);
    *at = m.at;
    g_array_unref(m.stack);
    g_array_unref(m.marks);
    g_array_unref(m.memo);
    return ok;
}

void nt_pickle_clear(NtPickle *pickle) {
    g_clear_pointer(&pickle->values, g_array_unref);
    g_clear_pointer(&pickle->members, g_array_unref);
    g_clear_pointer(&pickle->puts, g_array_unref);
}
