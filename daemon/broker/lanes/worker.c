/* worker.c - the life of a worker: asked for, started, ready, killed, dead, replaced.
 * Runs in: broker, loop thread.
 *
 * Death is observed (the pidfd is readable, or the supervisor has reaped it), never guessed from a silence:
 * a verdict only sends SIGKILL and waits for the death.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define ARENA_BYTES		((size_t)64 << 20)	/* virtual; populated as it is used */
#define ARENA_BYTES_LARGE	((size_t)256 << 20)	/* where lines or results may be large */
#define ASYNC_SLOTS		16000
#define FETCH_SLOTS		4			/* of a cpu worker's depth, for pieces of results */

static const int64_t	backoff_ms[] = { 0, 10, 50, 250, 1250, 5000 };

static const char *
role_of(const struct worker *w)
{
	return w->lane == CONTROL_LANE_CPU ? "cpu" : "io";
}

/* The lowest number that no place of this kind uses: names stay short and come back. */
static void
choose_name(struct worker *w)
{
	char		prefix[12];
	unsigned	n = 0;
	bool		taken = true;

	snprintf(prefix, sizeof(prefix), "%s%s", role_of(w), w->alone_for != 0 ? "-alone" : "");
	while (taken) {
		snprintf(w->name, sizeof(w->name), "%s-%u", prefix, ++n % 10000);
		taken = false;
		for (uint32_t i = 0; i < w->lanes->places_len; i++) {
			const struct worker	*other = w->lanes->places[i];

			if (other != NULL && other != w && strcmp(other->name, w->name) == 0)
				taken = true;
		}
	}
}

static void
take_place(struct lanes *l, struct worker *w)
{
	uint32_t	i = 0;

	while (i < l->places_len && l->places[i] != NULL)
		i++;
	if (i == l->places_cap) {
		l->places_cap = l->places_cap == 0 ? 16 : l->places_cap * 2;
		l->places = mem_resize(l->places, l->places_cap, sizeof(*l->places));
	}
	if (i == l->places_len)
		l->places_len++;
	l->places[i] = w;
	w->number = i;
}

struct worker *
worker_new(struct lanes *l, enum control_lane lane, uint64_t alone_for)
{
	struct worker	*w = mem_zalloc(1, sizeof(*w));

	w->lanes = l;
	w->lane = lane;
	w->alone_for = alone_for;
	w->pidfd = -1;
	list_init(&w->fetches);
	take_place(l, w);
	choose_name(w);
	worker_set_state(w, WORKER_GONE);
	return w;
}

static void
drop_incarnation(struct worker *w)
{
	exchange_drop_fetches(w);
	if (w->completions != NULL)
		event_free(w->completions);
	if (w->death != NULL)
		event_free(w->death);
	w->completions = w->death = NULL;
	channel_free(w->channel);
	w->channel = NULL;
	fd_close(&w->pidfd);
	w->pid = 0;
	w->up = false;
	w->rss_bytes = 0;
}

void
worker_free(struct worker *w)
{
	w->lanes->places[w->number] = NULL;
	drop_incarnation(w);
	free(w);
}

void
worker_set_state(struct worker *w, enum worker_state state)
{
	w->state = state;
	w->since_ms = w->lanes->broker->now.real_ms;
}

static struct channel_config
channel_config_of(const struct worker *w)
{
	const struct config	*cfg = &w->lanes->broker->config;
	size_t			 bytes = cfg->max_line_bytes > (8 << 20) ? ARENA_BYTES_LARGE : ARENA_BYTES;

	if (w->lane == CONTROL_LANE_CPU)
		return (struct channel_config){ .fifo = true, .kick = CHANNEL_KICK_FUTEX,
		    .depth = BOUND_CHANNEL_DEPTH_FIFO, .runs = 1, .in_bytes = bytes, .out_bytes = bytes };
	return (struct channel_config){ .fifo = false, .kick = CHANNEL_KICK_SOCKET,
	    .depth = BOUND_CHANNEL_DEPTH_SLOTS, .runs = (uint32_t)cfg->io_threads + 1,
	    .in_bytes = bytes, .out_bytes = bytes };
}

/* The worker has published: nothing to read, the turn harvests.  The event only ends the sleep. */
static void
on_completions(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void
on_death(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	worker_died(arg);
}

static int
send_start(struct worker *w, const struct channel_fds *fds)
{
	struct control_msg	m = { .kind = CONTROL_START, .worker = w->number, .gen = w->gen, .lane = w->lane };
	int			list[4] = { fds->a, fds->b, fds->event, fds->kick };

	snprintf(m.name, sizeof(m.name), "%.15s", w->name);
	return control_send(w->lanes->control_fd, &m, list, fds->kick < 0 ? 3 : 4);
}

static void
close_fds(struct channel_fds *fds)
{
	fd_close(&fds->a);
	fd_close(&fds->b);
	fd_close(&fds->event);
	fd_close(&fds->kick);
}

static void
try_again_later(struct worker *w, const char *what, int rc)
{
	log_error("no worker can be started worker=%s what=%s error=%s", w->name, what, strerror(-rc));
	drop_incarnation(w);
	worker_set_state(w, WORKER_GONE);
	w->respawn_ns = w->lanes->broker->now.mono_ns + NS_PER_S;
}

void
worker_request(struct worker *w)
{
	struct broker		*b = w->lanes->broker;
	struct channel_config	 cfg = channel_config_of(w);
	struct channel_fds	 fds = { -1, -1, -1, -1 };
	int			 rc;

	w->gen = ++w->lanes->next_gen;
	w->done_here = 0;
	if ((rc = channel_new(&cfg, w->gen, &w->channel, &fds)) != 0) {
		try_again_later(w, "channel", rc);
		return;
	}
	rc = send_start(w, &fds);
	close_fds(&fds);
	if (rc != 0) {
		try_again_later(w, "supervisor", rc);
		return;
	}
	w->completions = event_new(b->base, channel_event_fd(w->channel), EV_READ | EV_ET | EV_PERSIST,
	    on_completions, w);
	event_add(w->completions, NULL);
	worker_set_state(w, WORKER_STARTING);
	w->ready_by_ns = b->now.mono_ns + b->config.ready_ms * NS_PER_MS;
	exchange_hello(w);
}

void
worker_started(struct worker *w, int pid, int pidfd)
{
	w->pid = pid;
	w->pidfd = pidfd;
	w->death = event_new(w->lanes->broker->base, pidfd, EV_READ, on_death, w);
	event_add(w->death, NULL);
	if (w->state == WORKER_DYING)		/* the verdict came before the pid */
		worker_kill(w, "late");
}

static void
declare_slots(struct worker *w, uint32_t slots[LANES])
{
	const struct config	*cfg = &w->lanes->broker->config;

	memset(slots, 0, LANES * sizeof(slots[0]));
	if (w->lane == CONTROL_LANE_CPU) {
		slots[LANE_PROCESS] = w->alone_for != 0 ? 1 : BOUND_CHANNEL_DEPTH_FIFO - FETCH_SLOTS;
	} else {
		slots[LANE_ASYNC] = w->alone_for != 0 ? 1 : ASYNC_SLOTS;
		slots[LANE_THREAD] = w->alone_for != 0 ? 1 : (uint32_t)cfg->io_threads;
	}
}

static void
serve_if_complete(struct lanes *l)
{
	bool	have[2] = { false, false };

	for (uint32_t i = 0; i < l->places_len; i++)
		if (l->places[i] != NULL && l->places[i]->up)
			have[l->places[i]->lane] = true;
	if (!have[CONTROL_LANE_CPU] || !have[CONTROL_LANE_IO] || l->serving)
		return;
	l->serving = true;
	broker_ready(l->broker);
}

void
worker_ready(struct worker *w)
{
	struct broker	*b = w->lanes->broker;
	uint32_t	 slots[LANES];

	if (w->state != WORKER_STARTING)
		return;
	worker_set_state(w, WORKER_IDLE);
	w->up = true;
	declare_slots(w, slots);
	core_worker_up(b->core, b->now, w->number, slots, w->alone_for);
	log_debug("worker ready worker=%s gen=%u pid=%d", w->name, w->gen, w->pid);
	serve_if_complete(w->lanes);
}

void
worker_kill(struct worker *w, const char *why)
{
	if (w->state == WORKER_GONE)
		return;
	if (w->state != WORKER_DYING)
		log_warn("worker is killed worker=%s pid=%d why=%s", w->name, w->pid, why);
	worker_set_state(w, WORKER_DYING);
	if (w->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, w->pidfd, SIGKILL, NULL, 0);
}

/* io only: was this job's attempt running when its worker died, as the worker said? */
static bool
was_running(void *arg, const struct job *j)
{
	const struct worker	*w = arg;

	return j->attempt != NULL && channel_suspect(w->channel, j->attempt->token);
}

static void
schedule_respawn(struct worker *w)
{
	size_t	steps = sizeof(backoff_ms) / sizeof(backoff_ms[0]);
	size_t	step = w->failures < steps ? w->failures : steps - 1;

	w->respawn_ns = w->lanes->broker->now.mono_ns + backoff_ms[step] * NS_PER_MS;
}

void
worker_died(struct worker *w)
{
	struct broker	*b = w->lanes->broker;
	bool		 was_up = w->up, asked_to_end;
	uint64_t	 alone_for = w->alone_for;

	while (exchange_take(w))	/* all that it published is a result, delivered once */
		;
	asked_to_end = w->state == WORKER_DRAINING && channel_inflight(w->channel) == 0;
	if (!asked_to_end)
		w->crashes++;
	if (was_up)
		core_worker_lost(b->core, b->now, w->number, was_running, w);
	if (w->done_here == 0 && !asked_to_end)
		w->failures++;
	drop_incarnation(w);
	worker_set_state(w, WORKER_GONE);
	if (alone_for != 0 && !was_up)
		core_alone_failed(b->core, b->now, alone_for);
	if (w->leaving || alone_for != 0) {
		worker_free(w);
		return;
	}
	schedule_respawn(w);
}

void
worker_retire(struct worker *w, const char *why)
{
	struct broker	*b = w->lanes->broker;

	log_info("worker is replaced worker=%s pid=%d why=%s done=%llu rss_bytes=%lld", w->name, w->pid,
	    why, (unsigned long long)w->done_here, (long long)w->rss_bytes);
	w->leaving = true;
	worker_set_state(w, WORKER_DRAINING);
	if (w->alone_for == 0)
		worker_request(worker_new(w->lanes, w->lane, 0));
	core_worker_retire(b->core, b->now, w->number);
}

static int64_t
resident_bytes(int pid)
{
	char	 path[32];
	char	*text;
	long	 pages = 0;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if ((text = fd_read_file(path, 128, NULL)) == NULL)
		return 0;
	if (sscanf(text, "%*d %ld", &pages) != 1)
		pages = 0;
	free(text);
	return pages * sysconf(_SC_PAGESIZE);
}

void
worker_look(struct worker *w)
{
	const struct config	*cfg = &w->lanes->broker->config;
	int64_t			 now_ns = w->lanes->broker->now.mono_ns;

	if (w->state == WORKER_STARTING && now_ns >= w->ready_by_ns)
		worker_kill(w, "it is not ready within workers.ready_ms");
	if (w->pid > 0)
		w->rss_bytes = resident_bytes(w->pid);
	if (w->up && !w->leaving && cfg->recycle_rss_bytes > 0 && w->rss_bytes > cfg->recycle_rss_bytes)
		worker_retire(w, "workers.recycle_rss");
}
