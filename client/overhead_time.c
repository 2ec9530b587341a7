/* overhead_time.c - how long making and switching takes.  Runs in: jobctl. */
#include "client/overhead.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "client/histogram.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/channel.h"

#define ROUNDS		5
#define SWITCHES	5000		/* round trips of a round */
#define STACK_BYTES	((size_t)64 << 10)
#define PAYLOAD_BYTES	64
#define PATIENCE_MS	10000

/* ---- making ---- */

/* The median time of count calls of once. */
static double
median_of(int count, int (*once)(void))
{
	struct histogram	h = { 0 };
	double			median;
	int			rc = 0;

	for (int i = 0; i < count && rc == 0; i++) {
		int64_t	begin = clock_mono_ns();

		rc = once();
		histogram_record(&h, clock_mono_ns() - begin);
	}
	median = rc != 0 ? rc : (double)histogram_quantile(&h, 0.5);
	histogram_free(&h);
	return median;
}

static void *
return_at_once(void *arg)
{
	return arg;
}

static int
one_thread(void)
{
	pthread_t	t;
	int		rc = pthread_create(&t, NULL, return_at_once, NULL);

	if (rc != 0)
		return -rc;
	pthread_join(t, NULL);
	return 0;
}

static int
one_fork(void)
{
	pid_t	pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

static int
one_spawn(void)
{
	char	name[] = "/bin/true", *argv[] = { name, NULL };
	pid_t	pid;
	int	rc = posix_spawn(&pid, name, NULL, NULL, argv, environ);

	if (rc != 0)
		return -rc;
	return waitpid(pid, NULL, 0) == pid ? 0 : -errno;
}

double
overhead_thread_create(void)
{
	return median_of(2000, one_thread);
}

double
overhead_process_fork(void)
{
	return median_of(400, one_fork);
}

double
overhead_process_spawn(void)
{
	return median_of(200, one_spawn);
}

/* ---- switching: threads and processes ---- */

static int
compare(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *rounds)
{
	qsort(rounds, ROUNDS, sizeof(*rounds), compare);
	return rounds[ROUNDS / 2];
}

struct ends {
	int	there[2], back[2];	/* two pipes */
};

static int
open_ends(struct ends *e)
{
	if (pipe(e->there) < 0)
		return -errno;
	if (pipe(e->back) < 0) {
		close(e->there[0]);
		close(e->there[1]);
		return -errno;
	}
	return 0;
}

static void
close_ends(struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		fd_close(&e->there[i]);
		fd_close(&e->back[i]);
	}
}

/* Gives every byte back, until there are no more. */
static void *
give_back(void *arg)
{
	struct ends	*e = arg;
	char		 c;

	while (read(e->there[0], &c, 1) == 1 && c != 'q')
		if (write(e->back[1], &c, 1) != 1)
			break;
	return NULL;
}

/* Round trips from this end; nanoseconds of half of one. */
static double
play(struct ends *e)
{
	double	rounds[ROUNDS];
	char	c = 'x';

	for (int r = 0; r < ROUNDS; r++) {
		int64_t	begin = clock_mono_ns();

		for (int i = 0; i < SWITCHES; i++)
			if (write(e->there[1], &c, 1) != 1 || read(e->back[0], &c, 1) != 1)
				return -EIO;
		rounds[r] = (double)(clock_mono_ns() - begin) / SWITCHES / 2;
	}
	c = 'q';
	return write(e->there[1], &c, 1) == 1 ? median(rounds) : -EIO;
}

/* Keeps the calling thread, and what it starts, on the CPU where it is. */
static void
pin(cpu_set_t *before)
{
	cpu_set_t	one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_getaffinity(0, sizeof(*before), before);
	sched_setaffinity(0, sizeof(one), &one);
}

static double
thread_plays(struct ends *e)
{
	pthread_t	t;
	double		ns;
	int		rc = pthread_create(&t, NULL, give_back, e);

	if (rc != 0)
		return -rc;
	ns = play(e);
	pthread_join(t, NULL);
	return ns;
}

static double
process_plays(struct ends *e)
{
	double	ns;
	pid_t	pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		give_back(e);
		_exit(0);
	}
	ns = play(e);
	waitpid(pid, NULL, 0);
	return ns;
}

static double
on_one_cpu(double (*measure)(struct ends *e))
{
	struct ends	e;
	cpu_set_t	before;
	double		ns;
	int		rc = open_ends(&e);

	if (rc != 0)
		return rc;
	pin(&before);
	ns = measure(&e);
	sched_setaffinity(0, sizeof(before), &before);
	close_ends(&e);
	return ns;
}

double
overhead_thread_switch(void)
{
	return on_one_cpu(thread_plays);
}

double
overhead_process_switch(void)
{
	return on_one_cpu(process_plays);
}

/* ---- coroutines ---- */

static ucontext_t	main_context, other_context;

static void
switch_for_ever(void)
{
	for (;;)
		swapcontext(&other_context, &main_context);
}

static void
make_coroutine(void *stack)
{
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = STACK_BYTES;
	other_context.uc_link = &main_context;
	makecontext(&other_context, switch_for_ever, 0);
}

static int
one_coroutine(void)
{
	void	*stack = malloc(STACK_BYTES);

	if (stack == NULL)
		return -ENOMEM;
	make_coroutine(stack);
	free(stack);
	return 0;
}

double
overhead_coroutine_create(void)
{
	return median_of(5000, one_coroutine);
}

double
overhead_coroutine_switch(void)
{
	double	 rounds[ROUNDS];
	void	*stack = malloc(STACK_BYTES);

	if (stack == NULL)
		return -ENOMEM;
	make_coroutine(stack);
	for (int r = 0; r < ROUNDS; r++) {
		int64_t	begin = clock_mono_ns();

		for (int i = 0; i < SWITCHES; i++)
			swapcontext(&main_context, &other_context);
		rounds[r] = (double)(clock_mono_ns() - begin) / SWITCHES / 2;
	}
	free(stack);
	return median(rounds);
}

/* ---- the channel ---- */

static void
serve_channel(const struct channel_fds *fds)
{
	struct channel_worker	*w;
	struct channel_entry	 e;

	if (channel_attach(fds, &w) != 0)
		_exit(1);
	while (!channel_stopped(w)) {
		while (channel_take(w, &e)) {
			memcpy(e.out, e.in, e.in_len);
			channel_complete(w, &e, CHANNEL_OK, e.in_len, 0);
			channel_signal(w);
		}
		channel_wait(w);
	}
	_exit(0);
}

/* As the broker waits: it announces its sleep, and looks once more before it does. */
static int
next_completion(struct channel *ch, int epoll, struct channel_completion *c)
{
	struct epoll_event	 ev;
	const char		*why;
	int			 rc;

	while ((rc = channel_harvest(ch, c, &why)) == 0) {
		channel_arm(ch);
		channel_fence();
		if (!channel_pending(ch) && epoll_wait(epoll, &ev, 1, PATIENCE_MS) == 0)
			return -ETIMEDOUT;
		channel_disarm(ch);
	}
	return rc < 0 ? rc : 0;
}

static int
round_trip(struct channel *ch, int epoll)
{
	char				 text[PAYLOAD_BYTES] = "";
	struct iovec			 in = { text, sizeof(text) };
	const struct channel_submit	 s = { .op = CHANNEL_OP_RUN, .tag = ch, .in = &in,
		.in_count = 1, .out_cap = sizeof(text) };
	struct channel_completion	 c;
	uint64_t			 token;
	int				 rc = channel_submit(ch, &s, &token);

	if (rc != 0)
		return rc;
	channel_publish(ch);
	if ((rc = next_completion(ch, epoll, &c)) == 0)
		channel_release(ch, c.token);
	return rc;
}

static double
trips(struct channel *ch)
{
	struct epoll_event	ev = { .events = EPOLLIN | EPOLLET };
	double			rounds[ROUNDS];
	int			epoll = epoll_create1(EPOLL_CLOEXEC), rc = 0;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, channel_event_fd(ch), &ev) < 0)
		rc = -errno;

	for (int r = 0; r < ROUNDS; r++) {
		int64_t	begin = clock_mono_ns();

		for (int i = 0; i < SWITCHES && rc == 0; i++)
			rc = round_trip(ch, epoll);
		rounds[r] = (double)(clock_mono_ns() - begin) / SWITCHES;
	}
	fd_close(&epoll);
	return rc != 0 ? rc : median(rounds);
}

double
overhead_channel_round_trip(void)
{
	const struct channel_config	 cfg = { .fifo = true, .kick = CHANNEL_KICK_FUTEX,
		.depth = 64, .runs = 1, .in_bytes = 1 << 20, .out_bytes = 1 << 20 };
	struct channel_fds		 fds;
	struct channel			*ch;
	double				 ns;
	pid_t				 pid;
	int				 rc = channel_new(&cfg, 1, &ch, &fds);

	if (rc != 0)
		return rc;
	if ((pid = fork()) == 0)
		serve_channel(&fds);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	ns = pid < 0 ? -EAGAIN : trips(ch);
	channel_stop(ch);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	channel_free(ch);
	return ns;
}
