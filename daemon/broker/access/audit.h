/*
 * audit.h - who did what, when, from where: one line of JSON each, in `audit.log` of the state
 * directory.
 *
 * Every login, every call that changes something and every call that is refused.  Never payloads,
 * nor secrets: what is said of a call is its method, whom it concerns by name or number, and how
 * it went.
 */
#ifndef ACCESS_AUDIT_H
#define ACCESS_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/access/scribe.h"
#include "lib/buf.h"
#include "lib/list.h"

#define AUDIT_STRANGERS	20	/* lines a second about those who have not said who they are */

struct audit {
	struct scribe	*scribe;
	bool		 on;
	int64_t		 rate;		/* lines a second for what one principal submits; 0: any */
	struct list	 sums;		/* principals that had more: struct principal link */
	struct buf	 lines;		/* of this turn, or of the last few */
	uint64_t	 gathered;	/* so many */
	bool		 urgent;
	int64_t		 since_ns;	/* the first of them */
	uint64_t	 lost;		/* lines that the disk did not take in time */
	int64_t		 strangers_ns;	/* the second in which... */
	unsigned	 strangers;	/* ...so many were written */
};

/* One line: audit_begin, members by audit_text and audit_number, audit_end. */
struct audit_who {
	const char	*principal, *addr, *client;	/* client NULL: not said */
};
void audit_begin(struct audit *a, int64_t now_ms, const struct audit_who *who, const char *method);
void audit_text(struct audit *a, const char *member, const char *text, size_t len);
void audit_number(struct audit *a, const char *member, int64_t value);
/* outcome: ok, taken, or the kind of an error. */
void audit_end(struct audit *a, int64_t now_ns, const char *outcome);

/* May one more line be about somebody unknown?  They do not fill the log. */
bool audit_stranger(struct audit *a, int64_t now_ns);
/*
 * Hands over what has gathered; once a turn.  Refusals go at once, the others within a tenth of a
 * second: returns when (CLOCK_MONOTONIC), or INT64_MAX.
 */
int64_t audit_publish(struct audit *a, int64_t now_ms, int64_t now_ns, bool all);

#endif
