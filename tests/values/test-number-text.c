/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, money and dates as shops write them. */
#include "values/values.h"

#include <math.h>

static const struct {
    const char *text;
    char mark; /* of the column; 0: not known */
    double number;
    const char *currency;
} numbers[] = {
    /* plain */
    {"0", 0, 0, NULL},
    {"12", 0, 12, NULL},
    {"-12", 0, -12, NULL},
    {"+3", 0, 3, NULL},
    {"12.5", 0, 12.5, NULL},
    {" 12.5 ", 0, 12.5, NULL},
    {".5", 0, 0.5, NULL},
    {"1e-3", 0, 0.001, NULL},
    {"2.5E+2", 0, 250, NULL},
    {"-1e5", 0, -100000, NULL},
    /* money, as the guide writes it */
    {"¥3,980", 0, 3980, "JPY"},
    {"￥３，９８０", 0, 3980, "JPY"},
    {"3,980円", 0, 3980, "JPY"},
    {"1.299,00 €", 0, 1299, "EUR"},
    {"$12.50", 0, 12.5, "USD"},
    {"12,50 EUR", 0, 12.5, "EUR"},
    {"EUR 12,50", 0, 12.5, "EUR"},
    {"US$ 5", 0, 5, "USD"},
    {"-$5.00", 0, -5, "USD"},
    {"$-5.00", 0, -5, "USD"},
    {"£1,299.99", 0, 1299.99, "GBP"},
    {"R$ 1.299,90", 0, 1299.9, "BRL"},
    {"CHF 1'299.50", 0, 1299.5, "CHF"},
    {"1\u202f299,00\u00a0€", 0, 1299, "EUR"},
    {"1 299,00 kr", 0, 1299, "kr"},
    {"₹1,23,456.70", 0, 123456.7, "INR"},
    {"5,- €", 0, 5, "EUR"},
    {"₩12,000", 0, 12000, "KRW"},
    {"$5 USD", 0, 5, "USD"},
    /* both marks: the last is the decimal one */
    {"1.299,00", 0, 1299, NULL},
    {"1,299.00", 0, 1299, NULL},
    {"1.234.567,8", 0, 1234567.8, NULL},
    /* one mark, several times: groups */
    {"1.299.000", 0, 1299000, NULL},
    {"1,299,000", 0, 1299000, NULL},
    /* one mark, not three digits behind it: decimal */
    {"12,5", 0, 12.5, NULL},
    {"0,299", 0, 0.299, NULL},
    {"0.299", 0, 0.299, NULL},
    {"1234,567", 0, 1234.567, NULL},
    {"1.2990", 0, 1.299, NULL},
    /* could be either: alone, '.' is decimal and ',' groups */
    {"1.299", 0, 1.299, NULL},
    {"1,299", 0, 1299, NULL},
    /* could be either: what the column shows */
    {"1.299", ',', 1299, NULL},
    {"1,299", ',', 1.299, NULL},
    {"1.299", '.', 1.299, NULL},
    {"1,299", '.', 1299, NULL},
    /* could be either: prices have no third decimal ... */
    {"1.299 €", 0, 1299, "EUR"},
    {"$1,299", 0, 1299, "USD"},
    {"$1.299", '.', 1.299, "USD"},
    /* ... save where a dinar has them, and yen have none at all */
    {"KWD 1.250", 0, 1.25, "KWD"},
    {"¥1.299", '.', 1299, "JPY"},
    {"¥1,299", ',', 1299, "JPY"},
    /* one currency, written twice */
    {"$5 USD", 0, 5, "USD"},
    {"$5.00 CAD", 0, 5, "CAD"},
    {"EUR 5 €", 0, 5, "EUR"},
    {"kr 50 SEK", 0, 50, "SEK"},
    /* its own evidence is stronger than the column's */
    {"12,50", '.', 12.5, NULL},
};

static void test_numbers(void) {
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        double number = NAN;
        const char *currency = "?";
        g_test_message("%s", numbers[i].text);
        g_assert_true(nt_number_read(numbers[i].text, numbers[i].mark, &number, &currency));
        g_assert_cmpfloat_with_epsilon(number, numbers[i].number, 1e-9);
        g_assert_cmpstr(currency, ==, numbers[i].currency);
    }
}

static void test_not_numbers(void) {
    static const char *const texts[] = {
        "",
        " ",
        "abc",
        "12a",
        "0123",
        "007.5",
        "-01",
        "1.2.3",
        "1,23,4",
        "1,2,3",
        "12 34",
        "1..2",
        "1,",
        "5.",
        ",",
        "$",
        "EUR",
        "kr",
        "inf",
        "nan",
        "0x10",
        "1e999",
        "--5",
        "call us",
        "10-20",
        "$5 EUR",
        "€5 USD",
        "5\xe0\x9a",
        "090 1234 5678",
        "1,299.0.0",
        "1.299,0,0",
        "12 %",
        "2026-01-02",
        "1e",
        "e5",
        "$1e5",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        double number;
        g_autofree char *shown = g_strescape(texts[i], NULL);
        g_test_message("%s", shown);
        g_assert_false(nt_number_read(texts[i], 0, &number, NULL));
    }
    g_autofree char *endless = g_strnfill(100000, '9');
    double number;
    g_assert_false(nt_number_read(endless, 0, &number, NULL));
}

static void test_marks(void) {
    static const struct {
        const char *text;
        char mark;
    } cases[] = {{"1.299,00", ','},  {"1,299.00", '.'},  {"12,5", ','},   {"12.5", '.'},
                 {"1.299.000", ','}, {"1,299,000", '.'}, {"1.299", 0},    {"1,299", 0},
                 {"12", 0},          {"1.299 €", 0},     {"¥1,299", '.'}, {"x", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].text);
        g_assert_cmpint(nt_number_mark(cases[i].text), ==, cases[i].mark);
    }
}

static void test_dates(void) {
    static const struct {
        const char *text, *date;
    } cases[] = {{"2026-02-28", "2026-02-28"},
                 {" 2026/02/28 ", "2026-02-28"},
                 {"2024-02-29", "2024-02-29"},
                 {"2026-02-28T10:30", "2026-02-28T10:30:00Z"},
                 {"2026-02-28 10:30:05", "2026-02-28T10:30:05Z"},
                 {"2026-02-28T10:30:05.123Z", "2026-02-28T10:30:05Z"},
                 {"2026-03-01T08:00:00+09:00", "2026-02-28T23:00:00Z"},
                 {"2026-02-28T23:00:00-0500", "2026-03-01T04:00:00Z"},
                 {"0226-01-01T00:00", "0226-01-01T00:00:00Z"},
                 {"0001-01-01T00:00+09:00", NULL},
                 {"2026-02-29", NULL},
                 {"2026-13-01", NULL},
                 {"0000-01-01", NULL},
                 {"2026-2-1", NULL},
                 {"2026-02/01", NULL},
                 {"28.02.2026", NULL},
                 {"03/04/2026", NULL},
                 {"20260228", NULL},
                 {"2026-02-28x", NULL},
                 {"2026-02-28T25:00", NULL},
                 {"2026-02-28T10:30+99:00", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *date = NULL;
        g_test_message("%s", cases[i].text);
        g_assert_true(nt_date_read(cases[i].text, &date) == (cases[i].date != NULL));
        g_assert_cmpstr(date, ==, cases[i].date);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/number/read", test_numbers);
    g_test_add_func("/number/refused", test_not_numbers);
    g_test_add_func("/number/marks", test_marks);
    g_test_add_func("/date/read", test_dates);
    return g_test_run();
}
