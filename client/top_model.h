/*
 * top_model.h - what `jobctl top` knows: counts, rates, lists, and which row of them is chosen.  Pure: replies
 * and the time go in, rows come out; no terminal, no connection.
 */
#ifndef CLIENT_TOP_MODEL_H
#define CLIENT_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rpc.h"

#define TOP_SAMPLES	120
#define TOP_NAME	96
#define TOP_WORD	24

/* The last samples, oldest first. */
struct top_series {
	double		values[TOP_SAMPLES];
	size_t		len;
};

/* A counter that only grows, and what it grows by in a second. */
struct top_counter {
	int64_t		total;
	bool		known;		/* there is a total to compare with */
	double		rate;
	struct top_series past;		/* of rates */
};

enum top_panel { TOP_LANES, TOP_QUEUES, TOP_WORKERS, TOP_JOBS, TOP_PANELS };

/* Every kind of row begins so; names are what a row is known by from one look to the next. */
struct top_row {
	char		name[TOP_NAME];
	bool		seen;		/* in the list that is being read */
};

struct top_lane {
	struct top_row	row;
	struct top_counter starts;
	int64_t		workers, busy;	/* that serve it; that run something */
};

struct top_queue {
	struct top_row	row;
	bool		paused, draining;
	int64_t		scheduled, ready, running, max_running;
	struct top_series waiting;	/* ready and scheduled */
};

struct top_worker {
	struct top_row	row;
	char		lane[TOP_WORD], state[TOP_WORD], type[TOP_NAME];
	int64_t		since_ms, job, inflight, rss_bytes;
	struct top_counter done;
};

struct top_job {
	struct top_row	row;		/* its id */
	uint64_t	id;
	char		state[TOP_WORD], type[TOP_NAME], queue[TOP_NAME], worker[TOP_NAME];
	int64_t		since_ms;	/* in this state */
	int64_t		attempts;
};

/* Rows of one panel, and the chosen one. */
struct top_list {
	char		*rows;		/* of `size` bytes each */
	size_t		 size, len, cap;
	size_t		 chosen;	/* < len, or 0 */
	char		 chosen_name[TOP_NAME];	/* "": the first one, whatever it is */
};

struct top {
	bool		 up;		/* the daemon answers */
	char		 why[256];	/* it does not: since when and why, for people */
	char		 server[TOP_NAME], boot_id[TOP_NAME];
	bool		 draining;
	int64_t		 uptime_ms, rss_bytes, connections;
	int64_t		 now[7];	/* jobs, in the order of top_states */
	struct top_counter starts, ends, failures, requests;
	int64_t		 stats_ns;	/* when they were taken; 0: not yet */
	int64_t		 workers_ns;
	struct top_list	 lists[TOP_PANELS];
	enum top_panel	 panel;		/* that has the keys */
	int		 shown;		/* whose jobs are listed: in top_states */
};

#define TOP_STATES	7
extern const char *const top_states[TOP_STATES];

void top_init(struct top *t);
void top_free(struct top *t);

/* ---- replies: the `result` of each; now_ns: CLOCK_MONOTONIC ---- */

void top_take_stats(struct top *t, struct span stats, int64_t now_ns);
void top_take_queues(struct top *t, struct span reply);
void top_take_workers(struct top *t, struct span reply, int64_t now_ns);
/* Of job.list with attempts; of another state than the one that is shown it is passed over. */
void top_take_jobs(struct top *t, struct span reply, int state);
/* The daemon is gone: rates are nothing until it is back.  What was known stays to be seen. */
void top_lost(struct top *t, const char *why);

/* ---- rows ---- */

const void *top_row(const struct top *t, enum top_panel p, size_t i);
/* The chosen row; NULL: the list is empty. */
const void *top_chosen(const struct top *t, enum top_panel p);
/* The job that the chosen row is about, 0: none; and its queue, NULL: none. */
uint64_t top_chosen_job(const struct top *t);
const char *top_chosen_queue(const struct top *t);
/* By so many rows, not beyond either end. */
void top_move(struct top *t, long by);
void top_next_panel(struct top *t, int by);
/* Jobs of the next state. */
void top_next_state(struct top *t);

/* ---- series ---- */

void top_series_add(struct top_series *s, double value);
/* The levels 0 .. top of the last `width` samples, oldest first, against the greatest of them; how many. */
size_t top_series_levels(const struct top_series *s, size_t width, unsigned top, unsigned *levels);

/* ---- layout ---- */

/* Rows of the screen for each panel, its title counted; 0: it has no room. */
struct top_layout {
	unsigned	height[TOP_PANELS];
};
/* rows: for all panels together.  The one that has the keys comes first when there are few. */
struct top_layout top_lay_out(const struct top *t, unsigned rows);

#endif
