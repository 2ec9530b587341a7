/* queue.c - queues by name: made at first use, gone when nothing refers to them.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

struct queue *
queue_get(struct core *c, const char *name, size_t len)
{
	struct queue	*q = namemap_get(&c->queues, name, len);

	if (q == NULL) {
		q = mem_zalloc(1, sizeof(*q));
		q->name = mem_strndup(name, len);
		q->name_len = (uint32_t)len;
		namemap_put(&c->queues, q->name, len, q);
	}
	q->refs++;
	return q;
}

void
queue_free(struct queue *q)
{
	for (int lane = 0; lane < PLACES; lane++)
		bench_free(q->benches[lane]);
	free(q->name);
	free(q);
}

void
queue_unref(struct core *c, struct queue *q)
{
	if (--q->refs > 0 || q->configured)
		return;
	namemap_del(&c->queues, q->name, q->name_len);
	queue_free(q);
}

const char *
core_queue_name(const struct queue *q)
{
	return q->name;
}

bool
core_queue_next(const struct core *c, size_t *at, struct queue_view *out)
{
	const struct queue	*q = namemap_next(&c->queues, at);

	if (q == NULL)
		return false;
	*out = (struct queue_view){
		.name = q->name, .scheduled = q->states[JOB_scheduled],
		.ready = q->states[JOB_ready],
		.running = q->states[JOB_running], .max_running = q->max_running,
	};
	return true;
}
