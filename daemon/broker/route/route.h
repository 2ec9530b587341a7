/*
 * route.h - the decision tree: in which lane does a job run, and why.  Pure.
 *
 * The questions are asked in the order of DESIGN section 6 and their answers are kept, so that
 * job.explain and type.show can print them.  What was measured (profile.h) overrules what the type
 * declares about its time, never what it declares to be safe.
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "daemon/broker/core/job.h"
#include "daemon/broker/route/profile.h"
#include "lib/buf.h"

#define ROUTE_QUESTIONS		8
#define ROUTE_EVIDENCE		192
#define ROUTE_MOVES_KEPT	8
#define ROUTE_WHY		160
#define ROUTE_BY		64
/* Payload above which nothing runs inline. */
#define ROUTE_INLINE_BYTES	4096

/* ---- what the router keeps for a type ---- */

enum route_mode {
	ROUTE_AUTO,		/* what was measured moves the type */
	ROUTE_ADVICE,		/* it is told and moves nothing */
	ROUTE_PIN,		/* one lane, whatever is measured */
	ROUTE_MODES
};
extern const char *const route_mode_names[ROUTE_MODES];

/* A change of a type's lane. */
struct route_move {
	int64_t		at_ms;			/* since the epoch */
	uint8_t		from, to;		/* enum lane */
	char		why[ROUTE_WHY];
};

/* type->route, made by the router when it hears of the type; NULL: nothing but the declaration. */
struct type_route {
	struct profile	profile;
	uint8_t		mode;			/* enum route_mode */
	int8_t		pinned;			/* PIN: enum lane; -1: the one it declares */
	char		by[ROUTE_BY];		/* PIN, ADVICE: "configuration", "uid:0" */
	uint8_t		small, large;		/* the lanes of the last decision, by payload */
	bool		settled;		/* they are known */
	bool		unwritten;		/* the caller's: the profile has changed since it was
						 * written down */
	uint64_t	moves;
	struct route_move last[ROUTE_MOVES_KEPT]; /* of moves n the n-th: last[(n - 1) % KEPT] */
};

/* ---- decisions ---- */

struct route_answer {
	const char	*question;	/* "Is it CPU-bound?" */
	bool		 yes;
	char		 evidence[ROUTE_EVIDENCE];	/* "declared by the type" */
};

struct route {
	enum lane		lane;
	unsigned		asked;	/* answers used */
	struct route_answer	answers[ROUTE_QUESTIONS];
};

/*
 * lane_asked: enum lane, or -1.  args_len: bytes of the argument.
 * 0; -EPERM: lane_asked is not in the type's safe set (*out holds the answers so far); -E2BIG: the
 * payload is too large for the inline lane.
 */
int route_choose(const struct type *type, int lane_asked, size_t args_len, struct route *out);
/* The same choice without keeping answers: the hot path. */
int route_lane(const struct type *type, int lane_asked, size_t args_len, enum lane *out);
/* `{"lane":"process","questions":[{"question","answer","evidence"},...]}` */
void route_print(const struct route *r, struct buf *out);
/* Is it declared as safe there, with the implementation that the lane needs? */
bool route_is_safe(const struct type *type, enum lane lane);

/* The choice for a small payload, as if the type's mode were this one (PIN: as pinned now). */
void route_as(const struct type *type, enum route_mode mode, struct route *out);

/*
 * After anything that may change the choice: profile, mode, declaration.  For jobs with a small
 * payload and with a large one (which differ for inline types only): the lane before and now.
 * True: the small one has changed; it is the newest of the type's moves then.
 */
struct route_change {
	struct {
		enum lane	from, to;
	} small, large;
};
bool route_settle(struct type *type, int64_t now_ms, struct route_change *out);

/* ---- advice ---- */

struct route_advice {
	enum lane	lane, would;	/* where its jobs go; where they would, were it auto */
	char		reason[ROUTE_EVIDENCE];
	char		change[ROUTE_EVIDENCE];	/* of the declaration; "": none */
};
void route_advise(const struct type *type, struct route_advice *out);

#endif
