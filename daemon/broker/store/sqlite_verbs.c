/* sqlite_verbs.c - one operation each, within the writer's transaction.  Runs in: broker, writer.
 *
 * A function returns SQLITE_OK when the operation has its result, and SQLite's code when it could
 * not be carried out: then the whole transaction is rolled back, and nothing here is left behind
 * but s->totals and s->top, which the writer keeps from before.
 */
#include "daemon/broker/store/sqlite.h"

static const char *const sql[STATEMENTS] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_META] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	[ST_JOB_ADD] = "INSERT INTO job (id, spec, past, labels, args, log)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ST_JOB_GET] = "SELECT spec, past, labels, args, log FROM job WHERE id = ?1",
	[ST_JOB_CHANGE] = "UPDATE job SET past = ?2, log = ifnull(?3, log) WHERE id = ?1",
	[ST_JOB_REMOVE] = "DELETE FROM job WHERE id = ?1",
	[ST_HISTORY_ADD] = "INSERT INTO history (id, state, blocks, created_ms, ended_ms, keep_ms,"
	    " grp, idx, type, queue, tenant, principal, labels, past, spec, failure, text, args, log)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
	[ST_HISTORY_GET] = "SELECT spec, past, labels, args, log, state, blocks,"
	    " ifnull(length(failure), 0) + ifnull(length(text), 0) FROM history WHERE id = ?1",
	[ST_HISTORY_CHANGE] = "UPDATE history SET past = ?2, blocks = ?3 WHERE id = ?1",
	[ST_HISTORY_REMOVE] = "DELETE FROM history WHERE id = ?1",
	[ST_GROUP_FIND] = "SELECT 1 FROM history WHERE grp = ?1"
	    " LIMIT 1",
	[ST_GROUP_DROP] = "INSERT OR IGNORE INTO dropped (grp) VALUES (?1)",
	[ST_DROPPED_FIND] = "SELECT 1 FROM dropped WHERE grp = ?1",
	[ST_DROPPED_OVER] = "DELETE FROM dropped WHERE grp IN (SELECT grp FROM dropped AS d"
	    " WHERE NOT EXISTS (SELECT 1 FROM history WHERE history.grp = d.grp) LIMIT 100)",
	[ST_UNIQUE_OVER] = "DELETE FROM uniq WHERE key IN (SELECT key FROM uniq"
	    " WHERE until_ms > 0 AND until_ms <= ?1 LIMIT 100)",
	[ST_RETAIN_KEPT] = "SELECT id, blocks, ended_ms, keep_ms, grp FROM history"
	    " WHERE id > ?1 AND state <> 4 ORDER BY id",
	[ST_RETAIN_FAILED] = "SELECT id, blocks, ended_ms, keep_ms, grp FROM history"
	    " INDEXED BY history_failed WHERE id > ?1 AND state = 4 ORDER BY id",
	[ST_UNIQUE_GET] = "SELECT id, until_ms FROM uniq WHERE key = ?1",
	[ST_UNIQUE_PUT] = "INSERT OR REPLACE INTO uniq (key, id, until_ms, state, print)"
	    " VALUES (?1, ?2, ?3, 0, ?4)",
	[ST_UNIQUE_END] = "UPDATE uniq SET state = ?3 WHERE key = ?1 AND id = ?2",
	[ST_UNIQUE_REMOVE] = "DELETE FROM uniq WHERE key = ?1 AND id = ?2",
	[ST_ITEM_PUT] = "INSERT OR REPLACE INTO item (kind, name, text) VALUES (?1, ?2, ?3)",
	[ST_ITEM_REMOVE] = "DELETE FROM item WHERE kind = ?1 AND name = ?2",
};

enum { GET_SPEC, GET_PAST, GET_LABELS, GET_ARGS, GET_LOG, GET_STATE, GET_BLOCKS, GET_END_BYTES };

int
verbs_prepare(struct sqlite_store *s)
{
	int	rc = SQLITE_OK;

	for (int i = 0; i < STATEMENTS && rc == SQLITE_OK; i++)
		rc = db_prepare(s->db, sql[i], &s->statements[i]);
	return rc;
}

/* ---- statements ---- */

int
verb_run(struct sqlite_store *s, enum statement which)
{
	sqlite3_stmt	*st = s->statements[which];
	int		 rc = sqlite3_step(st), reset = sqlite3_reset(st);

	return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static int
run_with_id(struct sqlite_store *s, enum statement which, uint64_t id)
{
	sqlite3_bind_int64(s->statements[which], 1, (sqlite3_int64)id);
	return verb_run(s, which);
}

/* Steps a query for one row: SQLITE_ROW, which the caller resets; SQLITE_DONE: none; or the error. */
static int
find(struct sqlite_store *s, enum statement which)
{
	sqlite3_stmt	*st = s->statements[which];
	int		 rc = sqlite3_step(st);

	if (rc != SQLITE_ROW)
		sqlite3_reset(st);
	return rc;
}

static int
find_id(struct sqlite_store *s, enum statement which, uint64_t id)
{
	sqlite3_bind_int64(s->statements[which], 1, (sqlite3_int64)id);
	return find(s, which);
}

/* *there: is a job of this id in the table that `which` looks into? */
static int
is_there(struct sqlite_store *s, enum statement which, uint64_t id, bool *there)
{
	int	rc = find_id(s, which, id);

	*there = rc == SQLITE_ROW;
	sqlite3_reset(s->statements[which]);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What is not in one table: is it in the other, or nowhere? */
static int
stale_or_not_found(struct sqlite_store *s, enum statement other, struct store_op *op)
{
	bool	there;
	int	rc = is_there(s, other, op->id, &there);

	op->result = there ? STORE_STALE : STORE_NOTFOUND;
	return rc;
}

static bool
changed_none(struct sqlite_store *s)
{
	return sqlite3_changes(s->db) == 0;
}

/* ---- totals ---- */

static void
count_history(struct totals *t, uint8_t state, int64_t rows, int64_t bytes)
{
	if (state == STORED_FAILED) {
		t->failed += rows;
		t->failed_bytes += bytes;
	} else {
		t->kept += rows;
		t->kept_bytes += bytes;
	}
}

static int64_t
got_bytes(sqlite3_stmt *got)
{
	int64_t	bytes = 0;

	for (int i = GET_SPEC; i <= GET_LOG; i++)
		bytes += (int64_t)db_column(got, i).len;
	return bytes;
}

/* ---- unique keys ---- */

/* Sees whether the key is another's; a key whose time is over is nobody's. */
static int
key_owner(struct sqlite_store *s, const struct store_op *op, uint64_t *owner)
{
	sqlite3_stmt	*st = s->statements[ST_UNIQUE_GET];
	int64_t		 until_ms;
	int		 rc;

	*owner = 0;
	db_bind_text(st, 1, op->unique_key);
	if ((rc = find(s, ST_UNIQUE_GET)) == SQLITE_DONE)
		return SQLITE_OK;
	if (rc != SQLITE_ROW)
		return rc;
	until_ms = sqlite3_column_int64(st, 1);
	if (until_ms == 0 || (until_ms > s->now_ms && !op->unique_over))
		*owner = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return SQLITE_OK;
}

static int
key_take(struct sqlite_store *s, const struct store_op *op)
{
	sqlite3_stmt	*st = s->statements[ST_UNIQUE_PUT];

	if (op->unique_key.len == 0)
		return SQLITE_OK;
	db_bind_text(st, 1, op->unique_key);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)op->id);
	sqlite3_bind_int64(st, 3, op->unique_until_ms);
	db_bind_text(st, 4, op->unique_print);
	return verb_run(s, ST_UNIQUE_PUT);
}

/* The job has ended: its key is free, or stays for a time and says how it ended. */
static int
key_release(struct sqlite_store *s, const struct store_op *op)
{
	enum statement	 which = op->unique_until_ms == 0 ? ST_UNIQUE_REMOVE : ST_UNIQUE_END;
	sqlite3_stmt	*st = s->statements[which];

	if (op->unique_key.len == 0)
		return SQLITE_OK;
	db_bind_text(st, 1, op->unique_key);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)op->id);
	if (which == ST_UNIQUE_END)
		sqlite3_bind_int(st, 3, op->end.state);
	return verb_run(s, which);
}

/* Is the id or the key there already?  Then op has its result. */
static int
check_new(struct sqlite_store *s, struct store_op *op)
{
	bool	there = false;
	int	rc = SQLITE_OK;

	if (op->id <= s->top) {
		rc = is_there(s, ST_JOB_GET, op->id, &there);
		if (rc == SQLITE_OK && !there)
			rc = is_there(s, ST_HISTORY_GET, op->id, &there);
	}
	if (there)
		op->other = op->id;
	else if (rc == SQLITE_OK && op->unique_key.len > 0)
		rc = key_owner(s, op, &op->other);
	op->result = op->other == 0 ? STORE_OK : STORE_DUP;
	return rc;
}

/* ---- jobs ---- */

static int
put_job(struct sqlite_store *s, uint64_t id, const struct store_row *row)
{
	sqlite3_stmt	*st = s->statements[ST_JOB_ADD];
	int		 rc;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	db_bind_bytes(st, 2, row->spec);
	db_bind_bytes(st, 3, row->past);
	db_bind_text(st, 4, row->labels);
	db_bind_bytes(st, 5, row->args);
	db_bind_bytes(st, 6, row->log);
	if ((rc = verb_run(s, ST_JOB_ADD)) == SQLITE_OK)
		s->totals.live++;
	return rc;
}

static int
job_add(struct sqlite_store *s, struct store_op *op)
{
	const struct store_row	row = {
		.spec = op->spec, .past = op->past, .labels = op->labels, .args = op->args,
	};
	int			rc;

	if ((rc = check_new(s, op)) != SQLITE_OK || op->result != STORE_OK)
		return rc;
	if ((rc = put_job(s, op->id, &row)) != SQLITE_OK)
		return rc;
	if (op->id > s->top)
		s->top = op->id;
	return key_take(s, op);
}

/* One of history that others wait behind may be changed, too. */
static int
change_blocking(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt	*got = s->statements[ST_HISTORY_GET], *st = s->statements[ST_HISTORY_CHANGE];
	bool		 blocks;
	int		 rc = find_id(s, ST_HISTORY_GET, op->id);

	if (rc == SQLITE_DONE) {
		op->result = STORE_NOTFOUND;
		return SQLITE_OK;
	}
	if (rc != SQLITE_ROW)
		return rc;
	blocks = sqlite3_column_int(got, GET_BLOCKS) != 0;
	if (blocks)
		count_history(&s->totals, (uint8_t)sqlite3_column_int(got, GET_STATE), 0,
		    (int64_t)op->past.len - (int64_t)db_column(got, GET_PAST).len);
	sqlite3_reset(got);
	if (!blocks) {
		op->result = STORE_STALE;
		return SQLITE_OK;
	}
	sqlite3_bind_int64(st, 1, (sqlite3_int64)op->id);
	db_bind_bytes(st, 2, op->past);
	sqlite3_bind_int(st, 3, op->end.blocks);
	return verb_run(s, ST_HISTORY_CHANGE);
}

static int
job_change(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt	*st = s->statements[ST_JOB_CHANGE];
	int		 rc;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)op->id);
	db_bind_bytes(st, 2, op->past);
	db_bind_bytes(st, 3, op->log);
	if ((rc = verb_run(s, ST_JOB_CHANGE)) != SQLITE_OK)
		return rc;
	return changed_none(s) ? change_blocking(s, op) : SQLITE_OK;
}

static int
put_history(struct sqlite_store *s, const struct store_op *op, sqlite3_stmt *job)
{
	sqlite3_stmt			*st = s->statements[ST_HISTORY_ADD];
	const struct store_end		*end = &op->end;

	sqlite3_bind_int64(st, 1, (sqlite3_int64)op->id);
	sqlite3_bind_int(st, 2, end->state);
	sqlite3_bind_int(st, 3, end->blocks);
	sqlite3_bind_int64(st, 4, end->created_ms);
	sqlite3_bind_int64(st, 5, end->ended_ms);
	sqlite3_bind_int64(st, 6, end->keep_ms);
	sqlite3_bind_null(st, 7);
	sqlite3_bind_null(st, 8);
	if (end->group != 0) {
		sqlite3_bind_int64(st, 7, (sqlite3_int64)end->group);
		sqlite3_bind_int64(st, 8, (sqlite3_int64)end->index);
	}
	db_bind_text(st, 9, end->type);
	db_bind_text(st, 10, end->queue);
	db_bind_text(st, 11, end->tenant);
	db_bind_text(st, 12, end->principal);
	db_bind_text(st, 13, db_column(job, GET_LABELS));
	db_bind_bytes(st, 14, op->past.len > 0 ? op->past : db_column(job, GET_PAST));
	db_bind_bytes(st, 15, db_column(job, GET_SPEC));
	db_bind_bytes(st, 16, end->failure);
	db_bind_bytes(st, 17, end->text);
	db_bind_bytes(st, 18, db_column(job, GET_ARGS));
	db_bind_bytes(st, 19, op->log.len > 0 ? op->log : db_column(job, GET_LOG));
	return verb_run(s, ST_HISTORY_ADD);
}

static int64_t
history_bytes(const struct store_op *op, sqlite3_stmt *job)
{
	int64_t	bytes = got_bytes(job);

	if (op->past.len > 0)
		bytes += (int64_t)op->past.len - (int64_t)db_column(job, GET_PAST).len;
	if (op->log.len > 0)
		bytes += (int64_t)op->log.len - (int64_t)db_column(job, GET_LOG).len;
	return bytes + (int64_t)op->end.failure.len + (int64_t)op->end.text.len;
}

/* From the hot table into history: what the broker need not have in memory comes along. */
static int
job_end(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt	*job = s->statements[ST_JOB_GET];
	int64_t		 bytes;
	int		 rc = find_id(s, ST_JOB_GET, op->id);

	if (rc == SQLITE_DONE)
		return stale_or_not_found(s, ST_HISTORY_GET, op);
	if (rc != SQLITE_ROW)
		return rc;
	bytes = history_bytes(op, job);
	rc = put_history(s, op, job);
	sqlite3_reset(job);
	if (rc == SQLITE_OK)
		rc = run_with_id(s, ST_JOB_REMOVE, op->id);
	if (rc != SQLITE_OK)
		return rc;
	s->totals.live--;
	count_history(&s->totals, op->end.state, 1, bytes);
	history_ended(s, &op->end);
	return key_release(s, op);
}

int
history_remove(struct sqlite_store *s, uint64_t id, uint8_t state, int64_t bytes)
{
	int	rc = run_with_id(s, ST_HISTORY_REMOVE, id);

	if (rc == SQLITE_OK)
		count_history(&s->totals, state, -1, -bytes);
	return rc;
}

/* The row that ST_HISTORY_GET is at, which is reset. */
static int
remove_got(struct sqlite_store *s, uint64_t id)
{
	sqlite3_stmt	*got = s->statements[ST_HISTORY_GET];
	int64_t		 bytes = got_bytes(got) + sqlite3_column_int64(got, GET_END_BYTES);
	uint8_t		 state = (uint8_t)sqlite3_column_int(got, GET_STATE);

	sqlite3_reset(got);
	return history_remove(s, id, state, bytes);
}

/* May it have its key?  Then op has its result; its own, from before, is no other's. */
static int
check_again(struct sqlite_store *s, struct store_op *op)
{
	int	rc = SQLITE_OK;

	if (op->unique_key.len > 0)
		rc = key_owner(s, op, &op->other);
	if (op->other == op->id)
		op->other = 0;
	op->result = op->other == 0 ? STORE_OK : STORE_DUP;
	return rc;
}

static int
job_again(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt		*got = s->statements[ST_HISTORY_GET];
	struct store_row	 row;
	int			 rc = find_id(s, ST_HISTORY_GET, op->id);

	if (rc == SQLITE_DONE)
		return stale_or_not_found(s, ST_JOB_GET, op);
	if (rc != SQLITE_ROW)
		return rc;
	if ((rc = check_again(s, op)) != SQLITE_OK || op->result != STORE_OK) {
		sqlite3_reset(got);
		return rc;
	}
	row = (struct store_row){
		.spec = db_column(got, GET_SPEC), .labels = db_column(got, GET_LABELS),
		.args = db_column(got, GET_ARGS),
		.past = op->past.len > 0 ? op->past : db_column(got, GET_PAST),
		.log = db_column(got, GET_LOG),
	};
	if ((rc = put_job(s, op->id, &row)) == SQLITE_OK)
		rc = remove_got(s, op->id);
	else
		sqlite3_reset(got);
	return rc == SQLITE_OK ? key_take(s, op) : rc;
}

int
history_forget(struct sqlite_store *s, uint64_t id)
{
	int	rc = find_id(s, ST_HISTORY_GET, id);

	if (rc == SQLITE_DONE)
		return SQLITE_OK;
	return rc == SQLITE_ROW ? remove_got(s, id) : rc;
}

static int
job_forget(struct sqlite_store *s, struct store_op *op)
{
	int	rc = find_id(s, ST_HISTORY_GET, op->id);

	if (rc == SQLITE_DONE)
		return stale_or_not_found(s, ST_JOB_GET, op);
	return rc == SQLITE_ROW ? remove_got(s, op->id) : rc;
}

/* Its members are removed in small steps, later. */
static int
group_drop(struct sqlite_store *s, struct store_op *op)
{
	bool	there;
	int	rc = is_there(s, ST_GROUP_FIND, op->id, &there);

	if (rc != SQLITE_OK)
		return rc;
	if (!there) {
		op->result = STORE_NOTFOUND;
		return SQLITE_OK;
	}
	return run_with_id(s, ST_GROUP_DROP, op->id);
}

/* ---- items ---- */

/* An empty one is a text, too. */
static void
bind_string(sqlite3_stmt *st, int at, struct span text)
{
	sqlite3_bind_text64(st, at, text.len == 0 ? "" : text.p, text.len, SQLITE_STATIC,
	    SQLITE_UTF8);
}

static int
item_put(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt	*st = s->statements[ST_ITEM_PUT];

	bind_string(st, 1, op->kind);
	bind_string(st, 2, op->name);
	bind_string(st, 3, op->text);
	return verb_run(s, ST_ITEM_PUT);
}

static int
item_delete(struct sqlite_store *s, struct store_op *op)
{
	sqlite3_stmt	*st = s->statements[ST_ITEM_REMOVE];
	int		 rc;

	bind_string(st, 1, op->kind);
	bind_string(st, 2, op->name);
	if ((rc = verb_run(s, ST_ITEM_REMOVE)) == SQLITE_OK && changed_none(s))
		op->result = STORE_NOTFOUND;
	return rc;
}

int
verb_carry_out(struct sqlite_store *s, struct store_op *op)
{
	static int (*const verbs[STORE_VERBS])(struct sqlite_store *, struct store_op *) = {
		[STORE_ADD] = job_add, [STORE_CHANGE] = job_change, [STORE_END] = job_end,
		[STORE_AGAIN] = job_again, [STORE_FORGET] = job_forget, [STORE_DROP] = group_drop,
		[STORE_PUT] = item_put, [STORE_DELETE] = item_delete,
	};

	op->result = STORE_OK;
	op->other = 0;
	return verbs[op->verb](s, op);
}
