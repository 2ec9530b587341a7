/*
 * cron_internal.h - what the files of cron/ share that know the broker.
 */
#ifndef CRON_CRON_INTERNAL_H
#define CRON_CRON_INTERNAL_H

#include "daemon/broker/cron/cron.h"

struct event;

struct cron_runner {
	struct crontab	*table;
	struct event	*event;
	int		 fd;		/* a timer of the real clock; that is set wakes it too */
	int64_t		 armed_ms;	/* CRON_NEVER: not */
	bool		 started;
	struct list	 pending;	/* occurrences that are being written down (occurrence.c) */
};

/* The occurrence of a schedule is due: it comes, is skipped, or is refused and tried again. */
void occurrence_comes(struct broker *b, struct cron *c);

/* Nobody waits for them any more. */
void occurrences_leave(struct cron_runner *r);

/* Its item is written down; it is deleted, and its item is. */
void cron_save(struct broker *b, const struct cron *c);
void cron_forget(struct broker *b, struct cron *c);

#endif
