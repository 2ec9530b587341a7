/*
 * gather.h - what core, the spool and the net do together for groups: outcomes of members go to
 * disk, the reduce job is submitted when all are there, who waits is answered.
 */
#ifndef BROKER_GATHER_H
#define BROKER_GATHER_H

#include "daemon/broker/broker.h"

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

/* Below state_dir.  0, or -errno with a sentence in why[size]. */
int gather_open(struct broker *b, char *why, size_t size);
/* Before core_free and net_free's end: frees what is kept for the groups that are left. */
void gather_close(struct broker *b);

/* What group.create says. */
struct gather_wish {
	struct span	name, reduce;		/* len 0: none; reduce: an object's text */
	uint32_t	max_running;
	int64_t		max_fails;		/* -1: any number */
};
int gather_create(struct broker *b, const struct gather_wish *wish, struct submitter *by,
    struct group **out, struct rpc_error *err);
/* Asks for outcomes from index `from` on; net_group_outcomes answers with the ticket. */
void gather_read(struct broker *b, const struct group *g, uint64_t ticket, uint64_t from,
    uint64_t count, size_t bytes);

/* Effects of core. */
void gather_job_finished(struct broker *b, const struct job *j);
void gather_reduce(struct broker *b, struct group *g);
void gather_finished(struct broker *b, struct group *g);
void gather_forgotten(struct broker *b, struct group *g);

#endif
