/* measure.c - how an attempt spends its time.  Runs in: workers, any thread that runs a handler. */
#include "workers/measure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"

#define FIRST		32		/* attempts of a type that are all measured */
#define ONE_IN		16
#define ONE_IN_SHORT	256		/* of those that are shorter than their measurement would be */
#define SHORT_NS	(10 * INT64_C(1000))
#define LONG_NS		NS_PER_MS	/* from here on the cost of measuring does not count */
#define MEMORY		16		/* attempts that the mean remembers */

/*
 * Of the thread that opened it, for as long as that lives: the kernel resolves thread-self once.
 * A pool's threads end with their process, so nobody closes it.
 */
static int
schedstat(void)
{
	static _Thread_local int	fd = -2;

	if (fd == -2)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	return fd;
}

/* `cpu_ns queued_ns timeslices` */
int64_t
measure_queued_ns(void)
{
	char	 text[80], *at;
	ssize_t	 n = pread(schedstat(), text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	strtoll(text, &at, 10);
	return strtoll(at, NULL, 10);
}

void
measure_now(struct measure *m)
{
	m->queued_ns = measure_queued_ns();
	m->cpu_ns = clock_thread_cpu_ns();
	m->wall_ns = clock_mono_ns();
}

struct measure
measure_between(const struct measure *start, const struct measure *end)
{
	bool	known = start->queued_ns >= 0 && end->queued_ns >= 0;

	return (struct measure){
		.wall_ns = end->wall_ns - start->wall_ns, .cpu_ns = end->cpu_ns - start->cpu_ns,
		.queued_ns = known ? end->queued_ns - start->queued_ns : -1,
	};
}

void
measure_usage(const struct measure *spent, struct channel_usage *out)
{
	bool	known = spent->queued_ns >= 0;
	int64_t	cpu = spent->cpu_ns > 0 ? spent->cpu_ns : 0;
	int64_t	blocked = spent->wall_ns - cpu - (known ? spent->queued_ns : 0);

	if (blocked < 0)	/* the clocks were not read at one moment */
		blocked = 0;
	if (cpu + blocked == 0)
		return;
	out->measured = true;
	out->queue_known = known;
	out->cpu_permille = (uint16_t)(cpu * 1000 / (cpu + blocked));
}

bool
measure_wanted(struct measure_plan *plan)
{
	uint64_t	n = plan->seen++;

	if (n < FIRST || plan->mean_ns >= LONG_NS)
		return true;
	return n % (plan->mean_ns < SHORT_NS ? ONE_IN_SHORT : ONE_IN) == 0;
}

void
measure_took(struct measure_plan *plan, int64_t ns)
{
	plan->mean_ns += (ns - plan->mean_ns) / MEMORY;
}
