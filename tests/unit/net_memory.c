/* net_memory.c - what an idle connection costs: 5,000 of them, made by a process of their own. */
#include "tests/unit/net_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/net/net.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define CONNECTIONS	5000
#define BYTES_EACH	2048	/* the promise; user space only */

static size_t
rss_bytes(void)
{
	char	*text = fd_read_file("/proc/self/statm", 128, NULL);
	size_t	 pages;

	assert_non_null(text);
	pages = strtoul(strchr(text, ' '), NULL, 10);
	free(text);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The other process: connects, calls once and reads the answer, a hundred connections at a time. */
static _Noreturn void
connect_all(const char *path, int pipe_fd)
{
	static const char	call[] =
	    "{\"id\":1,\"method\":\"job.call\",\"params\":{\"type\":\"echo\",\"args\":\"x\"}}\n";
	struct sockaddr_un	addr = { .sun_family = AF_UNIX };
	char			answer[512];

	strcpy(addr.sun_path, path);
	for (int i = 0; i < CONNECTIONS; i++) {
		int	fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
		    send(fd, call, sizeof(call) - 1, 0) != (ssize_t)sizeof(call) - 1 ||
		    recv(fd, answer, sizeof(answer), 0) <= 0)
			_exit(1);
	}
	if (write(pipe_fd, "x", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void
raise_file_limit(void)
{
	struct rlimit	r;

	assert_return_code(getrlimit(RLIMIT_NOFILE, &r), errno);
	if (r.rlim_max < CONNECTIONS + 100)
		skip();
	r.rlim_cur = r.rlim_max;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &r), errno);
}

static void
test_an_idle_connection_costs_less_than_two_kibibytes(void **state)
{
	static const char	*const settings[] = { "jobs.keep_finished=10", NULL };
	struct net_stats	s;
	struct rig		rig;
	size_t			before, each;
	int			fds[2];
	char			byte;
	pid_t			child;
	struct peer		first;

	(void)state;
	raise_file_limit();
	rig_open(&rig, settings);
	peer_open(&first, &rig, false);
	for (int i = 0; i < 100; i++)
		peer_ask(&first, "{'id':1,'method':'job.call','params':{'type':'echo'}}");
	assert_return_code(pipe(fds), errno);
	assert_int_equal(fd_set_nonblock(fds[0]), 0);
	before = rss_bytes();
	child = fork();
	assert_return_code(child, errno);
	if (child == 0)
		connect_all(rig.unix_path, fds[1]);
	for (int64_t end = clock_mono_ns() + 120 * NS_PER_S; read(fds[0], &byte, 1) != 1;) {
		rig_turn(&rig);
		assert_true(clock_mono_ns() < end);
		assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	}
	net_stats(rig.b.net, &s);
	assert_int_equal(s.connections, CONNECTIONS + 1);
	each = (rss_bytes() - before) / CONNECTIONS;
	print_message("# %zu bytes of RSS per idle connection\n", each);
#if !defined(SANITIZED)
	assert_in_range(each, 1, BYTES_EACH);
#endif
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int64_t end = clock_mono_ns() + 60 * NS_PER_S; s.connections > 1;) {
		rig_turn(&rig);
		net_stats(rig.b.net, &s);
		assert_true(clock_mono_ns() < end);
	}
	peer_close(&first);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_an_idle_connection_costs_less_than_two_kibibytes),
	};

	return cmocka_run_group_tests_name("memory of connections", tests, NULL, NULL);
}
