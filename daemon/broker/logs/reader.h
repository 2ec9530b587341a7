/*
 * reader.h - going through what an attempt said, from a place on: first in memory, then in its file.
 */
#ifndef LOGS_READER_H
#define LOGS_READER_H

#include "daemon/broker/broker.h"
#include "daemon/broker/logs/log.h"

struct log_reader {
	uint64_t	 id;		/* of the job */
	uint32_t	 attempt;
	struct log_place place;
	void		(*ready)(struct log_reader *r);	/* what it waited for is there */
	/* the reader's own */
	size_t		 head_at;	/* records of the head before that are behind the place */
	uint64_t	 file_at;	/* where chunk begins */
	struct buf	 chunk;
	size_t		 chunk_at;
	struct reader_wait *wait;	/* a chunk is being read */
	bool		 file_over;	/* the file ends early, or is no log */
};

enum log_read { LOG_READ_PIECE, LOG_READ_WAIT, LOG_READ_NONE };

/*
 * The next bytes that are kept, at the reader's place or behind it; lent until something is said, or
 * the reader is asked again.  The place stays: the caller moves it on (reader_took).  WAIT: the file
 * is being read, and r->ready will be called.
 */
enum log_read reader_next(struct broker *b, struct log_reader *r, struct log_piece *out);
/* The reader goes to another attempt, or back to a place before its own. */
void reader_set(struct log_reader *r, uint32_t attempt, uint64_t next);
void reader_fini(struct log_reader *r);

static inline void
reader_took(struct log_reader *r, const struct log_piece *piece, size_t n)
{
	r->place.next = log_place_of(&r->place, piece) + n;
}

/* A chunk was read for whoever waits for it; takes the bytes. */
struct reader_wait;
void reader_got(struct reader_wait *w, struct buf *bytes);

#endif
