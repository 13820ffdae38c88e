/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shopify's product export: a row for each variant and each further photo; rows that follow each other with one Handle
 * are one product. Column names of both generations ("Handle", "URL handle"). doc/exports.md has the table.
 *
 * A product here is a Handle, with all its photos: an answer must lead to a page, and the export has no address of a
 * variant (that needs a number which is not in it).
 */
#include "connect/export-internal.h"

#include <string.h>

typedef enum Name {
    HANDLE,
    TITLE,
    BODY,
    VENDOR,
    CATEGORY,
    TYPE,
    TAGS,
    PUBLISHED,
    STATUS,
    SKU,
    PRICE,
    COMPARE,
    STOCK,
    TRACKER,
    POLICY,
    IMAGE,
    POSITION,
    VARIANT_IMAGE,
    OPTION1,
    VALUE1,
    OPTION2,
    VALUE2,
    OPTION3,
    VALUE3,
    NAMES
} Name;

static const char *const names[NAMES] = {
    [HANDLE] = "handle|url handle",
    [TITLE] = "title",
    [BODY] = "body (html)|body html|description",
    [VENDOR] = "vendor",
    [CATEGORY] = "product category|standard product type",
    [TYPE] = "type|custom product type|product type",
    [TAGS] = "tags",
    [PUBLISHED] = "published|published on online store",
    [STATUS] = "status",
    [SKU] = "variant sku|sku",
    [PRICE] = "variant price|price",
    [COMPARE] = "variant compare at price|compare-at price|compare at price",
    [STOCK] = "variant inventory qty|inventory quantity",
    [TRACKER] = "variant inventory tracker|inventory tracker",
    [POLICY] = "variant inventory policy|continue selling when out of stock",
    [IMAGE] = "image src|product image url",
    [POSITION] = "image position",
    [VARIANT_IMAGE] = "variant image|variant image url",
    [OPTION1] = "option1 name",
    [VALUE1] = "option1 value",
    [OPTION2] = "option2 name",
    [VALUE2] = "option2 value",
    [OPTION3] = "option3 name",
    [VALUE3] = "option3 value",
};

typedef struct Shopify {
    NtTable table;
    int columns[NAMES]; /* -1: not in this export */
    NtExport product;
    char *options[3];    /* names of the product's options */
    NtOffers offers;     /* of its variants */
    bool pending;        /* the record just read begins the next product */
    bool titled;         /* the product's first row has a Title */
    GHashTable *handles; /* casefolded Handle -> Known, the first NT_EXPORT_KNOWN_IDS */
    bool told_case;
} Shopify;

/* A Handle that was met. */
typedef struct Known {
    char *handle;
    uint64_t line;
} Known;

static void free_known(void *at) {
    g_free(((Known *)at)->handle);
    g_free(at);
}

static const char *cell(const Shopify *shop, Name name) { return nt_table_cell(&shop->table, shop->columns[name]); }

static bool blank(const char *text) { return nt_text_blank(text, strlen(text)); }

static bool open_shopify(NtSource *source, const NtSourceOptions *options, GError **error) {
    Shopify *shop = g_new0(Shopify, 1);
    source->state = shop;
    shop->handles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_known);
    source->repeat_hint = "the rows of a Handle must follow each other, as Shopify exports them; sort the export by "
                          "Handle";
    if (!nt_table_open(&shop->table, source, options, error)) {
        return false;
    }
    for (Name name = 0; name < NAMES; name++) {
        shop->columns[name] = nt_table_find(&shop->table, names[name]);
    }
    const char *missing = shop->columns[HANDLE] < 0  ? "'Handle' (or 'URL handle')"
                          : shop->columns[TITLE] < 0 ? "'Title'"
                          : shop->columns[IMAGE] < 0 ? "'Image Src' (or 'Product image URL')"
                                                     : NULL;
    if (missing != NULL) {
        return nt_table_fail(&shop->table, source, missing, error);
    }
    return nt_export_open(&shop->product, source, options, error);
}

/* ---- a product's first row -------------------------------------------------------------------------------------- */

/* Shown to strangers: active, and published. A Status or Published that is not there hides nothing. */
static bool is_public(const Shopify *shop) {
    const char *status = cell(shop, STATUS), *published = cell(shop, PUBLISHED);
    g_autofree char *bare = g_strstrip(g_strdup(status));
    return (bare[0] == '\0' || g_ascii_strcasecmp(bare, "active") == 0) &&
           (blank(published) || nt_export_truth(published, NULL));
}

/* A field of a column; where the column is not in the export, what is stored stays. */
static void set(Shopify *shop, const char *field, Name name) {
    if (shop->columns[name] >= 0) {
        nt_export_set(&shop->product, field, cell(shop, name));
    }
}

static void begin_product(Shopify *shop, const char *handle) {
    NtExport *product = &shop->product;
    nt_export_begin(product, handle, nt_csv_line(shop->table.csv));
    g_autofree char *escaped = g_uri_escape_string(product->id, NULL, TRUE);
    g_autofree char *url = g_strconcat("/products/", escaped, NULL);
    set(shop, "title", TITLE);
    set(shop, "description", BODY);
    set(shop, "brand", VENDOR);
    set(shop, "category", blank(cell(shop, TYPE)) && shop->columns[CATEGORY] >= 0 ? CATEGORY : TYPE);
    if (shop->columns[TAGS] >= 0) {
        nt_export_add_parts(product, "tags", cell(shop, TAGS));
    }
    nt_export_set(product, "url", url);
    if (shop->columns[STATUS] >= 0 || shop->columns[PUBLISHED] >= 0) {
        nt_export_set_bool(product, "public", is_public(shop));
    }
    nt_table_add_mapped(&shop->table, product);
    for (int i = 0; i < 3; i++) {
        g_free(shop->options[i]);
        shop->options[i] = g_strdup(cell(shop, OPTION1 + 2 * i));
    }
    nt_offers_clear(&shop->offers);
    shop->titled = !blank(cell(shop, TITLE));
}

/* ---- its variants and photos ------------------------------------------------------------------------------------ */

/* How many there are, and whether it can be bought: it is not counted, or some are left, or it is sold beyond that. */
static void take_stock(Shopify *shop) {
    const char *policy = cell(shop, POLICY);
    bool untracked = shop->columns[TRACKER] >= 0 && blank(cell(shop, TRACKER));
    bool beyond = g_ascii_strcasecmp(policy, "continue") == 0 || nt_export_truth(policy, NULL), some = false;
    bool counted = !untracked && nt_offers_add_stock(&shop->offers, cell(shop, STOCK), &some);
    if (counted || untracked || beyond) {
        nt_offers_add_available(&shop->offers, untracked || beyond || some);
    }
}

static void take_options(Shopify *shop) {
    for (int i = 0; i < 3; i++) {
        const char *value = cell(shop, VALUE1 + 2 * i);
        if (g_ascii_strcasecmp(value, "Default Title") != 0) {
            nt_export_add_option(&shop->product, shop->options[i], value);
        }
    }
}

static void take_row(Shopify *shop) {
    g_autofree char *position = g_strdup(cell(shop, POSITION));
    gint64 place = g_ascii_strtoll(position, NULL, 10);
    nt_export_add_photo(&shop->product, cell(shop, IMAGE), place > 0 && place < G_MAXINT ? (int)place : G_MAXINT - 1);
    nt_export_add_photo(&shop->product, cell(shop, VARIANT_IMAGE), G_MAXINT);
    if (blank(cell(shop, SKU)) && blank(cell(shop, PRICE)) && blank(cell(shop, VALUE1))) {
        return; /* a further photo only */
    }
    if (shop->columns[SKU] >= 0) {
        nt_export_add(&shop->product, "skus", cell(shop, SKU));
    }
    nt_offers_add_price(&shop->offers, cell(shop, PRICE), cell(shop, COMPARE));
    take_stock(shop);
    take_options(shop);
}

/* ---- giving it out ---------------------------------------------------------------------------------------------- */

/* Handles that differ in case are two pages; that they may be a slip is said once, beside the product. */
static void note_case(NtSource *source, Shopify *shop) {
    g_autofree char *folded = g_utf8_casefold(source->id->str, -1);
    const Known *before = g_hash_table_lookup(shop->handles, folded);
    if (before == NULL && g_hash_table_size(shop->handles) < NT_EXPORT_KNOWN_IDS) {
        Known *known = g_new(Known, 1);
        *known = (Known){g_strdup(source->id->str), source->line};
        g_hash_table_insert(shop->handles, g_steal_pointer(&folded), known);
    } else if (before != NULL && !shop->told_case && !g_str_equal(before->handle, source->id->str)) {
        shop->told_case = true;
        g_autofree char *one = nt_text_printable(before->handle, 60), *other = nt_text_printable(source->id->str, 60);
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID,
                     "the Handles '%s' (line %" G_GUINT64_FORMAT
                     ") and '%s' differ in case only; they are two products "
                     "here, as are others like these",
                     one, before->line, other);
    }
}

/* Rows without a Title belong to a product whose first row is elsewhere, or was refused. */
static NtSourceStep refuse_untitled(NtSource *source, Shopify *shop) {
    shop->product.open = false;
    nt_row_begin(source, source->given, shop->product.line);
    if (!nt_row_set_id(source, shop->product.id)) {
        return NT_SOURCE_FAULT;
    }
    g_autofree char *folded = g_utf8_casefold(shop->product.id, -1), *safe = nt_text_printable(shop->product.id, 60);
    const Known *known = g_hash_table_lookup(shop->handles, folded);
    if (known != NULL && g_str_equal(known->handle, shop->product.id)) {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID,
                     "rows of the Handle '%s', which begins on line %" G_GUINT64_FORMAT ", stand apart from it and are "
                     "left out; sort the export by Handle",
                     safe, known->line);
    } else {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID,
                     "the Handle '%s' begins with a row that has no Title; the row before it, which has, is missing or "
                     "was refused",
                     safe);
    }
    return NT_SOURCE_FAULT;
}

static NtSourceStep give_product(NtSource *source, Shopify *shop) {
    NtExport *product = &shop->product;
    if (!shop->titled) {
        return refuse_untitled(source, shop);
    }
    if (shop->columns[PRICE] >= 0) {
        nt_export_set_price(product, &shop->offers);
    }
    if (shop->columns[STOCK] >= 0) {
        nt_export_set_stock(product, &shop->offers);
    }
    if (shop->columns[STOCK] >= 0 || shop->columns[POLICY] >= 0) {
        nt_export_set_available(product, &shop->offers);
    }
    NtSourceStep step = nt_export_give(product, source);
    if (step == NT_SOURCE_PRODUCT) {
        note_case(source, shop);
    }
    return step;
}

/* Whether the record just read is a row of the product that is open. */
static bool is_further(const Shopify *shop, const char *handle) {
    return shop->product.open &&
           (g_str_equal(handle, shop->product.id) || (handle[0] == '\0' && blank(cell(shop, TITLE))));
}

/* Takes the record just read: a row of the open product, or the first of the next. *out_whole: the open product has no
 * further row, and the record waits. False: there is a fault. */
static bool take_record(NtSource *source, Shopify *shop, bool *out_whole) {
    g_autofree char *handle = g_strstrip(g_strdup(cell(shop, HANDLE)));
    bool further = is_further(shop, handle);
    *out_whole = shop->product.open && !further;
    shop->pending = *out_whole;
    if (*out_whole) {
        return true;
    }
    if (handle[0] == '\0' && !further) {
        nt_row_begin(source, source->given, nt_csv_line(shop->table.csv));
        return nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the row has no Handle");
    }
    if (!further) {
        begin_product(shop, handle);
    }
    take_row(shop);
    return true;
}

static NtSourceStep next_of_shopify(NtSource *source, GError **error) {
    Shopify *shop = source->state;
    for (bool whole = false; !whole;) {
        NtCsvStep step = shop->pending ? NT_CSV_RECORD : nt_table_next(&shop->table, source, error);
        if (step == NT_CSV_END) {
            return shop->product.open ? give_product(source, shop) : NT_SOURCE_END;
        }
        if (step != NT_CSV_RECORD) {
            return step == NT_CSV_REFUSED ? NT_SOURCE_FAULT : NT_SOURCE_FAILED;
        }
        if (!take_record(source, shop, &whole)) {
            return NT_SOURCE_FAULT;
        }
    }
    return give_product(source, shop);
}

static double share_of_shopify(const NtSource *source) {
    return nt_lines_share(nt_csv_lines(((const Shopify *)source->state)->table.csv));
}

static void close_shopify(NtSource *source) {
    Shopify *shop = source->state;
    if (shop != NULL) {
        nt_table_clear(&shop->table);
        nt_export_clear(&shop->product);
        g_hash_table_unref(shop->handles);
        for (int i = 0; i < 3; i++) {
            g_free(shop->options[i]);
        }
        nt_offers_clear(&shop->offers);
        g_free(shop);
    }
}

const NtSourceKind nt_source_shopify = {.name = "shopify",
                                        .open = open_shopify,
                                        .next = next_of_shopify,
                                        .share = share_of_shopify,
                                        .close = close_shopify};
