/*
 * cgroup.c - the cgroups of workers: where jobd is, whose that is, and what is made beneath it, over
 * directories that look like groups so that every kernel's answer can be given.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/supervisor/account.h"
#include "daemon/supervisor/cgroup.h"
#include "lib/fd.h"
#include "tests/unit/fake_group.h"

static char	why[512];

static bool
exists(const char *name)
{
	char	path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* What the kernel puts into each new group, where this test can: before it is made. */
static int
fake(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-cgroup-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("cgroup.subtree_control", "");
	make("workers");
	put("workers/cgroup.kill", "");
	put("workers/cgroup.subtree_control", "");
	make("daemon");
	put("daemon/cgroup.procs", "");
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

/* ---- where we are ---- */

#define HYBRID \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
#define UNIFIED	"29 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

static void
test_the_own_group_is_found_in_every_layout(void **state)
{
	static const struct {
		const char	*own, *mounts, *path;
		bool		 root;
	} rows[] = {
		{ "0::/system.slice/jobd.service\n", UNIFIED,
		    "/sys/fs/cgroup/system.slice/jobd.service", false },
		{ "9:name=systemd:/a\n4:memory:/b\n0::/a/b\n", HYBRID, "/sys/fs/cgroup/unified/a/b", false },
		{ "0::/\n", UNIFIED, "/sys/fs/cgroup", true },
		/* a part of the tree is mounted: a container's, seen from outside */
		{ "0::/box/7/x\n", "9 1 0:26 /box/7 /cg rw - cgroup2 none rw\n", "/cg/x", false },
		{ "0::/box/7\n", "9 1 0:26 /box/7 /cg rw - cgroup2 none rw\n", "/cg", false },
		{ "0::/box/77\n", "9 1 0:26 /box/7 /cg rw - cgroup2 none rw\n", NULL, false },
		/* the first mount that shows it */
		{ "0::/q\n", "9 1 0:26 /box /no rw - cgroup2 none rw\n" UNIFIED, "/sys/fs/cgroup/q", false },
		{ "0::/q\n", "9 1 0:26 / /a\\040b\\134c rw - cgroup2 none rw\n", "/a b\\c/q", false },
		{ "0::/../elsewhere\n", UNIFIED, NULL, false },
		{ "4:memory:/b\n", HYBRID, NULL, false },
		{ "0::/a\n", "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", NULL, false },
		{ "0::/a\n", "9 1 0:26 - cgroup2 none rw\n", NULL, false },
		{ "0::/a\n", " - cgroup2 \n\n", NULL, false },
		{ "", "", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool	 root = false;
		char	*path = cgroup_locate(rows[i].own, rows[i].mounts, &root);

		if ((path == NULL) != (rows[i].path == NULL) ||
		    (path != NULL && strcmp(path, rows[i].path) != 0))
			fail_msg("row %zu: %s", i, path == NULL ? "none" : path);
		if (path != NULL)
			assert_int_equal(root, rows[i].root);
		free(path);
	}
}

/* ---- what is made ---- */

static void
test_with_controllers_jobd_moves_aside_and_bounds_workers(void **state)
{
	struct cgroup		g;
	struct cgroup_bounds	b = { 1 << 30, 2048 };
	int			procs = -1;

	(void)state;
	put("cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n");
	assert_int_equal(cgroup_use(&g, dir, true, why, sizeof(why)), 0);
	expect("daemon/cgroup.procs", "0");
	/* a file has +memory, and then +pids over it */
	expect("cgroup.subtree_control", "+pidsry");
	expect("workers/cgroup.subtree_control", "+pidsry");
	assert_true(g.memory && g.pids);
	/* the kernel would have put the files there; without them the worker is not started */
	assert_int_equal(cgroup_make(&g, "images-7", NULL, &b, &procs), -ENOENT);
	assert_int_equal(procs, -1);
	assert_false(exists("workers/images-7"));
	cgroup_close(&g);
}

static void
test_a_controller_that_is_missing_is_not_asked_for(void **state)
{
	struct cgroup	g;

	(void)state;
	put("cgroup.controllers", "cpu memory_recursive pids\n");
	assert_int_equal(cgroup_use(&g, dir, false, why, sizeof(why)), 0);
	expect("daemon/cgroup.procs", "");		/* and nobody is in the way */
	assert_false(g.memory);
	assert_true(g.pids);
	cgroup_close(&g);
}

static void
test_without_controllers_there_is_only_the_kill(void **state)
{
	struct cgroup	g;

	(void)state;
	put("cgroup.controllers", "\n");
	assert_int_equal(cgroup_use(&g, dir, true, why, sizeof(why)), 0);
	expect("daemon/cgroup.procs", "");
	expect("cgroup.subtree_control", "");
	assert_false(g.memory || g.pids);
	make("workers/exec-3");
	put("workers/exec-3/cgroup.kill", "");
	cgroup_kill(&g, "exec-3");
	expect("workers/exec-3/cgroup.kill", "1");
	cgroup_close(&g);
}

static void
test_a_second_jobd_does_not_take_the_groups_of_the_first(void **state)
{
	struct cgroup	first, second;

	(void)state;
	assert_int_equal(cgroup_use(&first, dir, false, why, sizeof(why)), 0);
	assert_int_equal(cgroup_use(&second, dir, false, why, sizeof(why)), -EBUSY);
	assert_non_null(strstr(why, "is used by another jobd"));
	assert_int_equal(second.dir, -1);
	cgroup_close(&first);
	assert_int_equal(cgroup_use(&second, dir, false, why, sizeof(why)), 0);
	cgroup_close(&second);
}

static void
test_a_kernel_without_cgroup_kill_has_no_groups(void **state)
{
	struct cgroup	g;
	char		path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/workers/cgroup.kill", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cgroup_use(&g, dir, false, why, sizeof(why)), -ENOTSUP);
	assert_int_equal(g.dir, -1);
}

/* ---- what was given ---- */

static void
test_a_directory_that_is_no_cgroup_is_refused(void **state)
{
	struct cgroup	g;

	(void)state;
	assert_int_equal(cgroup_open(&g, dir, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "not in a file system of cgroup v2"));
	assert_int_equal(cgroup_open(&g, "/nonexistent", why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "/nonexistent: No such file"));
	assert_int_equal(g.dir, -1);
	cgroup_close(&g);
}

static void
test_none_is_none_and_nothing_happens_without(void **state)
{
	struct cgroup	g;

	(void)state;
	assert_int_equal(cgroup_open(&g, "none", why, sizeof(why)), 0);
	assert_int_equal(g.dir, -1);
	cgroup_kill(&g, "exec-1");
	assert_true(cgroup_remove(&g, "exec-1"));
	cgroup_close(&g);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_own_group_is_found_in_every_layout),
		cmocka_unit_test_setup_teardown(test_with_controllers_jobd_moves_aside_and_bounds_workers,
		    fake, end_fake),
		cmocka_unit_test_setup_teardown(test_a_controller_that_is_missing_is_not_asked_for, fake,
		    end_fake),
		cmocka_unit_test_setup_teardown(test_without_controllers_there_is_only_the_kill, fake,
		    end_fake),
		cmocka_unit_test_setup_teardown(test_a_second_jobd_does_not_take_the_groups_of_the_first,
		    fake, end_fake),
		cmocka_unit_test_setup_teardown(test_a_kernel_without_cgroup_kill_has_no_groups, fake,
		    end_fake),
		cmocka_unit_test_setup_teardown(test_a_directory_that_is_no_cgroup_is_refused, fake,
		    end_fake),
		cmocka_unit_test(test_none_is_none_and_nothing_happens_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
