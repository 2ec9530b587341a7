/*
 * defaults.h - what a job gets that it does not say itself, and who may submit it.
 */
#ifndef BROKER_DEFAULTS_H
#define BROKER_DEFAULTS_H

#include "daemon/broker/broker.h"
#include "proto/grant.h"

/* From its type, as far as that is known; then broker_default_durability.  What is filled in is lent
 * by the type. */
void defaults_fill(const struct broker *b, struct jobspec *spec, enum durability usual);
/* The first of both alone. */
void defaults_of_type(const struct type *t, struct jobspec *spec);
/*
 * May somebody with this grant submit jobs of a type?  0, or -1 with forbidden; of a type that nobody knows
 * and that the grant does not leave out, 0.
 */
int defaults_allow(const struct broker *b, struct span type, const struct grant *grant,
    struct rpc_error *err);

#endif
