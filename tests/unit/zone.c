/* zone.c - time zones, against the C library's as an oracle: TZ is set in this process only. */
#include "tests/unit/open_zone.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/buf.h"

#define YEAR_2100	INT64_C(4102444800)
#define DAY		INT64_C(86400)
#define RANDOM_INSTANTS	300

static uint64_t	chance = 20261122;

static uint64_t
next_random(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance;
}

/* ---- the calendar ---- */

static void
test_the_calendar_is_the_c_librarys(void **state)
{
	struct civil	c;
	struct tm	tm;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		int64_t	t = (int64_t)(next_random() % (UINT64_C(1) << 42)) - (INT64_C(1) << 41);
		time_t	libc = (time_t)t;

		assert_non_null(gmtime_r(&libc, &tm));
		civil_from_seconds(t, &c);
		assert_int_equal(c.year, tm.tm_year + 1900);
		assert_int_equal(c.month, tm.tm_mon + 1);
		assert_int_equal(c.day, tm.tm_mday);
		assert_int_equal(c.hour * 3600 + c.minute * 60 + c.second,
		    tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
		assert_int_equal(civil_weekday(civil_floor_div(t, DAY)), tm.tm_wday);
		assert_true(civil_seconds(&c) == t);
	}
	assert_int_equal(civil_month_length(2000, 2), 29);
	assert_int_equal(civil_month_length(2100, 2), 28);
}

/* ---- the oracle ---- */

static int64_t
libc_offset(int64_t at)
{
	time_t		t = (time_t)at;
	struct tm	tm;

	assert_non_null(localtime_r(&t, &tm));
	return tm.tm_gmtoff;
}

static void
check_offset(const char *name, const struct zone *z, int64_t at)
{
	struct zone_span	span;

	zone_find(z, at, &span);
	if (span.offset != libc_offset(at))
		fail_msg("%s at %lld: offset %d, not %lld", name, (long long)at, span.offset,
		    (long long)libc_offset(at));
	assert_true(span.from <= at && at < span.until);
}

static bool
in_list(const int64_t *list, int n, int64_t v)
{
	for (int i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

/* All instants that show what the C library shows at this one: each offset of the days around it is
 * tried. */
static void
check_instants(const char *name, const struct zone *z, int64_t at, int64_t local)
{
	int64_t		found[2], wanted[8], from_libc;
	struct civil	c;
	int		n, count = 0;

	civil_from_seconds(local, &c);
	n = zone_instants(z, &c, found);
	for (int64_t t = at - 30 * 3600; t <= at + 30 * 3600; t += 1800) {
		from_libc = local - libc_offset(t);
		if (libc_offset(from_libc) == local - from_libc && !in_list(wanted, count, from_libc))
			wanted[count++] = from_libc;
	}
	if (n != count)
		fail_msg("%s, clock %lld: %d instants, not %d", name, (long long)local, n, count);
	for (int i = 0; i < n; i++)
		assert_true(in_list(wanted, count, found[i]));
	if (n == 2)
		assert_true(found[0] < found[1]);
}

/* The second at which the C library's offset changes between two instants. */
static int64_t
bisect(int64_t before, int64_t after)
{
	int64_t	offset = libc_offset(before);

	while (after - before > 1) {
		int64_t	middle = before + (after - before) / 2;

		if (libc_offset(middle) == offset)
			before = middle;
		else
			after = middle;
	}
	return after;
}

static void
check_change(const char *name, const struct zone *z, int64_t at, bool deep)
{
	static const int64_t	around[] = { -7200, -1801, -1, 0, 1, 1799, 3599, 7200 };

	for (size_t i = 0; i < COUNT(around); i++) {
		check_offset(name, z, at + around[i]);
		if (deep)
			check_instants(name, z, at, at + around[i] + libc_offset(at + around[i]));
	}
	/* in the middle of what is skipped or shown twice */
	check_instants(name, z, at, at + (libc_offset(at) + libc_offset(at - 1)) / 2);
}

static unsigned
check_zone(const char *name)
{
	struct zone	*z = must_open(name);
	unsigned	 changes = 0;

	setenv("TZ", name, 1);
	tzset();
	for (int i = 0; i < RANDOM_INSTANTS; i++) {
		int64_t	at = (int64_t)(next_random() % YEAR_2100);

		check_offset(name, z, at);
		if (i % 30 == 0)
			check_instants(name, z, at, at + libc_offset(at));
	}
	for (int64_t at = 0; at < YEAR_2100; at += 5 * DAY) {
		if (libc_offset(at) == libc_offset(at + 5 * DAY))
			continue;
		check_change(name, z, bisect(at, at + 5 * DAY), changes % 16 == 0);
		changes++;
	}
	zone_free(z);
	return changes;
}

static void
test_every_zone_is_the_c_librarys_until_2100(void **state)
{
	FILE		*f = fopen(ZONE_DIR "/zone1970.tab", "r");
	char		 line[512], name[256];
	unsigned	 zones = 0, changes = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#' || sscanf(line, "%*s %*s %255s", name) != 1)
			continue;
		changes += check_zone(name);
		zones++;
	}
	fclose(f);
	unsetenv("TZ");
	tzset();
	print_message("# %u zones, %u changes\n", zones, changes);
	assert_true(zones > 300);
	assert_true(changes > 10000);
}

/* ---- names ---- */

static void
test_a_name_leads_nowhere_but_into_the_database(void **state)
{
	static const char *const	names[] = {
		"", "/etc/localtime", "../../../etc/passwd", "Europe/../Europe/Berlin", "Europe//Berlin",
		"Europe/", "Europe/Berlin\n", "zone.tab", "Europe/Ber lin",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	struct zone	*z = NULL;
	char		 why[256];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		why[0] = '\0';
		assert_int_equal(zone_open(names[i], &z, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "is not the name of a time zone"));
	}
	assert_int_equal(zone_open("Europe/Atlantis", &z, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "there is no time zone 'Europe/Atlantis' in /usr/share/zoneinfo");
	assert_int_equal(zone_open("Europe/Berlin/Mitte", &z, why, sizeof(why)), -ENOTDIR);
	assert_int_equal(zone_open("Europe", &z, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "is not the file of a time zone"));
	assert_null(z);
}

static void
test_utc_never_changes(void **state)
{
	struct zone		*z = must_open("UTC");
	struct zone_span	 span;

	(void)state;
	zone_find(z, 1700000000, &span);
	assert_true(span.from == INT64_MIN && span.until == INT64_MAX && span.offset == 0);
	zone_free(z);
}

/* ---- files ---- */

static void
put_u32(struct buf *b, uint32_t v)
{
	const char	bytes[4] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v };

	buf_append(b, bytes, 4);
}

struct header {
	char		version;
	uint32_t	utc, standard, leaps, times, types, chars;
};

static void
put_header(struct buf *b, const struct header *h)
{
	static const char	reserved[15];

	buf_append(b, "TZif", 4);
	buf_putc(b, h->version);
	buf_append(b, reserved, sizeof(reserved));
	put_u32(b, h->utc);
	put_u32(b, h->standard);
	put_u32(b, h->leaps);
	put_u32(b, h->times);
	put_u32(b, h->types);
	put_u32(b, h->chars);
}

static void
put_type(struct buf *b, int32_t offset, char summer, char name)
{
	put_u32(b, (uint32_t)offset);
	buf_putc(b, summer);
	buf_putc(b, name);
}

/* Two changes: to an hour east of UTC at 1000, and back at 2000. */
static void
put_v1(struct buf *b)
{
	put_header(b, &(struct header){ .times = 2, .types = 2, .chars = 8 });
	put_u32(b, 1000);
	put_u32(b, 2000);
	buf_append(b, "\1\0", 2);
	put_type(b, 0, 0, 0);
	put_type(b, 3600, 1, 4);
	buf_append(b, "STD\0SUM", 8);
}

static int
read_buf(struct buf *b, struct zone **out)
{
	int	rc = zone_read(buf_data(b), buf_len(b), out);

	buf_free(b);
	return rc;
}

static int32_t
offset_at(const struct zone *z, int64_t at)
{
	struct zone_span	span;

	zone_find(z, at, &span);
	return span.offset;
}

static void
test_a_file_of_version_1_is_read(void **state)
{
	struct buf	 b = { 0 };
	struct zone	*z;

	(void)state;
	put_v1(&b);
	assert_int_equal(read_buf(&b, &z), 0);
	assert_int_equal(offset_at(z, 999), 0);
	assert_int_equal(offset_at(z, 1000), 3600);
	assert_int_equal(offset_at(z, 1999), 3600);
	assert_int_equal(offset_at(z, 2000), 0);
	assert_int_equal(offset_at(z, INT64_C(1) << 40), 0);
	zone_free(z);
}

/* Version 3 with no change listed: the rule says it all. */
static int
read_rule(const char *rule, struct zone **out)
{
	struct header	h = { .version = '3', .types = 1, .chars = 4 };
	struct buf	b = { 0 };

	for (int i = 0; i < 2; i++) {
		put_header(&b, &h);
		put_type(&b, 0, 0, 0);
		buf_append(&b, "STD", 4);
	}
	buf_putc(&b, '\n');
	buf_puts(&b, rule);
	buf_putc(&b, '\n');
	return read_buf(&b, out);
}

static void
test_rules_of_the_far_future(void **state)
{
	static const struct {
		const char	*rule;
		const char	*at;		/* UTC */
		int32_t		 offset;
	} rows[] = {
		{ "UTC0", "2500-06-01 00:00:00", 0 },
		{ "<+0330>-3:30", "2500-06-01 00:00:00", 12600 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2400-03-26 00:59:59", 3600 },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", "2400-03-26 01:00:00", 7200 },
		/* the southern half: summer spans new year */
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2400-01-01 00:00:00", 39600 },
		{ "AEST-10AEDT,M10.1.0,M4.1.0/3", "2400-07-01 00:00:00", 36000 },
		/* hours outside the day (RFC 8536, 3.3.1) */
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2400-03-26 00:59:59", -7200 },
		{ "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2400-03-26 01:00:00", -3600 },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", "2023-03-23 23:59:59", 7200 },
		{ "IST-2IDT,M3.4.4/26,M10.5.0", "2023-03-24 00:00:00", 10800 },
		/* summer all year long */
		{ "XXX3EDT4,0/0,J365/23", "2400-01-01 03:30:00", -14400 },
		{ "XXX3EDT4,0/0,J365/23", "2400-12-31 23:30:00", -14400 },
		/* J60 is March 1 in every year, 59 is it in common years only */
		{ "AAA0BBB,J60/0,J300/0", "2024-02-29 23:59:59", 0 },
		{ "AAA0BBB,J60/0,J300/0", "2024-03-01 00:00:00", 3600 },
		{ "AAA0BBB,59/0,J300/0", "2024-02-29 00:00:00", 3600 },
		{ "AAA0BBB,59/0,J300/0", "2023-02-28 23:59:59", 0 },
	};
	struct zone	*z;
	struct civil	 c;
	int		 year, month, day, hour, minute, second;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_rule(rows[i].rule, &z), 0);
		assert_int_equal(sscanf(rows[i].at, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour,
		    &minute, &second), 6);
		c = (struct civil){ year, (int8_t)month, (int8_t)day, (int8_t)hour, (int8_t)minute,
		    (int8_t)second };
		if (offset_at(z, civil_seconds(&c)) != rows[i].offset)
			fail_msg("%s at %s: %d, not %d", rows[i].rule, rows[i].at,
			    offset_at(z, civil_seconds(&c)), rows[i].offset);
		zone_free(z);
	}
}

static void
test_a_rule_is_whole_or_refused(void **state)
{
	static const char *const	rules[] = {
		"C-1", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M13.5.0",
		"CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0,", "<CET-1", "CET-1:60",
		"CET-1CEST,J0,J10", "CET-1CEST,J366,J10", "CET-1CEST,366,10", "CET-1 ", "CET-1CEST,M3.5,1",
	};
	struct zone			*z = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++)
		if (read_rule(rules[i], &z) == 0)
			fail_msg("'%s' was taken", rules[i]);
	assert_null(z);
}

/* Over what is there. */
static __attribute__((noinline)) void
put_bytes(struct buf *b, size_t at, const char *bytes, size_t len)
{
	assert_true(at + len <= buf_len(b));
	memcpy(buf_data(b) + at, bytes, len);
}

static void
test_a_file_that_is_wrong_anywhere_is_refused(void **state)
{
	static const struct header	headers[] = {
		{ .types = 0, .chars = 4 },
		{ .types = 257, .chars = 4 },
		{ .types = 1, .chars = 0 },
		{ .types = 1, .chars = 4, .leaps = 1 },
		{ .types = 1, .chars = 4, .utc = 2 },
		{ .types = 1, .chars = 4, .standard = 2 },
		{ .types = 1, .chars = 4, .times = UINT32_MAX },
		{ .types = 1, .chars = UINT32_MAX },
		{ .version = '1', .types = 1, .chars = 4 },
		{ .version = '2', .types = 1, .chars = 4 },
	};
	static const char	zeros[64];
	struct zone		*z = NULL;
	struct buf		 b = { 0 };
	size_t			 whole;

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++) {
		put_header(&b, &headers[i]);
		buf_append(&b, zeros, sizeof(zeros));
		if (read_buf(&b, &z) == 0)
			fail_msg("header %zu was taken", i);
	}
	/* cut anywhere */
	put_v1(&b);
	whole = buf_len(&b);
	buf_free(&b);
	for (size_t n = 0; n < whole; n++) {
		put_v1(&b);
		assert_int_equal(zone_read(buf_data(&b), n, &z), -EINVAL);
		buf_free(&b);
	}
	/* times that do not ascend, a type that is not there, an offset that no clock has */
	put_v1(&b);
	put_bytes(&b, 44, "\0\0\x07\xd0", 4);
	assert_int_equal(read_buf(&b, &z), -EINVAL);
	put_v1(&b);
	put_bytes(&b, 52, "\x02", 1);
	assert_int_equal(read_buf(&b, &z), -EINVAL);
	put_v1(&b);
	put_bytes(&b, 54, "\x01", 1);
	assert_int_equal(read_buf(&b, &z), -EINVAL);
	assert_null(z);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_calendar_is_the_c_librarys),
		cmocka_unit_test(test_every_zone_is_the_c_librarys_until_2100),
		cmocka_unit_test(test_a_name_leads_nowhere_but_into_the_database),
		cmocka_unit_test(test_utc_never_changes),
		cmocka_unit_test(test_a_file_of_version_1_is_read),
		cmocka_unit_test(test_rules_of_the_far_future),
		cmocka_unit_test(test_a_rule_is_whole_or_refused),
		cmocka_unit_test(test_a_file_that_is_wrong_anywhere_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
