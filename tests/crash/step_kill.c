/*
 * step_kill.c - a worker is single-stepped through its loop: it takes a job, runs it, publishes,
 * sleeps, is woken by a second job, runs that.
 *
 * kill: after k = 0 .. 400 instructions, and at 100 places in what is left of the loop, it is
 * killed; each job has exactly one outcome then, from it or from its successor.
 * wake: it has nothing to do and goes to sleep; after each of its last 200 instructions before
 * that, and each 16th of those before, a job is published; it must run it.
 *
 * Tracer and worker share one CPU: a step is two context switches then, and not two wake-ups.
 *
 *   step_kill [LAST]	k goes to LAST instead of 400
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/channel.h"
#include "tests/crash/channel_rig.h"

#define STEPS_MAX	20000
#define BEYOND		100	/* places in the rest of the loop */
#define CLOSE		200	/* instructions before the sleep that are tried one by one */
#define STRIDE		16	/* for those before */
#define JOBS		2
#define WAIT_MS		10000

struct life {
	const struct channel_config	*cfg;
	struct channel			*ch;
	pid_t				 pid;
	uint32_t			 gen;
};

struct ledger {
	unsigned	outcomes[JOBS];
	bool		wrong;
};

static const struct channel_config	configs[] = {
	{ .fifo = true, .kick = CHANNEL_KICK_FUTEX, .depth = 8, .runs = 1,
	    .in_bytes = 1 << 14, .out_bytes = 1 << 14 },
	{ .fifo = false, .kick = CHANNEL_KICK_SOCKET, .depth = 8, .runs = 1,
	    .in_bytes = 1 << 14, .out_bytes = 1 << 14 },
};

static void
die(const char *what)
{
	fprintf(stderr, "step_kill: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the worker ---- */

static void
worker_main(const struct channel_config *cfg, struct channel_fds *fds, bool traced)
{
	struct pollfd		 p = { .events = POLLIN };
	struct channel_worker	*w;
	struct channel_entry	 e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (channel_attach(fds, &w) != 0)
		_exit(1);
	p.fd = channel_kick_fd(w);
	if (traced) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
	}
	while (!channel_stopped(w)) {
		while (channel_take(w, &e)) {
			channel_running(w, 0, e.token);
			rig_answer(e.out, e.in, e.in_len);
			channel_complete(w, &e, CHANNEL_OK, e.in_len, 0);
			channel_signal(w);
		}
		if (cfg->kick == CHANNEL_KICK_FUTEX) {
			channel_wait(w);
			continue;
		}
		if (channel_sleep(w))
			poll(&p, 1, -1);
		channel_awake(w);
	}
	_exit(0);
}

static struct life
life_new(const struct channel_config *cfg, uint32_t gen, bool traced)
{
	struct life		l = { .cfg = cfg, .gen = gen };
	struct channel_fds	fds;
	int			status;

	if (channel_new(cfg, gen, &l.ch, &fds) != 0)
		die("channel_new");
	if ((l.pid = fork()) == 0)
		worker_main(cfg, &fds, traced);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	if (fds.kick >= 0)
		close(fds.kick);
	if (traced && (waitpid(l.pid, &status, 0) != l.pid || !WIFSTOPPED(status)))
		die("the worker did not stop");
	return l;
}

static void
life_end(struct life *l)
{
	int	status;

	kill(l->pid, SIGKILL);		/* our child, not reaped yet: the pid is its own */
	do
		if (waitpid(l->pid, &status, 0) != l->pid)
			die("waitpid");
	while (!WIFEXITED(status) && !WIFSIGNALED(status));
}

static bool
is_asleep(pid_t pid)
{
	char	 path[64], text[256] = "", *state;
	FILE	*f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	(void)!fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	state = strrchr(text, ')');
	return state != NULL && state[1] == ' ' && state[2] == 'S';
}

/* One instruction.  False: it sleeps in a system call, and will stop when that returns. */
static bool
step(struct life *l)
{
	int	status;

	if (ptrace(PTRACE_SINGLESTEP, l->pid, NULL, NULL) < 0)
		die("PTRACE_SINGLESTEP");
	for (unsigned i = 1;; i++) {
		pid_t	got = waitpid(l->pid, &status, WNOHANG);

		if (got < 0 || (got > 0 && !WIFSTOPPED(status)))
			die("the worker ended");
		if (got > 0)
			return true;
		if (i % 16 == 0 && is_asleep(l->pid))
			return false;
		sched_yield();		/* it has the same CPU */
	}
}

static void
wait_for_stop(struct life *l, const char *why)
{
	int	status;

	alarm(WAIT_MS / 1000);		/* a lost wake-up ends the program */
	if (waitpid(l->pid, &status, 0) != l->pid || !WIFSTOPPED(status))
		die(why);
	alarm(0);
}

/* ---- jobs ---- */

static void
publish(struct life *l, uintptr_t job)
{
	char			text[8] = { 'j', 'o', 'b', (char)('0' + job) };
	struct iovec		in = { .iov_base = text, .iov_len = sizeof(text) };
	struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = (void *)(job + 1), .in = &in,
		.in_count = 1, .out_cap = sizeof(text) };
	uint64_t		token;

	if (channel_submit(l->ch, &s, &token) != 0)
		die("channel_submit");
	channel_publish(l->ch);
}

static void
harvest(struct life *l, struct ledger *led)
{
	struct channel_completion	 c;
	const char			*why;
	char				 want[8];
	int				 rc;

	while ((rc = channel_harvest(l->ch, &c, &why)) == 1) {
		uintptr_t	job = (uintptr_t)c.tag - 1;
		char		in[8] = { 'j', 'o', 'b', (char)('0' + job) };

		rig_answer(want, in, sizeof(in));
		led->outcomes[job]++;
		if (c.out_len != sizeof(want) || memcmp(c.output, want, sizeof(want)) != 0)
			led->wrong = true;
		channel_release(l->ch, c.token);
	}
	led->wrong |= rc < 0;
}

static void
wait_for_all(struct life *l, struct ledger *led)
{
	struct pollfd	p = { .fd = channel_event_fd(l->ch), .events = POLLIN };
	uint64_t	count;

	while (harvest(l, led), channel_inflight(l->ch) > 0) {
		channel_arm(l->ch);
		channel_fence();
		if (!channel_pending(l->ch)) {
			if (poll(&p, 1, WAIT_MS) == 0) {
				fprintf(stderr, "step_kill: a wake-up was lost\n");
				exit(3);
			}
			(void)!read(p.fd, &count, sizeof(count));
		}
		channel_disarm(l->ch);
	}
}

/* The next incarnation runs what the dead one left. */
static void
succeed(struct life *dead, struct ledger *led)
{
	struct life	next = life_new(dead->cfg, dead->gen + 1, false);
	uint64_t	at = 0, token;
	void		*tag;

	while ((tag = channel_inflight_next(dead->ch, &at, &token)) != NULL)
		publish(&next, (uintptr_t)tag - 1);
	wait_for_all(&next, led);
	life_end(&next);
	channel_free(next.ch);
}

/* ---- campaigns ---- */

/*
 * Kills after so many steps; the second job is published when the worker sleeps.  *steps: how many
 * were made (less when the loop came round before that).  Returns how many jobs the dead worker had
 * finished, -1 when a job had not one outcome.
 */
static int
kill_after(const struct channel_config *cfg, unsigned wanted, unsigned *steps)
{
	struct life	l = life_new(cfg, 1, true);
	struct ledger	led = { 0 };
	unsigned	published = 1, finished;
	bool		good;

	publish(&l, 0);
	for (*steps = 0; *steps < wanted; (*steps)++) {
		if (step(&l))
			continue;
		if (published == JOBS)
			break;
		publish(&l, published++);
		wait_for_stop(&l, "the sleeping worker was not woken");
	}
	life_end(&l);
	harvest(&l, &led);
	finished = led.outcomes[0] + led.outcomes[1];
	succeed(&l, &led);
	channel_free(l.ch);
	good = !led.wrong && led.outcomes[0] == 1 && led.outcomes[1] == (published == JOBS);
	return good ? (int)finished : -1;
}

static bool
kill_at(const struct channel_config *cfg, unsigned k, unsigned by_dead[JOBS + 1])
{
	unsigned	steps;
	int		finished = kill_after(cfg, k, &steps);

	if (finished < 0) {
		printf("FAIL killed after %u instructions: a job has not one outcome\n", k);
		return false;
	}
	by_dead[finished]++;
	return true;
}

static bool
kill_everywhere(const char *name, const struct channel_config *cfg, unsigned last)
{
	unsigned	by_dead[JOBS + 1] = { 0 }, total;

	if (kill_after(cfg, STEPS_MAX, &total) != JOBS || total == STEPS_MAX) {
		printf("FAIL %s: the worker did not come round in %u instructions\n", name, total);
		return false;
	}
	if (last > total)
		last = total;
	for (unsigned k = 0; k <= last; k++)
		if (!kill_at(cfg, k, by_dead))
			return false;
	for (unsigned i = 0; i < BEYOND && total > last; i++)
		if (!kill_at(cfg, last + (total - last) * i / BEYOND, by_dead))
			return false;
	printf("ok   %s: killed after 0..%u of %u instructions and at %d places beyond; the dead "
	    "worker had finished none of its jobs %u times, one %u, two %u; each has one outcome\n",
	    name, last, total, total > last ? BEYOND : 0, by_dead[0], by_dead[1], by_dead[2]);
	return by_dead[0] > 0 && by_dead[1] > 0 && (total > last || by_dead[2] > 0);
}

/*
 * Publishes a job after k steps, or as soon as it sleeps, and lets it run on.  Returns the steps
 * made, -1 when the job has not one outcome.
 */
static int
wake_after(const struct channel_config *cfg, unsigned k)
{
	struct life	l = life_new(cfg, 1, true);
	struct ledger	led = { 0 };
	bool		asleep = false;
	unsigned	made = 0;

	while (made < k && !asleep)
		if (!(asleep = !step(&l)))
			made++;
	publish(&l, 0);
	if (asleep)
		wait_for_stop(&l, "the sleeping worker was not woken");
	ptrace(PTRACE_DETACH, l.pid, NULL, NULL);
	wait_for_all(&l, &led);
	life_end(&l);
	channel_free(l.ch);
	return led.outcomes[0] == 1 && !led.wrong ? (int)made : -1;
}

static bool
wake_everywhere(const char *name, const struct channel_config *cfg)
{
	int		total = wake_after(cfg, STEPS_MAX);
	unsigned	tried = 0;

	for (int k = 0; k <= total; k += total - k > CLOSE ? STRIDE : 1, tried++) {
		if (wake_after(cfg, (unsigned)k) < 0) {
			printf("FAIL %s: published after %d instructions\n", name, k);
			return false;
		}
	}
	printf("ok   %s: asleep after %d instructions; woken by a job published at each of %u "
	    "places on the way\n", name, total, tried);
	return total > 0 && total < STEPS_MAX;
}

static void
stay_on_one_cpu(void)
{
	int		cpu = sched_getcpu();
	cpu_set_t	set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int
main(int argc, char **argv)
{
	static const char *const	names[] = { "futex", "socket" };
	unsigned			last = argc > 1 ? (unsigned)atoi(argv[1]) : 400;
	bool				good = true;

	stay_on_one_cpu();
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
		good = kill_everywhere(names[i], &configs[i], last) &&
		    wake_everywhere(names[i], &configs[i]) && good;
	return !good;
}
