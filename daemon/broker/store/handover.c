/* handover.c - lists between the loop and the store's threads.  Runs in: broker; loop thread,
 * writer, reader.
 *
 * The mutex protects the lists and flags named in handover.h; it is held for moments, alone, and
 * never over a system call that could wait.
 */
#include "daemon/broker/store/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

static size_t
op_bytes(const struct store_op *op)
{
	return sizeof(*op) + op->spec.len + op->args.len + op->labels.len + op->past.len + op->log.len +
	    op->unique_key.len + op->unique_print.len + op->kind.len + op->name.len + op->text.len + op->end.text.len +
	    op->end.failure.len;
}

/* With the mutex. */
static void
wake(struct handover *h)
{
	static const uint64_t	one = 1;

	if (!h->woken && write(h->event, &one, sizeof(one)) < 0)
		abort();	/* an eventfd of our own, without an excuse */
	h->woken = true;
}

/* With the mutex: the eventfd is quiet when the loop has nothing to fetch. */
static void
settle(struct handover *h)
{
	uint64_t	count;

	if (!h->woken || !list_empty(&h->back) || !list_empty(&h->done) ||
	    h->answers || h->found != NULL)
		return;
	if (read(h->event, &count, sizeof(count)) < 0)
		abort();
	h->woken = false;
}

void
handover_init(struct handover *h, int event)
{
	pthread_condattr_t	attr;

	*h = (struct handover){ .event = event };
	list_init(&h->put);
	list_init(&h->back);
	list_init(&h->todo);
	list_init(&h->done);
	atomic_init(&h->ops, 0);
	atomic_init(&h->bytes, 0);
	atomic_init(&h->sign_asked, 0);
	atomic_init(&h->sign_given, 0);
	pthread_mutex_init(&h->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->work, &attr);
	pthread_condattr_destroy(&attr);
}

void
handover_fini(struct handover *h)
{
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->mutex);
}

/* ---- the loop's side ---- */

void
handover_put(struct handover *h, struct store_op *op)
{
	list_push_back(&h->put, &op->link);
	atomic_fetch_add_explicit(&h->ops, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->bytes, op_bytes(op), memory_order_relaxed);
}

void
handover_publish(struct handover *h)
{
	if (list_empty(&h->put))
		return;
	pthread_mutex_lock(&h->mutex);
	if (list_empty(&h->todo))
		pthread_cond_signal(&h->work);
	list_append(&h->todo, &h->put);
	pthread_mutex_unlock(&h->mutex);
}

struct store_op *
handover_done(struct handover *h)
{
	struct list	*node = list_pop(&h->back);

	if (node == NULL) {
		pthread_mutex_lock(&h->mutex);
		list_append(&h->back, &h->done);
		node = list_pop(&h->back);
		settle(h);
		pthread_mutex_unlock(&h->mutex);
	}
	return node == NULL ? NULL : list_entry(node, struct store_op, link);
}

/* In this order: what is answered in between is fetched, or told again. */
void
handover_fetch_answers(struct handover *h)
{
	pthread_mutex_lock(&h->mutex);
	h->answers = false;
	pthread_mutex_unlock(&h->mutex);
}

void
handover_fetched_answer(struct handover *h, bool one)
{
	pthread_mutex_lock(&h->mutex);
	h->answers |= one;
	settle(h);
	pthread_mutex_unlock(&h->mutex);
}

void
handover_recover(struct handover *h)
{
	pthread_mutex_lock(&h->mutex);
	h->recovery = true;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->mutex);
}

void
handover_nudge(struct handover *h)
{
	pthread_mutex_lock(&h->mutex);
	h->nudged = true;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->mutex);
}

struct found_batch *
handover_found(struct handover *h)
{
	struct found_batch	*batch;

	pthread_mutex_lock(&h->mutex);
	batch = h->found;
	h->found = NULL;
	if (batch != NULL)
		pthread_cond_signal(&h->work);
	settle(h);
	pthread_mutex_unlock(&h->mutex);
	return batch;
}

void
handover_ask_sign(struct handover *h)
{
	atomic_fetch_add_explicit(&h->sign_asked, 1, memory_order_relaxed);
	pthread_mutex_lock(&h->mutex);
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->mutex);
}

bool
handover_sign_given(const struct handover *h)
{
	return atomic_load_explicit(&h->sign_given, memory_order_relaxed) ==
	    atomic_load_explicit(&h->sign_asked, memory_order_relaxed);
}

void
handover_stats(struct handover *h, struct store_stats *out)
{
	pthread_mutex_lock(&h->mutex);
	*out = h->stats;
	pthread_mutex_unlock(&h->mutex);
}

void
handover_end(struct handover *h)
{
	handover_publish(h);
	pthread_mutex_lock(&h->mutex);
	h->ending = true;
	pthread_cond_broadcast(&h->work);
	pthread_mutex_unlock(&h->mutex);
}

/* ---- the writer's side ---- */

void
handover_give_sign(struct handover *h)
{
	unsigned	asked = atomic_load_explicit(&h->sign_asked, memory_order_relaxed);

	atomic_store_explicit(&h->sign_given, asked, memory_order_relaxed);
}

/* With the mutex.  False: until_ns has come. */
static bool
wait_for_work(struct handover *h, int64_t until_ns)
{
	struct timespec	ts = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };

	handover_give_sign(h);
	if (until_ns == INT64_MAX) {
		pthread_cond_wait(&h->work, &h->mutex);
		return true;
	}
	return pthread_cond_timedwait(&h->work, &h->mutex, &ts) != ETIMEDOUT;
}

/* With the mutex. */
static void
move_up_to(struct list *batch, struct list *todo, const struct handover_caps *caps)
{
	uint32_t	ops = 0;
	size_t		bytes = 0;
	struct list	*node;

	while (ops < caps->ops && bytes < caps->bytes && (node = list_pop(todo)) != NULL) {
		ops++;
		bytes += op_bytes(list_entry(node, struct store_op, link));
		list_push_back(batch, node);
	}
}

bool
handover_take(struct handover *h, struct list *batch, const struct handover_caps *caps,
    int64_t until_ns)
{
	bool	goes_on;

	pthread_mutex_lock(&h->mutex);
	handover_give_sign(h);		/* also where there is always something to do */
	while (list_empty(&h->todo) && !h->recovery && !h->nudged && !h->ending)
		if (!wait_for_work(h, until_ns))
			break;
	h->nudged = false;
	move_up_to(batch, &h->todo, caps);
	goes_on = !h->ending || !list_empty(batch);
	pthread_mutex_unlock(&h->mutex);
	return goes_on;
}

bool
handover_recovery(struct handover *h)
{
	bool	asked;

	pthread_mutex_lock(&h->mutex);
	asked = h->recovery;
	h->recovery = false;
	pthread_mutex_unlock(&h->mutex);
	return asked;
}

bool
handover_more(struct handover *h)
{
	bool	more;

	pthread_mutex_lock(&h->mutex);
	more = !list_empty(&h->todo) || h->ending;
	pthread_mutex_unlock(&h->mutex);
	return more;
}

void
handover_give(struct handover *h, struct list *carried_out)
{
	uint64_t	ops = 0, bytes = 0;

	list_for(node, carried_out) {
		ops++;
		bytes += op_bytes(list_entry(node, struct store_op, link));
	}
	if (ops == 0)
		return;
	atomic_fetch_sub_explicit(&h->ops, ops, memory_order_relaxed);
	atomic_fetch_sub_explicit(&h->bytes, bytes, memory_order_relaxed);
	pthread_mutex_lock(&h->mutex);
	list_append(&h->done, carried_out);
	wake(h);
	pthread_mutex_unlock(&h->mutex);
}

void
handover_say_stats(struct handover *h, const struct store_stats *stats)
{
	pthread_mutex_lock(&h->mutex);
	h->stats = *stats;
	pthread_mutex_unlock(&h->mutex);
}

bool
handover_offer(struct handover *h, struct found_batch *batch)
{
	bool	taken;

	pthread_mutex_lock(&h->mutex);
	handover_give_sign(h);
	while (h->found != NULL && !h->ending)
		(void)wait_for_work(h, INT64_MAX);
	taken = !h->ending;
	if (taken) {
		h->found = batch;
		wake(h);
	}
	pthread_mutex_unlock(&h->mutex);
	return taken;
}

bool
handover_sleep(struct handover *h, int64_t until_ns)
{
	bool	goes_on;

	pthread_mutex_lock(&h->mutex);
	while (!h->ending && wait_for_work(h, until_ns))
		;
	goes_on = !h->ending;
	pthread_mutex_unlock(&h->mutex);
	return goes_on;
}

/* ---- the reader's side ---- */

void
handover_answers(void *handover)
{
	struct handover	*h = handover;

	pthread_mutex_lock(&h->mutex);
	h->answers = true;
	wake(h);
	pthread_mutex_unlock(&h->mutex);
}
