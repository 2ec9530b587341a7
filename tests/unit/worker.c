/* worker.c - jobd-worker over a real channel: what both lanes do alike, and what it does alone. */
#include "tests/unit/worker_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "lib/fd.h"

/* ---- both lanes ---- */

static void
check_hello(void)
{
	json_t	*tree, *types, *sleep_type, *traits;

	rig_ask(CHANNEL_OP_HELLO, 16384, 0, 0);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	tree = json_loadb(rig_one.text, rig_one.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(tree);
	types = json_object_get(tree, "types");
	assert_true(json_array_size(types) >= 13);
	sleep_type = json_array_get(types, 1);
	assert_string_equal(json_string_value(json_object_get(sleep_type, "name")), "sleep");
	traits = json_object_get(sleep_type, "traits");
	assert_true(json_is_true(json_object_get(traits, "waits")));
	assert_true(json_is_false(json_object_get(traits, "cpu_bound")));
	assert_int_equal(json_array_size(json_object_get(sleep_type, "lanes")), 1);
	assert_true(json_is_false(json_object_get(sleep_type, "run")));
	assert_true(json_is_true(json_object_get(sleep_type, "start")));
	assert_non_null(json_object_get(json_object_get(json_object_get(sleep_type, "args_schema"),
	    "properties"), "ms"));
	assert_true(json_is_true(json_object_get(json_array_get(types, 0), "args_schema")));
	json_decref(tree);
}

/* The whole answer, although it did not fit: by pieces. */
static void
check_hello_in_pieces(void)
{
	uint64_t	token, size;
	char		*whole;

	rig_ask(CHANNEL_OP_HELLO, 16384, 0, 0);
	whole = mem_strdup(rig_one.text);
	token = rig_submit(CHANNEL_OP_HELLO, NULL, 0, 256, 0, 0, &rig_one);
	channel_publish(rig.channel);
	rig_await(&rig_one);
	assert_int_equal(rig_one.status, CHANNEL_NEED_SPACE);
	size = rig_one.aux;
	assert_int_equal(size, strlen(whole));
	for (uint64_t at = 0; at < size; at += rig_one.len) {
		rig_ask(CHANNEL_OP_FETCH, 256, token, at);
		assert_int_equal(rig_one.status, CHANNEL_OK);
		assert_true(rig_one.len > 0);
		assert_memory_equal(rig_one.text, whole + at, rig_one.len);
	}
	rig_ask(CHANNEL_OP_FETCH, 256, token, 0);
	rig_expect(CHANNEL_FAILED, "no such result is kept");
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
	token = rig_run("echo", lane, args, OUT_CAP);
	assert_int_equal(rig_one.status, CHANNEL_NEED_SPACE);
	assert_int_equal(rig_one.aux, len);
	rig_ask(CHANNEL_OP_FETCH, 100, token, 299950);
	rig_expect(CHANNEL_OK, "x\"");
	assert_int_equal(rig_one.len, 50);		/* that was the end: it is gone */
	rig_ask(CHANNEL_OP_FETCH, 100, token, 0);
	rig_expect(CHANNEL_FAILED, "no such result is kept");

	token = rig_run("echo", lane, args, OUT_CAP);
	rig_ask(CHANNEL_OP_FETCH, 1 << 20, token, 0);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	assert_int_equal(rig_one.len, len);
	assert_memory_equal(rig_one.text, args, len);

	token = rig_run("echo", lane, args, OUT_CAP);
	rig_ask(CHANNEL_OP_FETCH, OUT_CAP, token, 300001);
	rig_expect(CHANNEL_FAILED, "the result is shorter");
	rig_ask(CHANNEL_OP_DROP, 0, token, 0);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	rig_ask(CHANNEL_OP_DROP, 0, token, 0);
	assert_int_equal(rig_one.status, CHANNEL_OK);
	rig_ask(CHANNEL_OP_FETCH, OUT_CAP, token, 0);
	rig_expect(CHANNEL_FAILED, "no such result is kept");

	/* 4 MiB may wait, 13 x 300 kB do, the 14th does not fit: then again when one is dropped */
	token = rig_run("echo", lane, args, OUT_CAP);
	for (int i = 0; i < 12; i++) {
		rig_run("echo", lane, args, OUT_CAP);
		assert_int_equal(rig_one.status, CHANNEL_NEED_SPACE);
	}
	rig_run("echo", lane, args, OUT_CAP);
	rig_expect(CHANNEL_FAILED, "\"kind\":\"out_of_memory\"");
	rig_ask(CHANNEL_OP_DROP, 0, token, 0);
	rig_run("echo", lane, args, OUT_CAP);
	assert_int_equal(rig_one.status, CHANNEL_NEED_SPACE);
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
	rig_run("echo", lane, args, OUT_CAP);
	rig_expect(CHANNEL_FAILED,
	    "{\"kind\":\"bad_result\",\"message\":\"the result has 1048577 bytes");
	free(args);
}

static void
check_broken_entries(void)
{
	struct channel_head	head = {
		.job = 1, .type_len = 4, .args_len = UINT32_MAX, .lane = LANE_ASYNC,
	};
	struct iovec		in[] = {
		{ &head, sizeof(head) }, { (void *)(uintptr_t)"echonull", 8 },
	};

	rig_submit(CHANNEL_OP_RUN, in, 2, OUT_CAP, 0, 0, &rig_one);
	channel_publish(rig.channel);
	rig_await(&rig_one);
	rig_expect(CHANNEL_FAILED, "lengths do not add up");
	in[0].iov_len = 7;
	rig_submit(CHANNEL_OP_RUN, in, 1, OUT_CAP, 0, 0, &rig_one);
	channel_publish(rig.channel);
	rig_await(&rig_one);
	rig_expect(CHANNEL_FAILED, "without a head");
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
	rig_run("file.digest", lane, args, OUT_CAP);
	unlink(path);
	rig_expect(CHANNEL_OK,
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
}

static void
check_nothing_inherited(void)
{
	char	path[64], target[256];
	ssize_t	len;

	rig_run("no.such", LANE_INLINE, "null", OUT_CAP);		/* it has started by now */
	snprintf(path, sizeof(path), "/proc/%d/fd/90", (int)rig.pid);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)rig.pid);
	len = readlink(path, target, sizeof(target) - 1);
	assert_true(len > 0);
	target[len] = '\0';
	assert_string_equal(target, "/dev/null");
}

static void
test_a_cpu_worker_tells_its_types(void **state)
{
	(void)state;
	check_hello();
	check_hello_in_pieces();
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
test_a_cpu_worker_reads_files_beneath_the_roots(void **state)
{
	(void)state;
	rig_start(false, "files.roots=/tmp");
	check_files(LANE_PROCESS);
	rig_end(NULL);
	rig_start(false, "log.level=warn");
	rig_run("file.digest", LANE_PROCESS, "{\"path\":\"/etc/passwd\"}", OUT_CAP);
	rig_expect(CHANNEL_FAILED,
	    "file types are off: no directory is configured (files.roots)");
}

static void
test_the_io_worker_tells_its_types(void **state)
{
	(void)state;
	check_hello();
	check_hello_in_pieces();
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
	rig_start(true, "files.roots=/tmp");
	check_files(LANE_THREAD);
}

static void
test_a_cpu_worker_inherits_nothing(void **state)
{
	(void)state;
	check_nothing_inherited();
}

static void
test_the_io_worker_inherits_nothing(void **state)
{
	(void)state;
	check_nothing_inherited();
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
		execl(rig_binary, rig_binary, a, b, c, d, (char *)NULL);
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

/* A process between this one and the worker plays the supervisor, and is killed. */
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
		rig_start(false, "log.level=warn");
		rig_run("echo", LANE_PROCESS, "1", OUT_CAP);
		if (write(pipes[1], &rig.pid, sizeof(rig.pid)) != sizeof(rig.pid))
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

#define with_cpu(test)	cmocka_unit_test_setup_teardown(test, rig_start_cpu, rig_end)
#define with_io(test)	cmocka_unit_test_setup_teardown(test, rig_start_io, rig_end)
#define without(test)	cmocka_unit_test_setup_teardown(test, rig_none, rig_end)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_cpu(test_a_cpu_worker_tells_its_types),
		with_io(test_the_io_worker_tells_its_types),
		with_cpu(test_a_cpu_worker_keeps_large_results),
		with_io(test_the_io_worker_keeps_large_results),
		without(test_a_cpu_worker_reads_files_beneath_the_roots),
		without(test_the_io_worker_reads_files_beneath_the_roots),
		with_cpu(test_a_cpu_worker_inherits_nothing),
		with_io(test_the_io_worker_inherits_nothing),
		without(test_by_hand_it_says_what_it_is),
		without(test_a_worker_dies_with_its_supervisor),
	};

	rig_find_binary();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
