/* core_rig.c - see core_rig.h. */
#include "tests/unit/core_rig.h"

#include <stdlib.h>

#include "lib/alloc.h"

const struct core_config	world_config = {
	.keep_finished_ms = 60000, .keep_finished = 100, .keep_finished_bytes = 1 << 20,
	.keep_failed_ms = 600000, .max_waiting = 200000, .max_waiting_bytes = 1 << 28,
	.grace_ms = 1000, .fence_base = UINT64_C(7) << 32, .seed = 42,
	.retry = { .said = 15, .max_attempts = 1, .backoff_ms = 1000, .factor = 2000,
	    .max_backoff_ms = 60000 },
};

struct world *
world_open(const struct core_config *cfg)
{
	struct world	*w = mem_zalloc(1, sizeof(*w));

	w->c = core_new(cfg);
	w->now = (struct core_time){ .mono_ns = 5000 * MS, .real_ms = 1700000000000 };
	w->by = submitter_new("uid:1", "", "unix");
	w->type = world_define(w, "work");
	w->next_id = 1;
	return w;
}

int
world_set_up(void **state)
{
	*state = world_open(&world_config);
	return 0;
}

int
world_tear_down(void **state)
{
	struct world	*w = *state;

	core_check(w->c);
	core_free(w->c);
	submitter_unref(w->by);
	free(w->seen);
	free(w);
	return 0;
}

struct type *
world_define(struct world *w, const char *name)
{
	struct type	declared = { .name = (char *)(size_t)name };

	return core_type_define(w->c, &declared);
}

struct job *
world_submit(struct world *w, struct type *type, enum lane lane, struct jobspec spec)
{
	struct job	*j = NULL;

	if (spec.queue.p == NULL)
		spec.queue = span("default");
	if (spec.args.p == NULL)
		spec.args = span("null");
	assert_int_equal(core_submit(w->c, w->now, w->next_id++, &spec, type, lane, w->by, &j), 0);
	return j;
}

void
world_pass(struct world *w, int64_t ms)
{
	w->now.mono_ns += ms * MS;
	w->now.real_ms += ms;
	core_tick(w->c, w->now);
	core_check(w->c);
}

void
world_done(struct world *w, struct attempt *at, enum attempt_end end)
{
	struct outcome	o = { .text = mem_strdup("1"), .len = 1 };

	core_attempt_done(w->c, w->now, at, end, &o);
}
