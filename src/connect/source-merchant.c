/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds for Google's Merchant Center, which many other services read too: RSS 2.0, RSS 1.0 or Atom with the attributes
 * as elements ("g:image_link"), or a table with them as columns ("image link", parted by tabs or commas). Each item is
 * a product, variants of one design share item_group_id. doc/exports.md has the table.
 */
#include "connect/export-internal.h"
#include "connect/xml-items.h"

#include <string.h>

typedef struct Merchant {
    NtTable table;     /* of a feed in cells */
    NtXmlItems *items; /* of one in XML; NULL: in cells */
    NtExport product;
    bool ended; /* the rest cannot be read, which has been told */
} Merchant;

static bool blank(const char *text) { return nt_text_blank(text, strlen(text)); }

/* ---- an attribute, from an element or a cell -------------------------------------------------------------------- */

/* The first text of an attribute that is not blank; one with a prefix goes before one without, which RSS and Atom have
 * names of their own for. "": there is none. */
static const char *get(const Merchant *feed, const char *name) {
    if (feed->items == NULL) {
        return nt_table_cell(&feed->table, nt_table_find(&feed->table, name));
    }
    const char *found = "";
    for (size_t i = 0; i < nt_xml_items_count(feed->items); i++) {
        bool prefixed = false;
        const char *there = nt_xml_items_name(feed->items, i, &prefixed), *text = nt_xml_items_text(feed->items, i);
        if (!g_str_equal(there, name) || blank(text)) {
            continue;
        }
        if (prefixed) {
            return text;
        }
        found = found[0] == '\0' ? text : found;
    }
    return found;
}

/* Whether the feed could have it: an element that is not there says that there is no value, a column does not. */
static bool has(const Merchant *feed, const char *name) {
    return feed->items != NULL || nt_table_find(&feed->table, name) >= 0;
}

static void set(Merchant *feed, const char *field, const char *name) {
    if (has(feed, name)) {
        nt_export_set(&feed->product, field, get(feed, name));
    }
}

/* ---- a product -------------------------------------------------------------------------------------------------- */

static void set_price(Merchant *feed) {
    if (!has(feed, "price")) {
        return;
    }
    g_auto(GStrv) span = g_strsplit(get(feed, "sale price effective date"), "/", 2);
    const char *sale = get(feed, "sale price");
    bool whole = span[0] != NULL && span[1] != NULL;
    bool reduced = !blank(sale) && (!whole || nt_export_now_within(span[0], span[1]));
    NtOffers offers = {0};
    nt_offers_add_price(&offers, reduced ? sale : get(feed, "price"), get(feed, "price"));
    nt_export_set_price(&feed->product, &offers);
    nt_offers_clear(&offers);
}

/* Whether it can be ordered; a word that is not Google's is passed on, to be told. */
static void set_available(Merchant *feed) {
    static const struct {
        const char *word;
        const char *value;
    } words[] = {
        {"in stock", "true"},     {"available", "true"}, {"available for order", "true"},  {"preorder", "true"},
        {"pre-order", "true"},    {"backorder", "true"}, {"limited availability", "true"}, {"out of stock", "false"},
        {"discontinued", "false"}};
    if (!has(feed, "availability")) {
        return;
    }
    g_autofree char *said = g_ascii_strdown(get(feed, "availability"), -1);
    g_strdelimit(g_strstrip(said), "_", ' ');
    const char *value = said;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        value = g_str_equal(words[i].word, said) ? words[i].value : value;
    }
    nt_export_set(&feed->product, "available", value);
}

static void add_photos(Merchant *feed) {
    nt_export_add_photo(&feed->product, get(feed, "image link"), 1);
    if (feed->items == NULL) {
        nt_export_add_photos(&feed->product, get(feed, "additional image link"), 2);
        return;
    }
    for (size_t i = 0; i < nt_xml_items_count(feed->items); i++) {
        bool prefixed = false;
        if (g_str_equal(nt_xml_items_name(feed->items, i, &prefixed), "additional image link")) {
            nt_export_add_photos(&feed->product, nt_xml_items_text(feed->items, i), 2);
        }
    }
}

static void add_options(Merchant *feed) {
    static const char *const names[] = {"color", "size", "material", "pattern"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_auto(GStrv) values = g_strsplit(get(feed, names[i]), "/", 4); /* "Red/Green/Black" */
        for (size_t v = 0; values[v] != NULL; v++) {
            nt_export_add_option(&feed->product, names[i], values[v]);
        }
    }
}

static void add_mapped(Merchant *feed) {
    const GArray *entries = feed->product.map.entries;
    for (guint i = 0; i < entries->len; i++) {
        const NtMapEntry *entry = &g_array_index(entries, NtMapEntry, i);
        g_autofree char *name = nt_table_name(entry->column);
        nt_export_set(&feed->product, entry->field, get(feed, name));
    }
}

static NtSourceStep give_product(NtSource *source, Merchant *feed, uint64_t line) {
    nt_export_begin(&feed->product, get(feed, "id"), line);
    add_photos(feed);
    set(feed, "title", "title");
    set(feed, "description", "description");
    set(feed, "url", "link");
    set(feed, "brand", "brand");
    if (has(feed, "product type") || has(feed, "google product category")) {
        const char *own = get(feed, "product type");
        nt_export_set(&feed->product, "category", blank(own) ? get(feed, "google product category") : own);
    }
    set(feed, "group", "item group id");
    set_price(feed);
    set_available(feed);
    set(feed, "condition", "condition");
    set(feed, "gtin", "gtin");
    set(feed, "mpn", "mpn");
    set(feed, "gender", "gender");
    set(feed, "age_group", "age group");
    add_options(feed);
    add_mapped(feed);
    return nt_export_give(&feed->product, source);
}

/* ---- the feed --------------------------------------------------------------------------------------------------- */

static bool open_table(NtSource *source, Merchant *feed, const NtSourceOptions *options, GError **error) {
    if (!nt_table_open(&feed->table, source, options, error)) {
        return false;
    }
    const char *missing = nt_table_find(&feed->table, "id") < 0           ? "'id'"
                          : nt_table_find(&feed->table, "title") < 0      ? "'title'"
                          : nt_table_find(&feed->table, "image link") < 0 ? "'image link' (or 'image_link')"
                                                                          : NULL;
    return missing == NULL || nt_table_fail(&feed->table, source, missing, error);
}

static bool open_merchant(NtSource *source, const NtSourceOptions *options, GError **error) {
    Merchant *feed = g_new0(Merchant, 1);
    source->state = feed;
    source->repeat_hint = "each item of a feed has an id of its own; variants share item_group_id";
    if (!nt_export_open(&feed->product, source, options, error)) {
        return false;
    }
    if (!nt_export_is_xml(source->location)) {
        return open_table(source, feed, options, error);
    }
    feed->items = nt_xml_items_open(source->location, source->given, options->encoding, &source->limits, error);
    return feed->items != NULL;
}

static NtSourceStep next_of_table(NtSource *source, Merchant *feed, GError **error) {
    NtCsvStep step = nt_table_next(&feed->table, source, error);
    if (step == NT_CSV_RECORD) {
        return give_product(source, feed, nt_csv_line(feed->table.csv));
    }
    return step == NT_CSV_END ? NT_SOURCE_END : step == NT_CSV_REFUSED ? NT_SOURCE_FAULT : NT_SOURCE_FAILED;
}

/* A feed that is cut off or damaged keeps what came before: what is wrong is a fault without a product, so that nothing
 * is pruned, and then it ends. */
static NtSourceStep next_of_merchant(NtSource *source, GError **error) {
    Merchant *feed = source->state;
    if (feed->items == NULL || feed->ended) {
        return feed->ended ? NT_SOURCE_END : next_of_table(source, feed, error);
    }
    g_autoptr(GError) fault = NULL;
    NtXmlStep step = nt_xml_items_next(feed->items, &fault);
    if (step == NT_XML_ITEM) {
        return give_product(source, feed, nt_xml_items_line(feed->items));
    }
    if (step == NT_XML_END) {
        return NT_SOURCE_END;
    }
    if (step == NT_XML_FAILED) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NT_SOURCE_FAILED;
    }
    feed->ended = step == NT_XML_BROKEN;
    nt_row_begin(source, source->given, nt_xml_items_line(feed->items));
    nt_row_fault_error(source, NULL, g_steal_pointer(&fault));
    return NT_SOURCE_FAULT;
}

static double share_of_merchant(const NtSource *source) {
    const Merchant *feed = source->state;
    return feed->items != NULL ? nt_xml_items_share(feed->items) : nt_lines_share(nt_csv_lines(feed->table.csv));
}

static void close_merchant(NtSource *source) {
    Merchant *feed = source->state;
    if (feed != NULL) {
        nt_xml_items_close(feed->items);
        nt_table_clear(&feed->table);
        nt_export_clear(&feed->product);
        g_free(feed);
    }
}

const NtSourceKind nt_source_merchant = {.name = "google-merchant",
                                         .open = open_merchant,
                                         .next = next_of_merchant,
                                         .share = share_of_merchant,
                                         .close = close_merchant};
