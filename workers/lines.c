/* lines.c - what handlers say, to the logs of their jobs and of the daemon.
 * Runs in: workers, any thread.
 *
 * Nothing here waits, but for another thread that says a line: what is too much is counted and left
 * out.
 */
#include <pthread.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "workers/worker.h"

/* Of one attempt: so many at once, and so many a second in the long run. */
#define BURST_LINES	4000
#define PACE_NS		(NS_PER_S / 1000)
/* Of this worker in the daemon's log, in a second. */
#define DAEMON_LINES	20

/* Protects what is below, the `pace_ns` and `lost` of all attempts, and the channel's lines. */
static pthread_mutex_t	mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t		second_ns;	/* the second in which... */
static unsigned		said;		/* ...so many lines were said */

/* ---- the job's log ---- */

static bool
in_pace(struct jobd_attempt *at, int64_t now_ns)
{
	int64_t	earliest_ns = now_ns - BURST_LINES * PACE_NS;

	if (at->pace_ns < earliest_ns)
		at->pace_ns = earliest_ns;
	if (at->pace_ns > now_ns)
		return false;
	at->pace_ns += PACE_NS;
	return true;
}

static void
say(struct task *t, const char *text, size_t len, int64_t now_ns)
{
	struct jobd_attempt	*at = &t->at;

	if (in_pace(at, now_ns) && channel_say(t->worker->channel, t->entry.token, clock_real_ms(),
	    text, len, at->lost))
		at->lost = 0;
	else
		at->lost++;
}

/* ---- the daemon's log ---- */

static bool
may_log(int64_t now_ns)
{
	if (now_ns - second_ns >= NS_PER_S) {
		second_ns = now_ns;
		said = 0;
	}
	if (++said == DAEMON_LINES + 1)
		log_info("handlers say more: it is in the logs of their jobs");
	return said <= DAEMON_LINES;
}

/* ---- of an attempt ---- */

void
lines_say(struct jobd_attempt *at, const char *text, size_t len)
{
	int64_t	now_ns = clock_mono_ns();
	bool	log;

	pthread_mutex_lock(&mutex);
	say((struct task *)(void *)at, text, len, now_ns);
	log = may_log(now_ns);
	pthread_mutex_unlock(&mutex);
	if (log)
		log_info("handler says job=%llu type=%s text=%s", (unsigned long long)at->job,
		    at->handler->name, text);
}

void
lines_end(struct task *t)
{
	struct jobd_attempt	*at = &t->at;
	bool			 told;

	pthread_mutex_lock(&mutex);
	told = channel_say(t->worker->channel, t->entry.token, clock_real_ms(), "", 0, at->lost);
	pthread_mutex_unlock(&mutex);
	if (!told)
		log_warn("lines of a handler are lost job=%llu lines=%u", (unsigned long long)at->job, at->lost);
}
