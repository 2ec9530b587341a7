/*
 * supervise.c - the loop: keep one broker running, end what it leaves, and end in order.
 * Runs in: supervisor.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/options.h"
#include "daemon/supervisor/strays.h"
#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/title.h"

#define STOP_GRACE_MS	5000	/* for each step of the end, beyond what it was given */

void
supervisor_record(struct supervisor *s)
{
	const struct child	**list;
	size_t			  n = 0;

	list_for (node, &s->workers)
		n++;
	list = mem_zalloc(n + 1, sizeof(struct child *));
	n = 0;
	if (s->broker.pid != 0)
		list[n++] = &s->broker;
	list_for (node, &s->workers) {
		list[n] = &list_entry(node, struct worker, link)->child;
		n += list[n]->pid != 0;
	}
	children_record(&s->plan->children, list, n);
	free(list);
}

/* ---- the broker's start ---- */

static void
make_argv(const struct plan *p, int64_t sign_ms, struct args *argv)
{
	args_add(argv, "jobd-broker");
	args_addf(argv, "--control=%d", CONTROL_BROKER_FD);
	args_addf(argv, "--listeners=%zu", p->nlisteners);
	args_addf(argv, "--state-dir=%s", p->state_dir);
	if (sign_ms > 0)
		args_addf(argv, "--sign-ms=%lld", (long long)sign_ms);
	for (size_t i = 0; i < p->nlisteners; i++) {
		if (p->listeners[i].addr.kind == ADDR_TLS)
			args_addf(argv, "--tls=%zu", i);
	}
	args_addf(argv, "%*s", TITLE_PAD_BYTES, "");
}

static int
launch_broker(const struct plan *p, int64_t sign_ms, int control, struct child *out)
{
	struct args	 argv = { 0 };
	int		*fds = mem_zalloc(p->nlisteners + 1, sizeof(*fds)), rc;
	struct launch	 l = { .program = p->broker_program, .nfds = p->nlisteners + 1,
				     .cgroup = -1 };

	_Static_assert(CONTROL_BROKER_FD == LAUNCH_FD, "the control socket comes first");
	fds[0] = control;
	for (size_t i = 0; i < p->nlisteners; i++)
		fds[i + 1] = p->listeners[i].fd;
	make_argv(p, sign_ms, &argv);
	l.argv = argv.v;
	l.fds = fds;
	if (p->daemon_account.uid != geteuid())
		l.as = &p->daemon_account;
	rc = launch(&l, out);
	args_free(&argv);
	free(fds);
	return rc;
}

static void
finish(struct supervisor *s, int exit_code)
{
	s->ending = true;
	s->exit_code = exit_code;
	s->kill_ns = clock_mono_ns() + STOP_GRACE_MS * NS_PER_MS;
}

static void
plan_next_start(struct supervisor *s)
{
	int64_t	now_ns = clock_mono_ns(), delay_ns = respawn_delay_ns(&s->respawn, now_ns);

	if (delay_ns < 0) {
		log_error("gives up: %d brokers died before one could serve", RESPAWN_STARTS_MAX);
		finish(s, EXIT_INTERNAL);
		return;
	}
	s->start_ns = now_ns + delay_ns;
}

static void
start_broker(struct supervisor *s)
{
	int	pair[2], rc;

	s->asks = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		rc = -errno;
	} else {
		s->control = pair[0];
		rc = launch_broker(s->plan, service_sign_ms(&s->service), pair[1], &s->broker);
		close(pair[1]);
	}
	if (rc != 0) {
		log_error("broker not started errno=%d", -rc);
		post_close(s);
		plan_next_start(s);
		return;
	}
	log_info("broker started pid=%d", (int)s->broker.pid);
	service_broker_starts(&s->service, clock_mono_ns());
	post_settings(s);
	post_tls(s);
	post_catalog(s);
	supervisor_record(s);
}

/* ---- the broker's end ---- */

static void
log_death(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		log_warn("broker died pid=%d signal=%s", (int)pid, sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0)
		log_warn("broker died pid=%d exit=%d", (int)pid, WEXITSTATUS(status));
	else
		log_info("broker ended pid=%d", (int)pid);
}

/*
 * Its workers go with it, and only when they are gone is there another: what they hold must have
 * come to its end before the jobs are given to others.
 */
static void
broker_exited(struct supervisor *s, int status)
{
	pid_t	pid = s->broker.pid;
	int	code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	fd_close(&s->broker.pidfd);
	s->broker.pid = 0;
	while (post_read(s))		/* its last words */
		;
	post_close(s);
	log_death(pid, status);
	service_broker_starts(&s->service, clock_mono_ns());
	reload_abandon(s);
	supervisor_record(s);
	workers_kill_all(s);
	if (s->failed && !s->respawn.ever_ready)
		finish(s, EXIT_INTERNAL);
	else if (code == 0 || code == EXIT_CONFIG)
		finish(s, code);
	else if (s->stop != STOP_NOT)
		finish(s, EXIT_INTERNAL);
	else
		plan_next_start(s);
}

static void
reap(struct supervisor *s)
{
	int	status;
	pid_t	pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->broker.pid)
			broker_exited(s, status);
		else
			workers_exited(s, pid, status);
	}
	workers_settle(s);
}

/* ---- jobd's end ---- */

static void
kill_all(struct supervisor *s)
{
	s->stop = STOP_KILL;
	s->kill_ns = clock_mono_ns() + STOP_GRACE_MS * NS_PER_MS;
	if (s->broker.pid != 0)
		pidfd_send_signal(s->broker.pidfd, SIGKILL, NULL, 0);
	workers_kill_all(s);
}

/* One step further to the end: SIGTERM came, or the time for the last step is over. */
static void
next_stop(struct supervisor *s)
{
	int64_t		 now_ns = clock_mono_ns(), given_ms = 0;
	const char	*text = "ends";

	if (s->broker.pid == 0) {
		finish(s, s->ending ? s->exit_code : 0);
		return;
	}
	switch (++s->stop) {
	case STOP_DRAIN:
		given_ms = s->plan->config.drain_ms;
		log_info("drains deadline_ms=%lld", (long long)given_ms);
		post_signal(s, CONTROL_DRAIN, given_ms);
		text = "drains: what runs may end";
		break;
	case STOP_NOW:
		log_info("stops at once");
		post_signal(s, CONTROL_STOP, 0);
		break;
	default:
		log_warn("kills what has not ended");
		kill_all(s);
		return;
	}
	s->kill_ns = clock_after_ms(now_ns, given_ms + STOP_GRACE_MS);
	service_stops(&s->service, text, now_ns, s->kill_ns);
}

/* kill_ns has come.  false: even SIGKILL did not end them, there is nothing more to wait for. */
static bool
time_is_over(struct supervisor *s)
{
	if (s->stop == STOP_KILL) {
		log_error("ends though a child does not");
		s->exit_code = EXIT_INTERNAL;
		return false;
	}
	log_warn("the end takes too long: kills what has not ended");
	kill_all(s);
	return true;
}

/* ---- the loop ---- */

static void
take_signals(struct supervisor *s)
{
	struct signalfd_siginfo	info;

	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
			reap(s);	/* a broker that is dead already is not asked to end */
			next_stop(s);
		} else if (info.ssi_signo == SIGHUP) {
			reload_begin(s);
		}
	}
	reap(s);	/* SIGCHLDs merge: ask for all, whatever signal it was */
}

/* Of two times of which 0 is never. */
static int64_t
earlier(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t
next_ns(const struct supervisor *s)
{
	bool	starts = !s->ending && s->broker.pid == 0 && list_empty(&s->workers);
	int64_t	next_ns = earlier(s->kill_ns, service_next_ns(&s->service));

	next_ns = earlier(next_ns, s->settle_ns);
	return starts ? earlier(next_ns, s->start_ns) : next_ns;
}

static int
poll_timeout(int64_t at_ns)
{
	int64_t	left_ns = at_ns - clock_mono_ns();

	if (at_ns == 0)
		return -1;
	if (left_ns <= 0)
		return 0;
	left_ns = left_ns / NS_PER_MS + 1;
	return left_ns > 1000000 ? 1000000 : (int)left_ns;
}

static void
turn(struct supervisor *s)
{
	struct pollfd	p[2] = { { .fd = s->signals, .events = POLLIN },
	    { .fd = s->control, .events = POLLIN } };

	if (!list_empty(&s->outbox))
		p[1].events |= POLLOUT;
	if (poll(p, 2, poll_timeout(next_ns(s))) <= 0)
		return;
	if (p[0].revents != 0)
		take_signals(s);
	if (p[1].revents == 0 || p[1].fd != s->control)
		return;			/* the signals closed or replaced it */
	post_flush(s);
	post_read(s);
}

static void
loop(struct supervisor *s)
{
	for (;;) {
		if (s->broker.pid == 0 && list_empty(&s->workers)) {
			if (s->ending)
				return;
			if (clock_mono_ns() >= s->start_ns)
				start_broker(s);
		}
		if (s->settle_ns != 0 && clock_mono_ns() >= s->settle_ns)
			workers_settle(s);
		if (s->kill_ns != 0 && clock_mono_ns() >= s->kill_ns && !time_is_over(s))
			return;
		service_tick(&s->service, clock_mono_ns());
		turn(s);
	}
}

static int
open_signals(void)
{
	sigset_t	set;
	int		fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);	/* ignored by our starter, it would tell of no death */
	if ((fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		log_fatal("no signalfd errno=%d", errno);
	return fd;
}

int
supervise(struct plan *p)
{
	struct supervisor	s = { .plan = p, .control = -1 };

	list_init(&s.outbox);
	list_init(&s.workers);
	s.signals = open_signals();
	service_open(&s.service, clock_mono_ns());
	strays_adopt();
	reload_read_catalog(&s, s.plan, &s.catalog);
	loop(&s);
	post_close(&s);
	fd_close(&s.signals);
	service_close(&s.service);
	catalog_free(&s.catalog);
	return s.exit_code;
}
