/* worker.c - the real jobd-worker over a real channel, in both lanes; the test is the broker. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/title.h"
#include "proto/bounds.h"
#include "proto/channel.h"
#include "proto/control.h"
#include "proto/jobspec.h"

#define OUT_CAP		4096
#define NAPS		5000
#define PATIENCE_MS	60000		/* nothing here takes so long; a hang ends the test */

struct outcome {
	bool			 done;
	enum channel_status	 status;
	char			*text;
	size_t			 len;
	uint64_t		 aux;
};

static struct {
	struct channel	*channel;
	pid_t		 pid;
	int		 epoll;
	uint64_t	 next_job;
} w;

static char		binary[512];	/* jobd-worker of this build */
static struct outcome	one;		/* of the last call of call() */

/* ---- starting and ending ---- */

/* The supervisor's part: descriptors to their numbers, a padded command line, exec. */
static void
exec_worker(const struct channel_fds *fds, const char *lane, const char *name, const char *setting)
{
	const int	from[] = { fds->a, fds->b, fds->event, fds->kick };
	char		lane_arg[32], name_arg[32], pad[TITLE_PAD_BYTES + 1];
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
	execl(binary, binary, lane_arg, name_arg, "--set", "workers.io_threads=8", "--set", setting, pad,
	    (char *)NULL);
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

static void
start(bool io, const char *setting)
{
	static uint32_t		gen;
	struct channel_config	cfg = config_of(io);
	struct channel_fds	fds;
	struct epoll_event	ev = { .events = EPOLLIN | EPOLLET };

	assert_int_equal(channel_new(&cfg, ++gen, &w.channel, &fds), 0);
	w.pid = fork();
	assert_true(w.pid >= 0);
	if (w.pid == 0)
		exec_worker(&fds, io ? "io" : "cpu", io ? "io-1" : "cpu-1", setting);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	fd_close(&fds.kick);
	w.epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_int_equal(epoll_ctl(w.epoll, EPOLL_CTL_ADD, channel_event_fd(w.channel), &ev), 0);
}

static int
start_cpu(void **state)
{
	(void)state;
	start(false, "jobs.max_result_bytes=1M");
	return 0;
}

static int
start_io(void **state)
{
	(void)state;
	start(true, "jobs.max_result_bytes=1M");
	return 0;
}

/* The status as wait(2) has it. */
static int
reap(struct rusage *usage)
{
	int	status = -1;

	if (w.pid > 0)
		wait4(w.pid, &status, 0, usage);
	w.pid = 0;
	return status;
}

/* By stop where nothing runs any more, so that what a sanitizer found is seen; else by force. */
static int
end(void **state)
{
	int	status = 0;

	(void)state;
	if (w.pid > 0) {
		if (channel_inflight(w.channel) == 0)
			channel_stop(w.channel);
		else
			kill(w.pid, SIGKILL);
		status = reap(NULL);
	}
	channel_free(w.channel);
	fd_close(&w.epoll);
	free(one.text);
	one.text = NULL;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* ---- the broker's part ---- */

static void
take_completion(const struct channel_completion *c)
{
	struct outcome	*o = c->tag;

	free(o->text);
	*o = (struct outcome){ .done = true, .status = c->status, .len = c->out_len, .aux = c->aux,
	    .text = mem_strndup(c->output == NULL ? "" : c->output, c->out_len) };
	channel_release(w.channel, c->token);
}

/* Everything that is there; the number of completions. */
static unsigned
harvest(void)
{
	struct channel_completion	c;
	const char			*why = NULL;
	unsigned			 n = 0;
	int				 rc;

	while ((rc = channel_harvest(w.channel, &c, &why)) == 1) {
		take_completion(&c);
		n++;
	}
	if (rc != 0)
		fail_msg("the worker broke the protocol: %s", why);
	return n;
}

/* Sleeps as the broker does, until completions come; then takes them. */
static unsigned
harvest_some(void)
{
	struct epoll_event	ev;
	unsigned		n;

	while ((n = harvest()) == 0) {
		channel_arm(w.channel);
		channel_fence();
		if (!channel_pending(w.channel) && epoll_wait(w.epoll, &ev, 1, PATIENCE_MS) == 0)
			fail_msg("nothing came from the worker for %d ms", PATIENCE_MS);
		channel_disarm(w.channel);
	}
	return n;
}

static void
await(const struct outcome *o)
{
	while (!o->done)
		harvest_some();
}

static uint64_t
submit(enum channel_op op, const struct iovec *in, int in_count, uint32_t out_cap, uint64_t arg,
    uint64_t offset, struct outcome *o)
{
	struct channel_submit	s = { .op = op, .tag = o, .in = in, .in_count = in_count,
	    .out_cap = out_cap, .arg = arg, .deadline_ns = offset };
	uint64_t		token;

	o->done = false;
	assert_int_equal(channel_submit(w.channel, &s, &token), 0);
	return token;
}

static uint64_t
submit_run(const char *type, enum lane lane, const char *args, uint32_t out_cap, struct outcome *o)
{
	struct channel_head	head = { .job = ++w.next_job, .fence = 1, .attempt = 1, .lane = lane,
	    .type_len = (uint32_t)strlen(type), .args_len = (uint32_t)strlen(args) };
	struct iovec		in[] = { { &head, sizeof(head) }, { (void *)(uintptr_t)type, head.type_len },
	    { (void *)(uintptr_t)args, head.args_len } };

	return submit(CHANNEL_OP_RUN, in, 3, out_cap, 0, 0, o);
}

static uint64_t
run(const char *type, enum lane lane, const char *args, uint32_t out_cap)
{
	uint64_t	token = submit_run(type, lane, args, out_cap, &one);

	channel_publish(w.channel);
	await(&one);
	return token;
}

static void
ask(enum channel_op op, uint32_t out_cap, uint64_t arg, uint64_t offset)
{
	submit(op, NULL, 0, out_cap, arg, offset, &one);
	channel_publish(w.channel);
	await(&one);
}

static void
assert_outcome(enum channel_status status, const char *part)
{
	if (one.status != status || strstr(one.text, part) == NULL)
		fail_msg("expected status %d with \"%s\", got %d: %.200s", (int)status, part,
		    (int)one.status, one.text);
}

/* ---- what can be seen of a process from outside ---- */

static void
read_proc(const char *file, char *out, size_t size)
{
	char	 path[64], *text;
	size_t	 len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)w.pid, file);
	text = fd_read_file(path, size - 1, &len);
	assert_non_null(text);
	memcpy(out, text, len + 1);
	free(text);
}

/* Titles are written without waiting for anybody: look until it is there. */
static void
await_title(const char *want)
{
	char	title[512] = "";
	int64_t	until_ns = clock_mono_ns() + PATIENCE_MS * NS_PER_MS;

	while (clock_mono_ns() < until_ns) {
		read_proc("cmdline", title, sizeof(title));
		if (strcmp(title, want) == 0)
			return;
		poll(NULL, 0, 1);
	}
	fail_msg("the title is \"%s\", not \"%s\"", title, want);
}

/* ---- both lanes ---- */

static void
check_hello(void)
{
	json_t	*tree, *types, *sleep_type;

	ask(CHANNEL_OP_HELLO, 16384, 0, 0);
	assert_int_equal(one.status, CHANNEL_OK);
	tree = json_loadb(one.text, one.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(tree);
	types = json_object_get(tree, "types");
	assert_int_equal(json_array_size(types), 6);
	sleep_type = json_array_get(types, 1);
	assert_string_equal(json_string_value(json_object_get(sleep_type, "name")), "sleep");
	assert_true(json_is_true(json_object_get(json_object_get(sleep_type, "traits"), "waits")));
	assert_true(json_is_false(json_object_get(json_object_get(sleep_type, "traits"), "cpu_bound")));
	assert_int_equal(json_array_size(json_object_get(sleep_type, "lanes")), 1);
	assert_true(json_is_false(json_object_get(sleep_type, "run")));
	assert_true(json_is_true(json_object_get(sleep_type, "start")));
	assert_string_equal(json_string_value(json_object_get(sleep_type, "args")), "{\"ms\": integer}");
	json_decref(tree);
}

/* The whole answer, although it did not fit: by pieces. */
static void
check_hello_in_pieces(void)
{
	uint64_t	token, size;
	char		*whole;

	ask(CHANNEL_OP_HELLO, 16384, 0, 0);
	whole = mem_strdup(one.text);
	token = submit(CHANNEL_OP_HELLO, NULL, 0, 256, 0, 0, &one);
	channel_publish(w.channel);
	await(&one);
	assert_int_equal(one.status, CHANNEL_NEED_SPACE);
	size = one.aux;
	assert_int_equal(size, strlen(whole));
	for (uint64_t at = 0; at < size; at += one.len) {
		ask(CHANNEL_OP_FETCH, 256, token, at);
		assert_int_equal(one.status, CHANNEL_OK);
		assert_true(one.len > 0);
		assert_memory_equal(one.text, whole + at, one.len);
	}
	ask(CHANNEL_OP_FETCH, 256, token, 0);
	assert_outcome(CHANNEL_FAILED, "no such result is kept");
	free(whole);
}

static void
check_large_result(enum lane lane)
{
	size_t		 len = 300000;
	char		*args = mem_alloc(len + 1);
	uint64_t	 token;

	memset(args, 'x', len);
	args[0] = args[len - 1] = '"';
	args[len] = '\0';
	token = run("echo", lane, args, OUT_CAP);
	assert_int_equal(one.status, CHANNEL_NEED_SPACE);
	assert_int_equal(one.aux, len);
	ask(CHANNEL_OP_FETCH, 100, token, 299950);
	assert_outcome(CHANNEL_OK, "x\"");
	assert_int_equal(one.len, 50);		/* that was the end: it is gone */
	ask(CHANNEL_OP_FETCH, 100, token, 0);
	assert_outcome(CHANNEL_FAILED, "no such result is kept");

	token = run("echo", lane, args, OUT_CAP);
	ask(CHANNEL_OP_FETCH, 1 << 20, token, 0);
	assert_int_equal(one.status, CHANNEL_OK);
	assert_int_equal(one.len, len);
	assert_memory_equal(one.text, args, len);

	token = run("echo", lane, args, OUT_CAP);
	ask(CHANNEL_OP_FETCH, OUT_CAP, token, 300001);
	assert_outcome(CHANNEL_FAILED, "the result is shorter");
	ask(CHANNEL_OP_DROP, 0, token, 0);
	assert_int_equal(one.status, CHANNEL_OK);
	ask(CHANNEL_OP_DROP, 0, token, 0);
	assert_int_equal(one.status, CHANNEL_OK);
	ask(CHANNEL_OP_FETCH, OUT_CAP, token, 0);
	assert_outcome(CHANNEL_FAILED, "no such result is kept");

	/* 4 MiB may wait, 13 x 300 kB do, the 14th does not fit: then again when one is dropped */
	token = run("echo", lane, args, OUT_CAP);
	for (int i = 0; i < 12; i++) {
		run("echo", lane, args, OUT_CAP);
		assert_int_equal(one.status, CHANNEL_NEED_SPACE);
	}
	run("echo", lane, args, OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "\"kind\":\"out_of_memory\"");
	ask(CHANNEL_OP_DROP, 0, token, 0);
	run("echo", lane, args, OUT_CAP);
	assert_int_equal(one.status, CHANNEL_NEED_SPACE);
	free(args);
}

static void
check_too_large_result(enum lane lane)
{
	size_t	 len = (1 << 20) + 1;
	char	*args = mem_alloc(len + 1);

	memset(args, ' ', len);
	args[0] = '7';
	args[len] = '\0';
	run("echo", lane, args, OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "{\"kind\":\"bad_result\",\"message\":\"the result has 1048577 bytes");
	free(args);
}

static void
check_broken_entries(void)
{
	struct channel_head	head = { .job = 1, .type_len = 4, .args_len = UINT32_MAX, .lane = LANE_ASYNC };
	struct iovec		in[] = { { &head, sizeof(head) }, { (void *)(uintptr_t)"echonull", 8 } };

	submit(CHANNEL_OP_RUN, in, 2, OUT_CAP, 0, 0, &one);
	channel_publish(w.channel);
	await(&one);
	assert_outcome(CHANNEL_FAILED, "lengths do not add up");
	in[0].iov_len = 7;
	submit(CHANNEL_OP_RUN, in, 1, OUT_CAP, 0, 0, &one);
	channel_publish(w.channel);
	await(&one);
	assert_outcome(CHANNEL_FAILED, "without a head");
}

static void
check_no_descriptor_leaks(int last)
{
	char	path[64], target[256];
	ssize_t	len;

	await_title(last == CONTROL_WORKER_KICK ? "jobd: io worker 1" : "jobd: cpu worker 1");
	snprintf(path, sizeof(path), "/proc/%d/fd/90", (int)w.pid);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)w.pid);
	len = readlink(path, target, sizeof(target) - 1);
	assert_true(len > 0);
	target[len] = '\0';
	assert_string_equal(target, "/dev/null");
}

static void
check_files(enum lane lane)
{
	char	path[64] = "/tmp/jobd-worker-XXXXXX", args[128];
	int	fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, "abc", 3), 0);
	close(fd);
	snprintf(args, sizeof(args), "{\"path\":\"%s\"}", path);
	run("file.digest", lane, args, OUT_CAP);
	unlink(path);
	assert_outcome(CHANNEL_OK, "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
}

/* ---- cpu ---- */

static void
test_a_cpu_worker_tells_its_types(void **state)
{
	(void)state;
	check_hello();
	check_hello_in_pieces();
}

static void
test_a_cpu_worker_runs_the_process_lane_only(void **state)
{
	(void)state;
	run("echo", LANE_PROCESS, "[1,2.50]", OUT_CAP);
	assert_outcome(CHANNEL_OK, "[1,2.50]");
	assert_int_equal(one.len, 8);
	run("echo", LANE_ASYNC, "1", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler for type echo in lane async");
	run("sleep", LANE_PROCESS, "{\"ms\":1}", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler for type sleep in lane process");
	run("no.such", LANE_PROCESS, "null", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "{\"kind\":\"error\",\"message\":\"no handler for type no.such");
	run("echo", (enum lane)77, "null", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler");
	run("echo", LANE_PROCESS, "", 0);
	assert_outcome(CHANNEL_OK, "");
}

static void
test_a_cpu_worker_keeps_large_results(void **state)
{
	(void)state;
	check_large_result(LANE_PROCESS);
	check_too_large_result(LANE_PROCESS);
	check_broken_entries();
}

static void
test_a_cpu_worker_runs_a_full_ring_in_order(void **state)
{
	static struct outcome	outcomes[BOUND_CHANNEL_DEPTH_FIFO];
	char			args[16];

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < COUNT(outcomes); i++) {
			snprintf(args, sizeof(args), "%zu", i);
			submit_run("echo", LANE_PROCESS, args, 256, &outcomes[i]);
		}
		channel_publish(w.channel);
		for (size_t i = 0; i < COUNT(outcomes); i++) {
			await(&outcomes[i]);
			assert_int_equal(outcomes[i].status, CHANNEL_OK);
			assert_int_equal(atoi(outcomes[i].text), i);
		}
	}
	for (size_t i = 0; i < COUNT(outcomes); i++)
		free(outcomes[i].text);
}

static void
test_a_finished_job_is_told_before_a_long_one_runs(void **state)
{
	static struct outcome	shorter, longer;
	uint64_t		token;

	(void)state;
	submit_run("echo", LANE_PROCESS, "1", 256, &shorter);
	token = submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &longer);
	channel_publish(w.channel);
	await(&shorter);
	assert_false(longer.done);
	channel_cancel(w.channel, token);
	await(&longer);
	assert_int_equal(longer.status, CHANNEL_CANCELLED);
	free(shorter.text);
	free(longer.text);
}

static void
test_a_cpu_worker_ends_what_is_cancelled(void **state)
{
	static struct outcome	running, waiting;
	uint64_t		first, second;

	(void)state;
	first = submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	second = submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &waiting);
	channel_publish(w.channel);
	channel_cancel(w.channel, second);
	channel_cancel(w.channel, first);
	await(&running);
	await(&waiting);
	assert_int_equal(running.status, CHANNEL_CANCELLED);
	assert_int_equal(waiting.status, CHANNEL_CANCELLED);
	free(running.text);
	free(waiting.text);
}

static void
test_a_cpu_worker_shows_in_its_title_what_it_runs(void **state)
{
	static struct outcome	running;
	uint64_t		token;
	char			want[64], status[4096];

	(void)state;
	await_title("jobd: cpu worker 1");
	w.next_job = 41;
	token = submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	channel_publish(w.channel);
	snprintf(want, sizeof(want), "jobd: cpu worker 1 [42 bench.cpu]");
	await_title(want);
	read_proc("status", status, sizeof(status));
	assert_non_null(strstr(status, "NoNewPrivs:\t1"));
#ifndef SANITIZED
	assert_non_null(strstr(status, "Seccomp:\t2"));
	assert_non_null(strstr(status, "Threads:\t1\n"));
#endif
	channel_cancel(w.channel, token);
	await(&running);
	await_title("jobd: cpu worker 1");
	check_no_descriptor_leaks(CONTROL_WORKER_EVENT);
	free(running.text);
}

static void
test_a_killed_cpu_worker_leaves_finished_and_unfinished_jobs(void **state)
{
	static struct outcome	finished, running, waiting;
	uint64_t		token, walk = 0;
	int			status;

	(void)state;
	submit_run("echo", LANE_PROCESS, "\"done\"", 256, &finished);
	submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":86400000}", 256, &running);
	submit_run("echo", LANE_PROCESS, "1", 256, &waiting);
	channel_publish(w.channel);
	await(&finished);
	kill(w.pid, SIGKILL);
	status = reap(NULL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(harvest(), 0);
	assert_string_equal(finished.text, "\"done\"");
	assert_int_equal(channel_inflight(w.channel), 2);
	assert_ptr_equal(channel_inflight_next(w.channel, &walk, &token), &running);
	assert_true(channel_suspect(w.channel, token));
	assert_ptr_equal(channel_inflight_next(w.channel, &walk, &token), &waiting);
	assert_false(channel_suspect(w.channel, token));
	free(finished.text);
}

static void
test_a_stopped_cpu_worker_finishes_what_it_has(void **state)
{
	static struct outcome	last;
	int			status;

	(void)state;
	submit_run("bench.cpu", LANE_PROCESS, "{\"ms\":20}", 256, &last);
	channel_publish(w.channel);
	channel_stop(w.channel);
	await(&last);
	assert_int_equal(last.status, CHANNEL_OK);
	status = reap(NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	free(last.text);
}

static void
test_a_cpu_worker_reads_files_beneath_the_roots(void **state)
{
	(void)state;
	start(false, "files.roots=/tmp");
	check_files(LANE_PROCESS);
	end(NULL);
	start(false, "log.level=warn");
	run("file.digest", LANE_PROCESS, "{\"path\":\"/etc/passwd\"}", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "file types are off: no directory is configured (files.roots)");
}

/* ---- io ---- */

static void
test_the_io_worker_tells_its_types(void **state)
{
	(void)state;
	check_hello();
	check_hello_in_pieces();
	check_no_descriptor_leaks(CONTROL_WORKER_KICK);
}

static void
test_the_io_worker_runs_the_async_and_thread_lanes(void **state)
{
	(void)state;
	run("echo", LANE_ASYNC, "[1,2.50]", OUT_CAP);
	assert_outcome(CHANNEL_OK, "[1,2.50]");
	run("echo", LANE_THREAD, "{\"a\" : 1}", OUT_CAP);
	assert_outcome(CHANNEL_OK, "{\"a\" : 1}");
	run("echo", LANE_PROCESS, "1", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler for type echo in lane process");
	run("sleep", LANE_THREAD, "{\"ms\":1}", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler for type sleep in lane thread");
	run("bench.io", LANE_ASYNC, "{\"ms\":1}", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "no handler for type bench.io in lane async");
	run("sleep", LANE_ASYNC, "{\"ms\":\"1\"}", OUT_CAP);
	assert_outcome(CHANNEL_FAILED, "args.ms must be an integer");
}

static void
test_the_io_worker_keeps_large_results(void **state)
{
	(void)state;
	check_large_result(LANE_THREAD);
	check_too_large_result(LANE_ASYNC);
	check_broken_entries();
}

static void
test_the_io_worker_reads_files_beneath_the_roots(void **state)
{
	(void)state;
	start(true, "files.roots=/tmp");
	check_files(LANE_THREAD);
}

/* Five thousand waits at once, in little memory; all of them are told to end. */
static void
test_the_io_worker_waits_on_thousands_of_timers(void **state)
{
	struct outcome	*naps = mem_zalloc(NAPS, sizeof(*naps));
	uint64_t	*tokens = mem_zalloc(NAPS, sizeof(*tokens));
	unsigned	 n = 0;
	char		 status[4096];
	long		 rss_kb;

	(void)state;
	for (int i = 0; i < NAPS; i++)
		tokens[i] = submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &naps[i]);
	channel_publish(w.channel);
	await_title("jobd: io worker 1 [5000 waiting, 0 in threads]");
	read_proc("status", status, sizeof(status));
	rss_kb = atol(strstr(status, "VmRSS:") + 6);
	print_message("%d sleeps: RSS of the io worker %ld KiB\n", NAPS, rss_kb);
#ifndef SANITIZED
	assert_in_range(rss_kb, 1, 30 << 10);
#endif
	for (int i = 0; i < NAPS; i++)
		channel_cancel(w.channel, tokens[i]);
	while (n < NAPS)
		n += harvest_some();
	for (int i = 0; i < NAPS; i++) {
		assert_int_equal(naps[i].status, CHANNEL_CANCELLED);
		free(naps[i].text);
	}
	free(naps);
	free(tokens);
}

static void
test_thousands_of_timers_end_by_themselves_and_none_too_early(void **state)
{
	struct outcome	*naps = mem_zalloc(NAPS, sizeof(*naps));
	unsigned	 n = 0;

	(void)state;
	for (int i = 0; i < NAPS; i++)
		submit_run("sleep", LANE_ASYNC, "{\"ms\":200}", 256, &naps[i]);
	channel_publish(w.channel);
	while (n < NAPS)
		n += harvest_some();
	for (int i = 0; i < NAPS; i++) {
		assert_int_equal(naps[i].status, CHANNEL_OK);
		assert_true(atoi(strchr(naps[i].text, ':') + 1) >= 200);
		free(naps[i].text);
	}
	free(naps);
}

static void
test_the_io_worker_ends_what_is_cancelled(void **state)
{
	static struct outcome	naps[100], blocked, other;
	uint64_t		tokens[100], token, last;

	(void)state;
	last = submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &other);
	for (size_t i = 0; i < COUNT(naps); i++)
		tokens[i] = submit_run("sleep", LANE_ASYNC, "{\"ms\":86400000}", 256, &naps[i]);
	token = submit_run("bench.io", LANE_THREAD, "{\"ms\":86400000}", 256, &blocked);
	channel_publish(w.channel);
	await_title("jobd: io worker 1 [101 waiting, 1 in threads]");
	channel_cancel(w.channel, token);
	for (size_t i = 0; i < COUNT(naps); i++)
		channel_cancel(w.channel, tokens[i]);
	for (size_t i = 0; i < COUNT(naps); i++) {
		await(&naps[i]);
		assert_int_equal(naps[i].status, CHANNEL_CANCELLED);
		free(naps[i].text);
	}
	await(&blocked);
	assert_int_equal(blocked.status, CHANNEL_CANCELLED);
	await_title("jobd: io worker 1 [1 waiting, 0 in threads]");
	assert_false(other.done);
	channel_cancel(w.channel, last);
	await(&other);
	free(other.text);
	free(blocked.text);
}

/* A blocking attempt notices that it should stop only while it runs: so the eighth runs beside the others. */
static void
test_threads_block_side_by_side_and_the_loop_goes_on(void **state)
{
	static struct outcome	blocked[8];
	uint64_t		tokens[8];

	(void)state;
	for (size_t i = 0; i < COUNT(blocked); i++)
		tokens[i] = submit_run("bench.io", LANE_THREAD, "{\"ms\":86400000}", 256, &blocked[i]);
	run("sleep", LANE_ASYNC, "{\"ms\":1}", 256);
	assert_int_equal(one.status, CHANNEL_OK);
	for (size_t i = COUNT(blocked); i-- > 0;) {
		channel_cancel(w.channel, tokens[i]);
		await(&blocked[i]);
		assert_int_equal(blocked[i].status, CHANNEL_CANCELLED);
		free(blocked[i].text);
	}
}

/* Processor time so far, of the thread that is the loop. */
static int64_t
loop_cpu_ns(void)
{
	char	text[128];

	read_proc("schedstat", text, sizeof(text));
	return strtoll(text, NULL, 10);
}

/* While it waits for the last timer it must not spin. */
static void
test_a_stopped_io_worker_finishes_what_it_has_asleep(void **state)
{
	static struct outcome	last;
	struct rusage		usage;
	int64_t			cpu_ns;
	int			status;

	(void)state;
	submit_run("sleep", LANE_ASYNC, "{\"ms\":500}", 256, &last);
	channel_publish(w.channel);
	await_title("jobd: io worker 1 [1 waiting, 0 in threads]");
	cpu_ns = loop_cpu_ns();
	channel_stop(w.channel);
	await(&last);
	assert_int_equal(last.status, CHANNEL_OK);
	status = reap(&usage);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cpu_ns = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
	    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000 - cpu_ns;
	assert_true(cpu_ns < 250 * NS_PER_MS);
	free(last.text);
}

static void
test_the_io_worker_ends_when_its_broker_is_gone(void **state)
{
	int	status;

	(void)state;
	run("echo", LANE_ASYNC, "1", OUT_CAP);
	channel_free(w.channel);
	w.channel = NULL;
	status = reap(NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- by hand, and orphaned ---- */

static int
exit_status_of(const char *a, const char *b, const char *c, const char *d)
{
	int	status, null;
	pid_t	pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 2);
		syscall(SYS_close_range, 3, ~0u, 0);
		execl(binary, binary, a, b, c, d, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_by_hand_it_says_what_it_is(void **state)
{
	(void)state;
	assert_int_equal(exit_status_of(NULL, NULL, NULL, NULL), 64);
	assert_int_equal(exit_status_of("--lane=cpu", NULL, NULL, NULL), 64);
	assert_int_equal(exit_status_of("--lane=gpu", "--name=gpu-1", NULL, NULL), 64);
	assert_int_equal(exit_status_of("--lane=cpu", "--name=cpu-1", "more", NULL), 64);
	assert_int_equal(exit_status_of("--lane=cpu", "--name=cpu-1", "--what", NULL), 64);
	assert_int_equal(exit_status_of("--lane=cpu", "--name=cpu-1", NULL, NULL), 78);
	assert_int_equal(exit_status_of("--lane=io", "--name=io-1", NULL, NULL), 78);
	assert_int_equal(exit_status_of("--lane=io", "--name=io-1", "--set", "workers.no=1"), 78);
}

/* The test makes the supervisor's supervisor of itself: the one between starts the worker, and is killed. */
static void
test_a_worker_dies_with_its_supervisor(void **state)
{
	int		pipes[2], status;
	pid_t		between, worker;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	between = fork();
	assert_true(between >= 0);
	if (between == 0) {
		start(false, "log.level=warn");
		run("echo", LANE_PROCESS, "1", OUT_CAP);
		if (write(pipes[1], &w.pid, sizeof(w.pid)) != sizeof(w.pid))
			_exit(1);
		pause();
	}
	assert_int_equal(read(pipes[0], &worker, sizeof(worker)), sizeof(worker));
	kill(between, SIGKILL);
	assert_int_equal(waitpid(between, &status, 0), between);
	assert_int_equal(waitpid(worker, &status, 0), worker);	/* ours now: it comes by itself */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* tests/unit/worker.t of a build tree has jobd-worker two directories above. */
static void
find_binary(void)
{
	ssize_t	len = readlink("/proc/self/exe", binary, sizeof(binary) - sizeof("/jobd-worker"));

	for (int i = 0; i < 3 && len > 0; i++)
		while (len > 0 && binary[--len] != '/')
			continue;
	memcpy(binary + (len > 0 ? len : 0), "/jobd-worker", sizeof("/jobd-worker"));
}

static int
no_setup(void **state)
{
	(void)state;
	w.pid = 0;
	w.channel = NULL;
	w.epoll = -1;
	return 0;
}

#define with_cpu(test)	cmocka_unit_test_setup_teardown(test, start_cpu, end)
#define with_io(test)	cmocka_unit_test_setup_teardown(test, start_io, end)
#define without(test)	cmocka_unit_test_setup_teardown(test, no_setup, end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_cpu(test_a_cpu_worker_tells_its_types),
		with_cpu(test_a_cpu_worker_runs_the_process_lane_only),
		with_cpu(test_a_cpu_worker_keeps_large_results),
		with_cpu(test_a_cpu_worker_runs_a_full_ring_in_order),
		with_cpu(test_a_finished_job_is_told_before_a_long_one_runs),
		with_cpu(test_a_cpu_worker_ends_what_is_cancelled),
		with_cpu(test_a_cpu_worker_shows_in_its_title_what_it_runs),
		with_cpu(test_a_killed_cpu_worker_leaves_finished_and_unfinished_jobs),
		with_cpu(test_a_stopped_cpu_worker_finishes_what_it_has),
		without(test_a_cpu_worker_reads_files_beneath_the_roots),
		with_io(test_the_io_worker_tells_its_types),
		with_io(test_the_io_worker_runs_the_async_and_thread_lanes),
		with_io(test_the_io_worker_keeps_large_results),
		with_io(test_the_io_worker_waits_on_thousands_of_timers),
		with_io(test_thousands_of_timers_end_by_themselves_and_none_too_early),
		with_io(test_the_io_worker_ends_what_is_cancelled),
		with_io(test_threads_block_side_by_side_and_the_loop_goes_on),
		with_io(test_a_stopped_io_worker_finishes_what_it_has_asleep),
		with_io(test_the_io_worker_ends_when_its_broker_is_gone),
		without(test_the_io_worker_reads_files_beneath_the_roots),
		without(test_by_hand_it_says_what_it_is),
		without(test_a_worker_dies_with_its_supervisor),
	};

	find_binary();
	alarm(5 * PATIENCE_MS / 1000);		/* a worker that does not end must not keep the tests from it */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
