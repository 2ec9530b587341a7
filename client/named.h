/* named.h - verbs about one thing that has a name: a type, a queue, a schedule, a worker. */
#ifndef CLIENT_NAMED_H
#define CLIENT_NAMED_H

#include "client/ctl.h"

/*
 * Connects and asks a method about what the first operand names: `{"name":...}`, with more members
 * (a comma before each; NULL: none).  0, or the exit status, reason said.
 */
int named_ask(struct ctl *ctl, const char *method, const struct buf *more, int64_t timeout_ms,
    struct span *answer);
/* What became of it: the answer as data, or a sentence, `NAME words`, for people. */
int named_answered(struct ctl *ctl, struct span answer, const char *words);
/* Both, for a method that answers at once. */
int named_do(struct ctl *ctl, const char *method, const char *words);

#endif
