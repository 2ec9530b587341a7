/*
 * gather.h - what core, the outcomes and the net do together for groups: outcomes of members are put
 * by, the reduce job is submitted when all are there, who waits is answered.
 *
 *   gather.c		the story
 *   gather_item.c	what is written down of durable groups
 *   outcomes_*.c	where outcomes are, and how they become the file of the reduce job
 *   reduce.c		the reduce job
 */
#ifndef BROKER_GATHER_H
#define BROKER_GATHER_H

#include "daemon/broker/broker.h"
#include "daemon/broker/outcomes.h"

/* What the broker keeps for a group: group->owner. */
struct gathered {
	char		*reduce;	/* the job as the client wrote it; NULL: none */
	size_t		 reduce_len;
	struct submitter *by;		/* who made the group, and submits the reduce job */
	char		*path;		/* of the file for the reduce job; NULL: not written yet */
	char		*outcome;	/* of the reduce job, as job.call would have it; NULL: none */
	char		*brief;		/* the same without what can be long */
	char		*lost;		/* why outcomes cannot be read; NULL: they can */
	struct list	 waiters;	/* the net's: struct watch */
};

static inline struct gathered *
gathered(const struct group *g)
{
	return g->owner;
}

struct gathered *gathered_new(struct span reduce, struct submitter *by);
void gathered_free(struct gathered *own);

/* Before core_free, after the store was closed and net_free: frees what is kept for the groups that
 * are left. */
void gather_close(struct broker *b);

/* What group.create says. */
struct gather_wish {
	struct span	name, reduce;		/* len 0: none; reduce: an object's text */
	uint32_t	max_running;
	int64_t		max_fails;		/* -1: any number */
	bool		durable;
	const struct grant *grant;		/* of who wishes it */
};
int gather_create(struct broker *b, const struct gather_wish *wish, struct submitter *by,
    struct group **out, struct rpc_error *err);
/* -EALREADY: it has finished. */
int gather_cancel(struct broker *b, struct group *g);

/* Effects of core. */
void gather_job_finished(struct broker *b, const struct job *j);
void gather_reduce(struct broker *b, struct group *g);
void gather_finished(struct broker *b, struct group *g);
void gather_forgotten(struct broker *b, struct group *g);

/* Of outcomes: those that net asked for (g NULL: the group was forgotten meanwhile); the file is
 * written; they are lost; what became of a reduce job before a crash (NULL: nobody knows). */
void gather_outcomes(struct broker *b, struct group *g, uint64_t ticket,
    const struct outcomes_page *page);
void gather_file(struct broker *b, struct group *g, const char *path);
void gather_lost(struct broker *b, struct group *g, const char *why);
void gather_reduced(struct broker *b, struct group *g, const struct store_row *row);

#endif
