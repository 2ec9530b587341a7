/* zone.c - time zones of the system's database.  Runs in: broker, jobctl. */
#include "lib/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/zone_rule.h"

struct zone {
	uint32_t	 len;			/* changes that the file lists */
	int64_t		*at;			/* ascending */
	int32_t		*offset;		/* from then on */
	int32_t		 first;			/* before the first of them */
	bool		 ruled;			/* behind the last of them: rule */
	struct zone_rule rule;
};

/* ---- TZif ---- */

#define HEADER_BYTES	44
#define TYPE_BYTES	6

struct reader {
	const unsigned char	*at, *end;
};

struct header {
	unsigned char	version;
	uint32_t	utc, standard, leaps, times, types, chars;
};

/* The next n bytes; NULL: there are fewer. */
static const unsigned char *
take(struct reader *r, size_t n)
{
	const unsigned char	*p = r->at;

	if (n > (size_t)(r->end - r->at))
		return NULL;
	r->at += n;
	return p;
}

static uint32_t
get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
get_time(const unsigned char *p, size_t bytes)
{
	if (bytes == 4)
		return (int32_t)get_u32(p);
	return (int64_t)((uint64_t)get_u32(p) << 32 | get_u32(p + 4));
}

static int
read_header(struct reader *r, struct header *h)
{
	const unsigned char	*p = take(r, HEADER_BYTES);

	if (p == NULL || memcmp(p, "TZif", 4) != 0)
		return -EINVAL;
	h->version = p[4];
	h->utc = get_u32(p + 20);
	h->standard = get_u32(p + 24);
	h->leaps = get_u32(p + 28);
	h->times = get_u32(p + 32);
	h->types = get_u32(p + 36);
	h->chars = get_u32(p + 40);
	/* none is larger than the file, so that no sum of them wraps */
	if (h->utc > ZONE_FILE_BYTES || h->standard > ZONE_FILE_BYTES ||
	    h->leaps > ZONE_FILE_BYTES || h->times > ZONE_FILE_BYTES || h->types > 256 ||
	    h->chars > ZONE_FILE_BYTES)
		return -EINVAL;
	return 0;
}

static size_t
block_bytes(const struct header *h, size_t time_bytes)
{
	return (size_t)h->times * (time_bytes + 1) + (size_t)h->types * TYPE_BYTES + h->chars +
	    (size_t)h->leaps * (time_bytes + 4) + h->standard + h->utc;
}

static int
read_types(const unsigned char *p, const struct header *h, int32_t offsets[256])
{
	for (uint32_t i = 0; i < h->types; i++, p += TYPE_BYTES) {
		offsets[i] = (int32_t)get_u32(p);
		if (offsets[i] <= -ZONE_OFFSET_MAX || offsets[i] >= ZONE_OFFSET_MAX || p[4] > 1 ||
		    p[5] >= h->chars)
			return -EINVAL;
	}
	return 0;
}

/* The changes and types of a data block; what stands behind them is for printing. */
static int
read_block(struct reader *r, const struct header *h, size_t time_bytes, struct zone *z)
{
	const unsigned char	*p = take(r, block_bytes(h, time_bytes)), *index;
	int32_t			 offsets[256];

	if (p == NULL || h->types == 0 || h->leaps != 0 ||
	    (h->utc != 0 && h->utc != h->types) || (h->standard != 0 && h->standard != h->types))
		return -EINVAL;
	index = p + h->times * time_bytes;
	if (read_types(index + h->times, h, offsets) != 0)
		return -EINVAL;
	z->first = offsets[0];
	z->len = h->times;
	z->at = mem_zalloc(h->times + 1, sizeof(*z->at));
	z->offset = mem_zalloc(h->times + 1, sizeof(*z->offset));
	for (uint32_t i = 0; i < h->times; i++) {
		z->at[i] = get_time(p + i * time_bytes, time_bytes);
		if (index[i] >= h->types || (i > 0 && z->at[i] <= z->at[i - 1]))
			return -EINVAL;
		z->offset[i] = offsets[index[i]];
	}
	return 0;
}

/* A newline, the rule for all times behind the last change, a newline. */
static int
read_footer(struct reader *r, struct zone *z)
{
	const char	*text = (const char *)r->at + 1;
	size_t		 left = (size_t)(r->end - r->at), len;
	const char	*newline;

	if (left < 2 || r->at[0] != '\n' || (newline = memchr(text, '\n', left - 1)) == NULL)
		return -EINVAL;
	len = (size_t)(newline - text);
	z->ruled = len > 0;
	return len == 0 ? 0 : zone_rule_parse(text, len, &z->rule);
}

static int
read_file(struct reader *r, struct zone *z)
{
	struct header	h;

	if (read_header(r, &h) != 0)
		return -EINVAL;
	if (h.version == 0)
		return read_block(r, &h, 4, z);
	/* The first block is for readers that know no other. */
	if (h.version < '2' || take(r, block_bytes(&h, 4)) == NULL || read_header(r, &h) != 0 ||
	    read_block(r, &h, 8, z) != 0)
		return -EINVAL;
	return read_footer(r, z);
}

int
zone_read(const void *bytes, size_t len, struct zone **out)
{
	struct reader	 r = { bytes, (const unsigned char *)bytes + len };
	struct zone	*z = mem_zalloc(1, sizeof(*z));

	if (read_file(&r, z) != 0) {
		zone_free(z);
		return -EINVAL;
	}
	*out = z;
	return 0;
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->at);
	free(z->offset);
	free(z);
}

/* ---- files ---- */

static bool
is_name(const char *name)
{
	size_t	len = strlen(name);
	char	before = '/';

	if (len < 1 || len > ZONE_NAME_BYTES)
		return false;
	for (const char *p = name; *p != '\0'; before = *p++) {
		if (!isalnum((unsigned char)*p) && strchr("_+-/", *p) == NULL)
			return false;
		if (*p == '/' && before == '/')
			return false;
	}
	return before != '/';
}

/* All of an open file, at most size bytes: how many, or -errno. */
static ssize_t
read_whole(int fd, char *out, size_t size)
{
	size_t		have = 0;
	ssize_t		n;
	struct stat	st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)size)
		return -EINVAL;
	while (have < size && (n = read(fd, out + have, size - have)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		have += n < 0 ? 0 : (size_t)n;
	}
	return (ssize_t)have;
}

/* 0 and the zone, or -errno; -EINVAL: it is not the file of one. */
static int
open_file(const char *path, struct zone **out)
{
	char	bytes[ZONE_FILE_BYTES];
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t	n;

	if (fd < 0)
		return -errno;
	n = read_whole(fd, bytes, sizeof(bytes));
	close(fd);
	return n < 0 ? (int)n : zone_read(bytes, (size_t)n, out);
}

int
zone_open(const char *name, struct zone **out, char *why, size_t size)
{
	char	path[sizeof(ZONE_DIR) + ZONE_NAME_BYTES + 1];
	int	rc;

	if (strcmp(name, "UTC") == 0) {
		*out = mem_zalloc(1, sizeof(**out));
		return 0;
	}
	if (!is_name(name)) {
		snprintf(why, size, "'%.80s' is not the name of a time zone: Europe/Berlin and UTC are",
		    name);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), "%s/%s", ZONE_DIR, name);
	if ((rc = open_file(path, out)) == -ENOENT || rc == -ENOTDIR)
		snprintf(why, size, "there is no time zone '%s' in %s", name, ZONE_DIR);
	else if (rc == -EINVAL)
		snprintf(why, size, "%s is not the file of a time zone", path);
	else if (rc != 0)
		snprintf(why, size, "%s: %s", path, strerror(-rc));
	return rc;
}

/* ---- looking up ---- */

/* How many changes the file lists up to then. */
static uint32_t
changes_until(const struct zone *z, int64_t at)
{
	uint32_t	low = 0, high = z->len;

	while (low < high) {
		uint32_t	middle = low + (high - low) / 2;

		if (z->at[middle] <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
zone_find(const struct zone *z, int64_t at, struct zone_span *out)
{
	uint32_t	n = changes_until(z, at);
	int64_t		since = n > 0 ? z->at[n - 1] : INT64_MIN;

	if (n == z->len && z->ruled) {
		zone_rule_span(&z->rule, at, out);
		out->from = out->from < since ? since : out->from;
		return;
	}
	out->from = since;
	out->until = n < z->len ? z->at[n] : INT64_MAX;
	out->offset = n > 0 ? z->offset[n - 1] : z->first;
}

void
zone_civil(const struct zone *z, int64_t at, struct civil *out)
{
	struct zone_span	span;

	zone_find(z, at, &span);
	civil_from_seconds(at + span.offset, out);
}

int
zone_instants(const struct zone *z, const struct civil *c, int64_t out[2])
{
	int64_t			local = civil_seconds(c), at = local - ZONE_OFFSET_MAX;
	struct zone_span	span;
	int			found = 0;

	do {
		zone_find(z, at, &span);
		if (local - span.offset >= span.from && local - span.offset < span.until)
			out[found++] = local - span.offset;
		at = span.until;
	} while (found < 2 && at <= local + ZONE_OFFSET_MAX);
	return found;
}
