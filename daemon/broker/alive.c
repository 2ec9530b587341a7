/* alive.c - signs of life.  Runs in: broker, loop thread. */
#include "daemon/broker/alive.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proto/control.h"

#define STORE_SIGNS	8	/* the store may take so long: a disk that is slow is no fault of ours */

struct alive {
	struct broker	*broker;
	struct event	*timer;
	int64_t		 sign_ms;
	int64_t		 asked_ns;	/* when the store was */
	bool		 silent;
};

/* A line for the administrator. */
static void
describe(const struct broker *b, char *out, size_t size)
{
	struct core_stats	 s;
	const char		*what = b->stopping ? "drains: " : "";

	if (b->recovery != NULL || !b->serving) {
		snprintf(out, size, b->recovery != NULL ? "recovers what it knows" : "starts");
		return;
	}
	core_stats(b->core, &s);
	snprintf(out, size, "%srunning %" PRIu64 ", waiting %" PRIu64 ", scheduled %" PRIu64, what,
	    s.states[JOB_running], s.states[JOB_ready], s.states[JOB_scheduled]);
}

static void
tell(const struct alive *a)
{
	struct control_msg	m = { .kind = CONTROL_ALIVE };

	describe(a->broker, m.text, sizeof(m.text));
	(void)control_send(a->broker->control_fd, &m, NULL, 0);	/* the next one comes soon */
}

/* Asked anew after each answer; false: it has been silent for too long. */
static bool
store_lives(struct alive *a, int64_t now_ns)
{
	if (store_answers(a->broker->store)) {
		store_ask_sign(a->broker->store);
		a->asked_ns = now_ns;
	}
	return now_ns - a->asked_ns < STORE_SIGNS * a->sign_ms * NS_PER_MS;
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct alive	*a = arg;
	int64_t		 now_ns = clock_mono_ns();
	bool		 lives = store_lives(a, now_ns);

	(void)fd;
	(void)what;
	if (lives)
		tell(a);
	else if (!a->silent)
		log_error("the thread that writes the store does not answer ms=%lld",
		    (long long)((now_ns - a->asked_ns) / NS_PER_MS));
	a->silent = !lives;
}

struct alive *
alive_new(struct broker *b, int64_t sign_ms)
{
	struct timeval	 tv = { .tv_sec = sign_ms / 1000, .tv_usec = sign_ms % 1000 * 1000 };
	struct alive	*a;

	if (sign_ms <= 0)
		return NULL;
	a = mem_zalloc(1, sizeof(*a));
	a->broker = b;
	a->sign_ms = sign_ms;
	a->timer = event_new(b->base, -1, EV_PERSIST, on_time, a);
	event_add(a->timer, &tv);
	on_time(-1, 0, a);
	return a;
}

void
alive_free(struct alive *a)
{
	if (a == NULL)
		return;
	event_free(a->timer);
	free(a);
}
