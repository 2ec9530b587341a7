/*
 * handover.h - what the loop and the store's threads hand to each other.
 *
 * Operations go from the loop to the writer and back, in order; what is found for recovery comes
 * from the writer, a batch ahead; the reader (sqlite_read.h) tells when it has answers.  The
 * eventfd is readable while the loop has something to fetch.  Nobody waits for anybody but a thread
 * without work.
 */
#ifndef STORE_HANDOVER_H
#define STORE_HANDOVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/store/store.h"

struct found_batch;

struct handover {
	int			 event;
	/* the loop's */
	struct list		 put;		/* not published */
	struct list		 back;		/* taken from done, not fetched */
	/* shared */
	atomic_uint_least64_t	 ops, bytes;	/* from store_put until they are carried out */
	atomic_uint		 sign_asked, sign_given;	/* of life, of the writer */
	pthread_mutex_t		 mutex;
	/* under the mutex */
	pthread_cond_t		 work;		/* of the writer */
	struct list		 todo, done;	/* operations */
	struct store_stats	 stats;		/* as the writer said them last */
	bool			 answers;	/* the reader may have some */
	struct found_batch	*found;		/* the next one, or NULL */
	bool			 recovery;	/* is asked for */
	bool			 nudged;	/* there is something else to look at */
	bool			 ending;
	bool			 woken;		/* the eventfd is readable */
};

void handover_init(struct handover *h, int event);
void handover_fini(struct handover *h);

/* ---- the loop's side ---- */

void handover_put(struct handover *h, struct store_op *op);
void handover_publish(struct handover *h);
struct store_op *handover_done(struct handover *h);
/* Before the reader is asked for answers; afterwards, whether there was one. */
void handover_fetch_answers(struct handover *h);
void handover_fetched_answer(struct handover *h, bool one);
void handover_recover(struct handover *h);
/* The writer, who may sleep, is to say that it lives; has it, since it was asked last? */
void handover_ask_sign(struct handover *h);
bool handover_sign_given(const struct handover *h);
/* handover_take returns, though nothing may have been put. */
void handover_nudge(struct handover *h);
void handover_stats(struct handover *h, struct store_stats *out);
/* The next batch, which the caller frees; NULL: nothing yet. */
struct found_batch *handover_found(struct handover *h);
/* Lets the threads end when they have done what was published. */
void handover_end(struct handover *h);

/* ---- the writer's side ---- */

struct handover_caps {
	uint32_t	ops;
	size_t		bytes;
};

/*
 * Waits until there is something to do, or until_ns of the monotonic clock (INT64_MAX: never) has
 * come, or the end.  Operations up to the caps (one always) are moved to batch.  False: it is the
 * end, and nothing is left.
 */
bool handover_take(struct handover *h, struct list *batch, const struct handover_caps *caps,
    int64_t until_ns);
/* Recovery was asked for; tells so once. */
bool handover_recovery(struct handover *h);
/* It lives: said in all of these functions that may wait, and by a writer that waits elsewhere. */
void handover_give_sign(struct handover *h);
/* More operations are there already. */
bool handover_more(struct handover *h);
/* All of the list has been carried out. */
void handover_give(struct handover *h, struct list *carried_out);
void handover_say_stats(struct handover *h, const struct store_stats *stats);
/* Hands a batch over, when the one before was fetched.  False: the end; it is still the caller's. */
bool handover_offer(struct handover *h, struct found_batch *batch);
/* Sleeps until until_ns; false: the end has come. */
bool handover_sleep(struct handover *h, int64_t until_ns);

/* ---- the reader's side ---- */

/* There are answers. */
void handover_answers(void *handover);

#endif
