/*
 * zone_rule.h - the rule of a time zone for all years to come: POSIX TZ text, as in
 * `CET-1CEST,M3.5.0,M10.5.0/3`, with the hours of RFC 8536 section 3.3.1.
 */
#ifndef LIB_ZONE_RULE_H
#define LIB_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/zone.h"

/* The day of a year on which the clock is set, and when on that day. */
struct zone_day {
	enum { ZONE_DAY_WEEKDAY, ZONE_DAY_NO_LEAP, ZONE_DAY_OF_YEAR } kind;
	int	month, week, weekday;	/* WEEKDAY: week 5 is the last */
	int	day;			/* NO_LEAP: 1..365, Feb 29 is not counted; OF_YEAR: 0..365 */
	int32_t	seconds;		/* of the clock before the change; may lie outside the day */
};

struct zone_rule {
	int32_t		standard, summer;	/* offsets, seconds east of UTC */
	bool		changes;		/* there is a summer time */
	struct zone_day	begins, ends;		/* of it */
};

/* 0 or -EINVAL. */
int zone_rule_parse(const char *text, size_t len, struct zone_rule *out);
void zone_rule_span(const struct zone_rule *r, int64_t at, struct zone_span *out);

#endif
