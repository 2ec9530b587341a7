/* type.c - types by name: what they declare, and limits that were set before they were known.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define OUTLIER_NS	(6 * BOUND_WINDOW_MEAN_NS)

/* A limit for a type that no worker has declared yet. */
struct type_limit {
	uint32_t	max_running;
	struct retry_policy retry;
	struct rate	rate;
	uint32_t	name_len;
	char		name[];
};

static void
set_text(char **to, const char *text)
{
	free(*to);
	*to = mem_strdup(text == NULL ? "" : text);
}

static struct type *
type_new(struct core *c, const char *name)
{
	struct type		*t = mem_zalloc(1, sizeof(*t));
	struct type_limit	*limit = namemap_get(&c->type_limits, name, strlen(name));

	t->name = mem_strdup(name);
	gate_init(&t->gate, GATE_TYPE);
	list_init(&t->moving);
	for (int lane = 0; lane < PLACES; lane++) {
		list_init(&t->asleep[lane]);
		list_init(&t->thirsty[lane]);
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
	free(t->route);
	free(t);
}

struct type *
core_type_define(struct core *c, const struct type *declared)
{
	struct type	*t = namemap_get(&c->types, declared->name, strlen(declared->name));

	if (t == NULL) {
		t = type_new(c, declared->name);
		t->plugin = declared->plugin == NULL ? NULL : mem_strdup("");
	}
	if (t->unserved) {
		t->unserved = false;
		gate_pause(c, &t->gate, false);
	}
	if (t->plugin != NULL)
		set_text(&t->plugin, declared->plugin);
	set_text(&t->summary, declared->summary);
	set_text(&t->args_schema, declared->args_schema);
	t->traits = declared->traits;
	t->lanes = declared->lanes;
	t->has_run = declared->has_run;
	t->has_start = declared->has_start;
	return t;
}

struct type *
core_type_get(struct core *c, struct span name, bool plugin)
{
	struct type	*t = namemap_get(&c->types, name.p, name.len);
	char		*text;

	if (t != NULL)
		return t;
	text = mem_strndup(name.p, name.len);
	t = type_new(c, text);
	free(text);
	t->plugin = plugin ? mem_strdup("") : NULL;
	set_text(&t->summary, "");
	set_text(&t->args_schema, "true");
	t->unserved = true;
	gate_pause(c, &t->gate, true);
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

	limit->max_running = max_running;
	limit->rate = rate;
	if (t == NULL)
		return;
	gate_limit(c, &t->gate, max_running);
	gate_rate(c, now.mono_ns, &t->gate, rate);
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
	return t->samples >= BOUND_WINDOW_SAMPLES && t->mean_ns < BOUND_WINDOW_MEAN_NS;
}

/*
 * Of the last 16 or so: a mean that follows what the type does now.  But one short attempt that was
 * preempted for milliseconds does not make its type long, or on a busy machine all would wait for
 * each other: it takes three.
 */
void
type_measure(struct core *c, struct type *t, int64_t took_ns)
{
	bool	was_short = type_is_short(t);

	if (was_short && took_ns > OUTLIER_NS)
		took_ns = OUTLIER_NS;
	t->samples++;
	t->mean_ns += (took_ns - t->mean_ns) / (int64_t)(t->samples < 16 ? t->samples : 16);
	if (type_is_short(t) != was_short)
		place_update_all(c);
}
