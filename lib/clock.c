/* clock.c - the only place that asks the system for the time.  Runs in: every process. */
#include "lib/clock.h"

#include <time.h>

static int64_t
read_ns(clockid_t id)
{
	struct timespec	ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t
clock_coarse_ns(void)
{
	return read_ns(CLOCK_MONOTONIC_COARSE);
}

int64_t
clock_real_ms(void)
{
	return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

int64_t
clock_thread_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
clock_after_ms(int64_t now_ns, int64_t ms)
{
	return ms > (INT64_MAX - now_ns) / NS_PER_MS ? INT64_MAX : now_ns + ms * NS_PER_MS;
}
