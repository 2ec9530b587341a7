/* sqlite_retain.c - what of history is forgotten by itself.  Runs in: broker, writer.
 *
 * Failed jobs, the dead letter, and all others are kept apart: each by age, number and bytes.
 * What goes, goes in the transactions of others (a little more than came in with them), so no
 * submit waits for it; and in short ones of its own while nothing else is to do.
 *
 * Number and bytes take the oldest submitted first.  Age has no index, which each end would have
 * to write: the table is swept, oldest first, and again when something in it can have become too
 * old, but not for more than a small part of the time.
 *
 * Never forgotten: what holds up others, and members of a group that was not dropped.
 */
#include "daemon/broker/store/sqlite.h"

#include <stdlib.h>

#include "lib/clock.h"

#define LOOKED_AT	2000	/* rows of one transaction of its own... */
#define REMOVED		200	/* ...and of these so many are removed at most... */
#define REMOVED_BYTES	(4 << 20) /* ...or so many bytes, a little more than that */
#define LOOKED_AT_PER_OP 4	/* and in that of others */
#define LOOKED_AT_LEAST	32
#define AGAIN_NS	(60 * NS_PER_S)	/* what was passed over may have become free */
#define REST		10	/* a sweep is followed by a rest that is so many times longer */

enum { ROW_ID, ROW_BLOCKS, ROW_ENDED, ROW_KEEP, ROW_GROUP };

struct step {
	struct sqlite_store	*s;
	enum retain_class	 class;
	struct retain		*r;
	int			 looks, removals;	/* left */
	int64_t			 bytes_before;	/* of history */
};

/* ---- rows ---- */

static int
is_dropped(struct sqlite_store *s, sqlite3_int64 group, bool *dropped)
{
	sqlite3_stmt	*st = s->statements[ST_DROPPED_FIND];
	int		 rc;

	sqlite3_bind_int64(st, 1, group);
	rc = sqlite3_step(st);
	*dropped = rc == SQLITE_ROW;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* May the row go at all? */
static int
is_free(struct sqlite_store *s, sqlite3_stmt *row, bool *is)
{
	*is = sqlite3_column_int(row, ROW_BLOCKS) == 0;
	if (!*is || sqlite3_column_type(row, ROW_GROUP) == SQLITE_NULL)
		return SQLITE_OK;
	return is_dropped(s, sqlite3_column_int64(row, ROW_GROUP), is);
}

static int64_t
expires_ms(const struct sqlite_store *s, enum retain_class class, int64_t ended_ms, int64_t keep_ms)
{
	if (keep_ms == 0)
		keep_ms = class == RETAIN_FAILED ? s->cfg.keep_failed_ms : s->cfg.keep_ms;
	return keep_ms == 0 ? INT64_MAX : ended_ms + keep_ms;
}

static bool
too_much(const struct step *t)
{
	const struct totals		*n = &t->s->totals;
	const struct store_config	*cfg = &t->s->cfg;

	if (t->class == RETAIN_FAILED)
		return (cfg->keep_failed_jobs > 0 && n->failed > cfg->keep_failed_jobs) ||
		    (cfg->keep_failed_bytes > 0 && n->failed_bytes > cfg->keep_failed_bytes);
	return (cfg->keep_jobs > 0 && n->kept > cfg->keep_jobs) ||
	    (cfg->keep_bytes > 0 && n->kept_bytes > cfg->keep_bytes);
}

/* ---- walks, oldest first ---- */

/* What to do with a row that may go: remove it or not; or, it is enough. */
enum verdict { KEEP, REMOVE, ENOUGH };
typedef enum verdict judge_fn(struct step *t, sqlite3_stmt *row);

static enum verdict
judge_number(struct step *t, sqlite3_stmt *row)
{
	(void)row;
	return too_much(t) ? REMOVE : ENOUGH;
}

static enum verdict
judge_age(struct step *t, sqlite3_stmt *row)
{
	int64_t	at_ms = expires_ms(t->s, t->class, sqlite3_column_int64(row, ROW_ENDED),
	    sqlite3_column_int64(row, ROW_KEEP));

	if (at_ms <= t->s->now_ms)
		return REMOVE;
	if (at_ms < t->r->earliest_ms)
		t->r->earliest_ms = at_ms;
	return KEEP;
}

static int64_t
bytes_of(const struct totals *n)
{
	return n->kept_bytes + n->failed_bytes;
}

static bool
is_left(const struct step *t)
{
	return t->looks > 0 && t->removals > 0 &&
	    t->bytes_before - bytes_of(&t->s->totals) < REMOVED_BYTES;
}

/*
 * Goes on behind *at as far as the step allows; *ended: it came to the end of the table.  A row is
 * removed when the walk has moved on from it.
 */
static int
walk(struct step *t, uint64_t *at, judge_fn *judge, bool *ended)
{
	enum statement	 which = t->class == RETAIN_FAILED ? ST_RETAIN_FAILED : ST_RETAIN_KEPT;
	sqlite3_stmt	*row = t->s->statements[which];
	enum verdict	 is = KEEP;
	bool		 may_go;
	uint64_t	 id = *at;
	int		 rc = SQLITE_OK;

	*ended = false;
	while (rc == SQLITE_OK && is != ENOUGH && is_left(t)) {
		sqlite3_bind_int64(row, 1, (sqlite3_int64)*at);
		is = KEEP;
		while (t->looks-- > 0 && (rc = sqlite3_step(row)) == SQLITE_ROW) {
			id = (uint64_t)sqlite3_column_int64(row, ROW_ID);
			if ((rc = is_free(t->s, row, &may_go)) != SQLITE_OK)
				break;
			is = may_go ? judge(t, row) : KEEP;
			if (is != KEEP)
				break;
			*at = id;
		}
		*ended = rc == SQLITE_DONE;
		sqlite3_reset(row);
		if (rc == SQLITE_ROW)
			rc = SQLITE_OK;
		if (rc == SQLITE_OK && is == REMOVE) {
			t->removals--;
			*at = id;
			rc = history_forget(t->s, id);
		}
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
limit_number(struct step *t, int64_t now_ns)
{
	bool	ended;
	int	rc;

	if (!too_much(t) || now_ns < t->r->number_ns)
		return SQLITE_OK;
	rc = walk(t, &t->r->oldest, judge_number, &ended);
	if (ended) {
		t->r->oldest = 0;
		t->r->number_ns = now_ns + AGAIN_NS;
	}
	return rc;
}

/* When the next sweep has something to find, but not before it has rested. */
static int64_t
due_ns(const struct retain *r, int64_t now_ms, int64_t now_ns)
{
	int64_t	left_ms = r->earliest_ms - now_ms, at_ns = now_ns + AGAIN_NS;

	if (left_ms < AGAIN_NS / NS_PER_MS)
		at_ns = now_ns + (left_ms < 1 ? 1 : left_ms) * NS_PER_MS;
	return at_ns > r->rest_ns ? at_ns : r->rest_ns;
}

static void
rest(struct step *t, int64_t now_ns)
{
	struct retain	*r = t->r;
	int64_t		 took_ns = now_ns - r->began_ns;

	r->swept = 0;
	r->rest_ns = now_ns + (took_ns * REST < AGAIN_NS ? took_ns * REST : AGAIN_NS);
	r->sweep_ns = due_ns(r, t->s->now_ms, now_ns);
}

static int
limit_age(struct step *t, int64_t now_ns)
{
	struct retain	*r = t->r;
	bool		 ended;
	int		 rc;

	if (now_ns < r->sweep_ns)
		return SQLITE_OK;
	if (r->swept == 0) {
		r->began_ns = now_ns;
		r->earliest_ms = INT64_MAX;
	}
	rc = walk(t, &r->swept, judge_age, &ended);
	if (rc == SQLITE_OK && ended)
		rest(t, now_ns);
	return rc;
}

/* ---- steps ---- */

static int
limit(struct sqlite_store *s, int looks, int removals)
{
	int64_t	now_ns = clock_mono_ns();
	int	rc = SQLITE_OK;

	for (int c = 0; c < RETAIN_CLASSES && rc == SQLITE_OK; c++) {
		struct step	t = { s, (enum retain_class)c, &s->retain[c], looks, removals,
				      bytes_of(&s->totals) };

		if ((rc = limit_number(&t, now_ns)) == SQLITE_OK)
			rc = limit_age(&t, now_ns);
	}
	return rc;
}

int
history_forget_some(struct sqlite_store *s, int ops)
{
	int	looks = LOOKED_AT_LEAST + ops * LOOKED_AT_PER_OP;

	return limit(s, looks, looks / 2);
}

/* Keys whose time is over, and groups of which nothing is left, too. */
int
history_forget_alone(struct sqlite_store *s)
{
	int	rc = limit(s, LOOKED_AT, REMOVED);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(s->statements[ST_UNIQUE_OVER], 1, s->now_ms);
	if ((rc = verb_run(s, ST_UNIQUE_OVER)) != SQLITE_OK)
		return rc;
	return verb_run(s, ST_DROPPED_OVER);
}

void
history_undone(struct sqlite_store *s)
{
	for (int c = 0; c < RETAIN_CLASSES; c++)
		s->retain[c] = (struct retain){ 0 };
}

/* What is too much now, and too old, is looked for from the beginning. */
void
history_configure(struct sqlite_store *s)
{
	struct store_config	*given = atomic_exchange(&s->new_keep, NULL);

	if (given == NULL)
		return;
	s->cfg.keep_ms = given->keep_ms;
	s->cfg.keep_failed_ms = given->keep_failed_ms;
	s->cfg.keep_jobs = given->keep_jobs;
	s->cfg.keep_bytes = given->keep_bytes;
	s->cfg.keep_failed_jobs = given->keep_failed_jobs;
	s->cfg.keep_failed_bytes = given->keep_failed_bytes;
	free(given);
	history_undone(s);
}

void
history_ended(struct sqlite_store *s, const struct store_end *end)
{
	enum retain_class	 class = end->state == STORED_FAILED ? RETAIN_FAILED : RETAIN_KEPT;
	struct retain		*r = &s->retain[class];
	int64_t			 at_ms = expires_ms(s, class, end->ended_ms, end->keep_ms);

	if (at_ms >= r->earliest_ms)
		return;
	r->earliest_ms = at_ms;
	if (r->swept == 0)
		r->sweep_ns = due_ns(r, s->now_ms, clock_mono_ns());
}

int64_t
history_next_ns(struct sqlite_store *s)
{
	int64_t	next_ns = INT64_MAX;

	for (int c = 0; c < RETAIN_CLASSES; c++) {
		struct step	t = { s, (enum retain_class)c, &s->retain[c], 0, 0, 0 };
		int64_t		at_ns = t.r->sweep_ns;

		if (too_much(&t) && t.r->number_ns < at_ns)
			at_ns = t.r->number_ns;
		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}
