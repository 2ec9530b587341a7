/* check.c - is a store whole?  Runs in: jobd-store.
 *
 * First the file (SQLite's own check), then what jobd needs of it: each job can be read, what is
 * counted is what there is, and no unique key is held by a job that is not there.
 */
#include <stdlib.h>

#include "daemon/broker/store/record.h"
#include "daemon/broker/store/sqlite.h"
#include "daemon/keeper/keeper.h"

#define WRONG_SHOWN	20

struct check {
	sqlite3		*db;
	const char	*path;
	int64_t		 jobs, history;
	int		 wrong;
};

static void
wrong(struct check *c, const char *what, const char *detail)
{
	if (c->wrong++ < WRONG_SHOWN)
		fprintf(stderr, "jobd-store: %s: %s%s%s\n", c->path, what,
		    detail[0] == '\0' ? "" : ": ", detail);
}

/* Each row of a query is something that is wrong, in words. */
static void
ask(struct check *c, const char *what, const char *sql)
{
	sqlite3_stmt	*st = NULL;
	int		 rc = db_prepare(c->db, sql, &st);
	const char	*text;

	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(st, 0);
		wrong(c, what, text == NULL ? "" : text);
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE)
		wrong(c, what, sqlite3_errmsg(c->db));
	sqlite3_finalize(st);
}

static void
check_file(struct check *c)
{
	ask(c, "damaged", "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'");
}

static void
check_row(struct check *c, const struct store_row *row)
{
	struct job_record	rec;
	char			why[200], about[240];

	if (record_read(row, &rec, why, sizeof(why)) != 0) {
		snprintf(about, sizeof(about), "%llu: %s", (unsigned long long)row->id, why);
		wrong(c, "a job cannot be read", about);
	}
	record_fini(&rec);
}

static void
check_jobs(struct check *c)
{
	sqlite3_stmt	*st = NULL;
	int		 rc = db_prepare(c->db, "SELECT id, spec, past, labels, args FROM job", &st);

	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		const struct store_row	row = {
			.id = (uint64_t)sqlite3_column_int64(st, 0), .live = true,
			.spec = db_column(st, 1), .past = db_column(st, 2),
			.labels = db_column(st, 3), .args = db_column(st, 4),
		};

		c->jobs++;
		check_row(c, &row);
	}
	if (rc != SQLITE_OK)
		wrong(c, "jobs cannot be read", sqlite3_errmsg(c->db));
	sqlite3_finalize(st);
}

static void
check_history(struct check *c)
{
	sqlite3_stmt	*st = NULL;
	int		 rc = db_prepare(c->db, "SELECT id, spec, past, labels, args, state, created_ms,"
	    " ended_ms, type, queue, text, failure FROM history", &st);

	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		struct store_row	row = {
			.id = (uint64_t)sqlite3_column_int64(st, 0),
			.spec = db_column(st, 1), .past = db_column(st, 2),
			.labels = db_column(st, 3), .args = db_column(st, 4),
		};
		int			state = sqlite3_column_int(st, 5);

		c->history++;
		if (state < STORED_SUCCEEDED || state > STORED_EXPIRED) {
			wrong(c, "a job of history has a state that is none", "");
			continue;
		}
		row.end = (struct store_end){ .state = (uint8_t)state,
		    .created_ms = sqlite3_column_int64(st, 6), .ended_ms = sqlite3_column_int64(st, 7),
		    .type = db_column(st, 8), .queue = db_column(st, 9),
		    .text = db_column(st, 10), .failure = db_column(st, 11) };
		check_row(c, &row);
	}
	if (rc != SQLITE_OK)
		wrong(c, "history cannot be read", sqlite3_errmsg(c->db));
	sqlite3_finalize(st);
}

#define COUNTED(name, sql)	"SELECT '" name " is ' || m || ', and there are ' || n FROM (SELECT " \
	"ifnull((SELECT value FROM meta WHERE name = '" name "'), 0) AS m, (" sql ") AS n) WHERE m <> n"
#define BYTES	"SELECT ifnull(sum(ifnull(length(spec), 0) + ifnull(length(past), 0) +" \
	" ifnull(length(args), 0) + ifnull(length(log), 0) + ifnull(length(CAST(labels AS BLOB)), 0) +" \
	" ifnull(length(text), 0) + ifnull(length(failure), 0)), 0) FROM history"

static void
check_counts(struct check *c)
{
	static const char *const	counts[] = {
		COUNTED("live", "SELECT count(*) FROM job"),
		COUNTED("kept", "SELECT count(*) FROM history WHERE state <> 4"),
		COUNTED("failed", "SELECT count(*) FROM history WHERE state = 4"),
		COUNTED("kept_bytes", BYTES " WHERE state <> 4"),
		COUNTED("failed_bytes", BYTES " WHERE state = 4"),
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		ask(c, "a count is wrong", counts[i]);
	ask(c, "a job is live and history", "SELECT id FROM job WHERE id IN (SELECT id FROM history)");
	ask(c, "an id was not given out yet", "SELECT max(id) FROM (SELECT id FROM job UNION ALL"
	    " SELECT id FROM history) HAVING max(id) >= (SELECT value FROM meta WHERE name = 'next_id')");
	ask(c, "a unique key is held by a job that is not there", "SELECT key FROM uniq"
	    " WHERE until_ms = 0 AND id NOT IN (SELECT id FROM job)");
}

int
keeper_check(const char *path)
{
	struct check	c = { .path = path };
	char		why[256];
	int		rc;

	if (db_open(path, true, &c.db, why, sizeof(why)) != 0) {
		wrong(&c, "it cannot be opened", why);
		return 1;
	}
	check_file(&c);
	if (db_number(c.db, "PRAGMA user_version", 0, &rc) != schema_version)
		wrong(&c, "it is of another version of jobd", "");
	else if (db_run(c.db, "BEGIN") == SQLITE_OK) {
		check_jobs(&c);
		check_history(&c);
		check_counts(&c);
	}
	sqlite3_close(c.db);
	if (c.wrong > WRONG_SHOWN)
		fprintf(stderr, "jobd-store: %s: %d more\n", path, c.wrong - WRONG_SHOWN);
	if (c.wrong == 0)
		printf("%s is whole: %lld live jobs, %lld of history\n", path, (long long)c.jobs,
		    (long long)c.history);
	return c.wrong > 0;
}
