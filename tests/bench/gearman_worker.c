/* gearman_worker.c - returns what it is given: gearman_worker PORT.  Runs in: the benchmark. */
#include "tests/bench/client.h"

#include <libgearman/gearman.h>
#include <sys/prctl.h>
#include <signal.h>

static gearman_return_t
echo(gearman_job_st *job, void *context)
{
	(void)context;
	return gearman_job_send_complete(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

int
main(int argc, char **argv)
{
	gearman_worker_st	*worker = gearman_worker_create(NULL);

	if (argc < 2 || worker == NULL)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	gearman_worker_add_server(worker, "127.0.0.1", (in_port_t)number_argument(argv[1]));
	if (gearman_failed(gearman_worker_define_function(worker, "echo", 4, gearman_function_create(echo), 0, NULL)))
		die("gearman_worker_define_function");
	for (;;) {
		if (gearman_failed(gearman_worker_work(worker))) {
			fprintf(stderr, "gearman: %s\n", gearman_worker_error(worker));
			return 1;
		}
	}
}
