/* worker_rig.c - the broker's and the supervisor's part, for tests of jobd-worker. */
#include "tests/unit/worker_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/title.h"
#include "proto/bounds.h"
#include "proto/control.h"

#define PATIENCE_MS	60000		/* nothing here takes so long; a hang ends the test */

struct rig	rig;
struct outcome	rig_one;
char		rig_binary[512];

/* ---- starting and ending ---- */

/* The supervisor's part: descriptors to their numbers, a padded command line, exec. */
static void
exec_worker(const struct channel_fds *fds, const char *lane, const char *name, const char *setting)
{
	const int	from[] = { fds->a, fds->b, fds->event, fds->kick };
	char		lane_arg[48], name_arg[48], pad[TITLE_PAD_BYTES + 1];
	int		null = open("/dev/null", O_RDONLY | O_CLOEXEC), high[4];

	snprintf(lane_arg, sizeof(lane_arg), "--lane=%s", lane);
	snprintf(name_arg, sizeof(name_arg), "--name=%s", name);
	memset(pad, ' ', TITLE_PAD_BYTES);
	pad[TITLE_PAD_BYTES] = '\0';
	for (int i = 0; i < 4; i++)
		high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, 100);
	for (int i = 0; i < 4; i++)
		if (high[i] >= 0)
			dup2(high[i], CONTROL_WORKER_A + i);
	dup2(null, 0);
	dup2(null, 90);			/* a leak, which the worker must close */
	execl(rig_binary, rig_binary, lane_arg, name_arg, "--set", "workers.io_threads=8",
	    "--set", setting, pad, (char *)NULL);
	_exit(127);
}

static struct channel_config
config_of(bool io)
{
	return (struct channel_config){
		.fifo = !io, .kick = io ? CHANNEL_KICK_SOCKET : CHANNEL_KICK_FUTEX,
		.depth = io ? BOUND_CHANNEL_DEPTH_SLOTS : BOUND_CHANNEL_DEPTH_FIFO,
		.runs = io ? 8 : 1, .in_bytes = 16 << 20, .out_bytes = 64 << 20,
	};
}

void
rig_start(bool io, const char *setting)
{
	rig_start_lane(io, io ? "io" : "cpu", setting);
}

void
rig_start_lane(bool io, const char *lane, const char *setting)
{
	char			name[16];
	static uint32_t		gen;
	struct channel_config	cfg = config_of(io);
	struct channel_fds	fds;
	struct epoll_event	ev = { .events = EPOLLIN | EPOLLET };

	snprintf(name, sizeof(name), "%.12s-1", lane);
	assert_int_equal(channel_new(&cfg, ++gen, &rig.channel, &fds), 0);
	rig.pid = fork();
	assert_true(rig.pid >= 0);
	if (rig.pid == 0)
		exec_worker(&fds, lane, name, setting);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	fd_close(&fds.kick);
	rig.epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(rig.epoll, EPOLL_CTL_ADD, channel_event_fd(rig.channel), &ev),
	    0);
}

int
rig_start_cpu(void **state)
{
	(void)state;
	rig_start(false, "jobs.max_result_bytes=1M");
	return 0;
}

int
rig_start_io(void **state)
{
	(void)state;
	rig_start(true, "jobs.max_result_bytes=1M");
	return 0;
}

int
rig_reap(struct rusage *usage)
{
	int	status = -1;

	if (rig.pid > 0)
		wait4(rig.pid, &status, 0, usage);
	rig.pid = 0;
	return status;
}

int
rig_end(void **state)
{
	int	status = 0;

	(void)state;
	if (rig.pid > 0) {
		if (channel_inflight(rig.channel) == 0)
			channel_stop(rig.channel);
		else
			kill(rig.pid, SIGKILL);
		status = rig_reap(NULL);
	}
	channel_free(rig.channel);
	fd_close(&rig.epoll);
	free(rig_one.text);
	rig_one.text = NULL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* ---- the broker's part ---- */

static void
take_completion(const struct channel_completion *c)
{
	struct outcome	*o = c->tag;

	free(o->text);
	*o = (struct outcome){ .done = true, .status = c->status, .len = c->out_len, .aux = c->aux, .usage = c->usage,
	    .text = mem_strndup(c->output == NULL ? "" : c->output, c->out_len) };
	channel_release(rig.channel, c->token);
}

unsigned
rig_harvest(void)
{
	struct channel_completion	c;
	const char			*why = NULL;
	unsigned			 n = 0;
	int				 rc;

	while ((rc = channel_harvest(rig.channel, &c, &why)) == 1) {
		take_completion(&c);
		n++;
	}
	if (rc != 0)
		fail_msg("the worker broke the protocol: %s", why);
	return n;
}

/* Sleeps as the broker does, until completions come; then takes them. */
unsigned
rig_harvest_some(void)
{
	struct epoll_event	ev;
	unsigned		n;

	while ((n = rig_harvest()) == 0) {
		channel_arm(rig.channel);
		channel_fence();
		if (!channel_pending(rig.channel) &&
		    epoll_wait(rig.epoll, &ev, 1, PATIENCE_MS) == 0)
			fail_msg("nothing came from the worker for %d ms", PATIENCE_MS);
		channel_disarm(rig.channel);
	}
	return n;
}

void
rig_await(const struct outcome *o)
{
	while (!o->done)
		rig_harvest_some();
}

uint64_t
rig_submit(enum channel_op op, const struct iovec *in, int in_count, uint32_t out_cap,
    uint64_t arg, uint64_t offset, struct outcome *o)
{
	struct channel_submit	s = { .op = op, .tag = o, .in = in, .in_count = in_count,
	    .out_cap = out_cap, .arg = arg, .deadline_ns = offset };
	uint64_t		token;

	o->done = false;
	assert_int_equal(channel_submit(rig.channel, &s, &token), 0);
	return token;
}

uint64_t
rig_submit_run(const char *type, enum lane lane, const char *args, uint32_t out_cap,
    struct outcome *o)
{
	struct channel_head	head = {
		.job = ++rig.next_job, .fence = 1, .attempt = 1, .lane = lane,
		.type_len = (uint32_t)strlen(type), .args_len = (uint32_t)strlen(args),
	};
	struct iovec		in[] = {
		{ &head, sizeof(head) }, { (void *)(uintptr_t)type, head.type_len },
		{ (void *)(uintptr_t)args, head.args_len },
	};

	return rig_submit(CHANNEL_OP_RUN, in, 3, out_cap, 0, 0, o);
}

uint64_t
rig_run(const char *type, enum lane lane, const char *args, uint32_t out_cap)
{
	uint64_t	token = rig_submit_run(type, lane, args, out_cap, &rig_one);

	channel_publish(rig.channel);
	rig_await(&rig_one);
	return token;
}

void
rig_ask(enum channel_op op, uint32_t out_cap, uint64_t arg, uint64_t offset)
{
	rig_submit(op, NULL, 0, out_cap, arg, offset, &rig_one);
	channel_publish(rig.channel);
	rig_await(&rig_one);
}

void
rig_expect(enum channel_status status, const char *part)
{
	if (rig_one.status != status || strstr(rig_one.text, part) == NULL)
		fail_msg("expected status %d with \"%s\", got %d: %.200s", (int)status, part,
		    (int)rig_one.status, rig_one.text);
}

/* ---- what can be seen of a process from outside ---- */

void
rig_read_proc(const char *file, char *out, size_t size)
{
	char	 path[64], *text;
	size_t	 len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)rig.pid, file);
	text = fd_read_file(path, size - 1, &len);
	assert_non_null(text);
	memcpy(out, text, len + 1);
	free(text);
}

/* Titles are written without waiting for anybody: look until it is there. */
void
rig_await_title(const char *want)
{
	char	title[512] = "";
	int64_t	until_ns = clock_mono_ns() + PATIENCE_MS * NS_PER_MS;

	while (clock_mono_ns() < until_ns) {
		rig_read_proc("cmdline", title, sizeof(title));
		if (strcmp(title, want) == 0)
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the title is \"%s\", not \"%s\"", title, want);
}

/* A test is in tests/unit of a build tree, and jobd-worker two directories above. */
void
rig_find_binary(void)
{
	rig_find_program("jobd-worker");
}

void
rig_find_program(const char *program)
{
	ssize_t			len;

	len = readlink("/proc/self/exe", rig_binary, sizeof(rig_binary) - 32);
	for (int i = 0; i < 3 && len > 0; i++)
		while (len > 0 && rig_binary[--len] != '/')
			continue;
	snprintf(rig_binary + (len > 0 ? len : 0), 32, "/%s", program);
	/* a worker that does not end must not keep the tests from it */
	alarm(5 * PATIENCE_MS / 1000);
}

int
rig_none(void **state)
{
	(void)state;
	rig.pid = 0;
	rig.channel = NULL;
	rig.epoll = -1;
	return 0;
}
