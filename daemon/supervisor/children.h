/*
 * children.h - the file `children` in the state directory: which processes are ours, so that the
 * next start can end what a supervisor's death left.  Normally nothing is: every child dies with
 * the supervisor.
 *
 * A process is named by its pid and its start time, within one boot of the machine.
 */
#ifndef SUPERVISOR_CHILDREN_H
#define SUPERVISOR_CHILDREN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child;

struct children {
	int	 fd;
	char	*path;
};

/* In clock ticks since boot; 0: no such process. */
uint64_t children_start_time(pid_t pid);

/*
 * Reads what the last supervisor left, SIGKILLs those that still live, waits for their end (at most
 * 5 s), and empties the file.  0, or -errno with a sentence in why[size].
 */
int children_open(struct children *c, const char *state_dir, char *why, size_t size);
/* These, and no others, are ours now. */
void children_record(struct children *c, const struct child *const *list, size_t n);
/* Nothing is left: the file goes. */
void children_close(struct children *c);

#endif
