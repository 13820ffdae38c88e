/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked: the one table that dispatches, checks and documents. A new address is a row here. */
#include "service/service-internal.h"

enum { MOST_K = 1000, MOST_ID = 1024, MOST_WHERE = 16384, MOST_IDS = 1000, MOST_DIMENSION = 65536 };

#define END                                                                                                            \
    { .name = NULL }

/* ---- parts of schemas ---- */

static const ApiSchema an_id = {.type = API_TEXT, .least = 1, .most = MOST_ID};
static const ApiSchema a_number = {.type = API_NUMBER};

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
#define SEARCH K, WHERE, THRESHOLD, MODEL, EXCLUDE, METADATA, TIMEOUT

static const ApiSchema only_key = {.type = API_OBJECT, .members = (const ApiSchema[]){KEY, END}};

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

static const ApiSchema results_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"model", API_TEXT, true, .text = "The model that compared."},
        {"products", API_ARRAY, true, .items = &found_answer, .text = "Best first."},
        {"partial", API_BOOL, true, .text = "The time was up before all products had been looked at."},
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

static const ApiSchema product_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"product", API_TEXT, true, .text = "Its id."},
                            {"metadata", API_OBJECT, true, .text = "Its fields; those that are missing are left out."},
                            {"photos", API_ARRAY, true, .items = &photo_answer},
                            END}};

static const ApiSchema products_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_ARRAY, true, .items = &product_answer, .text = "In the order of their ids."},
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

static const ApiSchema models_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"models", API_ARRAY, true, .items = &model_answer}, END}};

static const ApiSchema status_answer = {.type = API_OBJECT,
                                        .members = (const ApiSchema[]){{"status", API_TEXT, true}, END}};

static const ApiSchema limits_answer = {.type = API_OBJECT, .text = "Each limit by its name."};
static const ApiSchema document_answer = {.type = API_OBJECT, .text = "An OpenAPI 3.1 document."};

/* ---- what is asked ---- */

static const ApiSchema similar_query = {.type = API_OBJECT, .members = (const ApiSchema[]){SEARCH, KEY, END}};

static const ApiSchema vector_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"vector", API_ARRAY, true, .items = &a_number, .least = 1, .most = MOST_DIMENSION,
                                    .text = "As many numbers as the model's dimension."},
                                   SEARCH,
                                   END}};

static const ApiSchema image_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"photo", API_TEXT, .text = "The photo's bytes in base64 (in a form: the part with the file)."}, SEARCH, END}};

static const ApiSchema recommend_body = {
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

static const ApiSchema product_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"metadata", API_OBJECT,
         .text =
             "Fields of any name. title, category, brand, price, currency, stock, available, group, url, created and "
             "public mean something here.",
         .example = "{\"title\": \"Blue dress\", \"price\": 49.9, \"stock\": 3}"},
        END}};

static const ApiSchema list_query = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"limit", API_INTEGER, .least = 1, .most = 1000, .text = "How many; 100 when not given."},
                            {"after", API_TEXT, .least = 1, .most = MOST_ID, .text = "Begin behind this id."},
                            WHERE,
                            TIMEOUT,
                            KEY,
                            END}};

/* ---- the table ---- */

static const unsigned not_found[] = {404, 0};
static const unsigned photo_faults[] = {404, 413, 415, 422, 0};
static const unsigned body_faults[] = {404, 413, 415, 0};

const ApiRoute api_routes[] = {
    {.method = "GET",
     .path = "/v1/products/{id}/similar",
     .name = "similarProducts",
     .tag = "search",
     .summary = "Products that look like a product",
     .text = "The product itself is left out; a product with several photos counts once, by the best of them.",
     .access = API_PUBLISHABLE,
     .query = &similar_query,
     .answer = &results_answer,
     .faults = not_found,
     .run = api_run_similar},
    {.method = "POST",
     .path = "/v1/search/image",
     .name = "searchByImage",
     .tag = "search",
     .summary = "Products that look like a photo",
     .text =
         "The photo comes as multipart/form-data (the part 'photo', others beside it), as base64 in a JSON body, or as "
         "the body itself. It is not added to the catalogue.",
     .access = API_PUBLISHABLE,
     .place = API_EMBEDDER,
     .query = &only_key,
     .takes = API_PHOTO_BODY,
     .body = &image_body,
     .answer = &results_answer,
     .faults = photo_faults,
     .run = api_run_search_image},
    {.method = "POST",
     .path = "/v1/search/vector",
     .name = "searchByVector",
     .tag = "search",
     .summary = "Products nearest to a vector",
     .access = API_PUBLISHABLE,
     .query = &only_key,
     .takes = API_JSON_BODY,
     .body = &vector_body,
     .answer = &results_answer,
     .faults = body_faults,
     .run = api_run_search_vector},
    {.method = "POST",
     .path = "/v1/recommend",
     .name = "recommendByExamples",
     .tag = "search",
     .summary = "Products like some and unlike others",
     .access = API_PUBLISHABLE,
     .place = API_READER,
     .query = &only_key,
     .takes = API_JSON_BODY,
     .body = &recommend_body,
     .answer = &results_answer,
     .faults = body_faults,
     .run = api_run_recommend},

    {.method = "GET",
     .path = "/v1/products",
     .name = "listProducts",
     .tag = "products",
     .summary = "Products in the order of their ids",
     .access = API_SECRET,
     .place = API_READER,
     .query = &list_query,
     .answer = &products_answer,
     .faults = not_found,
     .run = api_run_products_list},
    {.method = "GET",
     .path = "/v1/products/{id}",
     .name = "getProduct",
     .tag = "products",
     .summary = "A product",
     .access = API_PUBLISHABLE,
     .query = &only_key,
     .answer = &product_answer,
     .faults = not_found,
     .run = api_run_product_get},
    {.method = "PUT",
     .path = "/v1/products/{id}",
     .name = "putProduct",
     .tag = "products",
     .summary = "Adds a product, or gives it new metadata as a whole",
     .access = API_SECRET,
     .place = API_WRITER,
     .takes = API_JSON_BODY,
     .body = &product_body,
     .answer = &product_answer,
     .faults = body_faults,
     .run = api_run_product_put},
    {.method = "PATCH",
     .path = "/v1/products/{id}",
     .name = "patchProduct",
     .tag = "products",
     .summary = "Changes fields of a product",
     .text = "Fields that are not given stay; null takes one away.",
     .access = API_SECRET,
     .place = API_WRITER,
     .takes = API_JSON_BODY,
     .body = &product_body,
     .answer = &product_answer,
     .faults = body_faults,
     .run = api_run_product_patch},
    {.method = "DELETE",
     .path = "/v1/products/{id}",
     .name = "deleteProduct",
     .tag = "products",
     .summary = "Removes a product",
     .text = "It is in no answer from then on.",
     .access = API_SECRET,
     .place = API_WRITER,
     .status = 204,
     .faults = not_found,
     .run = api_run_product_delete},

    {.method = "GET",
     .path = "/v1/models",
     .name = "listModels",
     .tag = "service",
     .summary = "The models that compare photos",
     .access = API_PUBLISHABLE,
     .place = API_READER,
     .query = &only_key,
     .answer = &models_answer,
     .run = api_run_models},
    {.method = "GET",
     .path = "/v1/limits",
     .name = "getLimits",
     .tag = "service",
     .summary = "The limits of the service",
     .access = API_PUBLISHABLE,
     .query = &only_key,
     .answer = &limits_answer,
     .run = api_run_limits},
    {.method = "GET",
     .path = "/healthz",
     .name = "isAlive",
     .tag = "service",
     .summary = "Whether the service lives",
     .access = API_ANYONE,
     .answer = &status_answer,
     .run = api_run_healthz},
    {.method = "GET",
     .path = "/readyz",
     .name = "isReady",
     .tag = "service",
     .summary = "Whether the service can answer",
     .access = API_ANYONE,
     .place = API_READER,
     .answer = &status_answer,
     .run = api_run_readyz},
    {.method = "GET",
     .path = "/metrics",
     .name = "getMetrics",
     .tag = "service",
     .summary = "Counters in Prometheus' text format",
     .access = API_SECRET,
     .type = "text/plain",
     .run = api_run_metrics},
    {.method = "GET",
     .path = "/openapi.json",
     .name = "getOpenapi",
     .tag = "service",
     .summary = "This document",
     .access = API_ANYONE,
     .answer = &document_answer,
     .run = api_run_openapi},
    {.method = NULL},
};
