/* print_route.h - what is known of a type's use of time, and how it is routed, as JSON. */
#ifndef NET_PRINT_ROUTE_H
#define NET_PRINT_ROUTE_H

#include "daemon/broker/core/job.h"
#include "lib/buf.h"

/* `["waits","thread_safe"]` */
void print_traits(struct buf *out, uint32_t traits);
/* Where its jobs with a small payload go now: "async" */
void print_lane_now(struct buf *out, const struct type *t);
/* "auto", "advice", "pin" */
void print_mode(struct buf *out, const struct type *t);
/* {"samples","mean_us","cpu":{},"lanes":{},"stalls":{}} */
void print_measured(struct buf *out, const struct type *t);
/* {"mode","pinned","by","moves","changes":[{"at_ms","from","to","why"}]}: newest first */
void print_routing(struct buf *out, const struct type *t);

#endif
