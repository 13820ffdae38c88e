/* SPDX-License-Identifier: Apache-2.0 */
/* CSV lists: quoting, delimiters, encodings, and every way they can be broken. */
#include "connect-support.h"

#include <string.h>

static void expect_with(const char *list, gssize size, const NtSourceOptions *options, const char *expected) {
    g_autofree char *out = read_list("list.csv", list, size, options);
    g_assert_cmpstr(out, ==, expected);
}

static void expect(const char *list, const char *expected) { expect_with(list, -1, NULL, expected); }

static void test_plain(void) {
    expect("id,image,title,price\na,a.jpg,Red dress,12\nb,sub/b.jpg,,\n",
           "2 a [a.jpg] title=Red dress price=12\n3 b [sub/b.jpg] title= price=\n");
    expect("id,image\r\na,a.jpg\r\n\r\nb,b.jpg", "2 a [a.jpg]\n4 b [b.jpg]\n");
    expect("\xef\xbb\xbfid,image\na,a.jpg\n", "2 a [a.jpg]\n");
    expect(" ID , Image ,x\n a , a.jpg ,1\n", "2 a [a.jpg] x=1\n");
    expect("id,image,title\na,a.jpg\n", "2 a [a.jpg]\n");            /* short: the rest is missing */
    expect("id,image,,x\na,a.jpg,dropped,1\n", "2 a [a.jpg] x=1\n"); /* a column without a name */
    expect("id,image\n", "");
}

/* LF, CR LF, CR, and any of them in one list; a CR in quotes is a line end inside the cell. */
static void test_line_ends(void) {
    static const char two[] = "2 a [a.jpg] t=x\n3 b [b.jpg] t=y\n";
    expect("id,image,t\ra,a.jpg,x\rb,b.jpg,y\r", two);
    expect("id,image,t\ra,a.jpg,x\rb,b.jpg,y", two);
    expect("id,image,t\r\na,a.jpg,x\r\nb,b.jpg,y\r\n", two);
    expect("id,image,t\na,a.jpg,x\rb,b.jpg,y\r\n", two);
    expect("\r\rid,image,t\r\ra,\"a.jpg\",x\r", "5 a [a.jpg] t=x\n");
    expect("id,image,t\ra,a.jpg,\"x\ry\"\rb,b.jpg,z\r", "2 a [a.jpg] t=x\ny\n4 b [b.jpg] t=z\n");
    expect("id\timage\ra\ta.jpg\r", "2 a [a.jpg]\n");
    /* A CR LF that lies across two pieces of reading is one line end. */
    for (int shift = -1; shift <= 1; shift++) {
        g_autoptr(GString) list = g_string_new("id,image,t\r\na,a.jpg,");
        while ((int)list->len < 65535 + shift) {
            g_string_append_c(list, 'x');
        }
        g_string_append(list, "\r\nb,b.jpg,y\r\n");
        g_autofree char *out = read_list("list.csv", list->str, -1, NULL);
        g_assert_true(g_str_has_suffix(out, "xxx\n3 b [b.jpg] t=y\n"));
    }
}

/* Lines that end in CR only must not cost a search through the rest each. */
static void test_many_cr(void) {
    g_autoptr(GString) list = g_string_new("id,image,t\r");
    for (int i = 0; i < 20000; i++) {
        g_string_append_printf(list, "p%d,a.jpg,x\r", i);
    }
    g_autofree char *out = read_list("list.csv", list->str, -1, NULL);
    g_assert_true(g_str_has_suffix(out, "20001 p19999 [a.jpg] t=x\n"));
}

static void test_quotes(void) {
    expect("id,image,title\na,\"a, b.jpg\",\"12\"\" plate\"\n", "2 a [a, b.jpg] title=12\" plate\n");
    expect("id,image,title\na,a.jpg,\"two\nlines\"\nb,b.jpg,\"\"\n",
           "2 a [a.jpg] title=two\nlines\n4 b [b.jpg] title=\n");
    expect("\"id\",\"image\"\n\"a\",\"a.jpg\"\n", "2 a [a.jpg]\n");
    expect("id,image,html\na,a.jpg,\"=cmd()|<b>x</b>\"\n", "2 a [a.jpg] html==cmd()|<b>x</b>\n");
}

static void test_delimiters(void) {
    expect("id;image;price\na;a.jpg;12,50\n", "2 a [a.jpg] price=12,50\n");
    expect("id\timage\ttitle\na\ta.jpg\tone, two\n", "2 a [a.jpg] title=one, two\n");
    expect("sep=;\nid;image\na;a.jpg\n", "3 a [a.jpg]\n");
    expect("id;image;\"a,b,c,d\"\na;a.jpg;x\n", "2 a [a.jpg] a,b,c,d=x\n");
}

/* In a list parted by tabs quotes are text, unless the header shows that they are not. */
static void test_tabs(void) {
    expect("id\timage\ttitle\na\ta.jpg\tBlue 5\" heel\nb\tb.jpg\t\"quoted\" or \"\"\nc\tc.jpg\t\"\n",
           "2 a [a.jpg] title=Blue 5\" heel\n3 b [b.jpg] title=\"quoted\" or \"\"\n4 c [c.jpg] title=\"\n");
    expect("sep=\t\nid\timage\tt\na\ta.jpg\t\"x\ny\ty.jpg\tz\n", "3 a [a.jpg] t=\"x\n4 y [y.jpg] t=z\n");
    expect("\"id\"\t\"image\"\t\"t\"\n\"a\"\t\"a.jpg\"\t\"one\ttwo \"\"x\"\"\"\n", "2 a [a.jpg] t=one\ttwo \"x\"\n");
    expect("id,image,t\na,a.jpg,\"x\ty\"\n", "2 a [a.jpg] t=x\ty\n"); /* a comma list is as it was */
}

static void test_bad_quotes(void) {
    expect(
        "id,image,t\na,a.jpg,12\" plate\nb,b.jpg,x\n",
        "! 2 list.csv:2: cell 3: a quote inside a cell that is not in quotes; write \"12\"\" plate\" for 12\" plate\n"
        "3 b [b.jpg] t=x\n");
    expect("id,image,t\na,a.jpg,\"x\"y\nb,b.jpg,x\n",
           "! 2 list.csv:2: cell 3: text follows a closing quote; a quote inside quotes is doubled (\"\")\n"
           "3 b [b.jpg] t=x\n");
    /* Opened and never closed: the row is lost, the rest is not. */
    expect("id,image,t\na,a.jpg,\"x\nb,b.jpg,y\nc,c.jpg,z\n",
           "! 2 list.csv:2: cell 3: a quote is opened here and never closed\n3 b [b.jpg] t=y\n4 c [c.jpg] t=z\n");
    /* Closed by the next row's opening quote. */
    expect("id,image,t\na,a.jpg,\"x\nb,b.jpg,\"y, y\"\nc,c.jpg,z\n",
           "! 2 list.csv:2: cell 3: text follows a closing quote; a quote inside quotes is doubled (\"\")\n"
           "3 b [b.jpg] t=y, y\n4 c [c.jpg] t=z\n");
    /* Closed in a way that looks right, but the cells do not add up. */
    expect(
        "id,image,t\na,a.jpg,\"x\nb,b.jpg,y\",1\nc,c.jpg,z\n",
        "! 2 list.csv:2: 4 cells, where the header has 3; is a quote opened and not closed?\n"
        "! 3 list.csv:3: cell 3: a quote inside a cell that is not in quotes; write \"12\"\" plate\" for 12\" plate\n"
        "4 c [c.jpg] t=z\n");
    expect("id,image,\"t\na,a.jpg,x\n", "REFUSED list.csv:1: cell 3: a quote is opened here and never closed\n");
}

/* One stray quote on each of many lines, and one at the top of many: time must stay in proportion. */
static void test_many_bad_quotes(void) {
    g_autoptr(GString) list = g_string_new("id,image,t\n");
    for (int i = 0; i < 20000; i++) {
        g_string_append_printf(list, "p%d,a.jpg,%s\n", i, i % 2 == 0 ? "\"x" : "say \"\"hi\"\"");
    }
    char *folder = make_folder();
    g_autofree char *path = put_file(folder, "list.csv", list->str, (gssize)list->len);
    g_autoptr(NtSource) source = nt_source_open(path, NULL, NULL);
    g_assert_nonnull(source);
    NtListing listing;
    NtSourceStep step;
    size_t faults = 0;
    while ((step = nt_source_next(source, &listing, NULL)) != NT_SOURCE_END) {
        g_assert_cmpint(step, !=, NT_SOURCE_FAILED);
        faults += step == NT_SOURCE_FAULT;
    }
    g_assert_cmpuint(faults, >=, 10000);
    g_assert_cmpfloat(nt_source_share(source), ==, 1);
    drop_folder(folder);
}

static void test_rows(void) {
    expect("id,image,t\n,a.jpg,x\nb,,x\nc,c.jpg,1,2\nd,d.jpg,ok\n",
           "! 2 list.csv:2: the row has no id\n! 3 list.csv:3: the row has no image\n"
           "! 4 list.csv:4: 4 cells, where the header has 3\n5 d [d.jpg] t=ok\n");
    expect("id,image\na,\x83\x65.jpg\nb,b.jpg\n",
           "! 2 list.csv:2: column 2 'image': not UTF-8; it reads as cp932: 'テ.jpg', 'a'; if that looks right, name "
           "that encoding, else its own (gbk, cp1251, ...) or save it as UTF-8 {encoding=cp932}\n3 b [b.jpg]\n");
    expect_with("id,image\na,a\0b.jpg\nb,b.jpg\n", 26, NULL, "REFUSED list.csv: is not text: it holds NUL bytes\n");
    expect("id,image\na\tb,a.jpg\nb,b.jpg\n",
           "! 2 list.csv:2: the id 'a\\x09b' holds a control character\n3 b [b.jpg]\n");
    expect("id,image\na\xc2\x9b"
           "31m,a.jpg\n",
           "! 2 list.csv:2: the id 'a\\x9b31m' holds a control character\n");
    g_autofree char *id = g_strnfill(1025, 'i'), *list = g_strdup_printf("id,image\n%s,a.jpg\n%.1024s,a.jpg\n", id, id);
    g_autofree char *out = read_list("list.csv", list, -1, NULL);
    g_assert_true(g_str_has_prefix(out, "! 2 list.csv:2: the id '"));
    g_assert_nonnull(strstr(out, "\n3 iii"));
}

static void test_headers(void) {
    expect("", "REFUSED list.csv: empty; a list begins with a line that names its columns\n");
    expect("\n \n", "REFUSED list.csv: empty; a list begins with a line that names its columns\n");
    expect("sku,image\na,b\n",
           "REFUSED list.csv: no column 'id'; the columns are: sku, image; map the one that holds it, perhaps: id=sku "
           "{map=id=sku}\n");
    expect("Handle,Image Src\na,b\n",
           "REFUSED list.csv: no column 'id'; the columns are: Handle, Image Src; map "
           "the one that holds it, perhaps: id=Handle,image=Image Src {map=id=Handle,image=Image Src}\n");
    expect("x,image\na,b\n", "REFUSED list.csv: no column 'id'; the columns are: x, image; map the one that holds "
                             "it {map}\n");
    expect(
        "id,Product Image File - 1,Image Alt Text,Product Image File - 2\n",
        "REFUSED list.csv: no column 'image'; the columns are: id, Product Image File - 1, Image Alt Text, Product "
        "Image File - 2; map the one that holds it, perhaps: image=Product Image File - 1,image=Product Image File - 2 "
        "{map=image=Product Image File - 1,image=Product Image File - 2}\n");
    expect("商品コード,image\n",
           "REFUSED list.csv: no column 'id'; the columns are: 商品コード, image; map the one that "
           "holds it, perhaps: id=商品コード {map=id=商品コード}\n");
    expect("id,photo\na,b\n", "REFUSED list.csv: no column 'image'; the columns are: id, photo; map the one that holds "
                              "it, perhaps: image=photo "
                              "{map=image=photo}\n");
    /* A name that comes again keeps its values under another; an id is one only. */
    expect("id,image,tag,Tag,tag_2,tag,\n1,a.jpg,w,x,y,z,\n", "2 1 [a.jpg] tag=w Tag_2=x tag_2_2=y tag_3=z\n");
    expect("id,image,ID\n",
           "REFUSED list.csv:1: columns 1 and 3 are both 'ID', and a product has one id; rename one of "
           "them in the list\n");
    expect(
        "id,image,\xe9t\xe9\n",
        "REFUSED list.csv:1: column 3: not UTF-8; it reads as cp1252: 'été', 'id', 'image'; if that looks right, name "
        "that encoding, else its own (gbk, cp1251, ...) or save it as UTF-8 {encoding=cp1252}\n");
}

static void test_map(void) {
    const char *map[] = {"image=Image Src", "id=Handle", "title=Name", NULL};
    const NtSourceOptions options = {.map = map};
    expect_with("Handle,Image Src,Name,Size,title\na,a.jpg,Dress,L,ignored\n", -1, &options,
                "2 a [a.jpg] title=Dress Size=L\n");
    expect_with(
        "Handle,Name\n", -1, &options,
        "REFUSED list.csv: no column 'Image Src', which the map names for 'image'; the columns are: Handle, Name "
        "{map}\n");
    const char *several[] = {"image=Front", "image=Back", NULL};
    const NtSourceOptions two = {.map = several};
    expect_with("id,Front,Back\na,f.jpg,b.jpg\n", -1, &two, "2 a [f.jpg b.jpg]\n");
    const char *bad[] = {"image", NULL};
    const NtSourceOptions wrong = {.map = bad};
    expect_with("id,image\n", -1, &wrong, "REFUSED 'image' maps no column; write field=Column Name {map}\n");
}

/* An encoding's character that lies across two pieces of reading. */
static void test_piece_border(void) {
    for (int shift = 0; shift < 4; shift++) {
        g_autoptr(GString) list = g_string_new("id,image,t\n");
        while (list->len < 65530 + (gsize)shift) {
            g_string_append(list, "\n");
        }
        g_string_append(list, "a,a.jpg,\x91\xe8\x96\xbc\x91\xe8\x96\xbc\n");
        char *folder = make_folder();
        g_autofree char *path = put_file(folder, "list.csv", list->str, (gssize)list->len);
        const NtSourceOptions japanese = {.encoding = "cp932"};
        g_autofree char *out = read_all(folder, path, &japanese);
        g_assert_true(g_str_has_suffix(out, " a [a.jpg] t=題名題名\n"));
        drop_folder(folder);
    }
}

static void test_limits(void) {
    NtLimits limits = nt_limits_default();
    limits.list_line = 40;
    limits.list_field = 20;
    limits.list_columns = 3;
    const NtSourceOptions options = {.limits = &limits};
    /* field: limit - 1, limit, limit + 1 */
    for (int size = 19; size <= 21; size++) {
        g_autofree char *cell = g_strnfill((gsize)size, 'x');
        g_autofree char *list = g_strdup_printf("id,image,t\na,a.jpg,%s\nb,b.jpg,y\n", cell);
        g_autofree char *good = g_strdup_printf("2 a [a.jpg] t=%s\n3 b [b.jpg] t=y\n", cell);
        expect_with(
            list, -1, &options,
            size <= 20 ? good : "! 2 list.csv:2: cell 3 is longer than 20 bytes (limit list-field)\n3 b [b.jpg] t=y\n");
    }
    /* line */
    limits.list_field = 100;
    for (int size = 39; size <= 41; size++) {
        g_autofree char *pad = g_strnfill((gsize)(size - 20), ' ');
        g_autofree char *list = g_strdup_printf("id,image,t\na,a.jpg%s,123456789012\nb,b.jpg,y\n", pad);
        expect_with(list, -1, &options,
                    size <= 40 ? "2 a [a.jpg] t=123456789012\n3 b [b.jpg] t=y\n"
                               : "! 2 list.csv:2: longer than 40 bytes (limit list-line)\n3 b [b.jpg] t=y\n");
    }
    limits.list_field = 20;
    /* columns */
    expect_with("id,image,a\n", -1, &options, "");
    expect_with("id,image,a,b\n", -1, &options, "REFUSED list.csv:1: more than 3 columns (limit list-columns)\n");
    /* A quote that is not closed within the line limit. */
    expect_with("id,image,t\na,a.jpg,\"x\nb,b.jpg,1234567890\nc,c.jpg,1234567890\nd,d.jpg,z\n", -1, &options,
                "! 2 list.csv:2: cell 3 is longer than 20 bytes (limit list-field); is a quote opened and not closed?\n"
                "3 b [b.jpg] t=1234567890\n4 c [c.jpg] t=1234567890\n5 d [d.jpg] t=z\n");
    limits.list_field = 1000;
    expect_with("id,image,t\na,a.jpg,\"x\nb,b.jpg,1234567890\nc,c.jpg,1234567890\nd,d.jpg,z\n", -1, &options,
                "! 2 list.csv:2: cell 3: a quote is opened here and not closed within list-line\n"
                "3 b [b.jpg] t=1234567890\n4 c [c.jpg] t=1234567890\n5 d [d.jpg] t=z\n");
    /* A line that is too long within an open quote costs itself and the row that opened it. */
    g_autofree char *wide = g_strnfill(300000, 'w');
    g_autofree char *list = g_strdup_printf("id,image,t\na,a.jpg,\"x\n%s\nb,b.jpg,y\n", wide);
    expect_with(list, -1, &options,
                "! 2 list.csv:2: cell 3: a quote is opened here and not closed within list-line\n"
                "! 3 list.csv:3: longer than 40 bytes (limit list-line)\n4 b [b.jpg] t=y\n");
}

static void test_not_lists(void) {
    static const struct {
        const char *bytes;
        gssize size;
        const char *says;
    } cases[] = {
        {"\x1f\x8b\x08xxxx", -1, "gunzip"},       {"PK\x03\x04xxxx", -1, "Excel"},
        {"\x28\xb5\x2f\xfdxx", -1, "unzstd"},     {"\xff\xd8\xff\xe0", -1, "is a photo"},
        {"\x89PNG\r\n", -1, "is a photo"},        {"%PDF-1.4", -1, "is a PDF"},
        {"SQLite format 3", -1, "is a database"}, {"\x01\0\0\0\x02\0\xff\xee", 8, "NUL"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *out = read_list("list.csv", cases[i].bytes, cases[i].size, NULL);
        g_assert_true(g_str_has_prefix(out, "REFUSED list.csv: "));
        g_assert_nonnull(strstr(out, cases[i].says));
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/csv/plain", test_plain);
    g_test_add_func("/csv/line-ends", test_line_ends);
    g_test_add_func("/csv/many-cr", test_many_cr);
    g_test_add_func("/csv/quotes", test_quotes);
    g_test_add_func("/csv/delimiters", test_delimiters);
    g_test_add_func("/csv/tabs", test_tabs);
    g_test_add_func("/csv/bad-quotes", test_bad_quotes);
    g_test_add_func("/csv/many-bad-quotes", test_many_bad_quotes);
    g_test_add_func("/csv/rows", test_rows);
    g_test_add_func("/csv/headers", test_headers);
    g_test_add_func("/csv/map", test_map);
    g_test_add_func("/csv/piece-border", test_piece_border);
    g_test_add_func("/csv/limits", test_limits);
    g_test_add_func("/csv/not-lists", test_not_lists);
    return g_test_run();
}
