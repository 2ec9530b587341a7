/* lib.c - rules of lib/. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/idset.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/names.h"
#include "lib/parse.h"
#include "lib/pattern.h"
#include "lib/slab.h"

static void
test_durations_need_a_unit(void **state)
{
	static const struct {
		const char	*text;
		int		 rc;
		int64_t		 ms;
	} rows[] = {
		{ "250ms", 0, 250 }, { "10s", 0, 10000 }, { "5m", 0, 300000 }, { "2h", 0, 7200000 },
		{ "3d", 0, 259200000 }, { "0", 0, 0 }, { "10", -EINVAL, 0 }, { "", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 }, { "1.5s", -EINVAL, 0 }, { "1 s", -EINVAL, 0 }, { "s", -EINVAL, 0 },
		{ "99999999999999999999s", -ERANGE, 0 }, { "9223372036854775807d", -ERANGE, 0 },
	};
	int64_t	ms;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(parse_duration_ms(rows[i].text, &ms), rows[i].rc);
		if (rows[i].rc == 0)
			assert_int_equal(ms, rows[i].ms);
	}
}

static void
test_a_moment_beyond_the_clock_is_never(void **state)
{
	(void)state;
	assert_true(clock_after_ms(5, 2) == 5 + 2 * NS_PER_MS);
	assert_true(clock_after_ms(0, INT64_MAX / NS_PER_MS) < INT64_MAX);
	assert_true(clock_after_ms(NS_PER_MS, INT64_MAX / NS_PER_MS) == INT64_MAX);
	assert_true(clock_after_ms(NS_PER_S, INT64_C(1) << 45) == INT64_MAX);
}

static void
test_addresses_have_one_spelling(void **state)
{
	struct addr	a;

	(void)state;
	assert_int_equal(parse_addr("unix:/run/jobd/jobd.sock", &a), 0);
	assert_int_equal(a.kind, ADDR_UNIX);
	assert_string_equal(a.host, "/run/jobd/jobd.sock");
	assert_int_equal(parse_addr("tcp:127.0.0.1:7433", &a), 0);
	assert_int_equal(a.port, 7433);
	assert_int_equal(parse_addr("tls:[::1]:0", &a), 0);
	assert_string_equal(a.host, "::1");
	assert_int_equal(parse_addr("tcp:::1:80", &a), -EINVAL);
	assert_int_equal(parse_addr("tcp:host:65536", &a), -ERANGE);
	assert_int_equal(parse_addr("tcp::80", &a), -EINVAL);
	assert_int_equal(parse_addr("unix:", &a), -EINVAL);
	assert_int_equal(parse_addr("/run/x", &a), -EINVAL);
}

struct ranked {
	struct heap_node	node;
	int			rank;
};

static bool
ranks_before(const struct heap_node *a, const struct heap_node *b)
{
	return ((const struct ranked *)(const void *)a)->rank <
	    ((const struct ranked *)(const void *)b)->rank;
}

static void
test_heap_asks_which_of_equal_keys_comes_first(void **state)
{
	struct heap	h = { .before = ranks_before };
	struct ranked	r[200] = { 0 };

	(void)state;
	for (int i = 0; i < 200; i++) {
		r[i].rank = (i * 37) % 200;
		heap_set(&h, &r[i].node, i % 2);
	}
	r[0].rank = 1000;			/* it has lost its place among equals */
	heap_set(&h, &r[0].node, 0);
	for (int key = 0, rank = -1; heap_min(&h) != NULL;) {
		struct ranked	*first = (struct ranked *)(void *)heap_min(&h);

		if (first->node.key > key) {
			key = (int)first->node.key;
			rank = -1;
		}
		assert_true(first->node.key == key && first->rank > rank);
		rank = first->rank;
		heap_remove(&h, &first->node);
	}
	heap_free(&h);
}

static void
test_numbers_with_three_decimals_are_thousandths(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 milli;		/* -1: refused */
	} rows[] = {
		{ "0", 0 }, { "5", 5000 }, { "0.25", 250 }, { "2.5", 2500 }, { "1.001", 1001 },
		{ "0.001", 1 }, { "0.0001", -1 }, { "1.", -1 }, { ".5", -1 }, { "", -1 },
		{ "-1", -1 }, { "1e3", -1 }, { "1.-5", -1 }, { "9223372036854775807", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t	milli = -1;
		int	rc = parse_milli(rows[i].text, strlen(rows[i].text), &milli);

		assert_int_equal(rc == 0, rows[i].milli >= 0);
		assert_int_equal(milli, rows[i].milli);
	}
}

static void
test_heap_gives_keys_in_order_after_moves_and_removals(void **state)
{
	struct heap		h = { 0 };
	struct heap_node	nodes[500] = { 0 };
	int64_t			last = INT64_MIN;
	unsigned		left = 0;

	(void)state;
	srand(7);
	for (size_t i = 0; i < COUNT(nodes); i++)
		heap_set(&h, &nodes[i], rand() % 1000);
	for (size_t i = 0; i < COUNT(nodes); i += 3)
		heap_set(&h, &nodes[i], rand() % 1000);
	for (size_t i = 0; i < COUNT(nodes); i += 5)
		heap_remove(&h, &nodes[i]);
	while (heap_min(&h) != NULL) {
		struct heap_node	*n = heap_min(&h);

		assert_true(n->key >= last);
		last = n->key;
		heap_remove(&h, n);
		assert_int_equal(n->index, 0);
		left++;
	}
	assert_int_equal(left, 400);
	heap_free(&h);
}

static void
test_maps_keep_what_was_put_through_deletions(void **state)
{
	struct idmap	ids = { 0 };
	struct namemap	names = { 0 };
	char		text[1000][16];
	size_t		at = 0, n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text[i], sizeof(text[i]), "q%d", i);
		idmap_put(&ids, (uint64_t)i * 10000, text[i]);
		namemap_put(&names, text[i], strlen(text[i]), text[i]);
	}
	for (int i = 0; i < 1000; i += 2) {
		assert_ptr_equal(idmap_del(&ids, (uint64_t)i * 10000), text[i]);
		assert_ptr_equal(namemap_del(&names, text[i], strlen(text[i])), text[i]);
	}
	for (int i = 0; i < 1000; i++) {
		void	*want = i % 2 == 0 ? NULL : text[i];

		assert_ptr_equal(idmap_get(&ids, (uint64_t)i * 10000), want);
		assert_ptr_equal(namemap_get(&names, text[i], strlen(text[i])), want);
	}
	while (namemap_next(&names, &at) != NULL)
		n++;
	assert_int_equal(n, 500);
	idmap_free(&ids);
	namemap_free(&names);
}

static void
test_a_shared_name_lives_as_long_as_somebody_counts_on_it(void **state)
{
	struct names	n = { 0 };
	uint16_t	cpu, io;

	(void)state;
	cpu = names_take(&n, "cpu-1", 5);
	io = names_take(&n, "io-1", 4);
	assert_int_not_equal(cpu, 0);
	assert_int_not_equal(cpu, io);
	assert_int_equal(names_take(&n, "cpu-1...", 5), cpu);
	assert_int_equal(names_ref(&n, cpu), cpu);
	names_unref(&n, cpu);
	names_unref(&n, cpu);
	assert_string_equal(names_text(&n, cpu), "cpu-1");
	names_unref(&n, cpu);
	assert_int_equal(names_take(&n, "cpu-2", 5), cpu);	/* its number goes to the next one */
	assert_string_equal(names_text(&n, cpu), "cpu-2");
	assert_string_equal(names_text(&n, io), "io-1");
	assert_int_equal(names_take(&n, "", 0), 0);
	assert_string_equal(names_text(&n, 0), "");
	names_unref(&n, 0);
	names_free(&n);
}

static void
test_of_too_many_shared_names_the_last_are_none(void **state)
{
	struct names	n = { 0 };
	char		text[16];

	(void)state;
	for (int i = 1; i <= NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "remote-%d", i);
		assert_int_not_equal(names_take(&n, text, strlen(text)), 0);
	}
	assert_int_equal(names_take(&n, "one more", 8), 0);
	names_unref(&n, 77);
	assert_int_equal(names_take(&n, "one more", 8), 77);
	assert_string_equal(names_text(&n, NAMES_MAX), "remote-65535");
	names_free(&n);
}

static void
test_a_name_map_finds_again_only_what_is_still_there(void **state)
{
	struct namemap	names = { 0 };
	char		one[] = "one", again[] = "again", same[] = "same";

	(void)state;
	namemap_put(&names, "mail", 4, one);
	assert_ptr_equal(namemap_get(&names, "mail", 4), one);
	assert_ptr_equal(namemap_get(&names, "mail", 4), one);
	assert_null(namemap_get(&names, "mai", 3));
	assert_null(namemap_get(&names, "mail2", 5));
	assert_ptr_equal(namemap_get(&names, "mail", 4), one);
	namemap_put(&names, "mail", 4, again);
	assert_ptr_equal(namemap_get(&names, "mail", 4), again);
	assert_ptr_equal(namemap_del(&names, "mail", 4), again);
	assert_null(namemap_get(&names, "mail", 4));
	namemap_put(&names, "mail", 4, same);
	for (int i = 0; i < 100; i++)		/* it grows behind the one found last */
		namemap_put(&names, &"abcdefghijklmnopqrstuvwxyz0123456789"[i % 30],
		    1 + (size_t)i / 30, one);
	assert_ptr_equal(namemap_get(&names, "mail", 4), same);
	namemap_free(&names);
}

struct thing {
	uint64_t	id;
	bool		seen;
};

static size_t
count_unseen(const struct idset *set)
{
	struct thing	*t;
	size_t		 n = 0;

	for (size_t at = 0; (t = idset_next(set, &at)) != NULL; t->seen = true)
		n += !t->seen;
	return n;
}

static void
test_idset_keeps_what_was_put_through_deletions(void **state)
{
	enum { THINGS = 200000 };
	struct thing	*things = mem_zalloc(THINGS, sizeof(*things));
	struct idset	 set = { 0 };

	(void)state;
	assert_null(idset_get(&set, 1));
	assert_null(idset_del(&set, 1));
	for (size_t i = 0; i < THINGS; i++) {	/* half of them in runs, half scattered */
		things[i].id = i % 2 == 0 ? i / 2 : i * UINT64_C(1000003);
		idset_put(&set, &things[i]);
	}
	assert_int_equal(count_unseen(&set), THINGS);
	for (size_t i = 0; i < THINGS; i += 3)
		assert_ptr_equal(idset_del(&set, things[i].id), &things[i]);
	for (size_t i = 0; i < THINGS; i++)
		assert_ptr_equal(idset_get(&set, things[i].id), i % 3 == 0 ? NULL : &things[i]);
	assert_null(idset_del(&set, things[0].id));
	for (size_t i = 0; i < THINGS; i += 3)
		idset_put(&set, &things[i]);
	for (size_t i = 0; i < THINGS; i++)
		assert_ptr_equal(idset_get(&set, things[i].id), &things[i]);
	idset_free(&set);
	free(things);
}

static void
test_idset_finds_all_in_a_part_too_large_for_the_bits_beside_an_address(void **state)
{
	enum { THINGS = 50000 };		/* more than 65,536 slots in one part */
	struct thing	*things = mem_zalloc(THINGS, sizeof(*things));
	struct idset	 set = { 0 };
	size_t		 n = 0;

	(void)state;
	for (uint64_t id = 0; n < THINGS; id += 7) {
		if (idset_part(id) != 0)
			continue;
		things[n].id = id;
		idset_put(&set, &things[n++]);
	}
	assert_true(set.parts[0].cap > 65536);
	for (size_t i = 0; i < THINGS; i += 2)
		assert_ptr_equal(idset_del(&set, things[i].id), &things[i]);
	for (size_t i = 0; i < THINGS; i++)
		assert_ptr_equal(idset_get(&set, things[i].id), i % 2 == 0 ? NULL : &things[i]);
	idset_free(&set);
	free(things);
}

static void
test_log_lines_cannot_be_forged(void **state)
{
	char	out[64];

	(void)state;
	log_escape(out, sizeof(out), "a\nb\\\x7f\xff\xc3\xa9", 8);
	assert_string_equal(out, "a\\x0ab\\x5c\\x7f\\xff\xc3\xa9");
	assert_int_equal(log_escape(out, 4, "\n\n\n", 3), 0);
}

static void
test_buf_prints_json_strings_and_numbers(void **state)
{
	struct buf	 b = { 0 };
	char		*s;

	(void)state;
	buf_put_json(&b, "a\"\n\x01/", 5);
	buf_put_i64(&b, INT64_MIN);
	buf_put_u64(&b, 0);
	s = buf_take_string(&b);
	assert_string_equal(s, "\"a\\\"\\n\\u0001/\"-92233720368547758080");
	free(s);
	for (int i = 0; i < 10000; i++) {
		buf_append(&b, "0123456789", 10);
		if (i % 2 == 1)
			buf_consume(&b, 15);
	}
	assert_int_equal(buf_len(&b), 25000);
	buf_free(&b);
}

/* Fills the pipe that stderr is, with nobody reading, then reads it. */
static void
test_log_never_waits_for_its_reader(void **state)
{
	char	buf[1 << 17];
	int	pipes[2], saved = dup(STDERR_FILENO);
	ssize_t	n = 0, more;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	for (int i = 0; i < 10000; i++)
		log_error("a line of some length, so that the pipe is full before long");
	n = read(pipes[0], buf, sizeof(buf));		/* hangs above, if it waits */
	log_error("the last");
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(pipes[1]);
	assert_true(n > 0);
	while ((more = read(pipes[0], buf, sizeof(buf) - 1)) > 0) {
		n = more;
		buf[n] = '\0';
	}
	close(pipes[0]);
	assert_non_null(strstr(buf, "warn: log lines lost count="));
	assert_non_null(strstr(buf, "the last\n"));
}

/* ---- slab ---- */

struct brick {
	uint64_t	number, more[8];
};

static void
test_slab_gives_room_that_nobody_else_has(void **state)
{
	enum { COUNT = 20000 };
	static struct brick	*bricks[COUNT];
	struct slab		 s;

	(void)state;
	slab_init(&s, sizeof(struct brick));
	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < COUNT; i++) {
			if (bricks[i] != NULL)
				continue;
			bricks[i] = slab_take(&s);
			memset(bricks[i], (int)i, sizeof(*bricks[i]));
			bricks[i]->number = i;
		}
		for (uint64_t i = 0; i < COUNT; i++) {
			assert_int_equal(bricks[i]->number, i);
			assert_int_equal(bricks[i]->more[7] & 255, i & 255);
			if (i % 3 != (unsigned)round % 3)
				continue;
			slab_give(&s, bricks[i]);
			bricks[i] = NULL;
		}
	}
	assert_int_equal(s.blocks, (COUNT + s.capacity - 1) / s.capacity);
	slab_fini(&s);
}

static void
test_slab_gives_back_blocks_without_objects_but_one(void **state)
{
	enum { COUNT = 20000 };
	static struct brick	*bricks[COUNT];
	struct slab		 s;

	(void)state;
	slab_init(&s, sizeof(struct brick));
	for (int i = 0; i < COUNT; i++)
		bricks[i] = slab_take(&s);
	assert_in_range(s.blocks, 6, 8);
	for (int i = 0; i < COUNT; i++)
		slab_give(&s, bricks[(i * 7919) % COUNT]);
	assert_int_equal(s.blocks, 1);
	slab_give(&s, slab_take(&s));
	assert_int_equal(s.blocks, 1);
	slab_fini(&s);
}

/* Each one is compiled at once, or refused: nothing that is written here takes the machine. */
static void
test_patterns_that_would_not_end_are_refused(void **state)
{
	static const struct {
		const char	*text, *wrong;	/* NULL: it is good */
	} rows[] = {
		{ "[a-z0-9_.+-]+@([a-z0-9-]+\\.)+[a-z]{2,}", NULL },
		{ "^(a*b*c*d*e*f*g*h*i*j*k*l*m*n*o*p*q*r*s*t*)*$", NULL },
		{ "[]^a[:digit:]*+]+\\+\\*", NULL },
		{ "", NULL },
		{ "z+*", "repeats what is a repetition already" },
		{ "(a|b)?{3}", "repeats what is a repetition already" },
		{ "((((((((z+)*+)*+)*+)*", "repeats what is a repetition already" },
		{ "((((((((((z+)*)+)*)+)*)+)*)+)*)*(((((z+)*)+)*)+)*", NULL },
		{ "((((((((((((((((z+)*)+)*)+)*)+)*)+)*)+)*)+)*)+)*)+", "repeats too much" },
		{ "((a{99}){99}){99}", "repeats too much" },
		{ "a{20000}", "repeats too much" },
		{ "((((((((((((((((((((((((((((((((((a", "has too many parentheses" },
		{ "[", "must be a POSIX extended regular expression" },
		{ "(", "must be a POSIX extended regular expression" },
		{ "a{", "must be a POSIX extended regular expression" },
	};
	regex_t	re;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char	*wrong = pattern_compile(rows[i].text, &re);

		if (wrong == NULL)
			regfree(&re);
		if ((wrong == NULL) != (rows[i].wrong == NULL) ||
		    (wrong != NULL && strncmp(wrong, rows[i].wrong, strlen(rows[i].wrong)) != 0))
			fail_msg("%s: %s", rows[i].text, wrong == NULL ? "is good" : wrong);
	}
}

static void
test_base64_says_every_byte_and_reads_it_back(void **state)
{
	struct buf	text = { 0 }, bytes = { 0 };
	unsigned char	all[512];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t len = 0; len <= sizeof(all); len++) {
		base64_put(&text, all, len);
		assert_int_equal(buf_len(&text), BASE64_LEN(len));
		assert_true(base64_take(&bytes, buf_data(&text), buf_len(&text)));
		assert_int_equal(buf_len(&bytes), len);
		assert_true(len == 0 || memcmp(buf_data(&bytes), all, len) == 0);
		buf_consume(&text, buf_len(&text));
		buf_consume(&bytes, buf_len(&bytes));
	}
	base64_put(&text, "fooba", 5);
	assert_int_equal(buf_len(&text), 8);
	assert_memory_equal(buf_data(&text), "Zm9vYmE=", 8);	/* RFC 4648, section 10 */
	buf_free(&text);
	buf_free(&bytes);
}

static void
test_base64_that_is_none_leaves_no_byte(void **state)
{
	static const char *const	wrong[] = {
		"Z", "Zm9", "Zm9v=", "====", "Z===", "Zm=v", "Zm9vYh==Zm9v", "Zm9vYh==", "Zm9vYmF=",
		"Zm9v\nYmFy", "Zm9 ", "Zm-_", "\xc3\xa4Zm", "Zm9vYm\xff=",
	};
	struct buf			bytes = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_false(base64_take(&bytes, wrong[i], strlen(wrong[i])));
		assert_int_equal(buf_len(&bytes), 0);
	}
	buf_free(&bytes);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_durations_need_a_unit),
		cmocka_unit_test(test_a_moment_beyond_the_clock_is_never),
		cmocka_unit_test(test_addresses_have_one_spelling),
		cmocka_unit_test(test_heap_gives_keys_in_order_after_moves_and_removals),
		cmocka_unit_test(test_heap_asks_which_of_equal_keys_comes_first),
		cmocka_unit_test(test_numbers_with_three_decimals_are_thousandths),
		cmocka_unit_test(test_maps_keep_what_was_put_through_deletions),
		cmocka_unit_test(test_a_name_map_finds_again_only_what_is_still_there),
		cmocka_unit_test(test_a_shared_name_lives_as_long_as_somebody_counts_on_it),
		cmocka_unit_test(test_of_too_many_shared_names_the_last_are_none),
		cmocka_unit_test(test_idset_keeps_what_was_put_through_deletions),
		cmocka_unit_test(test_slab_gives_room_that_nobody_else_has),
		cmocka_unit_test(test_slab_gives_back_blocks_without_objects_but_one),
		cmocka_unit_test(
		    test_idset_finds_all_in_a_part_too_large_for_the_bits_beside_an_address),
		cmocka_unit_test(test_log_lines_cannot_be_forged),
		cmocka_unit_test(test_log_never_waits_for_its_reader),
		cmocka_unit_test(test_buf_prints_json_strings_and_numbers),
		cmocka_unit_test(test_patterns_that_would_not_end_are_refused),
		cmocka_unit_test(test_base64_says_every_byte_and_reads_it_back),
		cmocka_unit_test(test_base64_that_is_none_leaves_no_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
