/*
 * files.h - what attempts said beyond what is kept in memory: a file each, in a directory of the
 * state directory, written and read by a thread of their own.
 *
 * What is asked for is carried out in order, so a read sees what was appended before it.  A file is
 * ID.ATTEMPT and holds records (log.h).  Nothing is synced: after a power cut a file may end early.
 */
#ifndef LOGS_FILES_H
#define LOGS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/logs/log.h"

struct files;

/*
 * dir is made when it is not there.  keep_free: bytes of the disk that are left alone.
 * 0, or -errno with a sentence in why.
 */
int files_open(const char *dir, uint64_t keep_free, struct files **out, char *why, size_t size);
/* Carries out what was asked for; then files_next gives what is left, and nothing more is asked. */
void files_end(struct files *f);
void files_close(struct files *f);
/* Readable when files_next has something. */
int files_fd(const struct files *f);

/* Takes the records.  kept: what of each stream is kept when they are not written. */
void files_append(struct files *f, uint64_t id, uint32_t attempt, struct buf *records,
    const uint64_t kept[LOG_STREAMS]);
void files_remove(struct files *f, uint64_t id, uint32_t attempt);
/* All files that there are: FILES_LISTED comes, for each 1,000 of them and once more. */
void files_list(struct files *f);
/* Bytes that wait to be written. */
size_t files_queued(struct files *f);

/* Room for a whole record wherever one begins. */
#define FILES_READ_BYTES	(2 * LOG_PIECE_BYTES)

/* FILES_READ_BYTES of a file, fewer at its end. */
void files_read(struct files *f, uint64_t id, uint32_t attempt, uint64_t from, void *tag);

enum files_kind {
	FILES_LOST,		/* records were not written: id, attempt, kept, error */
	FILES_READ,		/* tag, bytes; error when there are none */
	FILES_LISTED,		/* ids, ids_len; 0: that were all */
};

struct files_name {
	uint64_t	id;
	uint32_t	attempt;
};

struct files_news {
	enum files_kind	 kind;
	uint64_t	 id;
	uint32_t	 attempt;
	int		 error;		/* an errno, or 0 */
	uint64_t	 kept[LOG_STREAMS];
	void		*tag;
	struct buf	 bytes;		/* the caller's to free */
	struct files_name *names;	/* the caller's to free */
	size_t		 names_len;
};
/* False: there is none. */
bool files_next(struct files *f, struct files_news *out);

#endif
