/*
 * sqlite_copy.h - files made from what is in the store, step by step: a backup, a group's outcomes.
 *
 * A file has its name only when it is whole: until then it is PATH.partial, which is removed
 * when it comes to nothing.  It is on disk, and its name with it, when the query is answered.
 */
#ifndef STORE_SQLITE_COPY_H
#define STORE_SQLITE_COPY_H

#include <stdbool.h>

#include "daemon/broker/store/store.h"

struct sqlite_copy;

/* Begins STORE_BACKUP or STORE_REDUCE: what was committed before is what is copied.  NULL: q has
 * its result already. */
struct sqlite_copy *sqlite_copy_begin(const char *path, struct store_query *q);
/* Some milliseconds of work.  False: it is done, or has failed, and q has its result. */
bool sqlite_copy_step(struct sqlite_copy *c, struct store_query *q);
/* Frees it; what is not whole is removed.  NULL is fine. */
void sqlite_copy_end(struct sqlite_copy *c);

#endif
