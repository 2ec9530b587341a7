/* zone.c - libFuzzer target: any bytes as the file of a time zone, looked up at some instants. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/zone.h"

/* What holds of any clock, however often it is set. */
static void
check_at(const struct zone *z, int64_t at)
{
	struct zone_span	span;
	struct civil		c;
	int64_t			found[2];
	int			n;

	zone_find(z, at, &span);
	require(span.from <= at && at < span.until);
	require(span.offset > -ZONE_OFFSET_MAX && span.offset < ZONE_OFFSET_MAX);
	zone_civil(z, at, &c);
	require(civil_seconds(&c) == at + span.offset);
	n = zone_instants(z, &c, found);
	require(n == 1 || (n == 2 && found[0] < found[1]));
	if (n == 1)
		require(found[0] == at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t	instants[] = { -3000000000, -1, 0, 1800000000, 4000000000, 13569465600 };
	struct zone		*z;

	if (zone_read(data, size, &z) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++)
		check_at(z, instants[i]);
	zone_free(z);
	return 0;
}
