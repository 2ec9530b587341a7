/* plugin.h - what plugins of the tests share. */
#ifndef TESTS_PLUGINS_PLUGIN_H
#define TESTS_PLUGINS_PLUGIN_H

#include <signal.h>
#include <stdlib.h>
#include <time.h>

static inline void
nap(long ms)
{
	struct timespec	ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static inline void
crash(void)
{
	signal(SIGSEGV, SIG_DFL);		/* a sanitizer has a handler of its own */
	raise(SIGSEGV);
	abort();
}

#endif
