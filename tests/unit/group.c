/*
 * group.c - a cgroup for each attempt: over directories that look like one, so that every kernel's
 * answer can be given, and over a real one where there is.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/unit/fake_group.h"
#include "workers/group.h"

static int
fake(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-group-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make("worker");
	put("worker/cgroup.procs", "");
	put("cgroup.subtree_control", "");
	group_init(dir);
	return 0;
}

static int
end_fake(void **state)
{
	char	command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? 0 : -1;
}

static int
remove_file(const char *name)
{
	char	path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return unlink(path);
}

static void
test_limits_are_written_and_deaths_read(void **state)
{
	static const char *const	files[] = {
		"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.kill",
	};
	struct group			g;
	char				name[64];

	(void)state;
	expect("worker/cgroup.procs", "0");	/* the worker has moved aside */
	make("job-7-2");
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(name, sizeof(name), "job-7-2/%s", files[i]);
		put(name, "");
	}
	put("job-7-2/memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 0\n");
	put("job-7-2/memory.peak", "1048576\n");
	put("job-7-2/cgroup.events", "populated 1\nfrozen 0\n");
	group_make(&g, 7, 2, 512 << 20, 33);
	assert_true(g.dir >= 0);
	expect("job-7-2/memory.max", "536870912");
	expect("job-7-2/memory.oom.group", "1");
	expect("job-7-2/pids.max", "33");
	assert_false(group_ran_out(&g));
	assert_false(group_is_empty(&g));
	assert_int_equal(group_peak_bytes(&g), 1048576);
	group_kill(&g);
	expect("job-7-2/cgroup.kill", "1");
	put("job-7-2/memory.events", "max 9\noom 1\noom_kill 1\n");
	put("job-7-2/cgroup.events", "populated 0\nfrozen 0\n");
	assert_true(group_ran_out(&g));
	assert_true(group_is_empty(&g));
	fd_close(&g.dir);
}

static void
test_without_a_limit_none_is_written(void **state)
{
	struct group	g;

	(void)state;
	make("job-8-1");
	put("job-8-1/memory.max", "max");
	put("job-8-1/pids.max", "max");
	group_make(&g, 8, 1, 0, 0);
	expect("job-8-1/memory.max", "max");
	expect("job-8-1/pids.max", "max");
	fd_close(&g.dir);
}

/* Neither asked for nor tried: each file costs a look, for each command. */
static void
test_where_there_are_no_controllers_nobody_looks_for_their_files(void **state)
{
	struct group	g;

	(void)state;
	assert_int_equal(remove_file("cgroup.subtree_control"), 0);
	group_init(dir);
	make("job-9-1");
	put("job-9-1/memory.max", "max");
	put("job-9-1/pids.max", "max");
	put("job-9-1/memory.peak", "4096\n");
	put("job-9-1/memory.events", "oom_kill 1\n");
	group_make(&g, 9, 1, 512 << 20, 33);
	expect("job-9-1/memory.max", "max");
	expect("job-9-1/pids.max", "max");
	assert_int_equal(group_peak_bytes(&g), 0);
	assert_false(group_ran_out(&g));
	fd_close(&g.dir);
}

static void
test_without_a_directory_nothing_is_grouped(void **state)
{
	struct group	g;

	(void)state;
	group_fini();
	group_make(&g, 9, 1, 1 << 20, 1);
	assert_int_equal(g.dir, -1);
	assert_true(group_is_empty(&g));
	assert_false(group_ran_out(&g));
	group_kill(&g);
	group_remove(&g);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_limits_are_written_and_deaths_read, fake, end_fake),
		cmocka_unit_test_setup_teardown(test_without_a_limit_none_is_written, fake, end_fake),
		cmocka_unit_test_setup_teardown(
		    test_where_there_are_no_controllers_nobody_looks_for_their_files, fake, end_fake),
		cmocka_unit_test_setup_teardown(test_without_a_directory_nothing_is_grouped, fake,
		    end_fake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
