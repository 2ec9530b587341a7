/*
 * top_finder.h - looks for the daemon in a thread of its own: a name that resolves slowly, an address that does
 * not answer and a daemon that never speaks hold up that thread, and no key.
 */
#ifndef CLIENT_TOP_FINDER_H
#define CLIENT_TOP_FINDER_H

#include "client/ctl.h"

struct top_finder;

/* As ctl says, which stays the caller's and must live as long.  NULL: there is no thread; errno says why. */
struct top_finder *top_finder_start(const struct ctl *ctl);
/* Readable when it is done. */
int top_finder_fd(const struct top_finder *f);
/* Only when it is done: its connection goes to *ctl.  Else false, with a sentence in why[size].  Frees f. */
bool top_finder_take(struct top_finder *f, struct ctl *ctl, char *why, size_t size);

#endif
