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

struct order *
order_ref(struct order *o)
{
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

	return o == NULL || (o->holder == j && o->stuck_id == 0);
}

void
order_enter(struct job *j)
{
	struct order	*o = job_order(j);

	if (o->holder == NULL && o->stuck_id == 0)
		o->holder = j;
	else
		list_push_back(&o->behind, &j->link);
}

/* Whoever's turn it is now may be in line. */
static void
settle(struct core *c, struct order *o)
{
	struct list	*link;

	if (o->stuck_id != 0)
		return;
	if (o->holder == NULL && (link = list_pop(&o->behind)) != NULL)
		o->holder = list_entry(link, struct job, link);
	if (o->holder != NULL && o->holder->state == JOB_ready && record_open(o->holder))
		ready_add(c, o->holder);
}

bool
order_blocks(const struct job *j)
{
	const struct order	*o = job_order(j);

	return o != NULL && o->holder == j && job_extra(j)->blocks;
}

/* A durable job holds it up for those that are still to come, too: that is on disk. */
bool
order_blocked(const struct job *j)
{
	const struct order	*o = job_order(j);

	return o != NULL && o->holder == j && job_state_finished(j->state) &&
	    (j->durable || !list_empty(&o->behind));
}

void
order_block_again(struct core *c, struct job *j)
{
	struct order	*o = job_order(j);

	if (o->holder != NULL && o->holder->in_line)
		ready_remove(c, o->holder);
	if (o->holder != NULL)
		list_push_front(&o->behind, &o->holder->link);
	o->holder = j;
}

void
order_unblock(struct core *c, struct job *j)
{
	struct order	*o = job_order(j);

	if (o == NULL || o->holder != j || !job_state_finished(j->state))
		return;
	o->holder = NULL;
	settle(c, o);
}

void
order_leave(struct core *c, struct core_time now, struct job *j)
{
	struct order	*o = job_order(j);

	if (o->holder != j) {
		list_remove(&j->link);
		if (o->holder != NULL && list_empty(&o->behind))
			retain_again(c, now, o->holder);
		return;
	}
	o->holder = NULL;
	settle(c, o);
}

void
order_stuck(struct order *o, uint64_t id)
{
	o->refs++;
	o->stuck_id = id;
}

void
order_unstuck(struct core *c, struct order *o)
{
	o->stuck_id = 0;
	settle(c, o);
	order_unref(c, o);
}

const char *
core_order_key(const struct job *j, size_t *len)
{
	const struct order	*o = job_order(j);

	*len = o == NULL ? 0 : o->key_len;
	return o == NULL ? "" : o->key;
}
