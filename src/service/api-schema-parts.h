/* SPDX-License-Identifier: Apache-2.0 */
/* Parts that schemas have in common, for the files that hold these. */
#ifndef NT_SERVICE_SCHEMA_PARTS_H
#define NT_SERVICE_SCHEMA_PARTS_H

#include "service/api-schemas.h"

enum { MOST_K = 1000, MOST_ID = 1024, MOST_WHERE = 16384, MOST_IDS = 1000, MOST_DIMENSION = 65536 };
#define MOST_VERSION 9007199254740991.0 /* NT_VERSION_MOST */

#define END                                                                                                            \
    { .name = NULL }

static G_GNUC_UNUSED const ApiSchema any_text = {.type = API_TEXT};
static G_GNUC_UNUSED const ApiSchema any_number = {.type = API_INTEGER};
static G_GNUC_UNUSED const ApiSchema an_id = {.type = API_TEXT, .least = 1, .most = MOST_ID};
static G_GNUC_UNUSED const ApiSchema a_field = {.type = API_TEXT, .least = 1, .most = 200};
static G_GNUC_UNUSED const ApiSchema a_number = {.type = API_NUMBER, .least = -1e18, .most = 1e18};

#define K                                                                                                              \
    { "k", API_INTEGER, .least = 1, .most = MOST_K, .text = "How many products are wanted; 5 when not given." }
#define MODEL                                                                                                          \
    { "model", API_TEXT, .least = 1, .most = 100, .text = "The model that compares; else the default one." }
#define WHERE                                                                                                          \
    {                                                                                                                  \
        "where", API_TEXT, .least = 1, .most = MOST_WHERE,                                                             \
                           .text = "Only products that match this condition on their metadata.",                       \
                           .example = "\"price < 50 and category = 'Dress'\""                                          \
    }
#define THRESHOLD                                                                                                      \
    { "threshold", API_NUMBER, .least = 0, .most = 100, .text = "Only products of at least this score." }
#define EXCLUDE                                                                                                        \
    { "exclude", API_ARRAY, .items = &an_id, .least = 0, .most = MOST_IDS, .text = "Ids that are left out." }
#define METADATA                                                                                                       \
    { "metadata", API_BOOL, .text = "Whether products come with their metadata; true when not given." }
#define TIMEOUT                                                                                                        \
    {                                                                                                                  \
        "timeout_ms", API_INTEGER,                                                                                     \
            .least = 1, .most = 600000,                                                                                \
            .text = "When this time is up, what was found until then is the answer, with partial: true."               \
    }
#define KEY                                                                                                            \
    { "key", API_TEXT, .text = "A publishable key, where no Authorization header can be sent." }
#define SOLD_OUT                                                                                                       \
    {                                                                                                                  \
        "sold_out", API_BOOL,                                                                                          \
            .text = "Products that are sold out too (available false, or stock not above 0); else they are left out."  \
    }
#define GROUP                                                                                                          \
    { "group", API_BOOL, .text = "Products of one `group` (variants of a design) count once, by the best of them." }
/* The order of writes. */
#define VERSION                                                                                                        \
    {"version", API_INTEGER, .least = 1, .most = MOST_VERSION,                                                         \
     .text = "Of this write, growing for a product: writes of earlier versions that come later are refused (409 "      \
             "stale), and do not bring back what was removed."},                                                       \
    {                                                                                                                  \
        "time", API_TEXT, .least = 8, .most = 40,                                                                      \
                          .text = "Instead of `version`: when this write was made, such as "                           \
                                  "2026-01-31T08:30:00.250Z; kept as microseconds since 1970."                         \
    }
#define IF                                                                                                             \
    {                                                                                                                  \
        "if", API_TEXT, .choices = (const char *const[]){"absent", "present", NULL},                                   \
                        .text = "Only a product that is not there yet, or only one that is; else 412."                 \
    }

#define API_ACTIONS                                                                                                    \
    {                                                                                                                  \
        "actions", API_ARRAY, .items = &api_an_action, .least = 0, .most = 500,                                        \
                              .text = "What the visitor did beside what is stored. None of it is kept."                \
    }

#define SEARCH K, WHERE, SOLD_OUT, THRESHOLD, MODEL, GROUP, EXCLUDE, METADATA, TIMEOUT

#endif
