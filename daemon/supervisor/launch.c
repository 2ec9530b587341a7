/* launch.c - start a program.  Runs in: supervisor, and between fork and exec. */
#include "daemon/supervisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/account.h"
#include "daemon/supervisor/children.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define FOREIGN_FILES	1024		/* descriptors; more may be asked for by setrlimit(2) */

/* ---- the child ---- */

static void
reset_signals(void)
{
	sigset_t	none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);		/* fails for those that have no handler: good */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0, or -errno; -EPERM also when what was given up could be had again. */
static int
become_account(const struct account *as)
{
	uid_t	uid[3];
	gid_t	gid[3];

	if (setgroups(as->ngroups, as->groups) != 0 ||
	    setresgid(as->gid, as->gid, as->gid) != 0 || setresuid(as->uid, as->uid, as->uid) != 0 ||
	    getresuid(&uid[0], &uid[1], &uid[2]) != 0 || getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		if (uid[i] != as->uid || gid[i] != as->gid)
			return -EPERM;
	}
	return as->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0) ? -EPERM : 0;
}

/* Out of the way of the numbers below first_free; 0, or -errno. */
static int
move(int fd, int first_free, int *out)
{
	*out = fcntl(fd, F_DUPFD_CLOEXEC, first_free);
	return *out < 0 ? -errno : 0;
}

/*
 * The given descriptors to their numbers.  First all of them, and *report, out of the way of those
 * numbers: a source may sit where another one has to go.  Last everything else is closed.  0 or
 * -errno.
 */
static int
place_fds(const struct launch *l, int *report)
{
	int	 first_free = LAUNCH_FD + (int)l->nfds, out, err, rc;
	int	*moved = mem_zalloc(l->nfds + 1, sizeof(*moved));	/* exec frees it, or _exit */

	if ((rc = move(*report, first_free, report)) != 0 ||
	    (rc = move(l->foreign ? l->out : STDERR_FILENO, first_free, &out)) != 0 ||
	    (rc = move(l->foreign ? l->err : STDERR_FILENO, first_free, &err)) != 0)
		return rc;
	for (size_t i = 0; i < l->nfds; i++) {
		if ((rc = move(l->fds[i], first_free, &moved[i])) != 0)
			return rc;
	}
	for (size_t i = 0; i < l->nfds; i++) {
		if (dup2(moved[i], LAUNCH_FD + (int)i) < 0)
			return -errno;
	}
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		return -errno;
	if (*report > first_free)
		close_range((unsigned)first_free, (unsigned)*report - 1, 0);
	return close_range((unsigned)*report + 1, UINT_MAX, 0) == 0 ? 0 : -errno;
}

/* Not jobd's own: it gets less. */
static int
enter_foreign(const struct launch *l)
{
	struct rlimit	files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FOREIGN_FILES) {
		files.rlim_cur = FOREIGN_FILES;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (chdir(l->cwd == NULL ? "/" : l->cwd) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

/* 0 only if the kernel has forgotten how: exec does not return. */
static int
run(const struct launch *l)
{
	if (l->env != NULL)
		environ = (char **)l->env;
	if (l->foreign)
		execvp(l->program, l->argv);
	else
		execv(l->program, l->argv);
	return -errno;
}

/* In the order of SECURITY: a change of credentials takes the death signal away. */
static _Noreturn void
become(const struct launch *l, int report, pid_t parent)
{
	int	rc = 0;

	reset_signals();
	setsid();
	if (l->cgroup >= 0 && write(l->cgroup, "0", 1) != 1)
		rc = -errno;
	if (rc == 0 && l->as != NULL)
		rc = become_account(l->as);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(70);		/* it died before it could take us with it */
	if (rc == 0 && l->foreign)
		rc = enter_foreign(l);
	if (rc == 0)
		rc = place_fds(l, &report);
	if (rc == 0)
		rc = run(l);
	fd_write_all(report, &rc, sizeof(rc));
	_exit(127);
}

/* ---- the parent ---- */

/* What became of exec: 0, or -errno from the child.  Ends with exec or with the child's end. */
static int
hear_report(int fd)
{
	int	rc = 0;
	ssize_t	n;

	do
		n = read(fd, &rc, sizeof(rc));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(rc) ? rc : 0;
}

static void
give_up(struct child *c)
{
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_close(&c->pidfd);
}

int
launch(const struct launch *l, struct child *out)
{
	struct child	c = { .pidfd = -1 };
	pid_t		self = getpid();
	int		report[2], rc;

	if (pipe2(report, O_CLOEXEC) != 0)
		return -errno;
	if ((c.pid = fork()) < 0) {
		rc = -errno;
		close(report[0]);
		close(report[1]);
		return rc;
	}
	if (c.pid == 0)
		become(l, report[1], self);
	close(report[1]);
	c.pidfd = pidfd_open(c.pid, 0);		/* nobody has reaped it: the pid is its own */
	rc = c.pidfd < 0 ? -errno : hear_report(report[0]);
	close(report[0]);
	if (rc != 0) {
		give_up(&c);
		return rc;
	}
	c.start = children_start_time(c.pid);
	*out = c;
	return 0;
}
