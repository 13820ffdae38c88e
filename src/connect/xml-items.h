/* SPDX-License-Identifier: Apache-2.0 */
/* Items of an XML feed (RSS's <item>, Atom's <entry>), one at a time. Only xml-items.c sees expat. Not thread-safe. */
#ifndef NT_CONNECT_XML_ITEMS_H
#define NT_CONNECT_XML_ITEMS_H

#include "connect/source-internal.h"

typedef struct NtXmlItems NtXmlItems;

typedef enum NtXmlStep {
    NT_XML_ITEM,    /* an item */
    NT_XML_REFUSED, /* an item over a limit was passed over: *error, without its place */
    NT_XML_END,
    NT_XML_BROKEN, /* cut off, or not XML from here on: *error, without its place; no more items come */
    NT_XML_FAILED, /* cannot be read: *error */
} NtXmlStep;

/* Opens a file and looks at its first element. `name` is for messages; `encoding`: what it is read in whatever it says
 * (NULL: what it says). Errors: those of opening; INVALID (no feed, or one that declares entities), CORRUPT (not
 * well-formed), UNSUPPORTED (encoding), LIMIT. */
NtXmlItems *nt_xml_items_open(const char *path, const char *name, const char *encoding, const NtLimits *limits,
                              GError **error);
void nt_xml_items_close(NtXmlItems *items); /* NULL is fine */

NtXmlStep nt_xml_items_next(NtXmlItems *items, GError **error);
uint64_t nt_xml_items_line(const NtXmlItems *items); /* where the item begins, or it broke; from 1 */

/* The elements in the item just given: how many; each one's name without its prefix, '_' as a space, and whether it had
 * a prefix; its text (UTF-8, with that of elements in it; of Atom's <link>: its address). Borrowed until the next call.
 */
size_t nt_xml_items_count(const NtXmlItems *items);
const char *nt_xml_items_name(const NtXmlItems *items, size_t i, bool *out_prefixed);
const char *nt_xml_items_text(const NtXmlItems *items, size_t i);

double nt_xml_items_share(const NtXmlItems *items); /* read so far, 0..1 */

#endif
