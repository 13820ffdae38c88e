/* SPDX-License-Identifier: Apache-2.0 */
/* The type of a column, by its values. */
#include "values/values.h"

#include <string.h>

static const struct {
    const char *name;
    const char *values; /* separated by "|" */
    const char *type;
    char mark;
    bool money;
} columns[] = {
    {"x", "", "text", 0, false},
    {"x", "n/a|-| ", "text", 0, false},
    {"x", "1|2|3", "integer", 0, false},
    {"x", "1|2.5|3", "number", '.', false},
    {"x", "1,5|2,25|1.000", "number", ',', false},
    {"x", "€ 5|7,50 €", "number", ',', true},
    {"x", "true|false|true", "bool", 0, false},
    {"x", "0|1|1", "integer", 0, false},
    {"available", "0|1|1", "bool", 0, false},
    {"available", "in stock|out of stock", "bool", 0, false},
    {"x", "2026-01-02|2026/03/04", "date", 0, false},
    {"x", "007|008", "text", 0, false},
    {"x", "red|2|3", "text", 0, false},
    {"price", "12|call us|13", "number", 0, false},
    {"Price", "12|call us|13", "number", 0, false},
    {"x", "[\"a\"]|[\"b\",\"c\"]", "list", 0, false},
    {"x", "[\"a\"]|b", "text", 0, false},
};

static void test_columns(void) {
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++) {
        NtEvidence evidence = {0};
        g_auto(GStrv) values = g_strsplit(columns[i].values, "|", -1);
        for (char **value = values; *value != NULL; value++) {
            nt_evidence_learn(&evidence, columns[i].name, *value, NULL);
        }
        g_test_message("%s: %s", columns[i].name, columns[i].values);
        g_assert_cmpstr(nt_field_type_name(nt_evidence_type(&evidence, columns[i].name)), ==, columns[i].type);
        g_assert_cmpint(nt_evidence_mark(&evidence), ==, columns[i].mark);
        g_assert_cmpint(evidence.money, ==, columns[i].money);
    }
}

/* One word among a hundred numbers is let pass, a code with a digit is not. */
static void test_odd(void) {
    static const char *const odd[] = {"sold", "A-17"}, *const types[] = {"integer", "text"};
    for (int which = 0; which < 2; which++) {
        NtEvidence evidence = {0};
        for (int i = 0; i < 100; i++) {
            nt_evidence_learn(&evidence, "x", i == 40 ? odd[which] : "5", NULL);
        }
        g_assert_cmpstr(nt_field_type_name(nt_evidence_type(&evidence, "x")), ==, types[which]);
    }
}

static void test_json(void) {
    static const struct {
        const char *json, *type;
    } cases[] = {{"[1, 2, null]", "integer"},    {"[1, 2.5]", "number"},  {"[true, false]", "bool"},
                 {"[[\"a\"], [\"b\"]]", "list"}, {"[\"a\", {}]", "text"}, {"[null]", "text"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(NtJson) values = nt_json_parse(cases[i].json, strlen(cases[i].json), "test", NULL, NULL);
        NtEvidence evidence = {0};
        for (size_t j = 0; j < nt_json_count(values); j++) {
            nt_evidence_learn(&evidence, "x", NULL, nt_json_at(values, j));
        }
        g_assert_cmpstr(nt_field_type_name(nt_evidence_type(&evidence, "x")), ==, cases[i].type);
    }
}

/* The name of a type leads back to it. */
static void test_names(void) {
    for (int type = NT_FIELD_BOOL; type <= NT_FIELD_LIST; type++) {
        g_assert_cmpint(nt_field_type_of_name(nt_field_type_name((NtFieldType)type)), ==, type);
    }
    g_assert_cmpint(nt_field_type_of_name("missing"), ==, NT_FIELD_MISSING);
    g_assert_cmpint(nt_field_type_of_name("money"), ==, NT_FIELD_MISSING);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/evidence/columns", test_columns);
    g_test_add_func("/evidence/odd", test_odd);
    g_test_add_func("/evidence/json", test_json);
    g_test_add_func("/evidence/names", test_names);
    return g_test_run();
}
