/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs are asked and answer: lists that are taken, and changes of model. */
#include "service/api-schema-parts.h"

static const ApiSchema counts_answer[] = {
    {"products", API_INTEGER, true, .text = "Taken."},
    {"added", API_INTEGER, true, .text = "Of them, new."},
    {"removed", API_INTEGER, true, .text = "By prune."},
    {"photos", API_INTEGER, true},
    {"embedded", API_INTEGER, true, .text = "Photos that went through the network."},
    {"failed", API_INTEGER, true, .text = "Rows and photos that could not be used."},
    {"reused", API_INTEGER, true, .text = "Photos whose content had a vector already."},
    {"identical", API_INTEGER, true, .text = "Of them, those that came twice in this list."},
    {"cut_short", API_INTEGER, true, .text = "Photos whose end is missing, taken nevertheless."},
    {"not_photos", API_INTEGER, true},
    {"hidden", API_INTEGER, true},
    {"seconds", API_NUMBER, true},
    {"embed_seconds", API_NUMBER, true},
    {"values_left_out", API_INTEGER, true, .text = "Values that did not fit their field's type."},
    {"fetched", API_INTEGER, true, .text = "Photos that were fetched from web addresses."},
    {"unchanged", API_INTEGER, true, .text = "Photos at web addresses that are as they were, as their hosts say."},
    {"stale", API_INTEGER, true, .text = "Products whose rows came late, by their versions."},
    {"passed_over", API_INTEGER, true, .text = "Products that are not as `if` asked."},
    END};

static const ApiSchema progress_answer[] = {{"done", API_INTEGER, true, .text = "Photos dealt with."},
                                            {"total", API_INTEGER, true, .text = "As far as known."},
                                            {"embedded", API_INTEGER, true},
                                            {"failed", API_INTEGER, true},
                                            {"rate", API_NUMBER, true, .text = "Photos a second."},
                                            {"remaining_seconds", API_NUMBER},
                                            END};

#define IMPORT_SETTINGS                                                                                                \
    {"format", API_TEXT,                                                                                               \
     .choices = (const char *const[]){"csv", "jsonl", "shopify", "woocommerce", "google-merchant", NULL},              \
     .text = "Told from the list when not given; shopify, woocommerce and google-merchant are shops' own exports."},   \
        {"source", API_TEXT, .least = 1, .most = 100,                                                                  \
         .text = "What the list is called from import to import; prune goes by it."},                                  \
        {"encoding", API_TEXT, .least = 1, .most = 40, .text = "UTF-8 when not given: cp932, latin1, utf-16, ..."},    \
        {"map",      API_ARRAY,   .items = &any_text,                                                                  \
         .least = 0, .most = 500, .text = "field=Column Name: the column that gives a field, such as id=SKU."},        \
        {"types",    API_ARRAY,   .items = &any_text,                                                                  \
         .least = 0, .most = 500, .text = "field=type: bool, integer, number, date, text or list."},                   \
        {"image_separator", API_TEXT, .least = 1, .most = 10,                                                          \
         .text = "What parts several photos in a cell; | when not given."},                                            \
        {"prune", API_BOOL, .text = "Remove products that an earlier list of this source had and this one has not."},  \
        {"version_from", API_TEXT, .least = 1, .most = 200,                                                            \
         .text = "The field that has each row's own version or time."},                                                \
        VERSION, IF, {                                                                                                 \
        "model", API_TEXT, .least = 1, .most = 100, .text = "Whose vectors are made; else the default one."            \
    }

const ApiSchema api_import_body = {.type = API_OBJECT, .members = (const ApiSchema[]){IMPORT_SETTINGS, END}};

#define RATE                                                                                                           \
    { "rate", API_NUMBER, .least = 0, .most = 1e6, .text = "Photos a second at most; 0, or not given: as it goes." }
#define CONNECTIONS                                                                                                    \
    {                                                                                                                  \
        "host_connections", API_INTEGER, .least = 0, .most = 64,                                                       \
                                         .text = "For photos at web addresses: to one host at once."                   \
    }
#define SWITCH_SETTINGS                                                                                                \
    {"prepare", API_BOOL, .text = "Embed and compare only; the model that is used stays."},                            \
        {"leave_out", API_BOOL, .text = "Switch although photos could not be embedded: they are in no answer then."},  \
    {                                                                                                                  \
        "label", API_TEXT, .least = 1, .most = 200,                                                                    \
                           .text = "Of the comparison: the field that tells what is alike; `category` when not given." \
    }
#define ALLOW_PRIVATE                                                                                                  \
    { "allow_private", API_BOOL, .text = "For the command line on this machine." }

const ApiSchema api_switch_body = {
    .type = API_OBJECT, .members = (const ApiSchema[]){SWITCH_SETTINGS, RATE, CONNECTIONS, ALLOW_PRIVATE, END}};
const ApiSchema api_back_body = {.type = API_OBJECT,
                                 .members = (const ApiSchema[]){RATE, CONNECTIONS, ALLOW_PRIVATE, END}};
static const ApiSchema job_settings[] = {
    IMPORT_SETTINGS,
    SWITCH_SETTINGS,
    RATE,
    CONNECTIONS,
    ALLOW_PRIVATE,
    {"pull", API_TEXT, .text = "Of a network that is had by name: which; its progress is in bytes."},
    {"switch", API_TEXT, .text = "Of a change of model: to which; \"\": back to the one before."},
    END};

static const ApiSchema network_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"name", API_TEXT, true},
                                   {"summary", API_TEXT, true},
                                   {"licence", API_TEXT, true, .text = "Of the weights."},
                                   {"trained_on", API_TEXT, true, true},
                                   {"road", API_TEXT, true, .text = "pip, or address: how it comes."},
                                   {"bytes", API_INTEGER, true, .text = "Of what is fetched."},
                                   {"sha256", API_TEXT, true, .text = "Of that."},
                                   {"page", API_TEXT, true, true, .text = "Where its publisher tells of it."},
                                   {"address", API_TEXT, true, true},
                                   END}};
const ApiSchema api_networks_answer = {
    .type = API_OBJECT, .members = (const ApiSchema[]){{"networks", API_ARRAY, true, .items = &network_answer}, END}};

static const ApiSchema compared_model[] = {
    {"model", API_TEXT, true},
    {"p1", API_NUMBER, .text = "Where a label tells what is right: the share of right first answers."},
    {"p5", API_NUMBER, .text = "The share of right ones among the first five."},
    {"better", API_INTEGER, .text = "For how many queries it had more of them than the other."},
    END};
static const ApiSchema judged_members[] = {
    {"old_better", API_INTEGER, true}, {"new_better", API_INTEGER, true}, {"neither", API_INTEGER, true}, END};
static const ApiSchema comparison_answer[] = {
    {"label", API_TEXT, true, true, .text = "The field that tells what is alike; null: there is none."},
    {"queries", API_INTEGER, true, .text = "Products that were asked for with both."},
    {"old", API_OBJECT, true, .members = compared_model},
    {"new", API_OBJECT, true, .members = compared_model},
    {"same", API_NUMBER, true, .text = "The share of the first five answers that both have."},
    {"different", API_ARRAY, true, .items = &any_text, .text = "Products on which they differ most."},
    {"judged", API_OBJECT, .members = judged_members, .text = "What people found who did not know which was which."},
    END};

const ApiSchema api_index_body = {.type = API_OBJECT,
                                  .members =
                                      (const ApiSchema[]){{"path", API_TEXT, true, .least = 1, .most = 4096},
                                                          {"photos", API_TEXT, .least = 1, .most = 4096},
                                                          {"format", API_TEXT},
                                                          {"encoding", API_TEXT},
                                                          {"model", API_TEXT},
                                                          {"image_separator", API_TEXT},
                                                          {"map", API_ARRAY, .items = &any_text},
                                                          {"types", API_ARRAY, .items = &any_text},
                                                          {"product_from_folder", API_BOOL},
                                                          {"prune", API_BOOL},
                                                          {"rehash", API_BOOL},
                                                          {"version", API_TEXT},
                                                          {"version_from", API_TEXT},
                                                          {"if", API_TEXT},
                                                          {"allow_private", API_BOOL},
                                                          {"host_connections", API_INTEGER, .least = 0, .most = 64},
                                                          END}};

const ApiSchema api_job_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"job", API_TEXT, true, .text = "Its id."},
        {"state", API_TEXT, true,
         .choices = (const char *const[]){"waiting", "queued", "running", "done", "failed", NULL},
         .text = "waiting: for its list, its photos and its start."},
        {"settings", API_OBJECT, true, .members = job_settings},
        {"created", API_TEXT, true},
        {"started", API_TEXT},
        {"finished", API_TEXT},
        {"list", API_BOOL, true, .text = "Whether the list was uploaded."},
        {"uploaded_photos", API_INTEGER, true},
        {"uploaded_bytes", API_INTEGER, true, .text = "Of the photos."},
        {"counts", API_OBJECT, true, .members = counts_answer},
        {"progress", API_OBJECT, .members = progress_answer, .text = "While it runs."},
        {"comparison", API_OBJECT, .members = comparison_answer, .text = "Of a change of model: what both answered."},
        {"message", API_TEXT, .text = "Why it failed."},
        {"error", API_INTEGER},
        END}};

const ApiSchema api_jobs_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"jobs", API_ARRAY, true, .items = &api_job_answer, .text = "The newest first."}, END}};

static const ApiSchema job_result = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"product", API_TEXT, .text = "Its id, where the row has one."},
                            {"line", API_INTEGER, true, .text = "Of the list, from 1."},
                            {"status", API_INTEGER, true, .text = "200: changed, 201: added, else what was wrong."},
                            {"code", API_TEXT},
                            {"detail", API_TEXT},
                            END}};

const ApiSchema api_job_results_answer = {
    .type = API_OBJECT,
    .members =
        (const ApiSchema[]){{"results", API_ARRAY, true, .items = &job_result},
                            {"next", API_INTEGER, .text = "Where there may be more: what to give as `after` for them."},
                            {"end", API_INTEGER, true, .text = "The same, also where there is no more yet."},
                            END}};

const ApiSchema api_job_results_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"limit", API_INTEGER, .least = 1, .most = 1000, .text = "How many; 100 when not given."},
        {"after", API_INTEGER, .least = 0, .most = 9e15, .text = "The `next` of the answer before."},
        {"failed", API_BOOL, .text = "Only what could not be used."},
        END}};
