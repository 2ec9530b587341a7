/* store.c - the simulated store.  Runs in: the simulation. */
#include "tests/sim/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "tests/sim/saved.h"

#define BATCH_MOST	40	/* operations in one commit */
#define COMMIT_TAKES	6	/* events, at most */

/* ---- operations on their way ---- */

static void
ops_init(struct sim_ops *q)
{
	*q = (struct sim_ops){ .last = NULL };
}

static void
ops_add(struct sim_ops *q, struct sim_op *op)
{
	op->next = NULL;
	if (q->first == NULL)
		q->first = op;
	else
		*q->last = op;
	q->last = &op->next;
	q->len++;
}

static struct sim_op *
ops_take(struct sim_ops *q)
{
	struct sim_op	*op = q->first;

	if (op == NULL)
		return NULL;
	q->first = op->next;
	q->len--;
	return op;
}

void
sim_op_free(struct sim_op *op)
{
	if (op == NULL)
		return;
	saved_free(op->row.saved);
	free(op);
}

static void
ops_forget(struct sim_ops *q)
{
	struct sim_op	*op;

	while ((op = ops_take(q)) != NULL)
		sim_op_free(op);
}

void
sim_store_init(struct sim_store *s)
{
	*s = (struct sim_store){ .ids_end = 1, .next_id = 1, .ids_asked = 1, .boot = 1 };
	ops_init(&s->waiting);
	ops_init(&s->done);
}

void
sim_store_fini(struct sim_store *s)
{
	ops_forget(&s->waiting);
	ops_forget(&s->done);
	for (int i = 0; i < s->rows_len; i++)
		saved_free(s->rows[i].saved);
	free(s->rows);
}

/* ---- ids ---- */

/* A block is asked for when half of the one before is used, and used when it is on the disk. */
uint64_t
sim_store_next_id(struct sim_store *s)
{
	struct sim_op	*op;

	if (s->next_id + SIM_ID_BLOCK / 2 >= s->ids_asked) {
		op = mem_zalloc(1, sizeof(*op));
		op->verb = STORE_PUT;
		op->ids = true;
		op->id = s->ids_asked += SIM_ID_BLOCK;
		sim_store_put(s, op);
	}
	return s->next_id < s->ids_end ? s->next_id++ : 0;
}

/* ---- the disk ---- */

/* Where it is, or would be. */
static int
find(const struct sim_store *s, uint64_t id)
{
	int	from = 0, to = s->rows_len;

	while (from < to) {
		int	middle = from + (to - from) / 2;

		if (s->rows[middle].job.id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct sim_row *
sim_store_row(const struct sim_store *s, uint64_t id)
{
	int	at = find(s, id);

	return at < s->rows_len && s->rows[at].job.id == id ? &s->rows[at] : NULL;
}

/* The operation's row becomes the disk's. */
static void
write_row(struct sim_row *row, const struct sim_op *op, bool live)
{
	struct saved	*saved = row->saved;

	saved_add(saved, op->row.saved);
	*row = op->row;
	row->saved = saved;
	row->live = live;
}

/* A unique key has one owner: whoever had it before has lost it. */
static void
take_unique(struct sim_store *s, const struct sim_op *op)
{
	for (int i = 0; i < s->rows_len && op->row.job.unique >= 0; i++)
		if (s->rows[i].job.unique == op->row.job.unique && s->rows[i].job.id != op->id)
			s->rows[i].job.unique = -1;
}

static enum store_result
add(struct sim_store *s, struct sim_op *op)
{
	int	at = find(s, op->id);

	if (at < s->rows_len && s->rows[at].job.id == op->id)
		return STORE_DUP;
	if (s->rows_len == s->rows_cap) {
		s->rows_cap = s->rows_cap == 0 ? 64 : s->rows_cap * 2;
		s->rows = mem_resize(s->rows, (size_t)s->rows_cap, sizeof(*s->rows));
	}
	memmove(&s->rows[at + 1], &s->rows[at],
	    (size_t)(s->rows_len - at) * sizeof(*s->rows));
	s->rows_len++;
	s->rows[at] = op->row;
	s->rows[at].live = true;
	op->row.saved = NULL;
	return STORE_OK;
}

static enum store_result
change(struct sim_store *s, struct sim_op *op, bool from_live, bool to_live)
{
	struct sim_row	*row = sim_store_row(s, op->id);

	if (op->verb == STORE_CHANGE && row != NULL && row->job.blocking && !row->live)
		from_live = to_live = false;	/* it holds up others no more */
	if (row == NULL || row->live != from_live)
		return STORE_STALE;
	if (op->verb != STORE_AGAIN)
		op->row.job.unique = row->job.unique;	/* or it has lost it */
	write_row(row, op, to_live);
	return STORE_OK;
}

static enum store_result
forget(struct sim_store *s, struct sim_op *op)
{
	struct sim_row	*row = sim_store_row(s, op->id);
	size_t		 after;

	if (row == NULL || row->live)
		return STORE_STALE;
	saved_free(row->saved);
	after = (size_t)(s->rows + s->rows_len - (row + 1));
	memmove(row, row + 1, after * sizeof(*row));
	s->rows_len--;
	return STORE_OK;
}

static enum store_result
put_group(struct sim_store *s, const struct sim_op *op)
{
	int	i = 0;

	while (i < s->groups_len && s->groups[i].number != op->id)
		i++;
	s->groups[i] = op->group;
	if (i == s->groups_len)
		s->groups_len++;
	return STORE_OK;
}

static enum store_result
delete_group(struct sim_store *s, const struct sim_op *op)
{
	for (int i = 0; i < s->groups_len; i++) {
		if (s->groups[i].number != op->id)
			continue;
		memmove(&s->groups[i], &s->groups[i + 1],
		    (size_t)(s->groups_len - i - 1) * sizeof(s->groups[i]));
		s->groups_len--;
		return STORE_OK;
	}
	return STORE_NOTFOUND;
}

static enum store_result
carry_out(struct sim_store *s, struct sim_op *op)
{
	switch (op->verb) {
	case STORE_ADD:
		take_unique(s, op);
		return add(s, op);
	case STORE_CHANGE:	return change(s, op, true, true);
	case STORE_END:		return change(s, op, true, false);
	case STORE_AGAIN:
		if (op->row.job.unique_until_ns == 0)
			take_unique(s, op);
		return change(s, op, false, true);
	case STORE_FORGET:	return forget(s, op);
	case STORE_DELETE:	return delete_group(s, op);
	case STORE_PUT:
		if (!op->ids)
			return put_group(s, op);
		if (op->id > s->ids_end)
			s->ids_end = op->id;
		return STORE_OK;
	default:		return STORE_NOTFOUND;
	}
}

static bool
may_be_refused(const struct sim_op *op)
{
	return op->verb == STORE_ADD || op->verb == STORE_AGAIN || op->verb == STORE_PUT;
}

/* False: it waits until there is room. */
static bool
commit_one(struct sim_store *s)
{
	struct sim_op	*op = s->waiting.first;

	if (s->full && may_be_refused(op))
		op->result = STORE_FULL;
	else if (s->full && s->reserve-- <= 0)
		return false;
	else
		op->result = carry_out(s, op);
	ops_add(&s->done, ops_take(&s->waiting));
	return true;
}

/* ---- the process ---- */

void
sim_store_put(struct sim_store *s, struct sim_op *op)
{
	ops_add(&s->waiting, op);
}

void
sim_store_run(struct sim_store *s, struct chance *r)
{
	if (s->batch == 0 && s->waiting.len > 0 && !once_in(r, 4)) {
		s->batch = 1 + below(r, s->waiting.len < BATCH_MOST ? s->waiting.len : BATCH_MOST);
		s->batch_events = below(r, COMMIT_TAKES);
		return;
	}
	if (s->batch == 0 || s->batch_events-- > 0)
		return;
	while (s->batch > 0 && commit_one(s))
		s->batch--;
	s->batch = 0;
	s->commits++;
}

void
sim_store_flush(struct sim_store *s)
{
	s->batch = 0;
	while (s->waiting.len > 0 && commit_one(s))
		continue;
}

struct sim_op *
sim_store_done(struct sim_store *s)
{
	struct sim_op	*op = ops_take(&s->done);

	if (op != NULL && op->ids && op->result != STORE_OK)
		s->ids_asked -= SIM_ID_BLOCK;
	return op;
}

bool
sim_store_idle(const struct sim_store *s)
{
	return s->waiting.len == 0 && s->done.len == 0;
}

void
sim_store_crash(struct sim_store *s)
{
	ops_forget(&s->waiting);
	ops_forget(&s->done);
	s->batch = s->batch_events = 0;
	s->next_id = s->ids_asked = s->ids_end;
	s->boot++;
}
