/* proc.h - what /proc tells of a process.  A pid may be anybody's by the time of the answer. */
#ifndef WORKERS_PROC_H
#define WORKERS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"

struct proc_stat {
	char		state;		/* R, S, D, T, Z ... */
	pid_t		parent, session;
	int		threads;
	uint64_t	start;		/* ticks since boot: with the pid, the identity */
	int64_t		user_us, system_us;	/* with children that were waited for */
};

struct pids {
	pid_t	*v;
	size_t	 n, cap;
};

/* 0; -ESRCH: there is no such process. */
int proc_stat(pid_t pid, struct proc_stat *out);
/* A zombie whose threads have all ended. */
bool proc_is_dead(const struct proc_stat *st);
/* Bytes read from and written to storage, its waited-for children's too; unchanged: not known. */
void proc_io(pid_t pid, int64_t *read_bytes, int64_t *write_bytes);
int64_t proc_peak_rss(pid_t pid);	/* bytes; 0: not known */
/*
 * The environment that it began with, appended: `NAME=value` and NUL each.  A process in the middle
 * of exec has none for a moment: it is waited for, at most 20 ms.  Of a dead one there is nothing.
 */
void proc_environ(pid_t pid, struct buf *out);
bool proc_environ_has(const struct buf *environ_text, const char *text);	/* `NAME=value` */
/* The children of all of its threads, appended. */
void proc_children(pid_t pid, struct pids *out);
/* Of a descriptor of /proc/PID/task/TID/children. */
void proc_children_of(int fd, struct pids *out);
void pids_add(struct pids *p, pid_t pid);
void pids_free(struct pids *p);

#endif
