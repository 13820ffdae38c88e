/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and answered about visitors, as schemas. */
#include "service/api-schema-parts.h"

#define SIGNATURE                                                                                                      \
    {                                                                                                                  \
        "signature", API_TEXT, .least = 66, .most = 100,                                                               \
                               .text = "With a publishable key, of the shop's own server: UNIX-SECONDS.HEX, until "    \
                                       "when it holds, and HMAC-SHA256 of ID, a line feed and these seconds, keyed "   \
                                       "with the SHA-256 of a secret key."                                             \
    }
#define DIVERSITY                                                                                                      \
    {                                                                                                                  \
        "diversity", API_NUMBER, .least = 0, .most = 1,                                                                \
                                 .text = "How much less products are worth that are like others in the answer; else "  \
                                         "as the scenario has it, 0.3."                                                \
    }
#define EXPLAIN                                                                                                        \
    { "explain", API_BOOL, .text = "Whether each product tells why it is where it is." }
#define SCENARIO                                                                                                       \
    { "scenario", API_TEXT, .least = 1, .most = 64, .text = "The place of the shop that asks; else `default`." }
#define FEED                                                                                                           \
    {"k", API_INTEGER, .least = 1, .most = MOST_K, .text = "How many are wanted; else as the scenario has it, 10."},   \
        WHERE, SOLD_OUT, EXCLUDE, DIVERSITY, SCENARIO, EXPLAIN, METADATA, TIMEOUT

const ApiSchema api_user_recommend_query = {.type = API_OBJECT,
                                            .members = (const ApiSchema[]){FEED, SIGNATURE, KEY, END}};
const ApiSchema api_user_query = {.type = API_OBJECT, .members = (const ApiSchema[]){SIGNATURE, TIMEOUT, KEY, END}};
#define SESSION(required, what)                                                                                        \
    { "session", API_TEXT, required, .least = 1, .most = 200, .text = what }

const ApiSchema api_an_action = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"kind", API_TEXT, true, .text = "impression, view, click, favourite, cart, purchase or dismiss."},
        {"product", API_TEXT, true, .least = 1, .most = MOST_ID, .text = "Its id; unknown ones are left out."},
        {"time", API_ANY, .text = "Unix seconds or RFC 3339; now, and after those before it, when not given."},
        END}};
const ApiSchema api_session_recommend_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        SESSION(false, "Of whom; without it: of a visitor of whom nothing is stored."),
        API_ACTIONS,
        {"log", API_BOOL,
         .text = "false: the answer is not logged and has no rec_id, so that it is in no report; true when not given."},
        FEED,
        END}};
const ApiSchema api_forget_taste_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        SESSION(true, "Whose taste it is."),
        {"product", API_TEXT, true, .least = 1, .most = MOST_ID, .text = "That stands for the taste."},
        END}};
const ApiSchema api_next_body = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){SESSION(false, "With a publishable key: that of the answer, where it was for one."),
                                   FEED, END}};
const ApiSchema api_events_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"user", API_TEXT, .least = 1, .most = 200,
                                    .text = "With a publishable key: the user whom the signature is for."},
                                   SIGNATURE,
                                   KEY,
                                   END}};
const ApiSchema api_events_body = {
    .type = API_ANY,
    .text = "An event, or an array of at most 1,000: {id?, kind, product, user | session, time?, rec_id?, position?, "
            "scenario?, value?, currency?}. kind: impression, view, click, favourite, cart, purchase or dismiss; time: "
            "Unix seconds or RFC 3339.",
    .example = "[{\"kind\": \"view\", \"product\": \"p1\", \"session\": \"x7f3\", \"time\": 1764150000}]"};

static const ApiSchema event_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"status", API_TEXT, true, .choices = (const char *const[]){"new", "known", "over", "refused", NULL},
         .text = "known: it came before; over: kept, but more than one visitor may count for in an hour."},
        {"field", API_TEXT, .text = "What is wrong with one that is refused."},
        {"message", API_TEXT, .text = "And why."},
        END}};
const ApiSchema api_events_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"new", API_INTEGER, true},
                                   {"known", API_INTEGER, true},
                                   {"over", API_INTEGER, true},
                                   {"refused", API_INTEGER, true},
                                   {"events", API_ARRAY, true, .items = &event_answer, .text = "In their order."},
                                   END}};

static const ApiSchema photo_members[] = {{"number", API_INTEGER, true, .text = "Its place among the photos, from 0."},
                                          {"url", API_TEXT, true, .text = "Where it is, relative to this service."},
                                          END};
#define DESCRIBED                                                                                                      \
    {"product", API_TEXT, true, .text = "Its id."}, {"photo", API_OBJECT, .members = photo_members}, {                 \
        "metadata", API_OBJECT, .text = "Its fields, unless they were not wanted."                                     \
    }

static const ApiSchema part_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"because", API_TEXT, true, true, .text = "Id of what it was found by."},
                                   {"source", API_TEXT, true},
                                   {"score", API_NUMBER, true, .text = "How alike the two are, 0 to 100."},
                                   {"share", API_NUMBER, true, .text = "How much that is worth, 0 to 1."},
                                   END}};
static const ApiSchema explain_members[] = {
    {"worth", API_NUMBER, true, .text = "(Sum of the roots of score / 100 and share)^2: what it is ordered by."},
    {"probability", API_NUMBER, true, .text = "With which it was to stand here."},
    {"parts", API_ARRAY, true, .items = &part_answer},
    END};
static const ApiSchema recommended_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        DESCRIBED,
        {"position", API_INTEGER, true, .text = "From 0; what an event about it gives."},
        {"score", API_NUMBER, true, .least = 0, .most = 100, .text = "How alike it is to what it was found by."},
        {"taste", API_INTEGER, true, true, .text = "Its place among `tastes`; null: of none."},
        {"sources", API_ARRAY, true, .items = &any_text,
         .text =
             "Why it is here: taste, recent, co-clicked, bought-together, pinned; popular, new, any, seen where those "
             "were not enough."},
        {"rules", API_ARRAY, .items = &any_number,
         .text = "Rules of the scenario that moved it, by their places from 0."},
        {"explain", API_OBJECT, .members = explain_members, .text = "Where it was asked for."},
        END}};
static const ApiSchema taste_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        DESCRIBED,
        {"importance", API_NUMBER, true, .least = 0, .most = 1, .text = "Its share of what the visitor likes."},
        {"products", API_INTEGER, true, .text = "How many that were looked at make it up."},
        {"newest", API_NUMBER, true, .text = "When that was last, Unix seconds."},
        END}};
const ApiSchema api_recommend_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"rec_id", API_TEXT, .text = "Of this answer: what events about it give."},
        {"scenario_version", API_INTEGER, true, .text = "Of the scenario's settings; 0: it has none."},
        {"notes", API_ARRAY, .items = &any_text, .text = "Where rules of the scenario could not be as they are."},
        {"arm", API_TEXT, true, .choices = (const char *const[]){"personal", "control", "random", NULL},
         .text = "control: the visual order only, always for the same small share of visitors; random: by chance."},
        {"model", API_TEXT, true},
        {"products", API_ARRAY, true, .items = &recommended_answer, .text = "Best first."},
        {"tastes", API_ARRAY, true, .items = &taste_answer,
         .text = "The most important first, each by the product in its middle."},
        {"took_ms", API_NUMBER, true, .text = "From the request's head to its answer."},
        END}};

/* ---- what came of it ---- */

const ApiSchema api_report_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"days", API_INTEGER, .least = 0, .most = 36500,
                                    .text = "Of so many days, today's too; 0: of all. 30 when not given."},
                                   END}};
static const ApiSchema interval_members[] = {{"value", API_NUMBER, true},
                                             {"low", API_NUMBER, true, .text = "Of the interval of 95 %."},
                                             {"high", API_NUMBER, true},
                                             END};
#define INTERVAL(name, what)                                                                                           \
    { name, API_OBJECT, true, true, .members = interval_members, .text = what }
#define COUNTS                                                                                                         \
    {"answers", API_INTEGER, true}, {"impressions", API_INTEGER, true}, {"views", API_INTEGER, true},                  \
        {"clicks", API_INTEGER, true}, {"favourites", API_INTEGER, true}, {"carts", API_INTEGER, true},                \
        {"purchases", API_INTEGER, true}, {"dismissals", API_INTEGER, true},                                           \
        INTERVAL("ctr", "Clicks over impressions; null where these are not reported.")
#define REVENUE                                                                                                        \
    { "revenue", API_OBJECT, true, .text = "Of purchases, by currency." }

static const ApiSchema rate_members[] = {INTERVAL("clicks", "Null where there were no answers."),
                                         INTERVAL("carts", "Likewise."),
                                         INTERVAL("purchases", "Likewise."),
                                         {"revenue", API_OBJECT, true, true, .text = "By currency."},
                                         END};
static const ApiSchema ratio_members[] = {INTERVAL("clicks", "Null where one of them has none."),
                                          INTERVAL("carts", "Likewise."), INTERVAL("purchases", "Likewise."), END};
static const ApiSchema arm_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"arm", API_TEXT, true, .text = "personal, control, random; none: of no answer that is known."},
        COUNTS,
        REVENUE,
        {"per_1000_answers", API_OBJECT, true, .members = rate_members},
        END}};
static const ApiSchema place_answer = {.type = API_OBJECT,
                                       .members = (const ApiSchema[]){{"position", API_INTEGER, true}, COUNTS, END}};
static const ApiSchema day_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"day", API_TEXT, true, .text = "In UTC."}, COUNTS, REVENUE, END}};
static const ApiSchema coverage_members[] = {{"products", API_INTEGER, true, .text = "That there are now."},
                                             {"shown", API_INTEGER, true, .text = "Of these, with an impression."},
                                             {"clicked", API_INTEGER, true, .text = "Likewise, with a click."},
                                             END};
const ApiSchema api_report_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"scenario", API_TEXT, true},
        {"arms", API_ARRAY, true, .items = &arm_answer},
        {"personal_over_control", API_OBJECT, true, .members = ratio_members,
         .text = "Rates per answer: over 1, recommending brings more than the visual order alone."},
        {"positions", API_ARRAY, true, .items = &place_answer, .text = "From 0, of all arms."},
        {"days", API_ARRAY, true, .items = &day_answer, .text = "Those with anything, the oldest first."},
        {"coverage", API_OBJECT, true, .members = coverage_members,
         .text = "How much of the catalogue visitors got to see, in all scenarios together, to the week."},
        END}};

/* ---- who did more than counts ---- */

const ApiSchema api_over_query = {.type = API_OBJECT,
                                  .members =
                                      (const ApiSchema[]){{"days", API_INTEGER, .least = 1, .most = 400,
                                                           .text = "Of so many days, to the week; 28 when not given."},
                                                          END}};
static const ApiSchema over_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"user", API_TEXT},
                                   {"session", API_TEXT},
                                   {"events", API_INTEGER, true, .text = "That came over the bounds."},
                                   {"last", API_NUMBER, true, .text = "When the last of them was, Unix seconds."},
                                   END}};
const ApiSchema api_over_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"visitors", API_ARRAY, true, .items = &over_answer, .text = "The 100 with the most, these first."}, END}};

/* ---- what is known of a user ---- */

const ApiSchema api_export_query = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"after", API_INTEGER, .least = 0, .most = 1e15, .text = "What `next` of the answer before said: more events."},
        SIGNATURE,
        KEY,
        END}};
static const ApiSchema given_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"rec_id", API_TEXT, true},
                                   {"time", API_NUMBER, true, .text = "Unix seconds."},
                                   {"scenario", API_TEXT, true},
                                   {"arm", API_TEXT, true},
                                   {"products", API_ARRAY, true, .text = "Their ids, in order."},
                                   END}};
const ApiSchema api_export_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"events", API_ARRAY, true, .text = "As they came in, the oldest first; 5,000 at a time."},
        {"next", API_INTEGER, .text = "Where there are more: what to give as `after`."},
        {"answers", API_ARRAY, true, .items = &given_answer, .text = "The newest 5,000 that the user was given."},
        END}};
static const ApiSchema erased_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){{"place", API_TEXT, true},
                                   {"removed", API_INTEGER, true, .text = "How many things of the user were there."},
                                   {"note", API_TEXT},
                                   END}};
const ApiSchema api_erasure_answer = {
    .type = API_OBJECT,
    .members = (const ApiSchema[]){
        {"known", API_BOOL, true, .text = "Whether anything was kept of the user."},
        {"places", API_ARRAY, true, .items = &erased_answer, .text = "All places where something of a user can be."},
        {"user", API_TEXT, true},
        END}};
const ApiSchema api_merge_body = {.type = API_OBJECT,
                                  .members = (const ApiSchema[]){{"session", API_TEXT, true, .least = 1, .most = 200},
                                                                 {"user", API_TEXT, true, .least = 1, .most = 200},
                                                                 END}};
