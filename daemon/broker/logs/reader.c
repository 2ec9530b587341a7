/* reader.c - going through what an attempt said.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/reader.h"

#include "daemon/broker/logs/logs.h"

void
reader_set(struct log_reader *r, uint32_t attempt, uint64_t next)
{
	r->attempt = attempt;
	r->place.next = next;
	r->head_at = 0;
}

enum log_read
reader_next(struct broker *b, struct log_reader *r, struct log_piece *out)
{
	const struct log	 *log = logs_find(b, r->id);
	const struct log_attempt *a = log == NULL ? NULL : log_find(log, r->attempt);

	if (a == NULL || log_next(buf_data(&a->head), buf_len(&a->head), &r->head_at, &r->place,
	    out) <= 0)
		return LOG_READ_NONE;
	return LOG_READ_PIECE;
}
