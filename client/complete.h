/*
 * complete.h - what the last of some words could become, for shells.
 *
 * All is known from the tables already: verbs from verbs[], options from options.def, and what
 * stands for TYPE or QUEUE in a usage is what the daemon lists.
 */
#ifndef CLIENT_COMPLETE_H
#define CLIENT_COMPLETE_H

#include "client/ctl.h"

/*
 * words[0..n) come behind `jobctl`, the last one unfinished (n >= 1).  Appends lines to ctl->out:
 * a candidate, and unless there is none a tab and what it is.  A daemon that is not there, or slow,
 * adds nothing.
 */
void complete(struct ctl *ctl, char **words, int n);

#endif
