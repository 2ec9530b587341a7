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

/* 0, or -errno with a sentence in why. */
int logs_open(struct broker *b, char *why, size_t size);
void logs_close(struct broker *b);

/*
 * An attempt has said len bytes, which are the caller's own: nobody changes them meanwhile.  at_ms:
 * when, since the epoch.  Of an attempt whose job has its outcome already nothing is heard.
 */
void logs_add(struct broker *b, struct attempt *at, enum log_stream s, int64_t at_ms, const char *p,
    size_t len);
/* It says nothing more. */
void logs_ended(struct broker *b, const struct attempt *at);

/*
 * The client that handed the job in and follows its log (`run`) is behind: no more of its output should be
 * taken from its worker until lanes_output_wanted is called for it.
 */
bool logs_held(const struct broker *b, const struct attempt *at);
/* Those of whom that is no longer true are told so; true: one was. */
bool logs_resume(struct broker *b);

/* The job has its outcome; it leaves core. */
void logs_job_finished(struct broker *b, struct job *j);
void logs_job_forgotten(struct broker *b, const struct job *j);

/* The broker knows all that the store knows: files of other jobs may be removed. */
void logs_serve(struct broker *b);
/* End of a turn: what goes to files does; files of jobs that nobody remembers are removed now and then. */
void logs_run(struct broker *b);
/* When logs_run is wanted next (CLOCK_MONOTONIC). */
int64_t logs_next_ns(const struct broker *b);

/* ---- the store ---- */

/* What is to be written down of a durable job's log, when there is anything new: all of it. */
void logs_print(struct broker *b, uint64_t id, struct buf *out);
/* A job comes back with what the store had of its log; returns what it takes in memory. */
uint32_t logs_restore(struct broker *b, uint64_t id, struct span text);

/* ---- reading: reader.h, net/ ---- */

/* The log of a job; NULL: it has said nothing. */
struct log *logs_find(const struct broker *b, uint64_t id);
/* The same, made if it is not there: somebody follows it. */
struct log *logs_get(struct broker *b, uint64_t id);
/* What was said is where a reader looks for it: in memory, or on its way to a file. */
void logs_settle(struct broker *b, struct log *log);
/* A piece of a file, for reader_got. */
struct reader_wait;
void logs_read_file(struct broker *b, uint64_t id, uint32_t attempt, uint64_t from,
    struct reader_wait *w);

#endif
