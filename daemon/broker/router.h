/*
 * router.h - what workers measure becomes profiles, and these move types from lane to lane.
 *
 * The rules are route/'s; here they meet configuration, clock, core and log.
 */
#ifndef BROKER_ROUTER_H
#define BROKER_ROUTER_H

#include "daemon/broker/broker.h"
#include "daemon/broker/route/route.h"

struct channel_usage;

/* Types were declared: those that are new get what is configured for them. */
void router_adopt(struct broker *b);
/* An attempt of this lane has ended, after ran_ns (0: not known) in its handler. */
void router_measured(struct broker *b, const struct attempt *at, const struct channel_usage *usage);
/* A sample of a type's; true: it has moved. */
bool router_add(struct broker *b, struct type *t, const struct profile_sample *s);
/* One ran inline, in the broker, with so much CPU. */
void router_ran_inline(struct broker *b, struct type *t, int64_t cpu_ns);
/* Is this run of the inline lane one that should be measured? */
bool router_wants_inline(const struct type *t);
/* It has kept its worker's loop from turning for so long, and does so still. */
void router_stalled(struct broker *b, struct attempt *at, uint32_t ms);
/* As the configuration says; is it so? */
void router_configure(struct broker *b, struct type *t);
bool router_as_configured(const struct broker *b, const struct type *t);
/* A reload: types that were as the old configuration says are as the new one does. */
void router_reload(struct broker *b, const struct config *old);
/* More is known of it than before: it may move. */
void router_known(struct broker *b, struct type *t);
/*
 * Sets the mode of a type; lane: where to, for ROUTE_PIN (-1: the lane that it declares).  by: who
 * wants it.  0; -EPERM: the lane is not declared as safe.
 */
int router_set(struct broker *b, struct type *t, enum route_mode mode, int lane, const char *by);

#endif
