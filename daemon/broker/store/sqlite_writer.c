/* sqlite_writer.c - the thread that writes: batches, commits, checkpoints, a full disk.  Runs in:
 * broker, writer.
 *
 * All that was put while a commit was under way is one transaction, and starts at once when that
 * commit is done.  Nothing comes back before COMMIT has returned SQLITE_OK: with synchronous=FULL
 * the WAL was synced by then.
 *
 * Checkpoints are made between batches, when the results of the last one are out: PASSIVE, so they
 * wait for no reader.  One that reached the WAL's end lets the next transaction begin it anew, so
 * its size is bounded, but for a reader that takes long.
 */
#include "daemon/broker/store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/store/ids.h"
#include "lib/clock.h"
#include "lib/log.h"

#define CHECKPOINT_PAGES	4000	/* 16 MiB of WAL... */
#define CHECKPOINT_LEAST	1000	/* ...or 4, with a small reserve */
#define PAGE_BYTES		4096
#define QUIET_NS		(1 * NS_PER_S)	/* then the rest is checkpointed */
#define SPACE_NS		(NS_PER_S / 4)	/* a full disk is looked at so often */

static const struct handover_caps	caps = { .ops = 2000, .bytes = 1 << 20 };

/* ---- totals ---- */

static const struct {
	const char	*name;
	size_t		 offset;
} meta_rows[] = {
	{ "live", offsetof(struct totals, live) },
	{ "kept", offsetof(struct totals, kept) },
	{ "kept_bytes", offsetof(struct totals, kept_bytes) },
	{ "failed", offsetof(struct totals, failed) },
	{ "failed_bytes", offsetof(struct totals, failed_bytes) },
	{ "next_id", offsetof(struct totals, next_id) },
};
#define META_ROWS	(sizeof(meta_rows) / sizeof(meta_rows[0]))

static int64_t *
total(struct totals *t, size_t row)
{
	return (int64_t *)(void *)((char *)t + meta_rows[row].offset);
}

static int
write_meta(struct sqlite_store *s, const char *name, int64_t value)
{
	sqlite3_stmt	*st = s->statements[ST_META];

	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, value);
	return verb_run(s, ST_META);
}

static int
write_totals(struct sqlite_store *s)
{
	int	rc = SQLITE_OK;

	s->totals.next_id = (int64_t)ids_reserved(s->store.ids);
	for (size_t i = 0; i < META_ROWS && rc == SQLITE_OK; i++)
		if (*total(&s->totals, i) != *total(&s->written, i))
			rc = write_meta(s, meta_rows[i].name, *total(&s->totals, i));
	return rc;
}

static int64_t
read_meta(struct sqlite_store *s, const char *name, int *rc)
{
	char	query[80];

	snprintf(query, sizeof(query), "SELECT value FROM meta WHERE name = '%s'", name);
	return db_number(s->db, query, 0, rc);
}

static int
read_totals(struct sqlite_store *s)
{
	int	rc = SQLITE_OK;
	int64_t	live = 0, ended = 0;

	for (size_t i = 0; i < META_ROWS && rc == SQLITE_OK; i++)
		*total(&s->totals, i) = read_meta(s, meta_rows[i].name, &rc);
	if (rc == SQLITE_OK)
		s->boot = (uint32_t)read_meta(s, "boot", &rc);
	if (rc == SQLITE_OK)
		live = db_number(s->db, "SELECT max(id) FROM job", 0, &rc);
	if (rc == SQLITE_OK)
		ended = db_number(s->db, "SELECT max(id) FROM history", 0, &rc);
	s->top = (uint64_t)(live > ended ? live : ended);
	if (s->totals.next_id <= (int64_t)s->top)
		s->totals.next_id = (int64_t)s->top + 1;
	s->written = s->totals;
	return rc;
}

/* ---- a transaction ---- */

/* Another program that holds the file for longer than the busy timeout is waited for. */
static int
begin(struct sqlite_store *s)
{
	int	rc;

	while ((rc = verb_run(s, ST_BEGIN)) == SQLITE_BUSY) {
		handover_give_sign(&s->handover);	/* another start would wait as well */
		log_warn("the store is held by another program file=%s", s->path);
	}
	return rc;
}

static bool
grows(const struct store_op *op)
{
	return op->verb == STORE_ADD || op->verb == STORE_AGAIN || op->verb == STORE_PUT;
}

/* On a full disk; and also when there is room again, as long as a refusal was not heard of. */
static bool
refuse(struct sqlite_store *s, struct store_op *op)
{
	if (!grows(op) || op->must || (s->refused != op->turn + 1 &&
	    !atomic_load_explicit(&s->full, memory_order_relaxed)))
		return false;
	op->result = STORE_FULL;
	s->refused = op->turn + 1;
	return true;
}

static int
carry_out_all(struct sqlite_store *s, struct list *batch, int *ops)
{
	int	rc = SQLITE_OK;

	list_for(node, batch) {
		++*ops;
		struct store_op	*op = list_entry(node, struct store_op, link);

		if (!refuse(s, op) && (rc = verb_carry_out(s, op)) != SQLITE_OK)
			break;
	}
	return rc;
}

static int
forget_some(struct sqlite_store *s, int ops)
{
	if (atomic_load_explicit(&s->full, memory_order_relaxed))
		return SQLITE_OK;
	return ops > 0 ? history_forget_some(s, ops) : s->alone ? history_forget_alone(s) : SQLITE_OK;
}

/* The batch as a whole, or nothing of it. */
static int
transact(struct sqlite_store *s, struct list *batch)
{
	struct totals	before = s->totals;
	uint64_t	top = s->top;
	int		rc, ops = 0;

	s->now_ms = clock_real_ms();
	if ((rc = begin(s)) != SQLITE_OK)
		return rc;
	if ((rc = carry_out_all(s, batch, &ops)) == SQLITE_OK)
		rc = forget_some(s, ops);
	if (rc == SQLITE_OK)
		rc = write_totals(s);
	if (rc == SQLITE_OK)
		rc = verb_run(s, ST_COMMIT);
	if (rc == SQLITE_OK) {
		s->written = s->totals;
		return SQLITE_OK;
	}
	if (db_is_full(s->db, rc))
		rc = SQLITE_FULL;	/* the rollback makes it forget errno */
	s->totals = before;
	s->top = top;
	history_undone(s);
	if (sqlite3_get_autocommit(s->db) == 0)
		(void)verb_run(s, ST_ROLLBACK);
	return rc;
}

/* ---- a full disk ---- */

static void
set_full(struct sqlite_store *s, bool full)
{
	if (full == atomic_load_explicit(&s->full, memory_order_relaxed))
		return;
	atomic_store_explicit(&s->full, full, memory_order_relaxed);
	if (full)
		log_error("the disk is full, no durable job is taken file=%s", s->path);
	else
		log_info("the disk has room again, durable jobs are taken file=%s", s->path);
}

static void
look_for_space(struct sqlite_store *s)
{
	int64_t	now_ns = clock_mono_ns();

	if (!atomic_load_explicit(&s->full, memory_order_relaxed) || now_ns < s->space_ns)
		return;
	s->space_ns = now_ns + SPACE_NS;
	if (space_is_back(s))
		set_full(s, false);
}

/* ---- checkpoints ---- */

static int
on_commit(void *store, sqlite3 *db, const char *name, int pages)
{
	struct sqlite_store	*s = store;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

/*
 * Often enough that half the reserve has room for what the file may grow by when the WAL is brought
 * into it: on a full disk the WAL has room again after that.
 */
static int
checkpoint_pages(const struct sqlite_store *s)
{
	int64_t	pages = s->cfg.reserve_bytes / PAGE_BYTES / 2;

	return pages < CHECKPOINT_LEAST ? CHECKPOINT_LEAST :
	    pages > CHECKPOINT_PAGES ? CHECKPOINT_PAGES : (int)pages;
}

/* With the reserve's help, when there is no room for what the file grows by. */
static int
checkpoint(struct sqlite_store *s, int *in_wal, int *done)
{
	int	rc;

	for (;;) {
		*in_wal = *done = 0;
		rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, in_wal, done);
		if (rc == SQLITE_OK || rc == SQLITE_BUSY)
			return rc;
		if (!db_is_full(s->db, rc))
			db_broken(s, s->db, "checkpoint", rc);
		set_full(s, true);
		s->space_ns = clock_mono_ns() + SPACE_NS;
		if (!space_give_up(s))
			return SQLITE_FULL;
	}
}

/* True: the WAL had something in it and begins anew. */
static bool
empty_wal(struct sqlite_store *s)
{
	bool	was_empty = s->wal_pages == 0;
	int	in_wal, done;
	int	rc = checkpoint(s, &in_wal, &done);

	if (rc != SQLITE_OK) {		/* later */
		s->wal_wanted = s->wal_pages + checkpoint_pages(s);
		return false;
	}
	s->wal_pages = done == in_wal ? 0 : in_wal;
	s->wal_wanted = s->wal_pages + checkpoint_pages(s);
	return s->wal_pages == 0 && !was_empty;
}

/* ---- batches ---- */

/*
 * What makes the file grow is refused from here on.  All else is written as it is, or into what the
 * reserve leaves: first the WAL's pages go into the file, so that it can begin anew.  Or it waits
 * until there is room; false: the end came first.
 */
static bool
write_when_full(struct sqlite_store *s, struct list *batch)
{
	int	rc;

	set_full(s, true);
	for (;;) {
		s->space_ns = clock_mono_ns() + SPACE_NS;
		if ((rc = transact(s, batch)) == SQLITE_OK)
			return true;
		if (!db_is_full(s->db, rc))
			db_broken(s, s->db, "commit", rc);
		if (!empty_wal(s) && !space_give_up(s) &&
		    !handover_sleep(&s->handover, s->space_ns))
			return false;
	}
}

static void
say_stats(struct sqlite_store *s)
{
	const struct totals	*t = &s->totals;

	s->stats.live = t->live;
	s->stats.kept = t->kept;
	s->stats.kept_bytes = t->kept_bytes;
	s->stats.failed = t->failed;
	s->stats.failed_bytes = t->failed_bytes;
	handover_say_stats(&s->handover, &s->stats);
}

/* A batch is on disk. */
static void
count_commit(struct sqlite_store *s, const struct list *batch, int64_t since_ns)
{
	list_for(node, batch)
		s->stats.operations++;
	if (!list_empty(batch))
		buckets_add(&s->stats.commits, clock_mono_ns() - since_ns);
	say_stats(s);
}

static void
carry_out(struct sqlite_store *s, struct list *batch)
{
	int64_t	since_ns = clock_mono_ns();
	int	rc = transact(s, batch);

	if (rc != SQLITE_OK && !db_is_full(s->db, rc))
		db_broken(s, s->db, "commit", rc);
	if (rc != SQLITE_OK && !write_when_full(s, batch))
		return;
	count_commit(s, batch, since_ns);
	handover_give(&s->handover, batch);
}

/* ---- the thread ---- */

/* When there is something to do though nothing was put. */
static int64_t
next_ns(struct sqlite_store *s)
{
	int64_t	next_ns = history_next_ns(s), quiet_ns = clock_mono_ns() + QUIET_NS;

	if (atomic_load_explicit(&s->full, memory_order_relaxed))
		return s->space_ns;
	return s->wal_pages > 0 && quiet_ns < next_ns ? quiet_ns : next_ns;
}

/* Nothing was put: history is looked through, some milliseconds at a time. */
static void
use_quiet(struct sqlite_store *s, struct list *none)
{
	if (history_next_ns(s) > clock_mono_ns())
		return;
	s->alone = true;
	carry_out(s, none);
	s->alone = false;
}

void *
writer_main(void *sqlite_store)
{
	struct sqlite_store	*s = sqlite_store;
	struct list		 batch;
	bool			 quiet;

	list_init(&batch);
	say_stats(s);
	while (handover_take(&s->handover, &batch, &caps, next_ns(s))) {
		quiet = list_empty(&batch);
		history_configure(s);
		if (handover_recovery(&s->handover))
			recover_main(s);
		if (!quiet)
			carry_out(s, &batch);
		else
			use_quiet(s, &batch);
		if (s->wal_pages >= s->wal_wanted || (quiet && s->wal_pages > 0))
			(void)empty_wal(s);
		look_for_space(s);
	}
	return NULL;
}

/* ---- life ---- */

/* The answer is the mode that it is in, which may be another than we asked for. */
static int
use_wal(struct sqlite_store *s)
{
	sqlite3_stmt	*st = NULL;
	int		 rc = db_prepare(s->db, "PRAGMA journal_mode = WAL", &st);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0 ? SQLITE_OK :
		    SQLITE_CANTOPEN;
	sqlite3_finalize(st);
	return rc;
}

static int
settle(struct sqlite_store *s)
{
	int	rc = use_wal(s);

	if (rc == SQLITE_OK)
		rc = db_run(s->db, s->cfg.sync ? "PRAGMA synchronous = FULL" :
		    "PRAGMA synchronous = NORMAL");
	if (rc == SQLITE_OK)
		rc = db_run(s->db, "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;");
	sqlite3_wal_hook(s->db, on_commit, s);
	s->wal_pages = 1;		/* what an earlier process left is checkpointed soon */
	s->wal_wanted = checkpoint_pages(s);
	return rc;
}

static int
count_boot(struct sqlite_store *s, char *why, size_t size)
{
	struct list	none;
	int		rc;

	if ((rc = ids_open(s->dir, s->boot, (uint64_t)s->totals.next_id, &s->store.ids, why,
	    size)) != 0)
		return rc;
	s->boot = ids_boot(s->store.ids);
	list_init(&none);
	if ((rc = write_meta(s, "boot", s->boot)) == SQLITE_OK)
		rc = transact(s, &none);
	return rc == SQLITE_OK ? 0 : db_explain(s->db, s->path, rc, why, size);
}

int
writer_open(struct sqlite_store *s, char *why, size_t size)
{
	int	rc;

	if ((rc = db_open(s->path, false, &s->db, why, size)) != 0 ||
	    (rc = schema_upgrade(s->db, s->path, why, size)) != 0)
		return rc;
	if ((rc = settle(s)) != SQLITE_OK || (rc = verbs_prepare(s)) != SQLITE_OK ||
	    (rc = read_totals(s)) != SQLITE_OK)
		return db_explain(s->db, s->path, rc, why, size);
	return count_boot(s, why, size);
}

/* A database that is taken elsewhere without the file `ids` says it too. */
void
writer_give_ids_back(struct sqlite_store *s)
{
	struct list	none;

	list_init(&none);
	ids_end(s->store.ids);
	(void)transact(s, &none);	/* if not, a fresh block is begun, as after a crash */
}
