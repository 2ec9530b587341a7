/*
 * store.h - what is remembered beyond a process's life.
 *
 * Two ways in, both asynchronous.  Operations (struct store_op) change what is remembered; they are
 * carried out in the order in which they were put, and come back in that order when they are on
 * disk: what is answered to a client before that was a guess.  Queries (struct store_query) read;
 * they see every operation that has come back, come back in any order, and never hold up an
 * operation.  The loop waits for neither.
 *
 * Engines: memory (remembers ids and the boot counter, and nothing of jobs), SQLite.  Nothing here
 * assumes that this node is the only owner of what is in the store: each operation says in its
 * result whether it applied.
 *
 * Words.  A job is live from STORE_ADD to STORE_END, and then history until it is forgotten.  `spec`
 * is a JSON object: what was said at submission, without args and labels.  `past` is a JSON object:
 * what happened to it since (attempts, transitions, what was changed); empty while there is nothing
 * to say.  `log` is bytes: what its attempts have said.  The store looks into none of them.  An item is a small JSON text with a kind and a name: a
 * queue's settings, a group, a schedule, a profile.
 *
 * All functions are of the loop thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buckets.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "proto/rpc.h"

struct store;

enum store_result {
	STORE_OK,
	STORE_DUP,		/* the id or the unique key is there already: `other` says whose */
	STORE_STALE,		/* the job is not live (END, CHANGE), or live already (AGAIN) */
	STORE_NOTFOUND,
	STORE_FULL,		/* no room on the disk: not applied.  Only ADD, AGAIN and PUT are refused
				 * so, when they are not `must`; all others wait until there is room.
				 * Once one was refused, so is each that was put before store_done
				 * gave that one back: what was built on it must not be there alone */
	STORE_UNAVAIL,		/* not applied: the store is closing, or not there */
	STORE_RESULTS
};
extern const char *const store_result_names[STORE_RESULTS];

/* ---- life ---- */

struct store_config {
	const char	*state_dir;
	/* of history, where a job does not say itself; 0: for ever */
	int64_t		 keep_ms, keep_failed_ms;
	/* of history that did not fail; 0: any number */
	int64_t		 keep_jobs, keep_bytes;
	int64_t		 keep_failed_jobs, keep_failed_bytes;
	/* kept free for what must be written on a full disk */
	int64_t		 reserve_bytes;
	/* false: commits are not synced.  For the tests that show why they must be */
	bool		 sync;
};

/*
 * Opens, migrates and counts this boot.  0, or -errno with a sentence in why[size].
 * The supervisor sees to it that a state directory has one broker at a time.
 */
int store_open_memory(const char *state_dir, struct store **out, char *why, size_t size);
int store_open_sqlite(const struct store_config *cfg, struct store **out, char *why, size_t size);
/*
 * Carries out what was put, ends the threads.  Operations and queries that are still inside are
 * dropped with it: their memory is the caller's again.
 */
void store_close(struct store *s);
/*
 * Of history so much is kept from now on as *cfg says; its other members do not count.  What is too
 * much goes as ever, a little at a time.
 */
void store_set_keep(struct store *s, const struct store_config *cfg);
/* Does it remember jobs? */
bool store_durable(const struct store *s);
/* The boot counter: 1, 2, ... never the same twice for one state directory. */
uint32_t store_boot(const struct store *s);
/*
 * An id never used before, below 2^53; 0: none is reserved (the disk is full, or far too slow).
 * Blocks are reserved ahead, by a thread of the store.
 */
uint64_t store_next_id(struct store *s);

/* ---- operations ---- */

enum store_verb {
	STORE_ADD,	/* a job: id, spec, args, labels, past, unique_key */
	STORE_CHANGE,	/* a live job: id, past, log */
	STORE_END,	/* a live job has its outcome: id, past, log, end, unique_key */
	STORE_AGAIN,	/* a job of history is live again: id, past */
	STORE_FORGET,	/* a job of history: id */
	STORE_DROP,	/* a whole group of history: id is the group's number.  Its members may be
			 * forgotten */
	STORE_PUT,	/* an item, made or replaced: kind, name, text */
	STORE_DELETE,	/* an item: kind, name */
	STORE_VERBS
};

/* How a job ended, and what history is searched by.  Spans are lent until the operation came back. */
struct store_end {
	uint8_t		 state;		/* enum job_state: a finished one */
	bool		 blocks;	/* it holds up others behind its order key: not forgotten until
					 * it is written without that by another CHANGE, FORGET or
					 * AGAIN */
	int64_t		 created_ms, ended_ms;
	int64_t		 keep_ms;	/* 0: as the store's configuration says */
	struct span	 type, queue, tenant, principal;
	uint64_t	 group, index;	/* group 0: none.  Members are kept until STORE_DROP */
	struct span	 text;		/* succeeded: the result's JSON; failed: failure.message; else why,
					 * in words */
	struct span	 failure;	/* failed: JSON object {"kind":..., "data":...}; else empty */
};

/*
 * The caller's memory, untouched from store_put until store_done gives it back.  Spans point into
 * memory that lives as long.
 */
struct store_op {
	struct list	 link;		/* the store's, meanwhile */
	uint8_t		 verb;		/* enum store_verb */
	uint8_t		 result;	/* enum store_result, when it came back */
	bool		 must;		/* it waits for room, and is not refused */
	uint64_t	 id;
	uint64_t	 turn;		/* the store's: refusals that were known when it was put */
	uint64_t	 other;		/* DUP: the job that is there */
	struct span	 spec, args, labels, past;
	struct span	 log;		/* CHANGE, END: what its attempts have said; len 0: no more than was put
					 * before */
	struct span	 unique_key;	/* len 0: none */
	int64_t		 unique_until_ms; /* 0: the key is free when the job ends; else at that time */
	struct span	 unique_print;	/* kept with a key that is held for a time */
	bool		 unique_over;	/* the caller counts those times itself, by a clock that is never
					 * set: whoever has the key for a time has it no more */
	struct span	 kind, name, text;	/* of an item */
	struct store_end end;
};

/* In this order; carried out after the next store_publish. */
void store_put(struct store *s, struct store_op *op);
/*
 * End of the caller's turn: the thread starts at once when it is idle, else takes what there is
 * when its commit is done.
 */
void store_publish(struct store *s);
/* The next operation that is carried out, in the order of store_put; NULL: none. */
struct store_op *store_done(struct store *s);
/* Readable when store_done, store_answered or store_next_found has something. */
int store_fd(const struct store *s);

/* Operations and bytes that wait for the disk. */
struct store_load {
	uint64_t	ops, bytes;
	bool		full;		/* the disk is: ADD is refused */
};
struct store_load store_load(const struct store *s);
/*
 * Does the thread that writes live?  It is asked for a sign, and has answered when it has seen that
 * since, whatever keeps it from writing: a full disk does not keep it from answering, a disk that
 * does not come back does.
 */
void store_ask_sign(struct store *s);
bool store_answers(const struct store *s);

/* What it has done since it was opened, and how much there is, as of the last commit. */
struct store_stats {
	struct buckets	commits;	/* transactions with operations, and how long each took */
	uint64_t	operations;
	int64_t		live;		/* jobs */
	int64_t		kept, kept_bytes;	/* of history that did not fail */
	int64_t		failed, failed_bytes;
};
struct store_stats store_stats(struct store *s);

/* ---- queries ---- */

enum store_what {
	STORE_GET,	/* jobs by id, live or history: ids */
	STORE_ARGS,	/* args and labels of live jobs: ids */
	STORE_LIST,	/* history, newest id first, below `before` (0: from the newest): filter,
			 * limit, bytes.  Of args and of the outcome's text only the lengths (p NULL) */
	STORE_MEMBERS,	/* members of a group in history by index: group, from, limit, bytes */
	STORE_REDUCE,	/* writes their outcomes, as NDJSON by index, into the file `path` */
	STORE_BACKUP,	/* writes a copy of the whole store into the new file `path` */
	STORE_STATES,	/* of jobs by id: rows with id and state alone */
	STORE_WHATS
};

/* A job as it is remembered.  Spans point into the query's memory. */
struct store_row {
	uint64_t	 id;
	bool		 live;
	struct span	 spec, args, labels, past;
	struct span	 log;		/* GET, recovery */
	struct store_end end;		/* history */
};

struct store_label {
	struct span	 name, value;
};

/* Each member that is given narrows. */
struct store_filter {
	int		 state;		/* -1: any */
	struct span	 type, queue, tenant, principal, order_key;	/* p NULL: any */
	uint64_t	 group;		/* 0: any */
	const struct store_label *labels;	/* each must be there */
	uint32_t	 labels_len;
	int64_t		 since_ms, until_ms;	/* of created_ms; 0: any */
	int64_t		 active_ms;	/* at least ended_ms; 0: any */
};

struct store_query {
	struct list	 link;		/* the store's, meanwhile */
	uint8_t		 what;		/* enum store_what */
	uint8_t		 result;	/* OK; UNAVAIL: `why` says it in words, `error` as an errno */
	const uint64_t	*ids;
	uint32_t	 ids_len;
	struct store_filter filter;
	uint64_t	 before, group, from;
	uint32_t	 limit;		/* rows */
	size_t		 bytes;		/* of rows in all; one is always given.  0: any number */
	const char	*path;
	/* the answer; store_query_fini frees it */
	struct store_row *rows;
	uint32_t	 rows_len;
	uint64_t	 next;		/* LIST: go on with this as `before`; 0: the end.  It may be set
					 * though there are few rows, or none: one query looks at so
					 * many jobs and not more.  MEMBERS: the index after the last.
					 * GET, ARGS, STATES: the first of ids that was not looked for,
					 * as `bytes` were full; 0: all were.  REDUCE: how many.  BACKUP:
					 * the bytes of the file */
	struct buf	 memory;
	int		 error;
	char		 why[160];
};

void store_ask(struct store *s, struct store_query *q);
/* A query that is answered, or NULL. */
struct store_query *store_answered(struct store *s);
void store_query_fini(struct store_query *q);

/* ---- recovery ---- */

/*
 * After open, once, before anything is put: all that the broker must know again.  First the items,
 * by kind and name; then live jobs and those of history that block others, by id; then keys of jobs
 * that have ended, and counts of groups.  RECOVERED is the last.  The rows are read by the store's
 * thread, a batch ahead; store_fd says when there is more.  Args are given up to args_bytes in all,
 * then only their absence (args.p NULL, args.len what it would be).
 */
enum store_kind { STORE_ITEM, STORE_JOB, STORE_UNIQUE, STORE_GROUP_COUNT, STORE_RECOVERED };

struct store_found {
	enum store_kind	 is;
	struct span	 kind, name, text;	/* ITEM; UNIQUE: name is the key of a job that has
						 * ended, text its unique_print */
	struct store_row job;			/* JOB; UNIQUE: id */
	int64_t		 until_ms;		/* UNIQUE */
	uint64_t	 group, count;		/* GROUP_COUNT: members in history in `state`, for each
						 * group that has such */
	uint8_t		 state;			/* GROUP_COUNT; UNIQUE: how the job ended */
	uint64_t	 at, of;		/* JOB: how far it is */
};

void store_recover(struct store *s, size_t args_bytes);
/* 1: *out, which lives until the next call; 0: nothing yet; -1: it failed, why says how. */
int store_next_found(struct store *s, struct store_found *out, char *why, size_t size);

#endif
