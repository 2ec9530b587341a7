/* metrics.c - buckets, the time that turns take, and the text that monitoring systems read. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/metrics/lag.h"
#include "daemon/broker/metrics/prometheus.h"
#include "lib/loopback.h"

#define MS	INT64_C(1000000)
#define S	INT64_C(1000000000)

/* ---- buckets ---- */

static unsigned
slow_index(int64_t ns)
{
	unsigned	i = 0;

	while (i < BUCKETS_BOUNDS && ns > buckets_bounds_ns[i])
		i++;
	return i;
}

static void
test_every_time_is_in_the_bucket_of_the_first_bound_that_it_does_not_exceed(void **state)
{
	uint64_t	seed = 1;

	(void)state;
	assert_int_equal(buckets_index(-5), 0);
	assert_int_equal(buckets_index(INT64_MAX), BUCKETS_BOUNDS);
	for (unsigned i = 0; i < BUCKETS_BOUNDS; i++) {
		for (int64_t ns = buckets_bounds_ns[i] - 1; ns <= buckets_bounds_ns[i] + 1; ns++)
			assert_int_equal(buckets_index(ns), slow_index(ns));
		assert_true(strtod(buckets_bounds_text[i], NULL) * 1e9 == (double)buckets_bounds_ns[i]);
	}
	for (int i = 0; i < 100000; i++) {
		int64_t	ns;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		ns = (int64_t)(seed >> (1 + (seed >> 58) % 63));
		assert_int_equal(buckets_index(ns), slow_index(ns));
	}
}

static void
test_what_is_taken_back_was_never_there(void **state)
{
	struct buckets	b = { 0 }, none = { 0 };

	(void)state;
	buckets_add(&b, 30 * MS);
	assert_int_equal(b.counts[buckets_index(30 * MS)], 1);
	buckets_withdraw(&b, 30 * MS);
	assert_memory_equal(&b, &none, sizeof(b));
}

/* ---- lag ---- */

static void
test_a_slow_turn_is_told_with_its_longest_phase(void **state)
{
	struct lag	l = { 0 };
	struct lag_turn	t;

	(void)state;
	lag_woke(&l, 1000 * MS, 1000 * MS);
	lag_mark(&l, LAG_events, 1004 * MS);
	lag_mark(&l, LAG_settle, 1084 * MS);
	lag_mark(&l, LAG_flush, 1088 * MS);
	assert_true(lag_end(&l, 1089 * MS, 50 * MS, &t));
	assert_int_equal(t.phase, LAG_settle);
	assert_int_equal(t.phase_ns, 80 * MS);
	assert_int_equal(t.turn_ns, 89 * MS);
	assert_int_equal(t.unsaid, 0);
	assert_int_equal(l.slow[LAG_settle], 1);
	assert_int_equal(l.longest_ns, 89 * MS);
	assert_int_equal(l.spent_ns[LAG_settle], 80 * MS);
	assert_int_equal(l.turns.count, 1);
	assert_int_equal(l.woke_ns, 0);
	assert_int_equal(l.phase_ns[LAG_settle], 0);
}

static bool
turn_of(struct lag *l, int64_t from_ns, int64_t ns, struct lag_turn *t)
{
	lag_woke(l, from_ns, from_ns);
	lag_mark(l, LAG_harvest, from_ns + ns);
	return lag_end(l, from_ns + ns, 50 * MS, t);
}

static void
test_a_turn_at_the_limit_is_not_slow(void **state)
{
	struct lag	l = { 0 };
	struct lag_turn	t;

	(void)state;
	assert_false(turn_of(&l, S, 50 * MS, &t));
	assert_int_equal(lag_slow(&l), 0);
	assert_true(turn_of(&l, 2 * S, 50 * MS + 1, &t));
	assert_int_equal(lag_slow(&l), 1);
}

static void
test_slow_turns_are_told_seldom_and_how_many_there_were(void **state)
{
	struct lag	l = { 0 };
	struct lag_turn	t;
	int64_t		now_ns = S;

	(void)state;
	assert_true(turn_of(&l, now_ns, 60 * MS, &t));
	for (int i = 0; i < 5; i++)
		assert_false(turn_of(&l, now_ns += S, 70 * MS, &t));
	now_ns = S + LAG_SAY_NS + 60 * MS;
	assert_true(turn_of(&l, now_ns, 80 * MS, &t));
	assert_int_equal(t.unsaid, 5);
	assert_int_equal(lag_slow(&l), 7);
	assert_int_equal(l.longest_ns, 80 * MS);
	assert_true(turn_of(&l, now_ns += 2 * LAG_SAY_NS, 60 * MS, &t));
	assert_int_equal(t.unsaid, 0);
}

/* ---- text ---- */

static void
assert_text(struct buf *out, const char *text)
{
	char	*got = buf_take_string(out);

	assert_string_equal(got, text);
	free(got);
}

static void
test_a_sample_has_its_labels_and_what_they_hold_is_escaped(void **state)
{
	struct buf	out = { 0 }, labels = { 0 };

	(void)state;
	prometheus_u64(&out, METRIC_CONNECTIONS, NULL, UINT64_MAX);
	prometheus_label(&labels, "queue", "a\\b\"c\nd");
	prometheus_label(&labels, "type", "\xc3\xa4}");
	prometheus_u64(&out, METRIC_CONNECTIONS, &labels, 0);
	prometheus_seconds(&out, METRIC_CPU, NULL, 0.25);
	assert_text(&out, "jobd_connections 18446744073709551615\n"
	    "jobd_connections{queue=\"a\\\\b\\\"c\\nd\",type=\"\xc3\xa4}\"} 0\n"
	    "process_cpu_seconds_total 0.25\n");
	buf_free(&labels);
}

static void
test_buckets_add_up_to_their_count(void **state)
{
	struct buf	out = { 0 };
	struct buckets	b = { 0 };
	char		*text;

	(void)state;
	buckets_add(&b, 0);
	buckets_add(&b, 100000);
	buckets_add(&b, 3 * MS);
	buckets_add(&b, 100000 * S);
	prometheus_begin(&out, METRIC_TURNS);
	prometheus_buckets(&out, METRIC_TURNS, NULL, &b);
	text = buf_take_string(&out);
	assert_non_null(strstr(text, "# TYPE jobd_loop_turn_seconds histogram\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_bucket{le=\"0.0001\"} 2\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_bucket{le=\"0.0025\"} 2\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_bucket{le=\"0.005\"} 3\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_bucket{le=\"25000\"} 3\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_bucket{le=\"+Inf\"} 4\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_sum 100000.0031\n"));
	assert_non_null(strstr(text, "jobd_loop_turn_seconds_count 4\n"));
	free(text);
}

/* ---- loopback ---- */

static void
test_only_addresses_of_this_machine_alone_are_loopback(void **state)
{
	static const char *const	good[] = { "127.0.0.1:9464", "127.8.9.10:0", "[::1]:65535" };
	static const char *const	bad[] = {
		"", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
		"0.0.0.0:9464", "10.0.0.1:9464", "[::]:9464", "::1:9464", "[::ffff:127.0.0.1]:9464",
		"[fe80::1]:9464", "localhost:9464", "128.0.0.1:9464", "127.1:9464", "tcp:127.0.0.1:1",
		"127.0.0.1:9464 ", "[127.0.0.1:9464",
	};
	struct sockaddr_storage		a;
	socklen_t			len;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(loopback_parse(good[i], &a, &len), 0);
	assert_int_equal(a.ss_family, AF_INET6);
	assert_int_equal(len, sizeof(struct sockaddr_in6));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(loopback_parse(bad[i], &a, &len), -EINVAL);
}

static void
test_a_host_is_of_the_loopback_by_number_or_as_localhost(void **state)
{
	static const char *const	good[] = { "127.0.0.1", "127.0.0.1:9464", "127.8.9.10:0", "[::1]",
		"[::1]:65535", "localhost", "LocalHost:80",
	};
	static const char *const	bad[] = {
		"", ":", ":80", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.1", "::1",
		"2130706433", "0.0.0.0", "10.0.0.1:80", "[::]", "[::ffff:127.0.0.1]", "128.0.0.1",
		"localhost.example.org", "localhost.example.org:80", "127.0.0.1.example.org",
		"example.org", "example.org:9464", "127.0.0.1@example.org", "example.org#127.0.0.1",
		"127.0.0.1, example.org", "unix:/tmp/x", "[::1", "::1]", "[::1]x", "localhost ",
		"/127.0.0.1", "x]:127.0.0.1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!loopback_host(good[i]))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (loopback_host(bad[i]))
			fail_msg("%s is taken", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(
		    test_every_time_is_in_the_bucket_of_the_first_bound_that_it_does_not_exceed),
		cmocka_unit_test(test_what_is_taken_back_was_never_there),
		cmocka_unit_test(test_a_slow_turn_is_told_with_its_longest_phase),
		cmocka_unit_test(test_a_turn_at_the_limit_is_not_slow),
		cmocka_unit_test(test_slow_turns_are_told_seldom_and_how_many_there_were),
		cmocka_unit_test(test_a_sample_has_its_labels_and_what_they_hold_is_escaped),
		cmocka_unit_test(test_buckets_add_up_to_their_count),
		cmocka_unit_test(test_only_addresses_of_this_machine_alone_are_loopback),
		cmocka_unit_test(test_a_host_is_of_the_loopback_by_number_or_as_localhost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
