/* thread.h - threads beside a process's loop. */
#ifndef LIB_THREAD_H
#define LIB_THREAD_H

#include <pthread.h>

/* Starts main(arg) in a thread to which no signal is delivered.  0 or -errno. */
int thread_start(pthread_t *out, void *(*main)(void *arg), void *arg);

#endif
