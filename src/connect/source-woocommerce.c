/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WooCommerce's product export: a row for each product and each variation, which names its parent by SKU or as "id:12"
 * and may stand anywhere, for rows come in the order of their numbers. So the file is read twice: once to sum up the
 * variations of each parent, once to give products. doc/exports.md has the table.
 *
 * A variation with a photo that its parent has not is a product of its own, with the parent as its group; any other
 * only counts towards the parent's price, stock and availability.
 */
#include "connect/export-internal.h"

#include <string.h>

enum { MOST_ATTRIBUTES = 50, PARENT_TEXT = 1000 };

typedef enum Name {
    ID,
    TYPE,
    SKU,
    NAME,
    PUBLISHED,
    VISIBILITY,
    SHORT,
    LONG,
    SALE_BEGINS,
    SALE_ENDS,
    IN_STOCK,
    STOCK,
    BACKORDERS,
    SALE,
    REGULAR,
    CATEGORIES,
    TAGS,
    BRANDS,
    IMAGES,
    PARENT,
    NAMES
} Name;

static const char *const names[NAMES] = {
    [ID] = "id",
    [TYPE] = "type",
    [SKU] = "sku",
    [NAME] = "name",
    [PUBLISHED] = "published",
    [VISIBILITY] = "visibility in catalog",
    [SHORT] = "short description",
    [LONG] = "description",
    [SALE_BEGINS] = "date sale price starts",
    [SALE_ENDS] = "date sale price ends",
    [IN_STOCK] = "in stock?",
    [STOCK] = "stock",
    [BACKORDERS] = "backorders allowed?",
    [SALE] = "sale price",
    [REGULAR] = "regular price",
    [CATEGORIES] = "categories",
    [TAGS] = "tags",
    [BRANDS] = "brands",
    [IMAGES] = "images",
    [PARENT] = "parent",
};

/* A product with variations. */
typedef struct Parent {
    bool there; /* its own row was met */
    char *id, *number, *category, *brand;
    bool public;
    GArray *photos;  /* guint: hashes of the names of its photos */
    NtOffers offers; /* of its variations */
} Parent;

typedef struct Woo {
    NtTable table;
    int columns[NAMES];                 /* -1: not in this export */
    int attributes[MOST_ATTRIBUTES][2]; /* columns of their names and values */
    size_t attribute_count;
    NtExport product;
    GPtrArray *parents; /* Parent: owns them */
    GHashTable *by_key; /* "id:12" and SKU -> Parent */
} Woo;

static const char *cell(const Woo *woo, Name name) { return nt_table_cell(&woo->table, woo->columns[name]); }

static bool blank(const char *text) { return nt_text_blank(text, strlen(text)); }

static void free_parent(void *at) {
    Parent *parent = at;
    g_free(parent->id);
    g_free(parent->number);
    g_free(parent->category);
    g_free(parent->brand);
    g_clear_pointer(&parent->photos, g_array_unref);
    nt_offers_clear(&parent->offers);
    g_free(parent);
}

/* ---- one row ---------------------------------------------------------------------------------------------------- */

static bool is_variation(const Woo *woo) {
    g_autofree char *type = g_ascii_strdown(cell(woo, TYPE), -1);
    return strstr(type, "variation") != NULL;
}

/* Shown to strangers: published ("1"; 0 is private, -1 a draft), and not hidden from the shop's own lists. */
static bool is_public(const Woo *woo) {
    g_autofree char *visibility = g_ascii_strdown(cell(woo, VISIBILITY), -1);
    return (blank(cell(woo, PUBLISHED)) || nt_export_truth(cell(woo, PUBLISHED), NULL)) &&
           strcmp(g_strstrip(visibility), "hidden") != 0;
}

static void take_offer(const Woo *woo, NtOffers *offers) {
    bool reduced = !blank(cell(woo, SALE)) && nt_export_now_within(cell(woo, SALE_BEGINS), cell(woo, SALE_ENDS));
    nt_offers_add_price(offers, cell(woo, reduced ? SALE : REGULAR), cell(woo, REGULAR));
    bool some = false, counted = nt_offers_add_stock(offers, cell(woo, STOCK), &some), known = false;
    g_autofree char *says = g_ascii_strdown(cell(woo, IN_STOCK), -1);
    bool there = nt_export_truth(says, &known) || strstr(says, "backorder") != NULL;
    if (known || there) {
        nt_offers_add_available(offers, there);
    } else if (counted) {
        g_autofree char *beyond = g_ascii_strdown(cell(woo, BACKORDERS), -1);
        nt_offers_add_available(offers, some || nt_export_truth(beyond, NULL) || strstr(beyond, "notify") != NULL);
    }
}

/* The product's id: its number, which is never empty in an export, else its SKU; new. */
static char *row_id(const Woo *woo) { return g_strstrip(g_strdup(cell(woo, blank(cell(woo, ID)) ? SKU : ID))); }

/* ---- the first reading: parents and their variations ------------------------------------------------------------ */

static char *parent_key(const Woo *woo) {
    g_autofree char *key = g_strstrip(g_strdup(cell(woo, PARENT)));
    return g_ascii_strncasecmp(key, "id:", 3) == 0 ? g_strconcat("id:", g_strchug(key + 3), NULL)
                                                   : g_steal_pointer(&key);
}

static Parent *find_parent(const Woo *woo, const char *key) {
    return key[0] != '\0' ? g_hash_table_lookup(woo->by_key, key) : NULL;
}

/* The parent of a key, made when it is new; NULL: there are too many. */
static Parent *need_parent(Woo *woo, const char *key) {
    Parent *parent = find_parent(woo, key);
    if (parent == NULL && woo->parents->len < NT_EXPORT_KNOWN_IDS) {
        parent = g_new0(Parent, 1);
        g_ptr_array_add(woo->parents, parent);
        g_hash_table_insert(woo->by_key, g_strdup(key), parent);
    }
    return parent;
}

static Parent *own_entry(const Woo *woo) {
    g_autofree char *number = g_strstrip(g_strdup(cell(woo, ID))), *key = g_strconcat("id:", number, NULL),
                    *sku = g_strstrip(g_strdup(cell(woo, SKU)));
    Parent *parent = number[0] != '\0' ? find_parent(woo, key) : NULL;
    return parent != NULL ? parent : find_parent(woo, sku);
}

static void take_photos(Parent *parent, NtExport *reader, const char *cell_text) {
    nt_export_begin(reader, "", 0);
    nt_export_add_photos(reader, cell_text, 1);
    parent->photos = g_array_new(false, false, sizeof(guint));
    for (size_t i = 0; i < nt_export_photo_count(reader); i++) {
        guint hash = g_str_hash(nt_export_photo_name(reader, i));
        g_array_append_val(parent->photos, hash);
    }
    reader->open = false;
}

/* Takes what variations need of their parent. */
static bool learn_parent(Woo *woo) {
    g_autofree char *number = g_strstrip(g_strdup(cell(woo, ID))), *sku = g_strstrip(g_strdup(cell(woo, SKU))),
                    *key = number[0] != '\0' ? g_strconcat("id:", number, NULL) : g_strdup(sku);
    Parent *known = own_entry(woo), *parent = known != NULL ? known : need_parent(woo, key);
    if (parent == NULL || parent->there) {
        return parent != NULL;
    }
    g_autofree char *deepest = nt_export_deepest(cell(woo, CATEGORIES));
    parent->there = true;
    parent->id = row_id(woo);
    parent->number = g_steal_pointer(&number);
    parent->category = nt_plain_text(deepest, PARENT_TEXT);
    parent->brand = nt_plain_text(cell(woo, BRANDS), PARENT_TEXT);
    parent->public = is_public(woo);
    take_photos(parent, &woo->product, cell(woo, IMAGES));
    g_hash_table_insert(woo->by_key, g_steal_pointer(&key), parent);
    if (sku[0] != '\0') {
        g_hash_table_insert(woo->by_key, g_steal_pointer(&sku), parent);
    }
    return true;
}

static bool learn_row(Woo *woo) {
    if (!is_variation(woo)) {
        g_autofree char *type = g_ascii_strdown(cell(woo, TYPE), -1);
        return strstr(type, "variable") == NULL || learn_parent(woo);
    }
    g_autofree char *key = parent_key(woo);
    Parent *parent = key[0] != '\0' ? need_parent(woo, key) : NULL;
    if (parent != NULL) {
        take_offer(woo, &parent->offers);
    }
    return key[0] == '\0' || parent != NULL;
}

static bool learn(NtSource *source, Woo *woo, GError **error) {
    for (;;) {
        g_autoptr(GError) fault = NULL;
        NtCsvStep step = nt_csv_next(woo->table.csv, woo->table.names->len, &fault);
        if (step == NT_CSV_END) {
            return true;
        }
        if (step == NT_CSV_FAILED) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        if (step == NT_CSV_RECORD && !learn_row(woo)) {
            return nt_fail(error, NITERU_ERROR_LIMIT,
                           "%s: more than %d products with variations; export them in parts, by category",
                           source->given, NT_EXPORT_KNOWN_IDS);
        }
    }
}

static void find_columns(Woo *woo) {
    for (Name name = 0; name < NAMES; name++) {
        woo->columns[name] = nt_table_find(&woo->table, names[name]);
    }
    for (size_t i = 0; i < MOST_ATTRIBUTES; i++) {
        char name[40], value[40];
        g_snprintf(name, sizeof name, "attribute %zu name", i + 1);
        g_snprintf(value, sizeof value, "attribute %zu value(s)", i + 1);
        int *columns = woo->attributes[woo->attribute_count];
        columns[0] = nt_table_find(&woo->table, name);
        columns[1] = nt_table_find(&woo->table, value);
        woo->attribute_count += columns[0] >= 0 && columns[1] >= 0;
    }
}

static bool open_woocommerce(NtSource *source, const NtSourceOptions *options, GError **error) {
    Woo *woo = g_new0(Woo, 1);
    source->state = woo;
    woo->parents = g_ptr_array_new_with_free_func(free_parent);
    woo->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    source->repeat_hint = "in WooCommerce's export each ID has one row";
    if (!nt_table_open(&woo->table, source, options, error)) {
        return false;
    }
    find_columns(woo);
    const char *missing = woo->columns[ID] < 0 && woo->columns[SKU] < 0 ? "'ID' or 'SKU'"
                          : woo->columns[TYPE] < 0                      ? "'Type'"
                          : woo->columns[NAME] < 0                      ? "'Name'"
                          : woo->columns[IMAGES] < 0                    ? "'Images'"
                                                                        : NULL;
    if (missing != NULL) {
        return nt_table_fail(&woo->table, source, missing, error);
    }
    if (!nt_export_open(&woo->product, source, options, error) || !learn(source, woo, error)) {
        return false;
    }
    nt_table_clear(&woo->table);
    return nt_table_open(&woo->table, source, options, error);
}

/* ---- the second reading: products ------------------------------------------------------------------------------- */

/* A field of a column; where the column is not in the export, what is stored stays. */
static void set(Woo *woo, const char *field, Name name, const char *text) {
    if (woo->columns[name] >= 0) {
        nt_export_set(&woo->product, field, text);
    }
}

static void set_offers(Woo *woo, const NtOffers *offers) {
    if (woo->columns[REGULAR] >= 0) {
        nt_export_set_price(&woo->product, offers);
    }
    if (woo->columns[STOCK] >= 0) {
        nt_export_set_stock(&woo->product, offers);
    }
    if (woo->columns[IN_STOCK] >= 0 || woo->columns[STOCK] >= 0) {
        nt_export_set_available(&woo->product, offers);
    }
}

static void set_options(Woo *woo) {
    for (size_t i = 0; i < woo->attribute_count; i++) {
        const char *name = nt_table_cell(&woo->table, woo->attributes[i][0]);
        g_auto(GStrv) values = nt_export_parts(nt_table_cell(&woo->table, woo->attributes[i][1]));
        for (size_t v = 0; values[v] != NULL; v++) {
            nt_export_add_option(&woo->product, name, values[v]);
        }
    }
}

/* The exporter writes a line end in a text as a backslash and an n. */
static char *with_line_ends(const char *text) {
    g_auto(GStrv) lines = g_strsplit(text, "\\n", -1);
    return g_strjoinv("\n", lines);
}

/* What products and variations have in common; `parent`: of a variation. */
static void set_common(Woo *woo, const Parent *parent) {
    NtExport *product = &woo->product;
    const char *number = parent != NULL && parent->there ? parent->number : cell(woo, ID);
    set(woo, "title", NAME, cell(woo, NAME));
    g_autofree char *description = with_line_ends(cell(woo, blank(cell(woo, LONG)) ? SHORT : LONG));
    set(woo, "description", LONG, description);
    set(woo, "sku", SKU, cell(woo, SKU));
    if (!blank(number)) {
        g_autofree char *bare = g_strstrip(g_strdup(number)), *escaped = g_uri_escape_string(bare, NULL, FALSE),
                        *url = g_strconcat("/?p=", escaped, NULL);
        nt_export_set(product, "url", url);
    }
    if (woo->columns[PUBLISHED] >= 0 || woo->columns[VISIBILITY] >= 0) {
        nt_export_set_bool(product, "public", is_public(woo) && (parent == NULL || !parent->there || parent->public));
    }
    nt_table_add_mapped(&woo->table, product);
    set_options(woo);
}

/* What variations say goes before what stands in the parent's row, which is often nothing. Borrows from both. */
static NtOffers merged(NtOffers own, const NtOffers *variations) {
    if (variations->price != NULL) {
        own.price = variations->price;
        own.before = variations->before;
    }
    if (variations->stocked) {
        own.stocked = true;
        own.stock = variations->stock;
    }
    if (variations->asked) {
        own.asked = true;
        own.available = variations->available;
    }
    return own;
}

static NtSourceStep give_product(NtSource *source, Woo *woo) {
    NtExport *product = &woo->product;
    const Parent *parent = own_entry(woo);
    g_autofree char *category = nt_export_deepest(cell(woo, CATEGORIES));
    nt_export_add_photos(product, cell(woo, IMAGES), 1);
    set_common(woo, NULL);
    set(woo, "category", CATEGORIES, category);
    set(woo, "brand", BRANDS, cell(woo, BRANDS));
    if (woo->columns[TAGS] >= 0) {
        nt_export_add_parts(product, "tags", cell(woo, TAGS));
    }
    set(woo, "group", PARENT, parent != NULL ? product->id : NULL);
    NtOffers own = {0};
    take_offer(woo, &own);
    NtOffers all = parent != NULL ? merged(own, &parent->offers) : own;
    set_offers(woo, &all);
    nt_offers_clear(&own);
    return nt_export_give(product, source);
}

/* Whether the variation has a photo that its parent has not. */
static bool has_own_photo(const Woo *woo, const Parent *parent) {
    for (size_t i = 0; i < nt_export_photo_count(&woo->product); i++) {
        guint hash = g_str_hash(nt_export_photo_name(&woo->product, i));
        bool shared = false;
        for (guint p = 0; parent->photos != NULL && p < parent->photos->len; p++) {
            shared |= g_array_index(parent->photos, guint, p) == hash;
        }
        if (!shared) {
            return true;
        }
    }
    return false;
}

/* Gives a variation out where it is a product of its own; *out_folded: it is not. */
static NtSourceStep give_variation(NtSource *source, Woo *woo, bool *out_folded) {
    NtExport *product = &woo->product;
    g_autofree char *key = parent_key(woo);
    const Parent *parent = find_parent(woo, key);
    nt_export_add_photos(product, cell(woo, IMAGES), 1);
    *out_folded = parent != NULL && parent->there && !has_own_photo(woo, parent);
    if (*out_folded) {
        return NT_SOURCE_PRODUCT;
    }
    if (parent == NULL || !parent->there) {
        product->open = false;
        g_autofree char *safe = nt_text_printable(key, 60);
        nt_row_begin(source, source->given, product->line);
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the variation's parent '%s' is not in the export", safe);
        return NT_SOURCE_FAULT;
    }
    set_common(woo, parent);
    set(woo, "category", CATEGORIES, parent->category);
    set(woo, "brand", BRANDS, parent->brand);
    set(woo, "group", PARENT, parent->id);
    NtOffers own = {0};
    take_offer(woo, &own);
    set_offers(woo, &own);
    nt_offers_clear(&own);
    return nt_export_give(product, source);
}

static NtSourceStep next_of_woocommerce(NtSource *source, GError **error) {
    Woo *woo = source->state;
    for (;;) {
        NtCsvStep step = nt_table_next(&woo->table, source, error);
        if (step != NT_CSV_RECORD) {
            return step == NT_CSV_END ? NT_SOURCE_END : step == NT_CSV_REFUSED ? NT_SOURCE_FAULT : NT_SOURCE_FAILED;
        }
        g_autofree char *id = row_id(woo);
        nt_export_begin(&woo->product, id, nt_csv_line(woo->table.csv));
        bool folded = false;
        NtSourceStep given = is_variation(woo) ? give_variation(source, woo, &folded) : give_product(source, woo);
        if (!folded) {
            return given;
        }
    }
}

static double share_of_woocommerce(const NtSource *source) {
    return nt_lines_share(nt_csv_lines(((const Woo *)source->state)->table.csv));
}

static void close_woocommerce(NtSource *source) {
    Woo *woo = source->state;
    if (woo != NULL) {
        nt_table_clear(&woo->table);
        nt_export_clear(&woo->product);
        g_hash_table_unref(woo->by_key);
        g_ptr_array_unref(woo->parents);
        g_free(woo);
    }
}

const NtSourceKind nt_source_woocommerce = {.name = "woocommerce",
                                            .open = open_woocommerce,
                                            .next = next_of_woocommerce,
                                            .share = share_of_woocommerce,
                                            .close = close_woocommerce};
