/*
 * alive.h - signs of life for the supervisor, who passes them on to a service manager.
 *
 * One is given when the loop turns and the thread that writes the store has answered, lately.  What
 * jobs do, or do not do, does not matter.
 */
#ifndef BROKER_ALIVE_H
#define BROKER_ALIVE_H

#include <stdint.h>

struct broker;
struct alive;

/* Every sign_ms from now on; 0: never (NULL).  The store must be open. */
struct alive *alive_new(struct broker *b, int64_t sign_ms);
void alive_free(struct alive *a);

#endif
