/*
 * handlers_sql.c - sql.query on SQLite files without a daemon: stops, limits, threads.  The rest,
 * and PostgreSQL, is in tests/e2e/test_sql.py.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "tests/unit/attempts.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

static char	dir[64];

static enum channel_status
query(const char *sql, const char *more)
{
	char			*args = mem_printf("{\"file\":\"%s/db\",\"sql\":\"%s\"%s}", dir, sql, more);
	enum channel_status	 status = try_run(&handler_sql_query, args);

	free(args);
	return status;
}

static void
assert_said(const char *part)
{
	if (strstr(try_text, part) == NULL)
		fail_msg("expected \"%s\", got %s", part, try_text);
}

#if defined(HAVE_SQLITE)

static const char	for_ever[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT sum(i) FROM n";

static void
test_what_was_written_is_read(void **state)
{
	(void)state;
	assert_int_equal(query("SELECT 1", ""), CHANNEL_FAILED);
	assert_said("cannot open: No such file or directory: ");
	assert_int_equal(query("CREATE TABLE t (a, b)", ",\"mode\":\"create\""), CHANNEL_OK);
	assert_string_equal(try_text, "{\"columns\":[],\"rows\":[],\"count\":0,\"truncated\":false,"
	    "\"changes\":0}");
	assert_int_equal(query("INSERT INTO t VALUES (?, ?), (2, NULL)",
	    ",\"mode\":\"write\",\"params\":[1.5,{\"base64\":\"AP8=\"}]"), CHANNEL_OK);
	assert_said("\"changes\":2}");
	assert_int_equal(query("SELECT * FROM t", ""), CHANNEL_OK);
	assert_string_equal(try_text, "{\"columns\":[\"a\",\"b\"],\"rows\":["
	    "{\"a\":1.5,\"b\":{\"base64\":\"AP8=\"}},{\"a\":2,\"b\":null}],"
	    "\"count\":2,\"truncated\":false}");
	assert_int_equal(query("SELECT * FROM t", ",\"rows\":\"arrays\",\"max_rows\":1"), CHANNEL_OK);
	assert_string_equal(try_text, "{\"columns\":[\"a\",\"b\"],"
	    "\"rows\":[[1.5,{\"base64\":\"AP8=\"}]],\"count\":1,\"truncated\":true}");
	assert_int_equal(query("SELECT * FROM t", ",\"max_bytes\":10"), CHANNEL_OK);
	assert_said("\"rows\":[],\"count\":0,\"truncated\":true");
}

static void
test_a_statement_ends_when_it_should_stop_or_has_no_time_left(void **state)
{
	int64_t	since_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(query("CREATE TABLE t (a)", ",\"mode\":\"create\""), CHANNEL_OK);
	try_stop_after = 10;
	assert_int_equal(query(for_ever, ""), CHANNEL_CANCELLED);
	try_stop_after = 0;
	assert_int_equal(query(for_ever, ",\"timeout_ms\":20"), CHANNEL_FAILED);
	assert_said("not done after 20 ms (args.timeout_ms)");
	assert_true(clock_mono_ns() - since_ns < 60 * NS_PER_S);
}

static void
test_a_statement_reaches_its_file_only(void **state)
{
	char	sql[128], path[96];

	(void)state;
	assert_int_equal(query("CREATE TABLE t (a)", ",\"mode\":\"create\""), CHANNEL_OK);
	snprintf(path, sizeof(path), "%s/other", dir);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS o", path);
	assert_int_equal(query(sql, ",\"mode\":\"write\""), CHANNEL_FAILED);
	assert_said("ATTACH, DETACH and VACUUM are refused");
	snprintf(sql, sizeof(sql), "VACUUM INTO '%s'", path);
	assert_int_equal(query(sql, ",\"mode\":\"write\""), CHANNEL_FAILED);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(query("PRAGMA journal_mode = WAL", ",\"mode\":\"write\""), CHANNEL_FAILED);
	assert_said("PRAGMA journal_mode is refused");
	assert_int_equal(query("SELECT 1; SELECT 2", ""), CHANNEL_FAILED);
	assert_said("args.sql must be one statement");
}

#else

static void
test_without_sqlite_it_says_so(void **state)
{
	(void)state;
	assert_int_equal(query("SELECT 1", ""), CHANNEL_FAILED);
	assert_said("is left out of this build (configure --without-sqlite");
}

#endif

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-sql-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	roots_init(dir);
	return 0;
}

static int
tear_down(void **state)
{
	char	path[96];

	(void)state;
	roots_fini();
	snprintf(path, sizeof(path), "%s/db", dir);
	unlink(path);
	return rmdir(dir);
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
#if defined(HAVE_SQLITE)
		with_files(test_what_was_written_is_read),
		with_files(test_a_statement_ends_when_it_should_stop_or_has_no_time_left),
		with_files(test_a_statement_reaches_its_file_only),
#else
		with_files(test_without_sqlite_it_says_so),
#endif
	};
	int	rc = cmocka_run_group_tests(tests, NULL, NULL);

	try_fini();
	return rc;
}
