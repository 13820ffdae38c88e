/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a server serves the catalogue, commands that write ask it to, by the socket in the catalogue's folder: so the
 * photos of visitors go before those of a run, and one network is in memory. Without a server the command writes
 * itself.
 */
#ifndef NT_CLI_REMOTE_H
#define NT_CLI_REMOTE_H

#include "cli/cli.h"

/* Whether a server serves the catalogue that the context names. */
bool cli_remote_is_there(const CliContext *context);

/* niteru_index, done by the server: with the same callbacks, and stopped by context->cancel. */
bool cli_remote_index(const CliContext *context, const char *source, const NiteruIndexOptions *options,
                      NiteruIndexReport *out_report, GError **error);
/* niteru_model_switch, likewise; `told` has the callbacks. *out_comparison is new, or NULL. */
bool cli_remote_switch(const CliContext *context, const char *model, const NiteruSwitchOptions *options,
                       const NiteruIndexOptions *told, NiteruSwitchReport *out_report, NtJson **out_comparison,
                       GError **error);
/* niteru_remove, or with a version (NULL: none) niteru_remove_version, likewise. */
bool cli_remote_remove(const CliContext *context, const char *const *ids, size_t count, const char *where,
                       const char *version, uint64_t *out_removed, uint64_t *out_stale, GError **error);

/* Whether a server was asked to write: then the audit log has it. */
bool cli_remote_wrote(void);
/* One request with a JSON body (NULL: none); the answer, new. An error is the server's, in its words. */
NtJson *cli_remote_ask(const CliContext *context, const char *method, const char *path, const NtJson *body,
                       GError **error);

#endif
