/* bench.h - what a job costs in core alone: time of a whole life, memory while it waits. */
#ifndef SIM_BENCH_H
#define SIM_BENCH_H

/* Prints figures; they are for people, no test reads them. */
int bench_run(void);

#endif
