/*
 * spawn.c - /bin/true with captured output, so many times: by a bare loop of posix_spawn with two
 * in flight, and by jobd-exec over a channel, with the same number in flight.  Rates a second, and
 * the ratio.  With MORE, such as `,"read_paths":[]`, also by commands whose spec has that besides.
 *
 *   spawn PATH-OF-JOBD-EXEC [COUNT [ROUNDS [MORE]]]
 *   spawn --bare COUNT		the rate of the bare loop alone
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/title.h"
#include "proto/channel.h"
#include "proto/control.h"
#include "proto/jobspec.h"

#define IN_FLIGHT	2
#define ROUNDS_MAX	25
#define SILENT_MS	10000	/* then the worker is dead, or never was */

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the bare loop ---- */

struct bare {
	pid_t	pid;
	int	out, err;
};

static int
capture(int *theirs)
{
	int	fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		die("pipe2");
	*theirs = fds[1];
	return fds[0];
}

static void
start_bare(struct bare *b)
{
	static char			*argv[] = { (char *)(uintptr_t)"/bin/true", NULL };
	posix_spawn_file_actions_t	 actions;
	int				 out, err;

	b->out = capture(&out);
	b->err = capture(&err);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	if (posix_spawn(&b->pid, "/bin/true", &actions, NULL, argv, environ) != 0)
		die("posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	close(out);
	close(err);
}

static void
end_bare(struct bare *b)
{
	char	text[4096];

	while (read(b->out, text, sizeof(text)) > 0)
		continue;
	while (read(b->err, text, sizeof(text)) > 0)
		continue;
	close(b->out);
	close(b->err);
	if (waitpid(b->pid, NULL, 0) != b->pid)
		die("waitpid");
	b->pid = 0;
}

static double
bare_rate(int count)
{
	struct bare	flight[IN_FLIGHT] = { 0 };
	int64_t		start_ns = clock_mono_ns();

	for (int i = 0; i < count + IN_FLIGHT; i++) {
		struct bare	*b = &flight[i % IN_FLIGHT];

		if (b->pid != 0)
			end_bare(b);
		if (i < count)
			start_bare(b);
	}
	return count * 1e9 / (double)(clock_mono_ns() - start_ns);
}

/* ---- jobd-exec ---- */

struct slot {
	uint64_t	token;
	bool		ran, said;
};

static struct channel	*channel;
static int		 epoll;
static char		 spec[4096];

static void
exec_worker(const char *program, const struct channel_fds *fds)
{
	const int	from[] = { fds->a, fds->b, fds->event, fds->kick };
	char		pad[TITLE_PAD_BYTES + 1];
	int		high[4];

	memset(pad, ' ', TITLE_PAD_BYTES);
	pad[TITLE_PAD_BYTES] = '\0';
	for (int i = 0; i < 4; i++)
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < 4; i++)
		dup2(high[i], CONTROL_WORKER_A + i);
	execl(program, program, "--lane=exec", "--name=exec-1", pad, (char *)NULL);
	_exit(127);
}

static pid_t
start_worker(const char *program)
{
	struct channel_config	cfg = { .kick = CHANNEL_KICK_SOCKET, .depth = 1024, .runs = 1,
	    .in_bytes = 1 << 20, .out_bytes = 16 << 20 };
	struct channel_fds	fds;
	struct epoll_event	ev = { .events = EPOLLIN | EPOLLET };
	pid_t			pid;

	if (channel_new(&cfg, 1, &channel, &fds) != 0)
		die("channel_new");
	if ((pid = fork()) == 0)
		exec_worker(program, &fds);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	close(fds.kick);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, channel_event_fd(channel), &ev);
	return pid;
}

static void
put(enum channel_op op, const struct iovec *in, int n, uint32_t cap, uint64_t arg,
    struct slot *slot)
{
	struct channel_submit	s = { .op = op, .tag = slot, .in = in, .in_count = n,
	    .out_cap = cap, .arg = arg };
	uint64_t		token;

	if (channel_submit(channel, &s, &token) != 0)
		die("channel_submit");
	if (op == CHANNEL_OP_RUN)
		slot->token = token;
}

static void
start_run(struct slot *slot)
{
	static uint64_t		job;
	struct channel_head	head = { .job = ++job, .fence = 1, .attempt = 1,
	    .lane = LANE_PROCESS, .type_len = 4, .args_len = 2, .spec_len = (uint32_t)strlen(spec) };
	struct iovec		in[] = { { &head, sizeof(head) },
	    { (void *)(uintptr_t)"true{}", 6 }, { spec, strlen(spec) } };

	*slot = (struct slot){ 0 };
	put(CHANNEL_OP_RUN, in, 3, 4096, 0, slot);
	put(CHANNEL_OP_OUTPUT, NULL, 0, 4096, slot->token, slot);
}

/* How many runs have ended by what is there. */
static int
harvest(int *left)
{
	struct channel_completion	c;
	const char			*why;
	int				 n = 0, rc;

	while ((rc = channel_harvest(channel, &c, &why)) == 1) {
		struct slot	*slot = c.tag;

		if (c.status != CHANNEL_OK) {
			fprintf(stderr, "%.*s\n", (int)c.out_len, c.output);
			exit(1);
		}
		if (c.op == CHANNEL_OP_RUN)
			slot->ran = true;
		else if (c.aux == 1)
			slot->said = true;
		channel_release(channel, c.token);
		/* what it has used is told too, of one that takes half a second */
		if (c.op == CHANNEL_OP_OUTPUT && !slot->said)
			put(CHANNEL_OP_OUTPUT, NULL, 0, 4096, slot->token, slot);
		if (!slot->ran || !slot->said)
			continue;
		n++;
		if ((*left)-- > 0)
			start_run(slot);
	}
	if (rc != 0)
		die(why);
	return n;
}

static double
exec_rate(int count, const char *more)
{
	struct slot		flight[IN_FLIGHT];
	struct epoll_event	ev;
	int64_t			start_ns = clock_mono_ns();
	int			left = count - IN_FLIGHT, done = 0;

	snprintf(spec, sizeof(spec), "{\"argv\":[\"/bin/true\"]%s}", more);
	for (int i = 0; i < IN_FLIGHT; i++)
		start_run(&flight[i]);
	channel_publish(channel);
	while (done < count) {
		done += harvest(&left);
		channel_publish(channel);
		channel_arm(channel);
		channel_fence();
		if (!channel_pending(channel) && done < count &&
		    epoll_wait(epoll, &ev, 1, SILENT_MS) == 0) {
			fprintf(stderr, "spawn: no answer in %d s\n", SILENT_MS / 1000);
			exit(1);
		}
		channel_disarm(channel);
	}
	return count * 1e9 / (double)(clock_mono_ns() - start_ns);
}

/* ---- */

static int
compare(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[n / 2];
}

int
main(int argc, char **argv)
{
	int	count = argc > 2 ? atoi(argv[2]) : 2000, rounds = argc > 3 ? atoi(argv[3]) : 5;
	double	bare[ROUNDS_MAX], exec[ROUNDS_MAX], more[ROUNDS_MAX], ratio[ROUNDS_MAX], cost[ROUNDS_MAX];
	pid_t	worker;

	if (argc == 3 && strcmp(argv[1], "--bare") == 0 && count > 0) {
		printf("%.0f\n", bare_rate(count));
		return 0;
	}
	if (argc < 2 || count < IN_FLIGHT || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: spawn PATH-OF-JOBD-EXEC [COUNT [ROUNDS [MORE]]]\n"
		    "       spawn --bare COUNT\n");
		return 2;
	}
	worker = start_worker(argv[1]);
	for (int i = 0; i < rounds; i++) {
		bare[i] = bare_rate(count);
		exec[i] = exec_rate(count, "");
		ratio[i] = exec[i] / bare[i];
		more[i] = argc > 4 ? exec_rate(count, argv[4]) : 0;
		cost[i] = more[i] / exec[i];
	}
	channel_stop(channel);
	waitpid(worker, NULL, 0);
	printf("posix_spawn %.0f/s, jobd-exec %.0f/s, ratio %.2f\n", median(bare, rounds),
	    median(exec, rounds), median(ratio, rounds));
	if (argc > 4)
		printf("with %s %.0f/s, %.2f of it\n", argv[4] + 1, median(more, rounds),
		    median(cost, rounds));
	return 0;
}
