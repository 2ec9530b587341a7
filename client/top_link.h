/*
 * top_link.h - `jobctl top` and the daemon: asks, once a second, and does what keys ask for.  A daemon that
 * goes away is looked for until it is back, and nothing here waits for it.
 */
#ifndef CLIENT_TOP_LINK_H
#define CLIENT_TOP_LINK_H

#include "client/ctl.h"
#include "client/top_finder.h"
#include "client/top_model.h"
#include "client/top_screen.h"

enum top_question { TOP_Q_STATS, TOP_Q_QUEUES, TOP_Q_WORKERS, TOP_Q_JOBS, TOP_QUESTIONS };
enum top_deed { TOP_D_NONE, TOP_D_CANCEL, TOP_D_PAUSE, TOP_D_RESUME, TOP_D_EXPLAIN };

struct top_link;

struct top_asked {
	struct top_link	*link;
	enum top_question question;
	struct jobd_future *f;		/* NULL: none is on its way */
	int64_t		 since_ns;	/* when it was sent */
	int		 state;		/* TOP_Q_JOBS: whose jobs */
};

struct top_link {
	struct ctl	*ctl;		/* connected, or ctl->conn is NULL */
	struct top	*top;
	struct top_view	*view;
	struct top_asked asked[TOP_QUESTIONS];
	struct jobd_future *deed_f;	/* NULL: nothing is being done */
	enum top_deed	 deed;
	char		 deed_name[TOP_NAME];	/* of a job or a queue */
	struct top_finder *finder;	/* without a connection; NULL: it pauses */
	int64_t		 finder_ns;	/* since when */
	char		 lost[512];	/* why there was no connection the last time */
	int64_t		 next_ns;	/* it asks again, or tries to connect again */
	int64_t		 note_until_ns;	/* 0: the note stays */
};

void top_link_init(struct top_link *l, struct ctl *ctl, struct top *top, struct top_view *view);
void top_link_fini(struct top_link *l);
/* When it is time, or at once: asks, or goes on with connecting. */
void top_link_tick(struct top_link *l, int64_t now_ns);
void top_link_ask_jobs(struct top_link *l);
/* What came; finds out when the daemon is gone. */
void top_link_turn(struct top_link *l, int64_t now_ns);
/* name: a job's id, or a queue. */
void top_link_do(struct top_link *l, enum top_deed deed, const char *name);
/* Says something on the last line, for a moment. */
void top_link_note(struct top_link *l, bool bad, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
