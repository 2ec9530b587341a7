/* store.c - ids and the boot counter: never twice, whatever happens to the file. */
#include "tests/unit/unit.h"

#include <errno.h>
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

static void
test_the_next_block_follows_without_a_gap(void **state)
{
	struct store	*s = open_store(*state);
	char		*text;

	for (uint64_t id = 1; id <= IDS_BLOCK + 1; id++)
		if (store_next_id(s) != id)
			fail_msg("id %llu", (unsigned long long)id);
	text = read_file(*state);
	assert_string_equal(text, "jobd-ids 1\nboot 1\nnext 2000001\n");
	free(text);
	store_close(s);
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

	assert_int_equal(ids_open(p->dir, &ids, why, sizeof(why)), 0);
	for (uint64_t id = 1; id <= IDS_BLOCK; id++)
		assert_int_equal(ids_next(ids), id);
	snprintf(temp, sizeof(temp), "%s/ids.new", p->dir);
	assert_int_equal(mkdir(temp, 0700), 0);		/* it cannot be opened for writing:
							 * EISDIR, root too */
	assert_int_equal(ids_next(ids), 0);
	assert_int_equal(ids_next(ids), 0);
	assert_int_equal(rmdir(temp), 0);
	assert_int_equal(ids_next(ids), IDS_BLOCK + 1);
	ids_close(ids);
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
		TEST(test_the_next_block_follows_without_a_gap),
		TEST(test_a_damaged_file_is_refused_with_its_name),
		TEST(test_ids_and_boots_end_below_their_bounds),
		TEST(test_a_missing_directory_is_an_error_that_names_it),
		TEST(test_no_id_is_given_when_the_next_block_cannot_be_reserved),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
