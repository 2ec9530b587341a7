/* members.h - a JSON object of the broker's as an array of its members; without a tree. */
#ifndef WORKERS_MEMBERS_H
#define WORKERS_MEMBERS_H

#include <stddef.h>

#include "lib/buf.h"
#include "proto/json_scan.h"

#define MEMBERS_DEPTH	64

struct member {
	char		*name;		/* decoded, NUL-terminated */
	enum scan_type	 type;
	struct span	 raw;		/* in the text that was read */
};

struct members {
	struct member	*v;
	size_t		 n, cap;
};

/*
 * The members of an object.  NULL, or a literal that says what is wrong with it: no object, not
 * JSON, a name twice, a name with a NUL.  What was read so far is in *out either way.
 */
const char *members_read(struct span object, struct members *out);
void members_free(struct members *m);
const struct member *members_find(const struct members *m, const char *name);

/* The text of a string member appended to out, and a NUL behind it that is not counted; false: it has a NUL within. */
bool member_text(const struct member *m, struct buf *out);
/* Of an array: calls take for each element.  0, or the first other answer of take. */
int member_each(const struct member *m, int (*take)(void *arg, const struct member *element),
    void *arg);

#endif
