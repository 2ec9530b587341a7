/*
 * sweep.h - files of jobs that nobody remembers any more.
 *
 * The store forgets by itself, in a thread of its own, and says nothing of it.  So now and then all
 * files are listed, and of those whose job core does not know the store is asked.
 */
#ifndef LOGS_SWEEP_H
#define LOGS_SWEEP_H

#include "daemon/broker/broker.h"
#include "daemon/broker/logs/files.h"

struct sweep;

struct sweep *sweep_new(struct files *f);
void sweep_free(struct sweep *s);
/* From now on: the broker knows all that the store knows. */
void sweep_begin(struct sweep *s);
/* Begins one when it is time. */
void sweep_run(struct sweep *s, struct broker *b);
int64_t sweep_next_ns(const struct sweep *s);
/* FILES_LISTED */
void sweep_listed(struct sweep *s, struct broker *b, const struct files_name *names, size_t len);

#endif
