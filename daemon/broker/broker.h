/*
 * broker.h - the process that owns every job: its parts, and what they tell each other.
 *
 * One loop thread runs everything here.  A turn: libevent delivers what came; lanes are harvested; core is
 * told; its effects are carried out (broker_settle); channels are published and sockets written, once each.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "daemon/broker/core/core.h"
#include "daemon/broker/metrics/lag.h"
#include "proto/config.h"
#include "proto/settings.h"
#include "proto/rpc.h"

struct access;
struct alive;
struct cron_runner;
struct event_base;
struct fetch;
struct http;
struct ledger;
struct outcomes_open;
struct programs;
struct keep;
struct lanes;
struct logs;
struct net;
struct recovery;
struct running;
struct store;

struct broker {
	struct event_base	*base;
	struct config		 config;	/* in force */
	struct settings		 settings;	/* what was set, and by whom */
	uint64_t		 reload_asks;	/* reloads that were asked for here */
	int64_t			 max_connections;	/* as configured, if there are files for it */
	int			 listeners;
	struct core		*core;
	struct store		*store;
	struct ledger		*ledger;	/* what goes there, and who waits for it */
	struct fetch		*fetch;		/* arguments on their way back from there */
	struct running		*running;	/* durable jobs that run, for the next broker; or NULL */
	struct recovery		*recovery;	/* until all that the store knows is in core */
	struct lanes		*lanes;
	struct logs		*logs;		/* what jobs have said */
	struct net		*net;
	struct access		*access;	/* who may what */
	struct http		*http;		/* for what watches jobd; NULL: nowhere */
	struct cron_runner	*cron;		/* schedules */
	struct outcomes_open	*outcomes;	/* of groups */
	struct programs		*programs;	/* profiles of programs that jobs name; or NULL */
	struct keep		*keep;		/* settings that are written down */
	struct alive		*alive;		/* signs of life; NULL: nobody wants any */
	struct core_time	 now;		/* of this turn */
	struct lag		 lag;		/* how long turns take */
	uint64_t		 seed;		/* of core's random delays */
	char			 boot_id[33];
	int64_t			 started_ms;
	const char		*state_dir;
	int			 control_fd;
	uint64_t		 tls_listeners;	/* a bit each, in the order of the listening sockets */
	uint64_t		 lane_moves;	/* types that changed their lane */
	uint64_t		 loop_stalls;	/* attempts that kept an event loop */
	bool			 unsettled;	/* core has effects left for the next turn */
	bool			 serving;	/* clients */
	bool			 draining;	/* no new jobs */
	bool			 stopping;	/* SIGTERM: ends when idle, or at stop_ns */
	int64_t			 stop_ns;
};

/*
 * Accepts a job: finds its type, routes it, numbers it, hands it to core; an inline job has its outcome
 * when this returns.  0 and *out (lent until the turn ends), or -1 with *err.
 */
int broker_submit(struct broker *b, const struct jobspec *spec, struct submitter *by, struct job **out,
    struct rpc_error *err);
/* The same for what belongs to jobs that were accepted before: while jobd drains, too. */
int broker_submit_more(struct broker *b, const struct jobspec *spec, struct submitter *by,
    struct job **out, struct rpc_error *err);
/* The reduce job of a group, which has its durability; core_group_reduce is part of it. */
int broker_submit_reduce(struct broker *b, const struct jobspec *spec, struct submitter *by,
    struct group *g, struct job **out, struct rpc_error *err);
/* Says what a job that does not say it itself gets: with a group, what that is; else `usual`, as far as
 * this daemon remembers anything. */
void broker_default_durability(const struct broker *b, struct jobspec *spec, enum durability usual);
/* Durable jobs start, or do not, by what the daemon is about: after anything of that has changed. */
void broker_refresh_hold(struct broker *b);
/* The time of this turn is now. */
void broker_clocks(struct broker *b);
/*
 * Why a queue takes no job, as a client is told: queue_full, or queue_draining; data says what it holds
 * and what it may.  Returns -1.
 */
int broker_refuse_room(const struct jobspec *spec, const struct room_view *room, struct rpc_error *err);
/* There is no such group; or no such job, which `after` names.  Both return -1. */
int broker_no_group(struct span name, struct rpc_error *err);
int broker_no_parent(uint64_t id, struct rpc_error *err);
/* Carries out core's effects until there is none, or (unsettled) this turn has run its share of jobs. */
void broker_settle(struct broker *b);
/* The rest of jobd hears that this broker serves; called once, when all lanes had a worker ready. */
void broker_ready(struct broker *b);
/* No new jobs from now on. */
void broker_drain(struct broker *b);
/* Drain, then end: when nothing waits or runs, or after deadline_ms. */
void broker_stop(struct broker *b, int64_t deadline_ms);
/* Cannot serve: the supervisor is told why, and jobd ends. */
void broker_fail(struct broker *b, const char *why) __attribute__((noreturn));

#endif
