/* thread.c - threads beside a process's loop.  Runs in: every process. */
#include "lib/thread.h"

#include <signal.h>

int
thread_start(pthread_t *out, void *(*main)(void *arg), void *arg)
{
	sigset_t	all, before;
	int		rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(out, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}
