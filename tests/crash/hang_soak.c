/*
 * hang_soak.c - many short runs with pauses injected between the steps of the protocol, on both sides: a
 * wake-up that can be lost is lost here, and the run hangs.  This program is linked with the channel built
 * with CHANNEL_STEP (below), and the rig's watchdog.
 *
 *   hang_soak [RUNS [JOBS]]	default 40 1000
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "tests/crash/channel_rig.h"

static bool
run(unsigned n, uint64_t jobs)
{
	const bool		 futex = n % 2 == 0;
	const struct rig_config	 cfg = {
		.channel = { .fifo = futex, .kick = futex ? CHANNEL_KICK_FUTEX : CHANNEL_KICK_SOCKET,
			.depth = 8, .runs = 1, .in_bytes = 1 << 16, .out_bytes = 1 << 16 },
		.workers = 2, .window = n % 8 < 6 ? 1 : 3, .first = n % 4 < 2 ? 0 : 0xfffffff0,
		.work = rig_work, .check_answers = true,
	};
	struct rig		*r;
	const struct rig_counts	*c;
	bool			 good;

	rig_seed(n);
	r = rig_new(&cfg);
	c = rig_counts(r);
	rig_run(r, jobs, NULL, NULL);
	good = c->twice == 0 && c->wrong == 0 && c->hostile == 0 && c->deaths == 0;
	if (!good)
		printf("FAIL run %u: %llu deaths, %llu twice, %llu wrong, %llu hostile\n", n,
		    (unsigned long long)c->deaths, (unsigned long long)c->twice,
		    (unsigned long long)c->wrong, (unsigned long long)c->hostile);
	rig_free(r);
	return good;
}

int
main(int argc, char **argv)
{
	unsigned	runs = argc > 1 ? (unsigned)atoi(argv[1]) : 40;
	uint64_t	jobs = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	int64_t		start_ns = clock_mono_ns();

	for (unsigned n = 0; n < runs; n++)
		if (!run(n, jobs))
			return 1;
	printf("ok   %u runs of %llu jobs, window 1 and 3, 2 workers, pauses between steps: none hung; %.1f s\n",
	    runs, (unsigned long long)jobs, (double)(clock_mono_ns() - start_ns) / 1e9);
	return 0;
}
