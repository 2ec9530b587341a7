/* lanes_internal.h - what the files of lanes/ share. */
#ifndef LANES_LANES_INTERNAL_H
#define LANES_LANES_INTERNAL_H

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/lanes/wire.h"
#include "lib/clock.h"
#include "lib/list.h"
#include "lib/map.h"
#include "proto/channel.h"
#include "proto/control.h"

struct event;
struct seat;

/* How the worker of a seat is reached: a table of functions, one for each kind of conversation. */
struct way {
	/* A new incarnation: makes what it is reached by and asks the supervisor for it.  0 or -errno. */
	int		(*begin)(struct seat *seat);
	void		(*start)(struct seat *seat, struct attempt *at);
	void		(*tell)(struct seat *seat, struct attempt *at);
	/* Nothing more will come for it: it ends when it has nothing left. */
	void		(*stop)(struct seat *seat);
	void		(*look)(struct seat *seat);	/* up: once a second */
	uint32_t	(*inflight)(const struct seat *seat);
	const struct attempt *(*oldest)(const struct seat *seat);	/* NULL: none is in flight */
	bool		(*progress)(const struct seat *seat, const struct attempt *at,
	    struct channel_progress *out);
	struct worker_offer (*offer)(const struct seat *seat);	/* ready: what core is told of it */
	/* It is dead: all that it has published is a result, delivered once.  how: it died. */
	void		(*take_last)(struct seat *seat, const char *how);
	/* Dead, and how is known: this job's attempt, in flight, may be what killed it. */
	enum suspicion	(*suspects)(const struct seat *seat, const struct attempt *at);
	void		(*end)(struct seat *seat);	/* of the incarnation: lets go of what begin made */
};
extern const struct way way_channel;	/* cpu, io and plugin workers */
extern const struct way way_exec;	/* a channel, and commands */
extern const struct way way_language;	/* language.c */
extern const struct way way_remote;	/* remote.c: its worker is on another machine */

/*
 * A seat: a place for a worker, and the incarnation that fills it.  A seat of the pool is filled
 * again after each death; one that is `leaving` (its io worker is recycled and another seat has
 * taken over) or that was made for one job alone is given up instead.
 */
struct seat {
	struct lanes	*lanes;
	uint32_t	 number;		/* index in lanes->seats, core's number */
	char		 name[BOUND_NAME_BYTES + 24];	/* control.h has the first 15 */
	enum control_lane lane;
	char		 pool_name[72];		/* control.h, `pool` */
	const struct way *way;
	uint32_t	 pool;			/* core's */
	enum worker_state state;
	int64_t		 since_ms;		/* in this state */
	bool		 leaving;
	bool		 drained;		/* by an operator: it ends, and is not filled again */
	uint64_t	 alone_for;		/* the job it was started for, 0: pool */

	/* the incarnation */
	uint32_t	 gen;
	struct channel	*channel;
	struct event	*completions, *death;
	int		 pid, pidfd;		/* 0 and -1: the supervisor has not answered yet */
	bool		 up;			/* core knows it */
	int64_t		 dead_ns;		/* its pidfd says so, the supervisor not yet how; 0: alive */
	uint64_t	 done_here;		/* attempts of this incarnation */
	int64_t		 ready_by_ns;		/* STARTING: killed when not ready by then */
	int64_t		 end_by_ns;		/* DRAINING, told to end: killed when it has not by then; 0 */
	int64_t		 rss_bytes;
	int64_t		 asked_loop_ns;		/* when its loop was asked for a sign of life; 0: not */
	uint64_t	 asked_loop;		/* the token of that entry */
	bool		 blocked;		/* it gave none, or was stopped, and is killed for that */
	bool		 stopped;		/* the latter */
	unsigned	 stopped_looks;		/* in a row: its process was stopped */
	bool		 crashed;		/* its end was its own doing, as far as is known */
	bool		 killed;		/* its end was our doing */
	enum suspicion	 waits;			/* dead: what is thought of all that waited in its loop */
	struct list	 fetches;		/* results that are coming in pieces */
	/* exec: commands.c */
	struct list	 commands, thirsty;
	uint32_t	 command_count;
	struct idmap	 command_of;		/* by the token of their RUN */
	struct idmap	 asks;			/* entries about them that are under way, by token */
	/* language and remote: */
	struct language_pool *language;
	struct talk	*talk;			/* NULL: no incarnation */
	struct outlet	*outlets[2];		/* its stdout and stderr */
	int64_t		 ready_ns;		/* when it was ready */
	bool		 outdated;		/* to be replaced when it has nothing left */
	bool		 stale;			/* started with settings that have changed (renew.c) */
	/* remote: */
	struct remote	*remote;		/* its connection; NULL: it is away */
	char		*session;
	int64_t		 away_ns;		/* since then; 0: it is here */

	/* across incarnations */
	uint64_t	 done, crashes;
	unsigned	 failures;		/* incarnations in a row that died without doing anything */
	int64_t		 respawn_ns;		/* GONE: when to fill the seat again */
};

struct lanes {
	struct broker	*broker;
	int		 control_fd;
	struct event	*control;
	struct seat	**seats;		/* NULL: free */
	uint32_t	 seats_len, seats_cap;
	uint32_t	 next_gen;
	uint32_t	 asked;			/* starts that the supervisor has not answered yet */
	int64_t		 next_look_ns;		/* resident memory and lateness are looked at once a second */
	bool		 serving;		/* broker_ready was called */
	struct lanes_stats stats;		/* but for wakes of channels that are there */
	struct exec_pool **exec_pools;		/* users that commands run as */
	size_t		 exec_pools_len;
	struct list	 pools;			/* of language_pool */
	struct list	 remotes;		/* connections of remote workers */
	struct wires	 wires;
	struct json_t	*catalog;		/* as the supervisor said it last; NULL: not yet */
	struct json_t	*plugins;		/* as the last hello had them; NULL: none said so yet */
};

/* seat.c: the life of a worker */
struct seat *seat_new(struct lanes *l, enum control_lane lane, const char *pool,
    uint64_t alone_for);
void seat_free(struct seat *seat);
void seat_set_state(struct seat *seat, enum worker_state state);
void seat_request(struct seat *seat);			/* asks the supervisor for an incarnation */
void seat_started(struct seat *seat, int pid, int pidfd);
void seat_unwatched(struct seat *seat, int pid);	/* started, but its pidfd was lost */
void seat_ready(struct seat *seat);			/* its hello was good */
void seat_kill(struct seat *seat, const char *why);	/* death is confirmed later, never assumed */
void seat_died(struct seat *seat, const char *how);	/* confirmed: recovers what it had */
void seat_retire(struct seat *seat, const char *why);	/* ends when idle, and is replaced */
/* The same, and the seat stays empty until it is not `drained` any more. */
void seat_drain(struct seat *seat);
void seat_fill_now(struct seat *seat);			/* if it is to be filled at all */
void seat_give_up(struct seat *seat, const char *why);	/* ends when idle, and the seat with it */
void seat_look(struct seat *seat);			/* once a second */
/* Asks the supervisor; fds are lent.  0 or -errno. */
int seat_send_start(struct seat *seat, const int *fds, size_t nfds);

/* What a seat of our own workers offers. */
struct worker_offer seat_offer(const struct seat *seat);
/* Its name is this, or begins so where another has it. */
void seat_name(struct seat *seat, const char *wanted);

/* remote.c */
void remote_tick(struct lanes *l);			/* once a second */
void remote_close(struct lanes *l);

/* loop.c: does an io worker's loop still turn?  Once a second. */
void loop_look(struct seat *seat);
/* A DROP was completed. */
void loop_answered(struct seat *seat, uint64_t token);

/* stopped.c: is its process stopped?  Once a second; pid > 0. */
void stopped_look(struct seat *seat);

/* exchange.c: attempts out, completions in */
void exchange_hello(struct seat *seat);
void exchange_start(struct seat *seat, struct attempt *at);
/* The same; false: it has failed, or waits for another time. */
bool exchange_run(struct seat *seat, struct attempt *at);
void exchange_tell(struct seat *seat, struct attempt *at);
void exchange_drop_fetches(struct seat *seat);
/* Its worker is dead: the attempts that it has not finished say nothing more. */
void exchange_silence(struct seat *seat);
/* The attempt is over: core hears, and the worker may have served its time.  Takes what o holds. */
void exchange_finish(struct seat *seat, struct attempt *at, enum attempt_end end, struct outcome *o);
/* It is ours, not the handler's: the next attempt would fail in the same way. */
void exchange_failed(struct seat *seat, struct attempt *at, enum failure_kind kind, const char *message);
/* Takes text, which is JSON, or the attempt fails as bad_result. */
void exchange_result(struct seat *seat, struct attempt *at, char *text, uint32_t len);
/* One completion; false: none is left.  Kills a worker that breaks the protocol. */
bool exchange_take(struct seat *seat);
/* Does one of its attempts keep its loop from turning? */
void exchange_look_for_stall(struct seat *seat);

/* lines.c: after each look for completions, and before what was found is dealt with. */
void lines_take(struct seat *seat);

struct json_t;
/* types.c: what a worker's hello declares.  0, or -1 with a sentence. */
int types_declare(struct seat *seat, const char *text, size_t len, char *why, size_t size);
/* plugins.c: its member `plugins`; and the worker that its types may need. */
void plugins_declare(struct lanes *l, struct json_t *list);
void plugins_start_worker(struct lanes *l);

/*
 * So many io workers at once finish what they have while another one serves.  What they wait for may
 * take hours: with more of them, the worker that is due serves on.
 */
#define LANES_LEAVING_MAX	4

#define LANES_LOOK_NS	NS_PER_S	/* between two looks at each worker */
/* How long a worker that gives no sign of life is waited for. */
int64_t lanes_patience_ns(const struct lanes *l);

struct seat *lanes_seat(const struct lanes *l, uint32_t number);
/* renew.c: as many cpu workers as are configured, none with old settings.  Once a second. */
void lanes_fit(struct lanes *l);
/* How many cpu workers there are to be. */
int64_t lanes_cpus(const struct config *cfg);
/* way_channel.c: bytes of an arena of a channel. */
size_t way_channel_arena(const struct config *cfg);
/* Its worker, if it has a channel, logs as the configuration says now. */
void way_channel_log(struct seat *seat);
/* No more starts for now: hundreds at once would fill the supervisor's socket, and `ready` must fit too. */
bool lanes_asks_enough(const struct lanes *l);
/* Seats that are leaving. */
unsigned lanes_leaving(const struct lanes *l);
/* The first time that a type of a plugin is declared which needs it. */
void lanes_need_plugin_worker(struct lanes *l);
/* When each kind of worker that there is has one at work. */
void lanes_serve_if_complete(struct lanes *l);
/* The circuit breaker's question: did every seat of this kind fail `times` times without ever serving? */
bool lanes_all_fail(const struct lanes *l, enum control_lane lane, unsigned times);

#endif
