/*
 * spawn.c - starts a program in a process of its own.  Runs in: exec workers, loop thread, and the
 * child between clone and exec.
 *
 * What the child does here it does in the worker's memory, while the worker waits: it may write to
 * its own stack alone, and everything that it needs is made before.  Order and stages: SECURITY
 * item 7.
 */
#include "workers/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "workers/clone_into.h"

#define STACK_BYTES	(64 << 10)

/* Its calls are made as they stand here: an instrumented one could write to the worker's memory. */
#if defined(__has_attribute) && __has_attribute(no_sanitize)
#define IN_CHILD	__attribute__((no_sanitize("address", "undefined", "thread"), noinline))
#else
#define IN_CHILD	__attribute__((noinline))
#endif

enum stage {
	STAGE_SESSION, STAGE_CGROUP, STAGE_LIMITS, STAGE_NICE, STAGE_USER, STAGE_PARENT,
	STAGE_CHDIR, STAGE_PRIVILEGES, STAGE_LANDLOCK, STAGE_SECCOMP, STAGE_STDIO,
	STAGE_DESCRIPTORS, STAGE_EXEC
};

static const char *const	stage_names[] = {
	"session", "cgroup", "limits", "nice", "user", "parent",
	"chdir", "privileges", "landlock", "seccomp", "stdio", "descriptors", "exec",
};

struct report {
	int32_t		stage, error;
};

/* What the child gets. */
struct child {
	const struct spawn	*s;
	pid_t			 parent;
	uid_t			 uid;
	gid_t			 gid;
	bool			 moves;		/* into its cgroup, where it did not start */
};

static char	*stack;
static int	 report_pipe[2] = { -1, -1 };
static bool	 no_clone_into;			/* it was tried, and there is none here */

int
spawn_init(void)
{
	if (pipe2(report_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	/* MAP_STACK and a guard page beneath: an overflow ends the child alone */
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	return mprotect(stack, 4096, PROT_NONE) == 0 ? 0 : -errno;
}

void
spawn_fini(void)
{
	munmap(stack, STACK_BYTES);
	close(report_pipe[0]);
	close(report_pipe[1]);
}

/* ---- the child ---- */

IN_CHILD __attribute__((noreturn)) static void
fail(enum stage stage)
{
	struct report	r = { .stage = stage, .error = errno };

	while (write(report_pipe[1], &r, sizeof(r)) < 0 && errno == EINTR)
		continue;
	_exit(127);
}

/*
 * Handlers would run in the worker's memory, and what it ignores the program would ignore too.  By
 * the system call: the library keeps two signals to itself, which may have been ignored for ages.
 * All zero is the default action, without flags.
 */
IN_CHILD static void
reset_signals(void)
{
	static const uint64_t	usual[8];
	sigset_t		none;

	for (int sig = 1; sig < _NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, usual, NULL, _NSIG / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

IN_CHILD static void
move(int cgroup)
{
	int	procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (procs < 0 || write(procs, "0", 1) != 1)
		fail(STAGE_CGROUP);
}

IN_CHILD static void
set_limits(const struct spawn *s)
{
	for (int i = 0; i < s->limits_count; i++) {
		struct rlimit	now, want = s->limits[i].value;

		if (getrlimit(s->limits[i].resource, &now) != 0)
			fail(STAGE_LIMITS);
		if (want.rlim_max > now.rlim_max)
			want.rlim_max = now.rlim_max;
		if (want.rlim_cur > want.rlim_max)
			want.rlim_cur = want.rlim_max;
		if (setrlimit(s->limits[i].resource, &want) != 0)
			fail(STAGE_LIMITS);
	}
}

/*
 * The worker was started as the user, with its groups; here the ways back are closed, by system
 * calls as such: the library's would look for other threads.
 */
IN_CHILD static void
settle_user(const struct child *c)
{
	uid_t	real, effective, saved;
	gid_t	real_group, effective_group, saved_group;

	if (syscall(SYS_setresgid, c->gid, c->gid, c->gid) != 0 ||
	    syscall(SYS_setresuid, c->uid, c->uid, c->uid) != 0)
		fail(STAGE_USER);
	if (getresuid(&real, &effective, &saved) != 0 ||
	    getresgid(&real_group, &effective_group, &saved_group) != 0)
		fail(STAGE_USER);
	errno = EPERM;
	if (effective != c->uid || saved != c->uid || effective_group != c->gid ||
	    saved_group != c->gid)
		fail(STAGE_USER);
	if (c->uid != 0 && syscall(SYS_setresuid, -1, 0, -1) == 0)
		fail(STAGE_USER);
}

/*
 * By no_new_privs anybody may.  The filter comes last, so that it need not know what comes before;
 * behind it are dup2, close_range, execve, write and _exit, which none refuses.
 */
IN_CHILD static void
confine(const struct spawn *s)
{
	if (s->ruleset >= 0 && syscall(__NR_landlock_restrict_self, s->ruleset, 0) != 0)
		fail(STAGE_LANDLOCK);
	if (s->filter != NULL && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, s->filter) != 0)
		fail(STAGE_SECCOMP);
}

IN_CHILD static void
set_stdio(const struct spawn *s)
{
	if (dup2(s->in, STDIN_FILENO) < 0 || dup2(s->out, STDOUT_FILENO) < 0 ||
	    dup2(s->err, STDERR_FILENO) < 0)
		fail(STAGE_STDIO);
}

/* The report pipe stays open until exec closes it, so that exec's failure can be told. */
IN_CHILD static void
close_others(void)
{
	unsigned	report = (unsigned)report_pipe[1];

	if ((report > 3 && syscall(SYS_close_range, 3u, report - 1, 0) != 0) ||
	    syscall(SYS_close_range, report + 1, ~0u, 0) != 0)
		fail(STAGE_DESCRIPTORS);
}

/* As execvp(3) does, but that what is no program is never given to a shell. */
IN_CHILD static void
exec_first(const struct spawn *s)
{
	int	error = ENOENT;

	for (char *const *path = s->paths; *path != NULL; path++) {
		execve(*path, s->argv, s->env);
		if (errno == EACCES)
			error = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR) {
			error = errno;
			break;
		}
	}
	errno = error;
	fail(STAGE_EXEC);
}

IN_CHILD static int
run_child(void *arg)
{
	const struct child	*c = arg;
	const struct spawn	*s = c->s;

	if (setsid() < 0)
		fail(STAGE_SESSION);
	if (c->moves)
		move(s->cgroup);
	reset_signals();
	umask(s->umask);
	set_limits(s);
	if (s->nice != 0 && setpriority(PRIO_PROCESS, 0, s->nice) != 0)
		fail(STAGE_NICE);
	settle_user(c);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != c->parent)
		fail(STAGE_PARENT);
	if (chdir(s->cwd) != 0)
		fail(STAGE_CHDIR);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail(STAGE_PRIVILEGES);
	confine(s);
	set_stdio(s);
	close_others();
	exec_first(s);
	return 127;
}

/* ---- the worker ---- */

/* A report is there by now: the child has ended, or has become its program. */
static int
read_report(struct spawn_failure *why)
{
	struct report	r;

	if (read(report_pipe[0], &r, sizeof(r)) != sizeof(r))
		return 0;
	why->stage = stage_names[r.stage];
	why->error = r.error;
	return -1;
}

/* What keeps it from starting in its cgroup is told, if need be, by the move there. */
static pid_t
clone_child(struct child *c)
{
	pid_t	pid;

	if (c->s->cgroup >= 0 && !no_clone_into) {
		pid = clone_into(c->s->cgroup, run_child, c, stack, STACK_BYTES);
		if (pid > 0)
			return pid;
		no_clone_into = errno == ENOSYS || errno == E2BIG || errno == EPERM;
		if (no_clone_into)
			log_info("commands are moved into their cgroups, which takes longer than to start "
			    "there: clone3 into a cgroup: %s", strerror(errno));
	}
	c->moves = c->s->cgroup >= 0;
	return clone(run_child, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, c);
}

pid_t
spawn(const struct spawn *s, struct spawn_failure *why)
{
	struct child	c = { .s = s, .parent = getpid(), .uid = getuid(), .gid = getgid() };
	sigset_t	all, before;
	pid_t		pid;
	int		error;

	/* No handler of the worker's may run in the child, which would take its memory for its own. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone_child(&c);
	error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		*why = (struct spawn_failure){ .stage = "clone", .error = error };
		return -1;
	}
	if (read_report(why) == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return -1;
}
