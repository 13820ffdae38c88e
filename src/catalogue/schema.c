/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, their versions, and what is refused at the door. doc/catalogue.md explains each table.
 *
 * A new database is built beside its place under another name, in rollback mode, synced and renamed: catalogue.db is
 * either whole or not there. Later versions add a script to `migrations`; those that are needed run in one transaction
 * that also writes the new version, so that a stop in the middle leaves the old one.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    QUICK_CHECK_BYTES = 16 * 1024 * 1024 /* a database up to this size is checked whole after an unclean stop */
};

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('fields_version', 0);"

    "CREATE TABLE source("
    " source INTEGER PRIMARY KEY, kind TEXT NOT NULL, location TEXT NOT NULL,"
    " run INTEGER NOT NULL, complete INTEGER NOT NULL, UNIQUE(kind, location));"

    "CREATE TABLE field("
    " field INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " type TEXT NOT NULL CHECK(type IN ('bool','integer','number','date','text','list')), told INTEGER NOT NULL);"

    /* Metadata are columns m_<field>, added as fields appear. */
    "CREATE TABLE product(product INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);"

    "CREATE TABLE brought("
    " product INTEGER NOT NULL REFERENCES product, source INTEGER NOT NULL REFERENCES source,"
    " run INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY(product, source)) WITHOUT ROWID;"

    "CREATE TABLE content("
    " content INTEGER PRIMARY KEY, hash BLOB UNIQUE CHECK(hash IS NULL OR length(hash) = 32),"
    " bytes INTEGER, format TEXT, width INTEGER, height INTEGER);"

    "CREATE TABLE photo("
    " photo INTEGER PRIMARY KEY, product INTEGER NOT NULL REFERENCES product, position INTEGER NOT NULL,"
    " location TEXT NOT NULL, content INTEGER REFERENCES content,"
    " size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,"
    " failure_code INTEGER, failure TEXT, UNIQUE(product, position));"
    "CREATE INDEX photo_content ON photo(content) WHERE content IS NOT NULL;"
    "CREATE INDEX photo_failure ON photo(product) WHERE failure IS NOT NULL;"

    /* AUTOINCREMENT: a process that has a model open may not take a new one for it. */
    "CREATE TABLE model("
    " model INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, hash BLOB, dimension INTEGER NOT NULL,"
    " dtype TEXT NOT NULL CHECK(dtype IN ('f2','f4')),"
    " metric TEXT NOT NULL CHECK(metric IN ('cosine','euclidean','inner')),"
    " generation INTEGER NOT NULL, rows INTEGER NOT NULL, card TEXT, is_default INTEGER NOT NULL);"

    "CREATE TABLE vector("
    " model INTEGER NOT NULL REFERENCES model, vrow INTEGER NOT NULL, content INTEGER NOT NULL REFERENCES content,"
    " PRIMARY KEY(model, vrow)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX vector_content ON vector(content, model);"

    "CREATE TABLE block("
    " model INTEGER NOT NULL REFERENCES model, block INTEGER NOT NULL, rows INTEGER NOT NULL,"
    " digest INTEGER NOT NULL, PRIMARY KEY(model, block)) WITHOUT ROWID;",

    /* 2 */
    "CREATE TABLE maker("
    " maker INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK(kind IN ('network','import')),"
    " digest BLOB NOT NULL CHECK(length(digest) = 16), source TEXT NOT NULL, UNIQUE(kind, digest, source));"
    "ALTER TABLE vector ADD COLUMN maker INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE model ADD COLUMN digest BLOB CHECK(digest IS NULL OR length(digest) = 16);"
    "ALTER TABLE model ADD COLUMN mixed INTEGER NOT NULL DEFAULT 0;"
    "INSERT INTO meta VALUES('commits', 0);",

    /* 3: an index on the run, so that pruning costs what it removes; the one on contents covers every question about
     * owners. A catalogue that holds products has an entry in its log of changes. */
    "ALTER TABLE brought RENAME TO product_source;"
    "CREATE INDEX product_source_run ON product_source(source, run);"
    "ALTER TABLE field RENAME COLUMN told TO declared;"
    "DROP INDEX photo_content;"
    "CREATE INDEX photo_content ON photo(content, product, position) WHERE content IS NOT NULL;"
    "CREATE TABLE free_product(product INTEGER PRIMARY KEY);"
    "CREATE TABLE change(seq INTEGER PRIMARY KEY, product INTEGER NOT NULL);"
    "INSERT INTO change(product) SELECT product FROM product LIMIT 1;"
    "ALTER TABLE model ADD COLUMN dead INTEGER NOT NULL DEFAULT 0;"
    "UPDATE model SET dead = rows - (SELECT count(*) FROM vector v WHERE v.model = model.model"
    " AND EXISTS (SELECT 1 FROM photo f WHERE f.content = v.content));",

    /* 4 */
    "CREATE TABLE api_key("
    " key INTEGER PRIMARY KEY, kind TEXT NOT NULL CHECK(kind IN ('publishable','secret','admin')),"
    " name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE CHECK(length(hash) = 32), prefix TEXT NOT NULL, origins TEXT,"
    " created INTEGER NOT NULL, revoked INTEGER);"
    "CREATE UNIQUE INDEX api_key_name ON api_key(name) WHERE revoked IS NULL;"
    "INSERT INTO meta VALUES('keys_version', 0);",

    /* 5: the words of products (words.c), which are the tokens already, so that SQLite has to part them at blanks only
     * and any other program can read the table. It keeps them beside its index: to take a product out of an index, one
     * must know what was put in, and another version of Unicode may make other words of the same text. */
    "CREATE VIRTUAL TABLE product_words USING fts5(title, body, tokenize = 'ascii');",

    /* 6: which of two models' answers somebody found better, who did not know which was whose. The names are texts, and
     * `a` is the smaller of the two: a judgement outlives the models and the product. */
    "CREATE TABLE judgement("
    " judgement INTEGER PRIMARY KEY, time INTEGER NOT NULL, product TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL,"
    " better TEXT NOT NULL CHECK(better IN ('a','b','neither')), CHECK(a < b));"
    "CREATE INDEX judgement_pair ON judgement(a, b, better);",

    /* 7: photos at web addresses: what tells whether one changed, when it was last known to be as it is (microseconds
     * since 1970), and whether it may lie in the shop's own network. */
    "ALTER TABLE photo ADD COLUMN etag TEXT;"
    "ALTER TABLE photo ADD COLUMN modified TEXT;"
    "ALTER TABLE photo ADD COLUMN asked INTEGER;"
    "ALTER TABLE photo ADD COLUMN own_network INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX photo_asked ON photo(location, asked) WHERE asked IS NOT NULL;",

    /* 8: versions of writes, and those of what is gone (version.c). */
    "ALTER TABLE product ADD COLUMN version INTEGER;"
    "CREATE TABLE tombstone("
    " tombstone INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, removed INTEGER NOT NULL);",

    /* 9: what is recommended in which place of the shop, each change a version (scenario.c). */
    "CREATE TABLE scenario("
    " name TEXT NOT NULL, version INTEGER NOT NULL, time INTEGER NOT NULL, settings TEXT,"
    " PRIMARY KEY(name, version)) WITHOUT ROWID;",
};
enum { WORDS_MIGRATION = 4 }; /* the one after which the products there are get their words */

static bool run_script(NtCatalogue *catalogue, const char *script, GError **error) {
    return sqlite3_exec(catalogue->sql.db, script, NULL, NULL, NULL) == SQLITE_OK ||
           nt_sql_fail(&catalogue->sql, error);
}

/* From the version there is to the newest. */
static bool run_migrations(NtCatalogue *catalogue, GError **error) {
    for (; catalogue->version < (int)G_N_ELEMENTS(migrations); catalogue->version++) {
        if (!run_script(catalogue, migrations[catalogue->version], error) ||
            (catalogue->version == WORDS_MIGRATION && !nt_words_build(catalogue, error))) {
            return false;
        }
    }
    g_autofree char *names =
        g_strdup_printf("PRAGMA application_id=%d; PRAGMA user_version=%d",
                        catalogue->checked ? NT_IDENTITY_CHECKED : NT_IDENTITY, catalogue->version);
    return run_script(catalogue, names, error);
}

static bool migrate(NtCatalogue *catalogue, GError **error) {
    int before = catalogue->version;
    if (before == (int)G_N_ELEMENTS(migrations)) {
        return true;
    }
    if (run_script(catalogue, "BEGIN IMMEDIATE", error) && run_migrations(catalogue, error) &&
        run_script(catalogue, "COMMIT", error)) {
        return true;
    }
    sqlite3_exec(catalogue->sql.db, "ROLLBACK", NULL, NULL, NULL);
    catalogue->version = before;
    return false;
}

/* Builds a whole database at `path`, which must not exist. */
static bool build(const char *path, GError **error) {
    NtCatalogue fresh = {.sql = {.path = (char *)path, .remedy = NT_CATALOGUE_REMEDY}, .lock_fd = -1, .checked = true};
    int reserved = NT_PAGE_CHECKSUM_BYTES;
    fresh.sql.statements = nt_statements_new();
    int rc = sqlite3_open_v2(path, &fresh.sql.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    bool ok = rc == SQLITE_OK || nt_sql_fail_rc(&fresh.sql, rc, error);
    if (ok && (rc = sqlite3_file_control(fresh.sql.db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)) != SQLITE_OK) {
        ok = nt_sql_fail_rc(&fresh.sql, rc, error);
    }
    if (ok && sqlite3_exec(fresh.sql.db, "PRAGMA synchronous=FULL", NULL, NULL, NULL) != SQLITE_OK) {
        ok = nt_sql_fail(&fresh.sql, error);
    }
    ok = ok && migrate(&fresh, error);
    g_clear_pointer(&fresh.fields, g_array_unref);
    nt_statements_free(fresh.sql.statements);
    sqlite3_close(fresh.sql.db);
    return ok;
}

bool nt_schema_create(const char *path, GError **error) {
    g_autofree char *temporary = g_strdup_printf("%s.new", path);
    g_autofree char *journal = g_strdup_printf("%s-journal", temporary);
    g_unlink(temporary); /* left by a stop in the middle of an earlier creation */
    g_unlink(journal);
    if (!build(temporary, error)) {
        g_unlink(temporary);
        g_unlink(journal);
        return false;
    }
    if (rename(temporary, path) != 0) {
        return nt_fail_errno(error, errno, "%s: cannot be put in place", path);
    }
    return nt_sync_folder_of(path, error);
}

static uint32_t big_endian(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool check_version(const char *path, int64_t version, GError **error) {
    if (version < 1) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: damaged, or not of niteru: its layout has no number", path);
    }
    return version <= (int64_t)G_N_ELEMENTS(migrations) ||
           nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                   "%s: made by a newer niteru (layout %" G_GINT64_FORMAT ", this one knows %zu); update niteru", path,
                   version, G_N_ELEMENTS(migrations));
}

bool nt_schema_check_file(const char *path, GError **error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s", path);
    }
    uint8_t head[100];
    ssize_t got = pread(fd, head, sizeof head, 0);
    int saved = errno;
    close(fd);
    if (got < 0) {
        return nt_fail_errno(error, saved, "%s", path);
    }
    if (got < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", 16) != 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: %s; it was left as it is: restore a backup, or move it away to begin anew", path,
                       got == 0 ? "empty, where a database should be" : "not a database of niteru, or damaged");
    }
    uint32_t identity = big_endian(head + 68);
    if (identity != NT_IDENTITY && identity != NT_IDENTITY_CHECKED) {
        return nt_fail(
            error, NITERU_ERROR_CORRUPT,
            "%s: a SQLite database of another program, or damaged; it was left as it is: name another folder, "
            "or restore a backup",
            path);
    }
    if (nt_page_state(head) == NT_PAGES_CONTRADICT) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: its first bytes are damaged; it was left as it is: restore a backup, or move the "
                       "catalogue away and index its sources into a new one",
                       path);
    }
    return check_version(path, (int64_t)big_endian(head + 60), error);
}

bool nt_schema_check(NtCatalogue *catalogue, GError **error) {
    int64_t identity = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &identity, error, "PRAGMA application_id", "")) {
        return false;
    }
    catalogue->checked = identity == NT_IDENTITY_CHECKED;
    if (identity != NT_IDENTITY && !catalogue->checked) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: a SQLite database of another program", catalogue->sql.path);
    }
    return nt_schema_refresh(catalogue, error);
}

bool nt_schema_is_newest(const NtCatalogue *catalogue) { return catalogue->version == (int)G_N_ELEMENTS(migrations); }

bool nt_schema_migrate(NtCatalogue *catalogue, GError **error) {
    return nt_schema_refresh(catalogue, error) && migrate(catalogue, error);
}

bool nt_schema_refresh(NtCatalogue *catalogue, GError **error) {
    int64_t version = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &version, error, "PRAGMA user_version", "") ||
        !check_version(catalogue->sql.path, version, error)) {
        return false;
    }
    catalogue->version = (int)version;
    return true;
}

static bool quick_check(NtCatalogue *catalogue, const char *pragma, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, pragma, "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    const char *verdict = nt_column_text(&query, 0);
    return g_strcmp0(verdict, "ok") == 0 || (nt_sql_fail_rc(&catalogue->sql, SQLITE_CORRUPT, error),
                                             g_prefix_error(error, "%s; ", verdict != NULL ? verdict : "?"), false);
}

bool nt_schema_quick_check(NtCatalogue *catalogue, GError **error) {
    int64_t pages = 0, page_size = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &pages, error, "PRAGMA page_count", "") ||
        !nt_sql_int(&catalogue->sql, 0, &page_size, error, "PRAGMA page_size", "")) {
        return false;
    }
    if (pages * page_size <= QUICK_CHECK_BYTES) {
        return nt_words_renew(catalogue, error) && quick_check(catalogue, "PRAGMA quick_check(1)", error);
    }
    static const char *const small[] = {"PRAGMA quick_check('meta')", "PRAGMA quick_check('source')",
                                        "PRAGMA quick_check('field')", "PRAGMA quick_check('model')",
                                        "PRAGMA quick_check('api_key')"};
    for (size_t i = 0; i < G_N_ELEMENTS(small); i++) {
        if (!quick_check(catalogue, small[i], error)) {
            return false;
        }
    }
    return true;
}

/* SQLite's finding in our words: without its heading, and a page that we refused as what it is. */
static char *finding(const char *text) {
    static const char heading[] = "*** in database main ***\n";
    int page = 0, code = 0;
    text = g_str_has_prefix(text, heading) ? text + strlen(heading) : text;
    if (sscanf(text, "Page %d: unable to get the page. error code=%d", &page, &code) == 2 &&
        code == SQLITE_IOERR_DATA) {
        return g_strdup_printf("page %d of the database does not fit its checksum", page);
    }
    return g_strdup(text);
}

bool nt_catalogue_check(NtCatalogue *catalogue, void (*problem)(const char *text, void *data), void *data,
                        GError **error) {
    /* integrity_check (not quick_check): a flipped bit often leaves the table readable and only its index wrong. As a
     * statement: since SQLite 3.46 the function of that name takes 100 for a table's name. Its "ok" is no problem. */
    static const struct {
        int version; /* of the layout that the statement needs */
        const char *sql;
    } checks[] = {
        {1, "PRAGMA integrity_check(100)"},
        {1, "SELECT 'table ' || \"table\" || ', row ' || coalesce(rowid, '?') || ': refers to a ' || parent ||"
            " ' that is not there' FROM pragma_foreign_key_check() LIMIT 100"},
        {1, "SELECT 'model ' || m.name || ': row ' || v.vrow || ' is named, but only ' || m.rows || ' rows are there'"
            " FROM vector v JOIN model m USING(model) WHERE v.vrow < 0 OR v.vrow >= m.rows LIMIT 100"},
        {1, "SELECT 'model ' || m.name || ': checksums cover ' || coalesce((SELECT sum(rows) FROM block b WHERE"
            " b.model = m.model), 0) || ' of ' || m.rows || ' rows' FROM model m WHERE m.rows <>"
            " coalesce((SELECT sum(rows) FROM block b WHERE b.model = m.model), 0)"},
        {2, "SELECT 'model ' || m.name || ': row ' || v.vrow || ': who made it is not known' FROM vector v"
            " JOIN model m USING(model) WHERE v.maker <> 0 AND v.maker NOT IN (SELECT maker FROM maker) LIMIT 100"},
        {3, "SELECT 'model ' || name || ': ' || dead || ' rows are counted as dead, ' || counted || ' are' FROM"
            " (SELECT name, dead, rows - (SELECT count(*) FROM vector v WHERE v.model = m.model AND EXISTS"
            " (SELECT 1 FROM photo f WHERE f.content = v.content)) AS counted FROM model m) WHERE dead <> counted"},
        {3, "SELECT 'product ' || p.id || ': its number is free too' FROM free_product CROSS JOIN product p"
            " USING(product) LIMIT 100"},
    };
    bool told = false; /* each statement that comes to a damaged page fails alike */
    nt_words_renew(catalogue, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(checks) && checks[i].version <= catalogue->version; i++) {
        g_auto(NtQuery) query = {0};
        g_autoptr(GError) fault = NULL;
        int step = nt_query_open(&query, &catalogue->sql, &fault, checks[i].sql, "") ? 1 : -1;
        while (step == 1 && (step = nt_query_step(&query, &fault)) == 1) {
            const char *text = nt_column_text(&query, 0);
            if (g_strcmp0(text, "ok") != 0) {
                g_autofree char *words = finding(text != NULL ? text : "?");
                problem(words, data);
            }
        }
        if (step < 0 && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CORRUPT)) {
            if (!told) {
                problem(fault->message, data);
            }
            told = true;
        } else if (step < 0) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
    return told || nt_words_check(catalogue, problem, data, error);
}
