/*
 * confine.h - does the kernel have what keeps a program to some files, and off the network?
 *
 * Asked where it is told (types of files), and where it is done (commands): a confinement that the
 * kernel does not have is never left out in silence.
 */
#ifndef LIB_CONFINE_H
#define LIB_CONFINE_H

#include <stdbool.h>

/* The version of its ABI that the kernel has, 1 and more; 0: there is none, errno says why. */
int confine_landlock_abi(void);

/*
 * NULL, or a sentence that says why this machine cannot bound the files (Landlock) or the network
 * (a seccomp filter) of a program, of those that are asked for.
 */
const char *confine_missing(bool files, bool network);

#endif
