/*
 * channel_storm.c - workers are killed, stopped and continued at random while jobs run: every job
 * has one outcome, and nothing is left behind.
 *
 *   channel_storm [JOBS [DEATHS]]	at least so many of both; default 20000 1000
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/crash/channel_rig.h"

#define PAUSE_US	8000	/* between two strikes, at most */

struct storm {
	struct rig	*rig;
	uint64_t	 deaths;
	atomic_bool	 over;
};

/* In a thread, so that a kill can come at any step of the broker too. */
static void *
strike(void *arg)
{
	struct storm	*s = arg;

	rig_seed(77);
	while (!atomic_load(&s->over)) {
		uint32_t	r = rig_random();

		rig_signal(s->rig, r >> 4, r % 4 < 2 ? SIGKILL : r % 4 == 2 ? SIGSTOP : SIGCONT);
		usleep(rig_random() % PAUSE_US);
	}
	return NULL;
}

static bool
more(void *arg)
{
	struct storm	*s = arg;

	return rig_counts(s->rig)->deaths < s->deaths;
}

static bool
run_storm(const char *name, const struct rig_config *cfg, uint64_t jobs, uint64_t deaths)
{
	struct storm		 s = { .rig = rig_new(cfg), .deaths = deaths };
	const struct rig_counts	*c = rig_counts(s.rig);
	unsigned		 memory;
	pthread_t		 thread;
	bool			 good;

	if (pthread_create(&thread, NULL, strike, &s) != 0)
		return false;
	rig_run(s.rig, jobs, more, &s);
	atomic_store(&s.over, true);
	pthread_join(thread, NULL);
	memory = rig_channel_memory();
	good = c->twice == 0 && c->wrong == 0 && c->hostile == 0 && memory == 2 * cfg->workers;
	printf("%s %s: %llu jobs once each, %llu deaths (%llu for slowness), %llu retries, "
	    "%llu recovered from the dead, %llu twice, %llu wrong, %u mappings\n",
	    good ? "ok  " : "FAIL", name, (unsigned long long)c->recorded,
	    (unsigned long long)c->deaths, (unsigned long long)c->slow,
	    (unsigned long long)c->retries, (unsigned long long)c->recovered,
	    (unsigned long long)c->twice, (unsigned long long)c->wrong, memory);
	rig_free(s.rig);
	return good;
}

int
main(int argc, char **argv)
{
	struct rig_config	fifo = {
		.channel = { .fifo = true, .kick = CHANNEL_KICK_FUTEX, .depth = 64, .runs = 1,
			.in_bytes = 1 << 20, .out_bytes = 1 << 20 },
		.workers = 3, .window = 8, .work = rig_work, .check_answers = true,
		.slow_ms = 300,
	};
	struct rig_config	slots = fifo;
	uint64_t		jobs = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint64_t		deaths = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
	unsigned		before = rig_open_descriptors();
	int64_t			start_ns = clock_mono_ns();
	bool			good;

	slots.channel.fifo = false;
	slots.channel.kick = CHANNEL_KICK_SOCKET;
	good = run_storm("fifo", &fifo, jobs - jobs / 4, deaths - deaths / 4) &&
	    run_storm("slots", &slots, jobs / 4, deaths / 4);
	if (rig_open_descriptors() != before || rig_channel_memory() != 0)
		good = false;
	printf("%s descriptors before %u, after %u; channel mappings left %u; %.1f s\n",
	    good ? "ok  " : "FAIL", before, rig_open_descriptors(), rig_channel_memory(),
	    (double)(clock_mono_ns() - start_ns) / 1e9);
	return !good;
}
