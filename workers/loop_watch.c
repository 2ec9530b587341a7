/*
 * loop_watch.c - who keeps the loop of the io worker, and for how long.  Runs in: the io worker,
 * loop thread and a thread of its own.
 *
 * Time is the loop's busy time: of the clock without what it slept in epoll, which libuv measures.
 * The watching thread shares with the loop's: where the piece began, whose it is (one word each),
 * and the hint in the channel, under its lock.
 */
#include "workers/loop_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <uv.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "workers/measure.h"

#define TICK_MS		100		/* of the watching thread, while attempts are in the loop */
#define TICK_BUSY_MS	30		/* while a piece lasts */
#define QUEUED_NS	(10 * NS_PER_MS)	/* so old may the last look at the run queue be */

static uv_loop_t		*loop;
static struct channel_worker	*channel;

/* the loop's thread alone */
static int64_t		 cpu_ns;		/* at the last look; -1: nobody wanted to know */
static unsigned		 ended_since;		/* attempts that ended since, and were not measured */
static int64_t		 queued_ns, queued_read_ns;
static unsigned		 measured;		/* attempts in the loop whose time is measured */
static unsigned		 types;			/* that have attempts in the loop */
static const struct task *starting;		/* in its start now */

/* both threads */
static _Atomic int64_t	 piece_ns;		/* busy time at which it began */
static _Atomic uint64_t	 piece_token;		/* whose it is, as far as is known; 0: not */
static _Atomic int64_t	 told_ns;		/* the piece that was told as a stall last */
static atomic_uint	 attempts;		/* in the loop */

/* the watching thread */
static struct {
	pthread_t	 thread;
	pthread_mutex_t	 lock;			/* of what follows, and of the channel's hint */
	pthread_cond_t	 news;
	bool		 asleep, stop;
	pthread_t	 loop_thread;
	char		 loop_stat[48];		/* /proc/self/task/TID/stat */
} watcher = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t
busy_ns(void)
{
	return (int64_t)(uv_hrtime() - uv_metrics_idle_time(loop));
}

static void
tell(uint64_t token, int64_t ns)
{
	pthread_mutex_lock(&watcher.lock);
	channel_stall(channel, token, (uint32_t)(ns / NS_PER_MS));
	pthread_mutex_unlock(&watcher.lock);
}

/* ---- the loop's thread: pieces that are over ---- */

/* The wait for a CPU since the last look, which a stall is not. */
static int64_t
queued_since(void)
{
	int64_t	now = measure_queued_ns(), since = now - queued_ns;

	if (now < 0)
		return 0;
	queued_ns = now;
	return since;
}

/* How long a piece was a stall, in ms; 0: it was none. */
static uint16_t
stall_of(int64_t took_ns)
{
	int64_t	ms;

	if (took_ns < LOOP_STALL_NS || (took_ns -= queued_since()) < LOOP_STALL_NS)
		return 0;
	ms = took_ns / NS_PER_MS;
	return ms < UINT16_MAX ? (uint16_t)ms : UINT16_MAX;
}

/* A new piece begins; how long the last one was. */
static int64_t
cut(uint64_t token)
{
	int64_t	now = busy_ns(), took = now - atomic_load(&piece_ns);

	atomic_store_explicit(&piece_token, token, memory_order_relaxed);
	atomic_store_explicit(&piece_ns, now, memory_order_release);
	return took;
}

/* The only attempt in the loop, or one of them when all are of one type: else nobody is named. */
static uint64_t	sole_token;

void
loop_watch_look(void)
{
	int64_t		began = atomic_load(&piece_ns), took = cut(sole_token);
	uint16_t	ms = stall_of(took);

	if (ms == 0 || atomic_load(&told_ns) == began)
		return;
	if (sole_token != 0)
		tell(sole_token, took);
	else
		log_warn("a callback kept the loop stall_ms=%u attempts=%u types=%u", ms,
		    atomic_load(&attempts), types);
}

void
loop_watch_skip(void)
{
	int64_t	now_ns;

	cut(sole_token);
	cpu_ns = measured > 0 ? clock_thread_cpu_ns() : -1;
	ended_since = 0;
	if ((now_ns = clock_mono_ns()) - queued_read_ns > QUEUED_NS) {
		queued_read_ns = now_ns;
		queued_since();
	}
}

static void
wake_watcher(void)
{
	pthread_mutex_lock(&watcher.lock);
	if (watcher.asleep)
		pthread_cond_signal(&watcher.news);
	pthread_mutex_unlock(&watcher.lock);
}

void
loop_watch_enter(struct task *t)
{
	starting = t;
	types += t->use->in_loop++ == 0;
	sole_token = types == 1 ? t->entry.token : 0;
	if (atomic_fetch_add(&attempts, 1) == 0)
		wake_watcher();
	if (t->measured) {
		measured++;
		measure_now(&t->since);
	}
	cut(t->entry.token);
}

void
loop_watch_leave(struct task *t)
{
	struct measure	now;

	starting = NULL;
	t->usage.stall_ms = stall_of(cut(sole_token));
	if (t->usage.stall_ms > 0 && t->at.status == 0)		/* it will end much later */
		tell(t->entry.token, t->usage.stall_ms * NS_PER_MS);
	if (!t->measured)
		return;
	measure_now(&now);
	t->spent = measure_between(&t->since, &now);
	t->spent.wall_ns = 0;			/* which goes on until its end */
	cpu_ns = now.cpu_ns;
	ended_since = 0;
}

/*
 * The CPU of the piece that ends with the attempt; what ended since the last look shares it.  The
 * loop's wait for a CPU, also before a callback, is no waiting of the attempt.
 */
static void
add_piece(struct task *t)
{
	int64_t	now_ns = clock_thread_cpu_ns(), queued = measure_queued_ns();

	if (cpu_ns >= 0)
		t->spent.cpu_ns += (now_ns - cpu_ns) / (ended_since + 1);
	if (queued >= 0 && t->since.queued_ns >= 0)
		t->spent.queued_ns = queued - t->since.queued_ns;
	cpu_ns = now_ns;
	ended_since = 0;
}

void
loop_watch_ended(struct task *t, const struct task *other)
{
	int64_t	took_ns;

	types -= --t->use->in_loop == 0;
	atomic_fetch_sub(&attempts, 1);
	measured -= t->measured;
	sole_token = types == 1 && other != NULL ? other->entry.token : 0;
	if (starting == t)			/* loop_watch_leave says the rest */
		return;
	took_ns = cut(sole_token);
	if (took_ns >= LOOP_STALL_NS)
		t->usage.stall_ms = stall_of(took_ns);
	if (t->measured)
		add_piece(t);
	else
		ended_since++;
}

/* ---- the watching thread: a piece that lasts ---- */

static int64_t
cpu_of_loop(void)
{
	clockid_t	clock;
	struct timespec	ts;

	if (pthread_getcpuclockid(watcher.loop_thread, &clock) != 0 ||
	    clock_gettime(clock, &ts) != 0)
		return 0;
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Is it in the run queue or on a CPU?  `pid (name) S ...` */
static bool
loop_is_runnable(void)
{
	char	*text = fd_read_file(watcher.loop_stat, 512, NULL), *end;
	bool	 yes = false;

	if (text != NULL && (end = strrchr(text, ')')) != NULL)
		yes = strncmp(end, ") R", 3) == 0;
	free(text);
	return yes;
}

struct look {
	int64_t	piece_ns, cpu_ns, at_ns;
};

/*
 * The piece that lasted at the last look still does.  A loop that wants to run and gets no CPU is
 * no stall: half of the time since then is the least that it must have had, or, on a machine where
 * nobody gets that much, as much as makes a stall.
 */
static void
look_again(struct look *last)
{
	struct look	now = { atomic_load_explicit(&piece_ns, memory_order_acquire),
			    cpu_of_loop(), (int64_t)uv_hrtime() };
	int64_t		took = busy_ns() - now.piece_ns;
	uint64_t	token = atomic_load_explicit(&piece_token, memory_order_relaxed);
	bool		same = last->piece_ns == now.piece_ns;
	int64_t		had_ns = now.cpu_ns - last->cpu_ns;
	bool		starved = loop_is_runnable() && had_ns < LOOP_STALL_NS &&
			    had_ns < (now.at_ns - last->at_ns) / 2;

	if (!same)
		*last = now;
	if (!same || starved || took < LOOP_STALL_NS || atomic_load(&told_ns) == now.piece_ns)
		return;
	atomic_store(&told_ns, now.piece_ns);
	if (token != 0)
		tell(token, took);
	else
		log_warn("a callback keeps the loop stall_ms=%lld attempts=%u",
		    (long long)(took / NS_PER_MS), atomic_load(&attempts));
}

static void
wait_ms(int64_t ms)
{
	struct timespec	until;
	int64_t		ns = clock_mono_ns() + ms * NS_PER_MS;

	until = (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
	pthread_cond_timedwait(&watcher.news, &watcher.lock, &until);
}

static void *
watch(void *arg)
{
	struct look	last = { .piece_ns = -1 };
	bool		lasts;

	(void)arg;
	pthread_mutex_lock(&watcher.lock);
	while (!watcher.stop) {
		lasts = busy_ns() - atomic_load(&piece_ns) > TICK_BUSY_MS * NS_PER_MS / 2;
		watcher.asleep = atomic_load(&attempts) == 0;
		if (watcher.asleep)
			pthread_cond_wait(&watcher.news, &watcher.lock);
		else
			wait_ms(lasts ? TICK_BUSY_MS : TICK_MS);
		watcher.asleep = false;
		pthread_mutex_unlock(&watcher.lock);
		if (lasts)
			look_again(&last);
		pthread_mutex_lock(&watcher.lock);
	}
	pthread_mutex_unlock(&watcher.lock);
	return NULL;
}

/* ---- life ---- */

void
loop_watch_init(struct uv_loop_s *l, struct channel_worker *ch)
{
	pthread_condattr_t	attr;
	int			rc;

	loop = l;
	channel = ch;
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	watcher.loop_thread = pthread_self();
	snprintf(watcher.loop_stat, sizeof(watcher.loop_stat), "/proc/self/task/%ld/stat",
	    syscall(SYS_gettid));
	queued_ns = measure_queued_ns();
	cpu_ns = -1;
	atomic_store(&told_ns, -1);
	cut(0);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&watcher.news, &attr);
	pthread_condattr_destroy(&attr);
	if ((rc = pthread_create(&watcher.thread, NULL, watch, NULL)) != 0)
		log_fatal("the thread that watches the loop cannot be made: %s", strerror(rc));
}

void
loop_watch_fini(void)
{
	pthread_mutex_lock(&watcher.lock);
	watcher.stop = true;
	pthread_cond_signal(&watcher.news);
	pthread_mutex_unlock(&watcher.lock);
	pthread_join(watcher.thread, NULL);
	pthread_cond_destroy(&watcher.news);
}
