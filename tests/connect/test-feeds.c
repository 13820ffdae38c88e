/* SPDX-License-Identifier: Apache-2.0 */
/* Merchant feeds, in XML and in cells: what becomes of their items, and what is said of hostile and broken ones. */
#include "connect-support.h"

#include <string.h>

static const NtSourceOptions merchant = {.format = "google-merchant"};

static void expect_sized(const char *name, const char *feed, gssize size, const char *expected) {
    g_autofree char *out = read_list(name, feed, size, &merchant);
    g_assert_cmpstr(out, ==, expected);
}

static void expect(const char *feed, const char *expected) { expect_sized("f.xml", feed, -1, expected); }

#define RSS                                                                                                            \
    "<?xml version=\"1.0\"?>\n<rss xmlns:g=\"http://base.google.com/ns/1.0\" "                                         \
    "version=\"2.0\"><channel><title>Shop</title>\n"
#define END "</channel></rss>\n"
/* What an item without more than an id and a photo has. */
#define NOTHING                                                                                                        \
    " title= description= url= brand= category= group= price= regular_price= available= condition= gtin= mpn= "        \
    "gender= "                                                                                                         \
    "age_group=\n"

static void test_rss(void) {
    expect(
        RSS
        "<item><g:id>TV_1</g:id><title>TV &amp; stand</title><description>&lt;p&gt;In &lt;b&gt;4K&lt;/b&gt;&lt;/p&gt;"
        "</description><link>https://shop.example/tv?a=1&amp;b=2</link><g:image_link>tv.jpg</g:image_link>\n"
        "<g:additional_image_link>back.jpg</g:additional_image_link>"
        "<g:additional_image_link> side.jpg, top.jpg </g:additional_image_link>\n"
        "<g:availability>in_stock</g:availability><g:price>159.00 USD</g:price><g:sale_price>99.5 USD</g:sale_price>"
        "<g:brand>Acme</g:brand><g:product_type>Home &gt; TV</g:product_type><g:google_product_category>404"
        "</g:google_product_category><g:item_group_id>TV</g:item_group_id><g:condition>new</g:condition>"
        "<g:gtin>00811571013579</g:gtin><g:mpn>M1</g:mpn><g:color>Black/Grey</g:color><g:size>L</g:size>"
        "<g:shipping><g:country>US</g:country><g:price>5 USD</g:price></g:shipping></item>\n"
        "<item><g:id>2</g:id><g:title><![CDATA[<h1>Two</h1>]]></g:title><g:image_link></g:image_link>"
        "<g:availability>out of stock</g:availability><g:price>10 USD</g:price><g:sale_price>5 USD</g:sale_price>"
        "<g:sale_price_effective_date>2001-01-01T00:00+0100/2001-02-01T00:00+0100</g:sale_price_effective_date>"
        "<g:google_product_category>Media &gt; Books</g:google_product_category></item>\n" END,
        "3 TV_1 [tv.jpg back.jpg side.jpg top.jpg] title=TV & stand description=In 4K url=https://shop.example/tv?a=1"
        "&b=2 brand=Acme category=Home > TV group=TV price=99.5 USD regular_price=159.00 available=true "
        "condition=new gtin=00811571013579 mpn=M1 gender= age_group= color=[\"Black\", \"Grey\"] size=[\"L\"]\n"
        "6 2 [] title=Two description= url= brand= category=Media > Books group= price=10 USD regular_price= "
        "available=false condition= gtin= mpn= gender= age_group=\n");
}

static void test_other_roots(void) {
    expect("<feed xmlns=\"http://www.w3.org/2005/Atom\" xmlns:g=\"http://base.google.com/ns/1.0\">\n<id>tag:feed</id>"
           "<entry><id>tag:entry</id><g:id>a</g:id><title>A</title><link rel=\"self\" href=\"no\"/>"
           "<link rel='alternate' href='https://shop.example/a'/><summary>S</summary><g:image_link>a.jpg</g:image_link>"
           "<g:availability>soon</g:availability></entry></feed>",
           "2 a [a.jpg] title=A description= url=https://shop.example/a brand= category= group= price= regular_price= "
           "available=soon condition= gtin= mpn= gender= age_group=\n");
    expect("<rdf:RDF xmlns:rdf='r' xmlns='p'><channel><items/></channel><item><id>r</id><image_link>r.jpg</image_link>"
           "</item></rdf:RDF>",
           "1 r [r.jpg]" NOTHING);
    /* Latin 1 and another encoding of single bytes, by their declarations; UTF-16 by its mark. */
    expect("<?xml version='1.0' encoding='ISO-8859-1'?><rss><item><id>Gr\xf6\xdf"
           "e</id><image_link>a.jpg</image_link></item>"
           "</rss>",
           "1 Größe [a.jpg]" NOTHING);
    expect("<?xml version='1.0' "
           "encoding='windows-1251'?><rss><item><id>\xcf</id><image_link>a.jpg</image_link></item></rss>",
           "1 П [a.jpg]" NOTHING);
    gsize size = 0;
    g_autofree char *wide = g_convert("\xef\xbb\xbf<rss><item><id>w</id><image_link>a.jpg</image_link></item></rss>",
                                      -1, "UTF-16LE", "UTF-8", NULL, &size, NULL);
    expect_sized("f.xml", wide, (gssize)size, "1 w [a.jpg]" NOTHING);
    expect("<?xml version='1.0' encoding='Shift_JIS'?><rss><item><id>a</id></item></rss>",
           "REFUSED f.xml:1: the feed is in an encoding that XML is not read in here; turn it into UTF-8 and say so in "
           "its first line\n");
}

/* Nothing that is declared is ever expanded. */
static void test_bombs(void) {
    expect("<?xml version='1.0'?>\n<!DOCTYPE rss [\n<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\n]>\n"
           "<rss><item><id>&b;</id></item></rss>",
           "REFUSED f.xml:3: declares the entity 'a'; feeds that do are refused, for a few lines of such can mean "
           "gigabytes; take the DOCTYPE out\n");
    expect("<!DOCTYPE rss [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><rss/>",
           "REFUSED f.xml:1: declares the entity 'p'; feeds that do are refused, for a few lines of such can mean "
           "gigabytes; take the DOCTYPE out\n");
    expect("<!DOCTYPE rss SYSTEM 'file:///etc/passwd'><rss><item><id>a</id></item></rss>", "1 a []" NOTHING);
    /* Nesting, and a tag that never ends. */
    g_autoptr(GString) deep = g_string_new(RSS "<item><id>a</id>");
    for (int i = 0; i < 100000; i++) {
        g_string_append(deep, "<x>");
    }
    expect(deep->str, "REFUSED f.xml:3: elements are nested deeper than 64\n");
    g_autoptr(GString) tag = g_string_new(RSS "<item><id>a</id></item><item x='");
    while (tag->len < 4000000) {
        g_string_append(tag, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    expect(tag->str,
           "3 a []" NOTHING "! 3 f.xml:3: a tag or comment begins here that is longer than 1048576 bytes (limit "
           "list-line)\n");
}

/* What cannot be read is told; what came before it stays, and so does what follows a product over a limit. */
static void test_broken(void) {
    expect(RSS "<item><g:id>a</g:id></item>\n<item><g:id>b</g:id><g:ti",
           "3 a []" NOTHING "! 4 f.xml:4: the feed ends in the middle: it is cut off; export it again\n");
    expect(RSS "<item><g:id>a</g:id></item>\n",
           "3 a []" NOTHING "! 4 f.xml:4: the feed ends in the middle: it is cut off; "
           "export it again\n");
    expect(RSS "<item><g:id>a</g:id></item>\n<item><g:id>b</id></item>" END,
           "3 a []" NOTHING
           "! 4 f.xml:4: column 16: not well-formed XML: mismatched tag; what follows cannot be read\n");
    expect(RSS "<item><g:id>a</g:id><title>x&nbsp;y</title></item>" END,
           "REFUSED f.xml:3: column 29: not well-formed XML: undefined entity (names such as &nbsp; are HTML's; write "
           "&#160;, or put HTML into <![CDATA[...]]>)\n");
    expect(RSS "<item><title>No id</title></item><item><g:id>b</g:id></item>" END,
           "! 3 f.xml:3: the product has no id\n3 b []" NOTHING);
    expect(RSS END, "");
    NtLimits limits = nt_limits_default();
    limits.list_field = 10;
    limits.list_line = 40;
    limits.list_columns = 3;
    const NtSourceOptions small = {.format = "google-merchant", .limits = &limits};
    g_autofree char *out = read_list(
        "f.xml",
        "<rss><item><id>a</id><title>12345678901</title></item>\n<item><id>b</id><x/><x/><x/></item>\n"
        "<item><id>c</id><x>1234567890</x><x>1234567890</x></item>\n<item><id>d</id></item>"
        "<item><id>1234567890</id><title>1234567890</title><x>123456789012345678901234567890</x></item></rss>",
        -1, &small);
    g_assert_cmpstr(out, ==,
                    "! 1 f.xml:1: <title> is longer than 10 bytes (limit list-field)\n"
                    "! 2 f.xml:2: more than 3 elements (limit list-columns)\n3 c []" NOTHING "4 d []" NOTHING
                    "! 4 f.xml:4: <x> is longer than 10 bytes (limit list-field)\n");
}

static void test_other_files(void) {
    expect("<!DOCTYPE html>\n<html><body>Moved</body></html>",
           "REFUSED f.xml:2: is not a Merchant feed: its first element is <html>; a feed is RSS (<rss>) or Atom "
           "(<feed>)\n");
    expect("<rss", "REFUSED f.xml:1: the feed ends in the middle: it is cut off; export it again\n");
    expect("", "REFUSED f.xml: empty; an export begins with a line that names its columns\n");
    expect("id,image\n",
           "REFUSED f.xml: is not a Merchant feed: there is no column 'title'; the columns are: id, image\n");
    expect("\x1f\x8b\x08", "REFUSED f.xml: is compressed with gzip; unpack it first (gunzip)\n");
    const NtSourceOptions shopify = {.format = "shopify"};
    g_autofree char *other = read_list("f.csv", "<rss><item/></rss>", -1, &shopify);
    g_assert_cmpstr(
        other, ==,
        "REFUSED f.csv: is not Shopify's product export: there is no column 'Handle' (or 'URL handle'); the "
        "columns are: <rss><item/></rss>; it looks like a Merchant feed {format=google-merchant}\n");
    /* Told from its first bytes, whatever its name. */
    g_autofree char *told = read_list("products", " <rss><item><id>a</id></item></rss>", -1, NULL);
    g_assert_cmpstr(told, ==, "1 a []" NOTHING);
}

/* The same in cells: tabs with spaces in the names, commas with underscores. */
static void test_cells(void) {
    expect_sized(
        "f.txt",
        "id\ttitle\tlink\timage link\tadditional image link\tavailability\tprice\titem group id\tcolor\tmy shade\n"
        "a\t6\" <b>pan</b>\thttps://shop.example/a\ta.jpg\tb.jpg,c.jpg\tpreorder\t12.00 EUR\tG\tRed\tx\n",
        -1,
        "2 a [a.jpg b.jpg c.jpg] title=6\" pan url=https://shop.example/a group=G price=12.00 EUR "
        "regular_price= available=true color=[\"Red\"]\n");
    const char *map[] = {"shade=my shade", NULL};
    const NtSourceOptions mapped = {.map = map};
    g_autofree char *out =
        read_list("f.csv", "id,title,image_link,price,my_shade\na,A,a.jpg,call us,Sky\n,B,,,\n", -1, &mapped);
    g_assert_cmpstr(out, ==,
                    "2 a [a.jpg] title=A price=call us regular_price= shade=Sky\n! 3 f.csv:3: the product has no id\n");
}

/* Two hundred items over several pieces of the file, in HTML that is escaped once. */
static void test_many(void) {
    g_autoptr(GString) feed = g_string_new(RSS);
    for (int i = 0; i < 200; i++) {
        g_string_append_printf(feed, "<item><g:id>i%d</g:id><g:image_link>%d.jpg</g:image_link><g:description>", i, i);
        for (int k = 0; k < 100; k++) {
            g_string_append(feed, "&lt;p&gt;word&lt;/p&gt;");
        }
        g_string_append(feed, "</g:description></item>\n");
    }
    g_string_append(feed, END);
    g_autofree char *out = read_list("f.xml", feed->str, -1, &merchant);
    g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 201);
    g_assert_true(g_str_has_prefix(lines[199], "202 i199 [199.jpg] title= description=word word "));
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_setenv("TMPDIR", "/tmp", TRUE);
    g_test_add_func("/feeds/rss", test_rss);
    g_test_add_func("/feeds/other-roots", test_other_roots);
    g_test_add_func("/feeds/bombs", test_bombs);
    g_test_add_func("/feeds/broken", test_broken);
    g_test_add_func("/feeds/other-files", test_other_files);
    g_test_add_func("/feeds/cells", test_cells);
    g_test_add_func("/feeds/many", test_many);
    return g_test_run();
}
