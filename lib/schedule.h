/*
 * schedule.h - when something is to happen again and again, as cron writes it.  Pure: the time is an
 * argument.
 *
 * Five fields: minute 0-59, hour 0-23, day of month 1-31, month 1-12 or JAN-DEC, day of week 0-7 (0 and
 * 7 are Sunday) or SUN-SAT.  A field is a list of values and ranges; a range and `*` may have a step:
 * 1,15 or MON-FRI or 9-17/2.  When both days are narrowed, one of them is enough, as for cron; a field
 * that begins with `*` narrows nothing in this sense.  Instead of the fields: @hourly, @daily or
 * @midnight, @weekly, @monthly, @yearly or @annually, and `@every 90s`.
 *
 * When the clock is set (daylight saving), the rule is:
 *   - The hour field is `*` or a step of it: the schedule goes with the clock.  Times that are skipped
 *     are skipped, times that are shown twice come twice.
 *   - It names hours: each time on the clock comes once.  One that is skipped comes at the first moment
 *     behind the gap, one that is shown twice when it is shown first.
 */
#ifndef LIB_SCHEDULE_H
#define LIB_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/zone.h"

#define SCHEDULE_BYTES		256		/* the longest text */
#define SCHEDULE_EVERY_MIN_MS	1000
#define SCHEDULE_EVERY_MAX_MS	(INT64_C(366) * 86400000)

struct schedule {
	int64_t		every_ms;	/* above 0: the rest says nothing */
	uint64_t	minutes;	/* bits */
	uint32_t	hours, days, months, weekdays;	/* bits; of weekdays 0..6 */
	bool		any_hour, any_day, any_weekday;	/* the field begins with `*` */
};

/*
 * 0, or -EINVAL with a sentence that names the field in why[size].  A date that never comes, such as
 * February 30, is refused.
 */
int schedule_parse(const char *text, size_t len, struct schedule *out, char *why, size_t size);
/*
 * The first time behind after_ms; INT64_MAX: there is none for sixty years.
 *
 *   zone		of the clock; @every needs none
 *   anchor_ms		@every counts from here: anchor_ms + n * every, n from 1
 *
 * Times are milliseconds since the epoch, as zone.h has them.
 */
int64_t schedule_next(const struct schedule *s, const struct zone *zone, int64_t anchor_ms,
    int64_t after_ms);

#endif
