/* open_zone.h - a time zone that a test needs, or its failure. */
#ifndef UNIT_OPEN_ZONE_H
#define UNIT_OPEN_ZONE_H

#include "tests/unit/unit.h"

#include "lib/zone.h"

static inline struct zone *
must_open(const char *name)
{
	struct zone	*z = NULL;
	char		 why[256] = "";

	if (zone_open(name, &z, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return z;
}

#endif
