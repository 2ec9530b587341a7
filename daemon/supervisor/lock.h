/* lock.h - one jobd to a state directory: its file `lock`, locked, with the pid of who holds it. */
#ifndef SUPERVISOR_LOCK_H
#define SUPERVISOR_LOCK_H

#include <stddef.h>

struct lock {
	int	 fd;
	char	*path;
};

/* 0, or -errno with a sentence in why[size]; -EWOULDBLOCK: another jobd has it, and which one. */
int lock_take(struct lock *l, const char *state_dir, char *why, size_t size);
/* Removes the file; no-op for a lock that is not held. */
void lock_release(struct lock *l);

#endif
