/*
 * spool.h - outcomes of groups' members, on disk instead of in memory.
 *
 * A thread of its own appends the outcomes of each group to a file, in the order in which they
 * come, and remembers 8 bytes for each: where it begins.  It reads them back in order of their
 * index, and writes the file that a reduce job reads.  The loop hands over requests and takes
 * news; neither ever waits for the other.  Requests are carried out in the order in which they were
 * made, so what was appended before is there.
 *
 * The files lie in one directory of mode 0700, each of mode 0600, NDJSON, a line for an outcome:
 * N.outcomes by completion, N.ndjson in order of index (it takes the place of the first), N being
 * the group's number.  They are not synced: groups die with the broker, and what is left of an
 * earlier one is removed by spool_open.
 *
 * A disk that is full, or fails, costs the group in question its outcomes: its files are removed,
 * SPOOL_FAILED says why, and the others go on.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define SPOOL_OPEN_FILES	16	/* at once */

struct spool;

/*
 * dir: made when it is not there.  queue_bytes: above it spool_full.  0, or -errno with a sentence
 * in why[size].
 */
int spool_open(const char *dir, size_t queue_bytes, struct spool **out, char *why, size_t size);
/* Ends the thread and removes the files. */
void spool_close(struct spool *s);
/* Readable when there is news. */
int spool_fd(const struct spool *s);

/* line: JSON without a line feed, copied. */
void spool_append(struct spool *s, uint64_t group, uint64_t index, const char *line, size_t len);
/*
 * Outcomes from index `from` on, at most count of them and bytes in all (the first one always,
 * without what makes it longer), up to the first one that is not there.  SPOOL_READ answers.
 */
void spool_read(struct spool *s, uint64_t group, uint64_t ticket, uint64_t from, uint64_t count,
    size_t bytes);
/* Writes N.ndjson with the outcomes 0 .. count - 1.  SPOOL_REDUCED answers. */
void spool_reduce(struct spool *s, uint64_t group, uint64_t count);
/* Removes what there is of the group, also when somebody else made its N.ndjson. */
void spool_forget(struct spool *s, uint64_t group);
/* More than queue_bytes wait for the disk.  Once it was so, SPOOL_ROOM tells when half is done. */
bool spool_full(struct spool *s);

enum spool_kind { SPOOL_FAILED, SPOOL_READ, SPOOL_REDUCED, SPOOL_ROOM };

struct spool_news {
	enum spool_kind	 kind;
	uint64_t	 group;		/* not ROOM */
	uint64_t	 ticket;	/* READ */
	uint64_t	 next;		/* READ: the index after the last one in text */
	/*
	 * READ: JSON values with commas between them.  REDUCED: the path of the file.  FAILED: why,
	 * in words.
	 */
	struct buf	 text;
};

/* False: there is no news.  The caller frees out->text. */
bool spool_take(struct spool *s, struct spool_news *out);

#endif
