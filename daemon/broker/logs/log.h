/*
 * log.h - what the attempts of one job have said.  Pure: no thread, no file, no connection.
 *
 * An attempt says bytes on three streams.  A byte has two places: its offset in its stream, and its
 * place among all that the attempt said (`at`).  Of each stream a beginning is kept: the first
 * LOG_HEAD_BYTES in memory (the head), what follows in a file (files.h), up to a limit; the rest is
 * counted and gone.  Both hold records: a struct log_record and its bytes, by `at`.
 */
#ifndef LOGS_LOG_H
#define LOGS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/list.h"
#include "proto/rpc.h"

#define LOG_HEAD_BYTES		(64 << 10)	/* of a stream */
#define LOG_RECORDS_BYTES	(512 << 10)	/* of a head with what its records take */
#define LOG_PIECE_BYTES		(256 << 10)	/* of a record */
#define LOG_ATTEMPTS		8		/* the last so many of a job are kept */

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_NOTE, LOG_STREAMS };
extern const char *const log_stream_names[LOG_STREAMS];

/* In front of len bytes; little-endian, in memory as in a file. */
struct log_record {
	uint64_t	at, offset;
	int64_t		at_ms;		/* since the epoch */
	uint32_t	len;
	uint32_t	stream;		/* enum log_stream */
};

struct log_line {
	uint64_t	said;		/* bytes */
	uint64_t	kept;		/* the first so many are in memory or in the file */
	uint32_t	here;		/* in memory */
	uint8_t		cut_len;	/* the beginning of a character, that waits for its end */
	char		cut[3];
};

struct log_attempt {
	struct list	 link;		/* log->attempts */
	uint32_t	 number;
	bool		 ended;		/* it says nothing more */
	bool		 lost;		/* the file took no more: nothing is put there again */
	uint64_t	 max_bytes;	/* kept of each stream */
	uint64_t	 filed;		/* bytes of records that went to the file */
	uint64_t	 said;		/* bytes on all streams */
	struct log_line	 lines[LOG_STREAMS];
	struct buf	 head;		/* records */
	struct buf	 spill;		/* records on their way to the file */
	uint64_t	 before[LOG_STREAMS];	/* what was kept without them */
	size_t		 last[2];	/* the last record in head, in spill; SIZE_MAX: none */
};

struct log {
	uint64_t	 id;		/* of the job */
	struct list	 attempts;	/* oldest first */
	uint32_t	 dropped;	/* attempts up to this one are not kept any more */
	size_t		 bytes;		/* of memory in heads */
	struct list	 followers;	/* net/follow.c's */
	struct list	 held;		/* in logs->held: its attempt's output waits for a follower */
	struct list	 spilling;	/* in logs->spilling */
	bool		 fresh;		/* there is something that the store does not have */
};

/* Bytes of one stream, in one piece. */
struct log_piece {
	enum log_stream	 stream;
	uint64_t	 at, offset;
	int64_t		 at_ms;
	const char	*p;
	size_t		 len;
	bool		 notice;	/* that not all is kept: nothing to who hears all */
};

struct log *log_new(uint64_t id);
void log_free(struct log *log);
struct log_attempt *log_find(const struct log *log, uint32_t number);
struct log_attempt *log_last(const struct log *log);	/* NULL: none has said anything */
struct log_attempt *log_add_attempt(struct log *log, uint32_t number);
/* The oldest one, when there are more than are kept, out of the log; the caller frees it.  NULL: there are not. */
struct log_attempt *log_drop_oldest(struct log *log);
void log_attempt_free(struct log_attempt *a);

/*
 * What is said, in pieces that a reader can be told: a character that is cut waits for its rest.
 * Fills pieces[0..2], which point to p or to scratch[8]; returns how many there are.  at and offset
 * are set, and the bytes counted as said.
 */
#define LOG_PIECES	3
size_t log_cut(struct log_attempt *a, enum log_stream s, int64_t at_ms, const char *p, size_t len,
    struct log_piece pieces[LOG_PIECES], char scratch[8]);
/* The same for what still waits, when nothing more will come: 0 or 1 piece. */
size_t log_cut_end(struct log_attempt *a, enum log_stream s, int64_t at_ms,
    struct log_piece pieces[LOG_PIECES], char scratch[8]);

/*
 * Keeps a piece: in memory (memory: as far as there is some left), or in a->spill, up to max_bytes
 * of its stream.  False: it, or a part of it, is not kept, for the first time in this stream.
 */
bool log_keep(struct log *log, struct log_attempt *a, const struct log_piece *piece, bool memory,
    uint64_t max_bytes);
/* What is in a->spill is the caller's, for the file. */
void log_take_spill(struct log_attempt *a, struct buf *out);
/* What was to be written from these places on was not: nothing of the streams is kept behind them. */
void log_lost(struct log_attempt *a, const uint64_t kept[LOG_STREAMS]);
bool log_truncated(const struct log_attempt *a, int stream);

/* ---- reading ---- */

#define LOG_ALL		(-1)		/* of a reader's stream */

/* A place in what an attempt said. */
struct log_place {
	int		 stream;	/* enum log_stream, or LOG_ALL */
	uint64_t	 next;		/* an offset; of LOG_ALL among all */
};

uint64_t log_place_of(const struct log_place *place, const struct log_piece *piece);
uint64_t log_place_end(const struct log_place *place, const struct log_attempt *a);
/*
 * The first record in records[0..len) from *from on that has bytes at the place or behind it, and
 * none that the place is behind of.  *from moves on to it.  1: *out, which points into records; 0:
 * there is none; -1: what is there is no record (a file that was cut off, or is damaged).
 */
int log_next(const char *records, size_t len, size_t *from, const struct log_place *place,
    struct log_piece *out);

/* ---- as text for the store ---- */

void log_print(const struct log *log, struct buf *out);
/* NULL: it is none. */
struct log *log_parse(uint64_t id, struct span text);

#endif
