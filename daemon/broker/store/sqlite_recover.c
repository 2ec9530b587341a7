/* sqlite_recover.c - what is found after a start, read a batch ahead of the loop.  Runs in: broker;
 * writer, and the loop thread for what was handed over.
 */
#include "daemon/broker/store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define FOUND_ROWS	512
#define FOUND_BYTES	(256 * 1024)	/* of rows in a batch, about */

struct chunk {
	struct chunk	*next;
	size_t		 used, cap;
	char		 bytes[];
};

struct found_batch {
	uint32_t		 len, at;	/* rows; the next one of them */
	size_t			 bytes;
	struct chunk		*chunks;	/* the newest first */
	bool			 failed;
	char			 why[160];
	struct store_found	 rows[FOUND_ROWS];
};

/* ---- a batch ---- */

static struct found_batch *
found_new(void)
{
	struct found_batch	*b = mem_alloc(sizeof(*b));

	memset(b, 0, offsetof(struct found_batch, rows));
	return b;
}

void
found_free(struct found_batch *b)
{
	struct chunk	*c, *next;

	if (b == NULL)
		return;
	for (c = b->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(b);
}

static char *
room(struct found_batch *b, size_t len)
{
	struct chunk	*c = b->chunks;

	if (c == NULL || c->cap - c->used < len) {
		size_t	cap = len > FOUND_BYTES ? len : FOUND_BYTES;

		c = mem_alloc(sizeof(*c) + cap);
		*c = (struct chunk){ .next = b->chunks, .cap = cap };
		b->chunks = c;
	}
	c->used += len;
	return c->bytes + c->used - len;
}

/* A copy of a column that lives as long as the batch; NULL where the column is. */
static struct span
keep(struct found_batch *b, sqlite3_stmt *st, int column)
{
	struct span	value = db_column(st, column);
	char		*copy;

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return (struct span){ 0 };
	copy = room(b, value.len);
	if (value.len > 0)
		memcpy(copy, value.p, value.len);
	b->bytes += value.len;
	return (struct span){ copy, value.len };
}

/* ---- the writer's side ---- */

struct recovery {
	struct sqlite_store	*store;
	struct found_batch	*batch;
	uint64_t		 at, of;	/* jobs */
	bool			 goes_on;	/* the loop still wants them */
};

static void
hand_over(struct recovery *r)
{
	r->goes_on = handover_offer(&r->store->handover, r->batch);
	if (!r->goes_on)
		found_free(r->batch);
	r->batch = found_new();
}

static struct store_found *
add(struct recovery *r, enum store_kind is)
{
	struct store_found	*f;

	if (r->batch->len == FOUND_ROWS || r->batch->bytes >= FOUND_BYTES)
		hand_over(r);
	f = &r->batch->rows[r->batch->len++];
	*f = (struct store_found){ .is = is };
	return f;
}

static int
each(struct recovery *r, const char *sql, void (*take)(struct recovery *, sqlite3_stmt *))
{
	sqlite3_stmt	*st = NULL;
	int		 rc = db_prepare(r->store->db, sql, &st);

	if (rc == SQLITE_OK)
		sqlite3_bind_int64(st, 1, clock_real_ms());
	while (rc == SQLITE_OK && r->goes_on) {
		if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			take(r, st);
			rc = SQLITE_OK;
		}
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void
take_item(struct recovery *r, sqlite3_stmt *st)
{
	struct store_found	*f = add(r, STORE_ITEM);

	f->kind = keep(r->batch, st, 0);
	f->name = keep(r->batch, st, 1);
	f->text = keep(r->batch, st, 2);
}

static void
take_unique(struct recovery *r, sqlite3_stmt *st)
{
	struct store_found	*f = add(r, STORE_UNIQUE);

	f->name = keep(r->batch, st, 0);
	f->job.id = (uint64_t)sqlite3_column_int64(st, 1);
	f->until_ms = sqlite3_column_int64(st, 2);
	f->state = (uint8_t)sqlite3_column_int(st, 3);
	f->text = keep(r->batch, st, 4);
}

static void
take_count(struct recovery *r, sqlite3_stmt *st)
{
	struct store_found	*f = add(r, STORE_GROUP_COUNT);

	f->group = (uint64_t)sqlite3_column_int64(st, 0);
	f->state = (uint8_t)sqlite3_column_int(st, 1);
	f->count = (uint64_t)sqlite3_column_int64(st, 2);
}

/* ---- jobs: live ones, and those of history that block others, merged by id ---- */

enum { JOB_ID, JOB_SPEC, JOB_PAST, JOB_LABELS, JOB_ARGS_LEN, JOB_ARGS, JOB_LOG, LIVE_COLUMNS };
#define LIVE_COLUMNS_SQL	"id, spec, past, labels, length(args), args, log"

/* Above the budget args are not even read: they may be in pages of their own. */
static void
take_args(struct recovery *r, struct store_row *row, sqlite3_stmt *st)
{
	size_t	len = (size_t)sqlite3_column_int64(st, JOB_ARGS_LEN);

	if (len <= r->store->args_left) {
		r->store->args_left -= len;
		row->args = keep(r->batch, st, JOB_ARGS);
	} else {
		row->args.len = len;
	}
}

static struct store_row *
take_job(struct recovery *r, sqlite3_stmt *st)
{
	struct store_found	*f = add(r, STORE_JOB);
	struct store_row	*row = &f->job;

	f->at = r->at++;
	f->of = r->of;
	row->id = (uint64_t)sqlite3_column_int64(st, JOB_ID);
	row->spec = keep(r->batch, st, JOB_SPEC);
	row->past = keep(r->batch, st, JOB_PAST);
	row->labels = keep(r->batch, st, JOB_LABELS);
	row->log = keep(r->batch, st, JOB_LOG);
	return row;
}

static void
take_live(struct recovery *r, sqlite3_stmt *st)
{
	struct store_row	*row = take_job(r, st);

	row->live = true;
	take_args(r, row, st);
}

static void
take_blocking(struct recovery *r, sqlite3_stmt *st)
{
	struct store_row	*row = take_job(r, st);
	struct store_end	*end = &row->end;
	int			 at = LIVE_COLUMNS;

	row->args.len = (size_t)sqlite3_column_int64(st, JOB_ARGS_LEN);
	end->blocks = true;
	end->state = (uint8_t)sqlite3_column_int(st, at++);
	end->created_ms = sqlite3_column_int64(st, at++);
	end->ended_ms = sqlite3_column_int64(st, at++);
	end->keep_ms = sqlite3_column_int64(st, at++);
	end->group = (uint64_t)sqlite3_column_int64(st, at++);
	end->index = (uint64_t)sqlite3_column_int64(st, at++);
	end->type = keep(r->batch, st, at++);
	end->queue = keep(r->batch, st, at++);
	end->tenant = keep(r->batch, st, at++);
	end->principal = keep(r->batch, st, at++);
	end->failure = keep(r->batch, st, at++);
	end->text = keep(r->batch, st, at++);
}

/* One of two runs of rows; id is INT64_MAX at its end. */
struct run {
	sqlite3_stmt	*st;
	sqlite3_int64	 id;
};

static int
next_of(struct run *run)
{
	int	rc = sqlite3_step(run->st);

	run->id = rc == SQLITE_ROW ? sqlite3_column_int64(run->st, JOB_ID) : INT64_MAX;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
merge(struct recovery *r, struct run *live, struct run *blocking)
{
	int	rc = next_of(live);

	if (rc == SQLITE_OK)
		rc = next_of(blocking);
	while (rc == SQLITE_OK && r->goes_on && (live->id != INT64_MAX || blocking->id != INT64_MAX)) {
		if (live->id < blocking->id) {
			take_live(r, live->st);
			rc = next_of(live);
		} else {
			take_blocking(r, blocking->st);
			rc = next_of(blocking);
		}
	}
	return rc;
}

static int
each_job(struct recovery *r)
{
	static const char	live_sql[] = "SELECT " LIVE_COLUMNS_SQL " FROM job ORDER BY id";
	static const char	blocking_sql[] = "SELECT " LIVE_COLUMNS_SQL ", state, created_ms,"
	    " ended_ms, keep_ms, grp, idx, type, queue, tenant, principal, failure,"
	    " text FROM history WHERE blocks = 1 ORDER BY id";
	struct run		live = { 0 }, blocking = { 0 };
	sqlite3			*db = r->store->db;
	int			rc;

	r->of = (uint64_t)db_number(db, "SELECT count(*) FROM history WHERE blocks = 1", 0, &rc) +
	    (uint64_t)r->store->totals.live;
	if (rc == SQLITE_OK)
		rc = db_prepare(db, live_sql, &live.st);
	if (rc == SQLITE_OK)
		rc = db_prepare(db, blocking_sql, &blocking.st);
	if (rc == SQLITE_OK)
		rc = merge(r, &live, &blocking);
	sqlite3_finalize(live.st);
	sqlite3_finalize(blocking.st);
	return rc;
}

static int
find_all(struct recovery *r)
{
	int	rc = each(r, "SELECT kind, name, text FROM item ORDER BY kind, name", take_item);

	if (rc == SQLITE_OK)
		rc = each_job(r);
	if (rc == SQLITE_OK)
		rc = each(r, "SELECT key, id, until_ms, state, print FROM uniq WHERE until_ms > ?1 AND until_ms > 0"
		    " AND NOT EXISTS (SELECT 1 FROM job WHERE job.id = uniq.id)", take_unique);
	if (rc == SQLITE_OK)
		rc = each(r, "SELECT grp, state, count(*) FROM history WHERE grp IS NOT NULL"
		    " AND NOT EXISTS (SELECT 1 FROM dropped WHERE dropped.grp = history.grp)"
		    " GROUP BY grp, state", take_count);
	return rc;
}

void
recover_main(struct sqlite_store *s)
{
	struct recovery	r = { .store = s, .batch = found_new(), .goes_on = true };
	int		rc = find_all(&r);

	if (rc == SQLITE_OK) {
		add(&r, STORE_RECOVERED);
	} else {
		r.batch->failed = true;
		db_explain(s->db, s->path, rc, r.batch->why, sizeof(r.batch->why));
	}
	if (!r.goes_on || !handover_offer(&s->handover, r.batch))
		found_free(r.batch);
}

/* ---- the loop's side ---- */

int
recover_next(struct sqlite_store *s, struct store_found *out, char *why, size_t size)
{
	struct found_batch	*b = s->fetched;

	if (b == NULL || (b->at == b->len && !b->failed)) {
		found_free(b);
		b = s->fetched = handover_found(&s->handover);
	}
	if (b == NULL)
		return 0;
	if (b->at < b->len) {
		*out = b->rows[b->at++];
		return 1;
	}
	snprintf(why, size, "%s", b->why);
	return -1;
}
