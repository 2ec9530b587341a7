/* order.c - order keys: jobs with one key run one at a time, in order of submission.
 * Runs in: broker, loop thread.
 *
 * The job whose turn it is holds the key from its submission, or from the end of the one before, to
 * its end: while it waits for its time too, so that a delay does not let later jobs pass.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct order *
order_get(struct core *c, const char *key, size_t len)
{
	struct order	*o = namemap_get(&c->orders, key, len);

	if (o == NULL) {
		o = mem_zalloc(1, sizeof(*o) + len + 1);
		o->key_len = (uint32_t)len;
		memcpy(o->key, key, len);
		list_init(&o->behind);
		namemap_put(&c->orders, o->key, len, o);
	}
	o->refs++;
	return o;
}

void
order_unref(struct core *c, struct order *o)
{
	if (o == NULL || --o->refs > 0)
		return;
	namemap_del(&c->orders, o->key, o->key_len);
	free(o);
}

bool
order_open(const struct job *j)
{
	const struct order	*o = job_order(j);

	return o == NULL || o->holder == j;
}

static void
hold(struct order *o, struct job *j)
{
	o->holder = j;
	o->holder_id = j == NULL ? 0 : j->id;
}

void
order_enter(struct job *j)
{
	struct order	*o = job_order(j);

	if (o->holder_id == 0)
		hold(o, j);
	else
		list_push_back(&o->behind, &j->link);
}

void
order_pass(struct core *c, struct order *o)
{
	struct list	*link = list_pop(&o->behind);
	struct job	*next = link == NULL ? NULL : list_entry(link, struct job, link);

	hold(o, next);
	if (next != NULL && next->state == JOB_ready)
		ready_add(c, next);
}

void
order_leave(struct core *c, struct job *j)
{
	if (job_order(j)->holder == j)
		order_pass(c, job_order(j));
	else
		list_remove(&j->link);
}

const char *
core_order_key(const struct job *j, size_t *len)
{
	const struct order	*o = job_order(j);

	*len = o == NULL ? 0 : o->key_len;
	return o == NULL ? "" : o->key;
}
