/*
 * loop_watch.h - what handlers do to the loop of the io worker: how long each keeps it, and who
 * keeps it too long.
 *
 * The loop's time is cut into pieces: a piece ends where a handler's start returns, where an
 * attempt ends, and where the loop itself begins to do something.  The piece before an attempt's
 * end is the attempt's, as its callback ran then.  A piece in which nothing ended belongs to a
 * callback of which only this is known: that its attempt goes on.
 *
 * A piece of more than LOOP_STALL_NS, without the wait for a CPU, is a stall.  Those that are over
 * are found by the loop's thread; a thread of its own finds one that lasts.
 */
#ifndef WORKERS_LOOP_WATCH_H
#define WORKERS_LOOP_WATCH_H

#include "lib/clock.h"
#include "workers/worker.h"

struct uv_loop_s;

#define LOOP_STALL_NS	(50 * NS_PER_MS)

/* The loop's thread calls all of these. */
void loop_watch_init(struct uv_loop_s *loop, struct channel_worker *channel);
void loop_watch_fini(void);
/* The loop begins to do something itself: judges the piece that ends here. */
void loop_watch_look(void);
/* The loop did something itself, and handlers come next. */
void loop_watch_skip(void);
/* Around a handler's start. */
void loop_watch_enter(struct task *t);
void loop_watch_leave(struct task *t);
/* It has ended, inside its start or in a callback.  other: one that goes on, or NULL. */
void loop_watch_ended(struct task *t, const struct task *other);

#endif
