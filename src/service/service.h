/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service: a catalogue over HTTP. A table of routes (routes.c) says what can be asked, with which key and which
 * parameters; the same table dispatches, checks what comes in, and is the OpenAPI document. Handlers stand in files of
 * their subject and use the library as any program would.
 *
 *   config = nt_service_config_new();  nt_service_config_read(config, "niteru.conf", &error);
 *   service = nt_service_new(catalogue, config, &error);
 *   nt_service_start(service, &error);  ...  nt_service_stop(service);
 *
 * Where work is done: searches by products and vectors on the loops of the server, those that are ready together in
 * one scan (similar.c); what reads or decodes on threads of readers; what writes on threads of writers; each with a
 * queue of a bounded length, behind which the answer is 429.
 */
#ifndef NT_SERVICE_H
#define NT_SERVICE_H

#include "base/base.h"
#include "niteru/niteru.h"

typedef struct NtService NtService;

/* ---- settings (config.c) ---- */

typedef struct NtServiceConfig NtServiceConfig;

NtServiceConfig *nt_service_config_new(void);
void nt_service_config_free(NtServiceConfig *config); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtServiceConfig, nt_service_config_free)
/* Reads a GKeyFile, whose settings take the place of the defaults. Errors: NOT_FOUND, INVALID naming the file and
 * setting: one that is not known, or has no such value. */
bool nt_service_config_read(NtServiceConfig *config, const char *path, GError **error);
/* Sets one as a flag does: "listen", "127.0.0.1:8080". Lists are parted by ';' as in the file. */
bool nt_service_config_set(NtServiceConfig *config, const char *name, const char *value, GError **error);
/* All settings in a line each, "name = value", with what they mean, as a file that can be read again. New. */
char *nt_service_config_print(const NtServiceConfig *config);

/* ---- the service (service.c) ---- */

/* Errors: INVALID (settings that do not go together; an address that others reach without keys or `public`), those of
 * nt_http_listen. Both must outlive the service. */
NtService *nt_service_new(NiteruCatalogue *catalogue, const NtServiceConfig *config, GError **error);
/* Whether it could be started as it is set: everything is looked at, nothing listens. */
bool nt_service_check(NiteruCatalogue *catalogue, const NtServiceConfig *config, GError **error);
bool nt_service_start(NtService *service, GError **error);
/* The first address, "http://127.0.0.1:8080". */
const char *nt_service_url(const NtService *service);
/* Reads certificates again. */
bool nt_service_reload(NtService *service, GError **error);
/* Finishes what it accepted, within the patience it is set to; false: not all of it. */
bool nt_service_stop(NtService *service);
void nt_service_free(NtService *service); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtService, nt_service_free)

/* ---- what a run of indexing did, as JSON (job-store.c) ---- */

NtJson *nt_report_json(const NiteruIndexReport *report); /* new */
/* Sets what is not there to 0. */
void nt_report_read(const NtJson *json, NiteruIndexReport *out);

/* The OpenAPI 3.1 document; new. */
char *nt_service_openapi(void);

#endif
