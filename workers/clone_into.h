/*
 * clone_into.h - clone(2) into a cgroup: the child starts there, and nobody moves it.
 *
 * A move is a write to cgroup.procs, for which the kernel stops all forks, execs and exits of the
 * machine and waits until every processor has noticed: milliseconds where they are busy.  A child
 * that starts in its cgroup waits for nobody.
 */
#ifndef WORKERS_CLONE_INTO_H
#define WORKERS_CLONE_INTO_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Starts fn(arg) in the cgroup whose directory is open as `cgroup`, on the stack given (its lowest
 * address, aligned to 16), as clone(2) does with CLONE_VM | CLONE_VFORK | SIGCHLD: in this
 * process's memory, while this process waits until it execs or ends.  What fn returns is its exit
 * status.
 *
 * The pid, or -1 and errno: ENOSYS, E2BIG where there is no such call (kernels before 5.7, filters
 * of containers and of systemd's RestrictNamespaces=, processors other than x86-64 and ARM64);
 * EBADF: no directory of cgroup v2; or as clone(2).
 */
pid_t clone_into(int cgroup, int (*fn)(void *), void *arg, char *stack, size_t bytes);

#endif
