/* background.c - --daemonize.  Runs in: supervisor, and its short-lived parent. */
#include "daemon/supervisor/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/options.h"
#include "lib/fd.h"

static int	waiting = -1;		/* the parent reads its other end */

static _Noreturn void
await_child(pid_t pid, int fd)
{
	char	byte;
	int	status;
	ssize_t	n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			_exit(EXIT_INTERNAL);
	}
	/* An end before it served is no success, whatever it says. */
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : EXIT_INTERNAL);
}

void
background_start(void)
{
	int	pair[2];
	pid_t	pid;

	fflush(NULL);
	if (pipe2(pair, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		fprintf(stderr, "jobd: --daemonize: %s\n", strerror(errno));
		exit(EXIT_INTERNAL);
	}
	if (pid != 0) {
		close(pair[1]);
		await_child(pid, pair[0]);
	}
	close(pair[0]);
	waiting = pair[1];
	setsid();
}

void
background_serving(void)
{
	if (waiting < 0)
		return;
	dup2(STDIN_FILENO, STDOUT_FILENO);	/* /dev/null */
	fd_write_all(waiting, "", 1);
	fd_close(&waiting);
}
