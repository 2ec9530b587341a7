/* type.c - types by name: what they declare, and limits that were set before they were known.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define OUTLIER_TIMES	6

/* A limit for a type that no worker has declared yet. */
struct type_limit {
	bool		limited;	/* its attempts are, or expressly are not */
	uint32_t	max_running;
	struct retry_policy retry;
	struct rate	rate;
	uint32_t	name_len;
	char		name[];
};

/* text may be what is there already: who declares a type again may give what it said before. */
static void
set_text_or_null(char **to, const char *text)
{
	char	*copy = text == NULL ? NULL : mem_strdup(text);

	free(*to);
	*to = copy;
}

static void
set_text(char **to, const char *text)
{
	set_text_or_null(to, text == NULL ? "" : text);
}

static void
set_pool(struct core *c, struct type *t, uint32_t pool)
{
	t->pool = pool;
	for (int lane = 0; lane < LANES; lane++)
		t->places[lane] = c->pools[pool]->places[lane];
}

static struct type *
type_new(struct core *c, const char *name, uint32_t pool)
{
	struct type		*t = mem_zalloc(1, sizeof(*t));
	struct type_limit	*limit = namemap_get(&c->type_limits, name, strlen(name));

	t->name = mem_strdup(name);
	set_pool(c, t, pool);
	gate_init(&t->gate, GATE_TYPE);
	list_init(&t->moving);
	for (int line = 0; line < JOB_LINES; line++) {
		list_init(&t->asleep[line]);
		list_init(&t->thirsty[line]);
	}
	if (limit != NULL) {
		t->retry = limit->retry;
		gate_limit(c, &t->gate, limit->max_running);
		gate_rate(c, 0, &t->gate, limit->rate);
	}
	namemap_put(&c->types, t->name, strlen(t->name), t);
	return t;
}

void
type_free(struct type *t)
{
	free(t->name);
	free(t->summary);
	free(t->args_schema);
	free(t->plugin);
	free(t->spec);
	free(t->file);
	free(t->defaults.queue);
	free(t->route);
	free(t);
}

/* ---- pools ---- */

/* Open unless it has no handler, or its jobs are on their way to another pool. */
void
type_open(struct core *c, struct type *t)
{
	gate_pause(c, &t->gate, t->unserved || t->leaving);
}

/* None of its jobs starts before all of them are in line where they belong (move_tick). */
static void
change_pool(struct core *c, struct type *t, uint32_t pool)
{
	if (t->pool == pool)
		return;
	t->leaving = true;
	type_open(c, t);
	type_wake(c, t);
	set_pool(c, t, pool);
	if (!list_linked(&t->moving))
		list_push_back(&c->moving, &t->moving);
}

/* ---- what is declared ---- */

static void
set_defaults(struct type *t, const struct type_defaults *d)
{
	char	*queue = d->queue == NULL ? NULL : mem_strdup(d->queue);

	free(t->defaults.queue);
	t->defaults = *d;
	t->defaults.queue = queue;
}

/* An operator's word comes before the declaration's. */
static void
set_declared_limit(struct core *c, struct type *t, uint32_t max_running)
{
	const struct type_limit	*limit = namemap_get(&c->type_limits, t->name, strlen(t->name));

	t->declared_running = max_running;
	if (limit == NULL || !limit->limited)
		gate_limit(c, &t->gate, max_running);
}

struct type *
core_type_define(struct core *c, const struct type *declared)
{
	struct type	*t = namemap_get(&c->types, declared->name, strlen(declared->name));

	if (t == NULL)
		t = type_new(c, declared->name, declared->pool);
	change_pool(c, t, declared->pool);
	t->unserved = false;
	type_open(c, t);
	set_text_or_null(&t->plugin, declared->plugin);
	set_text_or_null(&t->spec, declared->spec);
	set_text_or_null(&t->file, declared->file);
	set_text(&t->summary, declared->summary);
	set_text(&t->args_schema, declared->args_schema);
	set_defaults(t, &declared->defaults);
	set_declared_limit(c, t, declared->declared_running);
	t->traits = declared->traits;
	t->lanes = declared->lanes;
	t->has_run = declared->has_run;
	t->has_start = declared->has_start;
	t->role = declared->role;
	t->grace_ms = declared->grace_ms;
	t->output_bytes = declared->output_bytes;
	return t;
}

void
core_type_gone(struct core *c, struct type *t)
{
	t->unserved = true;
	type_open(c, t);
}

struct type *
core_type_get(struct core *c, struct span name, uint32_t pool)
{
	struct type	*t = namemap_get(&c->types, name.p, name.len);
	char		*text;

	if (t != NULL)
		return t;
	text = mem_strndup(name.p, name.len);
	t = type_new(c, text, pool == CORE_NO_POOL ? 0 : pool);
	free(text);
	set_text(&t->summary, "");
	set_text(&t->args_schema, "true");
	core_type_gone(c, t);
	return t;
}

struct type *
core_type_find(const struct core *c, const char *name, size_t len)
{
	return namemap_get(&c->types, name, len);
}

struct type *
core_type_next(const struct core *c, size_t *at)
{
	return namemap_next(&c->types, at);
}

static struct type_limit *
limit_get(struct core *c, const char *name)
{
	size_t			 len = strlen(name);
	struct type_limit	*limit = namemap_get(&c->type_limits, name, len);

	if (limit != NULL)
		return limit;
	limit = mem_zalloc(1, sizeof(*limit) + len);
	limit->name_len = (uint32_t)len;
	memcpy(limit->name, name, len);
	namemap_put(&c->type_limits, limit->name, len, limit);
	return limit;
}

void
core_type_limit(struct core *c, struct core_time now, const char *name, uint32_t max_running,
    struct rate rate)
{
	struct type		*t = namemap_get(&c->types, name, strlen(name));
	struct type_limit	*limit = limit_get(c, name);

	limit->limited = true;
	limit->max_running = max_running;
	limit->rate = rate;
	if (t == NULL)
		return;
	gate_limit(c, &t->gate, max_running);
	gate_rate(c, now.mono_ns, &t->gate, rate);
}

void
core_type_unlimit(struct core *c, struct core_time now, const char *name)
{
	struct type_limit	*limit = limit_get(c, name);
	const struct type	*t = namemap_get(&c->types, name, strlen(name));

	core_type_limit(c, now, name, t == NULL ? 0 : t->declared_running, (struct rate){ 0 });
	limit->limited = false;
	limit->max_running = 0;
}

void
core_type_retry(struct core *c, const char *name, const struct retry_policy *p)
{
	struct type	*t = namemap_get(&c->types, name, strlen(name));

	limit_get(c, name)->retry = *p;
	if (t != NULL)
		t->retry = *p;
}

/* Is an attempt so short, as far as is known, that another may wait behind it? */
bool
type_is_short(const struct type *t)
{
	return t->samples >= BOUND_WINDOW_SAMPLES && t->mean_ns < t->places[LANE_PROCESS]->pool->short_ns;
}

/*
 * Of the last 16 or so: a mean that follows what the type does now.  But one short attempt that was
 * preempted for milliseconds does not make its type long, or on a busy machine all would wait for
 * each other: it takes three.
 */
void
type_measure(struct core *c, struct type *t, int64_t took_ns)
{
	int64_t	most_ns = OUTLIER_TIMES * t->places[LANE_PROCESS]->pool->short_ns;
	bool	was_short = type_is_short(t);

	if (was_short && took_ns > most_ns)
		took_ns = most_ns;
	t->samples++;
	t->mean_ns += (took_ns - t->mean_ns) / (int64_t)(t->samples < 16 ? t->samples : 16);
	if (type_is_short(t) != was_short)
		place_update_all(c);
}
