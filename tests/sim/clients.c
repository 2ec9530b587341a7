/* clients.c - jobs handed in and cancelled, at random.  Runs in: the simulation. */
#include <errno.h>
#include <string.h>

#include "lib/alloc.h"
#include "tests/sim/world.h"

static const char *const	key_names[MODEL_KEYS] = { "k1", "k2", "k3", "k4" };
static const char *const	limit_names[MODEL_LIMITS] = { "l1", "l2", "l3" };
/* the first is the principal's */
const char *const	world_tenants[MODEL_TENANTS] = { "uid:0", "ann", "bob", "eve" };

struct model_retry
random_retry(struct world *w, int says_nothing_in)
{
	struct chance		*r = &w->chance;
	struct model_retry	 out;
	const int64_t		 said[RETRY_MEMBERS] = { 1 + below(r, 4), below(r, 500),
	    1000 + below(r, 2000), below(r, 2000) };

	for (int i = 0; i < RETRY_MEMBERS; i++)
		out.value[i] = says_nothing_in > 0 && !once_in(r, says_nothing_in) ? -1 : said[i];
	return out;
}

struct retry_policy
real_retry(const struct model_retry *r)
{
	struct retry_policy	p = { .max_attempts = (uint32_t)r->value[RETRY_max_attempts],
	    .backoff_ms = r->value[RETRY_backoff_ms],
	    .factor = (uint32_t)r->value[RETRY_factor],
	    .max_backoff_ms = r->value[RETRY_max_backoff_ms] };

	for (int i = 0; i < RETRY_MEMBERS; i++)
		p.said |= (uint8_t)((r->value[i] >= 0) << i);
	return p;
}

static void
random_parents(struct world *w, struct model_job *j)
{
	for (int n = 1 + below(&w->chance, MODEL_PARENTS); n > 0; n--) {
		const struct model_job	*parent = random_known_job(w);

		if (parent != NULL && !parent->unstored && (parent->durable || !j->durable))
			j->after[j->after_len++] = parent->id;
	}
}

static void
random_job(struct world *w, struct model_job *j)
{
	struct chance	*r = &w->chance;
	int64_t		 now = w->m.now.mono_ns;

	*j = (struct model_job){
		.id = sim_store_next_id(&w->store), .queue = below(r, w->queues), .type = below(r, w->types),
		.key = once_in(r, 3) && w->keys > 0 ? below(r, w->keys) : -1,
		.tenant = below(r, w->tenants),
		.limit = w->limits > 0 && once_in(r, 2) ? below(r, w->limits) : -1,
		.priority = once_in(r, 3) ? below(r, 201) - 100 : below(r, 3),
		.lane = w->all_lanes ? (enum lane)below(r, LANES) : w->lane,
		.on_lost = once_in(r, 4) ? ON_LOST_FAIL : ON_LOST_REQUEUE,
		.bytes = once_in(r, 25) ? 200000 : below(r, 40),
		.ttl_ns = NEVER, .due_ns = 0, .group = open_group(w),
	};
	if (once_in(r, 6))
		j->due_ns = now + (1 + below(r, 3000)) * MS;
	if (once_in(r, 6))
		j->ttl_ns = now + (1 + below(r, 3000)) * MS;
	if (once_in(r, 3))
		j->timeout_ms = 1 + below(r, 1000);
	j->unique = w->uniques > 0 && once_in(r, 3) ? below(r, w->uniques) : -1;
	if (j->unique >= 0 && once_in(r, 2))
		j->unique_until_ns = now + (1 + below(r, 4000)) * MS;
	j->held = once_in(r, 20);
	j->blocks = j->key >= 0 && once_in(r, 3);
	j->despite = once_in(r, 3);
	j->durable = w->durable_in > 0 && j->group < 0 && once_in(r, w->durable_in);
	if (once_in(r, 4))
		random_parents(w, j);
	j->asks = once_in(r, 3);
	j->retry = random_retry(w, once_in(r, 2) ? 2 : 20);
	j->poison = w->poison_in > 0 && j->lane != LANE_INLINE && once_in(r, w->poison_in);
}

struct wish {
	struct jobspec	 spec;
	uint64_t	 after[MODEL_PARENTS];
};

static struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* When it may start, and until when it must. */
static void
wish_times(struct world *w, const struct model_job *j, struct jobspec *spec)
{
	int64_t	now = w->m.now.mono_ns;

	spec->timeout_ms = j->timeout_ms;
	spec->ttl_ms = j->ttl_ns == NEVER ? 0 : (j->ttl_ns - now) / MS;
	if (j->due_ns > 0 && once_in(&w->chance, 2))
		spec->run_at_ms = w->m.now.real_ms + (j->due_ns - now) / MS;
	else if (j->due_ns > 0)
		spec->delay_ms = (j->due_ns - now) / MS;
}

static void
wish(struct world *w, const struct model_job *j, struct wish *out)
{
	static char	 args[200001];
	struct jobspec	*spec = &out->spec;

	*spec = (struct jobspec){
		.type = span_of(world_types[j->type]), .queue = world_queue(j->queue),
		.args = { args, (size_t)j->bytes }, .lane = j->asks ? (int)j->lane : -1,
		.priority = j->priority, .on_lost = j->on_lost, .retry = real_retry(&j->retry),
		.after = out->after, .after_len = (uint32_t)j->after_len, .hold = j->held,
		.durability = j->durable ? DURABILITY_COMMIT : DURABILITY_MEMORY,
		.on_order_failure = j->blocks ? ON_ORDER_FAILURE_BLOCK : ON_ORDER_FAILURE_SKIP,
		.on_parent_failure = j->despite ? ON_PARENT_FAILURE_RUN : ON_PARENT_FAILURE_CANCEL,
	};
	memcpy(out->after, j->after, sizeof(out->after));
	wish_times(w, j, spec);
	if (j->tenant > 0 || once_in(&w->chance, 2))
		spec->tenant = span_of(world_tenants[j->tenant]);
	if (j->limit >= 0)
		spec->limit_key = span_of(limit_names[j->limit]);
	if (j->key >= 0)
		spec->order_key = span_of(key_names[j->key]);
	if (j->group >= 0 && !j->reduces)
		spec->group = span_of(w->m.groups[j->group].name);
}

/* Also on its way to the disk, if it is to get there.  NULL: refused; rc says why. */
static struct model_job *
hand_in(struct world *w, const struct model_job *as, struct job **out, int *rc)
{
	struct wish		 x;
	struct model_job	*j;

	wish(w, as, &x);
	*rc = core_submit(w->c, w->m.now, as->id, &x.spec, w->m.types[as->type], as->lane, w->by,
	    out);
	if (*rc != 0)
		return NULL;
	promise_made(&w->promises, &w->m, as);
	j = model_submit(&w->m, as);
	write_submission(w, j, *out, &x.spec);
	return j;
}

/* May one more wait, and if not, why? */
enum room
room(struct world *w, const struct model_job *j)
{
	const struct model_queue	*q = &w->m.queues[j->queue];
	int64_t				 jobs = 0, bytes = model_job_bytes(j), all = bytes;

	for (int i = 0; i < MODEL_QUEUES; i++) {
		jobs += model_queue_jobs(&w->m, i);
		all += model_queue_bytes(&w->m, i);
	}
	if (q->draining)
		return ROOM_DRAINING;
	if (q->max_jobs > 0 && model_queue_jobs(&w->m, j->queue) >= q->max_jobs)
		return ROOM_QUEUE_JOBS;
	if (q->max_bytes > 0 && model_queue_bytes(&w->m, j->queue) + bytes > q->max_bytes)
		return ROOM_QUEUE_BYTES;
	if (jobs >= w->m.cfg.max_waiting)
		return ROOM_JOBS;
	return all > w->m.cfg.max_waiting_bytes ? ROOM_BYTES : ROOM_ENOUGH;
}

static void
maybe_inline(struct world *w, struct model_job *j, struct job *real)
{
	struct outcome	o = { 0 };
	bool		ready = j->lane == LANE_INLINE && model_eligible(&w->m, j);

	if (core_inline_ready(w->c, real) != ready)
		model_violation(&w->m, "job %llu: inline now, or not?", (unsigned long long)j->id);
	if (!ready || once_in(&w->chance, 2))
		return;
	o.text = mem_strdup("1");
	o.len = 1;
	core_inline_done(w->c, w->m.now, real, &o);
	model_inline(&w->m, j);
}

/* Is it another that was submitted under the same key before? */
static bool
is_duplicate(struct world *w, const struct model_job *j)
{
	const struct model_job	*holder;
	const struct unique	*u;

	if (j->unique < 0)
		return false;
	holder = model_unique_holder(&w->m, j->unique);
	u = core_unique_find(w->c, w->m.now, model_unique_key(j->unique));
	if ((holder == NULL) != (u == NULL))
		model_violation(&w->m, "unique key %d is %sheld", j->unique, u == NULL ? "not " : "");
	if (u != NULL)
		trace(w, "submit is job %llu, by unique key %d", (unsigned long long)u->job_id,
		    j->unique);
	return u != NULL;
}

static void
hold_unique(struct world *w, const struct model_job *j, struct job *real)
{
	const struct unique_claim	claim = { .key = model_unique_key(j->unique),
	    .until_ns = j->unique_until_ns };

	core_unique_hold(w->c, w->m.now, real, &claim);
}

void
do_submit(struct world *w)
{
	struct model_job	 as, *j;
	struct job		*real;
	enum room		 why;
	int			 rc;

	random_job(w, &as);
	if (as.id == 0)
		return;			/* none is reserved: the disk is slow, or full */
	if (is_duplicate(w, &as))
		return;
	why = room(w, &as);
	if (core_room(w->c, world_queue(as.queue), (size_t)model_job_bytes(&as) - JOB_BYTES).why != why)
		model_violation(&w->m, "room is not %d", (int)why);
	j = hand_in(w, &as, &real, &rc);
	if (rc != (why == ROOM_ENOUGH ? 0 : -ENOSPC))
		model_violation(&w->m, "submit answered %d", rc);
	if (rc != 0)
		return;
	if (as.unique >= 0)
		hold_unique(w, &as, real);
	trace(w, "submit %llu queue %d type %d lane %d priority %d key %d tenant %d limit %d due %lld ttl %lld "
	    "timeout %lld group %d%s",
	    (unsigned long long)as.id, as.queue, as.type, (int)as.lane, as.priority, as.key,
	    as.tenant, as.limit,
	    (long long)as.due_ns, (long long)as.ttl_ns, (long long)as.timeout_ms, as.group,
	    as.poison ? " poison" : "");
	judge_same(&w->m, w->c);
	maybe_inline(w, j, real);
}

struct job *
submit_reduce(struct world *w, int group)
{
	struct model_job	 as;
	struct job		*real;
	bool			 fits;
	int			 rc;

	random_job(w, &as);
	as.group = group;
	as.reduces = true;
	as.unique = -1;
	as.durable = false;
	if (as.id == 0)
		return NULL;
	fits = room(w, &as) == ROOM_ENOUGH;
	hand_in(w, &as, &real, &rc);
	if (rc != (fits ? 0 : -ENOSPC))
		model_violation(&w->m, "submit of a reduce job answered %d", rc);
	return rc != 0 ? NULL : real;
}

struct model_job *
random_known_job(struct world *w)
{
	int			 n = w->m.jobs_len - w->m.jobs_first;
	struct model_job	*j = w->m.jobs + w->m.jobs_first + below(&w->chance, n);

	return n == 0 || j->forgotten ? NULL : j;
}

/* One that waits for a worker of its own, if there is any: that is rare, and full of corners. */
static struct model_job *
alone_job(struct world *w)
{
	for (int i = w->m.jobs_first; i < w->m.jobs_len; i++)
		if (w->m.jobs[i].alone_asked)
			return &w->m.jobs[i];
	return NULL;
}

static struct model_job *
running_job(struct world *w)
{
	int	first = below(&w->chance, MODEL_ATTEMPTS);

	for (int i = 0; i < MODEL_ATTEMPTS; i++) {
		const struct model_attempt	*at = &w->m.attempts[(first + i) % MODEL_ATTEMPTS];

		if (at->job != NULL && !at->stuck)
			return at->job;
	}
	return NULL;
}

void
do_cancel(struct world *w)
{
	struct model_job	*(*choose[])(struct world *) = { random_known_job, running_job,
	    alone_job };
	struct model_job	*j = choose[below(&w->chance, 3)](w);
	int			 rc;

	if (j == NULL)
		return;
	rc = core_cancel(w->c, w->m.now, core_find(w->c, j->id));
	trace(w, "cancel %llu: %d", (unsigned long long)j->id, rc);
	if (rc == 0 && model_finished(j) && model_blocks_others(&w->m, j)) {
		model_unblock(&w->m, j);
		model_want(j, RECORD_CHANGE);
		return;
	}
	if (rc != (model_finished(j) || j->again ? -EALREADY : 0))
		model_violation(&w->m, "cancel of job %llu answered %d", (unsigned long long)j->id,
		    rc);
	if (rc == 0)
		model_cancel(&w->m, j);
}
