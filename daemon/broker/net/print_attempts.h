/* print_attempts.h - the attempts and transitions of a job, live or of history, as members of an object. */
#ifndef NET_PRINT_ATTEMPTS_H
#define NET_PRINT_ATTEMPTS_H

#include "daemon/broker/core/core.h"
#include "lib/buf.h"

struct job_record;

/* `,"attempts":[...]` and `,"transitions":[...]` */
void print_attempts(struct buf *out, const struct core *c, const struct job *j);
void print_transitions(struct buf *out, const struct job *j);
/* Both, of a job as the store had it.  How its last attempt failed is said only when the row has its text. */
void print_stored_attempts(struct buf *out, const struct job_record *r);

#endif
