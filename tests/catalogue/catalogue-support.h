/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the catalogue share: a catalogue in a fresh folder, and products written down as text. */
#ifndef CATALOGUE_SUPPORT_H
#define CATALOGUE_SUPPORT_H

#include "catalogue/catalogue.h"

/* A fresh empty folder; removed with everything in it by drop_folder. */
char *make_folder(void);
void drop_folder(char *folder);

/* Opens, and fails the test when that fails. */
NtCatalogue *open_catalogue(const char *folder, bool read_only);

/* Each does one thing in a transaction of its own, and fails the test when it cannot. */
NtRun start_run(NtCatalogue *catalogue, const char *kind, const char *location);
uint64_t end_run(NtCatalogue *catalogue, const NtRun *run, bool prune);

/* Puts a product: metadata are "field=value" texts, NULL-terminated, read through nt_columns; one photo at `location`
 * with a made-up stamp of `size` bytes (0: not known). The caller has begun a transaction. */
NtPhotoState put_product(NtCatalogue *catalogue, const NtRun *run, const char *id, const char *const *metadata,
                         const char *location, int64_t size);

/* A content whose hash begins with `number`. */
int64_t add_content(NtCatalogue *catalogue, uint32_t number);

/* A model named `name` of dimension 4. */
int64_t add_model(NtCatalogue *catalogue, const char *name);

/* Ids that match a condition, "a b c" in order; an error gives its message. */
char *matching(NtCatalogue *catalogue, const char *condition);

/* A product's JSON; an error gives its message. */
char *product_json(NtCatalogue *catalogue, const char *id);

/* Problems that nt_catalogue_check finds, one a line. */
char *problems(NtCatalogue *catalogue);

/* Fails the test unless every model's count of dead rows is the true one. */
void expect_dead(NtCatalogue *catalogue);

/* Fails the test with the message of a call that fails; the call names its last argument `error`. */
#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        g_autoptr(GError) check_error = NULL;                                                                          \
        GError **error = &check_error;                                                                                 \
        bool check_ok = (call);                                                                                        \
        g_assert_no_error(check_error);                                                                                \
        g_assert_true(check_ok);                                                                                       \
    } while (0)

/* SQL that takes out of a catalogue what layouts brought after the fourth, the third, the second, and the first. */
#define TO_LAYOUT_8 "DROP TABLE scenario; PRAGMA user_version=8;"
#define TO_LAYOUT_7 TO_LAYOUT_8 "ALTER TABLE product DROP COLUMN version; DROP TABLE tombstone; PRAGMA user_version=7;"
#define TO_LAYOUT_6                                                                                                    \
    TO_LAYOUT_7                                                                                                        \
    "DROP INDEX photo_asked; ALTER TABLE photo DROP COLUMN etag; ALTER TABLE photo DROP COLUMN modified;"              \
    "ALTER TABLE photo DROP COLUMN asked; ALTER TABLE photo DROP COLUMN own_network; PRAGMA user_version=6;"
#define TO_LAYOUT_5 TO_LAYOUT_6 "DROP TABLE judgement; PRAGMA user_version=5;"
#define TO_LAYOUT_4 TO_LAYOUT_5 "DROP TABLE IF EXISTS product_words; PRAGMA user_version=4;"
#define TO_LAYOUT_3                                                                                                    \
    TO_LAYOUT_4 "DROP TABLE api_key; DELETE FROM meta WHERE key = 'keys_version'; PRAGMA user_version=3;"
#define TO_LAYOUT_2                                                                                                    \
    TO_LAYOUT_3                                                                                                        \
    "ALTER TABLE product_source RENAME TO brought; DROP INDEX product_source_run;"                                     \
    "ALTER TABLE field RENAME COLUMN declared TO told; DROP INDEX photo_content;"                                      \
    "CREATE INDEX photo_content ON photo(content) WHERE content IS NOT NULL; DROP TABLE free_product;"                 \
    "DROP TABLE change; ALTER TABLE model DROP COLUMN dead; PRAGMA user_version=2;"
#define TO_LAYOUT_1                                                                                                    \
    TO_LAYOUT_2 "ALTER TABLE vector DROP COLUMN maker; ALTER TABLE model DROP COLUMN digest;"                          \
                "ALTER TABLE model DROP COLUMN mixed; DROP TABLE maker; DELETE FROM meta WHERE key = 'commits';"       \
                "PRAGMA user_version=1;"

#endif
