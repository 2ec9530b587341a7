/* saved.h - a job as the store has it: in the words of the real store's texts (record.h). */
#ifndef SIM_SAVED_H
#define SIM_SAVED_H

#include "daemon/broker/core/core.h"

struct saved;

/* Of a submission; of a job as it is now: what, as EFFECT_RECORD says. */
struct saved *saved_submission(struct core_time now, const struct job *j,
    const struct jobspec *spec);
struct saved *saved_change(const struct core *c, struct core_time now, const struct job *j,
    enum record what);
void saved_free(struct saved *s);	/* NULL is fine */
/* What is there now is followed by this. */
void saved_add(struct saved *s, const struct saved *change);
bool saved_blocks(const struct saved *s);
/* As which it has ended, when it has. */
enum job_state saved_end(const struct saved *s);

/* How the broker recovers it; NULL: it cannot be read, and why. */
struct job *saved_restore(const struct saved *s, uint64_t id, bool live, struct core *c,
    struct core_time now, struct submitter *by, bool in_process, enum job_reason why,
    const char **wrong);

#endif
