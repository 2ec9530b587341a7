/* stopped.c - is a worker's process stopped?  Runs in: broker, loop thread.
 *
 * A process that was stopped (SIGSTOP) answers nobody, and is no different from one with a long job
 * but for its state, which is asked for once a second.  It is killed when it was stopped at each
 * look for as long as jobs have to end.  One that a debugger has stopped (state t) is left alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define STAT_BYTES	1024

static bool
is_stopped(int pid)
{
	char	 path[32], *text, *after;
	bool	 stopped;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if ((text = fd_read_file(path, STAT_BYTES, NULL)) == NULL)
		return false;
	after = strrchr(text, ')');		/* the name before it may be anything */
	stopped = after != NULL && strncmp(after, ") T ", 4) == 0;
	free(text);
	return stopped;
}

/*
 * Looks are counted, and not the time: if we were stopped as well, as by Ctrl-Z, all may have been
 * continued a moment ago.
 */
void
stopped_look(struct seat *seat)
{
	int64_t	patience_ns = lanes_patience_ns(seat->lanes);

	if (seat->state == WORKER_DYING || seat->dead_ns != 0 || !is_stopped(seat->pid)) {
		seat->stopped_looks = 0;
		return;
	}
	if (seat->stopped_looks++ * LANES_LOOK_NS < patience_ns)
		return;
	seat->blocked = seat->stopped = true;
	seat_kill(seat, "its process is stopped (SIGSTOP)");
}
