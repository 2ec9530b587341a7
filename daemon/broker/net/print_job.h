/*
 * print_job.h - jobs as JSON, printed straight into a buffer.
 */
#ifndef NET_PRINT_JOB_H
#define NET_PRINT_JOB_H

#include "daemon/broker/broker.h"
#include "lib/buf.h"

/* `"name":` and `,"name":`, the name being a literal. */
#define print_key(out, name)	buf_append((out), "\"" name "\":", sizeof(name) + 2)
#define print_next(out, name)	buf_append((out), ",\"" name "\":", sizeof(name) + 3)
#define print_literal(out, text) buf_append((out), text, sizeof(text) - 1)

void print_string(struct buf *out, const char *text);	/* quoted */
void print_string_or_null(struct buf *out, const char *text);	/* NULL is null */
void print_i64_or_null(struct buf *out, int64_t value, int64_t none);	/* none is null */
void print_bool(struct buf *out, bool value);
/* `["async","process"]` from bits 1 << enum lane */
void print_lanes(struct buf *out, uint32_t lanes);

/* `{"id":42,"state":"ready"}` */
void print_id_and_state(struct buf *out, uint64_t id, enum job_state state);
/* Behind what was printed of a job: the one that was submitted is that one. */
void print_deduplicated(struct buf *out);
void print_id_state(struct buf *out, const struct job *j);
/*
 * The outcome of a finished job: `{"id","state"}` and `result`, `failure` or `reason`.  What makes
 * it longer than room is replaced by its length: `result_bytes`, `failure.data_bytes`.
 */
void print_outcome(struct buf *out, const struct job *j, size_t room);
/* All about a job; args and result that do not fit room become `args_bytes`, `result_bytes`. */
void print_job(struct buf *out, const struct broker *b, const struct job *j, size_t room);
/* An item of job.list; attempts: with them, and with its transitions. */
void print_job_row(struct buf *out, const struct core *c, const struct job *j, bool attempts);

#endif
