/*
 * channel_kills.c - what is left of the channel's throughput when workers are killed 300 times a
 * second.
 *
 *   channel_kills [--rounds N] [--ms N] [--check]
 *
 * Two workers; rounds with and without kills take turns, and the medians are compared.  --check:
 * exit 1 when less than half is left.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/crash/channel_rig.h"

#define ROUNDS_MAX	101
#define KILLS_PER_S	300
#define TARGET		0.5

struct round {
	struct rig	*rig;
	int64_t		 until_ns;
	atomic_bool	 over;
};

static bool
has_time(void *arg)
{
	return clock_mono_ns() < ((struct round *)arg)->until_ns;
}

static void *
kill_workers(void *arg)
{
	struct round	*r = arg;

	while (!atomic_load(&r->over)) {
		usleep(1000000 / KILLS_PER_S);
		rig_signal(r->rig, rig_random(), SIGKILL);
	}
	return NULL;
}

/* Jobs per second; *deaths grows by the workers that died. */
static double
run(bool kills, int64_t ms, uint64_t *deaths)
{
	const struct rig_config	cfg = {
		.channel = { .fifo = true, .kick = CHANNEL_KICK_FUTEX, .depth = 64, .runs = 1,
			.in_bytes = 1 << 20, .out_bytes = 1 << 20 },
		.workers = 2, .window = 8, .work = rig_work, .check_answers = true,
	};
	struct round		r = { .rig = rig_new(&cfg) };
	int64_t			start_ns = clock_mono_ns();
	pthread_t		thread;
	double			jobs_s;

	r.until_ns = start_ns + ms * NS_PER_MS;
	if (kills && pthread_create(&thread, NULL, kill_workers, &r) != 0)
		exit(1);
	rig_run(r.rig, 1, has_time, &r);
	jobs_s = (double)rig_counts(r.rig)->recorded * 1e9 / (double)(clock_mono_ns() - start_ns);
	atomic_store(&r.over, true);
	if (kills)
		pthread_join(thread, NULL);
	*deaths += rig_counts(r.rig)->deaths;
	rig_free(r.rig);
	return jobs_s;
}

static int
compare_doubles(const void *a, const void *b)
{
	double	x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	double		calm[ROUNDS_MAX], storm[ROUNDS_MAX], left;
	uint64_t	deaths = 0, none = 0;
	int		rounds = 5;
	int64_t		ms = 500;
	bool		check = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			check = true;
		else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--ms") == 0 && i + 1 < argc)
			ms = atoi(argv[++i]);
		else
			rounds = 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || ms < 1) {
		fprintf(stderr, "usage: channel_kills [--rounds 1..%d] [--ms N] [--check]\n",
		    ROUNDS_MAX);
		return 2;
	}
	for (int i = 0; i < rounds; i++) {
		calm[i] = run(false, ms, &none);
		storm[i] = run(true, ms, &deaths);
	}
	qsort(calm, (size_t)rounds, sizeof(*calm), compare_doubles);
	qsort(storm, (size_t)rounds, sizeof(*storm), compare_doubles);
	left = storm[rounds / 2] / calm[rounds / 2];
	printf("jobs/s, two workers, medians of %d rounds: %.0f without kills, %.0f with "
	    "%.0f deaths/s: %.2f of it, >= %.1f %s\n", rounds, calm[rounds / 2],
	    storm[rounds / 2], (double)deaths * 1e3 / (double)(ms * rounds), left, TARGET,
	    left >= TARGET ? "met" : "MISSED");
	return check && left < TARGET;
}
