/* sqlite.c - the SQLite engine: open, close, and from store.h to its threads.  Runs in: broker,
 * loop thread.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/broker/store/ids.h"
#include "daemon/broker/store/sqlite_read.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/thread.h"

static struct sqlite_store *
sqlite_of(struct store *s)
{
	return (struct sqlite_store *)(void *)s;
}

/* ---- operations ---- */

static void
sqlite_put(struct store *s, struct store_op *op)
{
	handover_put(&sqlite_of(s)->handover, op);
}

static void
sqlite_publish(struct store *s)
{
	handover_publish(&sqlite_of(s)->handover);
}

static struct store_op *
sqlite_done(struct store *s)
{
	return handover_done(&sqlite_of(s)->handover);
}

static struct store_stats
sqlite_stats(struct store *s)
{
	struct store_stats	stats;

	handover_stats(&sqlite_of(s)->handover, &stats);
	return stats;
}

static struct store_load
sqlite_load(const struct store *s)
{
	const struct sqlite_store	*q = (const struct sqlite_store *)(const void *)s;

	return (struct store_load){
		.ops = atomic_load_explicit(&q->handover.ops, memory_order_relaxed),
		.bytes = atomic_load_explicit(&q->handover.bytes, memory_order_relaxed),
		.full = atomic_load_explicit(&q->full, memory_order_relaxed),
	};
}

static void
sqlite_ask_sign(struct store *s)
{
	handover_ask_sign(&sqlite_of(s)->handover);
}

static bool
sqlite_answers(const struct store *s)
{
	return handover_sign_given(&((const struct sqlite_store *)(const void *)s)->handover);
}

/* ---- settings ---- */

static void
sqlite_keep(struct store *s, const struct store_config *cfg)
{
	struct store_config	*given = mem_alloc(sizeof(*given));

	*given = *cfg;
	free(atomic_exchange(&sqlite_of(s)->new_keep, given));
	handover_nudge(&sqlite_of(s)->handover);
}

/* ---- queries ---- */

static void
sqlite_ask(struct store *s, struct store_query *q)
{
	sqlite_read_ask(sqlite_of(s)->read, q);
}

static struct store_query *
sqlite_answered(struct store *s)
{
	struct sqlite_store	*q = sqlite_of(s);
	struct store_query	*query;

	handover_fetch_answers(&q->handover);
	query = sqlite_read_answered(q->read);
	handover_fetched_answer(&q->handover, query != NULL);
	return query;
}

/* ---- recovery ---- */

static void
sqlite_recover(struct store *s, size_t args_bytes)
{
	sqlite_of(s)->args_left = args_bytes;	/* the writer sees it: a lock is between us */
	handover_recover(&sqlite_of(s)->handover);
}

static int
sqlite_next_found(struct store *s, struct store_found *out, char *why, size_t size)
{
	return recover_next(sqlite_of(s), out, why, size);
}

/* ---- life ---- */

static void
sqlite_free(struct sqlite_store *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	ids_close(s->store.ids);
	found_free(s->fetched);
	found_free(handover_found(&s->handover));
	handover_fini(&s->handover);
	free(atomic_load(&s->new_keep));
	fd_close(&s->store.event);
	free(s->reserve_path);
	free(s->path);
	free(s->dir);
	free(s);
}

/* The last connection that closes has all of the WAL in the file, and removes it. */
static void
sqlite_close(struct store *store)
{
	struct sqlite_store	*s = sqlite_of(store);

	handover_end(&s->handover);
	pthread_join(s->writer, NULL);
	writer_give_ids_back(s);
	sqlite_read_close(s->read);
	sqlite_free(s);
}

static const struct store_engine sqlite_engine = {
	.durable = true, .close = sqlite_close, .keep = sqlite_keep, .put = sqlite_put, .publish = sqlite_publish,
	.done = sqlite_done, .load = sqlite_load, .ask_sign = sqlite_ask_sign,
	.answers = sqlite_answers, .ask = sqlite_ask, .answered = sqlite_answered,
	.recover = sqlite_recover, .next_found = sqlite_next_found,
	.stats = sqlite_stats,
};

static struct sqlite_store *
sqlite_new(const struct store_config *cfg)
{
	struct sqlite_store	*s = mem_zalloc(1, sizeof(*s));

	s->cfg = *cfg;
	s->dir = mem_strdup(cfg->state_dir);
	s->cfg.state_dir = s->dir;
	s->path = mem_printf("%s/" SQLITE_FILE_NAME, s->dir);
	s->reserve_path = mem_printf("%s/" SQLITE_RESERVE_NAME, s->dir);
	s->store = (struct store){ .engine = &sqlite_engine,
	    .event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	handover_init(&s->handover, s->store.event);
	atomic_init(&s->full, false);
	atomic_init(&s->new_keep, NULL);
	return s;
}

static int
open_parts(struct sqlite_store *s, char *why, size_t size)
{
	int	rc;

	if (s->store.event < 0) {
		snprintf(why, size, "the store has no eventfd: %s", strerror(errno));
		return -errno;
	}
	if ((rc = writer_open(s, why, size)) != 0)
		return rc;
	return sqlite_read_open(s->path, handover_answers, &s->handover, &s->read, why, size);
}

static int
start(struct sqlite_store *s, char *why, size_t size)
{
	int	rc;

	if ((rc = space_reserve(s)) != 0) {
		log_warn("no reserve on the disk, no durable job is taken file=%s bytes=%lld error=%s",
		    s->reserve_path, (long long)s->cfg.reserve_bytes, strerror(-rc));
		atomic_store(&s->full, true);
	}
	if ((rc = thread_start(&s->writer, writer_main, s)) != 0) {
		snprintf(why, size, "no thread to write the store with: %s", strerror(-rc));
		sqlite_read_close(s->read);
	}
	return rc;
}

/* On a full disk the reserve has room for a start. */
int
store_open_sqlite(const struct store_config *cfg, struct store **out, char *why, size_t size)
{
	struct sqlite_store	*s;
	bool			 again;
	int			 rc;

	do {
		s = sqlite_new(cfg);
		rc = open_parts(s, why, size);
		again = rc == -ENOSPC && space_give_up(s);
		if (rc == 0)
			rc = start(s, why, size);
		if (rc != 0)
			sqlite_free(s);
	} while (again);
	if (rc == 0)
		*out = &s->store;
	return rc;
}
