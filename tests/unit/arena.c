/* arena.c - rules of the payload arena. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/bounds.h"

#define BASE	UINT64_C(0x5000)

static void
test_chunks_have_the_smallest_power_of_two_that_fits(void **state)
{
	static const struct {
		size_t		bytes;
		uint32_t	cap;
	} rows[] = {
		{ 0, 256 }, { 1, 256 }, { 256, 256 }, { 257, 512 }, { 4096, 4096 }, { 4097, 8192 },
		{ 1 << 20, 1 << 20 }, { (1 << 20) + 1, 2 << 20 }, { 64 << 20, 64 << 20 },
	};
	struct arena	*a = arena_new(BASE, 128 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint32_t	cap = 0;
		uint64_t	off = arena_take(a, rows[i].bytes, &cap);

		assert_true(off != ARENA_NONE && off >= BASE);
		assert_int_equal(cap, rows[i].cap);
		assert_int_equal((off - BASE) % cap, 0);
		assert_int_equal(arena_used(a), cap);
		arena_give(a, off);
		assert_int_equal(arena_used(a), 0);
	}
	arena_free(a);
}

static void
test_what_cannot_fit_is_refused(void **state)
{
	struct arena	*a = arena_new(BASE, 4096);

	(void)state;
	assert_true(arena_take(a, 4097, NULL) == ARENA_NONE);
	assert_true(arena_take(a, SIZE_MAX, NULL) == ARENA_NONE);
	assert_true(arena_take(a, 4096, NULL) == BASE);
	assert_true(arena_take(a, 1, NULL) == ARENA_NONE);
	arena_free(a);
}

static void
test_the_chunk_given_back_last_comes_out_first(void **state)
{
	struct arena	*a = arena_new(0, 1 << 16);
	uint64_t	 first = arena_take(a, 1000, NULL), second = arena_take(a, 1000, NULL);

	(void)state;
	arena_give(a, second);
	arena_give(a, first);
	assert_true(arena_take(a, 1000, NULL) == first);
	assert_true(arena_take(a, 1000, NULL) == second);
	arena_free(a);
}

static void
test_small_chunks_merge_when_a_large_one_is_wanted(void **state)
{
	enum { BYTES = 1 << 16, N = BYTES / BOUND_CHUNK_MIN };
	struct arena	*a = arena_new(BASE, BYTES);
	uint64_t	 off[N];

	(void)state;
	for (int i = 0; i < N; i++)
		assert_true((off[i] = arena_take(a, 1, NULL)) != ARENA_NONE);
	assert_true(arena_take(a, 1, NULL) == ARENA_NONE);
	for (int i = 0; i < N; i += 2)
		arena_give(a, off[i]);
	assert_true(arena_take(a, 2 * BOUND_CHUNK_MIN, NULL) == ARENA_NONE);
	for (int i = 1; i < N; i += 2)
		arena_give(a, off[i]);
	assert_true(arena_take(a, BYTES, NULL) == BASE);
	arena_free(a);
}

struct chunk {
	uint64_t	off;
	uint32_t	cap;
};

static size_t
first_leaf(const struct chunk *c)
{
	return (size_t)(c->off - BASE) / BOUND_CHUNK_MIN;
}

/* Random takes and gives against a map of who has which leaf. */
static void
test_no_byte_is_in_two_chunks(void **state)
{
	enum { BYTES = 1 << 20, LEAVES = BYTES / BOUND_CHUNK_MIN, HELD = 600, TURNS = 200000 };
	static unsigned char	taken[LEAVES];
	struct chunk		 held[HELD];
	struct arena		*a = arena_new(BASE, BYTES);
	size_t			 n = 0, refused = 0;

	(void)state;
	srand(11);
	for (int turn = 0; turn < TURNS; turn++) {
		size_t		bytes = (size_t)rand() % (1u << (8 + rand() % 10));
		size_t		i = n == 0 ? 0 : (size_t)rand() % n;

		if (n < HELD && rand() % 2 == 0) {
			struct chunk	*c = &held[n];

			if ((c->off = arena_take(a, bytes, &c->cap)) == ARENA_NONE) {
				refused++;
				continue;
			}
			assert_true(c->cap >= bytes && c->off - BASE + c->cap <= BYTES);
			for (size_t k = 0; k < c->cap / BOUND_CHUNK_MIN; k++)
				assert_int_equal(taken[first_leaf(c) + k]++, 0);
			n++;
		} else if (n > 0) {
			for (size_t k = 0; k < held[i].cap / BOUND_CHUNK_MIN; k++)
				taken[first_leaf(&held[i]) + k] = 0;
			arena_give(a, held[i].off);
			held[i] = held[--n];
		}
	}
	assert_true(refused > 0);
	while (n > 0)
		arena_give(a, held[--n].off);
	assert_int_equal(arena_used(a), 0);
	assert_true(arena_take(a, BYTES, NULL) == BASE);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_chunks_have_the_smallest_power_of_two_that_fits),
		cmocka_unit_test(test_what_cannot_fit_is_refused),
		cmocka_unit_test(test_the_chunk_given_back_last_comes_out_first),
		cmocka_unit_test(test_small_chunks_merge_when_a_large_one_is_wanted),
		cmocka_unit_test(test_no_byte_is_in_two_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
