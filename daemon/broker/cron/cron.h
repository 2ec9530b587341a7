/*
 * cron.h - the broker's schedules: a timer, jobs, and items that remember what came.
 *
 * Each occurrence becomes one job.  The two that must be remembered, the job and how far its schedule is
 * settled, are written one after the other, and the job first:
 *
 *   - A crash before the job is on disk: neither is there, the occurrence is due again.
 *   - A crash between the two: the occurrence is due again, under the same name, for that is made of the
 *     schedule's name and the moment, not of the time at which it is dealt with.  Its job holds this name
 *     as its unique key, so that it is not submitted but found.  The key is held until the job has ended,
 *     which is long enough: the end of a job is written behind the item, so where the item is missing the
 *     job has not ended.
 *
 * The other order would lose the occurrence in a crash between the two.  A job of durability "memory" is
 * not on disk anyway: for it the item comes first, so that a crash loses it, and never runs it twice.
 */
#ifndef CRON_CRON_H
#define CRON_CRON_H

#include "daemon/broker/broker.h"
#include "daemon/broker/cron/cron_text.h"

struct cron_runner;

/* Are the schedules of a configuration good?  0, or -1 with a sentence in why[size]. */
int cron_check(const struct config *c, char *why, size_t size);
/* A reload: schedules whose rows have changed. */
void cron_reload(struct broker *b, const struct config *old);
/* 0, or -1 with a sentence in why[size]. */
int cron_open(struct broker *b, char *why, size_t size);
void cron_close(struct broker *b);
/* An item of the store.  0, or -1 with *err. */
int cron_restore(struct broker *b, struct span name, struct span text, struct rpc_error *err);
/* All is restored, and jobs can be submitted: schedules of the configuration are set, and from now on
 * occurrences come. */
void cron_start(struct broker *b);
/* Once a turn: submits what is due, and sets the timer for what comes next. */
void cron_tick(struct broker *b);

struct crontab *cron_table(const struct broker *b);
/* 0 and *out, or -1 with not_found. */
int cron_find(const struct broker *b, struct span name, struct cron **out, struct rpc_error *err);
/*
 * by: the principal.  0 and *out, and its item is put (ledger.h), or -1 with *err: also when the
 * configuration has such a schedule.
 */
int cron_set(struct broker *b, const struct cron_words *words, const char *by, struct cron **out,
    struct rpc_error *err);
int cron_delete(struct broker *b, struct span name, struct rpc_error *err);
/* Submits the job now, besides its occurrences.  0 and *out, or -1 with *err. */
int cron_run(struct broker *b, struct span name, struct job **out, struct rpc_error *err);

#endif
