/*
 * stored.h - calls that are answered when what they did is on disk.
 */
#ifndef NET_STORED_H
#define NET_STORED_H

#include "daemon/broker/net/watch.h"

/*
 * The call is answered when all that was put down so far is on disk: answer prints it, and ends the
 * watch with watch_free; or refuses.  METHOD_LATER, also when there was nothing to wait for.
 * what: for answer, watch->what; the watch's end forgets it.
 */
int stored_later(struct call *call, uint64_t job_id,
    void (*answer)(struct watch *w, enum store_result r), void *what, void (*forget)(void *what));
/* The same for a call whose answer is the job's id and state. */
int stored_id_state(struct call *call, const struct job *j);
/* Answers such a call, or refuses it. */
void stored_answer_id_state(struct watch *w, enum store_result r);
/* A call that waited for something else goes on to wait for the disk. */
void stored_from(struct watch *w, uint64_t job_id,
    void (*answer)(struct watch *w, enum store_result r));

#endif
