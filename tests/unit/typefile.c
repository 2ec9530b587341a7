/*
 * typefile.c - NAME.job and NAME.worker files: what they become, and that each mistake is named with
 * its line, its key and what would be right.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/jobfile.h"
#include "proto/json_scan.h"
#include "proto/workerfile.h"

static struct typefile	file;
static struct fault	fault;
static struct buf	json;

static int
fini(void **state)
{
	(void)state;
	buf_free(&json);
	return 0;
}

/* The file as JSON, or NULL: fault says why. */
static const char *
read_as(enum typefile_kind kind, const char *text)
{
	const char	*wrong;
	int		 rc;

	buf_free(&json);
	rc = kind == TYPEFILE_JOB ?
	    jobfile_read("/d/resize.job", "resize", text, strlen(text), &file, &fault) :
	    workerfile_read("/d/pics.worker", "pics", text, strlen(text), &file, &fault);
	if (rc == 0) {
		(kind == TYPEFILE_JOB ? jobfile_put : workerfile_put)(&json, &file);
		if ((wrong = scan_check(buf_data(&json), buf_len(&json), 32)) != NULL)
			fail_msg("not JSON, %s: %.*s", wrong, (int)buf_len(&json), buf_data(&json));
		buf_putc(&json, '\0');
	} else {
		assert_int_equal(rc, -EINVAL);
		assert_string_not_equal(fault.why, "");
	}
	typefile_fini(&file);
	return rc == 0 ? buf_data(&json) : NULL;
}

static void
assert_has(const char *text, const char *part)
{
	if (text == NULL)
		fail_msg("%d %s: %s", fault.line, fault.key, fault.why);
	if (strstr(text, part) == NULL)
		fail_msg("`%s` is not in %s", part, text);
}

/* ---- what they become ---- */

static void
test_a_command_alone_is_a_type(void **state)
{
	(void)state;
	assert_string_equal(read_as(TYPEFILE_JOB, "argv = [\"true\"]\n"),
	    "{\"name\":\"resize\",\"file\":\"/d/resize.job\",\"user\":\"\",\"defaults\":{},"
	    "\"args_schema\":{\"type\":[\"object\",\"null\"],\"properties\":{},"
	    "\"additionalProperties\":false},\"spec\":{\"argv\":[\"true\"],\"limits\":{}}}");
}

static void
test_every_key_is_in_the_catalog_with_its_unit(void **state)
{
	static const struct {
		const char	*line, *json;
	} rows[] = {
		{ "summary = a \"word\"", "\"summary\":\"a \\\"word\\\"\"" },
		{ "cwd = /srv", "\"cwd\":\"/srv\"" },
		{ "user = 1234", "\"user\":\"1234\"" },
		{ "queue = Night.1", "\"defaults\":{\"queue\":\"Night.1\"}" },
		{ "priority = -5", "\"defaults\":{\"priority\":-5}" },
		{ "timeout = 5m", "\"defaults\":{\"timeout_ms\":300000}" },
		{ "timeout = 0", "\"defaults\":{\"timeout_ms\":0}" },
		{ "ttl = 2h", "\"defaults\":{\"ttl_ms\":7200000}" },
		{ "on_lost = fail", "\"defaults\":{\"on_lost\":\"fail\"}" },
		{ "max_attempts = 3", "\"retry\":{\"max_attempts\":3}" },
		{ "backoff = 250ms", "\"retry\":{\"backoff_ms\":250}" },
		{ "factor = 1.5", "\"retry\":{\"factor\":1.500}" },
		{ "max_backoff = 1d", "\"retry\":{\"max_backoff_ms\":86400000}" },
		{ "grace = 2s", "\"grace_ms\":2000,\"defaults\"" },
		{ "grace = 2s", "\"grace_ms\":2000,\"limits\"" },
		{ "max_running = 4", "\"max_running\":4" },
		{ "output_max = 1M", "\"output_bytes\":1048576" },
		{ "umask = 027", "\"umask\":23" },
		{ "nice = 19", "\"nice\":19" },
		{ "cpu_bound = true", "\"cpu_bound\":true" },
		{ "tmpdir = true", "\"tmpdir\":true" },
		{ "success_codes = 0, 3", "\"success\":[0,3]" },
		{ "retry_codes = 75 76", "\"retry\":[75,76]" },
		{ "final_codes = [\"65\"]", "\"final\":[65]" },
		{ "result = json", "\"result\":\"json\"" },
		{ "stdin = stream", "\"stdin\":\"stream\"" },
		{ "env_allow = LC_ALL TZ", "\"env_allow\":[\"LC_ALL\",\"TZ\"]" },
		{ "read_paths = /usr /srv/in", "\"read_paths\":[\"/usr\",\"/srv/in\"]" },
		{ "read_paths = []", "\"read_paths\":[]" },
		{ "write_paths = [\"/srv/a b\"]", "\"write_paths\":[\"/srv/a b\"]" },
		{ "network = false", "\"network\":false" },
		{ "memory_max = 64M", "\"limits\":{\"memory\":67108864}" },
		{ "processes_max = 9", "\"limits\":{\"processes\":9}" },
		{ "files_max = 100", "\"limits\":{\"files\":100}" },
		{ "file_size_max = 1G", "\"limits\":{\"file_bytes\":1073741824}" },
		{ "cpu_max = 1m", "\"limits\":{\"cpu_ms\":60000}" },
		{ "core_max = 1K", "\"limits\":{\"core\":1024}" },
		{ "[env]\nJ = {\"a\":{{}}}", "\"env\":{\"J\":\"{\\\"a\\\":{{}}}\"}" },
		{ "[env]\nA = b=c\nEMPTY =", "\"env\":{\"A\":\"b=c\",\"EMPTY\":\"\"}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char	text[200];

		snprintf(text, sizeof(text), "argv = [\"true\"]\n%s\n", rows[i].line);
		assert_has(read_as(TYPEFILE_JOB, text), rows[i].json);
	}
}

static void
test_a_value_goes_on_in_lines_that_begin_with_a_blank(void **state)
{
	const char	*text;

	(void)state;
	text = read_as(TYPEFILE_JOB, "; of two lines\nargv = [\"echo\",\n\t\"a\", ; one\n  # none\n"
	    "  \"{{}}\"]\nsummary = one\n two\n\n[env]\n  A = 1\nB = 2\n");
	assert_has(text, "\"argv\":[\"echo\",\"a\",\"{{}}\"]");
	assert_has(text, "\"summary\":\"one two\"");
	assert_has(text, "\"env\":{\"A\":\"1\",\"B\":\"2\"}");
}

static void
test_a_param_becomes_a_schema_that_says_the_same(void **state)
{
	static const struct {
		const char	*param, *schema, *spec;
	} rows[] = {
		{ "type = string\ndash = true", "{\"type\":\"string\"}",
		    "{\"type\":\"string\",\"dash\":true}" },
		{ "type = string", "{\"type\":\"string\",\"pattern\":\"^([^-]|$)\"}",
		    "{\"type\":\"string\"}" },
		{ "type = string\npattern = a|b\nmin = 5\nmax = 9\nsummary = s",
		    "{\"type\":\"string\",\"minLength\":2,\"maxLength\":9,\"pattern\":\"^(a|b)$\","
		    "\"anyOf\":[{\"pattern\":\"^([^-]|$)\"}],\"description\":\"s; 5 to 9 bytes\"}",
		    "{\"type\":\"string\",\"pattern\":\"a|b\",\"min\":5,\"max\":9}" },
		{ "type = int\nmin = 1\nmax = 9\ndefault = 4",
		    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":4}",
		    "{\"type\":\"int\",\"default\":4,\"min\":1,\"max\":9}" },
		{ "type = int", "{\"type\":\"integer\",\"minimum\":0}", "{\"type\":\"int\"}" },
		{ "type = number\nmin = -0.5\ndash = true",
		    "{\"type\":\"number\",\"minimum\":-0.5}",
		    "{\"type\":\"number\",\"min\":-0.5,\"dash\":true}" },
		{ "type = bool\ndefault = false", "{\"type\":\"boolean\",\"default\":false}",
		    "{\"type\":\"bool\",\"default\":false}" },
		{ "type = enum\nvalues = a, b c\ndefault = c",
		    "{\"enum\":[\"a\",\"b\",\"c\"],\"default\":\"c\"}",
		    "{\"type\":\"enum\",\"default\":\"c\",\"values\":[\"a\",\"b\",\"c\"]}" },
		{ "type = enum\nvalues = [\"a b\", \"c\"]\ndefault = c",
		    "{\"enum\":[\"a b\",\"c\"],\"default\":\"c\"}",
		    "{\"type\":\"enum\",\"default\":\"c\",\"values\":[\"a b\",\"c\"]}" },
		{ "type = strings\ndash = true\ndefault = [\"-v\"]",
		    "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":20000,"
		    "\"default\":[\"-v\"]}",
		    "{\"type\":\"strings\",\"default\":[\"-v\"],\"dash\":true}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char		text[400], want[600];
		const char	*got;

		snprintf(text, sizeof(text), "argv = [\"x\", \"{p}\"]\n[param p]\n%s\n",
		    rows[i].param);
		got = read_as(TYPEFILE_JOB, text);
		snprintf(want, sizeof(want), "\"properties\":{\"p\":%s}", rows[i].schema);
		assert_has(got, want);
		snprintf(want, sizeof(want), "\"params\":{\"p\":%s}", rows[i].spec);
		assert_has(got, want);
		assert_has(got, strstr(rows[i].param, "default") == NULL ?
		    "\"required\":[\"p\"]" : "\"type\":[\"object\",\"null\"]");
	}
}

static void
test_a_pool_has_its_types_and_its_usual_numbers(void **state)
{
	const char	*text;

	(void)state;
	text = read_as(TYPEFILE_WORKER, "worker = [\"python3\", \"-m\", \"pics\"]\n"
	    "types = resize, crop\nrecycle_age = 1h\ntimeout = 10s\n[env]\nA = {not a placeholder}\n");
	assert_has(text, "\"types\":[\"resize\",\"crop\"],\"remote\":false,\"count\":1,"
	    "\"recycle_jobs\":0,\"recycle_age_ms\":3600000,\"recycle_rss\":0,\"ready_ms\":30000}");
	assert_has(text, "\"defaults\":{\"timeout_ms\":10000}");
	assert_null(strstr(text, "python3"));	/* what runs is the supervisor's alone */
	text = read_as(TYPEFILE_WORKER, "remote = true\ntypes = gpu.train\n");
	assert_has(text, "\"types\":[\"gpu.train\"],\"remote\":true");
}

/* ---- mistakes ---- */

struct mistake {
	const char	*text;
	int		 line;
	const char	*key, *why;	/* parts */
};

static void
check_mistakes(enum typefile_kind kind, const struct mistake *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char	*got = read_as(kind, rows[i].text);

		if (got != NULL)
			fail_msg("taken: %s", rows[i].text);
		if (fault.line != rows[i].line || strcmp(fault.key, rows[i].key) != 0 ||
		    strstr(fault.why, rows[i].why) == NULL)
			fail_msg("%s\ngives %d `%s`: %s", rows[i].text, fault.line, fault.key,
			    fault.why);
	}
}

#define A	"argv = [\"x\"]\n"
#define P	"argv = [\"x\", \"{p}\"]\n[param p]\n"

static void
test_mistakes_of_job_files_name_line_key_and_what_is_right(void **state)
{
	static const struct mistake	rows[] = {
		{ "", 0, "argv", "is missing" },
		{ "summary = s\n", 0, "argv", "is missing" },
		{ "argv\n", 1, "", "neither [section] nor key = value" },
		{ "\n[env\nA = 1\n", 2, "", "lacks its `]`" },
		{ A A, 2, "argv", "is set twice; the first is in line 1" },
		{ A "[env]\nB = 1\nB = 1\n", 4, "env.B", "is set twice; the first is in line 3" },
		{ A "colour = red\n", 2, "colour", "no such key; there are summary, cwd" },
		{ A "worker = [\"x\"]\n", 2, "worker", "no such key" },
		{ A "[job]\ncwd = /\n", 3, "job.cwd", "there are [env] and [param NAME]" },
		{ A "summary = \xff\n", 2, "", "is not UTF-8" },
		{ "argv = convert in out\n", 1, "argv", "must be a JSON array of strings" },
		{ "argv = []\n", 1, "argv", "the first string is the program" },
		{ "argv = [\"\"]\n", 1, "argv", "the first string is the program" },
		{ "argv = [\"bin/x\"]\n", 1, "argv", "must be an absolute path" },
		{ "argv = [\"x\", 1]\n", 1, "argv", "`1` is not a JSON string" },
		{ "argv = [\"x\", \"a\\u0000\"]\n", 1, "argv", "NUL" },
		{ "argv = [\"x\", \"a ; b\"]\n", 1, "argv", "write \\u003b" },
		{ "argv = [\"x\"] y\n", 1, "argv", "something follows the value at byte 6" },
		{ "argv = [\"x\", \"{p}\"]\n", 1, "argv", "{p} has no [param p]" },
		{ "argv = [\"x\", \"a{p\"]\n", 1, "argv", "`{` without `}`" },
		{ "argv = [\"x\", \"a}\"]\n", 1, "argv", "`}` without `{`" },
		{ "argv = [\"{p}\"]\n[param p]\ntype = string\n", 1, "argv", "only an enum may be" },
		{ "argv = [\"x\", \"a{p}\"]\n[param p]\ntype = strings\n", 1, "argv",
		    "a whole argument of its own" },
		{ "argv = [\"x\", \"{q}\"]\ncwd = /srv/{q}\n[param q]\ntype = path\n", 2, "cwd",
		    "has {q}; placeholders are filled in argv only" },
		{ "argv = [\"x\", \"{q}\"]\n[env]\nV = a{b{q}\n[param q]\ntype = int\n", 3, "env.V",
		    "has {q}; placeholders are filled in argv only" },
		{ "argv = [\"x\"]\n[env]\nV = {q}\n[param q]\ntype = int\n", 3, "env.V",
		    "has {q}; placeholders are filled in argv only" },
		{ A "[env]\n1V = x\n", 3, "env.1V", "not the name of an environment variable" },
		{ A "[env]\nJOBD_FD = x\n", 3, "env.JOBD_FD", "begins with JOBD_" },
		{ A "[param q]\ntype = int\n", 3, "param q", "is used nowhere: {q} belongs into" },
		{ A "[param 1q]\ntype = int\n", 3, "param 1q.type", "is not the name of a param" },
		{ A "[param stdin]\ntype = int\n", 3, "param stdin.type", "cannot be called stdin" },
		{ A "cwd = srv\n", 2, "cwd", "`srv` is not an absolute path" },
		{ A "user = a b\n", 2, "user", "not the name of an account" },
		{ A "queue = a b\n", 2, "queue", "not the name of a queue" },
		{ A "priority = 101\n", 2, "priority", "`101` is not from -100 to 100" },
		{ A "timeout = 5 minutes\n", 2, "timeout", "is not a duration (250ms, 10s" },
		{ A "timeout = 5\n", 2, "timeout", "is not a duration" },
		{ A "memory_max = lots\n", 2, "memory_max", "is not a size (4096, 64K" },
		{ A "factor = 0.5\n", 2, "factor", "is not from 1 to 100" },
		{ A "umask = 888\n", 2, "umask", "is not an octal number" },
		{ A "umask = 1000\n", 2, "umask", "is not from 000 to 777" },
		{ A "nice = 20\n", 2, "nice", "is not from -20 to 19" },
		{ A "tmpdir = yes\n", 2, "tmpdir", "is not true or false" },
		{ A "result = yaml\n", 2, "result", "is not output, json or file" },
		{ A "stdin = tty\n", 2, "stdin", "is not none, text or stream" },
		{ A "success_codes = 0 256\n", 2, "success_codes", "`256` is not an exit code" },
		{ A "success_codes =\n", 2, "success_codes", "is empty" },
		{ A "retry_codes = 1 1\n", 2, "retry_codes", "`1` is there twice" },
		{ A "success_codes = 0 75\nretry_codes = 75\n", 3, "retry_codes",
		    "75 is in success_codes too" },
		{ A "env_allow = A-B\n", 2, "env_allow", "not the name of an environment variable" },
		{ A "read_paths = usr\n", 2, "read_paths", "`usr` is not an absolute path" },
		{ A "write_paths = /a [\n", 2, "write_paths", "`[` is not an absolute path" },
		{ A "write_paths = [1]\n", 2, "write_paths", "`1` is not a JSON string" },
		{ A "write_paths =\n", 2, "write_paths", "is empty" },
		{ A "read_paths = /a /b /a\n", 2, "read_paths", "`/a` is there twice" },
		{ A "network = no\n", 2, "network", "is not true or false" },
		{ "argv = [\"x\", \"{q}\"]\nwrite_paths = /a /srv/{q}\n[param q]\ntype = path\n", 2,
		    "write_paths", "has {q}; placeholders are filled in argv only" },
		{ P, 1, "argv", "{p} has no [param p]" },
		{ P "min = 1\n", 3, "param p.type", "is missing: string, int" },
		{ P "type = text\n", 3, "param p.type", "is not string, int, number" },
		{ P "type = int\ncolour = 1\n", 4, "param p.colour", "there are type, default" },
		{ P "type = int\npattern = a\n", 4, "param p.pattern", "a int has none" },
		{ P "type = string\npattern = (\n", 4, "param p.pattern",
		    "must be a POSIX extended regular expression" },
		{ P "type = string\npattern = (a)\\1\n", 4, "param p.pattern", "back-reference" },
		{ P "type = string\npattern = (a{200}){200}\n", 4, "param p.pattern",
		    "repeats too much" },
		{ P "type = string\nmin = -1\n", 4, "param p.min", "is not a number of bytes" },
		{ P "type = int\nmin = 0.5\n", 4, "param p.min", "is not a whole number" },
		{ P "type = int\nmin = 5\nmax = 4\n", 4, "param p.min", "is more than max" },
		{ P "type = int\nmin = -5\n", 4, "param p.min", "takes dash = true" },
		{ P "type = bool\nmin = 1\n", 4, "param p.min", "a bool has none" },
		{ P "type = enum\n", 3, "param p.values", "an enum lists" },
		{ P "type = int\nvalues = [\"1\"]\n", 4, "param p.values", "only an enum" },
		{ P "type = enum\nvalues = [\"-1\"]\n", 4, "param p.values", "takes dash = true" },
		{ P "type = enum\nvalues = []\n", 4, "param p.values", "has 0 values" },
		{ P "type = enum\nvalues = [\"1\"]\ndefault = 2\n", 5, "param p.default",
		    "is not one of values" },
		{ P "type = int\ndefault = 007\n", 4, "param p.default", "is not a number" },
		{ P "type = int\nmax = 5\ndefault = 6\n", 5, "param p.default", "outside min and max" },
		{ P "type = string\ndefault = -x\n", 4, "param p.default", "takes dash = true" },
		{ P "type = string\npattern = a\ndefault = aa\n", 5, "param p.default",
		    "does not match the pattern" },
		{ P "type = string\nmax = 1\ndefault = aa\n", 5, "param p.default", "is longer" },
		{ P "type = path\ndefault = a/../b\n", 4, "param p.default", "component `..`" },
		{ P "type = path\ndefault =\n", 4, "param p.default", "is empty" },
		{ P "type = strings\ndefault = a\n", 4, "param p.default", "must be a JSON array" },
		{ P "type = bool\ndefault = 1\n", 4, "param p.default", "is not true or false" },
		{ P "type = int\ndash = 1\n", 4, "param p.dash", "is not true or false" },
	};

	(void)state;
	check_mistakes(TYPEFILE_JOB, rows, COUNT(rows));
}

/* `read_paths` with so many; lines of a file have their bound too. */
static void
put_paths(struct buf *out, int n)
{
	buf_puts(out, A "read_paths =");
	for (int i = 1; i <= n; i++)
		buf_printf(out, "%s/p%d", i % 16 == 0 ? "\n " : " ", i);
	buf_append(out, "\n", 2);
}

static void
test_a_list_of_paths_has_a_bound(void **state)
{
	struct buf	good = { 0 }, bad = { 0 };

	(void)state;
	put_paths(&good, 64);
	put_paths(&bad, 65);
	assert_non_null(read_as(TYPEFILE_JOB, buf_data(&good)));
	check_mistakes(TYPEFILE_JOB, &(struct mistake){ buf_data(&bad), 2, "read_paths",
	    "has 65 paths; at most 64 are allowed" }, 1);
	buf_free(&good);
	buf_free(&bad);
}

static void
test_mistakes_of_worker_files_name_line_key_and_what_is_right(void **state)
{
	static const struct mistake	rows[] = {
		{ "types = a\n", 0, "worker", "is missing: the program" },
		{ "worker = [\"x\"]\n", 0, "types", "is missing" },
		{ "worker = [\"x\"]\ntypes = a a\n", 2, "types", "`a` is there twice" },
		{ "worker = [\"x\"]\ntypes = A\n", 2, "types", "is not the name of a type" },
		{ "worker = [\"./x\"]\ntypes = a\n", 1, "worker", "must be an absolute path" },
		{ "remote = true\ntypes = a\nworker = [\"x\"]\n", 3, "worker", "not started here" },
		{ "remote = true\ntypes = a\ncount = 2\n", 0, "remote", "not started here" },
		{ "worker = [\"x\"]\ntypes = a\ncount = 0\n", 3, "count", "is not from 1 to 1024" },
		{ "worker = [\"x\"]\ntypes = a\nargv = [\"x\"]\n", 3, "argv", "no such key" },
		{ "worker = [\"x\"]\ntypes = a\n[param p]\ntype = int\n", 4, "param p.type",
		    "there are [env] and no other" },
		{ "worker = [\"x\"]\ntypes = a\nready = 1ms\n", 3, "ready", "is not from 100ms" },
	};

	(void)state;
	check_mistakes(TYPEFILE_WORKER, rows, COUNT(rows));
}

static void
test_a_line_is_bounded_and_a_nul_is_refused(void **state)
{
	char	text[600];

	(void)state;
	snprintf(text, sizeof(text), "argv = [\"x\"]\nsummary = %0200d\n", 0);
	assert_null(read_as(TYPEFILE_JOB, text));
	assert_int_equal(fault.line, 2);
	assert_non_null(strstr(fault.why, "at most 198 bytes; one that begins with a blank goes on"));
	snprintf(text, sizeof(text), "argv = [\"x\"]\nsummary = %0100d\n %0100d\n", 0, 0);
	assert_non_null(read_as(TYPEFILE_JOB, text));
	assert_int_equal(jobfile_read("f", "n", "argv\0= []\n", 10, &file, &fault), -EINVAL);
	typefile_fini(&file);
	assert_string_equal(fault.why, "has a NUL byte");
}

static void
test_names_of_types_are_small_letters(void **state)
{
	static const char *const	good[] = { "a", "0", "a.b-c_d", "file.copy2" };
	static const char *const	bad[] = { "", ".a", "-a", "A", "a b", "a/b", "\xc3\xa9" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(typefile_name_ok(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(typefile_name_ok(bad[i], strlen(bad[i])));
	assert_true(typefile_name_ok("0123456789012345678901234567890123456789012345678901234567890123",
	    64));
	assert_false(typefile_name_ok("01234567890123456789012345678901234567890123456789012345678901234",
	    65));
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_teardown(test, fini)
	const struct CMUnitTest	tests[] = {
		ROW(test_a_command_alone_is_a_type),
		ROW(test_every_key_is_in_the_catalog_with_its_unit),
		ROW(test_a_value_goes_on_in_lines_that_begin_with_a_blank),
		ROW(test_a_param_becomes_a_schema_that_says_the_same),
		ROW(test_a_pool_has_its_types_and_its_usual_numbers),
		ROW(test_mistakes_of_job_files_name_line_key_and_what_is_right),
		ROW(test_a_list_of_paths_has_a_bound),
		ROW(test_mistakes_of_worker_files_name_line_key_and_what_is_right),
		ROW(test_a_line_is_bounded_and_a_nul_is_refused),
		ROW(test_names_of_types_are_small_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
