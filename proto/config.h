/*
 * config.h - the options of jobd, as rows of config.def, set by texts `section.key=value`.
 *
 * The supervisor gathers and checks them (daemon/supervisor/sources.h); the broker is given all of
 * them (proto/settings.h), workers those without a name, as `--set`.
 */
#ifndef PROTO_CONFIG_H
#define PROTO_CONFIG_H

#include <stdbool.h>
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
	char	*listen;		/* NULL: the usual addresses */
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
	int64_t	 audit_on, audit_rate, audit_max_bytes, audit_keep;
	char	*audit_file;		/* NULL: the usual one */
	char	*tls_certificate, *tls_key, *tls_client_ca;	/* NULL: none */
	int64_t	 tls_require_client;	/* 0 or 1 */
	char	*http_listen;		/* NULL: nowhere */
	int64_t	 loop_slow_ms;
	struct list queues, types, crons, quotas; /* of struct config_limit */
	struct list access;		/* of struct config_rule */
};

void config_init(struct config *c);	/* the defaults */
void config_fini(struct config *c);
/* *from is empty afterwards, as after config_fini; what was in *to is gone. */
void config_move(struct config *to, struct config *from);
/*
 * `section.key=value`, split at the last dot before the equals sign: `queue mail.max_running=4`.
 * 0, or -EINVAL with a sentence that names what is wrong and what is allowed in why[size].
 */
int config_set(struct config *c, const char *setting, char *why, size_t size);
/* In c->queues, c->types or c->crons; NULL: nothing is said of it. */
struct config_limit *config_limit_find(const struct list *head, const char *name);
/* One line for people per key: what it is called, its default, what it takes, what it does. */
void config_help(struct buf *out);

/* ---- to look at ---- */

/* A row of config.def, for people. */
struct config_about {
	const char	*section, *key;
	bool		 named;		/* one of `[section NAME]` */
	const char	*usual;		/* its default, as config_set takes it; "": none */
	const char	*allowed;	/* "a duration (250ms, 10s, 5m, 2h, 3d) from 0 to 365d" */
	bool		 live;
	const char	*help;
};
typedef void config_tell(void *arg, const struct config_about *about);
/* All rows, section by section in the order in which these come first. */
void config_describe(config_tell *tell, void *arg);

/* An option, in one configuration and in another; the texts live while it is visited. */
struct config_option {
	const char	*name;		/* `jobs.grace_ms`, `queue mail.rate` */
	const char	*value, *other;	/* as config_set takes them; "": none */
	const char	*usual;		/* its default */
	bool		 live;		/* a reload puts it into effect, not a start */
};
typedef void config_visit(void *arg, const struct config_option *o);
/* All options; those of queues, types and schedules for each name that either of them knows. */
void config_walk(const struct config *c, const struct config *other, config_visit *visit, void *arg);
/* What only a start changes becomes what it is in from. */
void config_keep_start(struct config *c, const struct config *from);

/* The addresses of a text such as net.listen: *at begins at it and moves on; false: no more. */
bool config_next_addr(const char **at, char *out, size_t size);

#endif
