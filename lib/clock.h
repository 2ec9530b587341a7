/* clock.h - the only place that asks the system for the time.  Decisions take now as an argument. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

#define NS_PER_MS	INT64_C(1000000)
#define NS_PER_S	INT64_C(1000000000)

int64_t clock_mono_ns(void);		/* CLOCK_MONOTONIC: timers, durations */
int64_t clock_coarse_ns(void);		/* the same in steps of some ms, for next to nothing */
int64_t clock_real_ms(void);		/* milliseconds since the epoch: records */
int64_t clock_thread_cpu_ns(void);	/* CPU time of the calling thread */

/* now_ns + ms; INT64_MAX (never) when that is more than the clock can show.  ms >= 0. */
int64_t clock_after_ms(int64_t now_ns, int64_t ms);

#endif
