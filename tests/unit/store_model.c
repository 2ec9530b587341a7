/* store_model.c - what a store must hold, kept in memory; random operations on it. */
#include "tests/unit/store_model.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/job.h"
#include "lib/alloc.h"

#define PADDING	9000	/* more than two pages of the file */

/* splitmix64 */
uint64_t
model_random(uint64_t *random, uint64_t below)
{
	uint64_t	z = *random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* ---- operations ---- */

static struct span
say(char out[40], const char *what, uint64_t serial)
{
	int	len = snprintf(out, 40, "{\"%s\":%" PRIu64 "}", what, serial);

	return (struct span){ out, (size_t)len };
}

static struct span
padded_args(struct model_op *o)
{
	struct span	args = say(o->args, "args", o->serial);

	if (o->serial % 16 != 0)
		return args;
	o->padding = mem_alloc(PADDING);
	memset(o->padding, ' ', PADDING);
	memcpy(o->padding, args.p, args.len);
	return (struct span){ o->padding, PADDING };
}

static void
make_key(uint64_t *random, struct model_op *o)
{
	static const int64_t	until_ms[] = { 0, 0, MODEL_NEVER_MS, 1000 };

	if (model_random(random, 3) != 0)
		return;
	snprintf(o->key, sizeof(o->key), "k%" PRIu64, model_random(random, MODEL_KEYS));
	o->op.unique_key = (struct span){ o->key, 2 };
	o->op.unique_until_ms = until_ms[model_random(random, COUNT(until_ms))];
}

static void
make_end(uint64_t *random, struct model_op *o)
{
	static const uint8_t	states[] = { JOB_succeeded, JOB_failed, JOB_cancelled, JOB_expired };
	struct store_end	*end = &o->op.end;

	end->state = states[model_random(random, COUNT(states))];
	end->blocks = model_random(random, 4) == 0;
	end->created_ms = (int64_t)o->serial;
	end->ended_ms = (int64_t)o->serial + 1;
	end->type = SPAN("noop");
	end->queue = SPAN("default");
	end->text = say(o->text, "text", o->serial);
	if (model_random(random, 3) == 0) {
		end->group = 1 + model_random(random, 3);
		end->index = o->serial;
	}
}

static void
make_item(uint64_t *random, struct model_op *o)
{
	snprintf(o->name, sizeof(o->name), "i%" PRIu64, model_random(random, MODEL_ITEMS));
	o->op.kind = SPAN("kind");
	o->op.name = (struct span){ o->name, 2 };
	o->op.text = say(o->text, "item", o->serial);
}

void
model_make(uint64_t *random, uint64_t serial, struct model_op *o)
{
	static const uint8_t	verbs[] = {
		STORE_ADD, STORE_ADD, STORE_ADD, STORE_ADD, STORE_CHANGE, STORE_CHANGE, STORE_END,
		STORE_END, STORE_END, STORE_AGAIN, STORE_FORGET, STORE_FORGET, STORE_PUT, STORE_DELETE,
	};

	memset(o, 0, sizeof(*o));
	o->serial = serial;
	o->op.verb = verbs[model_random(random, COUNT(verbs))];
	if (o->op.verb == STORE_PUT || o->op.verb == STORE_DELETE) {
		make_item(random, o);
		return;
	}
	o->op.id = 1 + model_random(random, MODEL_IDS);
	if (o->op.verb != STORE_ADD)
		o->op.past = say(o->past, "past", serial);
	if (o->op.verb == STORE_ADD) {
		o->op.spec = say(o->spec, "spec", serial);
		o->op.args = padded_args(o);
	}
	if (o->op.verb == STORE_END)
		make_end(random, o);
	if (o->op.verb == STORE_ADD || o->op.verb == STORE_END || o->op.verb == STORE_AGAIN)
		make_key(random, o);
}

void
model_op_fini(struct model_op *o)
{
	free(o->padding);
	o->padding = NULL;
}

/* ---- what they do ---- */

static struct model_key *
key_of(struct model *m, const struct store_op *op)
{
	return op->unique_key.len == 0 ? NULL : &m->keys[op->unique_key.p[1] - '0'];
}

/* The time is far in the past or far ahead, so what is over does not depend on the clock. */
static uint64_t
holder(const struct model_key *k)
{
	return k == NULL || k->until_ms == 1000 ? 0 : k->id;
}

static void
take_key(struct model *m, const struct store_op *op)
{
	struct model_key	*k = key_of(m, op);

	if (k != NULL)
		*k = (struct model_key){ op->id, op->unique_until_ms };
}

static enum store_result
apply_add(struct model *m, const struct store_op *op, uint64_t serial, uint64_t *other)
{
	struct model_job	*j = &m->jobs[op->id];

	*other = j->is != ABSENT ? op->id : holder(key_of(m, op));
	if (*other != 0)
		return STORE_DUP;
	*j = (struct model_job){ .is = LIVE, .added = serial };
	take_key(m, op);
	return STORE_OK;
}

static enum store_result
apply_change(struct model_job *j, const struct store_op *op, uint64_t serial)
{
	if (j->is == ABSENT)
		return STORE_NOTFOUND;
	if (j->is == HISTORY && !j->blocks)
		return STORE_STALE;
	j->past = serial;
	j->blocks = j->is == HISTORY && op->end.blocks;
	return STORE_OK;
}

static enum store_result
apply_end(struct model *m, struct model_job *j, const struct store_op *op, uint64_t serial)
{
	struct model_key	*k = key_of(m, op);

	if (j->is != LIVE)
		return j->is == ABSENT ? STORE_NOTFOUND : STORE_STALE;
	j->is = HISTORY;
	j->state = op->end.state;
	j->blocks = op->end.blocks;
	j->past = j->ended = serial;
	j->group = op->end.group;
	if (k != NULL && k->id == op->id && op->unique_until_ms == 0)
		k->id = 0;
	return STORE_OK;
}

static enum store_result
apply_again(struct model *m, struct model_job *j, const struct store_op *op, uint64_t serial,
    uint64_t *other)
{
	if (j->is != HISTORY)
		return j->is == ABSENT ? STORE_NOTFOUND : STORE_STALE;
	*other = holder(key_of(m, op));
	if (*other == op->id)
		*other = 0;
	if (*other != 0)
		return STORE_DUP;
	*j = (struct model_job){ .is = LIVE, .added = j->added, .past = serial };
	take_key(m, op);
	return STORE_OK;
}

enum store_result
model_apply(struct model *m, const struct store_op *op, uint64_t serial, uint64_t *other)
{
	struct model_job	*j = &m->jobs[op->id];
	uint64_t		*item = op->name.len == 0 ? NULL : &m->items[op->name.p[1] - '0'];

	*other = 0;
	switch (op->verb) {
	case STORE_ADD:
		return apply_add(m, op, serial, other);
	case STORE_CHANGE:
		return apply_change(j, op, serial);
	case STORE_END:
		return apply_end(m, j, op, serial);
	case STORE_AGAIN:
		return apply_again(m, j, op, serial, other);
	case STORE_FORGET:
		if (j->is != HISTORY)
			return j->is == ABSENT ? STORE_NOTFOUND : STORE_STALE;
		*j = (struct model_job){ .is = ABSENT };
		return STORE_OK;
	case STORE_PUT:
		*item = serial;
		return STORE_OK;
	default:
		if (*item == 0)
			return STORE_NOTFOUND;
		*item = 0;
		return STORE_OK;
	}
}

/* ---- comparing ---- */

struct comparison {
	const struct model	*m;
	char			*why;
	size_t			 size;
	bool			 good;
};

static void differ(struct comparison *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
differ(struct comparison *c, const char *fmt, ...)
{
	va_list	args;

	if (!c->good)
		return;
	c->good = false;
	va_start(args, fmt);
	vsnprintf(c->why, c->size, fmt, args);
	va_end(args);
}

static bool
says(struct span got, const char *what, uint64_t serial)
{
	char		text[40];
	struct span	wanted = say(text, what, serial);

	if (serial == 0)
		return got.len == 0;
	return got.len >= wanted.len && memcmp(got.p, wanted.p, wanted.len) == 0;
}

static void
compare_job(struct comparison *c, const struct store_row *row)
{
	const struct model_job	*j = &c->m->jobs[row->id];
	unsigned		 id = (unsigned)row->id;

	if (j->is == ABSENT || row->live != (j->is == LIVE)) {
		differ(c, "job %u is %s", id, row->live ? "live" : "history");
		return;
	}
	if (!says(row->spec, "spec", j->added) || !says(row->past, "past", j->past))
		differ(c, "job %u: spec %.*s past %.*s", id, (int)row->spec.len, row->spec.p,
		    (int)row->past.len, row->past.p);
	if (row->args.p != NULL && (!says(row->args, "args", j->added) ||
	    (j->added % 16 == 0) != (row->args.len == PADDING)))
		differ(c, "job %u: args", id);
	if (!row->live && (row->end.state != j->state || row->end.blocks != j->blocks ||
	    row->end.group != j->group || !says(row->end.text, "text", j->ended)))
		differ(c, "job %u: end %u %d %.*s", id, row->end.state, row->end.blocks,
		    (int)row->end.text.len, row->end.text.p);
}

static void
compare_found(struct comparison *c, const struct store_found *f, bool jobs[MODEL_IDS + 1],
    unsigned *items)
{
	switch (f->is) {
	case STORE_ITEM:
		++*items;
		if (!says(f->text, "item", c->m->items[f->name.p[1] - '0']))
			differ(c, "item %.*s: %.*s", (int)f->name.len, f->name.p, (int)f->text.len,
			    f->text.p);
		break;
	case STORE_JOB:
		jobs[f->job.id] = true;
		compare_job(c, &f->job);
		break;
	case STORE_UNIQUE:
		if (holder(&c->m->keys[f->name.p[1] - '0']) != f->job.id)
			differ(c, "key %.*s of %u", (int)f->name.len, f->name.p, (unsigned)f->job.id);
		break;
	case STORE_GROUP_COUNT:
		for (size_t i = 1; i <= MODEL_IDS; i++)
			if (c->m->jobs[i].is == HISTORY && c->m->jobs[i].group == f->group &&
			    c->m->jobs[i].state == f->state)
				return;
		differ(c, "group %u has none in %u", (unsigned)f->group, f->state);
		break;
	case STORE_RECOVERED:
		break;
	}
}

static void
compare_recovery(struct comparison *c, struct store_rig *r)
{
	struct store_found	f;
	bool			jobs[MODEL_IDS + 1] = { false };
	unsigned		items = 0;

	store_recover(r->s, SIZE_MAX);
	do {
		f = rig_next_found(r);
		compare_found(c, &f, jobs, &items);
	} while (f.is != STORE_RECOVERED);
	for (size_t i = 1; i <= MODEL_IDS; i++) {
		const struct model_job	*j = &c->m->jobs[i];

		if (jobs[i] != (j->is == LIVE || (j->is == HISTORY && j->blocks)))
			differ(c, "job %zu is%s recovered", i, jobs[i] ? "" : " not");
	}
	for (size_t i = 0; i < MODEL_ITEMS; i++)
		items -= c->m->items[i] != 0;
	if (items != 0)
		differ(c, "items: %d", (int)items);
}

static void
compare_rows(struct comparison *c, struct store_rig *r)
{
	uint64_t		ids[MODEL_IDS];
	struct store_query	q = { .what = STORE_GET, .ids = ids, .ids_len = MODEL_IDS };
	uint32_t		known = 0;

	for (uint64_t i = 0; i < MODEL_IDS; i++) {
		ids[i] = i + 1;
		known += c->m->jobs[i + 1].is != ABSENT;
	}
	rig_ask(r, &q);
	if (q.result != STORE_OK || q.rows_len != known)
		differ(c, "%u rows, not %u: %s", q.rows_len, known, q.why);
	for (uint32_t i = 0; i < q.rows_len; i++)
		compare_job(c, &q.rows[i]);
	store_query_fini(&q);
}

bool
model_matches(const struct model *m, struct store_rig *r, char *why, size_t size)
{
	struct comparison	c = { m, why, size, true };

	compare_recovery(&c, r);
	compare_rows(&c, r);
	return c.good;
}
