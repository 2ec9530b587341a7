/* seat.c - the life of a worker: asked for, started, ready, killed, dead, replaced.
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

#include "daemon/broker/lanes/exec.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/pools.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define ASYNC_SLOTS		16000
#define HOW_NS			NS_PER_S		/* for the supervisor's word on a death */
#define FETCH_SLOTS		4			/* of a cpu worker's depth, for pieces of results */

static const int64_t	backoff_ms[] = { 0, 10, 50, 250, 1250, 5000 };

static const char *
role_of(const struct seat *seat)
{
	static const char *const	roles[CONTROL_LANES] = { "cpu", "io", "plugin", "exec", "language" };

	return roles[seat->lane];
}

static bool
is_taken(const struct seat *seat, const char *name)
{
	for (uint32_t i = 0; i < seat->lanes->seats_len; i++) {
		const struct seat	*other = seat->lanes->seats[i];

		if (other != NULL && other != seat && strcmp(other->name, name) == 0)
			return true;
	}
	return false;
}

/* The lowest number that no place of this kind uses: names stay short and come back. */
static void
choose_name(struct seat *seat, const char *prefix)
{
	unsigned	n = 0;

	do
		snprintf(seat->name, sizeof(seat->name), "%s%s-%u", prefix,
		    seat->alone_for != 0 ? "-alone" : "", ++n % 10000);
	while (is_taken(seat, seat->name));
}

void
seat_name(struct seat *seat, const char *wanted)
{
	if (is_taken(seat, wanted))
		choose_name(seat, wanted);
	else
		snprintf(seat->name, sizeof(seat->name), "%s", wanted);
}

static void
take_seat(struct lanes *l, struct seat *seat)
{
	uint32_t	i = 0;

	while (i < l->seats_len && l->seats[i] != NULL)
		i++;
	if (i == l->seats_cap) {
		l->seats_cap = l->seats_cap == 0 ? 16 : l->seats_cap * 2;
		l->seats = mem_resize(l->seats, l->seats_cap, sizeof(*l->seats));
	}
	if (i == l->seats_len)
		l->seats_len++;
	l->seats[i] = seat;
	seat->number = i;
}

static struct span
pool_of(enum control_lane lane)
{
	const char	*name = lane == CONTROL_LANE_PLUGIN ? "plugin" : "";

	return (struct span){ name, strlen(name) };
}

static void
set_language(struct seat *seat)
{
	seat->language = pools_find(seat->lanes, seat->pool_name);
	seat->pool = seat->language->core_pool;
	seat->way = &way_language;
}

struct seat *
seat_new(struct lanes *l, enum control_lane lane, const char *pool, uint64_t alone_for)
{
	struct seat	*seat = mem_zalloc(1, sizeof(*seat));

	seat->lanes = l;
	seat->lane = lane;
	seat->way = lane == CONTROL_LANE_EXEC ? &way_exec : &way_channel;
	snprintf(seat->pool_name, sizeof(seat->pool_name), "%s", pool);
	seat->pool = lane == CONTROL_LANE_EXEC ? exec_pool(l, pool) :
	    core_pool_get(l->broker->core, pool_of(lane));
	seat->alone_for = alone_for;
	seat->pidfd = -1;
	list_init(&seat->fetches);
	list_init(&seat->commands);
	list_init(&seat->thirsty);
	if (lane == CONTROL_LANE_LANGUAGE)
		set_language(seat);
	take_seat(l, seat);
	choose_name(seat, lane == CONTROL_LANE_LANGUAGE ? pool : role_of(seat));
	seat_set_state(seat, WORKER_GONE);
	return seat;
}

static void
drop_incarnation(struct seat *seat)
{
	seat->way->end(seat);
	if (seat->death != NULL)
		event_free(seat->death);
	seat->death = NULL;
	fd_close(&seat->pidfd);
	seat->pid = 0;
	seat->up = false;
	seat->dead_ns = 0;
	seat->rss_bytes = 0;
	seat->asked_loop_ns = 0;
	seat->stopped_looks = 0;
	seat->stopped = seat->blocked = seat->crashed = seat->killed = seat->outdated = false;
}

void
seat_free(struct seat *seat)
{
	seat->lanes->seats[seat->number] = NULL;
	drop_incarnation(seat);
	free(seat);
}

void
seat_set_state(struct seat *seat, enum worker_state state)
{
	seat->state = state;
	seat->since_ms = seat->lanes->broker->now.real_ms;
}

/* Dead for sure.  The supervisor's word comes at once as well, and says how: that goes into failures. */
static void
on_death(evutil_socket_t fd, short what, void *arg)
{
	struct seat	*seat = arg;
	struct broker	*b = seat->lanes->broker;

	(void)fd;
	(void)what;
	seat->dead_ns = b->now.mono_ns;
	seat_set_state(seat, WORKER_DYING);
	if (seat->up)
		core_worker_retire(b->core, b->now, seat->number);	/* nothing new for the dead */
}

int
seat_send_start(struct seat *seat, const int *fds, size_t nfds)
{
	struct control_msg	m = {
		.kind = CONTROL_START, .worker = seat->number, .gen = seat->gen, .lane = seat->lane,
	};
	snprintf(m.name, sizeof(m.name), "%.15s", seat->name);
	snprintf(m.pool, sizeof(m.pool), "%s", seat->pool_name);
	return control_send(seat->lanes->control_fd, &m, fds, nfds);
}

static void
try_again_later(struct seat *seat, int rc)
{
	log_error("no worker can be started worker=%s error=%s", seat->name, strerror(-rc));
	drop_incarnation(seat);
	seat_set_state(seat, WORKER_GONE);
	seat->respawn_ns = seat->lanes->broker->now.mono_ns + NS_PER_S;
}

void
seat_request(struct seat *seat)
{
	struct broker	*b = seat->lanes->broker;
	int		 rc;

	if (lanes_asks_enough(seat->lanes)) {
		seat->respawn_ns = 0;		/* when an answer has come */
		return;
	}
	seat->gen = ++seat->lanes->next_gen;
	seat->done_here = 0;
	seat->stale = false;
	seat->end_by_ns = 0;
	if ((rc = seat->way->begin(seat)) == -EAGAIN)
		return;				/* it has said when */
	if (rc != 0) {
		try_again_later(seat, rc);
		return;
	}
	seat->lanes->asked++;
	seat_set_state(seat, WORKER_STARTING);
	seat->ready_by_ns = b->now.mono_ns +
	    (seat->language == NULL ? b->config.ready_ms : seat->language->ready_ms) * NS_PER_MS;
}

void
seat_started(struct seat *seat, int pid, int pidfd)
{
	seat->pid = pid;
	seat->pidfd = pidfd;
	seat->death = event_new(seat->lanes->broker->base, pidfd, EV_READ, on_death, seat);
	event_add(seat->death, NULL);
	if (seat->state == WORKER_DYING)		/* the verdict came before the pid */
		seat_kill(seat, "late");
}

/*
 * It lives, and nothing could kill it if it hung: it is told to end before it serves, and the
 * supervisor says when it has.
 */
void
seat_unwatched(struct seat *seat, int pid)
{
	log_error("worker is given up worker=%s pid=%d why=\"no descriptor for its pidfd\"",
	    seat->name, pid);
	seat->pid = pid;
	seat_set_state(seat, WORKER_DRAINING);
	seat->way->stop(seat);
}

struct worker_offer
seat_offer(const struct seat *seat)
{
	const struct config	*cfg = &seat->lanes->broker->config;
	bool			 alone = seat->alone_for != 0;
	struct worker_offer	 o = { .pool = seat->pool, .alone_for = seat->alone_for };

	if (seat->lane == CONTROL_LANE_CPU) {
		o.fifo = o.killable = true;
		o.slots[LANE_PROCESS] = alone ? 1 : BOUND_CHANNEL_DEPTH_FIFO - FETCH_SLOTS;
	} else if (seat->lane == CONTROL_LANE_EXEC) {
		o.slots[LANE_PROCESS] = o.slots[LANE_ASYNC] = alone ? 1 : (uint32_t)cfg->commands_per_worker;
	} else {
		o.slots[LANE_ASYNC] = alone ? 1 : ASYNC_SLOTS;
		o.slots[LANE_THREAD] = alone ? 1 : (uint32_t)cfg->io_threads;
	}
	return o;
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
seat_ready(struct seat *seat)
{
	struct broker	*b = seat->lanes->broker;
	struct worker_offer	 offer;

	if (seat->state != WORKER_STARTING)
		return;
	seat_set_state(seat, WORKER_IDLE);
	seat->up = true;
	seat->lanes->stats.starts++;
	seat->rss_bytes = seat->pid > 0 ? resident_bytes(seat->pid) : 0;
	seat->ready_ns = b->now.mono_ns;
	offer = seat->way->offer(seat);
	offer.name = (struct span){ seat->name, strlen(seat->name) };
	core_worker_up(b->core, b->now, seat->number, &offer);
	log_debug("worker ready worker=%s gen=%u pid=%d", seat->name, seat->gen, seat->pid);
	lanes_serve_if_complete(seat->lanes);
}

/* It runs as somebody else; the supervisor may do it.  A full socket is one of a dying supervisor. */
static void
tell_to_kill(const struct seat *seat)
{
	struct control_msg	m = { .kind = CONTROL_KILL, .worker = seat->number, .gen = seat->gen };

	if (control_send(seat->lanes->control_fd, &m, NULL, 0) != 0)
		log_warn("worker cannot be killed worker=%s", seat->name);
}

void
seat_kill(struct seat *seat, const char *why)
{
	if (seat->state == WORKER_GONE)
		return;
	if (seat->state != WORKER_DYING) {
		log_warn("worker is killed worker=%s pid=%d why=%s", seat->name, seat->pid, why);
		seat->killed = true;
	}
	seat_set_state(seat, WORKER_DYING);
	if (seat->pidfd >= 0 &&
	    syscall(SYS_pidfd_send_signal, seat->pidfd, SIGKILL, NULL, 0) != 0 && errno == EPERM)
		tell_to_kill(seat);
}

static enum suspicion
suspicion_of(void *arg, const struct job *j)
{
	const struct seat	*seat = arg;
	const struct attempt	*at = job_attempt(j);

	return at == NULL ? SUSPECT_NO : seat->way->suspects(seat, at);
}

static void
schedule_respawn(struct seat *seat)
{
	size_t	steps = sizeof(backoff_ms) / sizeof(backoff_ms[0]);
	size_t	step = seat->failures < steps ? seat->failures : steps - 1;

	seat->respawn_ns = seat->drained ? INT64_MAX :
	    seat->lanes->broker->now.mono_ns + backoff_ms[step] * NS_PER_MS;
}

void
seat_died(struct seat *seat, const char *how)
{
	struct broker	*b = seat->lanes->broker;
	bool		 was_up = seat->up, asked_to_end;
	uint64_t	 alone_for = seat->alone_for;

	if (seat->state == WORKER_STARTING)
		seat_set_state(seat, WORKER_DYING);	/* a hello among what it published is too late */
	seat->way->take_last(seat, how);
	asked_to_end = seat->state == WORKER_DRAINING && seat->way->inflight(seat) == 0;
	if (!asked_to_end)
		seat->crashes++;
	seat->lanes->stats.deaths += !asked_to_end;
	if (seat->stopped)
		how = "killed, as its process was stopped";
	else if (seat->blocked)
		how = "killed, as its event loop was blocked";
	if (was_up)
		core_worker_lost(b->core, b->now, seat->number, how, suspicion_of, seat);
	if (seat->done_here == 0 && !asked_to_end)
		seat->failures++;
	drop_incarnation(seat);
	seat_set_state(seat, WORKER_GONE);
	if (alone_for != 0 && !was_up)
		core_alone_failed(b->core, b->now, alone_for);
	if (seat->leaving || alone_for != 0) {
		seat_free(seat);
		return;
	}
	schedule_respawn(seat);
}

/*
 * A cpu worker is replaced when it has ended: with both at work there would be more of them than
 * workers.cpu.  What an io worker has may wait for hours, so another one takes over at once.
 */
void
seat_retire(struct seat *seat, const char *why)
{
	struct broker	*b = seat->lanes->broker;
	bool		 hand_over = seat->lane != CONTROL_LANE_CPU;

	if ((seat->state != WORKER_IDLE && seat->state != WORKER_RUNNING) || seat->alone_for != 0)
		return;
	if (hand_over && lanes_leaving(seat->lanes) >= LANES_LEAVING_MAX)
		return;
	log_info("worker is replaced worker=%s pid=%d why=%s done=%llu rss_bytes=%lld", seat->name, seat->pid,
	    why, (unsigned long long)seat->done_here, (long long)seat->rss_bytes);
	seat->leaving = hand_over;
	seat_set_state(seat, WORKER_DRAINING);
	if (hand_over)
		seat_request(seat_new(seat->lanes, seat->lane, seat->pool_name, 0));
	core_worker_retire(b->core, b->now, seat->number);
}

void
seat_fill_now(struct seat *seat)
{
	if (!seat->drained)
		seat->respawn_ns = 0;
}

void
seat_drain(struct seat *seat)
{
	struct broker	*b = seat->lanes->broker;

	log_info("worker is drained worker=%s pid=%d", seat->name, seat->pid);
	seat->drained = true;
	seat_set_state(seat, WORKER_DRAINING);
	core_worker_retire(b->core, b->now, seat->number);
}

void
seat_give_up(struct seat *seat, const char *why)
{
	struct broker	*b = seat->lanes->broker;

	if (seat->state != WORKER_IDLE && seat->state != WORKER_RUNNING)
		return;
	log_info("worker ends worker=%s pid=%d why=\"%s\" done=%llu", seat->name, seat->pid, why,
	    (unsigned long long)seat->done_here);
	seat->leaving = true;
	seat_set_state(seat, WORKER_DRAINING);
	core_worker_retire(b->core, b->now, seat->number);
}

void
seat_look(struct seat *seat)
{
	const struct config	*cfg = &seat->lanes->broker->config;
	int64_t			 now_ns = seat->lanes->broker->now.mono_ns;

	if (seat->dead_ns != 0 && now_ns >= seat->dead_ns + HOW_NS) {
		seat_died(seat, "how is not known");
		return;
	}
	if (seat->state == WORKER_STARTING && now_ns >= seat->ready_by_ns)
		seat_kill(seat, seat->language == NULL ? "it is not ready within workers.ready_ms" :
		    "it is not ready in time");
	if (seat->end_by_ns != 0 && now_ns >= seat->end_by_ns)
		seat_kill(seat, "it was told to end and has not");
	if (seat->pid > 0) {
		seat->rss_bytes = resident_bytes(seat->pid);
		stopped_look(seat);
	}
	if (seat->language == NULL && cfg->recycle_rss_bytes > 0 && seat->rss_bytes > cfg->recycle_rss_bytes)
		seat_retire(seat, "workers.recycle_rss");
	if (seat->up)
		seat->way->look(seat);		/* last: a remote one may be gone then */
}
