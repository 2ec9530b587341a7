/* plugins.c - which plugins are loaded, and what is said of the others. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "workers/handlers/handlers.h"
#include "workers/plugins.h"
#include "workers/worker.h"

static char	dir[64];

/* ---- the directory of a test ---- */

static char *
path_of(const char *file)
{
	static char	path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

/* A path that is loaded twice would be the first object again: so each test has a new one. */
static void
put(const char *built, const char *as, mode_t mode)
{
	char	 from[300];
	char	*text;
	size_t	 len;
	int	 fd;

	snprintf(from, sizeof(from), "tests/plugins/%s", built);
	text = fd_read_file(from, 16 << 20, &len);
	assert_non_null(text);
	fd = open(path_of(as), O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, len), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	free(text);
}

static int
set_up(void **state)
{
	char	why[256];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-plugins-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(handlers_init(why, sizeof(why)), 0);
	return 0;
}

static int
tear_down(void **state)
{
	char	command[128];

	(void)state;
	handlers_fini();
	plugins_fini();
	unsetenv("JOBD_TEST_PLUGIN");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static bool
has_type(const char *name)
{
	return handler_find(name, strlen(name)) != NULL;
}

/* The only plugin there is a report of. */
static const struct plugin *
only_report(void)
{
	size_t			 at = 0;
	const struct plugin	*p = plugins_next(&at);

	assert_non_null(p);
	assert_null(plugins_next(&at));
	return p;
}

static void
expect_refused(const char *file, const char *part)
{
	const struct plugin	*p = only_report();

	assert_string_equal(p->file, file);
	assert_non_null(p->why);
	if (strstr(p->why, part) == NULL)
		fail_msg("refused, but not for '%s': %s", part, p->why);
	assert_int_equal(p->handlers_len, 0);
	assert_false(has_type("chameleon.first"));
	assert_false(has_type("chameleon.second"));
}

/* ---- tests ---- */

static void
test_a_good_plugin_adds_its_types(void **state)
{
	const struct plugin	*p;

	(void)state;
	put("chameleon.so", "chameleon.so", 0644);
	plugins_load(dir, false);
	p = only_report();
	assert_null(p->why);
	assert_string_equal(p->name, "chameleon");
	assert_string_equal(p->version, "1.0");
	assert_true(has_type("chameleon.first") && has_type("chameleon.second"));
	assert_string_equal(handler_find("chameleon.first", 15)->plugin, "chameleon");
	assert_null(handler_find("chameleon.first", 15)->schema);
	assert_non_null(handler_find("chameleon.second", 16)->schema);
	assert_null(handler_find("echo", 4)->plugin);
}

static void
test_the_hello_tells_of_plugins_and_their_types(void **state)
{
	struct buf	b = { 0 };

	(void)state;
	put("chameleon.so", "chameleon.so", 0644);
	put("empty.so", "Bad\"\xff.so", 0644);
	plugins_load(dir, false);
	hello_print(&b);
	buf_putc(&b, '\0');
	assert_non_null(strstr(buf_data(&b), "\"plugin\":\"chameleon\",\"name\":\"chameleon.first\""));
	assert_non_null(strstr(buf_data(&b), "\"version\":\"1.0\",\"file\":\"chameleon.so\""));
	assert_non_null(strstr(buf_data(&b), "\"file\":\"Bad\\\"?.so\""));
	buf_free(&b);
}

static void
test_a_plugin_that_breaks_a_rule_is_refused_whole(void **state)
{
	static const struct {
		const char	*way, *why;
	} rows[] = {
		{ "plugin abi", "ABI 2; this jobd has 1" },
		{ "plugin small", "a struct of 8 bytes" },
		{ "plugin large", "built for a newer jobd" },
		{ "plugin name", "the plugin's name is not" },
		{ "version", "its version is a UTF-8 text" },
		{ "no list", "no handlers" },
		{ "no handlers", "no handlers" },
		{ "many", "more than 256 types" },
		{ "abi", "a handler has ABI 0" },
		{ "small", "a handler has a struct" },
		{ "large", "built for a newer jobd" },
		{ "name", "a name is [a-z0-9_.-]{1,64}" },
		{ "no name", "a name is [a-z0-9_.-]{1,64}" },
		{ "twice", "there is one of this name already" },
		{ "built in", "type echo: there is one of this name already" },
		{ "summary", "UTF-8 texts" },
		{ "schema", "args_schema: " },
		{ "inline", "the inline lane is for" },
		{ "no lane", "no lane is safe" },
		{ "no run", "the thread and process lanes need run" },
		{ "no start", "the async lane needs start" },
		{ "unsafe", "the thread lane needs thread_safe" },
	};
	char	file[32];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		setenv("JOBD_TEST_PLUGIN", rows[i].way, 1);
		snprintf(file, sizeof(file), "way%zu.so", i);
		put("chameleon.so", file, 0644);
		plugins_load(dir, false);
		expect_refused(file, rows[i].why);
		plugins_fini();
		assert_int_equal(unlink(path_of(file)), 0);
	}
}

static void
test_what_is_refused_leaves_the_others_loaded(void **state)
{
	size_t			 at = 0;
	const struct plugin	*p;

	(void)state;
	put("empty.so", "a.so", 0644);
	put("chameleon.so", "b.so", 0644);
	put("chameleon.so", "c.so", 0644);	/* types that b.so has */
	put("empty.so", "README.txt", 0644);
	plugins_load(dir, false);
	p = plugins_next(&at);
	assert_string_equal(p->file, "a.so");
	assert_non_null(strstr(p->why, "does not export `jobd_plugin`"));
	p = plugins_next(&at);
	assert_string_equal(p->file, "b.so");
	assert_null(p->why);
	p = plugins_next(&at);
	assert_string_equal(p->file, "c.so");
	assert_non_null(strstr(p->why, "there is one of this name already"));
	assert_null(plugins_next(&at));
	assert_true(has_type("chameleon.second"));
}

static void
test_a_file_that_others_may_write_is_refused(void **state)
{
	static const mode_t	modes[] = { 0664, 0646, 0666 };

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		put("chameleon.so", "chameleon.so", modes[i]);
		plugins_load(dir, false);
		expect_refused("chameleon.so", "the file can be written by others");
		plugins_fini();
		unlink(path_of("chameleon.so"));
	}
}

static void
test_a_directory_that_others_may_write_is_refused(void **state)
{
	static const mode_t	modes[] = { 0775, 0757, 01777 };

	(void)state;
	put("chameleon.so", "chameleon.so", 0644);
	for (size_t i = 0; i < COUNT(modes); i++) {
		assert_int_equal(chmod(dir, modes[i]), 0);
		plugins_load(dir, false);
		expect_refused(dir, "the directory can be written by others");
		plugins_fini();
	}
}

static void
test_a_file_of_another_user_is_refused(void **state)
{
	(void)state;
	put("chameleon.so", "chameleon.so", 0644);
	if (chown(path_of("chameleon.so"), 12345, (gid_t)-1) != 0) {
		/* without privileges the check is seen from the other side: not ours, not root's */
		assert_int_equal(errno, EPERM);
		return;
	}
	plugins_load(dir, false);
	expect_refused("chameleon.so", "belongs to uid 12345");
	plugins_fini();
	assert_int_equal(chown(dir, 12345, (gid_t)-1), 0);
	plugins_load(dir, false);
	expect_refused(dir, "the directory belongs to uid 12345");
}

static void
test_links_and_other_things_are_refused(void **state)
{
	(void)state;
	put("chameleon.so", "real", 0644);
	assert_int_equal(symlink("real", path_of("link.so")), 0);
	plugins_load(dir, false);
	expect_refused("link.so", "symbolic link");
	plugins_fini();
	unlink(path_of("link.so"));
	assert_int_equal(mkfifo(path_of("pipe.so"), 0600), 0);
	plugins_load(dir, false);
	expect_refused("pipe.so", "not a regular file");
}

static void
test_names_are_checked(void **state)
{
	static const char *const	names[] = { "Upper.so", "a b.so", "a+b.so",
	    "12345678901234567890123456789012345678901234567890123456789012345.so" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		put("chameleon.so", names[i], 0644);
		plugins_load(dir, false);
		expect_refused(names[i], "[a-z0-9_.-]{1,64}.so");
		plugins_fini();
		unlink(path_of(names[i]));
	}
}

static void
test_what_is_no_shared_object_is_refused(void **state)
{
	int	fd = open(path_of("text.so"), O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(fd_write_all(fd, "not ELF", 7), 0);
	close(fd);
	plugins_load(dir, false);
	expect_refused("text.so", "it cannot be loaded: ");
}

static void
test_a_missing_directory_is_told_unless_it_is_optional(void **state)
{
	(void)state;
	plugins_load("/nonexistent/plugins", true);
	assert_null(plugins_next(&(size_t){ 0 }));
	plugins_load("/nonexistent/plugins", false);
	expect_refused("/nonexistent/plugins", "No such file");
}

static void
test_there_is_a_bound_on_files(void **state)
{
	size_t			 at = 0, n = 0;
	const struct plugin	*p, *last = NULL;
	char			 name[32];

	(void)state;
	for (int i = 0; i < PLUGINS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "p%03d.so", i);
		assert_int_equal(mkfifo(path_of(name), 0600), 0);
	}
	plugins_load(dir, false);
	while ((p = plugins_next(&at)) != NULL) {
		last = p;
		n++;
	}
	assert_int_equal(n, PLUGINS_MAX + 1);
	assert_non_null(strstr(last->why, "more than 64 plugins"));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		TEST(test_a_good_plugin_adds_its_types),
		TEST(test_the_hello_tells_of_plugins_and_their_types),
		TEST(test_a_plugin_that_breaks_a_rule_is_refused_whole),
		TEST(test_what_is_refused_leaves_the_others_loaded),
		TEST(test_a_file_that_others_may_write_is_refused),
		TEST(test_a_directory_that_others_may_write_is_refused),
		TEST(test_a_file_of_another_user_is_refused),
		TEST(test_links_and_other_things_are_refused),
		TEST(test_names_are_checked),
		TEST(test_what_is_no_shared_object_is_refused),
		TEST(test_a_missing_directory_is_told_unless_it_is_optional),
		TEST(test_there_is_a_bound_on_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
