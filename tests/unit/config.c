/* config.c - settings are taken whole, or refused with a sentence that says what is allowed. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "proto/bounds.h"
#include "lib/fd.h"
#include "proto/config.h"
#include "proto/config_file.h"
#include "proto/config_page.h"
#include "proto/settings.h"

static struct config	config;
static char		why[512];

static int
init(void **state)
{
	(void)state;
	config_init(&config);
	why[0] = '\0';
	return 0;
}

static int
fini(void **state)
{
	(void)state;
	config_fini(&config);
	return 0;
}

static void
test_defaults_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(config.grace_ms, 10000);
	assert_int_equal(config.cpu_workers, 0);
	assert_int_equal(config.max_line_bytes, BOUND_LINE_BYTES);
	assert_int_equal(config.keep_failed_ms, INT64_C(30) * 86400 * 1000);
	assert_string_equal(config.log_level, "info");
	assert_null(config.files_roots);
	assert_true(list_empty(&config.queues));
	assert_true(list_empty(&config.types));
}

static void
test_values_take_the_units_of_their_key(void **state)
{
	static const struct {
		const char	*text;
		int64_t		*field;
		int64_t		 value;
	} rows[] = {
		{ "jobs.grace_ms=250ms", &config.grace_ms, 250 },
		{ "jobs.grace_ms=5m", &config.grace_ms, 300000 },
		{ "jobs.grace_ms=1500", &config.grace_ms, 1500 },
		{ "jobs.grace_ms=0", &config.grace_ms, 0 },
		{ "net.max_line_bytes=64K", &config.max_line_bytes, 65536 },
		{ "net.max_line_bytes=4096", &config.max_line_bytes, 4096 },
		{ "workers.cpu=1024", &config.cpu_workers, 1024 },
		{ "workers.cpu_nice=0", &config.cpu_nice, 0 },
		{ "core.sequential=true", &config.sequential, 1 },
		{ "core.sequential=false", &config.sequential, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(config_set(&config, rows[i].text, why, sizeof(why)), 0);
		assert_int_equal(*rows[i].field, rows[i].value);
	}
}

static void
test_text_is_checked_and_copied(void **state)
{
	(void)state;
	assert_int_equal(config_set(&config, "files.roots=/srv:/tmp/a=b.c", why, sizeof(why)), 0);
	assert_string_equal(config.files_roots, "/srv:/tmp/a=b.c");
	assert_int_equal(config_set(&config, "files.roots=", why, sizeof(why)), 0);
	assert_null(config.files_roots);
	assert_int_equal(config_set(&config, "log.level=debug", why, sizeof(why)), 0);
	assert_string_equal(config.log_level, "debug");
}

static int64_t
limit_of(const struct list *head, const char *name)
{
	list_for (node, head) {
		const struct config_limit	*limit = list_entry(node, struct config_limit, link);

		if (strcmp(limit->name, name) == 0)
			return limit->max_running;
	}
	return -1;
}

static void
test_queues_and_types_have_limits_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(config_set(&config, "queue mail.max_running=4", why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, "queue a.b.max_running=5", why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, "queue mail.max_running=6", why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, "type file.copy.max_running=7", why, sizeof(why)), 0);
	assert_int_equal(limit_of(&config.queues, "mail"), 6);
	assert_int_equal(limit_of(&config.queues, "a.b"), 5);
	assert_int_equal(limit_of(&config.types, "file.copy"), 7);
	assert_int_equal(limit_of(&config.types, "mail"), -1);
}

static void
test_schedules_are_texts_under_a_name(void **state)
{
	static const char *const	settings[] = {
		"cron a.b.when=30 2 * * MON-FRI", "cron a.b.time_zone=Europe/Berlin",
		"cron a.b.overlap=queue", "cron a.b.job={\"type\":\"echo\",\"args\":\"x=1.5\"}",
	};
	const struct config_limit	*c;

	(void)state;
	for (size_t i = 0; i < COUNT(settings); i++)
		assert_int_equal(config_set(&config, settings[i], why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, "cron other.when=@daily", why, sizeof(why)), 0);
	c = list_entry(config.crons.next, struct config_limit, link);
	assert_string_equal(c->name, "a.b");
	assert_string_equal(c->when, "30 2 * * MON-FRI");
	assert_string_equal(c->time_zone, "Europe/Berlin");
	assert_string_equal(c->overlap, "queue");
	assert_string_equal(c->job, "{\"type\":\"echo\",\"args\":\"x=1.5\"}");
	c = list_entry(c->link.next, struct config_limit, link);
	assert_string_equal(c->time_zone, "UTC");
	assert_null(c->job);
}

/* Each names the setting, repeats the value, and says what would do. */
static void
test_refusals_say_what_is_wrong_and_what_is_allowed(void **state)
{
	static const struct {
		const char	*text, *names, *allows;
	} rows[] = {
		{ "jobs.grace_ms=soon", "jobs.grace_ms: `soon`", "a duration" },
		{ "jobs.grace_ms=-1", "jobs.grace_ms: `-1`", "a duration" },
		{ "jobs.grace_ms=", "jobs.grace_ms: ``", "a duration" },
		{ "workers.cpu=1025", "workers.cpu: `1025`", "from 0 to 1024" },
		{ "workers.cpu=4 ", "workers.cpu: `4 `", "a whole number" },
		{ "workers.cpu=99999999999999999999", "workers.cpu", "from 0 to 1024" },
		{ "net.max_line_bytes=1K", "net.max_line_bytes: `1K`", "from 4K to 64M" },
		{ "net.max_line_bytes=1T", "net.max_line_bytes: `1T`", "a size" },
		{ "files.roots=srv", "files.roots: `srv`", "absolute paths" },
		{ "files.roots=/srv:", "files.roots: `/srv:`", "absolute paths" },
		{ "cron a.when=0 25 * * *", "cron a.when", "field 2 (hour): 25 is above 23" },
		{ "cron a.overlap=never", "cron a.overlap: `never`", "skip or queue" },
		{ "cron a.job=echo", "cron a.job: `echo`", "a JSON object" },
		{ "cron a.time_zone=", "cron a.time_zone: ``", "the name of a time zone" },
		{ "log.level=loud", "log.level: `loud`", "error, warn, info or debug" },
		{ "log.level=", "log.level: ``", "error, warn, info or debug" },
		{ "jobs.nosuch=1", "jobs.nosuch: no such key", "grace_ms" },
		{ "nosuch.key=1", "nosuch.key: no such section", "[workers]" },
		{ "jobs x.grace_ms=1", "jobs.grace_ms", "[jobs] has" },
		{ "queue mail.nosuch=1", "queue.nosuch: no such key", "[queue] has max_running" },
		{ "queue mail.max_running=x", "queue mail.max_running: `x`", "a whole number" },
		{ "queue mail.rate=fast", "queue mail.rate: `fast`", "a number a second" },
		{ "queue mail.rate=0.0001", "queue mail.rate: `0.0001`", "from 0 to 1000000" },
		{ "type a.burst=0", "type a.burst: `0`", "from 1 to" },
		{ "core.sequential=yes", "core.sequential: `yes`", "true or false" },
		{ "queue.max_running=1", "queue", "is not the name of a queue" },
		{ "queue a b.max_running=1", "queue a b.max_running", "1 to 64 of" },
		{ "type .max_running=1", "type", "is not the name of a type" },
		{ "jobs.grace_ms", "`jobs.grace_ms` is not a setting", "section.key=value" },
		{ "=1", "`=1`", "section.key=value" },
		{ ".x=1", "`.x=1`", "section.key=value" },
		{ "jobs.=1", "`jobs.=1`", "section.key=value" },
		{ "jobs=1.x", "`jobs=1.x`", "section.key=value" },
		{ "", "``", "section.key=value" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(config_set(&config, rows[i].text, why, sizeof(why)), -EINVAL);
		if (strstr(why, rows[i].names) == NULL || strstr(why, rows[i].allows) == NULL)
			fail_msg("%s: %s", rows[i].text, why);
	}
}

static void
test_an_unknown_section_is_told_each_that_there_is_once(void **state)
{
	static const char *const	sections[] = { "[jobs]", "[workers]", "[commands]", "[queue NAME]" };

	(void)state;
	assert_int_equal(config_set(&config, "nosuch.key=1", why, sizeof(why)), -EINVAL);
	for (size_t i = 0; i < COUNT(sections); i++) {
		const char	*first = strstr(why, sections[i]);

		assert_non_null(first);
		assert_null(strstr(first + 1, sections[i]));
	}
}

static void
test_a_refused_setting_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(config_set(&config, "queue mail.max_running=x", why, sizeof(why)), -EINVAL);
	assert_true(list_empty(&config.queues));
	assert_int_equal(config_set(&config, "jobs.grace_ms=1s", why, sizeof(why)), 0);
	assert_int_equal(config_set(&config, "jobs.grace_ms=x", why, sizeof(why)), -EINVAL);
	assert_int_equal(config.grace_ms, 1000);
	assert_int_equal(config_set(&config, "log.level=loud", why, sizeof(why)), -EINVAL);
	assert_string_equal(config.log_level, "info");
}

static void
test_reasons_stay_within_their_room(void **state)
{
	char	*text = mem_alloc(5000), small[16];

	(void)state;
	memset(text, 'x', 4999);
	text[4999] = '\0';
	memcpy(text, "queue ", 6);
	memcpy(text + 4980, ".max_running=1", 15);
	assert_int_equal(config_set(&config, text, small, sizeof(small)), -EINVAL);
	assert_true(strlen(small) < sizeof(small));
	free(text);
}

static void
test_help_has_every_key(void **state)
{
	static const char *const	keys[] = { "jobs.grace_ms=10s", "net.max_line_bytes=1M",
	    "files.roots=\n", "log.level=info", "queue NAME.max_running=0", "type NAME.max_running=0" };
	struct buf	 out = { 0 };
	char		*text;

	(void)state;
	config_help(&out);
	text = buf_take_string(&out);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_non_null(strstr(text, keys[i]));
	free(text);
}

/* ---- files ---- */

static struct settings		settings;
static struct config_fault	fault;

static char *
write_text(const char *text)
{
	char	path[] = "/tmp/jobd-unit-config-XXXXXX";
	int	fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return mem_strdup(path);
}

/* Reads text as a file; what was set, one a line with its origin's line, for the caller to free. */
static int
read_text(const char *text, char **set)
{
	char		*path = write_text(text);
	struct buf	 out = { 0 };
	int		 rc;

	settings_init(&settings);
	rc = config_file_read(path, &config, &settings, &fault);
	config_fault_print(&fault, why, sizeof(why));
	list_for(node, &settings.all) {
		const struct setting	*s = list_entry(node, struct setting, link);

		assert_memory_equal(s->origin, path, strlen(path));
		buf_printf(&out, "%s%s\n", s->text, s->origin + strlen(path));
	}
	*set = buf_take_string(&out);
	settings_fini(&settings);
	unlink(path);
	free(path);
	return rc;
}

static void
test_a_file_gives_its_settings_in_order(void **state)
{
	char	*set;

	(void)state;
	assert_int_equal(read_text("# about\n[jobs]\n  grace_ms = 5s ; soon\n\tkeep_finished=1\n\n"
	    "[queue a.queue.with.a.name.of.more.than.fifty.bytes.as.is.allowed]\r\nmax_running = 3\r\n"
	    "[jobs]\nmax_waiting: 9", &set), 0);
	assert_string_equal(set, "jobs.grace_ms=5s:3\njobs.keep_finished=1:4\n"
	    "queue a.queue.with.a.name.of.more.than.fifty.bytes.as.is.allowed.max_running=3:7\n"
	    "jobs.max_waiting=9:9\n");
	free(set);
	assert_int_equal(config.max_waiting, 9);
}

static void
test_errors_of_a_file_name_line_and_key(void **state)
{
	static const struct {
		const char	*text, *line, *reason, *key;
	} rows[] = {
		{ "[jobs]\n\ngrace_ms = soon\n", ":3: ", "jobs.grace_ms: `soon` is not",
		    "jobs.grace_ms" },
		{ "[jobs]\nkeep = 1\n", ":2: ", "jobs.keep: no such key", "jobs.keep" },
		{ "[nosuch]\nx = 1\n", ":2: ", "nosuch.x: no such section", "nosuch.x" },
		{ "grace_ms = 1s\n", ":1: ", "before the first [section]", "grace_ms" },
		{ "[jobs]\ngrace_ms\n", ":2: ", "neither [section] nor key = value", "" },
		{ "[jobs\ngrace_ms=1s\n", ":1: ", "lacks its `]`", "" },
		{ "[jobs]\ngrace_ms=1s\n[net]\n[jobs]\ngrace_ms=2s\n", ":5: ",
		    "jobs.grace_ms is set twice; the first is in line 2", "jobs.grace_ms" },
	};
	char	*set;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_text(rows[i].text, &set), -EINVAL);
		free(set);
		if (strstr(why, rows[i].line) == NULL || strstr(why, rows[i].reason) == NULL)
			fail_msg("row %zu: %s", i, why);
		assert_string_equal(fault.key, rows[i].key);
	}
}

static void
test_a_line_too_long_is_refused_not_cut(void **state)
{
	struct buf	 text = { 0 };
	char		*all, *set;

	(void)state;
	buf_puts(&text, "[files]\nroots=/");
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "dir/");
	all = buf_take_string(&text);
	assert_int_equal(read_text(all, &set), -EINVAL);
	assert_string_equal(set, "");
	assert_non_null(strstr(why, ":2: a line of a file has at most"));
	free(set);
	free(all);
}

static void
test_a_missing_file_and_a_directory_are_named(void **state)
{
	(void)state;
	settings_init(&settings);
	assert_int_equal(config_file_read("/nosuch/file", &config, &settings, &fault), -ENOENT);
	assert_string_equal(fault.file, "/nosuch/file");
	assert_int_equal(config_file_read("/", &config, &settings, &fault), -EISDIR);
	assert_true(list_empty(&settings.all));
}

/* ---- files that others may have written ---- */

struct place {
	char	*dir, *file, *drop_ins, *drop_in;
};

static void
write_at(const char *path)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void
place_make(struct place *p)
{
	char	dir[] = "/tmp/jobd-unit-config-XXXXXX";

	assert_non_null(mkdtemp(dir));
	p->dir = mem_strdup(dir);
	p->file = mem_printf("%s/jobd.conf", dir);
	p->drop_ins = mem_printf("%s.d", p->file);
	p->drop_in = mem_printf("%s/a.conf", p->drop_ins);
	assert_int_equal(mkdir(p->drop_ins, 0700), 0);
	write_at(p->file);
	write_at(p->drop_in);
}

static void
place_remove(struct place *p)
{
	assert_int_equal(unlink(p->drop_in), 0);
	assert_int_equal(rmdir(p->drop_ins), 0);
	assert_int_equal(unlink(p->file), 0);
	assert_int_equal(rmdir(p->dir), 0);
	free(p->dir);
	free(p->file);
	free(p->drop_ins);
	free(p->drop_in);
}

/* The files as the daemon reads them; its complaint, "": none. */
static const char *
read_trusted(const struct place *p)
{
	int	rc;

	settings_init(&settings);
	rc = config_files_read(p->file, CONFIG_FILE_NEEDED | CONFIG_FILE_TRUSTED, &config, &settings,
	    &fault);
	settings_fini(&settings);
	config_fault_print(&fault, why, sizeof(why));
	assert_int_equal(rc, why[0] == '\0' ? 0 : -EPERM);
	return why;
}

/* It begins with the file and goes on with what is wrong. */
static void
expect_distrust(const struct place *p, const char *file, const char *how)
{
	char	*wanted = mem_printf("%s: %s", file, how);

	if (strncmp(read_trusted(p), wanted, strlen(wanted)) != 0)
		fail_msg("`%s` instead of `%s`", why, wanted);
	free(wanted);
}

static void
test_files_and_directories_that_others_may_write_are_refused(void **state)
{
	static const mode_t	modes[] = { 0620, 0602, 0666 };
	struct place		p;
	char			how[64];

	(void)state;
	place_make(&p);
	assert_string_equal(read_trusted(&p), "");
	for (size_t i = 0; i < COUNT(modes); i++) {
		const char	*const paths[] = { p.file, p.drop_in, p.drop_ins, p.dir };

		snprintf(how, sizeof(how), "can be written by others (mode %04o)", modes[i] | 0100);
		for (size_t k = 0; k < COUNT(paths); k++) {
			assert_int_equal(chmod(paths[k], modes[i] | 0100), 0);
			expect_distrust(&p, paths[k], how);
			assert_int_equal(chmod(paths[k], 0700), 0);
		}
	}
	assert_int_equal(chmod(p.dir, 01777), 0);	/* as /tmp: only owners rename there */
	assert_string_equal(read_trusted(&p), "");
	place_remove(&p);
}

static void
test_a_device_is_a_file_of_roots_whoever_may_write_to_it(void **state)
{
	(void)state;
	settings_init(&settings);
	assert_int_equal(config_files_read("/dev/null", CONFIG_FILE_NEEDED | CONFIG_FILE_TRUSTED,
	    &config, &settings, &fault), 0);
	assert_true(list_empty(&settings.all));
}

/* Root's are everybody's; those of another user nobody's but his. */
static void
test_files_of_another_user_are_refused(void **state)
{
	struct place	p;

	(void)state;
	if (geteuid() != 0)
		return;			/* nobody else can give files away */
	place_make(&p);
	assert_int_equal(chown(p.drop_in, 12345, 0), 0);
	expect_distrust(&p, p.drop_in, "belongs to uid 12345 (mode 0600); it must be root's");
	assert_null(strstr(why, "own"));
	assert_int_equal(chown(p.file, 12345, 0), 0);
	expect_distrust(&p, p.file, "belongs to uid 12345");
	assert_int_equal(chown(p.dir, 12345, 0), 0);
	expect_distrust(&p, p.dir, "belongs to uid 12345 (mode 0700)");
	assert_int_equal(chmod(p.dir, 0755), 0);
	assert_int_equal(chmod(p.drop_ins, 0755), 0);
	assert_int_equal(seteuid(12345), 0);
	assert_string_equal(read_trusted(&p), "");	/* his own, the drop-ins in a directory of root's */
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(p.file, 0644), 0);
	assert_int_equal(seteuid(12346), 0);
	expect_distrust(&p, p.dir, "belongs to uid 12345 (mode 0755); it must be root's, or jobd's own "
	    "(uid 12346)");
	assert_int_equal(seteuid(0), 0);
	place_remove(&p);
}

/* ---- settings, and two configurations ---- */

static void
test_settings_are_handed_over_whole(void **state)
{
	struct settings	given;
	int		fd;

	(void)state;
	settings_init(&settings);
	settings_init(&given);
	settings_add(&settings, "jobs.grace_ms=1s", "/etc/jobd.conf:3");
	settings_add(&settings, "cron a.job={\"type\":\n\"echo\"}", "command line");
	settings_add(&settings, "jobs.grace_ms=2s", "command line");
	assert_true((fd = settings_share(&settings)) >= 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(settings_receive(fd, &given, &config, why, sizeof(why)), 0);
	close(fd);
	assert_int_equal(config.grace_ms, 2000);
	assert_string_equal(settings_find(&given, "jobs.grace_ms")->origin, "command line");
	assert_string_equal(settings_find(&given, "cron a.job")->text, "cron a.job={\"type\":\n\"echo\"}");
	assert_null(settings_find(&given, "jobs.grace"));
	settings_fini(&settings);
	settings_fini(&given);
}

static void
test_settings_that_are_cut_or_wrong_are_refused(void **state)
{
	static const struct {
		const char	*text;
		size_t		 len;
	} rows[] = { { "a\0jobs.grace_ms=1s", 18 }, { "a", 1 }, { "a\0", 2 }, { "a\0jobs.x=1\0", 11 } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int	fd = fd_share("test", &(struct iovec){ (void *)(size_t)rows[i].text, rows[i].len }, 1);

		settings_init(&settings);
		assert_int_equal(settings_receive(fd, &settings, &config, why, sizeof(why)), -EINVAL);
		settings_fini(&settings);
		close(fd);
	}
	assert_int_equal(settings_receive(-1, &settings, &config, why, sizeof(why)), -EINVAL);
}

static void
note_difference(void *arg, const struct config_option *o)
{
	if (strcmp(o->value, o->other) != 0)
		buf_printf(arg, "%s: %s -> %s (%s, %s)\n", o->name, o->value, o->other, o->usual,
		    o->live ? "live" : "start");
}

static void
set_all(struct config *c, const char *const *settings_of)
{
	for (; *settings_of != NULL; settings_of++)
		assert_int_equal(config_set(c, *settings_of, why, sizeof(why)), 0);
}

static void
test_what_differs_between_two_is_walked_with_its_names(void **state)
{
	static const char *const	before[] = { "jobs.grace_ms=1s", "queue a.max_running=1",
	    "queue gone.rate=2.5", "log.level=warn", NULL };
	static const char *const	after[] = { "jobs.grace_ms=90s", "queue a.max_running=2",
	    "type echo.lane=thread", "core.sequential=true", "log.level=warn", NULL };
	struct config			next;
	struct buf			out = { 0 };
	char				*text;

	(void)state;
	config_init(&next);
	set_all(&config, before);
	set_all(&next, after);
	config_walk(&config, &next, note_difference, &out);
	text = buf_take_string(&out);
	assert_string_equal(text, "jobs.grace_ms: 1s -> 90s (10s, live)\n"
	    "core.sequential: false -> true (false, start)\n"
	    "queue a.max_running: 1 -> 2 (0, live)\n"
	    "queue gone.rate: 2.500 -> 0 (0, live)\n"
	    "type echo.lane:  -> thread (, live)\n");
	free(text);
	config_keep_start(&next, &config);
	assert_int_equal(next.sequential, 0);
	assert_int_equal(next.grace_ms, 90000);
	config_move(&config, &next);
	assert_int_equal(config.grace_ms, 90000);
	assert_non_null(config_limit_find(&config.types, "echo"));
	config_fini(&next);
}

/* What is printed of a value is taken back as the same value. */
static void
set_again(void *arg, const struct config_option *o)
{
	char	*setting = mem_printf("%s=%s", o->name, o->value);

	if (o->value[0] != '\0' && config_set(arg, setting, why, sizeof(why)) != 0)
		fail_msg("%s: %s", setting, why);
	free(setting);
}

static void
test_every_printed_value_can_be_set(void **state)
{
	static const char *const	some[] = { "jobs.grace_ms=1501", "net.max_line_bytes=4097",
	    "queue a.rate=0.125", "queue a.max_bytes=3M", "cron c.when=@daily",
	    "net.listen=unix:/a b/c tcp:[::1]:80", NULL };
	struct config			again;
	struct buf			out = { 0 };

	(void)state;
	config_init(&again);
	set_all(&config, some);
	config_walk(&config, &config, set_again, &again);
	config_walk(&config, &again, note_difference, &out);
	assert_int_equal(buf_len(&out), 0);
	config_fini(&again);
}

static void
test_addresses_stand_with_blanks_between(void **state)
{
	const char	*at = " unix:/a b/c  tcp:127.0.0.1:0 tls:[::1]:7434 ";
	char		 one[64];

	(void)state;
	assert_true(config_next_addr(&at, one, sizeof(one)));
	assert_string_equal(one, "unix:/a b/c");
	assert_true(config_next_addr(&at, one, sizeof(one)));
	assert_string_equal(one, "tcp:127.0.0.1:0");
	assert_true(config_next_addr(&at, one, sizeof(one)));
	assert_string_equal(one, "tls:[::1]:7434");
	assert_false(config_next_addr(&at, one, sizeof(one)));
}

/* ---- pages ---- */

static void
assert_page(const char *name, void (*print)(struct buf *out))
{
	const char	*srcdir = getenv("srcdir");
	char		*path = mem_printf("%s/%s", srcdir != NULL ? srcdir : ".", name);
	char		*is = fd_read_file(path, 1 << 20, NULL), *wanted;
	struct buf	 out = { 0 };

	if (is == NULL)
		fail_msg("%s: set srcdir to the source directory", path);
	print(&out);
	wanted = buf_take_string(&out);
	if (strcmp(is, wanted) != 0)
		fail_msg("%s is not what config.def says: `make config-pages` makes it anew", name);
	free(wanted);
	free(is);
	free(path);
}

static void
test_pages_are_those_of_the_table(void **state)
{
	(void)state;
	assert_page("docs/jobd.conf.5", config_page_manual);
	assert_page("etc/jobd.conf", config_page_file);
}

/* As an administrator may: each default of the file set as it stands there. */
static void
test_the_file_with_all_defaults_said_changes_nothing(void **state)
{
	struct buf	 page = { 0 }, said = { 0 };
	struct config	 usual;
	char		*text, *set, *line, *at;

	(void)state;
	config_page_file(&page);
	text = buf_take_string(&page);
	for (line = strtok_r(text, "\n", &at); line != NULL; line = strtok_r(NULL, "\n", &at)) {
		bool	option = line[0] == '#' && line[1] != ' ' && line[1] != '[' &&
			    line[strlen(line) - 1] != '=' && strstr(line, "directory") == NULL;

		if (strcmp(line, "#[queue NAME]") == 0)
			break;
		if (line[0] == '[' || option)
			buf_printf(&said, "%s\n", option ? line + 1 : line);
	}
	free(text);
	text = buf_take_string(&said);
	if (read_text(text, &set) != 0)
		fail_msg("%s", why);
	assert_non_null(strstr(set, "jobs.grace_ms=10s:"));
	config_init(&usual);
	config_walk(&usual, &config, note_difference, &said);
	assert_int_equal(buf_len(&said), 0);
	config_fini(&usual);
	free(set);
	free(text);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, init, fini)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		ROW(test_defaults_are_those_of_the_table),
		ROW(test_values_take_the_units_of_their_key),
		ROW(test_text_is_checked_and_copied),
		ROW(test_queues_and_types_have_limits_of_their_own),
		ROW(test_schedules_are_texts_under_a_name),
		ROW(test_refusals_say_what_is_wrong_and_what_is_allowed),
		ROW(test_an_unknown_section_is_told_each_that_there_is_once),
		ROW(test_a_refused_setting_changes_nothing),
		ROW(test_reasons_stay_within_their_room),
		ROW(test_help_has_every_key),
		ROW(test_a_file_gives_its_settings_in_order),
		ROW(test_errors_of_a_file_name_line_and_key),
		ROW(test_a_line_too_long_is_refused_not_cut),
		ROW(test_a_missing_file_and_a_directory_are_named),
		ROW(test_files_and_directories_that_others_may_write_are_refused),
		ROW(test_a_device_is_a_file_of_roots_whoever_may_write_to_it),
		ROW(test_files_of_another_user_are_refused),
		ROW(test_settings_are_handed_over_whole),
		ROW(test_settings_that_are_cut_or_wrong_are_refused),
		ROW(test_what_differs_between_two_is_walked_with_its_names),
		ROW(test_every_printed_value_can_be_set),
		ROW(test_addresses_stand_with_blanks_between),
		ROW(test_pages_are_those_of_the_table),
		ROW(test_the_file_with_all_defaults_said_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
