/* command.c - what becomes of a type's spec and a job's arguments: rows of both and what is run. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "workers/command.h"

/* Arguments joined with `|`, or the sentence of the refusal. */
static char *
build(const char *spec, const char *args)
{
	struct command	c;
	struct buf	b = { 0 };
	char		why[512] = "";
	struct span	s = { spec, strlen(spec) }, a = { args, strlen(args) };
	int		rc = command_build(s, a, &c, why, sizeof(why));

	assert_true(rc == 0 || rc == -EINVAL);
	assert_true((rc == 0) == (why[0] == '\0'));
	if (rc != 0)
		buf_puts(&b, why);
	for (size_t i = 0; rc == 0 && i < c.argv.n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : "|", c.argv.v[i]);
	command_free(&c);
	return buf_take_string(&b);
}

struct row {
	const char	*params;	/* of a template `["p", ARGUMENT...]` */
	const char	*argv;		/* the arguments of the template, as JSON, without brackets */
	const char	*args, *want;
};

static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char	*spec = mem_printf("{\"argv\":[\"p\",%s],\"params\":{%s}}", rows[i].argv,
		    rows[i].params);
		char	*got = build(spec, rows[i].args);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s with %s: expected\n%s, got\n%s", spec, rows[i].args, rows[i].want,
			    got);
		free(got);
		free(spec);
	}
}

#define STRING	"\"v\":{\"type\":\"string\"}"

static void
test_a_value_stays_one_argument_whatever_is_in_it(void **state)
{
	static const struct row	rows[] = {
		{ STRING, "\"{v}\"", "{\"v\":\"a b\"}", "p|a b" },
		{ STRING, "\"{v}\"", "{\"v\":\"; rm -rf / #\"}", "p|; rm -rf / #" },
		{ STRING, "\"{v}\"", "{\"v\":\"$(id)`id`\\n\"}", "p|$(id)`id`\n" },
		{ STRING, "\"{v}\"", "{\"v\":\"*?[a]~\"}", "p|*?[a]~" },
		{ STRING, "\"{v}\"", "{\"v\":\"{v}\"}", "p|{v}" },
		{ STRING, "\"--x={v}\"", "{\"v\":\"y z\"}", "p|--x=y z" },
		{ STRING, "\"{v}{v}\",\"{{{v}}}\"", "{\"v\":\"1\"}", "p|11|{1}" },
		{ STRING, "\"{{v}}\"", "{\"v\":\"1\"}", "p|{v}" },
		{ STRING, "\"{v}\"", "{\"v\":\"\"}", "p|" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
test_a_value_is_never_taken_for_an_option(void **state)
{
	static const struct row	rows[] = {
		{ STRING, "\"{v}\"", "{\"v\":\"-rf\"}", "args.v: begins with `-`, like an option" },
		{ STRING, "\"--x={v}\"", "{\"v\":\"-rf\"}", "args.v: begins with `-`, like an option" },
		{ STRING, "\"{v}-rf\"", "{\"v\":\"\"}",
		    "args.v: makes an argument that begins with `-`" },
		{ STRING, "\"{v}-rf\"", "{\"v\":\"a\"}", "p|a-rf" },
		{ "\"v\":{\"type\":\"string\",\"dash\":true}", "\"{v}\"", "{\"v\":\"-rf\"}", "p|-rf" },
		{ "\"v\":{\"type\":\"string\",\"dash\":true}", "\"{v}-x\"", "{\"v\":\"\"}", "p|-x" },
		{ "\"v\":{\"type\":\"int\"}", "\"{v}\"", "{\"v\":-1}",
		    "args.v: begins with `-`, like an option" },
		{ "\"v\":{\"type\":\"int\",\"dash\":true}", "\"{v}\"", "{\"v\":-1}", "p|-1" },
		{ "\"v\":{\"type\":\"number\"}", "\"{v}\"", "{\"v\":-1.5}",
		    "args.v: begins with `-`, like an option" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"-o/etc/passwd\"}",
		    "args.v: begins with `-`, like an option" },
		{ "\"v\":{\"type\":\"strings\"}", "\"{v}\"", "{\"v\":[\"a\",\"--\",\"b\"]}",
		    "args.v: begins with `-`, like an option" },
		{ "\"v\":{\"type\":\"enum\",\"values\":[\"-a\"]}", "\"{v}\"", "{\"v\":\"-a\"}",
		    "args.v: begins with `-`, like an option" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

#define LETTERS	"\"v\":{\"type\":\"string\",\"pattern\":\"[a-z]+|[0-9]+\"}"

static void
test_a_pattern_holds_for_the_whole_value(void **state)
{
	static const struct row	rows[] = {
		{ LETTERS, "\"{v}\"", "{\"v\":\"abc\"}", "p|abc" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"12\"}", "p|12" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"abc1\"}", "args.v: does not match its pattern" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"1abc\"}", "args.v: does not match its pattern" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"abc\\n\"}", "args.v: does not match its pattern" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"abc\\nx;\"}", "args.v: does not match its pattern" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"\"}", "args.v: does not match its pattern" },
		{ LETTERS, "\"{v}\"", "{\"v\":\"abc\\u0000;\"}", "args.v: a NUL in it" },
		{ "\"v\":{\"type\":\"string\",\"pattern\":\"(\"}", "\"{v}\"", "{\"v\":\"a\"}",
		    "spec.params.v: its pattern must be a POSIX extended regular expression" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
test_every_type_takes_its_values_and_no_others(void **state)
{
	static const struct row	rows[] = {
		{ STRING, "\"{v}\"", "{\"v\":1}", "args.v: not a string" },
		{ STRING, "\"{v}\"", "{\"v\":null}", "args.v: not a string" },
		{ STRING, "\"{v}\"", "{\"v\":[\"a\"]}", "args.v: not a string" },
		{ "\"v\":{\"type\":\"string\",\"min\":2,\"max\":3}", "\"{v}\"", "{\"v\":\"a\"}",
		    "args.v: less than 2 bytes" },
		{ "\"v\":{\"type\":\"string\",\"min\":2,\"max\":3}", "\"{v}\"", "{\"v\":\"abcd\"}",
		    "args.v: more than 3 bytes" },
		{ "\"v\":{\"type\":\"int\",\"min\":1,\"max\":9}", "\"{v}\"", "{\"v\":9}", "p|9" },
		{ "\"v\":{\"type\":\"int\",\"min\":1,\"max\":9}", "\"{v}\"", "{\"v\":10}",
		    "args.v: more than 9" },
		{ "\"v\":{\"type\":\"int\",\"min\":1}", "\"{v}\"", "{\"v\":0}", "args.v: less than 1" },
		{ "\"v\":{\"type\":\"int\"}", "\"{v}\"", "{\"v\":\"1\"}", "args.v: not an integer" },
		{ "\"v\":{\"type\":\"int\"}", "\"{v}\"", "{\"v\":1.5}", "args.v: not an integer" },
		{ "\"v\":{\"type\":\"int\"}", "\"{v}\"", "{\"v\":1e3}", "args.v: not an integer" },
		{ "\"v\":{\"type\":\"int\"}", "\"{v}\"", "{\"v\":99999999999999999999}",
		    "args.v: not an integer" },
		{ "\"v\":{\"type\":\"number\"}", "\"{v}\"", "{\"v\":2.50}", "p|2.50" },
		{ "\"v\":{\"type\":\"number\"}", "\"{v}\"", "{\"v\":1e999}", "args.v: not a number" },
		{ "\"v\":{\"type\":\"number\",\"max\":0.5}", "\"{v}\"", "{\"v\":0.75}",
		    "args.v: more than 0.5" },
		{ "\"v\":{\"type\":\"bool\"}", "\"--x={v}\"", "{\"v\":true}", "p|--x=true" },
		{ "\"v\":{\"type\":\"bool\"}", "\"--x={v}\"", "{\"v\":\"true\"}",
		    "args.v: neither true nor false" },
		{ "\"v\":{\"type\":\"enum\",\"values\":[\"a\",\"b\"]}", "\"{v}\"", "{\"v\":\"b\"}",
		    "p|b" },
		{ "\"v\":{\"type\":\"enum\",\"values\":[\"a\",\"b\"]}", "\"{v}\"", "{\"v\":\"c\"}",
		    "args.v: none of its values" },
		{ "\"v\":{\"type\":\"enum\"}", "\"{v}\"", "{\"v\":\"c\"}", "args.v: none of its values" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"/srv/a..b/..c\"}",
		    "p|/srv/a..b/..c" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"../etc\"}",
		    "args.v: a path with `..` in it" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"/srv/..\"}",
		    "args.v: a path with `..` in it" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"/srv//..//etc\"}",
		    "args.v: a path with `..` in it" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"\"}", "args.v: an empty path" },
		{ "\"v\":{\"type\":\"path\"}", "\"{v}\"", "{\"v\":\"a\\u0000b\"}", "args.v: a NUL in it" },
		{ "\"v\":{\"type\":\"strings\"}", "\"{v}\"", "{\"v\":[\"a\",\"b c\"]}", "p|a|b c" },
		{ "\"v\":{\"type\":\"strings\"}", "\"{v}\",\"z\"", "{\"v\":[]}", "p|z" },
		{ "\"v\":{\"type\":\"strings\"}", "\"{v}\"", "{\"v\":\"a\"}",
		    "args.v: not an array of strings" },
		{ "\"v\":{\"type\":\"strings\"}", "\"{v}\"", "{\"v\":[1]}", "args.v: not a string" },
		{ "\"v\":{\"type\":\"strings\"}", "\"x{v}\"", "{\"v\":[\"a\"]}",
		    "args.argv: {v} must be an argument of its own" },
		{ "\"v\":{\"type\":\"date\"}", "\"{v}\"", "{\"v\":\"a\"}",
		    "spec.params.v: no such type" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
test_what_is_missing_or_unknown_is_named(void **state)
{
	static const struct row	rows[] = {
		{ STRING, "\"{v}\"", "{}", "args.v: missing" },
		{ STRING, "\"{v}\"", "null", "args.v: missing" },
		{ STRING, "\"{v}\"", "{\"v\":\"a\",\"w\":1}", "args.w: this type takes no such argument" },
		{ STRING, "\"{v}\"", "{\"v\":\"a\",\"v\":\"b\"}", "args: a name twice" },
		{ STRING, "\"{v}\"", "[]", "args: not an object" },
		{ STRING, "\"{w}\"", "{\"v\":\"a\"}", "args.argv: no param named w" },
		{ STRING, "\"{v\"", "{\"v\":\"a\"}", "args.argv: `{` without its `}`" },
		{ STRING, "\"v}\"", "{\"v\":\"a\"}", "args.argv: `}` without its `{`" },
		{ "\"v\":{\"type\":\"string\",\"default\":\"d\"}", "\"{v}\"", "{}", "p|d" },
		{ "\"v\":{\"type\":\"int\",\"default\":7}", "\"{v}\"", "{\"v\":8}", "p|8" },
		{ "\"v\":{\"type\":\"int\",\"default\":7}", "\"{v}\"", "null", "p|7" },
		{ "\"v\":{\"type\":\"string\",\"pat\":\"x\"}", "\"{v}\"", "{\"v\":\"a\"}",
		    "spec.params.v: pat: no such member" },
		{ STRING, "\"{v}\"", "{\"v\":\"a\",\"argv\":[\"sh\"]}",
		    "args.argv: this type takes no such argument" },
		{ STRING, "\"{v}\"", "{\"v\":\"a\",\"env\":{}}",
		    "args.env: this type takes no such argument" },
	};

	(void)state;
	check(rows, COUNT(rows));
}

static void
test_a_list_has_a_bound(void **state)
{
	struct buf	b = { 0 };
	char		*args, *got;

	(void)state;
	buf_puts(&b, "{\"v\":[\"a\"");
	for (int i = 0; i < COMMAND_ARGS_MAX; i++)
		buf_puts(&b, ",\"a\"");
	buf_puts(&b, "]}");
	args = buf_take_string(&b);
	got = build("{\"argv\":[\"p\",\"{v}\"],\"params\":{\"v\":{\"type\":\"strings\"}}}", args);
	assert_string_equal(got, "args.v: more than 20000 strings");
	free(args);
	free(got);
}

/* ---- environments ---- */

/* Variables joined with `|`, or the sentence of the refusal. */
static char *
environment(const char *spec, const char *args)
{
	struct command	c;
	struct buf	b = { 0 };
	char		why[512] = "";
	struct span	s = { spec, strlen(spec) }, a = { args, strlen(args) };

	if (command_build(s, a, &c, why, sizeof(why)) != 0)
		buf_puts(&b, why);
	for (size_t i = 0; why[0] == '\0' && i < c.env.n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : "|", c.env.v[i]);
	command_free(&c);
	return buf_take_string(&b);
}

static void
expect_env(const char *spec, const char *args, const char *want)
{
	char	*got = environment(spec, args);

	if (strcmp(got, want) != 0)
		fail_msg("%s with %.200s: expected %s, got %s", spec, args, want, got);
	free(got);
}

static void
test_callers_may_not_change_what_a_program_runs(void **state)
{
	static const char *const	refused[] = {
		"LD_PRELOAD", "LD_LIBRARY_PATH", "LD_", "BASH_ENV", "ENV", "IFS", "PYTHONPATH",
		"PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "NODE_OPTIONS", "GCONV_PATH",
		"JOBD_FENCE", "JOBD_ANYTHING", "SHELLOPTS", "PS4",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		char	*args = mem_printf("{\"argv\":[\"p\"],\"env\":{\"%s\":\"x\"}}", refused[i]);
		char	*want = mem_printf("args.env: %s is not for callers to set", refused[i]);
		char	*only = mem_printf("{\"env\":{\"%s\":\"x\"}}", refused[i]);
		char	*spec = mem_printf("{\"argv\":[\"p\"],\"env_allow\":[\"%s\"]}", refused[i]);

		expect_env("{\"free\":true}", args, want);
		expect_env(spec, only, want);
		free(args);
		free(want);
		free(only);
		free(spec);
	}
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"LDX\":\"1\",\"ENVY\":\"2\"}}",
	    "LDX=1|ENVY=2");
	/* the administrator's file may */
	expect_env("{\"argv\":[\"p\"],\"env\":{\"LD_PRELOAD\":\"x\"}}", "{}", "LD_PRELOAD=x");
}

static void
test_a_type_says_which_variables_its_jobs_may_set(void **state)
{
	static const char	spec[] =
	    "{\"argv\":[\"p\"],\"env\":{\"A\":\"1\",\"TZ\":\"UTC\"},\"env_allow\":[\"TZ\",\"LC_ALL\"]}";

	(void)state;
	expect_env(spec, "{}", "A=1|TZ=UTC");
	expect_env(spec, "{\"env\":{\"TZ\":\"Europe/Berlin\"}}", "A=1|TZ=Europe/Berlin");
	expect_env(spec, "{\"env\":{\"A\":\"2\"}}", "args.env: A is not allowed by this type");
	expect_env(spec, "{\"env\":{\"LC_\":\"2\"}}", "args.env: LC_ is not allowed by this type");
}

static void
test_names_and_sizes_of_variables_are_checked(void **state)
{
	struct buf	b = { 0 };
	char		*args;

	(void)state;
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"A=B\":\"x\"}}",
	    "args.env: A=B is not a name of a variable");
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"\":\"x\"}}",
	    "args.env:  is not a name of a variable");
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"BASH_FUNC_ls%%\":\"x\"}}",
	    "args.env: BASH_FUNC_ls%% is not a name of a variable");
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"A\":\"x\\u0000\"}}",
	    "args.env: a NUL in it");
	expect_env("{\"free\":true}", "{\"argv\":[\"p\"],\"env\":{\"A\":7}}", "args.env: not a string");
	args = mem_printf("{\"argv\":[\"p\"],\"env\":{\"A\":\"%*s\"}}", COMMAND_ENV_BYTES - 1, "x");
	expect_env("{\"free\":true}", args, "args.env: A has more than 4096 bytes");
	free(args);
	buf_puts(&b, "{\"argv\":[\"p\"],\"env\":{\"A\":\"x\"");
	for (int i = 0; i < COMMAND_ENV_MAX; i++)
		buf_printf(&b, ",\"B%d\":\"x\"", i);
	buf_puts(&b, "}}");
	args = buf_take_string(&b);
	expect_env("{\"free\":true}", args, "args.env: more than 64 variables");
	free(args);
	buf_puts(&b, "{\"argv\":[\"p\"],\"env\":{\"A\":\"x\"");
	for (int i = 0; i < 9; i++)
		buf_printf(&b, ",\"B%d\":\"%4000s\"", i, "x");
	buf_puts(&b, "}}");
	args = buf_take_string(&b);
	expect_env("{\"free\":true}", args, "args.env: more than 32768 bytes in all");
	free(args);
}

/* ---- settings ---- */

static void
test_a_free_commands_members_are_checked(void **state)
{
	static const struct {
		const char	*args, *want;
	} rows[] = {
		{ "{\"argv\":[\"a\",\"-b\",\"c d\"]}", "a|-b|c d" },
		{ "{}", "args.argv: missing" },
		{ "{\"argv\":\"a\"}", "args.argv: not an array" },
		{ "{\"argv\":[1]}", "args.argv: not a string" },
		{ "{\"argv\":[\"a\\u0000\"]}", "args.argv: a NUL in it" },
		{ "{\"argv\":[\"\"]}", "args.argv: no program in it" },
		{ "{\"argv\":[\"a\"],\"cwd\":\"b\"}", "args.cwd: not an absolute path" },
		{ "{\"argv\":[\"a\"],\"umask\":512}", "args.umask: not an integer from 0 to 511" },
		{ "{\"argv\":[\"a\"],\"nice\":-1}", "args.nice: not an integer from 0 to 19" },
		{ "{\"argv\":[\"a\"],\"success\":[256]}",
		    "args.success: not an integer from 0 to 255" },
		{ "{\"argv\":[\"a\"],\"success_codes\":[256]}",
		    "args.success_codes: not an integer from 0 to 255" },
		{ "{\"argv\":[\"a\"],\"final\":[1],\"final_codes\":[1]}",
		    "args.final: the same as final_codes, and both are there" },
		{ "{\"argv\":[\"a\"],\"result\":\"xml\"}", "args.result: no such kind" },
		{ "{\"argv\":[\"a\"],\"limits\":{}}", "args.limits: no such member" },
		{ "{\"argv\":[\"a\"],\"shell\":true}", "args.shell: no such member" },
		{ "{\"argv\":[\"a\"],\"stdin\":\"x\",\"stdin_base64\":\"eA==\"}",
		    "args.stdin_base64: stdin is said twice" },
		{ "{\"argv\":[\"a\"],\"stdin_base64\":\"?\"}", "args.stdin_base64: not base64" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char	*got = build("{\"free\":true}", rows[i].args);

		assert_string_equal(got, rows[i].want);
		free(got);
	}
}

static void
test_what_is_not_said_is_usual(void **state)
{
	struct command	c;
	char		why[256];
	struct span	spec = { "{\"argv\":[\"p\"]}", 14 }, args = { "{}", 2 };

	(void)state;
	assert_int_equal(command_build(spec, args, &c, why, sizeof(why)), 0);
	assert_int_equal(c.umask, 077);
	assert_int_equal(c.grace_ms, 10000);
	assert_int_equal(c.limits.files, 1024);
	assert_int_equal(c.limits.core, 0);
	assert_true(codes_have(&c.success, 0) && !codes_have(&c.success, 1));
	assert_true(codes_have(&c.retry, 75) && codes_have(&c.final, 65));
	assert_null(c.cwd);
	assert_false(c.bounds.files || c.bounds.no_network);
	command_free(&c);
}

static void
test_a_broken_spec_is_told_apart_from_broken_args(void **state)
{
	char	*got = build("{\"argv\":[\"p\"],\"limits\":{\"colour\":1}}", "{}");

	(void)state;
	assert_string_equal(got, "spec.limits: a member that is no limit");
	free(got);
	got = build("{\"argv\":[\"p\"],\"read_paths\":\"/\"}", "{}");
	assert_string_equal(got, "spec.read_paths: not an array of paths");
	free(got);
	got = build("{\"argv\":[\"p\"],\"write_paths\":[\"/a\",\"b\"]}", "{}");
	assert_string_equal(got, "spec.write_paths: b is not an absolute path");
	free(got);
	got = build("{\"argv\":[\"p\"],\"network\":0}", "{}");
	assert_string_equal(got, "spec.network: neither true nor false");
	free(got);
	got = build("{\"free\":true}", "{\"argv\":[\"p\"],\"network\":true}");
	assert_string_equal(got, "args.network: no such member");
	free(got);
	got = build("{", "{}");
	assert_int_equal(strncmp(got, "spec: ", 6), 0);
	free(got);
	got = build("{\"argv\":[\"p\"]}", "{");
	assert_int_equal(strncmp(got, "args: ", 6), 0);
	free(got);
	got = build("{}", "{}");
	assert_string_equal(got, "args.argv: missing");
	free(got);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_value_stays_one_argument_whatever_is_in_it),
		cmocka_unit_test(test_a_value_is_never_taken_for_an_option),
		cmocka_unit_test(test_a_pattern_holds_for_the_whole_value),
		cmocka_unit_test(test_every_type_takes_its_values_and_no_others),
		cmocka_unit_test(test_what_is_missing_or_unknown_is_named),
		cmocka_unit_test(test_a_list_has_a_bound),
		cmocka_unit_test(test_callers_may_not_change_what_a_program_runs),
		cmocka_unit_test(test_a_type_says_which_variables_its_jobs_may_set),
		cmocka_unit_test(test_names_and_sizes_of_variables_are_checked),
		cmocka_unit_test(test_a_free_commands_members_are_checked),
		cmocka_unit_test(test_what_is_not_said_is_usual),
		cmocka_unit_test(test_a_broken_spec_is_told_apart_from_broken_args),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
