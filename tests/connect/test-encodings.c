/* SPDX-License-Identifier: Apache-2.0 */
/* Encodings of lists: told by their bytes, advised rightly, never obeyed where that makes rubbish. */
#include "connect-support.h"

#include <string.h>

/* Reads a list whose text is given in UTF-8, after turning it to `bytes_in`, as `encoding`. */
static char *read_in(const char *name, const char *text, const char *bytes_in, const char *encoding) {
    g_autoptr(GError) error = NULL;
    gsize size = 0;
    g_autofree char *bytes = g_convert(text, -1, bytes_in, "UTF-8", NULL, &size, &error);
    g_assert_no_error(error);
    const NtSourceOptions options = {.encoding = encoding};
    return read_list(name, bytes, (gssize)size, &options);
}

static void expect_in(const char *text, const char *bytes_in, const char *encoding, const char *expected) {
    g_autofree char *out = read_in("list.csv", text, bytes_in, encoding);
    g_assert_cmpstr(out, ==, expected);
}

/* The whole list is refused with an encoding by its name and three cells; obeying that reads it. */
static void test_advice(void) {
    static const struct {
        const char *bytes_in, *advised, *cells[3];
    } cases[] = {
        {"CP1252", "cp1252", {"Größe M", "Kleid – blau", "19.90 €"}},
        {"CP1252", "cp1252", {"Été", "élégante", "cœur"}},
        {"CP1252", "cp1252", {"GRÖßE", "ÄÖÜ", "niño"}},
        {"ISO-8859-1", "cp1252", {"blå", "kök", "ångström"}},
        {"CP932", "cp932", {"赤いドレス", "似てる", "Tシャツ"}},
        {"CP932", "cp932", {"大型鞄", "革靴", "①番"}},
        {"CP932", "cp932", {"ｼｬﾂ", "ﾄﾞﾚｽ", "ﾊﾞｯｸﾞ"}},
        {"EUC-JP", "euc-jp", {"赤いドレス", "似てる", "Tシャツ"}},
        {"EUC-JP", "euc-jp", {"大型鞄", "革靴", "婦人服"}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *const *cells = cases[i].cells;
        g_autofree char *list =
            g_strdup_printf("id,image,t\n1,p.jpg,%s\n2,p.jpg,%s\n3,p.jpg,%s\n", cells[0], cells[1], cells[2]);
        g_autofree char *jsonl = g_strdup_printf("{\"id\":1,\"image\":\"p\",\"t\":\"%s\"}\n{\"id\":2,\"t\":\"%s\"}\n"
                                                 "{\"id\":2,\"t\":\"%s\"}\n",
                                                 cells[0], cells[1], cells[2]);
        g_autofree char *refusal =
            g_strdup_printf("is not UTF-8; it reads as %s: '%s', '%s', '%s'; if that looks "
                            "right, name that encoding, else its own (gbk, cp1251, ...) or save it as UTF-8 "
                            "{encoding=%s}\n",
                            cases[i].advised, cells[0], cells[1], cells[2], cases[i].advised);
        g_autofree char *as_csv = g_strconcat("REFUSED list.csv: ", refusal, NULL);
        g_autofree char *as_jsonl = g_strconcat("REFUSED l.jsonl: ", refusal, NULL);
        expect_in(list, cases[i].bytes_in, NULL, as_csv);
        g_autofree char *out = read_in("l.jsonl", jsonl, cases[i].bytes_in, NULL);
        g_assert_cmpstr(out, ==, as_jsonl);
        g_autofree char *read =
            g_strdup_printf("2 1 [p.jpg] t=%s\n3 2 [p.jpg] t=%s\n4 3 [p.jpg] t=%s\n", cells[0], cells[1], cells[2]);
        expect_in(list, cases[i].bytes_in, cases[i].advised, read);
    }
}

/* One line in another encoding costs itself; the place and the column are named. */
static void test_mixed(void) {
    const char *list = "id,image,t\n1,p.jpg,Gr\xc3\xb6\xc3\x9f"
                       "e\n2,p.jpg,Gr\xf6\xdf"
                       "e\n3,p.jpg,\xc3\xa9\n";
    g_autofree char *out = read_list("list.csv", list, -1, NULL);
    g_assert_cmpstr(out, ==,
                    "2 1 [p.jpg] t=Größe\n"
                    "! 3 list.csv:3: column 3 't': not UTF-8, as other lines of the list are, but cp1252: 'Größe'; "
                    "save the list in one encoding\n4 3 [p.jpg] t=é\n");
    /* A byte order mark is no line in UTF-8. */
    g_autofree char *marked = read_list("list.csv", "\xef\xbb\xbfid,image,t\n1,p.jpg,\xe9\n2,p.jpg,\xe8\n", -1, NULL);
    g_assert_true(g_str_has_prefix(marked, "REFUSED list.csv: is not UTF-8; it reads as cp1252: 'é', 'è'"));
}

/* latin1 where cp1252 is meant makes control characters of euro signs. */
static void test_control(void) {
    expect_in("id,image,price\n1,p.jpg,\"19,90 €\"\n2,p.jpg,5 €\n", "CP1252", "latin1",
              "REFUSED list.csv: is not latin1 (which has control characters where this has bytes 0x80 to 0x9f); it "
              "reads as cp1252: '19,90 €', '5 €', '1'; if that looks right, name that encoding, else its own (gbk, "
              "cp1251, ...) or save it as UTF-8 {encoding=cp1252}\n");
    expect_in("id,image,price\n1,p.jpg,5 €\n2,p.jpg,é\n", "CP1252", "iso-8859-1",
              "! 2 list.csv:2: column 3 'price': holds the control character U+0080; in cp1252 it would be '5 €': "
              "name that encoding {encoding=cp1252}\n3 2 [p.jpg] price=é\n");
    expect_in("id,image\n1,\xc2\x85.jpg\n", "UTF-8", NULL, "2 1 [\xc2\x85.jpg]\n"); /* as it stands in UTF-8 */
    expect_in("id,image\n1,Größe.jpg\n", "UTF-8", "latin1",
              "REFUSED list.csv: is UTF-8, not latin1; name no encoding {encoding}\n");
    expect_in("id,image,t\n1,p.jpg,Größe\n2,p.jpg,weiß\n", "UTF-8", "cp932",
              "REFUSED list.csv: is UTF-8, not cp932; name no encoding {encoding}\n");
    expect_in("id,image\n1,赤.jpg\n", "UTF-8", "euc-jp",
              "! 2 list.csv:2: column 2 'image': not euc-jp; the list is UTF-8: name no encoding {encoding}\n");
}

static void test_names(void) {
    static const char *const shift_jis[] = {"cp932", "shift_jis", "Shift_JIS", "sjis", "windows-31j"};
    for (size_t i = 0; i < G_N_ELEMENTS(shift_jis); i++) {
        expect_in("id,image,題名\nア,a.jpg,①赤\\\n", "CP932", shift_jis[i], "2 ア [a.jpg] 題名=①赤\\\n");
    }
    expect_in("id,image,t\né,a.jpg,„ü“\n", "CP1252", "windows-1252", "2 é [a.jpg] t=„ü“\n");
    expect_in("id,image,t\né,a.jpg,ü\n", "ISO-8859-1", "latin1", "2 é [a.jpg] t=ü\n");
    expect_in("id,image,t\nア,a.jpg,赤\n", "EUC-JP", "euc-jp", "2 ア [a.jpg] t=赤\n");
    expect_in("id,image\n", "UTF-8", "klingon",
              "REFUSED there is no encoding 'klingon'; try utf-8, cp1252, cp932, euc-jp or utf-16 {encoding}\n");
    static const char broken[] = "id,image,\x91\xe8\n\x83\x41,a.jpg,\x90\xd4\nb\xff,b.jpg,x\nc,c.jpg,y\n";
    g_autofree char *out = read_list("list.csv", broken, -1, &(NtSourceOptions){.encoding = "cp932"});
    g_assert_cmpstr(out, ==,
                    "2 ア [a.jpg] 題=赤\n! 3 list.csv:3: column 1 'id': not cp932; is that its encoding? {encoding}\n"
                    "4 c [c.jpg] 題=y\n");
}

/* UTF-16: with a mark it is read as it is; without one it is advised by its byte order. */
static void test_wide(void) {
    static const char *const orders[] = {"UTF-16LE", "UTF-16BE"}, *const advised[] = {"utf-16le", "utf-16be"};
    const char *list = "id,image,t\né,a.jpg,赤\n";
    for (size_t i = 0; i < 2; i++) {
        g_autofree char *marked = g_strconcat("\ufeff", list, NULL);
        expect_in(marked, orders[i], NULL, "2 é [a.jpg] t=赤\n");
        expect_in(marked, orders[i], "utf-16", "2 é [a.jpg] t=赤\n");
        expect_in(marked, orders[i], advised[i], "2 é [a.jpg] t=赤\n");
        expect_in(marked, orders[i], "cp932",
                  "REFUSED list.csv: is UTF-16, as its byte order mark says; name no encoding {encoding}\n");
        expect_in(list, orders[i], advised[i], "2 é [a.jpg] t=赤\n");
        expect_in(list, orders[i], "utf-16", "2 é [a.jpg] t=赤\n");
        g_autofree char *refusal =
            g_strdup_printf("REFUSED list.csv: is UTF-16 without a byte order mark; it reads as "
                            "%s: 'é', '赤', 'id'; if that looks right, name that encoding {encoding=%s}\n",
                            advised[i], advised[i]);
        expect_in(list, orders[i], NULL, refusal);
    }
    expect_in("\ufeffid,image\n", "UTF-32LE", NULL, "REFUSED list.csv: is UTF-32; save it as UTF-8\n");
    expect_in("\ufeffid,image\n", "UTF-8", "latin1",
              "REFUSED list.csv: is UTF-8, as its byte order mark says; name no encoding {encoding}\n");
    g_autofree char *cut =
        read_list("list.csv", "\xff\xfei\0d\0,\0i\0m\0a\0g\0e\0\n\0x", 21, &(NtSourceOptions){.encoding = "utf-16"});
    g_assert_cmpstr(cut, ==, "! 2 list.csv:2: column 1 'id': not utf-16; is that its encoding? {encoding}\n");
}

/* A list of megabytes whose last lines are in another encoding. */
static void test_late(void) {
    g_autoptr(GString) list = g_string_new("id,image,t\n");
    for (int i = 0; i < 60000; i++) {
        g_string_append_printf(list, "p%d,a.jpg,plain\n", i);
    }
    g_string_append(list, "x,a.jpg,Gr\xf6\xdf"
                          "e\ny,a.jpg,wei\xdf\n");
    g_autofree char *out = read_list("list.csv", list->str, -1, NULL);
    g_assert_true(g_str_has_prefix(out, "REFUSED list.csv: is not UTF-8; it reads as cp1252: 'Größe', 'weiß'"));
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encodings/advice", test_advice);
    g_test_add_func("/encodings/mixed", test_mixed);
    g_test_add_func("/encodings/control", test_control);
    g_test_add_func("/encodings/names", test_names);
    g_test_add_func("/encodings/wide", test_wide);
    g_test_add_func("/encodings/late", test_late);
    return g_test_run();
}
