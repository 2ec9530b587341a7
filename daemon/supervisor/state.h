/*
 * state.h - whose the state directory is: the broker's, which need not be ours.
 */
#ifndef SUPERVISOR_STATE_H
#define SUPERVISOR_STATE_H

#include <stddef.h>

#include "daemon/supervisor/account.h"

/*
 * Gives the directory, and what root has made in it, to the account; but lock and children stay
 * ours.  Whoever owns the directory can have put anything into it: no link is followed, and of
 * files that have other names too (hard links) none is given away.  To be called before anything of
 * that account runs.  0, or -errno with a sentence in why[size].
 */
int state_give(const char *dir, const struct account *to, char *why, size_t size);

#endif
