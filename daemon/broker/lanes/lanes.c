/* lanes.c - all workers together, and the conversation with the supervisor.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/lanes.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/lanes/catalog.h"
#include "daemon/broker/lanes/exec.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/lanes/talk.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/reload.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define ASKED_MAX	32		/* starts in the supervisor's hands */
#define END_NS		(2 * NS_PER_S)	/* a worker with nothing left (but stuck threads) may take to end */
#define FILES_OF_WORKER	3		/* eventfd, pidfd, kick */
#define FILES_OF_START	4		/* two regions and two copies, until they are sent */
#define BREAKER_DEATHS	3		/* in a row, of every seat of a kind, before it ever served */

/* One that is being killed has nothing more to do than one that was told to end. */
const char *const worker_state_names[] = {
	[WORKER_GONE] = "gone", [WORKER_STARTING] = "starting", [WORKER_IDLE] = "idle",
	[WORKER_RUNNING] = "running", [WORKER_AWAY] = "away", [WORKER_DRAINING] = "draining", [WORKER_DYING] = "draining",
};

struct seat *
lanes_seat(const struct lanes *l, uint32_t number)
{
	return number < l->seats_len ? l->seats[number] : NULL;
}

bool
lanes_asks_enough(const struct lanes *l)
{
	return l->asked >= ASKED_MAX;
}

/* ---- the supervisor's words ---- */

void
lanes_catalog(struct lanes *l, int fd)
{
	catalog_take(l, fd);
}

static void
describe_end(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(out, size, "exit %d", WEXITSTATUS(status));
}

static void
on_exited(struct lanes *l, const struct control_msg *m)
{
	struct seat	*seat = lanes_seat(l, m->worker);
	char		 how[48];

	describe_end(m->status, how, sizeof(how));
	log_at(m->status == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "worker ended worker=%.15s gen=%u pid=%d how=%s",
	    m->name, m->gen, m->pid, how);
	if (seat == NULL || seat->gen != m->gen || seat->state == WORKER_GONE)
		return;
	seat->crashed = !WIFSIGNALED(m->status) || WTERMSIG(m->status) != SIGKILL;
	seat_died(seat, how);
}

static void
on_started(struct lanes *l, const struct control_msg *m, int pidfd)
{
	struct seat	*seat = lanes_seat(l, m->worker);
	char		 how[128];

	if (seat == NULL || seat->gen != m->gen || seat->state == WORKER_GONE) {
		fd_close(&pidfd);
		return;
	}
	if (m->pid > 0 && pidfd >= 0) {
		seat_started(seat, m->pid, pidfd);
		return;
	}
	if (m->pid > 0) {
		seat_unwatched(seat, m->pid);
		return;
	}
	log_error("worker could not be started worker=%s error=%s", seat->name, strerror(-m->pid));
	snprintf(how, sizeof(how), "it cannot be started: %s", strerror(-m->pid));
	seat_died(seat, how);
}

static void
on_message(struct lanes *l, const struct control_msg *m, int *fds, size_t nfds)
{
	struct broker	*b = l->broker;

	switch (m->kind) {
	case CONTROL_STARTED:
		l->asked--;
		on_started(l, m, nfds > 0 ? fds[0] : -1);
		if (nfds > 0)
			fds[0] = -1;		/* taken */
		break;
	case CONTROL_EXITED:
		on_exited(l, m);
		break;
	case CONTROL_DRAIN:
		broker_stop(b, m->deadline_ms);
		break;
	case CONTROL_STOP:
		broker_stop(b, 0);
		break;
	case CONTROL_TLS:
		net_tls(b->net, nfds > 0 ? fds[0] : -1);
		break;
	case CONTROL_CATALOG:
		lanes_catalog(l, nfds > 0 ? fds[0] : -1);
		if (l->catalog == NULL)
			broker_fail(b, "the supervisor's list of types cannot be read");
		lanes_serve_if_complete(l);
		break;
	case CONTROL_RELOAD:
		reload_take(b, m, fds, nfds);
		break;
	case CONTROL_NOT_RELOADED:
		reload_refused(b, m);
		break;
	default:
		break;
	}
	for (size_t i = 0; i < nfds; i++)
		fd_close(&fds[i]);
}

static void
on_control(evutil_socket_t fd, short what, void *arg)
{
	struct lanes		*l = arg;
	struct control_msg	 m;
	int			 fds[4], rc;
	size_t			 nfds;

	(void)what;
	broker_clocks(l->broker);
	while ((rc = control_receive(fd, &m, fds, &nfds)) == 1)
		on_message(l, &m, fds, nfds);
	if (rc == -EAGAIN)
		return;
	log_error("the supervisor is gone");	/* and so is everything that it started */
	_exit(70);
}

/* ---- life ---- */

int64_t
lanes_cpus(const struct config *cfg)
{
	return cfg->cpu_workers != 0 ? cfg->cpu_workers : sysconf(_SC_NPROCESSORS_ONLN);
}

int64_t
lanes_files(const struct config *cfg)
{
	int64_t	workers = lanes_cpus(cfg) + 2 + LANES_LEAVING_MAX + CORE_ALONE_MAX + EXEC_SEATS_MAX;

	return workers * FILES_OF_WORKER + FILES_OF_START;
}

struct lanes *
lanes_new(struct broker *b, int control_fd)
{
	struct lanes	*l = mem_zalloc(1, sizeof(*l));
	int64_t		 cpus = lanes_cpus(&b->config);

	l->broker = b;
	l->control_fd = control_fd;
	l->control = event_new(b->base, control_fd, EV_READ | EV_PERSIST, on_control, l);
	event_add(l->control, NULL);
	core_budgets(b->core, (uint32_t)cpus, (uint32_t)b->config.commands_waiting);
	list_init(&l->pools);
	list_init(&l->remotes);
	wires_init(&l->wires, b->base, &b->now.mono_ns);
	catalog_builtin(l);
	exec_start(l);
	seat_request(seat_new(l, CONTROL_LANE_IO, "", 0));
	for (int64_t i = 0; i < cpus; i++)
		seat_request(seat_new(l, CONTROL_LANE_CPU, "", 0));
	l->next_look_ns = b->now.mono_ns + LANES_LOOK_NS;
	return l;
}

void
lanes_free(struct lanes *l)
{
	if (l == NULL)
		return;
	remote_close(l);
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL)
			seat_free(l->seats[i]);
	wires_fini(&l->wires);
	pools_close(l);
	event_free(l->control);
	json_decref(l->plugins);
	json_decref(l->catalog);
	exec_fini(l);
	free(l->seats);
	free(l);
}

void
lanes_stop(struct lanes *l)
{
	for (uint32_t i = 0; i < l->seats_len; i++) {
		struct seat	*seat = l->seats[i];

		if (seat == NULL || seat->state == WORKER_GONE)
			continue;
		seat->leaving = true;		/* nobody comes after it */
		seat_set_state(seat, WORKER_DRAINING);
		seat->way->stop(seat);
	}
}

unsigned
lanes_leaving(const struct lanes *l)
{
	unsigned	count = 0;

	for (uint32_t i = 0; i < l->seats_len; i++)
		count += l->seats[i] != NULL && l->seats[i]->leaving;
	return count;
}

static unsigned
count_seats(const struct lanes *l, enum control_lane lane, bool up)
{
	unsigned	count = 0;

	for (uint32_t i = 0; i < l->seats_len; i++) {
		const struct seat	*seat = l->seats[i];

		count += seat != NULL && seat->lane == lane && seat->alone_for == 0 &&
		    (seat->up || !up);
	}
	return count;
}

void
lanes_need_plugin_worker(struct lanes *l)
{
	if (count_seats(l, CONTROL_LANE_PLUGIN, false) == 0)
		seat_request(seat_new(l, CONTROL_LANE_PLUGIN, "", 0));
}

/* Plugins are trusted less than our own: if it is only they that cannot start, the rest serves. */
static bool
plugins_given_up(const struct lanes *l)
{
	return lanes_all_fail(l, CONTROL_LANE_PLUGIN, BREAKER_DEATHS);
}

static bool
has_workers(const struct lanes *l)
{
	return count_seats(l, CONTROL_LANE_CPU, true) > 0 && count_seats(l, CONTROL_LANE_IO, true) > 0;
}

bool
lanes_ready(const struct lanes *l)
{
	return l->serving && has_workers(l);
}

void
lanes_serve_if_complete(struct lanes *l)
{
	bool	plugins = count_seats(l, CONTROL_LANE_PLUGIN, false) > 0;

	if (l->serving || l->catalog == NULL || !has_workers(l) ||
	    count_seats(l, CONTROL_LANE_EXEC, true) == 0)
		return;
	if (plugins && count_seats(l, CONTROL_LANE_PLUGIN, true) == 0) {
		if (!plugins_given_up(l))
			return;
		log_error("the plugins' io worker dies while it starts: their async and thread types wait");
	}
	l->serving = true;
	broker_ready(l->broker);
}

bool
lanes_all_fail(const struct lanes *l, enum control_lane lane, unsigned times)
{
	for (uint32_t i = 0; i < l->seats_len; i++) {
		const struct seat	*seat = l->seats[i];

		if (seat != NULL && seat->lane == lane && seat->alone_for == 0 && seat->failures < times)
			return false;
	}
	return true;
}

/* Before jobd ever served, workers that cannot start mean a broken installation: say so and end. */
static void
break_circuit(struct lanes *l)
{
	if (l->serving)
		return;
	if (lanes_all_fail(l, CONTROL_LANE_CPU, BREAKER_DEATHS))
		broker_fail(l->broker, "every cpu worker dies while it starts");
	else if (lanes_all_fail(l, CONTROL_LANE_IO, BREAKER_DEATHS))
		broker_fail(l->broker, "every io worker dies while it starts");
	else if (lanes_all_fail(l, CONTROL_LANE_EXEC, BREAKER_DEATHS))
		broker_fail(l->broker, "every exec worker dies while it starts");
}

/* Its time has come: a worker that nobody needs any more is not started. */
static void
fill(struct seat *seat)
{
	if (seat->lane == CONTROL_LANE_EXEC && seat->alone_for == 0 && !exec_needed(seat))
		seat_free(seat);
	else
		seat_request(seat);
}

void
lanes_tick(struct lanes *l)
{
	int64_t	now_ns = l->broker->now.mono_ns;
	bool	look = now_ns >= l->next_look_ns;

	for (uint32_t i = 0; i < l->seats_len; i++) {
		struct seat	*seat = l->seats[i];

		if (seat == NULL)
			continue;
		if (seat->state == WORKER_GONE && now_ns >= seat->respawn_ns)
			fill(seat);
		else if (look)
			seat_look(seat);
	}
	if (look) {
		l->next_look_ns = now_ns + LANES_LOOK_NS;
		lanes_fit(l);
		remote_tick(l);
		break_circuit(l);
		lanes_serve_if_complete(l);
	}
}

int64_t
lanes_next_ns(const struct lanes *l)
{
	int64_t	next = l->next_look_ns;

	if (lanes_asks_enough(l))
		return next;
	for (uint32_t i = 0; i < l->seats_len; i++) {
		const struct seat	*seat = l->seats[i];

		if (seat != NULL && seat->state == WORKER_GONE && seat->respawn_ns < next)
			next = seat->respawn_ns;
	}
	return next;
}

/* ---- effects ---- */

void
lanes_start(struct lanes *l, struct attempt *at)
{
	struct seat	*seat = lanes_seat(l, at->worker);

	seat->way->start(seat, at);
}

void
lanes_tell(struct lanes *l, struct attempt *at)
{
	struct seat	*seat = lanes_seat(l, at->worker);

	seat->way->tell(seat, at);
}

void
lanes_kill(struct lanes *l, uint32_t worker, const char *why)
{
	struct seat	*seat = lanes_seat(l, worker);

	if (seat != NULL)			/* it may have died meanwhile */
		seat_kill(seat, why);
}

void
lanes_start_alone(struct lanes *l, const struct job *j)
{
	const struct type	*t = job_type(j);
	enum control_lane	lane = CONTROL_LANE_CPU;
	const char		*pool = "";

	if (t->spec != NULL) {
		lane = CONTROL_LANE_EXEC;
		pool = exec_user(l, t->pool);
	} else if (pools_of_core(l, t->pool) != NULL) {
		lane = CONTROL_LANE_LANGUAGE;
		pool = pools_of_core(l, t->pool)->name;
	} else if (j->lane != LANE_PROCESS) {
		lane = t->plugin == NULL ? CONTROL_LANE_IO : CONTROL_LANE_PLUGIN;
	}
	seat_request(seat_new(l, lane, pool, j->id));
}

void
lanes_idle(struct lanes *l, uint32_t worker)
{
	struct seat	*seat = lanes_seat(l, worker);

	if (seat == NULL || seat->state == WORKER_GONE || seat->dead_ns != 0)	/* dead meanwhile */
		return;
	seat_set_state(seat, WORKER_DRAINING);
	seat->end_by_ns = l->broker->now.mono_ns + END_NS;
	seat->way->stop(seat);
}

/* ---- a turn ---- */

bool
lanes_harvest(struct lanes *l, unsigned budget)
{
	bool	more = false;

	for (uint32_t i = 0; i < l->seats_len; i++) {
		unsigned	taken = 0;

		if (l->seats[i] != NULL && l->seats[i]->channel != NULL &&
		    l->seats[i]->lane != CONTROL_LANE_CPU)
			exchange_look_for_stall(l->seats[i]);
		while (taken < budget && l->seats[i] != NULL && l->seats[i]->channel != NULL &&
		    exchange_take(l->seats[i]))
			taken++;
		more |= taken == budget;
	}
	return more;
}

void
lanes_publish(struct lanes *l)
{
	exec_want(l);
	wires_flush(&l->wires);
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL && l->seats[i]->channel != NULL)
			channel_publish(l->seats[i]->channel);
}

bool
lanes_arm(struct lanes *l)
{
	bool	pending = false;

	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL && l->seats[i]->channel != NULL)
			channel_arm(l->seats[i]->channel);
	channel_fence();
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL && l->seats[i]->channel != NULL &&
		    l->seats[i]->state != WORKER_DYING)	/* its garbage must not keep us awake */
			pending |= channel_pending(l->seats[i]->channel);
	return !pending;
}

void
lanes_disarm(struct lanes *l)
{
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL && l->seats[i]->channel != NULL)
			channel_disarm(l->seats[i]->channel);
}

/* ---- to look at ---- */

void
lanes_stats(const struct lanes *l, struct lanes_stats *out)
{
	*out = l->stats;
	for (uint32_t i = 0; i < l->seats_len; i++)
		if (l->seats[i] != NULL && l->seats[i]->channel != NULL)
			out->woke_workers += channel_wakes(l->seats[i]->channel);
}

static void
view_oldest(const struct seat *seat, struct worker_view *v)
{
	const struct attempt	*a;

	if (!seat->up)
		return;
	v->inflight = seat->way->inflight(seat);
	if ((a = seat->way->oldest(seat)) == NULL)
		return;
	v->job = a->job_id;
	v->type = a->type->name;
}

static const char *
view_lane(const struct seat *seat)
{
	if (seat->language != NULL)
		return seat->talk == NULL || talk_lanes(seat->talk)[0] == '\0' ? "process" :
		    talk_lanes(seat->talk);
	if (seat->lane == CONTROL_LANE_EXEC)
		return "exec";
	return seat->lane == CONTROL_LANE_CPU ? "process" : "async+thread";
}

static void
view_language(const struct seat *seat, struct worker_view *v)
{
	const struct language_pool	*p = seat->language;

	v->pool = p->name;
	v->user = p->user[0] == '\0' ? NULL : p->user;
	v->why = seat->up || p->why[0] == '\0' ? NULL : p->why;
	if (seat->talk == NULL || !seat->talk->said_ready)
		return;
	v->language = seat->talk->language;
	v->types = (struct span){ buf_data(&seat->talk->types), buf_len(&seat->talk->types) };
}

static const char *
view_user(const struct seat *seat)
{
	return seat->lane == CONTROL_LANE_EXEC && seat->pool_name[0] != '\0' ? seat->pool_name : NULL;
}

bool
lanes_worker_next(const struct lanes *l, size_t *at, struct worker_view *out)
{
	const struct seat	*seat = NULL;

	while (*at < l->seats_len && (seat = l->seats[(*at)++]) == NULL)
		;
	if (seat == NULL)
		return false;
	*out = (struct worker_view){
		.name = seat->name, .number = seat->number, .lane = view_lane(seat), .user = view_user(seat),
		.pid = seat->pid, .state = seat->state, .since_ms = seat->since_ms, .done = seat->done,
		.crashes = seat->crashes, .generation = seat->gen, .rss_bytes = seat->rss_bytes,
	};
	if (seat->language != NULL)
		view_language(seat, out);
	view_oldest(seat, out);
	return true;
}

const char *
lanes_pool_why(const struct lanes *l, const struct type *t)
{
	const struct language_pool	*p = pools_of_core(l, t->pool);

	return p == NULL || p->why[0] == '\0' ? NULL : p->why;
}

const char *
lanes_worker_name(const struct lanes *l, uint32_t number)
{
	const struct seat	*seat = lanes_seat(l, number);

	return seat == NULL ? "gone" : seat->name;
}

bool
lanes_progress(const struct lanes *l, const struct job *j, struct channel_progress *out)
{
	const struct attempt	*at = job_attempt(j);
	const struct seat	*seat;

	if (at == NULL || (seat = lanes_seat(l, at->worker)) == NULL)
		return false;
	return seat->way->progress(seat, at, out);
}

/* ---- operators ---- */

int
lanes_drain(struct lanes *l, uint32_t number, bool again)
{
	struct seat	*seat = lanes_seat(l, number);

	if (seat == NULL)
		return -ENOENT;
	if (again && seat->session != NULL)
		return -EOPNOTSUPP;
	if (again && seat->drained) {
		seat->drained = false;		/* filled again when it is gone */
		if (seat->state == WORKER_GONE)
			seat_request(seat);
		return 0;
	}
	if ((seat->state != WORKER_IDLE && seat->state != WORKER_RUNNING) || seat->alone_for != 0)
		return -EBUSY;
	if (again)
		seat_retire(seat, "an operator wants a fresh one");
	else
		seat_drain(seat);
	return seat->state == WORKER_DRAINING ? 0 : -EBUSY;
}

enum worker_state
lanes_worker_state(const struct lanes *l, uint32_t number)
{
	const struct seat	*seat = lanes_seat(l, number);

	return seat == NULL ? WORKER_GONE : seat->state;
}
