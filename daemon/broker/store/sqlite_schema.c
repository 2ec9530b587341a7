/* sqlite_schema.c - the tables, and how older ones become them.  Runs in: broker, loop thread,
 * before the store's threads start.
 *
 * A version that was released is never changed: a new one is a step more.  Each step is one
 * transaction with its number, so a crash leaves one version or the other.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <stdio.h>

#define APPLICATION_ID	0x6a6f6264	/* "jobd": `file jobs.db' shows it */

#define ENOUGH_FOR_A_PRAGMA	64

/*
 * Columns that are compared or searched are TEXT; JSON that is only handed back is BLOB: its length
 * is known without reading it.  What is long comes last in a row, since reading a column reads all
 * before it.
 *
 *   job       live jobs, by id: written once, changed rarely, removed
 *   history   finished ones.  state: enum stored_state; keep_ms 0: as configured; blocks: holds up
 *             others behind its order key; grp, idx: its group and its place there,
 *             NULL without; text: the result, or the failure's message; log: what its attempts
 *             said (logs/log.h), NULL when that was nothing
 *   dropped   groups whose members may be forgotten
 *   uniq      unique keys; until_ms 0: until the job ends; state: how it ended, 0 while it lives
 *   item      queues' settings, groups, schedules, profiles
 *   meta      boot: starts so far; the others: struct totals
 *
 * An index on a rowid table ends with the id.  Those here are partial, so the common job, which
 * succeeds and is in no group, is in none.
 */
static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE job (id INTEGER PRIMARY KEY, spec BLOB, past BLOB, labels TEXT, args BLOB)"
	" STRICT;"
	"CREATE TABLE history (id INTEGER PRIMARY KEY, state INTEGER NOT NULL,"
	" blocks INTEGER NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
	" keep_ms INTEGER NOT NULL, grp INTEGER, idx INTEGER,"
	" type TEXT, queue TEXT, tenant TEXT, principal TEXT,"
	" labels TEXT, past BLOB, spec BLOB, failure BLOB, text BLOB, args BLOB) STRICT;"
	"CREATE INDEX history_group ON history (grp, idx, state)"
	" WHERE grp IS NOT NULL;"
	"CREATE INDEX history_failed ON history (state) WHERE state = 4;"
	"CREATE INDEX history_blocks ON history (blocks) WHERE blocks = 1;"
	"CREATE TABLE dropped (grp INTEGER PRIMARY KEY) STRICT;"
	"CREATE TABLE uniq (key TEXT PRIMARY KEY, id INTEGER NOT NULL, until_ms INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX uniq_until ON uniq (until_ms) WHERE until_ms > 0;"
	"CREATE TABLE item (kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,"
	" PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;",
	/* 2 */
	"ALTER TABLE uniq ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE uniq ADD COLUMN print TEXT;",
	/* 3 */
	"ALTER TABLE job ADD COLUMN log BLOB;"
	"ALTER TABLE history ADD COLUMN log BLOB;",
};

const int schema_version = (int)(sizeof(steps) / sizeof(steps[0]));

static int
step(sqlite3 *db, int to)
{
	char	pragmas[2 * ENOUGH_FOR_A_PRAGMA];
	int	rc;

	snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %d",
	    APPLICATION_ID, to);
	if ((rc = db_run(db, "BEGIN IMMEDIATE")) != SQLITE_OK)
		return rc;
	if ((rc = db_run(db, steps[to - 1])) == SQLITE_OK &&
	    (rc = db_run(db, pragmas)) == SQLITE_OK)
		rc = db_run(db, "COMMIT");
	if (rc != SQLITE_OK && sqlite3_get_autocommit(db) == 0)
		(void)db_run(db, "ROLLBACK");
	return rc;
}

/* Of another program, or of a later jobd? */
static int
check_owner(int64_t application, int64_t version, int64_t tables, const char *path, char *why,
    size_t size)
{
	if (application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0)) {
		snprintf(why, size, "%s is a database of another program: move it away", path);
		return -EINVAL;
	}
	if (version > schema_version) {
		snprintf(why, size, "%s has schema version %d, and this jobd knows versions up to %d: "
		    "start the newer jobd that wrote it", path, (int)version, schema_version);
		return -EPROTO;
	}
	return 0;
}

int
schema_upgrade(sqlite3 *db, const char *path, char *why, size_t size)
{
	int	rc = SQLITE_OK, failed;
	int64_t	application = db_number(db, "PRAGMA application_id", 0, &rc), version = 0, tables = 0;

	if (rc == SQLITE_OK)
		version = db_number(db, "PRAGMA user_version", 0, &rc);
	if (rc == SQLITE_OK)
		tables = db_number(db, "SELECT count(*) FROM sqlite_schema", 0, &rc);
	if (rc != SQLITE_OK)
		return db_explain(db, path, rc, why, size);
	if ((failed = check_owner(application, version, tables, path, why, size)) != 0)
		return failed;
	for (int to = (int)version + 1; to <= schema_version; to++)
		if ((rc = step(db, to)) != SQLITE_OK)
			return db_explain(db, path, rc, why, size);
	return 0;
}
