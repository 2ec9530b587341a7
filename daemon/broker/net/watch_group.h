/*
 * watch_group.h - a job.wait on many jobs: each outcome is printed when its job finishes (the job
 * may be forgotten before the last one does), the answer follows when all, or with `any` one, are
 * there.
 */
#ifndef NET_WATCH_GROUP_H
#define NET_WATCH_GROUP_H

#include "daemon/broker/net/watch.h"

/*
 * Serves job.wait {ids}.  Returns as a method does.
 *
 *   ids     count of them, checked; an unknown one is not_found, and nothing waits
 *   any     answer when one of them has finished
 *   wait_ms -1: as long as it takes
 */
int watch_group_wait(struct call *call, const uint64_t *ids, uint32_t count, bool any,
    int64_t wait_ms, struct rpc_error *err);
/* One of the jobs has its outcome; node is its member. */
void watch_group_finished(struct watcher *node);
/* One of the jobs is forgotten without an outcome. */
void watch_group_forgotten(struct watcher *node);
void watch_group_free(struct watch_group *g);

#endif
