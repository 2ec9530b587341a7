/*
 * unique_key.h - submissions under a unique key that a job holds: is it the same job?
 */
#ifndef BROKER_UNIQUE_KEY_H
#define BROKER_UNIQUE_KEY_H

#include "daemon/broker/broker.h"

/*
 * 1: *held is who has the key, and was submitted with the same words; lent until the turn ends.
 * 0: nobody has it, or the spec has none.  -1: somebody who is another job; *err says conflict.
 */
int unique_key_find(const struct broker *b, const struct jobspec *spec, const struct unique **held,
    struct rpc_error *err);
/* For those that take no other job for it: 0 when nobody has the key, else -1 and *err. */
int unique_key_check(const struct broker *b, const struct jobspec *spec, struct rpc_error *err);
/* The new job has the key of its spec, if it has one; unique_key_find said that it is free. */
void unique_key_hold(struct broker *b, const struct jobspec *spec, struct job *j);
/* Another has the key of this job, which cannot run again: says so.  Returns -1. */
int unique_key_taken(const struct broker *b, const struct job *j, struct rpc_error *err);

#endif
