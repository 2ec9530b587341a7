/*
 * route.h - the decision tree: in which lane does a job run, and why.  Pure.
 *
 * The questions are asked in the order of DESIGN section 6 and their answers are kept, so that
 * job.explain and type.show can print them.
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "daemon/broker/core/job.h"
#include "lib/buf.h"

#define ROUTE_QUESTIONS	8

struct route_answer {
	const char	*question;	/* "Is it CPU-bound?" */
	bool		 yes;
	char		 evidence[96];	/* "declared by the type" */
};

struct route {
	enum lane		lane;
	unsigned		asked;	/* answers used */
	struct route_answer	answers[ROUTE_QUESTIONS];
};

/*
 * lane_asked: enum lane, or -1.  args_len: bytes of the argument.
 * 0; -EPERM: lane_asked is not in the type's safe set (*out holds the answers so far).
 */
int route_choose(const struct type *type, int lane_asked, size_t args_len, struct route *out);
/* The same choice without keeping answers: the hot path. */
int route_lane(const struct type *type, int lane_asked, size_t args_len, enum lane *out);
/* `{"lane":"process","questions":[{"question","answer","evidence"},...]}` */
void route_print(const struct route *r, struct buf *out);
/* Payload above which nothing runs inline. */
#define ROUTE_INLINE_BYTES	4096

#endif
