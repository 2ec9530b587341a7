/*
 * sandbox.c - what a worker gives up before it runs anything.  Runs in: workers, at start.
 *
 * Order matters: nothing that was inherited may live on into the loops, and the filter comes last
 * because setting up needs what it refuses.  Source: SECURITY items 7, 8 and SHM section 0, items
 * 8 and 9.
 */
#include "workers/worker.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/log.h"
#include "workers/filter.h"

/*
 * Ended by the broker's stop, or by force; a ^C in a terminal is the supervisor's business.
 * Writing to a closed socket or beyond a limit of file size is an error of the job, not the
 * worker's end.
 */
static void
ignore_signals(void)
{
	static const int	ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ };
	sigset_t		none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Dies with the supervisor, also when that died before this call. */
static int
die_with_parent(void)
{
	pid_t	parent = getppid();

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

/* Whoever wants cpu workers that are not nice wants them woken at once too. */
static void
be_nice(const struct config *config)
{
	static const struct sched_param	none;

	if (config->cpu_nice == 0)
		return;
	if (sched_setscheduler(0, SCHED_BATCH, &none) != 0)
		log_warn("cannot run as a batch process: %s", strerror(errno));
	if (setpriority(PRIO_PROCESS, 0, (int)config->cpu_nice) != 0)
		log_warn("cannot be nice: %s", strerror(errno));
}

int
sandbox_enter(enum control_lane lane, const struct config *config)
{
	static const struct rlimit	no_core = { 0, 0 };
	unsigned			first;
	int				rc;

	ignore_signals();
	if ((rc = die_with_parent()) != 0)
		return rc;
	first = lane == CONTROL_LANE_CPU ? CONTROL_WORKER_EVENT + 1 : CONTROL_WORKER_KICK + 1;
	if (syscall(SYS_close_range, first, ~0u, 0) != 0)
		return -errno;
	/* a command's type may allow it one: spawn.c sets it anew */
	if (lane != CONTROL_LANE_EXEC && setrlimit(RLIMIT_CORE, &no_core) != 0)
		return -errno;
	if (lane == CONTROL_LANE_CPU)
		be_nice(config);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

#if defined(SANITIZED)		/* the sanitizers' own threads and forks need what is refused */

int
sandbox_seal(enum control_lane lane)
{
	(void)lane;
	return 0;
}

#else

static const uint32_t	refused[] = {
#ifdef SYS_fork
	SYS_fork,
#endif
#ifdef SYS_vfork
	SYS_vfork,
#endif
	SYS_clone,
	SYS_clone3,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
};

static void
build(struct filter *f)
{
	filter_begin(f);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		filter_refuse(f, refused[i], EPERM);
	/* madvise(MADV_REMOVE) would punch holes into the region that the broker reads */
	filter_refuse_if(f, SYS_madvise, 2, ~0u, MADV_REMOVE, EPERM);
	filter_end(f);
}

int
sandbox_seal(enum control_lane lane)
{
	struct filter		f;
	struct sock_fprog	filter;

	if (lane != CONTROL_LANE_CPU)		/* the pool of the io worker needs threads */
		return 0;
	build(&f);
	filter = (struct sock_fprog){ .len = f.len, .filter = f.code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : -errno;
}

#endif
