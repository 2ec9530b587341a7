/* tenant.c - the tenants and the limit keys of a queue: made at first use, gone with their last flow.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* ---- tenants ---- */

static struct tenant *
tenant_new(struct queue *q, struct span name)
{
	struct tenant	*t = mem_zalloc(1, sizeof(*t) + name.len + 1);

	gate_init(&t->gate, GATE_TENANT);
	t->gate.max_running = q->tenant_running;
	t->queue = q;
	list_init(&t->seats);
	t->weight = queue_weight(q, name);
	t->name_len = (uint32_t)name.len;
	memcpy(t->name, name.p, name.len);
	namemap_put(&q->tenants, t->name, name.len, t);
	q->refs++;
	return t;
}

struct tenant *
tenant_get(struct queue *q, struct span name)
{
	struct tenant	*t = namemap_get(&q->tenants, name.p, name.len);

	return t != NULL ? t : tenant_new(q, name);
}

/* A turn that was begun gets no longer than a new one. */
void
tenant_set_weight(struct tenant *t, uint32_t weight)
{
	t->weight = weight;
	list_for(node, &t->seats) {
		struct seat	*s = list_entry(node, struct seat, link);

		if (s->credit > weight)
			s->credit = weight;
	}
}

void
tenant_unref(struct core *c, struct tenant *t)
{
	struct queue	*q = t->queue;

	if (--t->refs > 0)
		return;
	gate_fini(c, &t->gate);
	namemap_del(&q->tenants, t->name, t->name_len);
	free(t);
	q->refs--;
	queue_settle(c, q);
}

/* ---- limit keys ---- */

static struct limit_key *
limit_key_new(struct queue *q, struct span key)
{
	struct limit_key	*k = mem_zalloc(1, sizeof(*k) + key.len + 1);

	gate_init(&k->gate, GATE_KEY);
	k->gate.max_running = q->key_running;
	k->queue = q;
	k->key_len = (uint32_t)key.len;
	memcpy(k->key, key.p, key.len);
	namemap_put(&q->keys, k->key, key.len, k);
	return k;
}

struct limit_key *
limit_key_get(struct queue *q, struct span key)
{
	struct limit_key	*k = namemap_get(&q->keys, key.p, key.len);

	return k != NULL ? k : limit_key_new(q, key);
}

/* The queue outlives it: a flow with a key has a tenant, too. */
void
limit_key_unref(struct core *c, struct limit_key *k)
{
	if (--k->refs > 0)
		return;
	gate_fini(c, &k->gate);
	namemap_del(&k->queue->keys, k->key, k->key_len);
	free(k);
}
