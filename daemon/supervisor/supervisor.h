/*
 * supervisor.h - what the parts of the running supervisor share: one broker, its workers, the way
 * to the end.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/supervisor/launch.h"
#include "daemon/supervisor/plan.h"
#include "daemon/supervisor/respawn.h"
#include "daemon/supervisor/service.h"
#include "lib/list.h"
#include "proto/control.h"

struct worker {
	struct list		link;
	struct child		child;
	struct control_msg	about;		/* worker, gen, lane, name; as the broker asked */
	pid_t			pid;
	int			status;		/* both of one that is dead (child.pid is 0): what it left
						 * is not gone yet */
	char			group[96];	/* its cgroup; "": none */
};

/* How far the end is; each SIGTERM goes one further. */
enum stop {
	STOP_NOT,
	STOP_DRAIN,		/* the broker drains */
	STOP_NOW,		/* the broker was told to end at once */
	STOP_KILL,		/* SIGKILL for all */
};

/* A reload, from the reading of the files to the broker's word. */
struct reloading {
	bool		under_way;
	bool		again;		/* somebody asked meanwhile */
	struct plan	plan;		/* as it would be made now */
	struct catalog	catalog;
};

struct supervisor {
	struct plan	*plan;
	int		 signals;		/* signalfd */

	struct child	 broker;		/* pid 0: none */
	int		 control;		/* -1: none */
	struct list	 outbox;		/* of struct letter: the broker does not read */
	bool		 failed;		/* one said that it cannot serve */
	struct respawn	 respawn;
	int64_t		 start_ns;		/* no broker: when to start one */

	struct list	 workers;
	struct catalog	 catalog;		/* what jobs.dir says, as the broker has it */
	struct service	 service;		/* who wants to know how we are */
	struct reloading reload;
	uint32_t	 asks;			/* the last WANT_RELOAD of this broker */

	enum stop	 stop;
	int64_t		 kill_ns;		/* when the next step is taken by itself */
	int64_t		 settle_ns;		/* a dead worker's group was not empty: look again */
	bool		 ending;		/* no broker will be started any more */
	int		 exit_code;
};

/*
 * Runs until jobd is to end; returns its exit code.  By then no child is left, but for what even
 * SIGKILL did not end within 5 s.
 */
int supervise(struct plan *p);

/* ---- supervise.c, for the other parts ---- */

/* Writes down who is ours now. */
void supervisor_record(struct supervisor *s);

/* ---- workers.c ---- */

/*
 * CONTROL_START: the descriptors stay the caller's.  Answers STARTED; in it -errno when it did not
 * start.
 */
void workers_start(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds);
/* A child that waitid gave back; false: it was no worker. */
bool workers_exited(struct supervisor *s, pid_t pid, int status);
/* CONTROL_KILL. */
void workers_kill(struct supervisor *s, const struct control_msg *m);
void workers_kill_all(struct supervisor *s);
/* After any child's end: tells of workers that are dead, once nothing is left of them. */
void workers_settle(struct supervisor *s);

/* ---- reload.c ---- */

/* SIGHUP came. */
void reload_begin(struct supervisor *s);
/* CONTROL_WANT_RELOAD. */
void reload_wanted(struct supervisor *s, const struct control_msg *m);
/* CONTROL_RELOADED. */
void reload_answered(struct supervisor *s, const struct control_msg *m);
/* The broker is gone, and with it its answer. */
void reload_abandon(struct supervisor *s);
/* The types as p would have them; what is wrong with some is logged. */
void reload_read_catalog(const struct supervisor *s, const struct plan *p, struct catalog *out);

/* ---- post.c ---- */

/* To the broker, now or when it reads again; descriptors are borrowed. */
void post_send(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds);
void post_signal(struct supervisor *s, enum control_kind kind, int64_t deadline_ms);
/* To a broker that starts: what is set, and the types and pools of the administrator. */
void post_settings(struct supervisor *s);
void post_catalog(struct supervisor *s);
/* The certificate of TLS listeners, if there is one. */
void post_tls(struct supervisor *s);
void post_flush(struct supervisor *s);
/* Ends the conversation: closes the socket, forgets what is in the outbox. */
void post_close(struct supervisor *s);
/*
 * What the broker says, at most POST_BUDGET messages; START only while it lives.  A broken message
 * or the end of the conversation closes the socket and kills the broker.  true: there may be more.
 */
#define POST_BUDGET	16
bool post_read(struct supervisor *s);

#endif
