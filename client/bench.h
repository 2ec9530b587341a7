/*
 * bench.h - jobs as fast as the daemon takes them, or at a rate: what `jobctl bench` measures.
 *
 * Closed loop: every connection has `depth` calls on their way, always.  Open loop: calls start at
 * a rate, whatever has been answered, and a latency counts from the moment at which its call was
 * due to start; so a daemon that stands still is not spared the calls that it kept from starting.
 */
#ifndef CLIENT_BENCH_H
#define CLIENT_BENCH_H

#include "client/histogram.h"
#include "client/jobd.h"

#define BENCH_KINDS	16

struct bench_plan {
	const char	*params;	/* of job.call, JSON */
	int64_t		 connections, depth;
	int64_t		 rate;		/* calls a second, all connections together; 0: closed loop */
	int64_t		 count;		/* calls to start; 0: as many as duration_ns allows */
	int64_t		 duration_ns;	/* 0: until count */
};

struct bench_result {
	struct histogram latency;	/* nanoseconds, of jobs that succeeded */
	uint64_t	 started, succeeded, failed;
	uint64_t	 unanswered;	/* when the measurement was given up */
	int64_t		 elapsed_ns;	/* from the first start to the last answer that counts */
	struct {
		char		kind[32];
		uint64_t	count;
	}		 kinds[BENCH_KINDS];	/* of the failed; the last is for all others */
};

/*
 * Runs plan over connections[0..plan->connections), from this thread, and closes them.  0, or the
 * code of a connection that was lost; *out is filled either way, for bench_result_free.
 */
int bench_run(const struct bench_plan *plan, struct jobd **connections, struct bench_result *out,
    struct jobd_error *err);
void bench_result_free(struct bench_result *r);

#endif
