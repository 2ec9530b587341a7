/*
 * limits.h - what the configuration says of jobs, queues and types, as core takes it.
 */
#ifndef BROKER_LIMITS_H
#define BROKER_LIMITS_H

#include "daemon/broker/broker.h"
#include "daemon/broker/store/store.h"

/* As many connections as are configured, or as there are descriptors for: b->max_connections. */
void limits_fit_connections(struct broker *b);
struct store_config limits_of_store(const struct broker *b);
/* With all that is configured. */
struct core *limits_make_core(const struct broker *b);
/* A reload: the differences, but for settings of queues that are kept; of these keep.h. */
void limits_reload(struct broker *b, const struct config *old);

#endif
