/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and answered, as schemas: parts first, then answers, then parameters and bodies. */
#include "service/schemas.h"

enum { MOST_K = 1000, MOST_ID = 1024, MOST_WHERE = 16384, MOST_IDS = 1000, MOST_DIMENSION = 65536 };

#define END                                                                                                            \
    { .name = NULL }

/* ---- parts of schemas ---- */

static const ApiSchema any_text = {.type = API_TEXT};
static const ApiSchema an_id = {.type = API_TEXT, .least = 1, .most = MOST_ID};
static const ApiSchema a_number = {.type = API_NUMBER, .least = -1e18, .most = 1e18};

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
#define GROUP                                                                                                          \
    { "group", API_BOOL, .text = "Products of one `group` (variants of a design) count once, by the best of them." }
#define SEARCH K, WHERE, THRESHOLD, MODEL, GROUP, EXCLUDE, METADATA, TIMEOUT

const ApiSchema api_only_key = {.type = API_OBJECT, .members = (const ApiSchema[]){KEY, END}};

/* ---- answers ---- */

static const ApiSchema found_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"product", API_TEXT, true, .text = "Its id."},
        {"score", API_NUMBER, true, .least = 0, .most = 100,
         .text = "100: the identical photo; 0: the median random pair of the catalogue."},
        {"word", API_TEXT, true,
         .choices = (const char *const[]){"nearly the same", "very alike", "alike", "loosely alike", "not alike", NULL},
         .text = "The score in a word."},
        {"detail", API_OBJECT, true,
         .members = (const ApiSchema[]){{"raw", API_NUMBER, true, .text = "The metric's own value."}, END}},
        {"metadata", API_OBJECT, .text = "Its fields, unless they were not wanted."},
        END}};

const ApiSchema api_results_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"model", API_TEXT, true, .text = "The model that compared."},
        {"products", API_ARRAY, true, .items = &found_answer, .text = "Best first."},
        {"partial", API_BOOL, true, .text = "The time was up before all products had been looked at."},
        {"upload", API_TEXT,
         .text = "Where a photo was searched with: for 15 minutes at most it can be named by this."},
        {"note", API_TEXT, .text = "Why the answer is empty, or that even its best is not alike."},
        {"took_ms", API_NUMBER, true, .text = "From the request's head to its answer."},
        END}};

static const ApiSchema photo_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"number", API_INTEGER, true, .text = "Its place among the product's photos, from 0."},
                            {"url", API_TEXT, true, .text = "Where it is, relative to this service."},
                            {"format", API_TEXT, .text = "jpeg, png, webp, ..."},
                            {"width", API_INTEGER, .text = "In pixels, upright."},
                            {"height", API_INTEGER, .text = "In pixels, upright."},
                            {"bytes", API_INTEGER, .text = "Of the file."},
                            {"error", API_TEXT, .text = "Why it could not be used."},
                            END}};

const ApiSchema api_product_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"product", API_TEXT, true, .text = "Its id."},
                            {"metadata", API_OBJECT, true, .text = "Its fields; those that are missing are left out."},
                            {"photos", API_ARRAY, true, .items = &photo_answer},
                            {"warnings", API_ARRAY, .items = &any_text,
                             .text = "After a write: values that did not fit and were left out."},
                            END}};

const ApiSchema api_products_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_ARRAY, true, .items = &api_product_answer, .text = "In the order of their ids."},
        {"next", API_TEXT, .text = "Where there may be more: what to give as `after` for them."},
        END}};

static const ApiSchema model_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"name", API_TEXT, true},
                                   {"dimension", API_INTEGER, true, .text = "Numbers of a vector."},
                                   {"dtype", API_TEXT, true, .text = "f2 or f4: how they are stored."},
                                   {"metric", API_TEXT, true, .text = "cosine, euclidean or inner."},
                                   {"vectors", API_INTEGER, true, .text = "How many it has."},
                                   {"default", API_BOOL, true},
                                   {"width", API_INTEGER, .text = "Of the photos its network takes."},
                                   {"height", API_INTEGER, .text = "Of the photos its network takes."},
                                   END}};

const ApiSchema api_models_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"models", API_ARRAY, true, .items = &model_answer}, END}};

const ApiSchema api_status_answer = {.type = API_OBJECT,
                                     .members = (const ApiSchema[]){{"status", API_TEXT, true}, END}};

const ApiSchema api_limits_answer = {.type = API_OBJECT, .text = "Each limit by its name."};
const ApiSchema api_document_answer = {.type = API_OBJECT, .text = "An OpenAPI 3.1 document."};

/* ---- what is asked ---- */

const ApiSchema api_similar_query = {.type = API_OBJECT, .members = (const ApiSchema[]){SEARCH, KEY, END}};

const ApiSchema api_vector_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"vector", API_ARRAY, true, .items = &a_number, .least = 1, .most = MOST_DIMENSION,
                                    .text = "As many numbers as the model's dimension."},
                                   SEARCH,
                                   END}};

#define SHARE(name, what)                                                                                              \
    { name, API_NUMBER, true, .least = 0, .most = 1, .text = what }
static const ApiSchema box_members[] = {SHARE("x", "Its left edge."), SHARE("y", "Its upper edge."),
                                        SHARE("width", "Its width."), SHARE("height", "Its height."), END};

const ApiSchema api_image_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"photo", API_TEXT, .text = "The photo's bytes in base64 (in a form: the part with the file)."},
        {"upload", API_TEXT, .least = 1, .most = 100,
         .text = "Instead of a photo: the id that an earlier search gave one."},
        {"box", API_OBJECT, .members = box_members,
         .text = "Only this part of the photo, as fractions of its width and height."},
        SEARCH,
        END}};

const ApiSchema api_recommend_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"positive", API_ARRAY, true, .items = &an_id, .least = 1, .most = 100,
         .text = "Ids of products that are liked."},
        {"negative", API_ARRAY, .items = &an_id, .least = 0, .most = 100, .text = "And of those that are not."},
        {"strategy", API_TEXT, .choices = (const char *const[]){"best", "average", NULL},
         .text = "best (when not given): near to any that is liked, unless nearer to one that is not; average: near to "
                 "what the liked have in common."},
        SEARCH,
        END}};

const ApiSchema api_product_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"metadata", API_OBJECT,
         .text =
             "Fields of any name. title, category, brand, price, currency, stock, available, group, url, created and "
             "public mean something here.",
         .example = "{\"title\": \"Blue dress\", \"price\": 49.9, \"stock\": 3}"},
        END}};

static const ApiSchema batch_item = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"product", API_TEXT, true, .least = 1, .most = MOST_ID, .text = "Its id."},
                                   {"metadata", API_OBJECT, .text = "Its fields."},
                                   END}};

const ApiSchema api_batch_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_ARRAY, true, .items = &batch_item, .least = 1, .most = MOST_IDS},
        {"mode", API_TEXT, .choices = (const char *const[]){"put", "patch", NULL},
         .text = "put (when not given): metadata as a whole, products that are not there are added; patch: fields that "
                 "are given."},
        END}};

static const ApiSchema outcome_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"product", API_TEXT, true},
                                   {"status", API_INTEGER, true, .text = "As its own request would have had."},
                                   {"code", API_TEXT},
                                   {"detail", API_TEXT},
                                   END}};

const ApiSchema api_batch_answer = {.type = API_OBJECT,
                                    .members =
                                        (const ApiSchema[]){{"products", API_ARRAY, true, .items = &outcome_answer,
                                                             .text = "In the order in which they were given."},
                                                            END}};

const ApiSchema api_photo_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"photo", API_TEXT, .text = "The photo's bytes in base64 (in a form: the part with the file)."}, END}};

const ApiSchema api_list_query = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"limit", API_INTEGER, .least = 1, .most = 1000, .text = "How many; 100 when not given."},
                            {"after", API_TEXT, .least = 1, .most = MOST_ID, .text = "Begin behind this id."},
                            WHERE,
                            TIMEOUT,
                            KEY,
                            END}};
