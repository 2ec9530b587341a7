/* journal.c - log lines as entries of the journal: their facts, their bytes, and a journal that is not there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/journal.h"
#include "lib/log.h"
#include "lib/log_fields.h"
#include "tests/unit/unit.h"

static char	dir[] = "/tmp/jobd-test-XXXXXX", path[64];
static int	journal = -1, kept_stderr, log_pipe[2];

/* ---- a journal ---- */

static void
open_journal(void)
{
	struct sockaddr_un	a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(journal, (const struct sockaddr *)&a, sizeof(a)), 0);
}

static void
close_journal(void)
{
	if (journal >= 0)
		close(journal);
	journal = -1;
	unlink(path);
}

/* JOURNAL_STREAM as systemd sets it, for what is descriptor 2 now. */
static void
stderr_is_journals(void)
{
	struct stat	st;
	char		text[64];

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/jobd-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	open_journal();
	assert_int_equal(pipe2(log_pipe, O_CLOEXEC | O_NONBLOCK), 0);
	kept_stderr = dup(STDERR_FILENO);
	dup2(log_pipe[1], STDERR_FILENO);
	stderr_is_journals();
	log_init("jobd-test", LOG_LEVEL_INFO);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	journal_use(NULL);
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(log_pipe[0]);
	close(log_pipe[1]);
	close_journal();
	return rmdir(dir);
}

static const char *
heard(int fd)
{
	static char	text[16384];
	ssize_t		n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
assert_has(const char *entry, const char *line)
{
	const char	*at = strstr(entry, line);

	if (at == NULL || (at != entry && at[-1] != '\n') || at[strlen(line)] != '\n')
		fail_msg("no line `%s` in\n%s", line, entry);
}

/* ---- facts ---- */

static void __attribute__((format(printf, 2, 3)))
check_fields(const char *expected, const char *fmt, ...)
{
	struct log_field	f[LOG_FIELDS_MAX];
	char			text[1024], out[1024] = "";
	va_list			ap, again;
	size_t			n;

	va_start(ap, fmt);
	va_copy(again, ap);
	vsnprintf(text, sizeof(text), fmt, again);
	va_end(again);
	n = log_fields(fmt, ap, f);
	va_end(ap);
	for (size_t i = 0; i < n; i++)
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "%.*s<%.*s>", (int)f[i].key_len,
		    f[i].key, (int)f[i].len, text + f[i].at);
	assert_string_equal(out, expected);
}

static void
test_facts_are_what_the_format_says(void **state)
{
	(void)state;
	check_fields("", "drains");
	check_fields("pid<7>", "broker started pid=%d", 7);
	check_fields("job<42>attempt<3>reason<timeout>", "failed job=%llu attempt=%u reason=%s", 42ULL,
	    3U, "timeout");
	check_fields("ms<00012>", "ms=%0*d", 5, 12);
	check_fields("name<abc>bytes<9>", "name=%.*s bytes=%zu", 3, "abcdef", (size_t)9);
	check_fields("why<the disk>file<x>", "a why=\"%s\" file=%s b", "the disk", "x");
	check_fields("at<1:2>", "at=%d:%d", 1, 2);
	check_fields("how<cut>", "how=cut");
	check_fields("", "100%% = %d", 1);
	check_fields("empty<>next<1>", "empty=%s next=%d", "", 1);
}

static void
test_a_client_s_text_makes_no_facts(void **state)
{
	(void)state;
	check_fields("name<x job=1 user=root>job<2>", "refused name=%s job=%d", "x job=1 user=root", 2);
	check_fields("name<a\" job=\"1>job<2>", "refused name=\"%s\" job=%d", "a\" job=\"1", 2);
	check_fields("job<2>", "%s job=%d", "type=x", 2);
}

static void
test_more_facts_than_there_is_room_for_are_left_out(void **state)
{
	struct log_field	f[LOG_FIELDS_MAX];
	char			fmt[4 * (LOG_FIELDS_MAX + 4) + 1] = "";
	va_list			none;

	(void)state;
	memset(&none, 0, sizeof(none));
	for (int i = 0; i < LOG_FIELDS_MAX + 4; i++)
		strcat(fmt, "a=1 ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	assert_int_equal(log_fields(fmt, none, f), LOG_FIELDS_MAX);
#pragma GCC diagnostic pop
}

/* ---- entries ---- */

static void
test_a_line_is_an_entry_with_its_facts(void **state)
{
	const char	*entry;

	(void)state;
	assert_true(journal_use(path));
	log_warn("attempt is lost job=%llu type=%s worker=%s", 42ULL, "thumbnail", "cpu-1");
	entry = heard(journal);
	assert_has(entry, "PRIORITY=4");
	assert_has(entry, "SYSLOG_IDENTIFIER=jobd-test");
	assert_has(entry, "MESSAGE=attempt is lost job=42 type=thumbnail worker=cpu-1");
	assert_has(entry, "JOBD_JOB_ID=42");
	assert_has(entry, "JOBD_TYPE=thumbnail");
	assert_has(entry, "JOBD_WORKER=cpu-1");
	assert_string_equal(heard(log_pipe[0]), "");	/* and not twice */
}

static void
test_levels_are_the_journal_s_priorities(void **state)
{
	(void)state;
	log_init("jobd-test", LOG_LEVEL_DEBUG);
	assert_true(journal_use(path));
	log_error("x");
	assert_has(heard(journal), "PRIORITY=3");
	log_info("x");
	assert_has(heard(journal), "PRIORITY=6");
	log_debug("x");
	assert_has(heard(journal), "PRIORITY=7");
}

static void
test_no_text_forges_a_field(void **state)
{
	const char	*entry;

	(void)state;
	assert_true(journal_use(path));
	log_info("hello name=%s", "x\nPRIORITY=0\n_UID=0");
	entry = heard(journal);
	assert_null(strstr(entry, "\nPRIORITY=0"));
	assert_null(strstr(entry, "\n_UID"));
	assert_has(entry, "JOBD_NAME=x\\x0aPRIORITY=0\\x0a_UID=0");
}

static void
test_an_entry_has_a_bound(void **state)
{
	char		*long_text = malloc(100001);
	const char	*entry;

	(void)state;
	memset(long_text, '\1', 100000);
	long_text[100000] = '\0';
	assert_true(journal_use(path));
	log_info("job=%d text=%s more=%s", 1, long_text, long_text);
	entry = heard(journal);
	assert_has(entry, "JOBD_JOB_ID=1");
	assert_non_null(strstr(entry, "\nMESSAGE=job=1 text=\\x01\\x01"));
	assert_int_equal(entry[strlen(entry) - 1], '\n');
	free(long_text);
}

/* ---- no journal ---- */

static void
test_a_stderr_that_is_somebody_else_s_gets_lines(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	assert_false(journal_use(path));
	log_info("drains job=%d", 1);
	assert_non_null(strstr(heard(log_pipe[0]), "info: drains job=1\n"));
	setenv("JOURNAL_STREAM", "nonsense", 1);
	assert_false(journal_use(path));
	stderr_is_journals();
	assert_false(journal_use("/nonexistent/socket"));
	assert_true(journal_use(path));
}

static void
test_a_journal_that_went_away_gets_lines_on_stderr(void **state)
{
	(void)state;
	assert_true(journal_use(path));
	close_journal();
	log_info("drains");
	assert_non_null(strstr(heard(log_pipe[0]), "info: drains\n"));
}

static void
test_a_journal_that_does_not_read_costs_lines_and_not_time(void **state)
{
	const char	*entry;
	char		 note[100];
	unsigned	 said = 0, read_ones = 0;

	(void)state;
	assert_true(journal_use(path));
	for (; said < 20000; said++)
		log_info("again n=%u", said);
	while (*(entry = heard(journal)) != '\0')
		read_ones++;
	assert_true(read_ones > 0 && read_ones < said);
	log_info("and then");
	snprintf(note, sizeof(note), "MESSAGE=log lines lost count=%u", said - read_ones);
	assert_has(heard(journal), note);
	assert_has(heard(journal), "MESSAGE=and then");
	assert_string_equal(heard(log_pipe[0]), "");
}

int
main(void)
{
#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest	tests[] = {
		TEST(test_facts_are_what_the_format_says),
		TEST(test_a_client_s_text_makes_no_facts),
		TEST(test_more_facts_than_there_is_room_for_are_left_out),
		TEST(test_a_line_is_an_entry_with_its_facts),
		TEST(test_levels_are_the_journal_s_priorities),
		TEST(test_no_text_forges_a_field),
		TEST(test_an_entry_has_a_bound),
		TEST(test_a_stderr_that_is_somebody_else_s_gets_lines),
		TEST(test_a_journal_that_went_away_gets_lines_on_stderr),
		TEST(test_a_journal_that_does_not_read_costs_lines_and_not_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
