/* sqlite_query.c - jobs out of the database.  Runs in: broker, read thread; jobd-store.
 *
 * Statements are prepared once.  A value is copied into the query's memory, which moves while it
 * grows: until the end a span says where it is by its distance from the beginning, plus one.
 */
#include "daemon/broker/store/sqlite_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/job.h"
#include "lib/alloc.h"
#include "proto/json_find.h"

#define BUSY_MS		10000	/* the writer sets the log back: a moment */
#define LOOKED_AT	5000	/* rows that one LIST examines */

enum statement { LIVE, ENDED, LIVE_ARGS, LIVE_IS, ENDED_STATE, NEWEST, NEWEST_FAILED, MEMBER,
    STATEMENTS };

#define ENDED_SMALL	"id, state, blocks, created_ms, ended_ms, keep_ms, type, queue, tenant, " \
			"principal, grp, idx, spec, labels, past, failure"
#define ENDED_WHOLE	ENDED_SMALL ", args, text"
/* A list shows neither, and a long one would be read page by page. */
#define ENDED_LISTED	ENDED_SMALL ", length(args), length(text)"

static const char *const sql[STATEMENTS] = {
	[LIVE] = "SELECT id, spec, args, labels, past, log FROM job WHERE id = ?1",
	[ENDED] = "SELECT " ENDED_WHOLE ", log FROM history WHERE id = ?1",
	[LIVE_ARGS] = "SELECT id, args, labels FROM job WHERE id = ?1",
	[LIVE_IS] = "SELECT id FROM job WHERE id = ?1",
	[ENDED_STATE] = "SELECT id, state FROM history WHERE id = ?1",
	[NEWEST] = "SELECT " ENDED_LISTED " FROM history WHERE id < ?1 ORDER BY id DESC",
	[NEWEST_FAILED] = "SELECT " ENDED_LISTED " FROM history INDEXED BY history_failed"
	    " WHERE state = 4 AND id < ?1 ORDER BY id DESC",
	[MEMBER] = "SELECT " ENDED_WHOLE " FROM history WHERE grp = ?1 AND idx >= ?2 ORDER BY idx",
};
_Static_assert(JOB_failed == 4, "the index of failed jobs says their state");

struct sqlite_query {
	sqlite3		*db;
	sqlite3_stmt	*statements[STATEMENTS];
	struct buf	 scratch;
};

/* ---- values ---- */

/* A copy of a column, settled by settle_rows; one that is NULL has no text. */
static struct span
take_column(struct store_query *q, sqlite3_stmt *st, int column)
{
	struct span	value = { NULL, 0 };
	const void	*p = sqlite3_column_blob(st, column);

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return value;
	value.len = (size_t)sqlite3_column_bytes(st, column);
	value.p = (const char *)(uintptr_t)(buf_len(&q->memory) + 1);
	buf_append(&q->memory, p, value.len);
	return value;
}

static void
settle(const struct store_query *q, struct span *value)
{
	if (value->p == NULL)
		return;
	value->p = value->len == 0 ? "" : buf_data(&q->memory) + ((uintptr_t)value->p - 1);
}

static void
settle_rows(struct store_query *q)
{
	for (uint32_t i = 0; i < q->rows_len; i++) {
		struct store_row	*r = &q->rows[i];
		struct span		*values[] = {
			&r->spec, &r->args, &r->labels, &r->past, &r->log, &r->end.type, &r->end.queue,
			&r->end.tenant, &r->end.principal, &r->end.text, &r->end.failure,
		};

		for (size_t k = 0; k < sizeof(values) / sizeof(values[0]); k++)
			settle(q, values[k]);
	}
}

static struct store_row *
add_row(struct store_query *q, sqlite3_stmt *st)
{
	struct store_row	*r;

	if ((q->rows_len & (q->rows_len - 1)) == 0)
		q->rows = mem_resize(q->rows, q->rows_len == 0 ? 1 : q->rows_len * 2,
		    sizeof(*q->rows));
	r = &q->rows[q->rows_len++];
	memset(r, 0, sizeof(*r));
	r->id = (uint64_t)sqlite3_column_int64(st, 0);
	return r;
}

static bool
is_full(const struct store_query *q)
{
	return q->rows_len > 0 && ((q->bytes > 0 && buf_len(&q->memory) >= q->bytes) ||
	    (q->limit > 0 && q->rows_len >= q->limit));
}

/* ---- rows ---- */

static void
take_live(struct store_query *q, sqlite3_stmt *st)
{
	struct store_row	*r = add_row(q, st);

	r->live = true;
	r->spec = take_column(q, st, 1);
	r->args = take_column(q, st, 2);
	r->labels = take_column(q, st, 3);
	r->past = take_column(q, st, 4);
	r->log = take_column(q, st, 5);
}

/* whole: with args and outcome; else their lengths stand there. */
static void
take_ended(struct store_query *q, sqlite3_stmt *st, bool whole)
{
	struct store_row	*r = add_row(q, st);
	struct store_end	*end = &r->end;

	end->state = (uint8_t)sqlite3_column_int(st, 1);
	end->blocks = sqlite3_column_int(st, 2) != 0;
	end->created_ms = sqlite3_column_int64(st, 3);
	end->ended_ms = sqlite3_column_int64(st, 4);
	end->keep_ms = sqlite3_column_int64(st, 5);
	end->type = take_column(q, st, 6);
	end->queue = take_column(q, st, 7);
	end->tenant = take_column(q, st, 8);
	end->principal = take_column(q, st, 9);
	end->group = (uint64_t)sqlite3_column_int64(st, 10);
	end->index = (uint64_t)sqlite3_column_int64(st, 11);
	r->spec = take_column(q, st, 12);
	r->labels = take_column(q, st, 13);
	r->past = take_column(q, st, 14);
	end->failure = take_column(q, st, 15);
	if (whole) {
		r->args = take_column(q, st, 16);
		end->text = take_column(q, st, 17);
	} else {
		r->args.len = (size_t)sqlite3_column_int64(st, 16);
		end->text.len = (size_t)sqlite3_column_int64(st, 17);
	}
}

static void
take_args(struct store_query *q, sqlite3_stmt *st)
{
	struct store_row	*r = add_row(q, st);

	r->live = true;
	r->args = take_column(q, st, 1);
	r->labels = take_column(q, st, 2);
}

static void
take_state(struct store_query *q, sqlite3_stmt *st, bool live)
{
	struct store_row	*r = add_row(q, st);

	r->live = live;
	if (!live)
		r->end.state = (uint8_t)sqlite3_column_int(st, 1);
}

/* ---- by id ---- */

/* The row with this id: SQLITE_ROW, SQLITE_DONE, or an error. */
static int
find(sqlite3_stmt *st, uint64_t id)
{
	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
	return sqlite3_step(st);
}

static int
get_one(struct sqlite_query *s, struct store_query *q, uint64_t id)
{
	int	rc = find(s->statements[LIVE], id);

	if (rc == SQLITE_ROW) {
		take_live(q, s->statements[LIVE]);
	} else if (rc == SQLITE_DONE && (rc = find(s->statements[ENDED], id)) == SQLITE_ROW) {
		take_ended(q, s->statements[ENDED], true);
		q->rows[q->rows_len - 1].log = take_column(q, s->statements[ENDED], 18);
	}
	return rc;
}

static int
args_of_one(struct sqlite_query *s, struct store_query *q, uint64_t id)
{
	int	rc = find(s->statements[LIVE_ARGS], id);

	if (rc == SQLITE_ROW)
		take_args(q, s->statements[LIVE_ARGS]);
	return rc;
}

static int
state_of_one(struct sqlite_query *s, struct store_query *q, uint64_t id)
{
	int	rc = find(s->statements[ENDED_STATE], id);

	if (rc == SQLITE_ROW)
		take_state(q, s->statements[ENDED_STATE], false);
	else if (rc == SQLITE_DONE && (rc = find(s->statements[LIVE_IS], id)) == SQLITE_ROW)
		take_state(q, s->statements[LIVE_IS], true);
	return rc;
}

static int
answer_ids(struct sqlite_query *s, struct store_query *q,
    int (*one)(struct sqlite_query *s, struct store_query *q, uint64_t id))
{
	int	rc;

	for (uint32_t i = 0; i < q->ids_len; i++) {
		if (is_full(q)) {
			q->next = i;
			break;
		}
		if ((rc = one(s, q, q->ids[i])) != SQLITE_ROW && rc != SQLITE_DONE)
			return rc;
	}
	return SQLITE_OK;
}

/* ---- lists ---- */

static bool
is_text(sqlite3_stmt *st, int column, struct span wanted)
{
	const void	*p;

	if (wanted.p == NULL)
		return true;
	p = sqlite3_column_blob(st, column);
	return (size_t)sqlite3_column_bytes(st, column) == wanted.len &&
	    (wanted.len == 0 || memcmp(p, wanted.p, wanted.len) == 0);
}

static struct span
column_span(sqlite3_stmt *st, int column)
{
	const char	*p = sqlite3_column_blob(st, column);

	return (struct span){ p, (size_t)sqlite3_column_bytes(st, column) };
}

static bool
has_texts(struct sqlite_query *s, sqlite3_stmt *st, const struct store_filter *f)
{
	static const struct span	order_key = { "order_key", 9 };

	if (f->order_key.p != NULL && !json_find_string(column_span(st, 12), order_key,
	    f->order_key, &s->scratch))
		return false;
	for (uint32_t i = 0; i < f->labels_len; i++)
		if (!json_find_string(column_span(st, 13), f->labels[i].name, f->labels[i].value,
		    &s->scratch))
			return false;
	return true;
}

static bool
matches(struct sqlite_query *s, sqlite3_stmt *st, const struct store_filter *f)
{
	int64_t	created_ms = sqlite3_column_int64(st, 3);

	return (f->state < 0 || f->state == sqlite3_column_int(st, 1)) &&
	    (f->since_ms == 0 || created_ms >= f->since_ms) &&
	    (f->until_ms == 0 || created_ms <= f->until_ms) &&
	    (f->active_ms == 0 || sqlite3_column_int64(st, 4) >= f->active_ms) &&
	    is_text(st, 6, f->type) && is_text(st, 7, f->queue) && is_text(st, 8, f->tenant) &&
	    is_text(st, 9, f->principal) &&
	    (f->group == 0 || f->group == (uint64_t)sqlite3_column_int64(st, 10)) &&
	    has_texts(s, st, f);
}

static int
answer_list(struct sqlite_query *s, struct store_query *q)
{
	sqlite3_stmt	*st = s->statements[q->filter.state == JOB_failed ? NEWEST_FAILED : NEWEST];
	int		 rc;

	rc = find(st, q->before == 0 || q->before > INT64_MAX ? INT64_MAX : q->before);
	for (int looked = 0; rc == SQLITE_ROW; rc = sqlite3_step(st)) {
		if (looked++ == LOOKED_AT || is_full(q)) {
			q->next = (uint64_t)sqlite3_column_int64(st, 0) + 1;
			return SQLITE_OK;
		}
		if (matches(s, st, &q->filter))
			take_ended(q, st, false);
	}
	return rc;
}

static int
answer_members(struct sqlite_query *s, struct store_query *q)
{
	sqlite3_stmt	*st = s->statements[MEMBER];
	int		 rc;

	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, (sqlite3_int64)q->group);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)q->from);
	q->next = q->from;
	while (!is_full(q) && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		take_ended(q, st, true);
		q->next = q->rows[q->rows_len - 1].end.index + 1;
	}
	return is_full(q) ? SQLITE_OK : rc;
}

/* ---- any query ---- */

static int
answer(struct sqlite_query *s, struct store_query *q)
{
	switch (q->what) {
	case STORE_GET:		return answer_ids(s, q, get_one);
	case STORE_ARGS:	return answer_ids(s, q, args_of_one);
	case STORE_STATES:	return answer_ids(s, q, state_of_one);
	case STORE_LIST:	return answer_list(s, q);
	case STORE_MEMBERS:	return answer_members(s, q);
	default:		return SQLITE_MISUSE;
	}
}

/* A statement that is not reset keeps its view of the database, and the log from being set back. */
static void
reset_all(struct sqlite_query *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_reset(s->statements[i]);
}

void
sqlite_query_answer(struct sqlite_query *s, struct store_query *q)
{
	int	rc = answer(s, q);

	q->result = STORE_OK;
	if (rc != SQLITE_OK && rc != SQLITE_DONE) {
		q->result = STORE_UNAVAIL;
		snprintf(q->why, sizeof(q->why), "the store cannot be read: %s",
		    sqlite3_errmsg(s->db));
		q->rows_len = 0;
	}
	reset_all(s);
	settle_rows(q);
}

/* ---- life ---- */

int
sqlite_open_reader(const char *path, sqlite3 **out, char *why, size_t size)
{
	sqlite3	*db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK && sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
	    sqlite3_exec(db, "PRAGMA query_only = 1", NULL, NULL, NULL) == SQLITE_OK) {
		*out = db;
		return 0;
	}
	snprintf(why, size, "%s cannot be read: %s", path, sqlite3_errmsg(db));
	sqlite3_close(db);
	return -EIO;
}

int
sqlite_query_open(const char *path, struct sqlite_query **out, char *why, size_t size)
{
	struct sqlite_query	*s = mem_zalloc(1, sizeof(*s));
	int			 rc = sqlite_open_reader(path, &s->db, why, size);

	for (int i = 0; rc == 0 && i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
		    &s->statements[i], NULL) == SQLITE_OK)
			continue;
		snprintf(why, size, "%s: %s", path, sqlite3_errmsg(s->db));
		rc = -EIO;
	}
	if (rc != 0) {
		sqlite_query_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
sqlite_query_close(struct sqlite_query *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	buf_free(&s->scratch);
	free(s);
}
