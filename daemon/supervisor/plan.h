/*
 * plan.h - what has to be known and to be there before anything is started: programs, addresses,
 * the state directory with its lock, and the listening sockets.
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/supervisor/account.h"
#include "daemon/supervisor/args.h"
#include "daemon/supervisor/catalog.h"
#include "daemon/supervisor/cgroup.h"
#include "daemon/supervisor/children.h"
#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/options.h"

struct plan {
	/* by plan_make: nothing outside this process has changed */
	struct args		 settings;	/* for broker and workers too */
	int64_t			 drain_ms;
	struct addr		*addrs;
	size_t			 naddrs;
	bool			 default_addrs;	/* so the socket's directory is ours to make */
	char			*cgroup_wanted;	/* workers.cgroup */
	char			*jobs_dir;	/* NULL: no variable says where */
	struct account		 daemon_account;	/* the broker's */
	struct account		 jobs_account;	/* whose commands are that do not say it */
	struct account		 worker_account;	/* of built-in workers; may read outcomes of groups */
	/* by plan_find_programs */
	char			*broker_program, *worker_program;
	char			*exec_program;	/* commands are started by one without the rest */
	/* by plan_open */
	char			*state_dir;
	struct lock		 lock;
	struct children		 children;
	struct cgroup		 cgroup;
	struct listener		*listeners;
	size_t			 nlisteners;

	/* Called once: the first broker serves. */
	void			(*serving)(const struct plan *p);
};

/*
 * All three: 0, or EXIT_CONFIG with a sentence in why[size].  The plan is to be freed in either
 * case, which also closes and removes what plan_open has made.
 */
int plan_make(struct plan *p, const struct options *o, char *why, size_t size);
/* The types of jobs.dir, whatever is wrong with some of them. */
void plan_read_catalog(const struct plan *p, struct catalog *out);
int plan_find_programs(struct plan *p, char *why, size_t size);
/* No plan, but the state directory alone, made and taken. */
int plan_take_state(struct plan *p, const struct options *o, char *why, size_t size);
int plan_open(struct plan *p, const struct options *o, char *why, size_t size);
void plan_free(struct plan *p);

#endif
