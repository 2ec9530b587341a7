/* histogram.c - percentiles: three digits, whatever the values. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "client/histogram.h"

static void
test_nothing_recorded_is_nothing_told(void **state)
{
	struct histogram	h = { 0 };

	(void)state;
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	assert_true(histogram_mean(&h) == 0);
	histogram_free(&h);
}

static void
test_small_values_are_told_exactly(void **state)
{
	static const struct {
		double	q;
		int64_t	value;
	} rows[] = {
		{ 0, 1 }, { 0.001, 1 }, { 0.5, 500 }, { 0.501, 501 }, { 0.99, 990 }, { 0.999, 999 },
		{ 1, 1000 },
	};
	struct histogram	h = { 0 };

	(void)state;
	for (int64_t v = 1000; v >= 1; v--)
		histogram_record(&h, v);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(histogram_quantile(&h, rows[i].q), rows[i].value);
	assert_true(histogram_mean(&h) == 500.5);
	histogram_free(&h);
}

/* Each value alone, between two others: what is told of it is less than 0.1 % off, never below. */
static void
test_every_value_is_told_with_three_digits(void **state)
{
	(void)state;
	for (int64_t v = 1; v < INT64_MAX / 3; v = v + v / 7 + 1) {
		struct histogram	h = { 0 };
		int64_t			told;

		histogram_record(&h, 0);
		histogram_record(&h, v);
		histogram_record(&h, INT64_MAX);
		told = histogram_quantile(&h, 0.5);
		assert_true(told >= v);
		assert_true((double)(told - v) <= (double)v / 1000);
		histogram_free(&h);
	}
}

static int
compare(const void *a, const void *b)
{
	int64_t	x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Against the sorted values themselves, over nine decades. */
static void
test_quantiles_are_those_of_the_sorted_values(void **state)
{
	enum { N = 20000 };
	static int64_t		values[N];
	static const double	qs[] = { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999 };
	struct histogram	h = { 0 };
	uint64_t		seed = 12345;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		values[i] = (int64_t)(seed >> 33) >> (seed >> 27 & 31);
		histogram_record(&h, values[i]);
	}
	qsort(values, N, sizeof(*values), compare);
	assert_int_equal(h.min, values[0]);
	assert_int_equal(h.max, values[N - 1]);
	for (size_t i = 0; i < COUNT(qs); i++) {
		int64_t	exact = values[(size_t)(qs[i] * N + 0.5) - 1];
		int64_t	told = histogram_quantile(&h, qs[i]);

		assert_true(told >= exact);
		assert_true((double)(told - exact) <= (double)exact / 1000);
	}
	histogram_free(&h);
}

static void
test_the_ends_of_the_range_are_values_too(void **state)
{
	struct histogram	h = { 0 };

	(void)state;
	histogram_record(&h, -5);
	histogram_record(&h, INT64_MAX);
	assert_int_equal(h.min, 0);
	assert_int_equal(histogram_quantile(&h, 0.5), 0);
	assert_int_equal(histogram_quantile(&h, 1), INT64_MAX);
	histogram_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_recorded_is_nothing_told),
		cmocka_unit_test(test_small_values_are_told_exactly),
		cmocka_unit_test(test_every_value_is_told_with_three_digits),
		cmocka_unit_test(test_quantiles_are_those_of_the_sorted_values),
		cmocka_unit_test(test_the_ends_of_the_range_are_values_too),
	};

	return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
