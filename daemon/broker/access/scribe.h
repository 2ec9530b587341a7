/*
 * scribe.h - the thread that writes the audit log and the file of tokens: the loop never waits for
 * a disk.
 *
 * Carries out what it is given in order.  The audit log is appended to, and moved to FILE.1,
 * FILE.1 to FILE.2 and so on, before it would be longer than it may.
 */
#ifndef ACCESS_SCRIBE_H
#define ACCESS_SCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

struct scribe;

struct scribe_config {
	const char	*audit;		/* its path, copied; NULL: no audit log */
	int64_t		 max_bytes;
	int64_t		 keep;		/* old files, FILE.1 ... */
};

/* 0, or -errno. */
int scribe_open(const struct scribe_config *cfg, struct scribe **out);
/* When all that it was given is written, and told. */
void scribe_close(struct scribe *w);
/* From what it is given next on. */
void scribe_configure(struct scribe *w, const struct scribe_config *cfg);

/* Whole lines for the audit log; takes what lines holds.  false: too much waits, they are lost. */
bool scribe_append(struct scribe *w, struct buf *lines);
/*
 * The whole text of a file, mode 0600; takes text.  done is called by scribe_run, with 0 or -errno
 * and a sentence.
 */
void scribe_replace(struct scribe *w, const char *path, struct buf *text,
    void (*done)(void *arg, int rc, const char *why), void *arg);
/* Readable when scribe_run has something to call. */
int scribe_fd(const struct scribe *w);
void scribe_run(struct scribe *w);

#endif
