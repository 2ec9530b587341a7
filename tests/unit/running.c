/* running.c - what ran when the broker ended. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/store/running.h"

static char	dir[64];

static struct running *
open_it(void)
{
	struct running	*r;
	char		 why[200];

	if (running_open(dir, &r, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	return r;
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-unit-running-XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	char	path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/running", dir);
	unlink(path);
	return rmdir(dir);
}

/* A process that notes, and dies. */
static void
die_noting(void (*note)(struct running *r))
{
	pid_t	pid = fork();
	int	status;

	assert_true(pid >= 0);
	if (pid == 0) {
		note(open_it());
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
note_some(struct running *r)
{
	for (uint64_t id = 1; id <= 5; id++)
		running_put(r, &(struct running_note){ .id = id, .fence = 10 + id, .number = 1 });
	running_clear(r, 2);
	running_clear(r, 99);
	running_put(r, &(struct running_note){ .id = 3, .fence = 20, .number = 2, .worker = "cpu-1" });
}

static void
test_what_ran_is_known_after_a_death(void **state)
{
	struct running_note	 note;
	struct running		*r;

	(void)state;
	die_noting(note_some);
	r = open_it();
	assert_true(running_was(r, 1, &note));
	assert_int_equal(note.fence, 11);
	assert_false(running_was(r, 2, &note));
	assert_true(running_was(r, 3, &note));
	assert_int_equal(note.number, 2);
	assert_string_equal(note.worker, "cpu-1");
	assert_false(running_was(r, 6, &note));
	running_forget(r);
	assert_false(running_was(r, 1, &note));
	running_close(r);
}

static void
test_it_is_known_once_and_not_after_a_clean_end(void **state)
{
	struct running_note	 note;
	struct running		*r;

	(void)state;
	die_noting(note_some);
	running_close(open_it());
	r = open_it();
	assert_false(running_was(r, 1, &note));
	running_put(r, &(struct running_note){ .id = 7 });
	running_close(r);
	r = open_it();
	assert_false(running_was(r, 7, &note));
	running_close(r);
}

static void
note_too_many(struct running *r)
{
	for (uint64_t id = 1; id <= RUNNING_NOTES + 10; id++)
		running_put(r, &(struct running_note){ .id = id });
	for (uint64_t id = 1; id <= 20; id++)
		running_clear(r, id);
	running_put(r, &(struct running_note){ .id = 1000000 });
}

static void
test_of_more_than_there_are_notes_nothing_is_known(void **state)
{
	struct running_note	 note;
	struct running		*r;

	(void)state;
	die_noting(note_too_many);
	r = open_it();
	assert_true(running_was(r, RUNNING_NOTES, &note));
	assert_false(running_was(r, RUNNING_NOTES + 1, &note));
	assert_true(running_was(r, 1000000, &note));
	running_close(r);
}

static void
test_notes_of_another_start_of_the_machine_are_not_believed(void **state)
{
	struct running_note	 note;
	struct running		*r;
	char			 path[128];
	int			 fd;

	(void)state;
	die_noting(note_some);
	snprintf(path, sizeof(path), "%s/running", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "not a boot id, is it", 18, 8), 18);
	close(fd);
	r = open_it();
	assert_false(running_was(r, 1, &note));
	running_close(r);
}

static void
test_without_a_file_nothing_is_noted(void **state)
{
	struct running_note	note = { .id = 1 };

	(void)state;
	running_put(NULL, &note);
	running_clear(NULL, 1);
	assert_false(running_was(NULL, 1, &note));
	running_forget(NULL);
	running_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(test_what_ran_is_known_after_a_death, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_it_is_known_once_and_not_after_a_clean_end, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(test_of_more_than_there_are_notes_nothing_is_known,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_notes_of_another_start_of_the_machine_are_not_believed, set_up, tear_down),
		cmocka_unit_test(test_without_a_file_nothing_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
