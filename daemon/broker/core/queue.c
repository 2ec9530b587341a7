/* queue.c - queues by name: made at first use, gone when nothing refers to them.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct queue *
queue_get(struct core *c, const char *name, size_t len)
{
	struct queue	*q = namemap_get(&c->queues, name, len);

	if (q != NULL)
		return q;
	q = mem_zalloc(1, sizeof(*q));
	gate_init(&q->gate, GATE_QUEUE);
	q->name = mem_strndup(name, len);
	q->name_len = (uint32_t)len;
	namemap_put(&c->queues, q->name, len, q);
	return q;
}

void
queue_free(struct core *c, struct queue *q)
{
	gate_fini(c, &q->gate);
	for (int place = 0; place < PLACES; place++)
		bench_free(q->benches[place]);
	namemap_free(&q->tenants);
	namemap_free(&q->keys);
	free(q->name);
	free(q);
}

void
queue_settle(struct core *c, struct queue *q)
{
	if (q->refs > 0 || q->configured)
		return;
	namemap_del(&c->queues, q->name, q->name_len);
	queue_free(c, q);
}

void
core_queue_limit(struct core *c, const char *name, uint32_t max_running)
{
	struct queue	*q = queue_get(c, name, strlen(name));

	q->configured = true;
	gate_limit(c, &q->gate, max_running);
}

void
core_queue_retry(struct core *c, const char *name, const struct retry_policy *p)
{
	struct queue	*q = queue_get(c, name, strlen(name));

	q->configured = true;
	q->retry = *p;
}

const char *
core_job_queue(const struct job *j)
{
	return job_queue(j)->name;
}

const char *
core_job_tenant(const struct job *j)
{
	return j->flow->seat->tenant->name;
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
		.running = q->states[JOB_running], .max_running = q->gate.max_running,
	};
	return true;
}
