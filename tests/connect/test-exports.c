/* SPDX-License-Identifier: Apache-2.0 */
/* Shops' own exports in tables: what becomes of their rows, and what is said of bad ones. */
#include "connect-support.h"

#include <string.h>

static void expect_with(const NtSourceOptions *options, const char *list, const char *expected) {
    g_autofree char *out = read_list("e.csv", list, -1, options);
    g_assert_cmpstr(out, ==, expected);
}

/* ---- Shopify ---- */

static const NtSourceOptions shopify = {.format = "shopify"};

static void expect_shopify(const char *list, const char *expected) { expect_with(&shopify, list, expected); }

#define SHOPIFY                                                                                                        \
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"    \
    "Option2 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,"              \
    "Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image,Status\n"

/* Rows of a Handle are one product: the lowest price, all that is in stock, every photo in its place. */
static void test_shopify(void) {
    expect_shopify(
        SHOPIFY "dress,Red <b>dress</b>,\"<p>Soft&nbsp;&amp; light.</p><ul><li>Silk</li></ul>\",Acme,Apparel > Dresses,"
                "Dresses,\"summer, silk\",true,Color,Red,Size,S,D-S,shopify,2,deny,30.00,40.00,a.jpg,2,front,,active\n"
                "dress,,,,,,,,,Red,,M,D-M,shopify,-1,deny,25.00,35.00,b.jpg,1,back,v.jpg,\n"
                "dress,,,,,,,,,,,,,,,,,,c.jpg,3,,,\n"
                "mug,Mug,,Acme,Home > Mugs,,,true,Title,Default Title,,,M-1,,,deny,9.00,,m.jpg,1,,,active\n",
        "2 dress [b.jpg a.jpg c.jpg v.jpg] title=Red dress description=Soft & light. Silk brand=Acme category=Dresses "
        "tags=[\"summer\", \"silk\"] url=/products/dress public=true skus=[\"D-S\", \"D-M\"] color=[\"Red\"] "
        "size=[\"S\", \"M\"] price=25.00 regular_price=35.00 stock=2 available=true\n"
        "5 mug [m.jpg] title=Mug description= brand=Acme category=Home > Mugs tags= url=/products/mug public=true "
        "skus=[\"M-1\"] price=9.00 regular_price= stock= available=true\n");
    /* Names of columns since 2024. */
    expect_shopify(
        "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,"
        "Option1 name,Option1 value,Price,Compare-at price,Inventory tracker,Inventory quantity,"
        "Continue selling when out of stock,Product image URL,Image position,Variant image URL\n"
        "Hat,hat,A hat,Acme,,Hats,,TRUE,Draft,H1,Color,Blue,12.5,,shopify,0,DENY,h.jpg,1,\n"
        ",hat,,,,,,,,H2,,Green,12.5,,shopify,0,CONTINUE,,,\n",
        "2 hat [h.jpg] title=Hat description=A hat brand=Acme category=Hats tags= url=/products/hat "
        "public=false skus=[\"H1\", \"H2\"] color=[\"Blue\", \"Green\"] price=12.5 regular_price= stock=0 "
        "available=true\n");
}

#define SHORT "Handle,Title,Variant SKU,Variant Inventory Qty,Variant Price,Image Src,Option1 Name,Option1 Value\n"

/* What a shop may do to its export. */
static void test_shopify_odd(void) {
    /* Prices in words, a product without photos, a row that only goes on, an option with one of niteru's names. */
    expect_shopify(SHORT "a,A,s1,,call us,a.jpg,,\na,,s2,,\"1.200,50\",,,\n,,,,,a2.jpg,,\n",
                   "2 a [a.jpg a2.jpg] title=A url=/products/a "
                   "skus=[\"s1\", \"s2\"] price=1.200,50 regular_price= stock= available=\n");
    expect_shopify(SHORT "b,B,,,ask,,Price,Low\n",
                   "2 b [] title=B url=/products/b "
                   "skus= price_option=[\"Low\"] price=ask regular_price= stock= available=\n");
    /* Handles in two cases, told once; an address with a comma of its own. */
    expect_shopify("Handle,Title,Image Src\nA,One,1.jpg\na,Two,\"2,3.jpg\"\nA,Three,\n",
                   "2 A [1.jpg] title=One url=/products/A\n"
                   "! 3 e.csv:3: the Handles 'A' (line 2) and 'a' differ in case only; they are two products here, as "
                   "are others like these\n"
                   "3 a [2,3.jpg] title=Two url=/products/a\n"
                   "4 A [] title=Three url=/products/A\n");
    /* Rows that stand apart from their product; a first row that is missing or refused; no Handle; cut off. */
    expect_shopify("Handle,Title,Image Src\na,A,a.jpg\nb,B,b.jpg\na,,a2.jpg\nc,,c.jpg\n,D,d.jpg\ne,E\"x,e.jpg\ne,,f.jpg"
                   "\nf,F",
                   "2 a [a.jpg] title=A url=/products/a\n"
                   "3 b [b.jpg] title=B url=/products/b\n"
                   "! 4 e.csv:4: rows of the Handle 'a', which begins on line 2, stand apart from it and are left out; "
                   "sort the export by Handle\n"
                   "! 5 e.csv:5: the Handle 'c' begins with a row that has no Title; the row before it, which has, is "
                   "missing or was refused\n"
                   "! 6 e.csv:6: the row has no Handle\n"
                   "! 7 e.csv:7: cell 2: a quote inside a cell that is not in quotes; write \"12\"\" plate\" for 12\" "
                   "plate\n"
                   "! 9 e.csv:9: the export ends in the middle of this row (2 of 3 cells, no line end): it is cut off; "
                   "export it again, or end the row with a line end\n"
                   "! 8 e.csv:8: the Handle 'e' begins with a row that has no Title; the row before it, which has, is "
                   "missing or was refused\n");
}

/* ---- WooCommerce ---- */

static const NtSourceOptions woocommerce = {.format = "woocommerce"};

static void expect_woo(const char *list, const char *expected) { expect_with(&woocommerce, list, expected); }

#define WOO                                                                                                            \
    "ID,Type,SKU,Name,Published,Visibility in catalog,Short description,Description,Date sale price starts,"           \
    "Date sale price ends,In stock?,Stock,Backorders allowed?,Sale price,Regular price,Categories,Tags,Images,Parent," \
    "Attribute 1 name,Attribute 1 value(s),Attribute 2 name,Attribute 2 value(s),Brands\n"

/* Variations count towards their parent, wherever they stand; one with a photo of its own is a product. */
static void test_woocommerce(void) {
    expect_woo(
        WOO
        "10,simple,MUG,Mug &amp; cup,1,visible,<p>Short</p>,,,,1,7,0,8,10,\"Home, Home > Kitchen > Mugs\",\"a, b\","
        "\"m1.jpg, m2.jpg\",,Colour,\"Red, Sky\\, blue\",,,Acme\n"
        "12,variation,H-R,Hoodie - Red,1,visible,,,,,1,3,0,,45,,,red.jpg,HOOD,Color,Red,,,\n"
        "11,variable,HOOD,Hoodie,1,visible,,\"Warm\\n\",,,1,,0,,,Clothing > Hoodies,,\"h1.jpg, h2.jpg\",,Color,"
        "\"Red, Blue\",Logo,Yes,\n"
        "13,variation,H-B,Hoodie - Blue,1,visible,,,2001-01-01,2001-02-01,0,2,0,20,40,,,h2.jpg,id:11,Color,Blue,,,\n"
        "14,variation,H-G,Hoodie - Green,1,visible,,,,2999-01-01,1,,0,39.5,42,,,,id: 11,Color,Green,,,\n"
        "15,simple,,Draft,-1,visible,,,,,0,,0,,ask,,,,,,,,,\n"
        "16,external,E,Elsewhere,1,hidden,,,,,backorder,,0,,5,,,e.jpg,,,,,,\n",
        "2 10 [m1.jpg m2.jpg] title=Mug & cup description=Short sku=MUG url=/?p=10 public=true colour=[\"Red\", \"Sky, "
        "blue\"] category=Home > Kitchen > Mugs brand=Acme tags=[\"a\", \"b\"] group= price=8 regular_price=10 stock=7 "
        "available=true\n"
        "3 12 [red.jpg] title=Hoodie - Red description= sku=H-R url=/?p=11 public=true color=[\"Red\"] "
        "category=Clothing > Hoodies brand= group=11 price=45 regular_price= stock=3 available=true\n"
        "4 11 [h1.jpg h2.jpg] title=Hoodie description=Warm sku=HOOD url=/?p=11 public=true color=[\"Red\", \"Blue\"] "
        "logo=[\"Yes\"] category=Clothing > Hoodies brand= tags= group=11 price=39.5 regular_price=42 stock=5 "
        "available=true\n"
        "7 15 [] title=Draft description= sku= url=/?p=15 public=false category= brand= tags= group= price=ask "
        "regular_price= stock= available=false\n"
        "8 16 [e.jpg] title=Elsewhere description= sku=E url=/?p=16 public=false category= brand= tags= group= price=5 "
        "regular_price= stock= available=true\n");
}

static void test_woocommerce_odd(void) {
    /* Addresses part at a comma before a blank or another address; others are the address's own. */
    expect_woo(
        "ID,Type,Name,Images\n1,simple,A,\"https://cdn.example/w_300,h_300/a.jpg, https://cdn.example/b.jpg?x=1,2"
        ",https://cdn.example/c.jpg,\"\n",
        "2 1 [https://cdn.example/w_300,h_300/a.jpg https://cdn.example/b.jpg?x=1,2 https://cdn.example/c.jpg] "
        "title=A url=/?p=1\n");
    const NtSourceOptions semicolons = {.format = "woocommerce", .separator = ";"};
    expect_with(&semicolons, "ID,Type,Name,Images\n1,simple,A,\"a,1.jpg;b.jpg\"\n",
                "2 1 [a,1.jpg b.jpg] title=A url=/?p=1\n");
    expect_woo("SKU,Type,Name,Images\nA,simple,A,a.jpg\n,simple,B,b.jpg\nC,variation,C,c.jpg\n",
               "2 A [a.jpg] title=A sku=A\n! 3 e.csv:3: the product has no id\n"
               "! 4 e.csv:4: the variation's parent '' is not in the export\n");
    expect_woo("ID,Name,Images\n", "REFUSED e.csv: is not WooCommerce's product export: there is no column 'Type'; the "
                                   "columns are: ID, Name, Images\n");
    expect_woo(SHOPIFY, "REFUSED e.csv: is not WooCommerce's product export: there is no column 'ID' or 'SKU'; the "
                        "columns are: Handle, Title, Body (HTML), Vendor, Product Category, Type, Tags, Published, "
                        "Option1 Name, Option1 Value, Option2 Name, Option2 Value, Variant SKU, Variant Inventory "
                        "Tracker, Variant Inventory Qty, Variant Inventory Policy, Variant Price, Variant Compare At "
                        "Price, Image Src, Image Position, Image Alt Text, Variant Image, Status; it looks like "
                        "Shopify's product export {format=shopify}\n");
    /* Told from its header. */
    expect_with(NULL, "ID,Type,SKU,Name,Published,Images\n5,simple,S,N,0,https.jpg\n",
                "2 5 [https.jpg] title=N sku=S url=/?p=5 public=false\n");
}

/* ---- which format ---- */

static void test_which(void) {
    expect_with(NULL, "Handle,Title,Image Src\na,A,a.jpg\n", "2 a [a.jpg] title=A url=/products/a\n");
    const NtSourceOptions csv = {.format = "csv"};
    expect_with(&csv, "Handle,Title,Image Src\na,A,a.jpg\n",
                "REFUSED e.csv: no column 'id'; the columns are: Handle, Title, Image Src; it looks like Shopify's "
                "product export, which the format shopify reads {format=shopify}\n");
    const char *own[] = {"id=Handle", "image=Image Src", NULL}, *more[] = {"colour=Shade", NULL},
               *none[] = {"colour=Tint", NULL};
    const NtSourceOptions mapped = {.map = own}, preset = {.format = "shopify", .map = own}, added = {.map = more},
                          missing = {.map = none};
    expect_with(&mapped, "Handle,Title,Image Src\na,A,a.jpg\n", "2 a [a.jpg] Title=A\n");
    expect_with(&preset, "Handle,Title,Image Src\na,A,a.jpg\n",
                "REFUSED the format shopify says itself where 'id' stands; map other fields, or read the list as csv "
                "{map}\n");
    expect_with(&added, "Handle,Title,Image Src,Shade\na,A,a.jpg,Sky\n",
                "2 a [a.jpg] title=A url=/products/a colour=Sky\n");
    expect_with(
        &missing, "Handle,Title,Image Src,Shade\n",
        "REFUSED e.csv: no column 'Tint', which the map names; the columns are: Handle, Title, Image Src, Shade "
        "{map}\n");
    expect_shopify("id,image\n", "REFUSED e.csv: is not Shopify's product export: there is no column 'Handle' (or 'URL "
                                 "handle'); the columns are: id, image\n");
    expect_shopify("Handle,Title\n", "REFUSED e.csv: is not Shopify's product export: there is no column 'Image Src' "
                                     "(or 'Product image URL'); the columns are: Handle, Title\n");
    expect_shopify("", "REFUSED e.csv: empty; an export begins with a line that names its columns\n");
}

/* Two hundred products of three variants and three photos each, every cell in HTML. */
static void test_many(void) {
    g_autoptr(GString) list = g_string_new(SHOPIFY);
    for (int i = 0; i < 200; i++) {
        for (int v = 0; v < 3; v++) {
            g_string_append_printf(list,
                                   "p-%03d,%s,\"<div><p style=\"\"x\"\">Text &lt;%d&gt;</p></div>\",<b>Acme</b>,,"
                                   "<i>Kind</i>,,true,<u>Color</u>,<em>c%d</em>,,,S%d-%d,shopify,%d,deny,%d.50,,"
                                   "p%d-%d.jpg,%d,,,active\n",
                                   i, v == 0 ? "<h1>Title</h1>" : "", i, v, i, v, v, 30 - v, i, v, v + 1);
        }
    }
    g_autofree char *out = read_list("e.csv", list->str, -1, &shopify);
    g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 201);
    g_assert_cmpstr(lines[199], ==,
                    "599 p-199 [p199-0.jpg p199-1.jpg p199-2.jpg] title=Title description=Text <199> brand=Acme "
                    "category=Kind tags= url=/products/p-199 public=true skus=[\"S199-0\", \"S199-1\", \"S199-2\"] "
                    "color=[\"c0\", \"c1\", \"c2\"] price=28.50 regular_price= stock=3 available=true");
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_setenv("TMPDIR", "/tmp", TRUE);
    g_test_add_func("/exports/shopify", test_shopify);
    g_test_add_func("/exports/shopify-odd", test_shopify_odd);
    g_test_add_func("/exports/woocommerce", test_woocommerce);
    g_test_add_func("/exports/woocommerce-odd", test_woocommerce_odd);
    g_test_add_func("/exports/which", test_which);
    g_test_add_func("/exports/many", test_many);
    return g_test_run();
}
