/* worker_exec.c - commands in the exec worker, from start to end; the test is the broker. */
#include "tests/unit/command_rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"

static struct command_run	run;

static int
end(void **state)
{
	command_free_run(&run);
	return rig_end(state);
}

static void
do_sh(const char *script, const char *more)
{
	char	*args = command_sh(script, more);

	command_do(&run, FREE_SPEC, args);
	free(args);
}

static void
test_true_succeeds_with_empty_output(void **state)
{
	(void)state;
	command_do(&run, FREE_SPEC, "{\"argv\":[\"/bin/true\"]}");
	command_expect(&run, CHANNEL_OK, "{\"exit_code\":0,\"stdout\":\"\",\"stderr\":\"\"}");
	assert_true(run.last);
	assert_int_equal(run.spents, 1);
	assert_true(run.spent.wall_us > 0 && run.spent.max_rss_bytes > 0);
}

static void
test_both_streams_come_apart_and_in_order(void **state)
{
	(void)state;
	do_sh("echo one; echo two >&2; echo three; printf 'a\\0b\\377' >&2; exit 0", "");
	assert_int_equal(buf_len(&run.out), 10);
	assert_memory_equal(buf_data(&run.out), "one\nthree\n", 10);
	assert_int_equal(buf_len(&run.err), 8);
	assert_memory_equal(buf_data(&run.err), "two\na\0b\377", 8);
	command_expect(&run, CHANNEL_OK, "\"stdout\":\"one\\nthree\\n\"");
	command_expect(&run, CHANNEL_OK, "\"stderr_base64\":\"dHdvCmEAYv8=\"");
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_true_succeeds_with_empty_output, exec_start, end),
		cmocka_unit_test_setup_teardown(test_both_streams_come_apart_and_in_order, exec_start,
		    end),
	};

	rig_find_program("jobd-exec");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
