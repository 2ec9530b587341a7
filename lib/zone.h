/*
 * zone.h - time zones of the system's database, any number at once: no TZ, no tzset(3).
 *
 * Instants are seconds since the epoch (1970-01-01 00:00:00 UTC), without leap seconds, as all clocks
 * here are; they and civil times lie between the years -100,000 and 1,000,000.  Offsets are seconds
 * east of UTC.
 */
#ifndef LIB_ZONE_H
#define LIB_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/civil.h"

#define ZONE_DIR		"/usr/share/zoneinfo"
#define ZONE_NAME_BYTES		64
#define ZONE_FILE_BYTES		65536	/* the largest of the database has 4,000 */
#define ZONE_OFFSET_MAX		(26 * 3600)	/* offsets are nearer to UTC than that */

struct zone;

/*
 * `Europe/Berlin`, `UTC`: a file below ZONE_DIR (UTC needs none).  A name is 1 to ZONE_NAME_BYTES of
 * A-Z a-z 0-9 _ + - and /, with no empty part.
 *
 * 0 and *out (zone_free), or -EINVAL: it is no such name, or the file is none of a time zone;
 * -errno: it cannot be read; a sentence in why[size].
 */
int zone_open(const char *name, struct zone **out, char *why, size_t size);
/*
 * The same from the bytes of a TZif file, versions 1 to 4 (RFC 8536, RFC 9636).  0, or -EINVAL: every
 * count, index and offset in it is checked.  Files that count leap seconds are refused.
 */
int zone_read(const void *bytes, size_t len, struct zone **out);
void zone_free(struct zone *z);

/* A time without a change of the clock: from <= t < until.  INT64_MIN, INT64_MAX: for ever. */
struct zone_span {
	int64_t	from, until;
	int32_t	offset;
};
/* Two spans may follow each other without a change of the offset. */
void zone_find(const struct zone *z, int64_t at, struct zone_span *out);

/* What the clock shows. */
void zone_civil(const struct zone *z, int64_t at, struct civil *out);
/* When it shows that: 0 (it is skipped), 1, or 2 times in out, the earlier one first. */
int zone_instants(const struct zone *z, const struct civil *c, int64_t out[2]);

#endif
