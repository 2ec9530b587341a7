/*
 * reload.h - the configuration of a broker that runs: given by the supervisor, changed by a reload.
 *
 * broker->config is what is in force: a reload replaces it, but for options that only a start changes
 * (START in config.def).  Whoever copies an option elsewhere, or has something made of it, is told
 * of it: parts[] of reload.c has a function of each.
 */
#ifndef BROKER_RELOAD_H
#define BROKER_RELOAD_H

#include "daemon/broker/broker.h"

struct control_msg;

/* The supervisor's first message, which is waited for.  0, or -1 with a sentence. */
int reload_first(struct broker *b, char *why, size_t size);

/*
 * Asks the supervisor to read everything again.  Returns the number of this wish: net_reloaded is
 * called when what was read after it is in force, or refused.  0: the supervisor does not listen.
 */
uint64_t reload_ask(struct broker *b);
/* CONTROL_RELOAD: settings and catalog; the descriptors stay the caller's. */
void reload_take(struct broker *b, const struct control_msg *m, const int *fds, size_t nfds);
/* CONTROL_NOT_RELOADED. */
void reload_refused(struct broker *b, const struct control_msg *m);

/* `{"settings":[...]}`, as server.config answers. */
void reload_print(const struct broker *b, struct buf *out);

#endif
