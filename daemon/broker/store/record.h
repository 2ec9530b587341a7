/*
 * record.h - a job as JSON text, and back: what the store calls its spec and its past.
 *
 * spec: what was said at submission, with times since the epoch, and what was decided then.  Members that
 * say what is usual are left out.
 * past: what happened to it since, and all of its spec that may be different now.
 * failure: {"kind", "attempt", "retryable", "data"}.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "daemon/broker/core/core.h"
#include "daemon/broker/store/store.h"
#include "lib/buf.h"

void record_print_spec(struct buf *out, struct core_time now, const struct job *j,
    const struct jobspec *spec);
void record_print_past(struct buf *out, const struct core *c, struct core_time now,
    const struct job *j);
/* What a job with a unique key said, in hexadecimal digits, and back; false: it is no such text. */
void record_print_unique(struct buf *out, const struct unique_print *p);
bool record_read_unique(struct span text, struct unique_print *out);
/* As job.call says it, without the message. */
void record_print_failure(struct buf *out, const struct job *j);

/* A job that was read.  Spans point into the row, or into `scratch`. */
struct job_record {
	struct job_saved saved;		/* without type, by and group, which are named here */
	struct span	 type, principal, client, addr;
	uint64_t	 group;
	struct span	 pool;		/* of its type */
	struct transition moves[CORE_MOVES_KEPT];
	struct attempt_record tries[CORE_TRIES_KEPT];
	struct span	 try_workers[CORE_TRIES_KEPT];	/* their names; len 0: not known */
	struct transition end;		/* of one that has ended, when it is not among the moves */
	bool		 ended;
	struct span	 unique_key;	/* len 0: none */
	int64_t		 unique_until_ms;	/* since the epoch; 0: held until it ends */
	struct unique_print unique_print;
	struct buf	 scratch;
};
/* 0, or -1 with what is wrong in why[size].  record_fini in either case. */
int record_read(const struct store_row *row, struct job_record *out, char *why, size_t size);
/* Frees what core_restore did not take. */
void record_fini(struct job_record *r);

#endif
