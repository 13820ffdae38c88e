/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios as schemas: what is recommended in one place of the shop. */
#include "service/api-schema-parts.h"

#define CONDITION(what)                                                                                                \
    { "where", API_TEXT, .least = 1, .most = 8192, .text = what }
#define MOMENT(name, what)                                                                                             \
    { name, API_ANY, .text = what " Unix seconds, or a moment after RFC 3339." }

static const ApiSchema rule_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"rule", API_TEXT, true,
         .choices = (const char *const[]){"hide", "pin", "boost", "bury", "share", "cap", NULL}},
        CONDITION("Of which products: of all rules but a pin, and of a cap that has a field."),
        {"products", API_ARRAY, .items = &an_id, .least = 1, .most = 50, .text = "Of a pin: one place after another."},
        {"position", API_INTEGER, .least = 0, .most = 999, .text = "Of a pin: where the first one stands, from 0."},
        {"by", API_NUMBER, .least = 1, .most = 100,
         .text = "Of boost and bury: how much more, or less, that is worth."},
        {"share", API_NUMBER, .least = 0, .most = 1, .text = "Of the places: so many at least."},
        {"field", API_TEXT, .least = 1, .most = 200, .text = "Of a cap: so many of one value of this field."},
        {"most", API_INTEGER, .least = 0, .most = MOST_K, .text = "Of a cap: places."},
        MOMENT("from", "When it begins to hold:"),
        MOMENT("until", "When it ends:"),
        {"off", API_BOOL, .text = "Kept, but not in force."},
        {"note", API_TEXT, .most = 500, .text = "For people."},
        END}};

#define SOURCES(type, most_, what)                                                                                     \
    {"taste", type, .least = 0, .most = most_, .text = what}, {"recent", type, .least = 0, .most = most_},             \
        {"co-clicked", type, .least = 0, .most = most_}, {"bought-together", type, .least = 0, .most = most_},         \
        {"popular", type, .least = 0, .most = most_}, {"new", type, .least = 0, .most = most_},                        \
        {"any", type, .least = 0, .most = most_}, {"seen", type, .least = 0, .most = most_}, END
static const ApiSchema weight_members[] = {SOURCES(API_NUMBER, 10, "1 is as usual, 0 switches a source off.")};
static const ApiSchema place_members[] = {SOURCES(API_INTEGER, 100, "So many places at least are of this source.")};

#define SETTINGS                                                                                                       \
    {"k", API_INTEGER, .least = 1, .most = MOST_K,                                                                     \
     .text = "How many products, where who asks does not say; else 10."},                                              \
        {"diversity", API_NUMBER, .least = 0, .most = 1, .text = "Likewise; else 0.3."},                               \
        CONDITION("Only products that match, beside what who asks wants."),                                            \
        {"sources", API_OBJECT, .members = weight_members, .text = "How much each source of candidates is worth."},    \
        {"places", API_OBJECT, .members = place_members},                                                              \
        {"after_purchase", API_TEXT,                                                                                   \
         .choices = (const char *const[]){"similar", "complement", "hide-near-identical", NULL},                       \
         .text =                                                                                                       \
             "What becomes of products like those that were bought: shown as others are; not shown where they are "    \
             "very alike (75 and more); not shown where they are nearly the same (90 and more)."},                     \
        {"control_percent", API_INTEGER, .least = 0, .most = 100,                                                      \
         .text = "Of visitors who get the visual order only; else as the service has it."},                            \
        {"random_percent", API_INTEGER, .least = 0, .most = 100,                                                       \
         .text = "Of answers that are drawn by chance; else as the service has it."},                                  \
        {"rules",                                                                                                      \
         API_ARRAY,                                                                                                    \
         .items = &rule_body,                                                                                          \
         .least = 0,                                                                                                   \
         .most = 32,                                                                                                   \
         .text = "hide goes before pin, pin before cap, cap before share, share before boost and bury."},              \
    {                                                                                                                  \
        "note", API_TEXT, .most = 500, .text = "For people."                                                           \
    }
static const ApiSchema settings_members[] = {SETTINGS, END};
const ApiSchema api_scenario_body = {
    .type = API_OBJECT,
    .members = settings_members,
    .example =
        "{\"k\": 8, \"where\": \"stock > 0\", \"rules\": [{\"rule\": \"cap\", \"field\": \"brand\", \"most\": 2}]}"};
const ApiSchema api_scenario_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"if_version", API_INTEGER, .least = 0, .most = 1e15,
         .text = "Only this version is changed, 0: only where there is none; else 412. Without it whichever it is."},
        END}};

#define SCENARIO                                                                                                       \
    {"scenario", API_TEXT, true}, {"version", API_INTEGER, true}, {                                                    \
        "changed", API_NUMBER, true, .text = "Unix seconds."                                                           \
    }
static const ApiSchema scenario_members[] = {
    SCENARIO, {"settings", API_OBJECT, true, true, .text = "Null: it was removed with this version."}, END};
static const ApiSchema scenario_item = {.type = API_OBJECT, .members = scenario_members};
const ApiSchema api_scenario_answer = {.type = API_OBJECT, .members = scenario_members};
const ApiSchema api_scenarios_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"reported", API_BOOL, .text = "true: with the names that answers and events have; that reads their counts."},
        END}};
static const ApiSchema reported_item = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"scenario", API_TEXT, true}, {"answers", API_INTEGER, true, .text = "0: events name it only."}, END}};
const ApiSchema api_scenarios_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"scenarios", API_ARRAY, true, .items = &scenario_item, .text = "Those that have settings."},
        {"reported", API_ARRAY, .items = &reported_item,
         .text = "Of the last 90 days, whether they have settings or not: those with most answers first, at most 100."},
        END}};
const ApiSchema api_scenario_versions_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"versions", API_ARRAY, true, .items = &scenario_item, .text = "The newest first, 100 at most."}, END}};
const ApiSchema api_scenario_put_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"scenario", API_TEXT, true},
        {"version", API_INTEGER, true},
        {"warnings", API_ARRAY, true, .items = &any_text, .text = "What will hardly be meant so; it is in force."},
        END}};

const ApiSchema api_preview_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"settings", API_OBJECT, true, .members = settings_members, .text = "To be tried; nothing is stored."},
        {"user", API_TEXT, .least = 1, .most = 200, .text = "To whom; a user, a session, or who did these `actions`."},
        {"session", API_TEXT, .least = 1, .most = 200},
        API_ACTIONS,
        {"k", API_INTEGER, .least = 1, .most = 100, .text = "How many products; else as each has it."},
        {"at", API_ANY, .text = "When, for rules that have a time: Unix seconds, or RFC 3339; else now."},
        END}};
static const ApiSchema change_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"product", API_TEXT, true},
                                   {"before", API_INTEGER, true, true, .text = "Its position; null: not shown."},
                                   {"after", API_INTEGER, true, true},
                                   END}};
const ApiSchema api_preview_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"before", API_OBJECT, true, .text = "The answer with the settings that are in force."},
        {"after", API_OBJECT, true, .text = "The answer with those that are tried."},
        {"changes", API_ARRAY, true, .items = &change_answer, .text = "Products whose place differs."},
        {"warnings", API_ARRAY, true, .items = &any_text},
        END}};
