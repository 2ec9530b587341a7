/* sim.c - the scheduler under a seeded random schedule, against a model.  Runs in: tests.
 *
 *   sim [--seed N | --seeds FROM-TO] [--steps N] [--trace] [--bench]
 *
 * Without options: seeds 1 to 1000, as a TAP program.  Each failing seed is printed with the
 * command that replays it exactly.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/parse.h"
#include "tests/sim/bench.h"
#include "tests/sim/world.h"

#define STEPS	300

struct options {
	int64_t	from, to, steps;
	bool	trace, bench;
};

static void
usage(const char *wrong)
{
	fprintf(stderr, "sim: %s\n"
	    "usage: sim [--seed N | --seeds FROM-TO] [--steps N] [--trace] [--bench]\n",
	    wrong);
	exit(2);
}

static int64_t
number(const char *text, size_t len)
{
	int64_t	n;

	if (parse_i64(text, len, 1, INT64_MAX, &n) != 0)
		usage("a number above 0 is wanted");
	return n;
}

static void
read_seeds(const char *text, struct options *o)
{
	const char	*dash = strchr(text, '-');

	if (dash == NULL)
		usage("--seeds FROM-TO");
	o->from = number(text, (size_t)(dash - text));
	o->to = number(dash + 1, strlen(dash + 1));
}

static struct options
read_options(int argc, char **argv)
{
	struct options	o = { .from = 1, .to = 1000, .steps = STEPS };

	for (int i = 1; i < argc; i++) {
		const char	*next = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--trace") == 0) {
			o.trace = true;
			continue;
		} else if (strcmp(argv[i], "--bench") == 0) {
			o.bench = true;
			continue;
		} else if (strcmp(argv[i], "--seed") == 0) {
			o.from = o.to = number(next, strlen(next));
		} else if (strcmp(argv[i], "--seeds") == 0) {
			read_seeds(next, &o);
		} else if (strcmp(argv[i], "--steps") == 0) {
			o.steps = number(next, strlen(next));
		} else {
			usage(argv[i]);
		}
		i++;
	}
	return o;
}

/* Runs the seeds in a child, so that whatever ends it (an abort, a sanitizer) the seed is known
 * here. */
static int64_t
failing_seed(const struct options *o)
{
	int64_t	*seed = mmap(NULL, sizeof(*seed), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int	 status;
	pid_t	 pid;

	if (seed == MAP_FAILED || (pid = fork()) < 0) {
		perror("sim");
		exit(1);
	}
	if (pid == 0) {
		for (*seed = o->from; *seed <= o->to; ++*seed)
			world_run((uint64_t)*seed, (unsigned)o->steps, o->trace);
		exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : *seed;
}

int
main(int argc, char **argv)
{
	struct options	o = read_options(argc, argv);
	int64_t		bad;

	if (o.bench)
		return bench_run();
	printf("1..1\n");
	fflush(stdout);
	bad = failing_seed(&o);
	if (bad == 0) {
		printf("ok 1 - seeds %lld to %lld, %lld steps each\n", (long long)o.from,
		    (long long)o.to, (long long)o.steps);
		return 0;
	}
	printf("not ok 1 - seed %lld; replay: %s --seed %lld --steps %lld --trace\n",
	    (long long)bad, argv[0], (long long)bad, (long long)o.steps);
	return 1;
}
