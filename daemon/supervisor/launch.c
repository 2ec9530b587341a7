/* launch.c - start one of jobd's own programs.  Runs in: supervisor, and between fork and exec. */
#include "daemon/supervisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/children.h"
#include "lib/alloc.h"
#include "lib/fd.h"

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

/*
 * The given descriptors to their numbers.  First all of them, and *report, out of the way of those
 * numbers: a source may sit where another one has to go.  Last everything else is closed.  0 or
 * -errno.
 */
static int
place_fds(const struct launch *l, int *report)
{
	int	 first_free = LAUNCH_FD + (int)l->nfds;
	int	*moved = mem_zalloc(l->nfds, sizeof(*moved));	/* exec frees it, or _exit */

	if ((*report = fcntl(*report, F_DUPFD_CLOEXEC, first_free)) < 0)
		return -errno;
	for (size_t i = 0; i < l->nfds; i++) {
		if ((moved[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, first_free)) < 0)
			return -errno;
	}
	for (size_t i = 0; i < l->nfds; i++) {
		if (dup2(moved[i], LAUNCH_FD + (int)i) < 0)
			return -errno;
	}
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	if (*report > first_free)
		close_range((unsigned)first_free, (unsigned)*report - 1, 0);
	return close_range((unsigned)*report + 1, UINT_MAX, 0) == 0 ? 0 : -errno;
}

static _Noreturn void
become(const struct launch *l, int report, pid_t parent)
{
	int	rc;

	reset_signals();
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(70);		/* it died before it could take us with it */
	if ((rc = place_fds(l, &report)) == 0) {
		execv(l->program, l->argv);
		rc = -errno;
	}
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
