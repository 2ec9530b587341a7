/*
 * inline.h - the inline table: types that cost microseconds, make no system call, and run in the loop.
 */
#ifndef BROKER_INLINE_H
#define BROKER_INLINE_H

#include "daemon/broker/core/job.h"

/* Runs j in place; true: *o has its outcome.  False: the type is not in the table. */
bool inline_run(const struct job *j, struct outcome *o);

#endif
