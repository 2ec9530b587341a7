/*
 * reduce_args.h - the argument of a reduce job.
 */
#ifndef BROKER_REDUCE_ARGS_H
#define BROKER_REDUCE_ARGS_H

#include "lib/buf.h"
#include "proto/rpc.h"

/*
 * args.len 0: `{"group":NAME,"count":N,"path":PATH}`.  Otherwise args, checked JSON, in which each
 * string value "{group}", "{count}" and "{path}" is replaced by what it names.
 */
void reduce_args_print(struct buf *out, struct span args, const char *group, uint64_t count,
    const char *path);

#endif
