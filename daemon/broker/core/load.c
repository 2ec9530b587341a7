/* load.c - arguments that are in the store alone, and how they come back before a job's turn.
 * Runs in: broker, loop thread.
 *
 * When the arguments of durable jobs that wait take more than there is room for, those of a job
 * that was just written down go away, unless few are before it in line.  A job that is away leaves
 * the line when its turn comes, and goes back to its place (seq) with its arguments.  Of those
 * behind it as many are read as are started while that lasts, so that a lane seldom waits for the
 * disk; but while a job is being read, others may have its turn.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define TEXT_BYTES	32		/* of memory besides the text itself */
#define LOAD_JOBS	2048		/* being read at once, */
#define LOAD_BYTES	(4 << 20)	/* and their arguments; one is always read */
#define AHEAD_LOW	512		/* jobs of a flow whose arguments were read: with fewer, */
#define AHEAD_HIGH	1024		/* as many are read as make so many */
#define NEAR_TURN	64		/* with fewer jobs before it, a job starts soon */

int64_t
load_bytes(const struct job *j)
{
	uint32_t	len = job_args_len(j);

	return !j->durable || j->away || len == 0 ? 0 : (int64_t)len + TEXT_BYTES;
}

/* ---- there and away ---- */

static void
body_keep(struct job *j, size_t text)
{
	struct job_body	*b = j->body;

	if (text == 0 && b->extra == NULL && b->run == NULL) {
		free(b);
		j->body = NULL;
	} else {
		j->body = mem_resize(b, 1, sizeof(*b) + text);
	}
}

static void
count_text(struct core *c, const struct job *j, int by)
{
	if (job_waiting(j))
		c->text_bytes += by * load_bytes(j);
}

/* A last quarter of the room is for those whose turn is near. */
static bool
is_too_much(const struct core *c, const struct job *j)
{
	int64_t	room = c->cfg.spec_memory;

	if (j->flow->count >= NEAR_TURN)
		room -= room / 4;
	return c->text_bytes > room;
}

void
load_send_away(struct core *c, struct job *j)
{
	if (c->cfg.spec_memory == 0 || load_bytes(j) == 0 || !is_too_much(c, j))
		return;
	count_text(c, j, -1);
	j->away = true;
	body_keep(j, job_labels_len(j));
}

static void
bring(struct core *c, struct job *j, struct span args)
{
	uint32_t	labels_len = job_labels_len(j);

	job_body_get(j);
	body_keep(j, labels_len + args.len);
	memcpy(j->body->text + labels_len, args.p, args.len);
	j->away = false;
	count_text(c, j, 1);
}

/* ---- what is being read ---- */

static bool
has_room(const struct core *c, const struct job *j)
{
	if (c->loading == 0)
		return true;
	return c->loading < LOAD_JOBS && c->loading_bytes + job_args_len(j) <= LOAD_BYTES;
}

bool
load_ask(struct core *c, struct job *j)
{
	if (!has_room(c, j))
		return false;
	ready_remove(c, j);
	j->loading = true;
	j->flow->ahead++;
	c->loading++;
	c->loading_bytes += job_args_len(j);
	list_push_back(&c->loads, &j->link);
	return true;
}

void
load_leave(struct core *c, struct job *j)
{
	list_remove(&j->link);
	j->loading = false;
	j->flow->ahead--;
	c->loading--;
	c->loading_bytes -= job_args_len(j);
}

void
load_ahead(struct core *c, struct flow *f)
{
	struct job	*j;

	if (f->ahead >= AHEAD_LOW)
		return;
	while (f->ahead < AHEAD_HIGH &&
	    c->text_bytes + c->loading_bytes < c->cfg.spec_memory + LOAD_BYTES &&
	    (j = flow_first_away(f)) != NULL)
		if (!load_ask(c, j))
			return;
}

bool
load_take(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->loads);

	if (node == NULL)
		return false;
	*out = (struct effect){ .kind = EFFECT_LOAD, .job = list_entry(node, struct job, link) };
	return true;
}

/* ---- what was read ---- */

static void
go_back(struct core *c, struct job *j)
{
	load_leave(c, j);
	ready_add(c, j);
	j->fetched = true;
	j->flow->ahead++;
}

/* The store holds something else than core put there. */
static void
lose(struct core *c, struct core_time now, struct job *j)
{
	job_fail(c, now, j, REASON_lost, FAILURE_lost,
	    mem_strdup("its arguments are not in the store any more"));
}

void
core_loaded(struct core *c, struct core_time now, uint64_t id, struct span args)
{
	struct job	*j = core_find(c, id);

	if (j == NULL || !j->away || job_over(j))
		return;
	if (args.len != job_args_len(j)) {
		lose(c, now, j);
		return;
	}
	bring(c, j, args);
	if (j->loading)
		go_back(c, j);
}

void
core_load_failed(struct core *c, struct core_time now, uint64_t id)
{
	struct job	*j = core_find(c, id);

	if (j != NULL && j->away && !job_over(j))
		lose(c, now, j);
}
