/*
 * channel.c - the channel against a socketpair and a pair of pipes: echo jobs to one worker
 * process.
 *
 * Each transport has the same shape: the parent waits in epoll, as a broker must that serves others
 * too; the worker blocks on its one source of work, and gives each job to the same handler, which
 * copies its argument to its result.  The transports take turns within a round, and what counts is
 * the ratio of their medians over the rounds; absolute figures say more about the machine than
 * about the code.
 *
 *   channel [--rounds N] [--ms N] [--check]
 *
 * --check: exit 1 when a ratio misses its target.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "proto/channel.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define ROUNDS_MAX	101
#define WINDOW_MAX	64
#define SAMPLES_MAX	(1 << 20)
#define BYTES_MAX	(1 << 20)

static void
die(const char *what)
{
	fprintf(stderr, "channel bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
echo(char *result, const char *args, size_t len)
{
	memcpy(result, args, len);
}

/* ---- transports ---- */

struct transport {
	const char	*name;
	pid_t		 pid;
	int		 poll;
	struct channel	*ch;		/* channel */
	int		 to, from;	/* streams */
};

struct transport_ops {
	const char	*name;
	void		(*start)(struct transport *t);
	void		(*send)(struct transport *t, const char *p, uint32_t len);
	void		(*receive)(struct transport *t, char *p, uint32_t len);
	void		(*stop)(struct transport *t);
};

static void
watch(struct transport *t, int fd, uint32_t events)
{
	struct epoll_event	ev = { .events = events };

	if ((t->poll = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
	    epoll_ctl(t->poll, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll");
}

static void
wait_readable(struct transport *t)
{
	struct epoll_event	ev;

	while (epoll_wait(t->poll, &ev, 1, -1) < 0 && errno == EINTR)
		;
}

static void
channel_worker_main(struct channel_fds *fds)
{
	struct channel_worker	*w;
	struct channel_entry	 e;

	if (channel_attach(fds, &w) != 0)
		_exit(1);
	while (!channel_stopped(w)) {
		while (channel_take(w, &e)) {
			echo(e.out, e.in, e.in_len);
			channel_complete(w, &e, CHANNEL_OK, e.in_len, 0);
			channel_signal(w);
		}
		channel_wait(w);
	}
	_exit(0);
}

static void
shm_start(struct transport *t)
{
	const struct channel_config	cfg = { .fifo = true, .kick = CHANNEL_KICK_FUTEX,
		.depth = WINDOW_MAX, .runs = 1, .in_bytes = 8 << 20, .out_bytes = 8 << 20 };
	struct channel_fds		fds;

	if (channel_new(&cfg, 1, &t->ch, &fds) != 0)
		die("channel_new");
	if ((t->pid = fork()) == 0)
		channel_worker_main(&fds);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	watch(t, channel_event_fd(t->ch), EPOLLIN | EPOLLET);
}

static void
shm_send(struct transport *t, const char *p, uint32_t len)
{
	struct iovec		in = { .iov_base = (void *)(uintptr_t)p, .iov_len = len };
	struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = t, .in = &in, .in_count = 1,
		.out_cap = len };
	uint64_t		token;

	if (channel_submit(t->ch, &s, &token) != 0)
		die("channel_submit");
	channel_publish(t->ch);
}

static void
shm_receive(struct transport *t, char *p, uint32_t len)
{
	struct channel_completion	 c;
	const char			*why;
	int				 rc;

	while ((rc = channel_harvest(t->ch, &c, &why)) == 0) {
		channel_arm(t->ch);
		channel_fence();
		if (!channel_pending(t->ch))
			wait_readable(t);
		channel_disarm(t->ch);
	}
	if (rc < 0 || c.out_len != len)
		die("channel_harvest");
	memcpy(p, c.output, len);
	channel_release(t->ch, c.token);
}

static void
shm_stop(struct transport *t)
{
	channel_stop(t->ch);
	waitpid(t->pid, NULL, 0);
	channel_free(t->ch);
	close(t->poll);
}

static void
write_all(int fd, const char *p, size_t n)
{
	if (fd_write_all(fd, p, n) != 0)
		die("write");
}

/* A frame is a length and so many bytes.  One system call where the kernel takes it in one. */
static void
stream_send(struct transport *t, const char *p, uint32_t len)
{
	struct iovec	iov[2] = { { &len, sizeof(len) }, { (void *)(uintptr_t)p, len } };
	ssize_t		put = writev(t->to, iov, 2);

	if (put < (ssize_t)sizeof(len))
		die("writev");
	put -= sizeof(len);
	write_all(t->to, p + put, len - (size_t)put);
}

static void
stream_receive(struct transport *t, char *p, uint32_t len)
{
	uint32_t	told;
	struct iovec	iov[2] = { { &told, sizeof(told) }, { p, len } };
	ssize_t		got;

	wait_readable(t);
	if ((got = readv(t->from, iov, 2)) < (ssize_t)sizeof(told) || told != len)
		die("readv");
	for (size_t have = (size_t)got - sizeof(told); have < len; have += (size_t)got)
		if ((got = read(t->from, p + have, len - have)) <= 0)
			die("read");
}

static void
stream_worker_main(int from, int to)
{
	static char	frame[4 + BYTES_MAX], reply[4 + BYTES_MAX];
	size_t		have = 0;
	uint32_t	len;
	ssize_t		got;

	for (;;) {
		while (have >= 4 && (memcpy(&len, frame, 4), have >= 4 + (size_t)len)) {
			memcpy(reply, &len, 4);
			echo(reply + 4, frame + 4, len);
			write_all(to, reply, 4 + (size_t)len);
			have -= 4 + (size_t)len;
			memmove(frame, frame + 4 + len, have);
		}
		if ((got = read(from, frame + have, sizeof(frame) - have)) <= 0)
			_exit(0);
		have += (size_t)got;
	}
}

static void
stream_start(struct transport *t, int here[2], int there[2])
{
	if ((t->pid = fork()) == 0) {
		close(here[0]);
		if (here[1] != here[0])
			close(here[1]);
		stream_worker_main(there[0], there[1]);
	}
	close(there[0]);
	if (there[1] != there[0])
		close(there[1]);
	t->from = here[0];
	t->to = here[1];
	watch(t, t->from, EPOLLIN);
}

static void
socket_start(struct transport *t)
{
	int	pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	stream_start(t, (int[]){ pair[0], pair[0] }, (int[]){ pair[1], pair[1] });
}

static void
pipe_start(struct transport *t)
{
	int	there[2], back[2];

	if (pipe(there) < 0 || pipe(back) < 0)
		die("pipe");
	stream_start(t, (int[]){ back[0], there[1] }, (int[]){ there[0], back[1] });
}

static void
stream_stop(struct transport *t)
{
	close(t->to);
	if (t->from != t->to)
		close(t->from);
	waitpid(t->pid, NULL, 0);
	close(t->poll);
}

static const struct transport_ops transports[] = {
	{ "channel", shm_start, shm_send, shm_receive, shm_stop },
	{ "socketpair", socket_start, stream_send, stream_receive, stream_stop },
	{ "pipe", pipe_start, stream_send, stream_receive, stream_stop },
};

/* ---- measuring ---- */

struct row {
	const char	*name;
	uint32_t	 bytes, window;
	double		 target;	/* jobs/s of the channel over the socketpair's; 0: none */
};

static const struct row rows[] = {
	{ "64 B", 64, 1, 2 },
	{ "64 B", 64, 8, 0 },
	{ "64 B", 64, 64, 0 },
	{ "64 KiB", 64 << 10, 1, 3 },
	{ "1 MiB", 1 << 20, 1, 4 },
};
#define LATENCY_TARGET	0.6	/* p50 of the first row, channel over socketpair */

struct figure {
	double	jobs_s, p50_us;
};

static int
compare_doubles(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare_doubles);
	return n == 0 ? 0 : v[n / 2];
}

static struct figure
measure(const struct transport_ops *ops, const struct row *row, int64_t ms)
{
	static double	samples[SAMPLES_MAX];
	static char	in[BYTES_MAX], out[BYTES_MAX];
	struct transport t = { .name = ops->name };
	int64_t		start_ns, before_ns, now_ns;
	size_t		done = 0, n = 0;

	memset(in, 'x', sizeof(in));
	ops->start(&t);
	for (uint32_t i = 0; i < 20; i++) {	/* the first touch of a page is not measured */
		ops->send(&t, in, row->bytes);
		ops->receive(&t, out, row->bytes);
	}
	for (uint32_t i = 1; i < row->window; i++)
		ops->send(&t, in, row->bytes);
	start_ns = now_ns = clock_mono_ns();
	while (now_ns - start_ns < ms * NS_PER_MS) {
		before_ns = now_ns;
		ops->send(&t, in, row->bytes);
		ops->receive(&t, out, row->bytes);
		now_ns = clock_mono_ns();
		if (n < SAMPLES_MAX)
			samples[n++] = (double)(now_ns - before_ns) / 1e3;
		done++;
	}
	for (uint32_t i = 1; i < row->window; i++)
		ops->receive(&t, out, row->bytes);
	ops->stop(&t);
	return (struct figure){ (double)done * 1e9 / (double)(now_ns - start_ns),
	    median(samples, n) };
}

/* What a job costs the broker itself, with the worker played by the same thread in between. */
static void
print_own_cost(void)
{
	const struct channel_config	 cfg = { .fifo = true, .kick = CHANNEL_KICK_FUTEX,
		.depth = WINDOW_MAX, .runs = 1, .in_bytes = 1 << 20, .out_bytes = 1 << 20 };
	enum { ROUNDS = 2000 };
	static double			 submit_ns[ROUNDS], harvest_ns[ROUNDS];
	struct transport		 t = { 0 };
	struct channel_worker		*w;
	struct channel_entry		 e;
	struct channel_fds		 fds;
	char				 text[64] = { 0 };
	int64_t				 t0, t1, t2, t3;

	if (channel_new(&cfg, 1, &t.ch, &fds) != 0 || channel_attach(&fds, &w) != 0)
		die("channel_new");
	for (int i = 0; i < ROUNDS; i++) {
		t0 = clock_mono_ns();
		for (int k = 0; k < WINDOW_MAX; k++)
			shm_send(&t, text, sizeof(text));
		t1 = clock_mono_ns();
		while (channel_take(w, &e))
			channel_complete(w, &e, CHANNEL_OK, e.out_cap, 0);
		t2 = clock_mono_ns();
		for (int k = 0; k < WINDOW_MAX; k++)
			shm_receive(&t, text, sizeof(text));
		t3 = clock_mono_ns();
		submit_ns[i] = (double)(t1 - t0) / WINDOW_MAX;
		harvest_ns[i] = (double)(t3 - t2) / WINDOW_MAX;
	}
	printf("broker's own cost of a 64-byte job, no sleep: submit and publish %.0f ns, "
	    "harvest, copy and release %.0f ns\n", median(submit_ns, ROUNDS),
	    median(harvest_ns, ROUNDS));
	channel_detach(w);
	channel_free(t.ch);
}

static bool
print_row(const struct row *row, struct figure figures[][ROUNDS_MAX], size_t rounds)
{
	double	jobs[COUNT(transports)], p50[COUNT(transports)], v[ROUNDS_MAX];
	bool	met = true;

	for (size_t t = 0; t < COUNT(transports); t++) {
		for (size_t r = 0; r < rounds; r++)
			v[r] = figures[t][r].jobs_s;
		jobs[t] = median(v, rounds);
		for (size_t r = 0; r < rounds; r++)
			v[r] = figures[t][r].p50_us;
		p50[t] = median(v, rounds);
	}
	printf("%-7s %6u %12.0f %12.0f %12.0f %8.1fx", row->name, row->window, jobs[0], jobs[1],
	    jobs[2], jobs[0] / jobs[1]);
	if (row->target > 0) {
		met = jobs[0] >= row->target * jobs[1];
		printf(" >= %.0fx %s", row->target, met ? "met" : "MISSED");
	}
	printf("\n");
	if (row != rows)
		return met;
	met = met && p50[0] <= LATENCY_TARGET * p50[1];
	printf("  p50 us       %12.1f %12.1f %12.1f %8.2fx <= %.1fx %s\n", p50[0], p50[1], p50[2],
	    p50[0] / p50[1], LATENCY_TARGET, p50[0] <= LATENCY_TARGET * p50[1] ? "met" : "MISSED");
	return met;
}

int
main(int argc, char **argv)
{
	static struct figure	figures[COUNT(rows)][COUNT(transports)][ROUNDS_MAX];
	size_t			rounds = 5;
	int64_t			ms = 150;
	bool			check = false, met = true;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			check = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = (size_t)atoi(argv[++i]);
		else if (strcmp(argv[i], "--ms") == 0 && i + 1 < argc)
			ms = atoi(argv[++i]);
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || ms < 1) {
		fprintf(stderr, "usage: channel [--rounds 1..%d] [--ms N] [--check]\n", ROUNDS_MAX);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < COUNT(rows); i++)
			for (size_t t = 0; t < COUNT(transports); t++)
				figures[i][t][r] = measure(&transports[t], &rows[i], ms);
	printf("echo jobs/s, one worker, medians of %zu rounds of %lld ms\n", rounds,
	    (long long)ms);
	printf("payload window      channel   socketpair         pipe ratio to socketpair\n");
	for (size_t i = 0; i < COUNT(rows); i++)
		met = print_row(&rows[i], figures[i], rounds) && met;
	print_own_cost();
	return check && !met;
}
