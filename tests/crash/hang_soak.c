/*
 * hang_soak.c - many short runs with pauses injected between the steps of the protocol, on both
 * sides: a wake-up that can be lost is lost here, and the run hangs, which the rig's watchdog
 * tells.  This program is linked with a channel that was built with channel_pause.h.  In some runs
 * the CPUs are overloaded too.
 *
 *   hang_soak [RUNS [JOBS]]	default 40 1000
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/crash/channel_rig.h"

#define BURNERS		4
#define BURDENED(n)	((n) % 16 == 7)
#define BURDENED_JOBS	100	/* each waits for a time slice or two */

/* Processes that compute for nothing. */
static void
burners_start(pid_t pids[BURNERS])
{
	for (int i = 0; i < BURNERS; i++) {
		if ((pids[i] = fork()) != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (volatile unsigned long sum = 0;; sum++)
			;
	}
}

static void
burners_stop(const pid_t pids[BURNERS])
{
	for (int i = 0; i < BURNERS; i++)
		if (pids[i] > 0 && kill(pids[i], SIGKILL) == 0)
			waitpid(pids[i], NULL, 0);
}

static bool
run(unsigned n, uint64_t jobs)
{
	const bool		 futex = n % 8 < 4;
	const struct rig_config	 cfg = {
		.channel = { .fifo = futex,
			.kick = futex ? CHANNEL_KICK_FUTEX : CHANNEL_KICK_SOCKET, .depth = 8,
			.runs = 1, .in_bytes = 1 << 16, .out_bytes = 1 << 16 },
		.workers = 2, .window = n % 6 < 4 ? 1 : 3, .first = n % 5 < 3 ? 0 : 0xfffffff0,
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

	for (unsigned n = 0; n < runs; n++) {
		pid_t	pids[BURNERS] = { 0 };
		bool	good;

		if (BURDENED(n))
			burners_start(pids);
		good = run(n, BURDENED(n) && jobs > BURDENED_JOBS ? BURDENED_JOBS : jobs);
		if (BURDENED(n))
			burners_stop(pids);
		if (!good)
			return 1;
	}
	printf("ok   %u runs of %llu jobs, window 1 and 3, 2 workers, pauses between steps, "
	    "overload: none hung; %.1f s\n",
	    runs, (unsigned long long)jobs, (double)(clock_mono_ns() - start_ns) / 1e9);
	return 0;
}
