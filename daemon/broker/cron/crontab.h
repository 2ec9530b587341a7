/*
 * crontab.h - schedules by name: which one is due, and what became of its occurrences.  Pure: the time is
 * an argument, and jobs are numbers.
 *
 * An occurrence is a moment that a schedule names.  `settled_ms` is how far a schedule has been dealt
 * with: what lies up to there never comes again, whatever the clock does or however often jobd starts.
 * The first occurrence behind it is the one that is due next, and is its name in the job's unique key: so
 * the same moment has the same name before and after a crash, however late it is dealt with.  When it is
 * dealt with, all that has passed until then is settled with it: after an outage comes one job, then as
 * planned.
 *
 * Clocks that jump.  Forward: as after an outage.  Backward: what has come does not come again; nothing
 * does until the clock is where it was, unless that would take more than CRON_BACK_MS: then the clock was
 * wrong before, and schedules begin anew.
 */
#ifndef CRON_CRONTAB_H
#define CRON_CRONTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/heap.h"
#include "lib/schedule.h"
#include "proto/rpc.h"

#define CRON_BACK_MS		INT64_C(86400000)
#define CRON_RETRY_MIN_MS	INT64_C(1000)	/* after a refusal; doubles up to */
#define CRON_RETRY_MAX_MS	INT64_C(60000)
#define CRON_NEVER		INT64_MAX

enum cron_overlap { CRON_SKIP, CRON_QUEUE };
extern const char *const cron_overlap_names[2];

/* What is asked for.  Texts are copied; zone is taken (and freed when it is refused). */
struct cron_wish {
	struct span		 name, when_text, zone_name, job;
	struct span		 by;		/* the principal */
	struct schedule		 when;
	struct zone		*zone;
	enum cron_overlap	 overlap;
	bool			 configured;	/* by the configuration, not by a client */
};

/* What has become of it: what its item remembers besides the wish. */
struct cron_past {
	int64_t		settled_ms;
	int64_t		anchor_ms;	/* @every counts from here: when it was set */
	int64_t		last_ms;	/* the occurrence that came last; 0: none yet */
	uint64_t	last_job;	/* 0: none */
	uint64_t	jobs;		/* that it has made, by hand too */
	uint64_t	skipped;	/* occurrences, since the job before had not ended */
	uint64_t	refused;	/* submissions */
};

struct cron {
	struct heap_node	 timer;
	char			*name, *when_text, *zone_name, *job, *by;
	size_t			 job_len;
	struct schedule		 when;
	struct zone		*zone;
	enum cron_overlap	 overlap;
	bool			 configured;
	struct cron_past	 past;
	int64_t			 next_ms;	/* the occurrence that is dealt with next, or CRON_NEVER */
	int64_t			 retry_ms;	/* it was refused, and is tried again then; 0: it was not */
	int64_t			 retry_delay_ms;
	char			*refusal;	/* why the last submission was refused; NULL: it was not */
	uint64_t		 number;	/* of no other, also of one with the same name later */
	bool			 busy;		/* an occurrence is being written down */
};

struct crontab;

struct crontab *crontab_new(void);
void crontab_free(struct crontab *t);
/*
 * Makes a schedule, or changes it: what it was keeps its past, and its anchor unless `when` or the zone
 * change.  A new one begins now.  past: of one that comes back, or NULL.
 * 0 and *out, or -1 with conflict: there are BOUND_CRONS.
 */
int crontab_set(struct crontab *t, int64_t now_ms, struct cron_wish *wish, const struct cron_past *past,
    struct cron **out, struct rpc_error *err);
void crontab_delete(struct crontab *t, struct cron *c);
struct cron *crontab_find(const struct crontab *t, const char *name, size_t len);
/* Walk: *at starts at 0; NULL at the end. */
struct cron *crontab_next(const struct crontab *t, size_t *at);
size_t crontab_count(const struct crontab *t);

/* When crontab_due is to be asked next, or CRON_NEVER. */
int64_t crontab_next_ms(const struct crontab *t);
/*
 * One whose next_ms is due, or NULL.  It is settled by one of the four below; what is not settled is due
 * again at once.
 */
struct cron *crontab_due(struct crontab *t, int64_t now_ms);

/* The occurrence is on its way: not due until cron_ran or cron_refused. */
void cron_begins(struct crontab *t, struct cron *c);
/* It came, as this job, which was made at made_ms. */
void cron_ran(struct crontab *t, struct cron *c, uint64_t job, int64_t made_ms);
/* It does not come, the job before has not ended. */
void cron_skipped(struct crontab *t, struct cron *c, int64_t now_ms);
/* It could not be submitted: tried again later, and not lost. */
void cron_refused(struct crontab *t, struct cron *c, int64_t now_ms, const char *why);
/* A job was made by hand. */
void cron_ran_by_hand(struct cron *c, uint64_t job);

/* The key that an occurrence's job holds: `cron:NAME:MS`. */
void cron_print_key(const struct cron *c, struct buf *out);

#endif
