/* tally.c - counts of jobs and attempts by queue and type.  Runs in: broker, loop thread.
 *
 * A flow knows its tally, so a job costs an increment here and there and no look at a name.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define NOT_BEGUN	INT64_C(-1)

const char *const tally_end_names[TALLY_ENDS] = {
	[TALLY_SUCCEEDED] = "succeeded", [TALLY_FAILED] = "failed", [TALLY_TIMED_OUT] = "timed_out",
	[TALLY_CANCELLED] = "cancelled", [TALLY_LOST] = "lost",
};

/* ---- the table ---- */

static struct span
make_key(char *key, struct span queue, struct span type)
{
	memcpy(key, queue.p, queue.len);
	key[queue.len] = '\0';
	memcpy(key + queue.len + 1, type.p, type.len);
	return (struct span){ key, queue.len + 1 + type.len };
}

/* It keeps its key, which ends in a NUL as well, and so both names. */
static struct tally *
tally_new(struct core *c, struct span key)
{
	struct tally	*t = mem_zalloc(1, sizeof(*t) + key.len + 1);
	char		*text = (char *)(t + 1);

	memcpy(text, key.p, key.len);
	t->queue = text;
	t->type = text + strlen(text) + 1;
	namemap_put(&c->tallies, text, key.len, t);
	return t;
}

/* The tally of the pair, made if there are fewer than max; NULL: there is none. */
static struct tally *
tally_of(struct core *c, struct span queue, struct span type, size_t max)
{
	char		 text[2 * BOUND_NAME_BYTES + 1];
	struct span	 key;
	struct tally	*t;

	if (queue.len > BOUND_NAME_BYTES || type.len > BOUND_NAME_BYTES)
		return NULL;
	key = make_key(text, queue, type);
	t = namemap_get(&c->tallies, key.p, key.len);
	return t != NULL || c->tallies.len >= max ? t : tally_new(c, key);
}

struct tally *
tally_get(struct core *c, const struct queue *q, const struct type *type)
{
	const struct span	 other = { TALLY_OTHER, sizeof(TALLY_OTHER) - 1 };
	const struct span	 name = { type->name, strlen(type->name) };
	struct tally		*t = tally_of(c, (struct span){ q->name, q->name_len }, name,
				    TALLY_PAIRS);

	if (t == NULL)
		t = tally_of(c, other, name, TALLY_PAIRS + TALLY_TYPES);
	return t != NULL ? t : tally_of(c, other, other, SIZE_MAX);
}

void
tallies_free(struct core *c)
{
	struct tally	*t;

	for (size_t at = 0; (t = namemap_next(&c->tallies, &at)) != NULL; ) {
		for (int lane = 0; lane < LANES; lane++) {
			for (int end = 0; t->lanes[lane] != NULL && end < TALLY_ENDS; end++)
				free(t->lanes[lane]->ran[end]);
			free(t->lanes[lane]);
		}
		free(t);
	}
	namemap_free(&c->tallies);
}

const struct tally *
core_tally_next(const struct core *c, size_t *at)
{
	return namemap_next(&c->tallies, at);
}

/* ---- counting ---- */

static struct tally_lane *
lane_of(struct tally *t, unsigned lane)
{
	if (t->lanes[lane] == NULL)
		t->lanes[lane] = mem_zalloc(1, sizeof(*t->lanes[lane]));
	return t->lanes[lane];
}

void
tally_job(const struct job *j)
{
	j->flow->tally->submitted++;
}

/* Where its last attempt ran; without one, where it would have. */
static unsigned
lane_at_end(const struct job *j)
{
	const struct job_run	*r = job_run(j);

	return r == NULL || r->tries_len == 0 ? j->lane : r->tries[r->tries_len - 1].lane;
}

void
tally_job_ended(const struct job *j)
{
	lane_of(j->flow->tally, lane_at_end(j))->finished[j->state]++;
}

void
tally_attempt(struct attempt *at, const struct job *j)
{
	at->ready_ms = job_last_move(j).at_ms;
	at->waited_ns = NOT_BEGUN;
}

void
tally_attempt_began(struct attempt *at, struct core_time now)
{
	int64_t	waited_ms = now.real_ms - at->ready_ms;

	at->waited_ns = waited_ms > 0 ? waited_ms * NS_IN_MS : 0;	/* clocks are set back */
	buckets_add(&lane_of(at->flow->tally, at->lane)->waited, at->waited_ns);
}

void
tally_attempt_withdrawn(const struct attempt *at)
{
	if (at->waited_ns != NOT_BEGUN)
		buckets_withdraw(&lane_of(at->flow->tally, at->lane)->waited, at->waited_ns);
}

/* As long as its worker says, if that can be. */
int64_t
attempt_ran_ns(const struct attempt *at, struct core_time now)
{
	int64_t	took_ns = now.mono_ns - at->started_ns;

	return at->ran_ns > 0 && at->ran_ns < took_ns ? at->ran_ns : took_ns;
}

void
tally_attempt_ended(const struct attempt *at, struct core_time now, enum tally_end end)
{
	struct tally_lane	*l = lane_of(at->flow->tally, at->lane);

	if (at->waited_ns == NOT_BEGUN)
		return;
	if (l->ran[end] == NULL)
		l->ran[end] = mem_zalloc(1, sizeof(*l->ran[end]));
	buckets_add(l->ran[end], attempt_ran_ns(at, now));
}
