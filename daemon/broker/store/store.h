/*
 * store.h - what is remembered beyond a process's life.
 *
 * Asynchronous verbs with one-word results.  A verb that answers STORE_LATER answers again by
 * `done`, from the loop; with the memory store everything answers at once.  Nothing here assumes
 * that this node is the only owner of a job.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdint.h>

#include "daemon/broker/core/job.h"

enum store_result {
	STORE_OK, STORE_LATER, STORE_DUP, STORE_STALE, STORE_NOTFOUND, STORE_FULL, STORE_UNAVAIL
};

struct store;

/*
 * Memory store: jobs die with the broker, but ids and fences do not repeat: blocks of ids and the
 * boot counter are reserved in the file `ids` of state_dir (written and synced before one of them
 * is used). 0 or -errno with a sentence in why.
 */
int store_open_memory(const char *state_dir, struct store **out, char *why, size_t size);
void store_close(struct store *s);	/* gives back what is left of the block */

/* The boot counter: 1, 2, ... never the same twice for one state directory. */
uint32_t store_boot(const struct store *s);
/* A job id never used before, below 2^53; 0: the store cannot reserve (its file cannot be
 * written). */
uint64_t store_next_id(struct store *s);
/* A submit, and an outcome, are to be remembered. */
enum store_result store_append(struct store *s, const struct job *j);
enum store_result store_finish(struct store *s, const struct job *j);

#endif
