/* schedule.c - libFuzzer target: any text as a schedule, and the times that it names. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/schedule.h"

#define AFTER_MS	INT64_C(1800000000000)

static void
check_fields(const struct schedule *s)
{
	require(s->minutes != 0 && s->minutes < UINT64_C(1) << 60);
	require(s->hours != 0 && s->hours < UINT32_C(1) << 24);
	require(s->days != 0 && (s->days & 1) == 0);
	require(s->months != 0 && (s->months & 1) == 0 && s->months < UINT32_C(1) << 13);
	require(s->weekdays != 0 && s->weekdays < UINT32_C(1) << 7);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schedule	 s;
	struct zone	*utc;
	char		 why[256] = "";
	int64_t		 at = AFTER_MS;

	if (schedule_parse((const char *)data, size, &s, why, sizeof(why)) != 0) {
		require(why[0] != '\0');
		return 0;
	}
	if (s.every_ms == 0)
		check_fields(&s);
	require(zone_open("UTC", &utc, why, sizeof(why)) == 0);
	for (int i = 0; i < 3 && at != INT64_MAX; i++) {
		int64_t	next = schedule_next(&s, utc, AFTER_MS, at);

		require(next > at);
		/* nothing lies between: asked from just before it, it is the same one */
		require(next == INT64_MAX || schedule_next(&s, utc, AFTER_MS, next - 1) == next);
		at = next;
	}
	zone_free(utc);
	return 0;
}
