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
#include "proto/config_file.h"
#include "proto/tls_files.h"

struct plan {
	/* by plan_make: nothing has changed but this */
	const struct options	*options;	/* borrowed: they are read again by a reload */
	struct config		 config;	/* in force, as far as the supervisor goes by it */
	struct settings		 settings;	/* what it was made of, for the broker */
	struct addr		*addrs;
	size_t			 naddrs;
	bool			 default_addrs;	/* so the socket's directory is ours to make */
	char			*cgroup_wanted;	/* workers.cgroup */
	char			*jobs_dir;	/* NULL: no variable says where */
	struct tls_files	 tls;		/* of TLS listeners; none: empty */
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
 * All: 0, or EXIT_CONFIG with what is wrong.  The plan is to be freed in either case, which also
 * closes and removes what plan_open has made.
 */
int plan_make(struct plan *p, const struct options *o, struct config_fault *fault);
/* The log as the plan's configuration says. */
void plan_log(const struct plan *p);
/*
 * A reload: what plan_make has read anew is in force, as far as it can be without a start.  *next is
 * to be freed as ever.
 */
void plan_adopt(struct plan *p, struct plan *next);
/* `--set` and a setting, for each that a worker may go by. */
void plan_worker_args(const struct plan *p, struct args *argv);
/* The types of a directory (NULL: none), whatever is wrong with some of them. */
void plan_read_catalog(const struct plan *p, const char *jobs_dir, struct catalog *out);
int plan_find_programs(struct plan *p, char *why, size_t size);
/* Has the certificate of TLS listeners tried, by this program (the broker's). */
int plan_check_tls(const struct plan *p, const char *program, struct config_fault *fault);
/* No plan, but the state directory alone, made and taken. */
int plan_take_state(struct plan *p, const struct options *o, char *why, size_t size);
int plan_open(struct plan *p, const struct options *o, char *why, size_t size);
void plan_free(struct plan *p);

#endif
