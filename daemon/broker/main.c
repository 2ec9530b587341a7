/* main.c - jobd-broker: start, turn, end.  Runs in: broker, loop thread.
 *
 * The supervisor execs it with the control socket at CONTROL_BROKER_FD and the listening sockets behind it.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/alive.h"
#include "daemon/broker/broker.h"
#include "daemon/broker/cron/cron.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/fetch.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/keep.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/limits.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/metrics/http.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/recover.h"
#include "daemon/broker/reload.h"
#include "daemon/broker/route/programs.h"
#include "daemon/broker/store/spool.h"
#include "daemon/broker/store/running.h"
#include "daemon/broker/store/store.h"
#include "daemon/broker/tls/tls.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/journal.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/title.h"
#include "proto/control.h"

#define HARVEST_BUDGET	256		/* completions of one channel in a turn, so that sockets are served */
#define LISTENERS_MAX	64
#define EXIT_CONFIG	78
#define FINISH_MS	2000		/* to send what is left at the end */

struct start {
	int	listeners;
	int64_t	sign_ms;	/* between signs of life; 0: none */
};

static _Noreturn void
usage(const char *what)
{
	fprintf(stderr, "jobd-broker: %s; it is started by jobd, not by hand\n", what);
	exit(64);
}

/*
 * The supervisor asks whether a certificate and its key are any good: files of proto/tls_files.h come on the first
 * descriptor, the sentence goes to the second.
 */
static int
check_tls(void)
{
	struct tls_files	 files = { 0 };
	struct tls_context	*ctx = NULL;
	char			 why[256] = "what the supervisor sent cannot be read";
	int			 rc = tls_files_take(CONTROL_BROKER_FD, &files);

	if (rc == 0)
		rc = tls_context_new(&files, &ctx, why, sizeof(why));
	tls_context_free(ctx);
	tls_files_free(&files);
	if (rc != 0)
		fd_write_all(CONTROL_BROKER_FD + 1, why, strlen(why));
	return rc == 0 ? 0 : 1;
}

static void
read_arguments(struct broker *b, struct start *s, int argc, char **argv)
{
	static const struct option	options[] = {
		{ "control", required_argument, NULL, 'c' }, { "listeners", required_argument, NULL, 'l' },
		{ "state-dir", required_argument, NULL, 'd' }, { "sign-ms", required_argument, NULL, 'a' },
		{ "tls", required_argument, NULL, 't' }, { "check-tls", no_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	int	option;

	b->control_fd = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c': b->control_fd = atoi(optarg); break;
		case 'l': s->listeners = atoi(optarg); break;
		case 'd': b->state_dir = optarg; break;
		case 'a': s->sign_ms = atoll(optarg); break;
		case 't': b->tls_listeners |= UINT64_C(1) << (atoi(optarg) & 63); break;
		case 'T': exit(check_tls());
		default: usage("bad option");
		}
	}
	if (b->control_fd < 0 || b->state_dir == NULL || s->listeners < 1 || s->listeners > LISTENERS_MAX)
		usage("--control, --state-dir and --listeners are needed");
}

static void
raise_file_limit(void)
{
	struct rlimit	r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Ctrl-C and SIGTERM to the group are the supervisor's to answer; its death is ours. */
static void
settle_process(void)
{
	static const int	ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE,
	    SIGXFSZ };
	pid_t			parent = getppid();

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(70);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	raise_file_limit();
}

static void
make_random(struct broker *b)
{
	unsigned char	bytes[16];
	uint64_t	seeds[3];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes) ||
	    getrandom(seeds, sizeof(seeds), 0) != sizeof(seeds))
		log_fatal("no random numbers errno=%d", errno);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(b->boot_id + 2 * i, 3, "%02x", bytes[i]);
	map_seed(seeds[0]);
	b->seed = seeds[2];
	json_object_seed((size_t)seeds[1]);
}

static int
open_store(struct broker *b, char *why, size_t size)
{
	struct store_config	cfg = limits_of_store(b);

	if (strcmp(b->config.store_engine, "memory") == 0)
		return store_open_memory(b->state_dir, &b->store, why, size);
	return store_open_sqlite(&cfg, &b->store, why, size);
}

/* What is wrong is the administrator's to put right: not worth another start. */
static _Noreturn void
refuse(const char *why)
{
	log_error("cannot serve: %s", why);
	_exit(EXIT_CONFIG);
}

static void
open_access(struct broker *b)
{
	char	why[512];

	if (access_open(b->state_dir, &b->config, b->base, b->now.real_ms, &b->access, why,
	    sizeof(why)) != 0)
		refuse(why);
}

static void
on_libevent_says(int severity, const char *text)
{
	log_at(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "libevent: %s", text);
}

/* 0, or what to say on the way out. */
static int
open_parts(struct broker *b, const struct start *s, char *why, size_t size)
{
	struct event_config	*ec = event_config_new();
	int			 fds[LISTENERS_MAX], rc;

	event_set_log_callback(on_libevent_says);
	event_config_set_flag(ec, EVENT_BASE_FLAG_NOLOCK);
	b->base = event_base_new_with_config(ec);
	event_config_free(ec);
	if (b->base == NULL) {
		snprintf(why, size, "libevent has no event base");
		return -1;
	}
	open_access(b);
	if (open_store(b, why, size) != 0)
		return -1;
	if (store_durable(b->store) && running_open(b->state_dir, &b->running, why, size) != 0)
		log_warn("nobody will know after a crash what ran reason=\"%s\"", why);
	b->core = limits_make_core(b);
	ledger_open(b);
	b->fetch = fetch_new();
	keep_open(b);
	if (logs_open(b, why, size) != 0)
		return -1;
	if (outcomes_open(b, why, size) != 0)
		return -1;
	if (cron_open(b, why, size) != 0)
		return -1;
	for (int i = 0; i < s->listeners; i++) {
		fds[i] = CONTROL_BROKER_FD + 1 + i;
		fd_set_cloexec(fds[i], 1);
	}
	if ((rc = net_new(b, fds, (size_t)s->listeners, &b->net)) != 0) {
		snprintf(why, size, "listening sockets: %s", strerror(-rc));
		return -1;
	}
	if (http_open(b, why, size) != 0)
		return -1;
	b->lanes = lanes_new(b, b->control_fd);
	b->alive = alive_new(b, s->sign_ms);
	return 0;
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* A turn that took long has kept everybody waiting: the log says what took it. */
static void
end_turn(struct broker *b, int64_t now_ns)
{
	struct lag_turn	t;

	if (!lag_end(&b->lag, now_ns, b->config.loop_slow_ms * NS_PER_MS, &t))
		return;
	log_warn("a turn of the loop took long ms=%lld phase=%s phase_ms=%lld others=%llu",
	    (long long)(t.turn_ns / NS_PER_MS), lag_phase_names[t.phase],
	    (long long)(t.phase_ns / NS_PER_MS), (unsigned long long)t.unsaid);
}

/*
 * Lets libevent wait until something comes or until_ns.  Whoever publishes a completion after we have armed
 * writes the eventfd; whoever did before is seen by lanes_arm, and we do not sleep.
 */
static void
wait_for_events(struct broker *b, struct event *timer, int64_t until_ns, bool busy)
{
	int64_t		now_ns = clock_mono_ns(), left_ns = until_ns - now_ns;
	struct timeval	tv;

	end_turn(b, now_ns);

	if (busy || left_ns <= 0 || !lanes_arm(b->lanes)) {
		/* without ONCE libevent turns until no descriptor is ready, and a busy one always is */
		event_base_loop(b->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		lanes_disarm(b->lanes);
		return;
	}
	tv.tv_sec = left_ns / NS_PER_S;
	tv.tv_usec = (left_ns % NS_PER_S) / 1000 + 1;
	event_add(timer, &tv);
	event_base_loop(b->base, EVLOOP_ONCE);
	lanes_disarm(b->lanes);
}

/*
 * A drain finishes what runs and what could run, and everybody was told; what is scheduled for later,
 * or waits for what is, does not hold it up.
 */
static bool
nothing_left(const struct broker *b)
{
	return !b->unsettled && core_groups_reducing(b->core) == 0 && core_drained(b->core);
}

static void
phase_over(struct broker *b, enum lag_phase phase)
{
	lag_mark(&b->lag, phase, clock_coarse_ns());
}

/* The time at which something is due; *busy: more is waiting already. */
static int64_t
turn(struct broker *b, bool *busy)
{
	int64_t	next_ns;

	broker_clocks(b);
	phase_over(b, LAG_events);
	*busy = lanes_harvest(b->lanes, HARVEST_BUDGET);
	phase_over(b, LAG_harvest);
	core_tick(b->core, b->now);
	lanes_tick(b->lanes);
	cron_tick(b);
	phase_over(b, LAG_time);
	broker_settle(b);
	*busy |= b->unsettled;
	phase_over(b, LAG_settle);
	lanes_publish(b->lanes);
	logs_run(b);
	fetch_publish(b);
	ledger_publish(b);
	phase_over(b, LAG_publish);
	if (b->draining && nothing_left(b))
		net_drained(b->net);
	next_ns = earliest(net_flush(b->net), http_run(b));
	phase_over(b, LAG_flush);
	next_ns = earliest(next_ns, core_next_ns(b->core));
	next_ns = earliest(next_ns, lanes_next_ns(b->lanes));
	next_ns = earliest(next_ns, keep_run(b));
	next_ns = earliest(next_ns, logs_next_ns(b));
	return b->stopping ? earliest(next_ns, b->stop_ns) : next_ns;
}

static bool
at_end(const struct broker *b)
{
	return b->stopping && (nothing_left(b) || b->now.mono_ns >= b->stop_ns);
}

/* What clients are still owed is sent, for a moment. */
static void
finish(struct broker *b, struct event *timer)
{
	int64_t	end_ns = b->now.mono_ns + FINISH_MS * NS_PER_MS;

	while (!net_finish(b->net) && b->now.mono_ns < end_ns) {
		wait_for_events(b, timer, end_ns, false);
		broker_clocks(b);
	}
}

static void
say_what_is_left(const struct broker *b)
{
	struct core_stats	s;

	core_stats(b->core, &s);
	log_info("ends waiting=%llu running=%llu", (unsigned long long)(s.states[JOB_scheduled] + s.states[JOB_ready]),
	    (unsigned long long)s.states[JOB_running]);
}

static void
run(struct broker *b)
{
	struct event	*timer = event_new(b->base, -1, 0, on_timer, NULL);
	bool		 busy;
	int64_t		 next_ns;

	b->lag = (struct lag){ 0 };	/* the start was no turn */
	for (;;) {
		next_ns = turn(b, &busy);
		if (at_end(b))
			break;
		wait_for_events(b, timer, next_ns, busy);
	}
	lanes_stop(b->lanes);
	finish(b, timer);
	say_what_is_left(b);
	event_free(timer);
}

static void
close_parts(struct broker *b)
{
	alive_free(b->alive);
	http_close(b);
	lanes_free(b->lanes);
	net_free(b->net);
	keep_end(b);
	cron_close(b);
	recover_free(b);
	ledger_close(b);
	fetch_free(b->fetch);
	gather_close(b);
	keep_close(b);
	logs_close(b);
	programs_free(b->programs);
	core_free(b->core);
	access_close(b->access);
	event_base_free(b->base);
	config_fini(&b->config);
	settings_fini(&b->settings);
}

int
main(int argc, char **argv)
{
	struct broker	 b = { 0 };
	struct start	 s = { 0 };
	char		 why[512] = "";

	title_init(&argc, argv);
	config_init(&b.config);
	log_init("jobd-broker", LOG_LEVEL_INFO);
	read_arguments(&b, &s, argc, argv);
	journal_use(JOURNAL_SOCKET);
	settle_process();
	make_random(&b);		/* maps need it */
	if (reload_first(&b, why, sizeof(why)) != 0)
		broker_fail(&b, why);
	if (cron_check(&b.config, why, sizeof(why)) != 0)
		refuse(why);
	b.listeners = s.listeners;
	limits_fit_connections(&b);
	title_set("jobd: broker");
	broker_clocks(&b);
	b.started_ms = b.now.real_ms;
	if (open_parts(&b, &s, why, sizeof(why)) != 0)
		broker_fail(&b, why);
	run(&b);
	close_parts(&b);
	return 0;
}
