/*
 * router_command.h - lanes of commands: by type, or by program where the job names it; and while
 * they run.
 *
 * In the process lane a command takes a CPU slot, in the async lane a waiting slot.
 */
#ifndef BROKER_ROUTER_COMMAND_H
#define BROKER_ROUTER_COMMAND_H

#include "daemon/broker/broker.h"
#include "daemon/broker/route/route.h"

struct channel_spent;

/* As route_lane and route_choose, and by what is known of the program. */
int router_lane(const struct broker *b, const struct type *t, int lane_asked, struct span args,
    enum lane *out);
void router_choose(const struct broker *b, const struct job *j, struct route *out);

/* It starts. */
void router_command_starts(struct broker *b, struct attempt *at);
/* It runs, and has used so much up to now; was: the last time, all zero at first. */
void router_command_goes_on(struct broker *b, struct attempt *at, const struct channel_spent *was,
    const struct channel_spent *is);
/* It has ended, and has used so much in all. */
void router_command_ended(struct broker *b, const struct attempt *at,
    const struct channel_spent *spent);

#endif
