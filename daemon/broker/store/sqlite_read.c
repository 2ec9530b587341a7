/* sqlite_read.c - queries, their answers, and the thread between them.
 * Runs in: broker; loop thread and read thread.
 *
 * The mutex protects the two lists of queries and the flag that ends it; it is held for moments,
 * never over a system call that could wait.  Connections and statements belong to the thread
 * alone.
 */
#include "daemon/broker/store/sqlite_read.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/store/sqlite_copy.h"
#include "daemon/broker/store/sqlite_query.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/thread.h"

struct sqlite_read {
	void		(*wake)(void *ctx);
	void		*ctx;
	pthread_t	 thread;
	/* under the mutex */
	pthread_mutex_t	 mutex;
	pthread_cond_t	 work;
	struct list	 asked, answered;	/* store_query->link */
	bool		 ending;
	/* the thread's */
	char		*path;
	struct sqlite_query *query;
	struct list	 copies;		/* store_query->link: the first is under way */
	struct sqlite_copy *copy;		/* of the first, once it has begun */
};

/* ---- the loop's side ---- */

void
sqlite_read_ask(struct sqlite_read *r, struct store_query *q)
{
	pthread_mutex_lock(&r->mutex);
	if (list_empty(&r->asked))
		pthread_cond_signal(&r->work);
	list_push_back(&r->asked, &q->link);
	pthread_mutex_unlock(&r->mutex);
}

struct store_query *
sqlite_read_answered(struct sqlite_read *r)
{
	struct list	*node;

	pthread_mutex_lock(&r->mutex);
	node = list_pop(&r->answered);
	pthread_mutex_unlock(&r->mutex);
	return node == NULL ? NULL : list_entry(node, struct store_query, link);
}

/* ---- the thread ---- */

static void
give_back(struct sqlite_read *r, struct store_query *q)
{
	bool	first;

	pthread_mutex_lock(&r->mutex);
	first = list_empty(&r->answered);
	list_push_back(&r->answered, &q->link);
	pthread_mutex_unlock(&r->mutex);
	if (first)
		r->wake(r->ctx);
}

/* The next query; NULL: none, and there is something else to do, or the end (*ending). */
static struct store_query *
next_asked(struct sqlite_read *r, bool busy, bool *ending)
{
	struct list	*node;

	pthread_mutex_lock(&r->mutex);
	while (!r->ending && !busy && list_empty(&r->asked))
		pthread_cond_wait(&r->work, &r->mutex);
	node = list_pop(&r->asked);
	*ending = r->ending;
	pthread_mutex_unlock(&r->mutex);
	return node == NULL ? NULL : list_entry(node, struct store_query, link);
}

static bool
is_copy(const struct store_query *q)
{
	return q->what == STORE_BACKUP || q->what == STORE_REDUCE;
}

/* One step of the copy that is first in line. */
static void
step_copy(struct sqlite_read *r)
{
	struct store_query	*q = list_entry(r->copies.next, struct store_query, link);

	if (r->copy == NULL)
		r->copy = sqlite_copy_begin(r->path, q);
	if (r->copy != NULL && sqlite_copy_step(r->copy, q))
		return;
	sqlite_copy_end(r->copy);
	r->copy = NULL;
	list_remove(&q->link);
	give_back(r, q);
}

static void *
thread_main(void *arg)
{
	struct sqlite_read	*r = arg;
	struct store_query	*q;
	bool			 ending = false;

	for (;;) {
		q = next_asked(r, !list_empty(&r->copies), &ending);
		if (ending)
			return NULL;
		if (q != NULL && is_copy(q)) {
			list_push_back(&r->copies, &q->link);
		} else if (q != NULL) {
			sqlite_query_answer(r->query, q);
			give_back(r, q);
		}
		if (!list_empty(&r->copies))
			step_copy(r);
	}
}

/* ---- life ---- */

static void
free_parts(struct sqlite_read *r)
{
	sqlite_copy_end(r->copy);
	sqlite_query_close(r->query);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->mutex);
	free(r->path);
	free(r);
}

int
sqlite_read_open(const char *path, void (*wake)(void *ctx), void *ctx, struct sqlite_read **out,
    char *why, size_t size)
{
	struct sqlite_read	*r = mem_zalloc(1, sizeof(*r));
	int			 rc;

	r->wake = wake;
	r->ctx = ctx;
	r->path = mem_strdup(path);
	list_init(&r->asked);
	list_init(&r->answered);
	list_init(&r->copies);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->work, NULL);
	if ((rc = sqlite_query_open(path, &r->query, why, size)) == 0 &&
	    (rc = thread_start(&r->thread, thread_main, r)) != 0)
		snprintf(why, size, "no thread to read the store with: %s", strerror(-rc));
	if (rc != 0) {
		free_parts(r);
		return rc;
	}
	*out = r;
	return 0;
}

void
sqlite_read_close(struct sqlite_read *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->mutex);
	r->ending = true;
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->mutex);
	pthread_join(r->thread, NULL);
	free_parts(r);
}
