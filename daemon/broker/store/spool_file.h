/*
 * spool_file.h - the outcomes of one group in a file.  Of the spool's thread alone.
 *
 * Functions that touch the disk return 0 or -errno; after an error the file is of no more use but
 * for spool_file_free.
 */
#ifndef STORE_SPOOL_FILE_H
#define STORE_SPOOL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/list.h"

struct spool_file {
	uint64_t	 group;
	int		 dir, fd;	/* fd -1: closed for now */
	bool		 sorted;	/* it is N.ndjson */
	bool		 made;		/* it exists */
	bool		 failed;	/* nothing more is kept */
	struct list	 open;		/* the spool's, while fd is open */
	struct buf	 out;		/* not written yet */
	uint64_t	 size;		/* with what is not written yet */
	uint64_t	*at;		/* by index: where its line begins, + 1; 0: it is not there */
	uint64_t	 len, cap;	/* of at */
};

struct spool_file *spool_file_new(int dir, uint64_t group);
/* Closes it, and removes it from the disk. */
void spool_file_free(struct spool_file *f);
/* Opens it when it is closed. */
int spool_file_open(struct spool_file *f);
/* Writes what is not written, and closes it. */
int spool_file_close(struct spool_file *f);
/* The following need it open. */
int spool_file_append(struct spool_file *f, uint64_t index, const char *line, size_t len);
int spool_file_flush(struct spool_file *f);
/* As spool_read; *next is the index after the last. */
int spool_file_read(struct spool_file *f, uint64_t from, uint64_t count, size_t bytes,
    struct buf *out, uint64_t *next);
/* Becomes N.ndjson. */
int spool_file_sort(struct spool_file *f, uint64_t count);
/* Removes N.ndjson of a group that the spool knows nothing of. */
void spool_file_remove(int dir, uint64_t group);
/* The file's name in its directory. */
void spool_file_name(const struct spool_file *f, bool sorted, char *out, size_t size);

#endif
