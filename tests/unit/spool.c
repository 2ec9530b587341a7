/* spool.c - outcomes on disk: in order, in pages, and what a full disk costs. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/store/spool.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define PATIENCE_MS	20000
#define BIG		((size_t)1 << 20)

struct rig {
	char		 dir[80];
	struct spool	*s;
};

static void
open_spool(struct rig *r, size_t queue_bytes)
{
	char	why[256];

	assert_int_equal(spool_open(r->dir, queue_bytes, &r->s, why, sizeof(why)), 0);
}

static int
set_up(void **state)
{
	struct rig	*r = mem_zalloc(1, sizeof(*r));
	const char	*tmp = getenv("TMPDIR");

	snprintf(r->dir, sizeof(r->dir), "%.40s/jobd-spool-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(r->dir) == NULL)
		return -1;
	open_spool(r, BIG);
	*state = r;
	return 0;
}

static unsigned
files_in(const char *dir)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	unsigned	 n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int
tear_down(void **state)
{
	struct rig	*r = *state;

	spool_close(r->s);
	assert_int_equal(files_in(r->dir), 0);
	rmdir(r->dir);
	free(r);
	return 0;
}

/* The next news, waited for; its text is NUL-terminated here. */
static struct spool_news
news(struct rig *r)
{
	struct spool_news	is;
	struct pollfd		p = { .fd = spool_fd(r->s), .events = POLLIN };

	while (!spool_take(r->s, &is))
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			fail_msg("no news");
	buf_putc(&is.text, '\0');
	return is;
}

static void
append(struct rig *r, uint64_t group, uint64_t index)
{
	char	line[64];
	int	len = snprintf(line, sizeof(line), "{\"index\":%llu,\"result\":%llu}",
		    (unsigned long long)index, (unsigned long long)index * 10);

	spool_append(r->s, group, index, line, (size_t)len);
}

static char *
line_of(uint64_t index, const char *after)
{
	return mem_printf("{\"index\":%llu,\"result\":%llu}%s", (unsigned long long)index,
	    (unsigned long long)index * 10, after);
}

static void
assert_read(struct rig *r, uint64_t group, uint64_t from, uint64_t count, size_t bytes,
    const char *text, uint64_t next)
{
	struct spool_news	is;

	spool_read(r->s, group, 77, from, count, bytes);
	is = news(r);
	assert_int_equal(is.kind, SPOOL_READ);
	assert_int_equal(is.group, group);
	assert_int_equal(is.ticket, 77);
	assert_string_equal(buf_data(&is.text), text);
	assert_int_equal(is.next, next);
	buf_free(&is.text);
}

static void
test_outcomes_come_back_by_index_whatever_order_they_came_in(void **state)
{
	static const uint64_t	order[] = { 3, 0, 4, 1, 2 };
	struct rig		*r = *state;
	char			*first = line_of(0, ""), *second = line_of(1, ""), *both;

	for (size_t i = 0; i < COUNT(order); i++)
		append(r, 5, order[i]);
	both = mem_printf("%s,%s", first, second);
	assert_read(r, 5, 0, 2, 10000, both, 2);
	assert_read(r, 5, 1, 1, 10000, second, 2);
	assert_read(r, 5, 0, 100, strlen(both), both, 2);
	assert_read(r, 5, 0, 100, strlen(both) - 1, first, 1);
	assert_read(r, 5, 5, 100, 10000, "", 5);
	assert_read(r, 6, 0, 100, 10000, "", 0);
	free(first);
	free(second);
	free(both);
}

static void
test_reading_stops_at_what_is_not_there_yet(void **state)
{
	struct rig	*r = *state;
	char		*first = line_of(0, "");

	append(r, 1, 0);
	append(r, 1, 2);
	assert_read(r, 1, 0, 10, 10000, first, 1);
	assert_read(r, 1, 1, 10, 10000, "", 1);
	free(first);
}

static void
test_what_does_not_fit_is_told_by_its_length(void **state)
{
	struct rig	*r = *state;
	char		*long_text = mem_alloc(BIG + 1), *line;

	memset(long_text, 'x', BIG);
	long_text[BIG] = '\0';
	line = mem_printf("{\"index\":0,\"id\":1,\"state\":\"succeeded\",\"result\":\"%s\"}", long_text);
	spool_append(r->s, 1, 0, line, strlen(line));
	free(line);
	line = mem_printf("{\"index\":1,\"id\":2,\"state\":\"failed\",\"failure\":{\"kind\":\"error\","
	    "\"message\":\"a \\\"data\\\": of\",\"attempt\":1,\"data\":[\"%s\"]}}", long_text);
	spool_append(r->s, 1, 1, line, strlen(line));
	assert_read(r, 1, 0, 10, 300,
	    "{\"index\":0,\"id\":1,\"state\":\"succeeded\",\"result_bytes\":1048578}", 1);
	assert_read(r, 1, 1, 10, 300, "{\"index\":1,\"id\":2,\"state\":\"failed\",\"failure\":{"
	    "\"kind\":\"error\",\"message\":\"a \\\"data\\\": of\",\"attempt\":1,"
	    "\"data_bytes\":1048580}}", 2);
	assert_read(r, 1, 1, 1, 2 * BIG, line, 2);
	free(line);
	free(long_text);
}

static void
assert_sorted(struct rig *r, uint64_t group, uint64_t count)
{
	struct spool_news	 is;
	struct buf		 expected = { 0 };
	char			*text;

	spool_reduce(r->s, group, count);
	is = news(r);
	assert_int_equal(is.kind, SPOOL_REDUCED);
	assert_int_equal(is.group, group);
	assert_non_null(text = fd_read_file(buf_data(&is.text), 64 * BIG, NULL));
	for (uint64_t i = 0; i < count; i++) {
		char	*line = line_of(i, "\n");

		buf_puts(&expected, line);
		free(line);
	}
	buf_putc(&expected, '\0');
	assert_string_equal(text, buf_data(&expected));
	free(text);
	buf_free(&expected);
	buf_free(&is.text);
}

static void
test_the_sorted_file_has_all_lines_and_is_read_from_then_on(void **state)
{
	struct rig	*r = *state;
	char		*last = line_of(29999, "");
	struct stat	 st;
	char		 path[120];

	for (uint64_t i = 0; i < 30000; i++)
		append(r, 8, (i * 7919) % 30000);
	assert_sorted(r, 8, 30000);
	assert_int_equal(files_in(r->dir), 1);
	snprintf(path, sizeof(path), "%s/8.ndjson", r->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_read(r, 8, 29999, 5, 10000, last, 30000);
	spool_forget(r->s, 8);
	assert_read(r, 8, 0, 1, 100, "", 0);
	free(last);
}

static void
test_nothing_is_sorted_into_an_empty_file(void **state)
{
	assert_sorted(*state, 9, 0);
}

static void
test_many_groups_share_few_descriptors(void **state)
{
	struct rig	*r = *state;

	for (uint64_t i = 0; i < 50; i++)
		for (uint64_t group = 1; group <= 4 * SPOOL_OPEN_FILES; group++)
			append(r, group, i);
	for (uint64_t group = 1; group <= 4 * SPOOL_OPEN_FILES; group++)
		assert_sorted(r, group, 50);
}

static void
assert_failed(struct rig *r, uint64_t group, const char *why)
{
	struct spool_news	is = news(r);

	assert_int_equal(is.kind, SPOOL_FAILED);
	assert_int_equal(is.group, group);
	if (strstr(buf_data(&is.text), why) == NULL)
		fail_msg("%s", buf_data(&is.text));
	buf_free(&is.text);
}

static void
test_an_outcome_that_never_came_fails_its_group_only(void **state)
{
	struct rig	*r = *state;

	append(r, 1, 0);
	append(r, 1, 2);
	append(r, 2, 0);
	spool_reduce(r->s, 1, 3);
	assert_failed(r, 1, "reduce job");
	assert_sorted(r, 2, 1);
	append(r, 1, 1);
	assert_read(r, 1, 0, 9, 100, "", 0);	/* it stays failed */
}

static void
test_a_full_disk_fails_one_group_and_gives_its_space_back(void **state)
{
	struct rig	*r = *state;
	struct rlimit	 before, small;
	char		*line = mem_alloc(BIG);

	memset(line, 'x', BIG);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 4 * BIG, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	append(r, 2, 0);
	for (uint64_t i = 0; i < 8; i++)
		spool_append(r->s, 1, i, line, BIG);
	assert_failed(r, 1, "File too large");
	assert_sorted(r, 2, 1);
	assert_int_equal(files_in(r->dir), 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	free(line);
}

static void
test_a_directory_that_is_gone_is_a_failure_with_words(void **state)
{
	struct rig	*r = *state;

	assert_int_equal(rmdir(r->dir), 0);
	append(r, 1, 0);
	assert_failed(r, 1, "No such file or directory");
	assert_int_equal(mkdir(r->dir, 0700), 0);
}

static void
test_a_long_queue_is_full_and_tells_when_there_is_room(void **state)
{
	struct rig		*r = *state;
	struct spool_news	 is;
	uint64_t		 i = 0;

	spool_close(r->s);
	open_spool(r, 2000);
	while (!spool_full(r->s))
		append(r, 1, i++);
	is = news(r);
	assert_int_equal(is.kind, SPOOL_ROOM);
	buf_free(&is.text);
	assert_false(spool_full(r->s));
	assert_sorted(r, 1, i);
}

static void
test_what_an_earlier_broker_left_is_removed(void **state)
{
	struct rig	*r = *state;
	char		 path[120];
	FILE		*f;

	spool_close(r->s);
	snprintf(path, sizeof(path), "%s/3.outcomes", r->dir);
	assert_non_null(f = fopen(path, "w"));
	fclose(f);
	assert_int_equal(chmod(r->dir, 0755), 0);
	open_spool(r, BIG);
	assert_int_equal(files_in(r->dir), 0);
	append(r, 3, 0);
	assert_sorted(r, 3, 1);
}

static void
test_an_end_with_work_left_leaves_nothing(void **state)
{
	struct rig	*r = *state;

	for (uint64_t i = 0; i < 5000; i++)
		append(r, 1 + i % 3, i);
	spool_reduce(r->s, 1, 5000);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_outcomes_come_back_by_index_whatever_order_they_came_in),
		T(test_reading_stops_at_what_is_not_there_yet),
		T(test_what_does_not_fit_is_told_by_its_length),
		T(test_the_sorted_file_has_all_lines_and_is_read_from_then_on),
		T(test_nothing_is_sorted_into_an_empty_file),
		T(test_many_groups_share_few_descriptors),
		T(test_an_outcome_that_never_came_fails_its_group_only),
		T(test_a_full_disk_fails_one_group_and_gives_its_space_back),
		T(test_a_directory_that_is_gone_is_a_failure_with_words),
		T(test_a_long_queue_is_full_and_tells_when_there_is_room),
		T(test_what_an_earlier_broker_left_is_removed),
		T(test_an_end_with_work_left_leaves_nothing),
	};

	return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}
