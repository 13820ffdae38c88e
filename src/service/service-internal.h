/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of service share. */
#ifndef NT_SERVICE_INTERNAL_H
#define NT_SERVICE_INTERNAL_H

#include "http/http.h"
#include "service/api-schema.h"
#include "service/jobs.h"
#include "service/memory.h"
#include "service/service.h"

typedef struct ApiCall ApiCall;
typedef struct NtCatalogue NtCatalogue;

/* ---- settings (config.c) ---- */

struct NtServiceConfig {
    char **listen; /* addresses */
    char *certificate, *key;
    char **trusted_proxies;
    char **cors_origins; /* pages that may use the API with any key; "*": all */
    bool allow_private;  /* photos' web addresses may lie in private networks */
    bool public;         /* strangers may do what a publishable key may */
    char *log;           /* "requests", "errors", "off" */
    unsigned stop_seconds;
    unsigned publishable_rate;                /* requests a second of one address with a publishable key */
    unsigned secret_rate;                     /* likewise of one key of another kind; 0: as many as it wants */
    unsigned control_percent, random_percent; /* of visitors, and of answers; see NtRecommendQuery */
    unsigned weight_view, weight_click, weight_favourite, weight_cart, weight_purchase, weight_dismiss;
    unsigned taste_days, taste_decay_days;       /* see NtTasteOptions */
    unsigned loops, readers, embedders, writers; /* threads */
    unsigned queue;                              /* calls that wait for such a thread, each kind */
    uint64_t json_bytes, photo_bytes, list_bytes, import_bytes;
    uint64_t upload_bytes;   /* of all photos that were searched with */
    uint64_t memory_reserve; /* bytes; 0: a share of the memory there is */
    unsigned client_connections, connections;
    unsigned head_seconds, body_seconds, idle_seconds;
    unsigned timeout_ms; /* of a search that names none */
};

/* ---- who asks (api-keys.c) ---- */

typedef enum ApiAccess {
    API_ANYONE,
    API_PUBLISHABLE,
    API_SECRET,
    API_ADMIN,
    API_LOCAL, /* the command line, by the socket in the catalogue; not in the document */
} ApiAccess;

typedef struct ApiKeys ApiKeys;
ApiKeys *api_keys_new(NiteruCatalogue *catalogue);
void api_keys_free(ApiKeys *keys);
/* Whether there is any key in use; as of a fifth of a second ago at most. */
bool api_keys_any(ApiKeys *keys, bool *out, GError **error);
/* What the key of this digest (SHA-256) grants: its kind, *out_name and *out_prefix (new) and, of a publishable one,
 * whether it may be used from a page of `origin` (NULL: no page). False: there is no such key, or it cannot be looked
 * up (*error is set then only). Takes as long for one key as for another. */
bool api_keys_find(ApiKeys *keys, const uint8_t digest[32], const char *origin, ApiAccess *out_access, char **out_name,
                   char **out_prefix, bool *out_origin_fits, GError **error);

/* Whether 64 hexadecimal digits are HMAC-SHA256 of the message under the digest of a secret key that is in use. */
bool api_keys_signed(ApiKeys *keys, const char *message, const char *digits);

/* ---- who signed in on the page (sessions.c) ---- */

#define API_SESSION_COOKIE "niteru_session"
typedef struct ApiSessions ApiSessions;
ApiSessions *api_sessions_new(void);
void api_sessions_free(ApiSessions *sessions);
/* The session of the request's cookie: the digest of its key, and its CSRF secret, new. False: there is none. */
bool api_sessions_find(ApiSessions *sessions, const NtHttpRequest *request, uint8_t out_key[32], char **out_csrf);

/* ---- how much (rates.c) ---- */

typedef struct ApiRates ApiRates;
ApiRates *api_rates_new(void);
void api_rates_free(ApiRates *rates);
/* Takes one from the bucket of `who`, which fills with `rate` a second up to twice that. *out_left: how many are left;
 * *out_wait: after how many seconds there is one again, when there is none. */
bool api_rates_take(ApiRates *rates, const char *who, unsigned rate, unsigned *out_left, unsigned *out_wait);

/* ---- threads (workers.c) ---- */

typedef struct ApiWorkers ApiWorkers;
/* `queue`: how many calls may wait. */
ApiWorkers *api_workers_new(const char *name, unsigned threads, unsigned queue);
/* Runs `run(data)` on one of the threads. `who` (NULL: nobody) may have a quarter of the queue at most. False: the
 * queue is full, or that is. */
bool api_workers_push(ApiWorkers *workers, const char *who, void (*run)(void *data), void *data);
unsigned api_workers_waiting(ApiWorkers *workers);
/* Finishes what waits, and ends. */
void api_workers_free(ApiWorkers *workers);

/* ---- photos that were searched with (uploads.c) ---- */

enum { API_UPLOAD_SECONDS = 15 * 60 };
typedef struct ApiUploads ApiUploads;
ApiUploads *api_uploads_new(uint64_t most); /* bytes */
void api_uploads_free(ApiUploads *uploads);
char *api_uploads_keep(ApiUploads *uploads, GBytes *photo);    /* its id, new; NULL: it is not kept */
GBytes *api_uploads_find(ApiUploads *uploads, const char *id); /* a reference; NULL: not there any more */
uint64_t api_uploads_bytes(ApiUploads *uploads);               /* of all that are kept */
void api_uploads_sweep(ApiUploads *uploads);                   /* lets go of those whose time is up */

/* ---- writes that are taken back (undo.c) ---- */

typedef struct ApiUndo ApiUndo;
ApiUndo *api_undo_new(void);
void api_undo_free(ApiUndo *undo);
/* In a write's transaction: takes down what a product is like, as nt_catalogue_product_json has it, and has its photos
 * outlive it for a while; new. */
char *api_undo_look(NtService *service, NtCatalogue *db, int64_t product, GError **error);
/* A product was like `before` and is like `after` (NULL: not there): the call's answer is to name it by X-Undo. */
void api_undo_keep(ApiCall *call, const char *product, const char *before, const char *after);

/* ---- writes that are sent again (idempotency.c) ---- */

typedef struct ApiIdempotency ApiIdempotency;
ApiIdempotency *api_idempotency_new(void);
void api_idempotency_free(ApiIdempotency *all);
/* Whether to go on with a call; false: it was answered as it was the first time, or refused. */
bool api_idempotency_begin(ApiCall *call);
/* It is answered with this; NULL: it failed. Without effect for calls without a key. */
void api_idempotency_end(ApiCall *call, unsigned status, const char *answer);
/* The answer, and what it is when it is given again, is to have this Location. */
void api_answer_location(ApiCall *call, const char *address);

/* ---- routes (routes.c, route.c) ---- */

typedef enum ApiPlace {
    API_LOOP,     /* answers at once */
    API_READER,   /* reads from disk, or takes a while */
    API_EMBEDDER, /* decodes and embeds a photo */
    API_WRITER,   /* changes the catalogue */
} ApiPlace;

typedef enum ApiBody {
    API_NO_BODY,
    API_JSON_BODY,
    API_BEACON_BODY, /* JSON that may call itself text/plain: browsers ask nothing before they send that elsewhere */
    API_PHOTO_BODY,  /* in one of the ways of api_read_photo */
    API_LIST_UPLOAD, /* into a file of a job */
    API_PHOTO_UPLOAD,
    API_NETWORK_UPLOAD, /* into a file without a name */
} ApiBody;

typedef struct ApiRoute {
    const char *method;
    const char *path; /* "/v1/products/{id}/similar": a piece in braces stands for any one piece */
    const char *name; /* operationId */
    const char *tag;
    const char *summary, *text;
    ApiAccess access;
    ApiPlace place;
    const ApiSchema *query; /* parameters: an object; NULL: none */
    ApiBody takes;
    const ApiSchema *body;   /* of a JSON body, or of the fields of a form; NULL: none */
    const ApiSchema *answer; /* of a JSON answer; NULL: `type` */
    const char *type;        /* Content-Type of another answer; NULL: none, 204 */
    unsigned status;         /* of success; 0: 200 */
    const unsigned *faults;  /* other statuses beyond those that every route has; ends with 0 */
    void (*run)(ApiCall *call);
} ApiRoute;

extern const ApiRoute api_routes[]; /* ends with a method NULL */

enum { API_MOST_PIECES = 3 };
/* The route of a method and a path, whose pieces in braces are put, decoded, into `pieces` (new texts). NULL: none;
 * *out_allowed (new) names the methods that the path has, NULL where it is not there, and *out_broken tells of an
 * escape that cannot be decoded. */
const ApiRoute *api_route_find(const char *method, const char *path, char *pieces[API_MOST_PIECES], char **out_allowed,
                               bool *out_broken);
/* Whether its body is JSON, or may be. */
bool api_takes_json(const ApiRoute *route);

/* ---- a call (api-call.c): a request on its way through a route ---- */

struct ApiCall {
    NtService *service;
    NtHttpRequest *request;
    const ApiRoute *route;
    char *pieces[API_MOST_PIECES];
    char id[40]; /* of the request */
    ApiAccess access;
    bool allowed;      /* it may be served */
    bool open;         /* no keys are asked for */
    bool hides;        /* the catalogue has products that are kept from who asks */
    char *key;         /* name of the key; NULL: none */
    char *key_prefix;  /* how it begins; NULL: none */
    int64_t user;      /* of this machine, who came by the socket; negative: not known */
    bool audited;      /* its outcome goes into the audit log */
    char *rec;         /* id of the logged answer; NULL: it is not logged */
    char *csrf;        /* of the session that it came by; NULL: by none */
    char *idempotency; /* under which its answer is to be remembered; NULL: it is not */
    NtJson *query;     /* an object */
    int upload_fd;     /* where an upload goes ... */
    char *upload_path; /* ... in a file of this path; NULL: it is none */
    NtJson *body;      /* NULL: none */
};

/* Handlers of the server. */
void api_on_head(NtHttpRequest *request, void *service);
void api_on_serve(NtHttpRequest *request, void *service);
void api_on_done(const NtHttpRequest *request, void *service);

/* Each of these answers and ends the call. */
void api_answer(ApiCall *call, unsigned status, NtJson *json);    /* takes it */
void api_answer_text(ApiCall *call, unsigned status, char *json); /* takes it */
void api_answer_nothing(ApiCall *call);
void api_problem(ApiCall *call, unsigned status, const char *code, const char *field, const char *format, ...)
    G_GNUC_PRINTF(5, 6);
/* What an error of the library means to who asked; takes it. */
void api_fail(ApiCall *call, GError *error);
/* Its parts, for answers with many: status, code, and the parameter that has to do with it (NULL: none). */
unsigned api_error_status(const GError *error, const char **out_code, const char **out_field);

/* A stranger has no key, or one that anybody can read in a page. (access.c) */
bool api_is_stranger(const ApiCall *call);
/* Whether the one who asks may, and has not asked too often: sets call->access. False: answered. (access.c) */
bool api_authorise(ApiCall *call);
/* Whether a request is from no page, or from one of this service's own. (access.c) */
bool api_is_same_origin(const NtHttpRequest *request);
/* Whether pages of this origin (NULL: none) may read answers whatever the key; says it to the browser. (access.c) */
bool api_allow_origin(const ApiCall *call, const char *origin);
/* Has `run(call)` done on one of these threads; or answers that there are too many who wait. */
void api_call_push(ApiCall *call, ApiWorkers *workers, void (*run)(void *call));
/* Whether the call's condition, if it has one, is short enough for the one who asks. False: answered. */
bool api_check_condition(ApiCall *call);

enum { API_MOST_COMPARISONS = 32 }; /* of a stranger's condition */

/* Until when, by the parameter timeout_ms or the setting; for strangers that is the most. */
unsigned api_timeout(const ApiCall *call);

/* ---- the service ---- */

typedef struct ApiMetrics ApiMetrics;
typedef struct ApiLog ApiLog;
typedef struct ApiHistory ApiHistory;

struct NtService {
    NiteruCatalogue *catalogue;
    const NtServiceConfig *config;
    NtHttpServer *server;
    char *url;
    bool loopback; /* only this machine reaches it */
    ApiKeys *keys;
    ApiSessions *sessions;
    ApiRates *rates;
    struct ApiVisible *visible;
    ApiUploads *uploads;
    ApiIdempotency *idempotency;
    ApiUndo *undo;
    ApiJobs *jobs;
    ApiMetrics *metrics;
    ApiHistory *history;
    ApiMemory *memory;
    ApiLog *log;
    ApiWorkers *readers, *embedders, *writers;
    ApiWorkers *tester;             /* of search, for /readyz */
    GBytes *openapi, *openapi_gzip; /* the document, the latter NULL where it is no smaller */
    GHashTable *page;               /* its files, by their addresses */
    GPtrArray **gathered;           /* for each loop: ApiCall that search when its turn comes */
    gint stopping;
    gint64 started;
    struct ApiReady *ready;
};

/* ---- the page (page.c) ---- */

/* Its files by their addresses; new. */
GHashTable *api_page_files(void);
/* Answers with a file of the page, or with the page where the address is one of its views. False: it is neither. */
bool api_answer_page(ApiCall *call);

/* ---- metrics.c ---- */

ApiMetrics *api_metrics_new(void);
void api_metrics_free(ApiMetrics *metrics);
/* A request was answered; route NULL: none. */
void api_metrics_count(ApiMetrics *metrics, const ApiRoute *route, unsigned status, int64_t microseconds);

/* ---- history.c ---- */

ApiHistory *api_history_new(void);
void api_history_free(ApiHistory *history);
/* A request was answered; route NULL: none. */
void api_history_count(ApiHistory *history, const ApiRoute *route, int64_t microseconds);
/* Something went wrong; `level` is static. */
void api_history_fault(ApiHistory *history, const char *level, const char *message);
/* {"searches": [{"time", "count", "p50_ms", "p95_ms", "p99_ms"}], "photo_searches", "writes"}: a minute each. */
NtJson *api_history_latency(ApiHistory *history);
/* [{"time", "level", "message"}], the newest first. */
NtJson *api_history_faults(ApiHistory *history);

/* ---- log.c: a JSON object a line on standard error ---- */

ApiLog *api_log_new(void);
void api_log_free(ApiLog *log); /* writes what waits; NULL is fine */
void api_log_request(const NtService *service, const NtHttpRequest *request, const ApiCall *call);
void api_log(const NtService *service, const char *level, const char *message);

/* ---- whether search works (ops.c) ---- */

typedef struct ApiReady ApiReady;
ApiReady *api_ready_new(void);
void api_ready_free(ApiReady *ready); /* NULL is fine */

/* ---- what handlers share ---- */

/* The texts of an array, ending with NULL; borrowed texts in a new block, NULL for none. */
const char **api_texts(const NtJson *array);

/* product-write.c: the version of a write that a query or a body names by `version` or `time`, 0 where by neither;
 * `within` is what the place of a fault begins with ("products[3]."; NULL: nothing). False: a problem was answered. */
bool api_read_version(ApiCall *call, const NtJson *from, const char *within, int64_t *out_version);
typedef struct ApiVisible ApiVisible;
ApiVisible *api_visible_new(void);
void api_visible_free(ApiVisible *visible);
/* Products were written: fields may have come. */
void api_visible_changed(NtService *service);
/* `where` (NULL: none) with what may be in an answer for the one who asks, products that are sold out too where they
 * are wanted; new, NULL: no condition. (visible.c) */
bool api_visible(ApiCall *call, bool sold_out, const char *where, char **out_where, GError **error);
/* Whether a product, as JSON, is not for the one who asks. */
bool api_is_hidden(const ApiCall *call, const NtJson *product);
/* Fails (NOT_FOUND) where one of these products is hidden, in the words of one that is not there. */
bool api_check_visible(const ApiCall *call, const char *const *ids, GError **error);
bool api_fail_hidden(const char *id, GError **error);
/* What a search was asked for, by the body or else the query; *out_where and *out_exclude are new and hold what the
 * options point at. (similar.c) */
bool api_search_options(ApiCall *call, NiteruSearchOptions *out, char **out_where, const char ***out_exclude,
                        GError **error);
/* `upload`: under which id the photo that was searched with is kept; NULL: there is none. */
void api_answer_results(ApiCall *call, const NiteruResults *results, const char *upload);
/* The status and code of what is wrong with a photo; 0: the error is no photo's. `error` may be NULL. (search-image.c)
 */
unsigned api_photo_fault(const GError *error, const char **out_code);
/* api_fail, for errors that may be those of a photo that was sent. (search-image.c) */
void api_fail_photo(ApiCall *call, GError *error);

/* The photo that was sent, as multipart/form-data, base64 in JSON or the body itself; new. NULL: answered. Fields of a
 * form are call->body afterwards. (search-image.c) */
GBytes *api_read_photo(ApiCall *call);
/* A product as the API shows it, from what nt_catalogue_product_json gives; where its photos lie is not told.
 * (products.c) */
NtJson *api_product_json(const NtJson *from);
/* Its entity tag, from the printed text; new. */
char *api_product_tag(const char *json);
/* Whether a header of tags (If-Match, If-None-Match) names this one. */
bool api_tag_matches(const char *tags, const char *tag);
/* The number of a photo in the path. False: answered. (photos.c) */
bool api_photo_number(ApiCall *call, size_t *out);
/* What is said of a photo ("path: what is wrong") with its file's name for its path; new. */
char *api_photo_words(const char *message);
/* Answers with a product (api_product_json) and its tag, and with these texts as "warnings", where there are any. */
void api_answer_product(ApiCall *call, unsigned status, NtJson *product, NtJson *warnings);

/* In the head of a request: its body goes into a file of the job that the path names. Or answers. (job-calls.c) */
void api_accept_upload(ApiCall *call, uint64_t limit);
void api_upload_clear(ApiCall *call);
/* Likewise into a file without a name, which is call->upload_path for this process. (engine.c) */
void api_accept_network(ApiCall *call);

/* ---- who changed what (audit.c) ---- */

/* Whether a route changes something, so that what it did is to be kept. */
bool api_is_write(const ApiRoute *route);
/* A call is about to be answered so (`answer` NULL: without facts that are wanted here): into the audit log with it,
 * where it is a write that came to its handler. */
void api_audit(ApiCall *call, unsigned status, const NtJson *answer);
/* A job has ended, "done" or "failed". */
void api_audit_job(NtService *service, const char *job, const char *state, const NiteruIndexReport *report);
void api_run_audit(ApiCall *call);

/* ---- handlers ---- */

void api_run_similar(ApiCall *call);
void api_search_turn(unsigned loop, void *service);
void api_run_search_vector(ApiCall *call);
void api_run_search_text(ApiCall *call);
void api_run_photo_get(ApiCall *call);
void api_run_facets(ApiCall *call);
/* Whether the call may speak for a visitor ("u:ID", "s:ID"); false: answered. (visitors.c) */
bool api_may_speak_for(ApiCall *call, const char *visitor);
void api_run_events(ApiCall *call);
void api_run_recommend_next(ApiCall *call);
void api_run_user_export(ApiCall *call);
void api_run_user_delete(ApiCall *call);
void api_run_taste_delete(ApiCall *call);
void api_run_taste_forget(ApiCall *call);
void api_run_users_merge(ApiCall *call);
void api_run_report(ApiCall *call);
void api_run_visitors_over(ApiCall *call);
void api_run_scenarios(ApiCall *call);
void api_run_scenario(ApiCall *call);
void api_run_scenario_versions(ApiCall *call);
void api_run_scenario_put(ApiCall *call);
void api_run_scenario_delete(ApiCall *call);
void api_run_scenario_preview(ApiCall *call);
/* Photos of products in JSON get the addresses by which this service has them. */
void api_add_addresses(const NtJson *items);
void api_run_user_recommend(ApiCall *call);
void api_run_user_tastes(ApiCall *call);
void api_run_session_recommend(ApiCall *call);
void api_run_recommend(ApiCall *call);
void api_run_search_image(ApiCall *call);
void api_run_product_get(ApiCall *call);
void api_run_product_put(ApiCall *call);
void api_run_product_patch(ApiCall *call);
void api_run_product_delete(ApiCall *call);
void api_run_products_list(ApiCall *call);
void api_run_products_batch(ApiCall *call);
void api_run_photo_put(ApiCall *call);
void api_run_photo_add(ApiCall *call);
void api_run_photo_delete(ApiCall *call);
void api_run_undo(ApiCall *call);
void api_run_votes(ApiCall *call);
void api_run_flags(ApiCall *call);
void api_run_import(ApiCall *call);
void api_run_jobs(ApiCall *call);
void api_run_index(ApiCall *call);
void api_run_job_stop(ApiCall *call);
void api_run_products_remove(ApiCall *call);
void api_run_job(ApiCall *call);
void api_run_job_results(ApiCall *call);
void api_run_job_start(ApiCall *call);
void api_run_job_delete(ApiCall *call);
void api_run_job_list(ApiCall *call);
void api_run_job_photo(ApiCall *call);
void api_run_session(ApiCall *call);
void api_run_session_begin(ApiCall *call);
void api_run_session_end(ApiCall *call);
void api_run_engine(ApiCall *call);
void api_run_map(ApiCall *call);
void api_run_judge(ApiCall *call);
void api_run_judgements(ApiCall *call);
void api_run_model(ApiCall *call);
void api_run_model_put(ApiCall *call);
void api_run_model_remove(ApiCall *call);
void api_run_model_measure(ApiCall *call);
void api_run_networks(ApiCall *call);
void api_run_network_pull(ApiCall *call);
void api_run_model_switch(ApiCall *call);
void api_run_model_back(ApiCall *call);
void api_run_models(ApiCall *call);
void api_run_limits(ApiCall *call);
void api_run_healthz(ApiCall *call);
void api_run_readyz(ApiCall *call);
void api_run_metrics(ApiCall *call);
void api_run_openapi(ApiCall *call);
/* Makes the document that it answers with. */
void api_openapi_make(NtService *service);

#endif
