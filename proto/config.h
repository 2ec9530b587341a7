/*
 * config.h - the options of jobd, from `--set section.key=value` and `-c FILE`, as rows of
 * config.def.
 *
 * The supervisor reads and checks them; broker and workers are given the same `--set` list, so all
 * agree.
 */
#ifndef PROTO_CONFIG_H
#define PROTO_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

struct buf;

struct config_limit {
	struct list	 link;
	char		*name;		/* of a queue, a type or a schedule */
	int64_t		 max_running, max_running_per_tenant, max_running_per_key;
	int64_t		 rate, burst;	/* rate: starts in 1000 seconds */
	int64_t		 max_jobs, max_bytes, max_connections;
	int64_t		 max_attempts, backoff_ms, factor, max_backoff_ms;	/* 0: not said */
	char		*mode, *lane;	/* of a type: how it is routed; NULL: not said */
	char		*when, *time_zone, *overlap, *job;	/* of a schedule; NULL: not said */
};

struct config {
	int64_t	 max_result_bytes, keep_finished_ms, keep_finished, keep_finished_bytes;
	int64_t	 keep_failed_ms, keep_changes, max_waiting, max_waiting_bytes, grace_ms;
	int64_t	 max_attempts, backoff_ms, factor, max_backoff_ms;
	int64_t	 max_line_bytes, max_connections;
	char	*store_engine;
	int64_t	 logs_max_bytes, logs_memory;
	int64_t	 store_reserve, store_sync, store_args_memory;
	int64_t	 history_keep_ms, history_keep_failed_ms, history_keep_jobs, history_keep_bytes;
	int64_t	 history_keep_failed_jobs, history_keep_failed_bytes;
	int64_t	 cpu_workers, io_threads, recycle_jobs, recycle_rss_bytes, ready_ms, remote_grace_ms, cpu_nice;
	int64_t	 commands_waiting, commands_per_worker, commands_idle_ms;
	int64_t	 drain_ms;
	int64_t	 stuck_threads;
	int64_t	 sequential;		/* 0 or 1 */
	char	*files_roots;		/* NULL: none */
	char	*sql_services;		/* NULL: none */
	char	*plugins_dir;		/* NULL: none */
	char	*jobs_dir;		/* NULL: the usual one */
	char	*workers_cgroup;	/* "auto", "none" or a path */
	char	*users_daemon, *users_jobs, *users_commands;	/* the last one: NULL, as jobs */
	char	*log_level;
	int64_t	 access_max_connections, access_max_jobs, access_max_bytes;
	int64_t	 audit_on, audit_max_bytes, audit_keep;
	char	*audit_file;		/* NULL: the usual one */
	struct list queues, types, crons, quotas; /* of struct config_limit */
	struct list access;		/* of struct config_rule */
};

void config_init(struct config *c);	/* the defaults */
void config_fini(struct config *c);
/*
 * `section.key=value`, split at the last dot before the equals sign: `queue mail.max_running=4`.
 * 0, or -EINVAL with a sentence that names what is wrong and what is allowed in why[size].
 */
int config_set(struct config *c, const char *setting, char *why, size_t size);
/* One line for people per key: what it is called, its default, what it takes, what it does. */
void config_help(struct buf *out);

/*
 * The settings of an INI file, in order, each given to set() as `section.key=value`; set returns 0,
 * or -errno and its reason in why.  `;` and `#` begin comments.
 *
 * 0, or -EINVAL, or the -errno that kept the file from being read, with a sentence that names the
 * file, the line and the key in why[size].  Needs libinih; only the supervisor reads files.
 */
typedef int config_file_set(void *arg, const char *setting, char *why, size_t size);
int config_file_read(const char *path, config_file_set *set, void *arg, char *why, size_t size);

#endif
