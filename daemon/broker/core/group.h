/*
 * group.h - jobs that belong together: counted, bounded, ended together, and reduced when all have
 * their outcomes.  core/ alone writes them; the rest of the broker reads.
 *
 * A group is open until it is closed, and takes members until then.  When it is closed and
 * everybody was told of the last member's end, it has finished; or, when a reduce job follows, that
 * job is asked for (EFFECT_GROUP_REDUCE), and its end is the group's.  A group that is stopped
 * (cancelled, or more members failed than may) takes no members, cancels what it has, and ends
 * without reducing.
 *
 * Outcomes of members are not kept here: the caller writes them down as their jobs finish.
 */
#ifndef CORE_GROUP_H
#define CORE_GROUP_H

#include "daemon/broker/core/gate.h"
#include "daemon/broker/core/job.h"

struct core;
struct core_time;

enum group_state {
	GROUP_OPEN, GROUP_CLOSED, GROUP_REDUCING,
	GROUP_SUCCEEDED, GROUP_FAILED, GROUP_CANCELLED,
	GROUP_STATES
};
extern const char *const group_state_names[GROUP_STATES];

static inline bool
group_state_finished(enum group_state s)
{
	return s >= GROUP_SUCCEEDED;
}

/* What is wanted of a new group. */
struct group_spec {
	struct span	 name;		/* len 0: its number is its name */
	uint64_t	 number;	/* from the store, as a job's id */
	uint32_t	 max_running;	/* 0: no limit */
	int64_t		 max_fails;	/* failed and expired members it bears; -1: any number */
	bool		 reduces;	/* a reduce job follows */
	bool		 durable;	/* its members are, and it is written down by the caller */
	void		*owner;		/* the caller's; its to free when the group is forgotten */
};

struct group {
	uint64_t	 number;		/* first: core's idset looks here */
	char		*name;
	enum group_state state;
	enum group_state stopped;	/* how it will end, once all members have; GROUP_OPEN: not
					 * stopped */
	char		*why;		/* stopped, or its reduce job did not succeed: in words */
	struct gate	 gate;		/* max_running; paused while it is stopped, or outcomes
					 * wait for the disk */
	int64_t		 max_fails;
	bool		 reduces, durable;
	uint64_t	 count;		/* members accepted; their indexes are below it */
	uint64_t	 states[JOB_STATES];	/* of members, their last ones of those that ended */
	uint64_t	 reduce_id;	/* the reduce job; 0: none yet */
	int64_t		 created_ms, finished_ms;
	void		*owner;
	/* core's own */
	bool		 withdrawn;	/* it is not kept when it has ended */
	struct job	*reduce;	/* until everybody was told of its end */
	uint64_t	 told;		/* members whose end everybody was told of */
	uint32_t	 refs;		/* jobs, flows, and the list of groups */
	int64_t		 forget_ns;
	struct list	 link;		/* core->groups.known */
	struct list	 kept;		/* core->groups.kept: finished, memory or durable */
	struct list	 due;		/* core->groups.due: it may have something to do */
	struct list	 members;	/* struct membership of those that have not ended */
};

/* What a job knows of its group. */
struct membership {
	struct group	*group;
	struct job	*job;
	uint64_t	 index;		/* place in the group, in order of submission */
	struct list	 peer;		/* group->members */
	bool		 counted;	/* not everybody was told of its end; it is a member */
	bool		 reduces;	/* it is the reduce job, and no member */
	bool		 counts;	/* EFFECT_FINISHED: this end is the one that counts for the
					 * group; a retried job may have others later */
};

/* 0 and *out; -EEXIST: the name is taken; -ENOSPC: BOUND_GROUPS have not finished. */
int core_group_create(struct core *c, struct core_time now, const struct group_spec *spec,
    struct group **out);
struct group *core_group_find(const struct core *c, const char *name, size_t len);
struct group *core_group_numbered(const struct core *c, uint64_t number);
/* Newest first: the one after `after`, NULL: the first.  NULL at the end. */
struct group *core_group_next(const struct core *c, const struct group *after);
/* The newest whose number is at most this. */
struct group *core_group_from(const struct core *c, uint64_t number);
/* Takes it members? */
bool core_group_takes(const struct group *g);
/* No more members; one that is closed already stays so. */
void core_group_close(struct core *c, struct group *g);
/*
 * Ends it before its time, as GROUP_CANCELLED or GROUP_FAILED: what waits or runs of it is
 * cancelled.  why: in words.  -EALREADY: it has finished.
 */
int core_group_stop(struct core *c, struct group *g, enum group_state as, const char *why);
/* The answer to EFFECT_GROUP_REDUCE: this job, just submitted; or NULL and why there is none. */
void core_group_reduce(struct core *c, struct core_time now, struct group *g, struct job *j,
    const char *why);
/* Outcomes wait for the disk: members do not start until they do not. */
void core_groups_hold(struct core *c, bool hold);
/* Groups that wait for their reduce job, or for its file. */
uint64_t core_groups_reducing(const struct core *c);
/* Of a member, or of a reduce job; NULL: it has to do with no group. */
const struct membership *core_membership(const struct job *j);

/* ---- groups that outlive a crash (group_saved.c) ---- */

/*
 * A group as the caller has written it down.  How many members it has, and what became of them, is
 * not part of it: that is counted from the members.  The same for a stop because of max_fails.
 */
struct group_saved {
	struct group_spec spec;
	enum group_state state;		/* REDUCING counts as CLOSED: what follows is found out */
	enum group_state stopped;	/* GROUP_OPEN: it is not */
	struct span	 why;		/* len 0: nothing */
	uint64_t	 reduce_id;	/* 0: none was submitted, as far as was written down */
	int64_t		 created_ms, finished_ms;
};
/* To be written down; lent by the group. */
struct group_saved core_group_save(const struct group *g);
/*
 * The way back: each group, then its members and reduce job (core_restore) and the counts of
 * members that have ended, each in any order, then core_groups_restored.  -EEXIST: there is one of
 * this name, or number.
 */
int core_group_restore(struct core *c, struct core_time now, const struct group_saved *saved,
    struct group **out);
void core_group_restore_ended(struct group *g, enum job_state state, uint64_t count);
/*
 * All of it is there: groups go on.  Of one whose reduce job was submitted before, EFFECT_GROUP_REDUCE
 * comes too.  If it is live (group->reduce), it does not run before core_group_reduce_ready: what it
 * reads may have been lost.  If it is not, it has ended, and core_group_reduced says how.
 */
void core_groups_restored(struct core *c);
void core_group_reduce_ready(struct core *c, struct group *g);
void core_group_reduced(struct core *c, struct core_time now, struct group *g,
    enum job_state state);
/* A new group that could not be written down: it loses its name at once, cancels what it has, and
 * is forgotten when that has ended. */
void core_group_withdraw(struct core *c, struct group *g, const char *why);

#endif
