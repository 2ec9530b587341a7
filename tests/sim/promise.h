/*
 * promise.h - what clients were promised, kept apart from the model and from core, over all crashes:
 * an accepted job is there until its outcome is told, an outcome stays what it was, nothing is done
 * before the disk has it, and what must not run again does not.
 */
#ifndef SIM_PROMISE_H
#define SIM_PROMISE_H

#include "tests/sim/model.h"
#include "tests/sim/store.h"

struct promise {
	uint64_t		id;
	int			key;
	enum on_lost		on_lost;
	bool			durable, accepted, told, forgotten;
	bool			again_asked, again_refused, forget_asked;
	bool			again;		/* it was run again on request: its order is another */
	bool			begun_once;	/* it may have run, and must not any more */
	enum job_state		state;		/* as told */
};

struct promises {
	struct promise	*of;			/* by id */
	int		 len, cap;
	uint64_t	 newest_id, newest_fence;
	uint64_t	 crashes, recovered;
};

void promises_free(struct promises *p);
/* An id was given to something new. */
void promise_id(struct promises *p, const struct model *m, uint64_t id);
void promise_made(struct promises *p, const struct model *m, const struct model_job *j);
/* Its submitter is answered; or it is refused. */
void promise_accepted(struct promises *p, const struct model *m, const struct sim_store *s,
    uint64_t id);
void promise_refused(struct promises *p, const struct model *m, uint64_t id);
/* An attempt begins. */
void promise_started(struct promises *p, const struct model *m, const struct sim_store *s,
    const struct attempt *real);
/* Its watchers hear how it ended. */
void promise_told(struct promises *p, const struct model *m, const struct sim_store *s,
    const struct job *real);
/* It is to be run again, on request; that is accepted (at once, if it is not durable). */
void promise_again_asked(struct promises *p, const struct model *m, uint64_t id);
void promise_again_refused(struct promises *p, const struct model *m, uint64_t id);
void promise_again(struct promises *p, const struct model *m, uint64_t id);
void promise_forget_asked(struct promises *p, const struct model *m, uint64_t id);
/* That it is forgotten on request is on disk. */
void promise_forgotten(struct promises *p, const struct model *m, uint64_t id);
/* The process is gone, and the disk is as it is. */
void promise_crash(struct promises *p, const struct model *m, const struct sim_store *s);
/* Nothing is left to do. */
void promise_end(struct promises *p, const struct model *m);

#endif
