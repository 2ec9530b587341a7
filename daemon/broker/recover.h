/*
 * recover.h - what the store knows is in core again, before anybody is served.
 */
#ifndef BROKER_RECOVER_H
#define BROKER_RECOVER_H

#include "daemon/broker/broker.h"

struct store_row;

/*
 * Begins: the loop turns meanwhile, nothing starts, and nobody is served.  What jobs need to be
 * understood is known: the workers have said their types.  done comes when all is there; what cannot
 * be read ends the process.
 */
void recover_begin(struct broker *b, void (*done)(struct broker *b));
/* A job of history comes back into core, as one that has ended.  NULL: it cannot be read (logged). */
struct job *recover_job(struct broker *b, const struct store_row *row);
void recover_free(struct broker *b);

#endif
