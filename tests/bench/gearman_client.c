/*
 * gearman_client.c - the same echo jobs through gearmand, with libgearman.  Runs in: the benchmark.
 *
 *   gearman_client PORT rate COUNT INFLIGHT    jobs per second, batches of INFLIGHT concurrent tasks
 *   gearman_client PORT one COUNT              p50 and p99 of one gearman_client_do at a time, us
 */
#include "tests/bench/client.h"

#include <libgearman/gearman.h>

static char	payload[PAYLOAD_BYTES];
static long	completed;

static gearman_return_t
task_complete(gearman_task_st *task)
{
	if (gearman_task_data_size(task) != PAYLOAD_BYTES ||
	    memcmp(gearman_task_data(task), payload, PAYLOAD_BYTES) != 0)
		return GEARMAN_WORK_FAIL;
	completed++;
	return GEARMAN_SUCCESS;
}

static void
check(gearman_client_st *client, gearman_return_t rc)
{
	if (gearman_failed(rc)) {
		fprintf(stderr, "gearman: %s\n", gearman_client_error(client));
		exit(1);
	}
}

static void
measure_rate(gearman_client_st *client, long count, long inflight)
{
	int64_t	start = now_ns();

	gearman_client_set_complete_fn(client, task_complete);
	gearman_client_add_options(client, GEARMAN_CLIENT_FREE_TASKS);
	for (long done = 0; done < count; done += inflight) {
		for (long i = 0; i < inflight; i++) {
			gearman_return_t	rc;

			gearman_client_add_task(client, NULL, NULL, "echo", NULL, payload, sizeof(payload), &rc);
			check(client, rc);
		}
		check(client, gearman_client_run_tasks(client));
	}
	if (completed < count) {
		fprintf(stderr, "gearman: %ld of %ld came back\n", completed, count);
		exit(1);
	}
	print_rate(completed, start);
}

static void
measure_one(gearman_client_st *client, long count)
{
	int64_t	*times = calloc((size_t)count, sizeof(*times));

	if (times == NULL)
		die("calloc");
	for (long i = 0; i < count; i++) {
		int64_t			 start = now_ns();
		size_t			 size;
		gearman_return_t	 rc;
		char			*result;

		result = gearman_client_do(client, "echo", NULL, payload, sizeof(payload), &size, &rc);
		times[i] = now_ns() - start;
		check(client, rc);
		if (size != PAYLOAD_BYTES)
			exit(1);
		free(result);
	}
	print_percentiles(times, count);
	free(times);
}

int
main(int argc, char **argv)
{
	gearman_client_st	*client;

	if (argc < 4 || (strcmp(argv[2], "rate") == 0 && argc < 5)) {
		fprintf(stderr, "usage: gearman_client PORT rate COUNT INFLIGHT | one COUNT\n");
		return 2;
	}
	memset(payload, 'x', sizeof(payload));
	if ((client = gearman_client_create(NULL)) == NULL)
		die("gearman_client_create");
	check(client, gearman_client_add_server(client, "127.0.0.1", (in_port_t)number_argument(argv[1])));
	gearman_client_set_timeout(client, 60000);
	if (strcmp(argv[2], "rate") == 0)
		measure_rate(client, number_argument(argv[3]), number_argument(argv[4]));
	else
		measure_one(client, number_argument(argv[3]));
	gearman_client_free(client);
	return 0;
}
