/*
 * programs.h - what is known of programs that jobs of the type `command` name themselves: a profile
 * for each argv[0].  Pure.
 *
 * The table is bounded: the program that was used least lately makes room.
 */
#ifndef ROUTE_PROGRAMS_H
#define ROUTE_PROGRAMS_H

#include "daemon/broker/route/route.h"
#include "lib/list.h"
#include "lib/map.h"

#define PROGRAMS_MAX		1000
#define PROGRAM_NAME_BYTES	255	/* of a longer one nothing is kept */

/* proto/command.h: the job brings its own argv.  How such a spec begins. */
#define PROGRAMS_FREE_SPEC	"{\"free\":true"

struct program {
	struct list	 link;		/* programs->recent */
	struct profile	 profile;
	bool		 unwritten;	/* the caller's: changed since it was written down */
	uint32_t	 name_len;
	char		 name[];
};

struct programs {
	struct namemap	 by_name;
	struct list	 recent;	/* the one that was used last is first */
};

struct programs *programs_new(void);
void programs_free(struct programs *all);

/* Do jobs of this type name their program themselves? */
bool programs_has(const struct type *t);
/*
 * The argv[0] of such a job's args, as far as something is kept of it; it may be in *scratch.
 * False: there is none.
 */
bool programs_name(struct span args, struct buf *scratch, struct span *out);

/* NULL: nothing is known of it. */
struct program *programs_find(const struct programs *all, struct span name);
/* The same, made if need be, and used now. */
struct program *programs_get(struct programs *all, struct span name);
/* The one that is to go before another is made; NULL: there is room. */
struct program *programs_oldest(const struct programs *all);
void programs_drop(struct programs *all, struct program *p);

/* The type as the tree is asked about one of its programs; lent as long as both are. */
struct program_view {
	struct type		type;
	struct type_route	route;
};
const struct type *programs_view(const struct type *t, const struct program *p,
    struct program_view *v);

#endif
