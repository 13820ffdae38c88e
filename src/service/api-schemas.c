/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and answered, as schemas: answers, then parameters and bodies; those of jobs are in
 * api-schemas-jobs.c. */
#include "service/api-schema-parts.h"

const ApiSchema api_write_query = {.type = API_OBJECT, .members = (const ApiSchema[]){VERSION, END}};
const ApiSchema api_put_query = {.type = API_OBJECT, .members = (const ApiSchema[]){VERSION, IF, END}};

const ApiSchema api_only_key = {.type = API_OBJECT, .members = (const ApiSchema[]){TIMEOUT, KEY, END}};

/* ---- answers ---- */

static const ApiSchema matched_answer[] = {{"number", API_INTEGER, true, .text = "Its place among the photos, from 0."},
                                           {"url", API_TEXT, true, .text = "Where it is, relative to this service."},
                                           END};

static const ApiSchema found_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"product", API_TEXT, true, .text = "Its id."},
        {"score", API_NUMBER, true, .least = 0, .most = 100,
         .text = "100: the identical photo; 0: the median random pair of the catalogue."},
        {"word", API_TEXT, true,
         .choices =
             (const char *const[]){"nearly the same", "very alike", "alike", "loosely alike", "not alike", "", NULL},
         .text = "The score in a word; empty where words were searched for."},
        {"photo", API_OBJECT, .members = matched_answer,
         .text = "Which of its photos matched; not there where it has none."},
        {"detail", API_OBJECT, true,
         .members = (const ApiSchema[]){{"raw", API_NUMBER, true, .text = "The metric's own value."}, END}},
        {"metadata", API_OBJECT, .text = "Its fields, unless they were not wanted."},
        END}};

const ApiSchema api_results_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"model", API_TEXT, .nullable = true, .text = "The model that compared; null where none did."},
        {"rec_id", API_TEXT, .text = "Where the answer was logged: what events about it give."},
        {"products", API_ARRAY, true, .items = &found_answer, .text = "Best first."},
        {"partial", API_BOOL, true, .text = "The time was up before all products had been looked at."},
        {"upload", API_TEXT,
         .text = "Where a photo was searched with: for 15 minutes at most it can be named by this."},
        {"near", API_ARRAY, .text = "Where a condition matched nothing: what is near it."},
        {"not_here", API_BOOL,
         .text = "The shop sells nothing like this photo: no product is as near as its own are to each other."},
        {"nearest", API_ARRAY, .items = &a_number,
         .text = "Where nothing like it is sold: the scores of those nearest."},
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
                            {"version", API_INTEGER, .text = "Of the last write that had one."},
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
                                   {"previous", API_BOOL, .text = "The one that was the default before."},
                                   {"width", API_INTEGER, .text = "Of the photos its network takes."},
                                   {"height", API_INTEGER, .text = "Of the photos its network takes."},
                                   END}};

const ApiSchema api_models_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"models", API_ARRAY, true, .items = &model_answer}, END}};

const ApiSchema api_status_answer = {.type = API_OBJECT,
                                     .members = (const ApiSchema[]){{"status", API_TEXT, true}, END}};

static const ApiSchema vote_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"product", API_TEXT, true, .text = "Its id."},
                                   {"value", API_ANY, true, .nullable = true, .text = "Its own; null: it has none."},
                                   {"elected", API_ANY, true, .text = "What its neighbours have."},
                                   {"share", API_NUMBER, true, .least = 0, .most = 1, .text = "Of their votes."},
                                   END}};

const ApiSchema api_votes_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"votes", API_ARRAY, true, .items = &vote_answer, .text = "Products whose neighbours have another value."},
        {"looked_at", API_INTEGER, true, .text = "How many products were."},
        {"next", API_TEXT, .text = "Where there may be more: what to give as `after` for them."},
        END}};

const ApiSchema api_flags_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_INTEGER, true},
        {"no-photo", API_INTEGER, true},
        {"unreadable", API_INTEGER, true, .text = "One of the photos could not be used."},
        {"duplicate", API_INTEGER, true, .text = "Another product shows the same photo, byte for byte."},
        {"never-shown", API_INTEGER,
         .text =
             "No impression in the last four weeks, to the week, as of a minute ago; not there when nothing had one."},
        {"never-clicked", API_INTEGER, .text = "Likewise: 100 impressions and more, and no click."},
        END}};

const ApiSchema api_undo_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"product", API_TEXT, true, .text = "Its id."},
        {"there", API_BOOL, true, .text = "Whether there is such a product now."},
        {"warnings", API_ARRAY, .items = &any_text, .text = "Photos that are gone, and values that did not fit."},
        END}};

const ApiSchema api_session_body = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"key", API_TEXT, true, .least = 1, .most = 200}, END}};

const ApiSchema api_session_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"access", API_TEXT, true, .choices = (const char *const[]){"none", "publishable", "secret", "admin", NULL},
         .text = "The kind of key that what the asker may do needs."},
        {"signed_in", API_BOOL, true, .text = "By a session, and not by an address where no key is needed."},
        {"csrf", API_TEXT, .text = "In a session: what X-CSRF-Token must have where something is changed."},
        END}};

const ApiSchema api_limits_answer = {.type = API_OBJECT, .text = "Each limit by its name."};
const ApiSchema api_document_answer = {.type = API_OBJECT, .text = "An OpenAPI 3.1 document."};

/* ---- what is asked ---- */

const ApiSchema api_similar_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        SEARCH,
        {"log", API_INTEGER, .least = 0, .most = 1,
         .text = "1: the answer gets a rec_id and is logged, so that events can be counted for it."},
        {"session", API_TEXT, .least = 1, .most = 200, .text = "With `log`: to whom."},
        {"user", API_TEXT, .least = 1, .most = 200, .text = "With `log`: to whom; strangers give a signature."},
        {"signature", API_TEXT, .least = 66, .most = 100, .text = "See recommendToUser."},
        {"scenario", API_TEXT, .least = 1, .most = 64, .text = "With `log`: the place of the shop; else `similar`."},
        KEY,
        END}};

const ApiSchema api_vector_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"vector", API_ARRAY, true, .items = &a_number, .least = 1, .most = MOST_DIMENSION,
                                    .text = "As many numbers as the model's dimension."},
                                   SEARCH,
                                   END}};

/* As long as the most that a setting may allow, and a data: address around it. */
#define PHOTO                                                                                                          \
    {                                                                                                                  \
        "photo", API_TEXT, .least = 1, .most = 1.5e9,                                                                  \
                           .text = "The photo's bytes in base64 (in a form: the part with the file)."                  \
    }
#define SHARE(name, what)                                                                                              \
    { name, API_NUMBER, true, .least = 0, .most = 1, .text = what }
/* A part has some width. */
#define EXTENT(name, what)                                                                                             \
    { name, API_NUMBER, true, .least = 1e-6, .most = 1, .text = what }
static const ApiSchema box_members[] = {SHARE("x", "Its left edge."), SHARE("y", "Its upper edge."),
                                        EXTENT("width", "Its width."), EXTENT("height", "Its height."), END};

const ApiSchema api_image_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        PHOTO,
        {"upload", API_TEXT, .least = 1, .most = 100,
         .text = "Instead of a photo: the id that an earlier search gave one."},
        {"not_here", API_BOOL,
         .text = "Whether a photo of something that is not sold gets an empty answer; true when not given, unless "
                 "there is a box."},
        {"box", API_OBJECT, .members = box_members,
         .text = "Only this part of the photo, as fractions of its width and height."},
        SEARCH,
        END}};

const ApiSchema api_text_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"text", API_TEXT, true, .least = 1, .most = 1024,
                                    .text = "Words of the title, other texts or the id; the last may be a beginning."},
                                   K,
                                   WHERE,
                                   SOLD_OUT,
                                   GROUP,
                                   THRESHOLD,
                                   EXCLUDE,
                                   METADATA,
                                   TIMEOUT,
                                   END}};

const ApiSchema api_photo_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"w", API_INTEGER, .least = 1, .most = 1024,
         .text = "As a JPEG of at most this width and height, or the next of 64, 128, 256, 384, 512, 768, 1024."},
        KEY,
        END}};

const ApiSchema api_facets_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"fields", API_ARRAY, true, .items = &a_field, .least = 1, .most = 50, .text = "Whose values are counted."},
        WHERE,
        SOLD_OUT,
        {"limit", API_INTEGER, .least = 1, .most = 1000,
         .text = "Values of each field, the most frequent; 20 when not given."},
        TIMEOUT,
        END}};

const ApiSchema api_facets_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_INTEGER, true, .text = "Products that match."},
        {"fields", API_OBJECT, true,
         .text = "For each field its type, values with their numbers of products, how many values are not listed "
                 "(others), how many products have none (missing); of numbers and dates the least and the most."},
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
             "public mean something here. A text that is empty or blank is no value, as null is none.",
         .example = "{\"title\": \"Blue dress\", \"price\": 49.9, \"stock\": 3}"},
        END}};

static const ApiSchema batch_item = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"product", API_TEXT, true, .least = 1, .most = MOST_ID, .text = "Its id."},
                                   {"metadata", API_OBJECT, .text = "Its fields."},
                                   VERSION,
                                   END}};

const ApiSchema api_batch_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_ARRAY, true, .items = &batch_item, .least = 1, .most = MOST_IDS},
        {"mode", API_TEXT, .choices = (const char *const[]){"put", "patch", NULL},
         .text = "put (when not given): metadata as a whole, products that are not there are added; patch: fields that "
                 "are given."},
        IF,
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

const ApiSchema api_remove_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"products", API_ARRAY, .items = &an_id, .least = 0, .most = 100000,
         .text = "Ids; those that are not there do not matter."},
        {"where", API_TEXT, .least = 1, .most = MOST_WHERE, .text = "And those that match this condition."},
        VERSION,
        END}};

const ApiSchema api_remove_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"removed", API_INTEGER, true, .text = "How many were there."},
        {"stale", API_INTEGER, .text = "Of a write with a version: how many stay, being of a later one."},
        END}};

const ApiSchema api_photo_body = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){PHOTO,
                            {"address", API_TEXT, .least = 8, .most = 8192,
                             .text = "Instead: the http or https address of the photo, which is fetched now and kept."},
                            END}};

static const ApiSchema a_whole = {.type = API_INTEGER};

const ApiSchema api_map_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        MODEL,
        {"field", API_TEXT, .least = 1, .most = 200, .text = "Whose values are told with the points."},
        {"limit", API_INTEGER, .least = 1, .most = 100000, .text = "How many points; 100,000 when not given."},
        END}};

const ApiSchema api_map_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"model", API_TEXT, true},
        {"share", API_NUMBER, true, .least = 0, .most = 1, .text = "Of the vectors' variance, that the map has."},
        {"names", API_ARRAY, true, .items = &any_text, .text = "The values of the field that most points have."},
        {"values", API_ARRAY, true, .items = &a_whole,
         .text = "For each point the number of its value in `names`; or -1."},
        {"x", API_ARRAY, true, .items = &a_whole, .text = "From -10,000 to 10,000."},
        {"y", API_ARRAY, true, .items = &a_whole, .text = "From -10,000 to 10,000."},
        {"products", API_ARRAY, true, .items = &any_text, .text = "Their ids."},
        END}};

const ApiSchema api_judgement_body = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"product", API_TEXT, true, .least = 1, .most = MOST_ID, .text = "That was searched with."},
                            {"a", API_TEXT, true, .least = 1, .most = 100, .text = "A model."},
                            {"b", API_TEXT, true, .least = 1, .most = 100, .text = "Another."},
                            {"better", API_TEXT, true, .choices = (const char *const[]){"a", "b", "neither", NULL}},
                            END}};

static const ApiSchema judged_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"a", API_TEXT, true},
                            {"b", API_TEXT, true},
                            {"a_better", API_INTEGER, true},
                            {"b_better", API_INTEGER, true},
                            {"neither", API_INTEGER, true},
                            {"share", API_NUMBER, .text = "Of a, where one was better."},
                            {"low", API_NUMBER, .text = "Where that share lies with 95 % (Wilson): from here ..."},
                            {"high", API_NUMBER, .text = "... to here."},
                            END}};

const ApiSchema api_judgements_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"pairs", API_ARRAY, true, .items = &judged_answer}, END}};

static const ApiSchema audit_entry = {
    .type = API_OBJECT, .text = "Further members are what the path names: photo number, job, model.", .members = NULL};

const ApiSchema api_audit_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"entries", API_ARRAY, true, .items = &audit_entry, .text = "The oldest first; see doc/operation.md."},
        {"damaged", API_INTEGER, true, .text = "Lines of the log that could not be read."},
        {"next", API_TEXT, .text = "Where the next page begins; not there on the last one."},
        END}};

static const ApiSchema size_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"name", API_TEXT, true}, {"bytes", API_INTEGER, true}, END}};

static const ApiSchema preset_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"name", API_TEXT, true}, {"text", API_TEXT, true}, END}};

static const ApiSchema minute_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"time", API_INTEGER, true, .text = "Its beginning, in seconds since 1970."},
                                   {"count", API_INTEGER, true},
                                   {"p50_ms", API_NUMBER, true},
                                   {"p95_ms", API_NUMBER, true},
                                   {"p99_ms", API_NUMBER, true},
                                   END}};

static const ApiSchema fault_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"time", API_INTEGER, true, .text = "In seconds since 1970."},
                                   {"level", API_TEXT, true},
                                   {"message", API_TEXT, true},
                                   END}};

const ApiSchema api_engine_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"version", API_TEXT, true},
        {"uptime_seconds", API_INTEGER, true},
        {"cores", API_INTEGER, true},
        {"resident_bytes", API_INTEGER, true, .text = "Memory of the process."},
        {"memory", API_OBJECT, true, .text = "What is left of the machine's, or of what it allows to the service.",
         .members = (const ApiSchema[]){{"short", API_BOOL, true, .text = "Writes and searches by photo are refused."},
                                        {"total_bytes", API_INTEGER, .text = "Not there where it cannot be told."},
                                        {"available_bytes", API_INTEGER},
                                        {"reserve_bytes", API_INTEGER, true, .text = "What is to be left."},
                                        {"refused", API_INTEGER, true, .text = "So many were, since the start."},
                                        END}},
        {"sizes", API_ARRAY, true, .items = &size_answer, .text = "What takes room, in memory or on disk."},
        {"queues", API_OBJECT, true,
         .members = (const ApiSchema[]){{"connections", API_INTEGER, true},
                                        {"waiting_reads", API_INTEGER, true},
                                        {"waiting_photos", API_INTEGER, true},
                                        {"waiting_writes", API_INTEGER, true},
                                        END}},
        {"presets", API_ARRAY, true, .items = &preset_answer, .text = "How photos can be made ready for a network."},
        {"latency", API_OBJECT, true,
         .text = "Minute by minute, for three hours at most; a percentile is at most 19 % too high.",
         .members = (const ApiSchema[]){{"searches", API_ARRAY, true, .items = &minute_answer},
                                        {"photo_searches", API_ARRAY, true, .items = &minute_answer},
                                        {"writes", API_ARRAY, true, .items = &minute_answer},
                                        END}},
        {"errors", API_ARRAY, true, .items = &fault_answer, .text = "The last of them, the newest first."},
        END}};

const ApiSchema api_model_answer = {
    .type = API_OBJECT, .text = "What GET /v1/models tells of it, its card, its network, and who made its vectors."};

const ApiSchema api_model_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"preset", API_TEXT, .least = 1, .most = 60, .text = "How photos are made ready; else told from the network."},
        {"output", API_TEXT, .least = 1, .most = 500, .text = "The tensor to take."},
        {"metric", API_TEXT, .choices = (const char *const[]){"cosine", "euclidean", "inner", NULL}},
        {"width", API_INTEGER, .least = 1, .most = 4096, .text = "When the network leaves its input open."},
        {"height", API_INTEGER, .least = 1, .most = 4096, .text = "When the network leaves its input open."},
        END}};

const ApiSchema api_speed_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"milliseconds_per_photo", API_NUMBER, true, .text = "Of the network alone, for one photo on all cores."},
        {"cores", API_INTEGER, true},
        END}};

const ApiSchema api_votes_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"field", API_TEXT, .least = 1, .most = 200, .text = "category when not given."},
        {"limit", API_INTEGER, .least = 1, .most = 500, .text = "How many products to look at; 100 when not given."},
        {"after", API_TEXT, .least = 1, .most = MOST_ID, .text = "Begin behind this id."},
        MODEL,
        TIMEOUT,
        END}};

const ApiSchema api_audit_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"since", API_TEXT, .least = 1, .most = 40, .text = "From this moment on (RFC 3339), or this day."},
        {"product", API_TEXT, .least = 1, .most = MOST_ID, .text = "Only entries that name this product."},
        {"limit", API_INTEGER, .least = 1, .most = 1000, .text = "How many; 100 when not given."},
        {"after", API_TEXT, .least = 1, .most = 64, .text = "`next` of the page before."},
        END}};

const ApiSchema api_list_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"limit", API_INTEGER, .least = 1, .most = 1000, .text = "How many; 100 when not given."},
        {"after", API_TEXT, .least = 1, .most = MOST_ID, .text = "Begin behind this id."},
        {"flag", API_TEXT,
         .choices = (const char *const[]){"no-photo", "unreadable", "duplicate", "never-shown", "never-clicked", NULL},
         .text = "Only products with which this is the matter."},
        WHERE,
        TIMEOUT,
        KEY,
        END}};
