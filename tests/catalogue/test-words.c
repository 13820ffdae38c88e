/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of a text are: cases by hand, and what holds of any text at all. */
#include "catalogue-support.h"

#include <string.h>

static void expect(const char *text, const char *words) {
    g_autofree char *got = nt_words(text, NT_TEXT_BYTES);
    g_assert_cmpstr(got, ==, words);
}

static void test_letters(void) {
    expect("", "");
    expect(" -- !? \t\n", "");
    expect("Red T-Shirt (XL), 2nd", "red t shirt xl 2nd");
    expect("summer/dresses/red_01.JPG", "summer dresses red 01 jpg");
    expect("Été À LA MODE", "ete a la mode");
    expect("E\xcc\x81te\xcc\x81", "ete"); /* decomposed already */
    expect("Straße STRASSE", "strasse strasse");
    expect("ＲＥＤ　１２３ ﬁne ½", "red 123 fine 1 2");
    expect("ΑΘΗΝΑΣ Αθήνας Йогурт", "αθηνασ αθηνασ иогурт");
    expect("iPhone15 C++ 3.5mm", "iphone15 c 3 5mm");
    expect("❤️ love ©2026", "love 2026");
}

static void test_runs(void) {
    expect("赤", "赤");
    expect("花柄", "花柄 柄");
    expect("花柄ワンピース", "花柄 柄ワ ワン ンピ ピー ース ス");
    expect("ﾜﾝﾋﾟｰｽ ワンピース わんぴーす", "ワン ンピ ピー ース ス ワン ンピ ピー ース ス ワン ンピ ピー ース ス");
    expect("Tシャツ・黒", "t シャ ャツ ツ 黒");
    expect("か\xe3\x82\x99 が", "ガ ガ");                 /* か and the mark */
    expect("원피스 한복", "원피 피스 스 한복 복");        /* composed again */
    expect("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "한"); /* from its parts */
    expect("連衣裙red", "連衣 衣裙 裙 red");
    expect("人々 〇〇", "人々 々 〇〇 〇");
    expect("กางเกง", "กา าง งเ เก กง ง");
}

/* Long words are cut, long texts too, between characters. */
static void test_bounds(void) {
    g_autofree char *long_word = g_strnfill(100, 'x'), *cut = g_strnfill(64, 'x');
    g_autofree char *text = g_strconcat(long_word, " y", NULL), *words = g_strconcat(cut, " y", NULL);
    expect(text, words);
    g_autofree char *three = nt_words("ab cd 花", 5), *inside = nt_words("ab 花柄", 8);
    g_assert_cmpstr(three, ==, "ab cd");
    g_assert_cmpstr(inside, ==, "ab 花"); /* the limit stands within 柄 */
    expect("ab \xff cd", "");
    expect("ab \xe8\x8a", ""); /* its end is missing, and no limit cut it off */

    g_autoptr(GString) marks = g_string_new("a"); /* each second one belongs before the first: n * n steps */
    while (marks->len < NT_TEXT_BYTES - 4) {
        g_string_append(marks, "\xcc\x81\xcc\x96");
    }
    expect(marks->str, "a");
}

/* Whatever the text: words are valid, without what would be syntax, and stay what they are when they are words again,
 * but for runs. */
static void test_random(void) {
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    for (int turn = 0; turn < 20000; turn++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (int i = g_rand_int_range(random, 0, 20); i > 0; i--) {
            static const struct {
                gunichar from, to;
            } parts[] = {{1, 0x7f},        {0x80, 0x24f},    {0x300, 0x36f},     {0x370, 0x52f},    {0x5d0, 0x6ff},
                         {0x900, 0xe7f},   {0x1100, 0x11ff}, {0x2000, 0x2fff},   {0x3000, 0x30ff},  {0x4e00, 0x9fff},
                         {0xac00, 0xd7a3}, {0xf900, 0xffef}, {0x1d400, 0x1f6ff}, {0x20000, 0x2fa1f}};
            size_t part = (size_t)g_rand_int_range(random, 0, G_N_ELEMENTS(parts));
            g_string_append_unichar(
                text, (gunichar)g_rand_int_range(random, (gint32)parts[part].from, (gint32)parts[part].to));
        }
        g_autofree char *words = nt_words(text->str, NT_TEXT_BYTES);
        g_assert_true(g_utf8_validate(words, -1, NULL));
        for (const char *at = words; *at != '\0'; at++) {
            g_assert_true((unsigned char)*at >= 0x80 || g_ascii_isdigit(*at) || g_ascii_islower(*at) || *at == ' ');
        }
        g_assert_null(strstr(words, "  "));
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/words/letters", test_letters);
    g_test_add_func("/words/runs", test_runs);
    g_test_add_func("/words/bounds", test_bounds);
    g_test_add_func("/words/random", test_random);
    return g_test_run();
}
