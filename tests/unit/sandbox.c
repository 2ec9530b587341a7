/* sandbox.c - what a worker cannot do any more.  Each test gives it up in a child of its own. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workers/worker.h"

/* The child's exit status: 0, or the line where it saw what should not be. */
#define CHILD_CHECK(what)	do { if (!(what)) _exit(__LINE__ % 250 + 1); } while (0)

static void
in_child(void (*body)(void))
{
	int	status;
	pid_t	pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Sanitizers need the system calls that the seal refuses: there it is left out of the program. */
#ifndef SANITIZED
static bool
is_refused(long rc)
{
	return rc == -1 && errno == EPERM;
}

static void
seal_cpu(void)
{
	static char	page[8192] __attribute__((aligned(4096)));
	struct iovec	iov = { page, 1 };
	char		*shared;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHILD_CHECK(shared != MAP_FAILED);
	shared[0] = 'x';
	CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHILD_CHECK(sandbox_seal(CONTROL_LANE_CPU) == 0);
	CHILD_CHECK(is_refused(fork()));
	CHILD_CHECK(is_refused(syscall(SYS_clone3, NULL, 0)));
	CHILD_CHECK(is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
	CHILD_CHECK(is_refused(process_vm_readv(getppid(), &iov, 1, &iov, 1, 0)));
	CHILD_CHECK(is_refused(process_vm_writev(getppid(), &iov, 1, &iov, 1, 0)));
	CHILD_CHECK(is_refused(madvise(shared, 4096, MADV_REMOVE)));
	CHILD_CHECK(shared[0] == 'x');
	/* what a handler needs still works */
	CHILD_CHECK(madvise(page, 4096, MADV_DONTNEED) == 0);
	free(malloc(64 << 20));
	CHILD_CHECK(close(open("/dev/null", O_RDONLY)) == 0);
}

static void
test_a_sealed_cpu_worker_cannot_make_processes_or_holes(void **state)
{
	(void)state;
	in_child(seal_cpu);
}
#endif

static void
seal_io(void)
{
	pid_t	pid;

	CHILD_CHECK(sandbox_seal(CONTROL_LANE_IO) == 0);
	CHILD_CHECK((pid = fork()) >= 0);
	if (pid == 0)
		_exit(0);
	CHILD_CHECK(waitpid(pid, NULL, 0) == pid);
}

static void
test_the_io_worker_keeps_its_threads(void **state)
{
	(void)state;
	in_child(seal_io);
}

static void
enter_cpu(void)
{
	struct config	config;
	struct rlimit	core;
	struct sigaction sa;
	sigset_t	all, now;
	int		signal_number;

	config_init(&config);
	config.cpu_nice = 7;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	CHILD_CHECK(dup2(0, CONTROL_WORKER_EVENT) == CONTROL_WORKER_EVENT);
	CHILD_CHECK(dup2(0, CONTROL_WORKER_EVENT + 1) > 0 && dup2(0, 200) == 200);
	CHILD_CHECK(sandbox_enter(CONTROL_LANE_CPU, &config) == 0);
	CHILD_CHECK(fcntl(CONTROL_WORKER_EVENT, F_GETFD) >= 0);
	CHILD_CHECK(fcntl(CONTROL_WORKER_EVENT + 1, F_GETFD) < 0 && fcntl(200, F_GETFD) < 0);
	CHILD_CHECK(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 7);
	CHILD_CHECK(sched_getscheduler(0) == SCHED_BATCH);
	CHILD_CHECK(prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGKILL);
	CHILD_CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHILD_CHECK(sigaction(SIGTERM, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
	sigprocmask(SIG_SETMASK, NULL, &now);
	CHILD_CHECK(sigismember(&now, SIGUSR1) == 0);
}

static void
enter_cpu_not_nice(void)
{
	struct config	config;

	config_init(&config);
	config.cpu_nice = 0;
	CHILD_CHECK(dup2(0, CONTROL_WORKER_EVENT) == CONTROL_WORKER_EVENT);
	CHILD_CHECK(sandbox_enter(CONTROL_LANE_CPU, &config) == 0);
	CHILD_CHECK(getpriority(PRIO_PROCESS, 0) == 0);
	CHILD_CHECK(sched_getscheduler(0) == SCHED_OTHER);
}

static void
test_cpu_workers_that_are_not_nice_are_scheduled_as_all_others(void **state)
{
	(void)state;
	in_child(enter_cpu_not_nice);
}

static void
test_a_cpu_worker_starts_with_nothing_inherited(void **state)
{
	(void)state;
	in_child(enter_cpu);
}

static void
enter_io(void)
{
	struct config	config;

	config_init(&config);
	CHILD_CHECK(dup2(0, CONTROL_WORKER_KICK) == CONTROL_WORKER_KICK);
	CHILD_CHECK(dup2(0, CONTROL_WORKER_KICK + 1) > 0);
	CHILD_CHECK(sandbox_enter(CONTROL_LANE_IO, &config) == 0);
	CHILD_CHECK(fcntl(CONTROL_WORKER_KICK, F_GETFD) >= 0);
	CHILD_CHECK(fcntl(CONTROL_WORKER_KICK + 1, F_GETFD) < 0);
	CHILD_CHECK(sched_getscheduler(0) == SCHED_OTHER);
}

static void
test_the_io_worker_keeps_its_kick_socket_and_its_priority(void **state)
{
	(void)state;
	in_child(enter_io);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#ifndef SANITIZED
		cmocka_unit_test(test_a_sealed_cpu_worker_cannot_make_processes_or_holes),
#endif
		cmocka_unit_test(test_the_io_worker_keeps_its_threads),
		cmocka_unit_test(test_a_cpu_worker_starts_with_nothing_inherited),
		cmocka_unit_test(test_cpu_workers_that_are_not_nice_are_scheduled_as_all_others),
		cmocka_unit_test(test_the_io_worker_keeps_its_kick_socket_and_its_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
