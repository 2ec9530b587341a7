/*
 * limits.h - what the configuration says of jobs, queues and types, as core takes it.
 */
#ifndef BROKER_LIMITS_H
#define BROKER_LIMITS_H

#include "daemon/broker/broker.h"

/* With all that is configured. */
struct core *limits_make_core(const struct broker *b);
/* A reload: the differences, but for settings of queues that are kept; of these keep.h. */
void limits_reload(struct broker *b, const struct config *old);

#endif
