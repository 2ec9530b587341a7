/*
 * logs.h - what jobs say, from the worker that hears it to those who ask.  Runs in: broker, loop
 * thread.
 *
 * The lanes tell what an attempt says, in the order in which it said it (logs_add), and that it says
 * nothing more (logs_ended); the latter before core hears of the attempt's end.  What is kept is in
 * log.h.  A log is there from the first byte until its job leaves core; that of a durable job is in
 * the store too, from the job's end on.
 */
#ifndef LOGS_LOGS_H
#define LOGS_LOGS_H

#include "daemon/broker/broker.h"
#include "daemon/broker/logs/log.h"

struct logs;

void logs_open(struct broker *b);
void logs_close(struct broker *b);

/*
 * An attempt has said len bytes, which are the caller's own: nobody changes them meanwhile.  at_ms:
 * when, since the epoch.  Of an attempt whose job has its outcome already nothing is heard.
 */
void logs_add(struct broker *b, struct attempt *at, enum log_stream s, int64_t at_ms, const char *p,
    size_t len);
/* It says nothing more. */
void logs_ended(struct broker *b, const struct attempt *at);

/* The job has its outcome; it leaves core. */
void logs_job_finished(struct broker *b, struct job *j);
void logs_job_forgotten(struct broker *b, const struct job *j);

/* The log of a job; NULL: it has said nothing. */
struct log *logs_find(const struct broker *b, uint64_t id);

#endif
