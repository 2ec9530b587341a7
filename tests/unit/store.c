/* store.c - the memory store; ids and the boot counter: never twice, whatever happens to the file. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/store/ids.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/fd.h"

struct place {
	char	dir[64], file[80];
};

static int
set_up(void **state)
{
	struct place	*p = mem_zalloc(1, sizeof(*p));
	const char	*tmp = getenv("TMPDIR");

	snprintf(p->dir, sizeof(p->dir), "%.40s/jobd-store-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(p->dir) == NULL)
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/ids", p->dir);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place	*p = *state;

	unlink(p->file);
	chmod(p->dir, 0700);
	rmdir(p->dir);
	free(p);
	return 0;
}

static struct store *
open_store(const struct place *p)
{
	struct store	*s;
	char		 why[512] = "";

	if (store_open_memory(p->dir, &s, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return s;
}

static void
write_file(const struct place *p, const char *text)
{
	FILE	*f = fopen(p->file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static char *
read_file(const struct place *p)
{
	char	*text = fd_read_file(p->file, 4096, NULL);

	assert_non_null(text);
	return text;
}

static void
test_a_first_boot_is_1_and_so_is_its_first_id(void **state)
{
	struct store	*s = open_store(*state);

	assert_int_equal(store_boot(s), 1);
	assert_int_equal(store_next_id(s), 1);
	assert_int_equal(store_next_id(s), 2);
	store_close(s);
}

static void
test_a_block_is_in_the_file_before_one_of_its_ids_is_used(void **state)
{
	struct store	*s = open_store(*state);
	char		*text = read_file(*state);

	assert_string_equal(text, "jobd-ids 1\nboot 1\nnext 1000001\n");
	free(text);
	store_close(s);
}

static void
test_a_clean_close_gives_back_the_rest_of_the_block(void **state)
{
	struct store	*s = open_store(*state);
	char		*text;

	store_next_id(s);
	store_next_id(s);
	store_close(s);
	text = read_file(*state);
	assert_string_equal(text, "jobd-ids 1\nboot 1\nnext 3\n");
	free(text);
	s = open_store(*state);
	assert_int_equal(store_boot(s), 2);
	assert_int_equal(store_next_id(s), 3);
	store_close(s);
}

static void
test_after_a_crash_the_rest_of_the_block_is_skipped(void **state)
{
	struct place	*p = *state;
	struct store	*s = open_store(p);
	char		*text;

	assert_int_equal(store_next_id(s), 1);
	text = read_file(p);		/* as kill -9 would leave it */
	store_close(s);
	write_file(p, text);
	free(text);
	s = open_store(p);
	assert_int_equal(store_boot(s), 2);
	assert_int_equal(store_next_id(s), IDS_BLOCK + 1);
	store_close(s);
}

/* The next id, as soon as the block it is in was reserved. */
static uint64_t
wait_for_id(struct ids *ids)
{
	uint64_t	id;

	while ((id = ids_next(ids)) == 0)
		sched_yield();
	return id;
}

static void
test_the_next_blocks_follow_without_a_gap(void **state)
{
	struct place	*p = *state;
	struct ids	*ids;
	char		 why[512];
	char		*text;

	assert_int_equal(ids_open(p->dir, 0, 0, &ids, why, sizeof(why)), 0);
	for (uint64_t id = 1; id <= 2 * IDS_BLOCK + 1; id++)
		if (wait_for_id(ids) != id)
			fail_msg("id %llu", (unsigned long long)id);
	text = read_file(p);
	assert_string_equal(text, "jobd-ids 1\nboot 1\nnext 3000001\n");
	free(text);
	ids_close(ids);
}

static void
test_the_next_block_is_there_before_it_is_needed(void **state)
{
	struct place	*p = *state;
	struct ids	*ids;
	char		 why[512], *text;
	bool		 there = false;

	assert_int_equal(ids_open(p->dir, 0, 0, &ids, why, sizeof(why)), 0);
	for (uint64_t id = 1; id <= IDS_BLOCK / 2 + 1; id++)
		assert_int_equal(ids_next(ids), id);
	while (!there) {		/* written without another id being asked for */
		text = read_file(p);
		there = strstr(text, "next 2000001\n") != NULL;
		free(text);
		sched_yield();
	}
	for (uint64_t id = IDS_BLOCK / 2 + 2; id <= IDS_BLOCK; id++)
		assert_int_equal(ids_next(ids), id);
	ids_close(ids);
}

static void
test_a_damaged_file_is_refused_with_its_name(void **state)
{
	static const char *const	damaged[] = {
		"", "jobd-ids 1\n", "jobd-ids 1\nboot 3\n", "jobd-ids 1\nboot 3\nnext 7",
		"jobd-ids 2\nboot 3\nnext 7\n", "jobd-ids 1\nboot 3\nnext 7\n\n",
		"jobd-ids 1\nboot -3\nnext 7\n", "jobd-ids 1\nboot 3\nnext 0\n",
		"jobd-ids 1\nboot 3\nnext 7x\n", "jobd-ids 1\nnext 7\nboot 3\n",
		"jobd-ids 1\nboot 3\nnext 9007199254740993\n", "jobd-ids 1\nboot 2097153\nnext 7\n",
		"jobd-ids 1\nboot  3\nnext 7\n", "\n\n\n",
	};
	struct place	*p = *state;
	struct store	*s;
	char		 why[512];

	for (size_t i = 0; i < COUNT(damaged); i++) {
		char	*text;

		write_file(p, damaged[i]);
		if (store_open_memory(p->dir, &s, why, sizeof(why)) != -EBADMSG)
			fail_msg("accepted: %s", damaged[i]);
		assert_non_null(strstr(why, p->file));
		assert_non_null(strstr(why, "damaged"));
		text = read_file(p);		/* and it is left as it was */
		assert_string_equal(text, damaged[i]);
		free(text);
	}
}

static void
test_ids_and_boots_end_below_their_bounds(void **state)
{
	struct place	*p = *state;
	struct store	*s;
	char		 why[512] = "";

	write_file(p, "jobd-ids 1\nboot 5\nnext 9007199254740992\n");
	assert_int_equal(store_open_memory(p->dir, &s, why, sizeof(why)), -ERANGE);
	assert_true(why[0] != '\0');
	write_file(p, "jobd-ids 1\nboot 2097151\nnext 7\n");
	why[0] = '\0';
	assert_int_equal(store_open_memory(p->dir, &s, why, sizeof(why)), -ERANGE);
	assert_true(why[0] != '\0');
}

static void
test_a_missing_directory_is_an_error_that_names_it(void **state)
{
	struct place	*p = *state;
	struct store	*s;
	char		 why[512] = "", path[128];

	snprintf(path, sizeof(path), "%s/none", p->dir);
	assert_int_equal(store_open_memory(path, &s, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, path));
}

static void
test_no_id_is_given_when_the_next_block_cannot_be_reserved(void **state)
{
	struct place	*p = *state;
	struct ids	*ids;
	char		 why[512], temp[128];

	assert_int_equal(ids_open(p->dir, 0, 0, &ids, why, sizeof(why)), 0);
	snprintf(temp, sizeof(temp), "%s/ids.new", p->dir);
	assert_int_equal(mkdir(temp, 0700), 0);		/* it cannot be opened for writing:
							 * EISDIR, root too */
	for (uint64_t id = 1; id <= IDS_BLOCK; id++)
		assert_int_equal(ids_next(ids), id);
	assert_int_equal(ids_next(ids), 0);
	assert_int_equal(ids_next(ids), 0);
	assert_int_equal(rmdir(temp), 0);
	assert_int_equal(wait_for_id(ids), IDS_BLOCK + 1);
	ids_close(ids);
}

static void
test_a_memory_store_gives_each_operation_back_in_order(void **state)
{
	struct store	*s = open_store(*state);
	struct store_op	 ops[STORE_VERBS];
	struct pollfd	 p = { .fd = store_fd(s), .events = POLLIN };

	assert_false(store_durable(s));
	for (uint8_t i = 0; i < STORE_VERBS; i++) {
		ops[i] = (struct store_op){ .verb = i, .id = i + 1u };
		store_put(s, &ops[i]);
	}
	assert_null(store_done(s));
	store_publish(s);
	assert_int_equal(poll(&p, 1, -1), 1);
	for (uint8_t i = 0; i < STORE_VERBS; i++) {
		assert_ptr_equal(store_done(s), &ops[i]);
		assert_int_equal(ops[i].result, STORE_OK);
	}
	assert_null(store_done(s));
	assert_int_equal(poll(&p, 1, 0), 0);
	store_close(s);
}

static void
test_a_memory_store_has_nothing_to_recover(void **state)
{
	struct store		*s = open_store(*state);
	struct pollfd		 p = { .fd = store_fd(s), .events = POLLIN };
	struct store_found	 found;
	char			 why[64];

	assert_int_equal(store_next_found(s, &found, why, sizeof(why)), 0);
	store_recover(s, 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	assert_int_equal(store_next_found(s, &found, why, sizeof(why)), 1);
	assert_int_equal(found.is, STORE_RECOVERED);
	assert_int_equal(poll(&p, 1, 0), 0);
	store_close(s);
}

static void
test_a_memory_store_finds_no_job(void **state)
{
	struct store		*s = open_store(*state);
	uint64_t		 id = 7;
	struct store_query	 q = { .what = STORE_GET, .ids = &id, .ids_len = 1 };

	store_ask(s, &q);
	assert_ptr_equal(store_answered(s), &q);
	assert_int_equal(q.result, STORE_OK);
	assert_int_equal(q.rows_len, 0);
	store_query_fini(&q);
	q = (struct store_query){ .what = STORE_BACKUP, .path = "/nowhere" };
	store_ask(s, &q);
	assert_ptr_equal(store_answered(s), &q);
	assert_int_equal(q.result, STORE_UNAVAIL);
	assert_string_equal(q.why, "the memory engine keeps no jobs");
	store_query_fini(&q);
	assert_null(store_answered(s));
	store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_a_first_boot_is_1_and_so_is_its_first_id),
		TEST(test_a_block_is_in_the_file_before_one_of_its_ids_is_used),
		TEST(test_a_clean_close_gives_back_the_rest_of_the_block),
		TEST(test_after_a_crash_the_rest_of_the_block_is_skipped),
		TEST(test_the_next_blocks_follow_without_a_gap),
		TEST(test_the_next_block_is_there_before_it_is_needed),
		TEST(test_a_damaged_file_is_refused_with_its_name),
		TEST(test_ids_and_boots_end_below_their_bounds),
		TEST(test_a_missing_directory_is_an_error_that_names_it),
		TEST(test_no_id_is_given_when_the_next_block_cannot_be_reserved),
		TEST(test_a_memory_store_gives_each_operation_back_in_order),
		TEST(test_a_memory_store_has_nothing_to_recover),
		TEST(test_a_memory_store_finds_no_job),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
