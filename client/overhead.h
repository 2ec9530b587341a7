/*
 * overhead.h - what threads, processes, coroutines and the channel cost on this machine.
 *
 * Every function measures for a fraction of a second and returns a median, in nanoseconds or bytes;
 * a negative number (-errno) says that it could not.  They start threads and processes of their
 * own, leave none, and pin the calling thread to one CPU while they measure a switch.  Call them
 * from a process without other threads.
 */
#ifndef CLIENT_OVERHEAD_H
#define CLIENT_OVERHEAD_H

double overhead_thread_create(void);	/* pthread_create and pthread_join of one that returns */
double overhead_process_fork(void);	/* fork, _exit, waitpid */
double overhead_process_spawn(void);	/* posix_spawn of /bin/true, and waitpid */
double overhead_coroutine_create(void);	/* a stack of 64 KiB and a makecontext, freed again */

/*
 * Half of a round trip through two pipes on one CPU: a switch, and the read and write around it.
 */
double overhead_thread_switch(void);
double overhead_process_switch(void);
double overhead_coroutine_switch(void);	/* swapcontext, one way: it makes a system call */

/* The proportional set size that each of many adds, blocked in a read: user memory only. */
double overhead_thread_memory(void);
double overhead_process_memory(void);	/* of a fork of this process */
double overhead_program_pss(void);	/* of /bin/cat: what it shares is divided */
double overhead_program_rss(void);	/* of /bin/cat: what it shares is counted too */
double overhead_coroutine_memory(void);

/* An echo of 64 bytes through proto/channel.h to a process that sleeps in between, and back. */
double overhead_channel_round_trip(void);

#endif
