/*
 * sqlite_read.h - the reading half of the SQLite engine: a thread with connections of its own,
 * which can write nothing.
 *
 * Queries are answered one after the other.  Those that take long (STORE_BACKUP, STORE_REDUCE) are
 * done in steps, and others are answered in between.
 */
#ifndef STORE_SQLITE_READ_H
#define STORE_SQLITE_READ_H

#include <stddef.h>

#include "daemon/broker/store/store.h"

struct sqlite_read;

/*
 * The database at path is there, with the tables of this version, and somebody has it open for
 * writing as long as this lives.
 *
 *   wake(ctx)	is called by the thread when there are answers and there were none
 *
 * 0, or -errno with a sentence in why[size].
 */
int sqlite_read_open(const char *path, void (*wake)(void *ctx), void *ctx, struct sqlite_read **out,
    char *why, size_t size);
void sqlite_read_ask(struct sqlite_read *r, struct store_query *q);
/* A query that is answered, or NULL. */
struct store_query *sqlite_read_answered(struct sqlite_read *r);
/* Ends the thread, a backup under way with it.  Queries that were not given back are dropped. */
void sqlite_read_close(struct sqlite_read *r);

#endif
