/* reader.c - going through what an attempt said.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/reader.h"

#include <stdlib.h>

#include "daemon/broker/logs/files.h"
#include "daemon/broker/logs/logs.h"
#include "lib/alloc.h"

/* Outlives a reader that is gone before its chunk was read. */
struct reader_wait {
	struct log_reader	*reader;	/* NULL: nobody waits any more */
};

/* ---- the file ---- */

static void
leave(struct log_reader *r)
{
	if (r->wait != NULL)
		r->wait->reader = NULL;
	r->wait = NULL;
}

static void
ask(struct broker *b, struct log_reader *r)
{
	r->file_at += r->chunk_at;
	r->chunk_at = 0;
	buf_free(&r->chunk);
	r->wait = mem_zalloc(1, sizeof(*r->wait));
	r->wait->reader = r;
	logs_read_file(b, r->id, r->attempt, r->file_at, r->wait);
}

void
reader_got(struct reader_wait *w, struct buf *bytes)
{
	struct log_reader	*r = w->reader;

	free(w);
	if (r == NULL)
		return;
	r->wait = NULL;
	r->file_over = buf_len(bytes) == 0;
	r->chunk = *bytes;
	*bytes = (struct buf){ 0 };
	r->ready(r);
}

/* Of a chunk that begins with a record, the first is whole, unless the file was cut off. */
static enum log_read
next_in_file(struct broker *b, struct log_reader *r, const struct log_attempt *a,
    struct log_piece *out)
{
	int	rc;

	if (r->wait != NULL)
		return LOG_READ_WAIT;
	if (r->file_over)
		return LOG_READ_NONE;
	rc = log_next(buf_data(&r->chunk), buf_len(&r->chunk), &r->chunk_at, &r->place, out);
	if (rc > 0)
		return LOG_READ_PIECE;
	if (r->file_at + r->chunk_at >= a->filed)
		return LOG_READ_NONE;
	if (rc < 0 && r->chunk_at == 0) {
		r->file_over = true;
		return LOG_READ_NONE;
	}
	ask(b, r);
	return LOG_READ_WAIT;
}

/* ---- both ---- */

void
reader_set(struct log_reader *r, uint32_t attempt, uint64_t next)
{
	leave(r);
	r->attempt = attempt;
	r->place.next = next;
	r->head_at = r->chunk_at = 0;
	r->file_at = 0;
	r->file_over = false;
	buf_free(&r->chunk);
}

void
reader_fini(struct log_reader *r)
{
	leave(r);
	buf_free(&r->chunk);
}

enum log_read
reader_next(struct broker *b, struct log_reader *r, struct log_piece *out)
{
	const struct log	 *log = logs_find(b, r->id);
	const struct log_attempt *a = log == NULL ? NULL : log_find(log, r->attempt);
	struct log_piece	  here, there;
	bool			  have;
	enum log_read		  rc;

	if (a == NULL || r->place.next >= log_place_end(&r->place, a))
		return LOG_READ_NONE;
	have = log_next(buf_data(&a->head), buf_len(&a->head), &r->head_at, &r->place, &here) > 0;
	if (have && log_place_of(&r->place, &here) == r->place.next) {
		*out = here;		/* the very next byte: whatever is in the file comes later */
		return LOG_READ_PIECE;
	}
	if ((rc = next_in_file(b, r, a, &there)) == LOG_READ_WAIT)
		return rc;
	if (rc == LOG_READ_NONE && !have)
		return rc;
	*out = !have || (rc == LOG_READ_PIECE && there.at < here.at) ? there : here;
	return LOG_READ_PIECE;
}
