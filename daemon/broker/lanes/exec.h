/*
 * exec.h - pools of exec workers, one for each user that commands run as; workers as needed.
 */
#ifndef LANES_EXEC_H
#define LANES_EXEC_H

#include "daemon/broker/lanes/lanes_internal.h"

#define EXEC_USUAL	""	/* as control.h has it: the user that users.commands or users.jobs names */
#define EXEC_SEATS_MAX	64	/* for all users */

/* Core's number of a user's pool; CORE_NO_POOL: there are too many. */
uint32_t exec_pool(struct lanes *l, const char *user);
/* The user of such a pool; lent. */
const char *exec_user(const struct lanes *l, uint32_t pool);
/* The usual user's first worker: jobd serves when it is up. */
void exec_start(struct lanes *l);
/* At the end of a turn: workers where jobs wait for them. */
void exec_want(struct lanes *l);
/* Once a second: one that has had nothing to do for long ends. */
void exec_look(struct seat *seat);
/* It is to be filled: does somebody still need it? */
bool exec_needed(const struct seat *seat);
void exec_fini(struct lanes *l);

#endif
