/* top_finder.c - looks for the daemon beside the loop.  Runs in: jobctl, a thread of its own. */
#include "client/top_finder.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/thread.h"

struct top_finder {
	struct ctl	ctl;		/* the thread's, until it is joined; so is all below but fd */
	int		code;		/* of ctl_try_connect */
	char		why[512];
	int		fd;		/* an eventfd */
	pthread_t	thread;
};

static void *
look(void *arg)
{
	struct top_finder	*f = arg;
	uint64_t		 done = 1;

	f->code = ctl_try_connect(&f->ctl, CTL_LINE_BYTES, f->why, sizeof(f->why));
	(void)fd_write_all(f->fd, &done, sizeof(done));		/* an eventfd that is 0 has room */
	return NULL;
}

struct top_finder *
top_finder_start(const struct ctl *ctl)
{
	struct top_finder	*f = mem_zalloc(1, sizeof(*f));
	int			 rc;

	f->ctl.verb = ctl->verb;
	f->ctl.opt = ctl->opt;
	f->fd = eventfd(0, EFD_CLOEXEC);
	rc = f->fd < 0 ? -errno : thread_start(&f->thread, look, f);
	if (rc == 0)
		return f;
	fd_close(&f->fd);
	free(f);
	errno = -rc;
	return NULL;
}

int
top_finder_fd(const struct top_finder *f)
{
	return f->fd;
}

bool
top_finder_take(struct top_finder *f, struct ctl *ctl, char *why, size_t size)
{
	bool	good;

	pthread_join(f->thread, NULL);
	if ((good = f->code == 0)) {
		free(ctl->principal);
		free(ctl->server);
		ctl->conn = f->ctl.conn;
		ctl->principal = f->ctl.principal;
		ctl->server = f->ctl.server;
		ctl->daemon_line = f->ctl.daemon_line;
		ctl->line_bytes = f->ctl.line_bytes;
	} else {
		snprintf(why, size, "%s", f->why);
	}
	fd_close(&f->fd);
	free(f);
	return good;
}
