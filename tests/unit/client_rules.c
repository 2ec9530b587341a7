/* client_rules.c - jobctl's rules: options, selection, times, addresses, exit statuses, words. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/exit.h"
#include "client/items.h"
#include "client/jobopts.h"
#include "client/map_bar.h"
#include "client/print.h"
#include "client/select.h"
#include "client/suggest.h"
#include "client/target.h"
#include "client/when.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "proto/rpc_rows.h"

#define MAX_ARGS	64

/* ---- options ---- */

static int
parse_words(struct options *o, const char *const *words, unsigned of, char why[256])
{
	static char	*argv[MAX_ARGS];
	int		 n = 0;

	while (words[n] != NULL) {
		assert_true(n < MAX_ARGS);
		argv[n] = (char *)(size_t)words[n];
		n++;
	}
	memset(o, 0, sizeof(*o));
	why[0] = '\0';
	return options_parse(o, n, argv, FOR_ALL | of, ~0u, false, 0, why, 256);
}

static void
test_options_become_members_of_a_job(void **state)
{
	static const char *const words[] = {
		"echo", "--queue=mail", "-p", "-7", "--delay", "10s", "--run-at", "@5",
		"--timeout=5m", "--ttl", "2h", "--keep=1m", "--lane=async", "-lteam=a=b", NULL
	};
	struct options	o;
	struct buf	out = { 0 };
	char		why[256];

	(void)state;
	assert_int_equal(parse_words(&o, words, FOR_JOB, why), 0);
	jobopts_put_job(&o, (struct span){ "[1]", 3 }, &out);
	buf_putc(&out, '\0');
	assert_string_equal(buf_data(&out),
	    "{\"type\":\"echo\",\"args\":[1],\"queue\":\"mail\",\"priority\":-7,"
	    "\"delay_ms\":10000,\"run_at_ms\":5000,\"timeout_ms\":300000,\"ttl_ms\":7200000,\"keep_ms\":60000,"
	    "\"lane\":\"async\","
	    "\"labels\":{\"team\":\"a=b\"}");
	buf_free(&out);
	options_free(&o);
}

static void
test_what_is_past_is_a_time_or_so_long_ago(void **state)
{
	static const char *const good[] = { "--since", "1m", "--until=@5", NULL };
	static const char *const bad[] = { "--since", "soon", NULL };
	struct options		 o;
	char			 why[256];

	(void)state;
	/* now is the beginning of 1970 here: a minute ago was never */
	assert_int_not_equal(parse_words(&o, good, FOR_SELECT, why), 0);
	options_free(&o);
	assert_int_equal(parse_words(&o, good + 2, FOR_SELECT, why), 0);
	assert_int_equal(o.number[OPT_until], 5000);
	options_free(&o);
	assert_int_not_equal(parse_words(&o, bad, FOR_SELECT, why), 0);
	assert_non_null(strstr(why, "--since 'soon': write 2h"));
	options_free(&o);
}

static void
test_every_job_field_of_the_protocol_is_an_option(void **state)
{
	static const char *const words[] = {
		"t", "-qa", "-p1", "--delay=1s", "--run-at=@1", "-t1s", "--ttl=1s", "--keep=1s", "-kk",
		"--on-lost=fail", "--on-order-failure=block", "--after=1,2", "--on-parent-failure=run",
		"--hold", "-R3", "--backoff=1s", "--factor=1.5", "--max-backoff=1m",
		"--limit-key=l", "--unique-key=u", "--unique-for=1s", "--tenant=t", "--room-wait=1s", "--lane=x", "--durability=memory",
		"--group=g", "-la=b",
		"--traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", NULL
	};
	struct options		o;
	struct buf		out = { 0 };
	char			why[256];
	struct rpc_value	params[RPC_PARAMS];
	struct rpc_error	err;
	struct rpc_limits	limits = { 8, 100 };
	struct buf		scratch = { 0 };
	rpc_set			job = rpc_methods[METHOD_job_submit].params;

	(void)state;
	assert_int_equal(parse_words(&o, words, FOR_JOB | FOR_ONE_JOB, why), 0);
	jobopts_put_job(&o, (struct span){ "1", 1 }, &out);
	buf_putc(&out, '}');
	assert_int_equal(rpc_parse_members(buf_data(&out), buf_len(&out), job, 0, &limits, params,
	    &scratch, &err), 0);
	for (int p = 0; p < RPC_PARAMS; p++)
		if ((job & RPC_BIT(p)) != 0 && !params[p].given)
			fail_msg("%s has no option", rpc_params[p].name);
	buf_free(&scratch);
	buf_free(&out);
	options_free(&o);
}

static void
test_wrong_options_are_named_with_what_would_be_right(void **state)
{
	static const struct {
		const char	*words[4];
		const char	*why;
	} rows[] = {
		{ { "--prio", "1" }, "unknown option --prio; did you mean --priority?" },
		{ { "--qeueu", "x" }, "unknown option --qeueu; did you mean --queue?" },
		{ { "--frobnicate" }, "unknown option --frobnicate" },
		{ { "--gather" }, "--gather is an option of other verbs" },
		{ { "-0" }, "-0 is an option of other verbs" },
		{ { "-Z" }, "unknown option -Z" },
		{ { "--delay", "10" },
		    "--delay 10: write a duration with its unit: 250ms, 10s, 5m, 2h, 3d" },
		{ { "--delay=99999999999d" }, "--delay 99999999999d: too long" },
		{ { "--priority", "high" }, "--priority high: not a number" },
		{ { "--queue" }, "--queue wants a value" },
		{ { "-q" }, "-q wants a value" },
		{ { "--label", "x" }, "--label x: write NAME=VALUE" },
		{ { "--label", "=x" }, "--label =x: write NAME=VALUE" },
		{ { "-o", "xml" }, "-o xml: there is json, ndjson, id, wide, chrome of this" },
		{ { "--help=me" }, "--help takes no value" },
		{ { "--run-at", "noon" },
		    "--run-at 'noon': write 14:30, 2026-12-01 08:00 or @SECONDS" },
		{ { "--queue", "\xff" }, "--queue: not UTF-8" },
	};
	struct options	o;
	char		why[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int	rc = parse_words(&o, rows[i].words, FOR_JOB, why);

		/* "-0" alone is a number, so an operand, where no verb's option has that letter */
		if (strcmp(rows[i].words[0], "-0") == 0) {
			assert_int_equal(rc, 0);
			assert_int_equal(o.operands_len, 1);
		} else {
			assert_int_equal(rc, -1);
			assert_string_equal(why, rows[i].why);
		}
		options_free(&o);
	}
}

static void
test_operands_stand_anywhere_and_two_dashes_end_the_options(void **state)
{
	static const char *const words[] = { "a", "-0j8", "-", "-5", "--", "-q", "--x", NULL };
	struct options	o;
	char		why[256];

	(void)state;
	assert_int_equal(parse_words(&o, words, FOR_MAP, why), 0);
	assert_true(option_given(&o, OPT_null));
	assert_int_equal(o.number[OPT_jobs], 8);
	assert_int_equal(o.operands_len, 5);
	assert_string_equal(o.operands[1], "-");
	assert_string_equal(o.operands[2], "-5");
	assert_string_equal(o.operands[3], "-q");
	options_free(&o);
}

static void
test_formats_that_a_verb_lacks_are_refused(void **state)
{
	char		*argv[] = { (char[]){ "-oid" } }, why[128];
	struct options	 o = { 0 };

	(void)state;
	assert_int_equal(options_parse(&o, 1, argv, FOR_ALL, FORMATS_DATA, false, 0, why,
	    sizeof(why)), -1);
	assert_string_equal(why, "-o id: there is json, ndjson of this");
	assert_int_equal(options_parse(&o, 1, argv, FOR_ALL, ~0u, false, 0, why, sizeof(why)), 0);
	assert_int_equal(o.format, FORMAT_ID);
	options_free(&o);
}

static void
test_no_verb_has_two_options_of_one_name_or_letter(void **state)
{
	(void)state;
	for (size_t v = 0; verbs[v] != NULL; v++) {
		unsigned	of = FOR_ALL | verbs[v]->options;

		for (int a = 0; a < OPTIONS; a++) {
			for (int b = a + 1; b < OPTIONS; b++) {
				if ((option_rows[a].verbs & of) == 0 ||
				    (option_rows[b].verbs & of) == 0)
					continue;
				assert_string_not_equal(option_rows[a].name, option_rows[b].name);
				if (option_rows[a].letter != 0)
					assert_int_not_equal(option_rows[a].letter,
					    option_rows[b].letter);
			}
		}
	}
}

/* ---- verbs ---- */

static void
test_every_verb_tells_what_it_does_with_an_example(void **state)
{
	(void)state;
	for (size_t v = 0; verbs[v] != NULL; v++) {
		assert_non_null(verbs[v]->run);
		assert_true(strlen(verbs[v]->summary) > 0 && strlen(verbs[v]->summary) < 60);
		assert_true(strlen(verbs[v]->about) > 0);
		assert_non_null(strstr(verbs[v]->examples, "jobctl"));
		assert_non_null(strstr(verbs[v]->examples, verbs[v]->name));
		assert_true(verbs[v]->most >= verbs[v]->least);
		assert_true((verbs[v]->formats & FORMAT_BIT(FORMAT_TEXT)) != 0);
	}
}

/* The manual has a section for every verb, and names every option, by letter too. */
static void
test_the_manual_has_every_verb_and_every_option(void **state)
{
	const char	*srcdir = getenv("srcdir");
	char		*path = mem_printf("%s/docs/jobctl.1", srcdir != NULL ? srcdir : ".");
	char		*manual = fd_read_file(path, 1 << 20, NULL), *want;

	(void)state;
	if (manual == NULL)
		fail_msg("%s: set srcdir to the source directory", path);
	for (size_t v = 0; verbs[v] != NULL; v++) {
		want = mem_printf("\n.Ss %s", verbs[v]->name);
		if (strstr(manual, want) == NULL)
			fail_msg("the manual has no section on %s", verbs[v]->name);
		free(want);
	}
	for (int i = 0; i < OPTIONS; i++) {
		const struct option_row	*row = &option_rows[i];
		const char		*blank = row->argument != NULL ? " Ar " : "";

		if (row->letter != 0)
			want = mem_printf("\n.It Fl %c%s", row->letter, blank);
		else
			want = mem_printf("\n.It Fl -%s%s", row->name, blank);
		if (strstr(manual, want) == NULL || strstr(manual, row->name) == NULL)
			fail_msg("the manual has no --%s", row->name);
		free(want);
	}
	free(manual);
	free(path);
}

static void
test_verbs_of_two_words_are_found_and_mistyped_ones_suggested(void **state)
{
	static const struct {
		const char	*words[2];
		int		 n, used;
		const char	*name, *suggestion;
	} rows[] = {
		{ { "queue", "ls" }, 2, 2, "queue ls", NULL },
		{ { "ls", "queue" }, 2, 1, "ls", NULL },
		{ { "type", "show" }, 2, 2, "type show", NULL },
		{ { "worker" }, 1, 0, NULL, "worker ls, worker drain, worker recycle" },
		{ { "queue", "pause" }, 2, 2, "queue pause", NULL },
		{ { "type" }, 1, 0, NULL, "type ls, type show, type check, type advice, type pin" },
		{ { "lss" }, 1, 0, NULL, "ls" },
		{ { "sumbit" }, 1, 0, NULL, "submit" },
		{ { "workers", "ls" }, 2, 0, NULL, "worker ls" },
		{ { "workr" }, 1, 0, NULL, "worker ls, worker drain, worker recycle" },
		{ { "tpye" }, 1, 0, NULL, "type ls, type show, type check, type advice, type pin" },
		{ { "xyzzy" }, 1, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char			*words[2] = {
			(char *)(size_t)rows[i].words[0], (char *)(size_t)rows[i].words[1]
		};
		int			 used;
		const struct verb	*v = verb_find(words, rows[i].n, &used);
		char			*near;

		assert_int_equal(v != NULL, rows[i].name != NULL);
		if (v != NULL) {
			assert_string_equal(v->name, rows[i].name);
			assert_int_equal(used, rows[i].used);
			continue;
		}
		near = verb_suggest(words, rows[i].n);
		assert_int_equal(near != NULL, rows[i].suggestion != NULL);
		if (near != NULL)
			assert_string_equal(near, rows[i].suggestion);
		free(near);
	}
}

static void
test_distance_counts_insertions_deletions_changes_and_swaps(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("abc", "abc"), 0);
	assert_int_equal(suggest_distance("", "abc"), 3);
	assert_int_equal(suggest_distance("abc", "acb"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

/* ---- selection ---- */

static void
test_jobs_are_given_as_ids_ranges_and_last(void **state)
{
	static const struct {
		const char		*word;
		int			 rc;
		struct select_word	 w;
	} rows[] = {
		{ "42", 0, { 42, 42, 0 } }, { "3-7", 0, { 3, 7, 0 } }, { "5-5", 0, { 5, 5, 0 } },
		{ "@last", 0, { 0, 0, 1 } }, { "@last:3", 0, { 0, 0, 3 } },
		{ "9007199254740991", 0, { 9007199254740991, 9007199254740991, 0 } },
		{ "9007199254740992", -ERANGE, { 0 } }, { "7-3", -ERANGE, { 0 } },
		{ "0", -ERANGE, { 0 } },
		{ "1-1000000", 0, { 1, 1000000, 0 } }, { "1-1000001", -ERANGE, { 0 } },
		{ "@last:0", -ERANGE, { 0 } }, { "@last:", -EINVAL, { 0 } },
		{ "@lasts", -EINVAL, { 0 } },
		{ "@first", -EINVAL, { 0 } }, { "", -EINVAL, { 0 } }, { "x", -EINVAL, { 0 } },
		{ "3-", -EINVAL, { 0 } }, { "-3", -EINVAL, { 0 } }, { "1-2-3", -EINVAL, { 0 } },
		{ "1.5", -EINVAL, { 0 } }, { "@last:9999999", -ERANGE, { 0 } },
	};
	struct select_word	w;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(select_parse(rows[i].word, &w), rows[i].rc);
		if (rows[i].rc == 0)
			assert_memory_equal(&w, &rows[i].w, sizeof(w));
	}
}

static void
test_filters_become_the_members_of_job_list(void **state)
{
	static const char *const words[] = {
		"-qmail", "--type=echo", "-sfailed", "-lteam=\"a\"", "-lx=y", "--by=me", NULL
	};
	static const char *const none[] = { NULL };
	struct options	o;
	struct buf	out = { 0 };
	char		why[256];

	(void)state;
	assert_int_equal(parse_words(&o, words, FOR_SELECT, why), 0);
	assert_true(select_has_filter(&o));
	select_put_filter(&o, "uid:7", NULL, &out);
	buf_putc(&out, '\0');
	assert_string_equal(buf_data(&out),
	    "{\"queue\":\"mail\",\"type\":\"echo\",\"state\":\"failed\","
	    "\"by\":\"uid:7\",\"label\":{\"team\":\"\\\"a\\\"\",\"x\":\"y\"}}");
	options_free(&o);
	buf_free(&out);
	assert_int_equal(parse_words(&o, none, FOR_SELECT, why), 0);
	assert_false(select_has_filter(&o));
	select_put_filter(&o, "uid:7", "me", &out);
	buf_putc(&out, '\0');
	assert_string_equal(buf_data(&out), "{\"by\":\"uid:7\"}");
	options_free(&o);
	buf_free(&out);
}

/* ---- exit statuses ---- */

static void
test_errors_give_the_exit_status_of_the_table(void **state)
{
	static const struct {
		const char	*kind;
		int		 code, one_job;
	} rows[] = {
		{ "not_found", 3, 125 }, { "unknown_type", 5, 127 }, { "forbidden", 5, 126 },
		{ "unauthenticated", 5, 126 }, { "queue_full", 7, 125 }, { "draining", 7, 125 },
		{ "conflict", 8, 125 }, { "wait_timeout", 4, 125 }, { "invalid_params", 2, 125 },
		{ "a_kind_of_tomorrow", 5, 125 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(exit_of_error(rows[i].kind, false), rows[i].code);
		assert_int_equal(exit_of_error(rows[i].kind, true), rows[i].one_job);
	}
}

static void
test_outcomes_give_the_exit_status_of_the_table(void **state)
{
	static const struct {
		const char	*state, *failure;
		int		 code, one_job;
	} rows[] = {
		{ "succeeded", NULL, 0, 0 }, { "failed", "error", 1, 1 },
		{ "failed", "timeout", 1, 124 },
		{ "failed", "spawn", 1, 126 }, { "failed", NULL, 1, 1 },
		{ "cancelled", NULL, 1, 1 },
		{ "expired", NULL, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(exit_of_outcome(rows[i].state, rows[i].failure, false),
		    rows[i].code);
		assert_int_equal(exit_of_outcome(rows[i].state, rows[i].failure, true),
		    rows[i].one_job);
	}
	assert_int_equal(exit_of_code(EXIT_UNREACHABLE, true), 125);
	assert_int_equal(exit_of_code(EXIT_UNREACHABLE, false), 6);
	assert_int_equal(exit_of_code(EXIT_NOT_ALL, true), 1);
	assert_int_equal(exit_of_code(EXIT_NO_TYPE, true), 127);
}

/* ---- addresses and tokens ---- */

static void
test_the_daemon_is_looked_for_in_the_promised_order(void **state)
{
	static const struct {
		struct surroundings	 s;
		int			 n;
		const char		*first;
	} rows[] = {
		{ { .option = "tcp:h:1", .host = "unix:/x", .uid = 7 }, 1, "tcp:h:1" },
		{ { .host = "unix:/x", .runtime_dir = "/run/user/7", .uid = 7 }, 1, "unix:/x" },
		{ { .runtime_dir = "/run/user/7", .uid = 7 }, 2,
		    "unix:/run/user/7/jobd/jobd.sock" },
		{ { .runtime_dir = "/run/user/7", .uid = 0 }, 1, TARGET_SYSTEM_SOCKET },
		{ { .tmpdir = "/nonexistent", .uid = 7 }, 1, TARGET_SYSTEM_SOCKET },
		{ { .host = "", .option = "", .uid = 0 }, 1, TARGET_SYSTEM_SOCKET },
		{ { .runtime_dir = "run/user/7", .tmpdir = "tmp", .uid = 4242 }, 1,
		    TARGET_SYSTEM_SOCKET },
	};
	struct target	list[TARGET_MAX];
	char		why[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int	n = target_list(&rows[i].s, list, why, sizeof(why));

		assert_int_equal(n, rows[i].n);
		assert_string_equal(list[0].text, rows[i].first);
		if (n == 2)
			assert_string_equal(list[1].text, TARGET_SYSTEM_SOCKET);
	}
}

static void
test_a_directory_in_tmp_counts_only_when_it_is_ours_alone(void **state)
{
	char			tmp[] = "/tmp/jobctl-test-XXXXXX", dir[64], why[256];
	struct surroundings	s = { .tmpdir = tmp, .uid = 4242 };
	struct target		list[TARGET_MAX];

	(void)state;
	assert_non_null(mkdtemp(tmp));
	snprintf(dir, sizeof(dir), "%s/jobd-4242", tmp);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(target_list(&s, list, why, sizeof(why)), geteuid() == 4242 ? 2 : 1);
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 4242, 4242), 0);
		assert_int_equal(target_list(&s, list, why, sizeof(why)), 2);
		assert_int_equal(chmod(dir, 0750), 0);
		assert_int_equal(target_list(&s, list, why, sizeof(why)), 1);
	}
	rmdir(dir);
	rmdir(tmp);
}

static void
test_addresses_that_are_none_are_explained(void **state)
{
	static const struct {
		const char	*option, *why;
	} rows[] = {
		{ "/run/x", "'/run/x' is no address: write unix:/run/x" },
		{ "localhost:80",
		    "'localhost:80' is no address: write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT" },
		{ "tcp:h:99999", "'tcp:h:99999': the path or the port is out of range" },
		{ "tls:h:1:2", "'tls:h:1:2' is no address: write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT" },
	};
	struct target	list[TARGET_MAX];
	char		why[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct surroundings	s = { .option = rows[i].option };

		assert_int_equal(target_list(&s, list, why, sizeof(why)), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
}

static void
test_token_files_are_looked_for_in_the_promised_order(void **state)
{
	struct surroundings	s = {
		.token_file = "/t", .state_home = "/s", .home = "/h", .uid = 7
	};
	char			files[TARGET_MAX][TARGET_TEXT];

	(void)state;
	assert_int_equal(target_token_files(&s, ADDR_TCP, files), 1);
	assert_string_equal(files[0], "/t");
	assert_int_equal(target_token_files(&s, ADDR_UNIX, files), 0);
	assert_int_equal(target_token_files(&s, ADDR_TLS, files), 1);
	assert_string_equal(files[0], "/t");
	s.token_file = NULL;
	assert_int_equal(target_token_files(&s, ADDR_TLS, files), 0);	/* none goes to another machine unasked */
	assert_int_equal(target_token_files(&s, ADDR_TCP, files), 2);
	assert_string_equal(files[0], "/s/jobd/client.token");
	assert_string_equal(files[1], "/var/lib/jobd/client.token");
	s.state_home = "";
	assert_int_equal(target_token_files(&s, ADDR_TCP, files), 2);
	assert_string_equal(files[0], "/h/.local/state/jobd/client.token");
	s.uid = 0;
	assert_int_equal(target_token_files(&s, ADDR_TCP, files), 1);
	assert_string_equal(files[0], "/var/lib/jobd/client.token");
}

static void
test_a_token_that_others_may_read_is_refused(void **state)
{
	char	path[] = "/tmp/jobctl-token-XXXXXX", *token;
	int	fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "client.abc\n", 11), 11);
	token = target_token_read(path);
	assert_string_equal(token, "client.abc");
	free(token);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_null(target_token_read(path));
	assert_int_equal(errno, EPERM);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_null(target_token_read(path));
	assert_int_equal(errno, EBADMSG);
	close(fd);
	unlink(path);
	assert_null(target_token_read(path));
	assert_int_equal(errno, ENOENT);
}

/* ---- times ---- */

static void
test_times_are_read_as_people_write_them(void **state)
{
	/* 2026-11-22 12:00:00 in Berlin, winter time */
	const int64_t	now = INT64_C(1795345200000);
	static const struct {
		const char	*text;
		int64_t		 seconds;	/* 0: refused */
	} rows[] = {
		{ "@5", 5 }, { "14:30", 1795354200 }, { "12:00", 1795345200 + 86400 },
		{ "11:59:59", 1795345199 + 86400 }, { "2026-12-01 08:00", 1796108400 },
		{ "2026-12-01T08:00Z", 1796112000 }, { "2026-12-01T08:00:30+02:00", 1796104830 },
		{ "2026-07-01", 1782856800 }, { "2026-12-01T08:00-05:30", 1796131800 },
		{ "24:00", 0 }, { "8:00", 0 }, { "12:60", 0 }, { "2026-02-30", 0 },
		{ "2026-13-01", 0 },
		{ "2026-12-01 08:00 CET", 0 }, { "tomorrow", 0 }, { "", 0 }, { "@", 0 },
		{ "@-5", 0 },
		{ "2026-12-01T", 0 }, { "12:00Z", 0 }, { "2026-12", 0 },
		{ "2026-12-01T08:00+1:00", 0 },
	};

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	if (when_parse("2026-07-01", now, &(int64_t){ 0 }) != 0)
		fail_msg("no date at all");
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t	ms = 0;
		int	rc = when_parse(rows[i].text, now, &ms);

		assert_int_equal(rc, rows[i].seconds == 0 ? -EINVAL : 0);
		if (ms != rows[i].seconds * 1000)
			fail_msg("%s: %lld", rows[i].text, (long long)ms);
	}
	unsetenv("TZ");
	tzset();
}

/* ---- words for people ---- */

static void
assert_printed(struct buf *b, const char *text)
{
	char	*got = buf_take_string(b);

	assert_string_equal(got, text);
	free(got);
}

static void
test_ages_durations_and_sizes_are_short(void **state)
{
	static const struct {
		int64_t		 ms;
		const char	*duration, *age;
	} times[] = {
		{ 0, "0ms", "0s" }, { 999, "999ms", "0s" }, { 1500, "1.5s", "1s" },
		{ 59999, "59.9s", "59s" },
		{ 200000, "3m20s", "3m" }, { 7500000, "2h05m", "2h" }, { 86400000, "1d00h", "24h" },
		{ 273600000, "3d04h", "3d" }, { -5, "0ms", "0s" },
	};
	static const struct {
		int64_t		 bytes;
		const char	*text;
	} sizes[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1536, "1.5 KiB" },
		{ 16 << 20, "16 MiB" }, { INT64_C(1) << 40, "1.0 TiB" }, { INT64_MAX, "7.9 EiB" },
	};
	struct buf	b = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		print_duration(&b, times[i].ms);
		assert_printed(&b, times[i].duration);
		print_age(&b, times[i].ms);
		assert_printed(&b, times[i].age);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		print_bytes(&b, sizes[i].bytes);
		assert_printed(&b, sizes[i].text);
	}
}

static void
test_text_of_others_cannot_command_the_terminal(void **state)
{
	static const char	evil[] = "a\033[31mb\r\n\x7f\xc2\x9b" "c\xffü";
	struct buf		b = { 0 };

	(void)state;
	print_safe(&b, evil, sizeof(evil) - 1);
	assert_printed(&b, "a\\x1b[31mb\\x0d\\x0a\\x7f\\xc2\\x9bc\\xffü");
}

static void
test_tables_are_aligned_and_cut_at_the_terminals_edge(void **state)
{
	struct table	t = { 0 };
	struct buf	b = { 0 };

	(void)state;
	table_add(&t, "ID", true);
	table_add(&t, "NAME", false);
	table_add(&t, "WHY", false);
	table_puts(&t, "7");
	table_puts(&t, "über");
	table_puts(&t, "a long reason");
	table_puts(&t, "1234");
	table_puts(&t, NULL);
	table_puts(&t, "x");
	table_print(&t, &b, 0, 18, false);
	assert_printed(&b,
	    "  ID  NAME  WHY\n"
	    "   7  über  a lon…\n"
	    "1234  -     x\n");
	table_free(&t);
}

/* ---- map: what comes in, what goes out ---- */

static void
test_lines_come_out_whole_whatever_the_reads_were(void **state)
{
	struct items	it = { .end = '\n', .max = 5 };
	static const struct {
		enum item	 kind;
		const char	*line;
	} want[] = {
		{ ITEM_LINE, "one" }, { ITEM_LINE, "" }, { ITEM_TOO_LONG, NULL },
		{ ITEM_LINE, "five5" },
		{ ITEM_TOO_LONG, NULL }, { ITEM_LINE, "end" }, { ITEM_END, NULL },
	};
	const char	*text = "one\n\ntoolong\nfive5\nsix six six\nend";
	size_t		 at = 0, len = strlen(text);
	struct span	 line;
	uint64_t	 index;
	int		 fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	it.fd = fds[0];
	for (size_t i = 0; i < COUNT(want);) {
		enum item	kind = items_next(&it, &line, &index);

		if (kind == ITEM_NONE) {		/* a byte at a time */
			if (at < len)
				assert_int_equal(write(fds[1], text + at++, 1), 1);
			else
				close(fds[1]);
			assert_int_equal(items_fill(&it), 0);
			continue;
		}
		assert_int_equal(kind, want[i].kind);
		if (kind != ITEM_END)
			assert_int_equal(index, i);
		if (kind == ITEM_LINE) {
			assert_int_equal(line.len, strlen(want[i].line));
			assert_memory_equal(line.p, want[i].line, line.len);
		}
		i++;
	}
	close(fds[0]);
	items_fini(&it);
}

static void
test_gathered_lines_come_in_order_and_what_is_held_is_bounded(void **state)
{
	struct map_out	o;
	int		fds[2];
	char		got[64];
	ssize_t		n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	map_out_init(&o, FORMAT_TEXT, true, fds[1]);
	map_out_line(&o, 2, mem_strdup("c"));
	map_out_line(&o, 1, NULL);
	assert_int_equal(buf_len(&o.ready), 0);
	map_out_line(&o, 0, mem_strdup("a"));
	assert_int_equal(map_out_write(&o), 0);
	n = read(fds[0], got, sizeof(got));
	assert_int_equal(n, 4);
	assert_memory_equal(got, "a\nc\n", 4);
	assert_int_equal(o.held_bytes, 0);
	for (uint64_t i = 4; !map_out_full(&o); i++) {
		char	*line = mem_zalloc(1, 1 << 20);

		memset(line, 'x', (1 << 20) - 1);
		map_out_line(&o, i, line);
		assert_true(i < 80);
	}
	map_out_fini(&o);
	close(fds[0]);
	close(fds[1]);
}

static void
test_the_bar_knows_the_whole_from_the_bytes_read_or_at_the_end(void **state)
{
	struct bar	b = { .began_ns = 0, .input_bytes = 1000 };
	struct map	m = { .inflight = 5, .items = { .bytes = 500 },
	    .counts = { .started = 30, .succeeded = 20, .failed = 5 } };
	struct buf	out = { 0 };

	(void)state;
	bar_print(&b, &m, INT64_C(5000000000), &out);
	assert_printed(&out,
	    "[==========              ]  41% 25 done, 5 of them badly, 5 at work, 5/s");
	m.no_more = true;
	bar_print(&b, &m, INT64_C(5000000000), &out);
	assert_printed(&out,
	    "[====================    ]  83% 25 done, 5 of them badly, 5 at work, 5/s");
	m.no_more = false;
	b.input_bytes = 0;
	bar_print(&b, &m, 0, &out);
	assert_printed(&out, "25 done, 5 of them badly, 5 at work");
}

static void
test_map_runs_fewer_at_once_when_results_are_long_or_not_known(void **state)
{
	static const struct {
		struct map	m;
		uint64_t	calls;
	} rows[] = {
		{ { .most = 256 }, 4 },
		{ { .most = 2 }, 2 },
		{ { .most = 256, .waited = true }, 256 },
		{ { .most = 256, .outcomes = 10, .result_bytes = 100 }, 24 },
		{ { .most = 256, .outcomes = 1000, .result_bytes = 100 }, 256 },
		{ { .most = 256, .outcomes = 1000, .result_bytes = 1 << 20 }, 16 },
		{ { .most = 256, .waited = true, .result_bytes = 64 << 20 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(map_calls_at_once(&rows[i].m), rows[i].calls);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_options_become_members_of_a_job),
		cmocka_unit_test(test_what_is_past_is_a_time_or_so_long_ago),
		cmocka_unit_test(test_every_job_field_of_the_protocol_is_an_option),
		cmocka_unit_test(test_wrong_options_are_named_with_what_would_be_right),
		cmocka_unit_test(test_operands_stand_anywhere_and_two_dashes_end_the_options),
		cmocka_unit_test(test_formats_that_a_verb_lacks_are_refused),
		cmocka_unit_test(test_no_verb_has_two_options_of_one_name_or_letter),
		cmocka_unit_test(test_every_verb_tells_what_it_does_with_an_example),
		cmocka_unit_test(test_the_manual_has_every_verb_and_every_option),
		cmocka_unit_test(test_verbs_of_two_words_are_found_and_mistyped_ones_suggested),
		cmocka_unit_test(test_distance_counts_insertions_deletions_changes_and_swaps),
		cmocka_unit_test(test_jobs_are_given_as_ids_ranges_and_last),
		cmocka_unit_test(test_filters_become_the_members_of_job_list),
		cmocka_unit_test(test_errors_give_the_exit_status_of_the_table),
		cmocka_unit_test(test_outcomes_give_the_exit_status_of_the_table),
		cmocka_unit_test(test_the_daemon_is_looked_for_in_the_promised_order),
		cmocka_unit_test(test_a_directory_in_tmp_counts_only_when_it_is_ours_alone),
		cmocka_unit_test(test_addresses_that_are_none_are_explained),
		cmocka_unit_test(test_token_files_are_looked_for_in_the_promised_order),
		cmocka_unit_test(test_a_token_that_others_may_read_is_refused),
		cmocka_unit_test(test_times_are_read_as_people_write_them),
		cmocka_unit_test(test_ages_durations_and_sizes_are_short),
		cmocka_unit_test(test_text_of_others_cannot_command_the_terminal),
		cmocka_unit_test(test_tables_are_aligned_and_cut_at_the_terminals_edge),
		cmocka_unit_test(test_lines_come_out_whole_whatever_the_reads_were),
		cmocka_unit_test(test_gathered_lines_come_in_order_and_what_is_held_is_bounded),
		cmocka_unit_test(test_the_bar_knows_the_whole_from_the_bytes_read_or_at_the_end),
		cmocka_unit_test(test_map_runs_fewer_at_once_when_results_are_long_or_not_known),
	};

	return cmocka_run_group_tests_name("client rules", tests, NULL, NULL);
}
