/* handlers.c - what the built-in types do, and what they refuse. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "tests/unit/attempts.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

static char	dir[64];		/* of this run; dir/in is the root */
static char	args[8192];

static const char *
in(const char *name)
{
	static char	path[4][256];
	static int	i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/in/%s", dir, name);
	return path[i];
}

static void
put_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, len), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
put_link(const char *target, const char *path)
{
	assert_int_equal(symlink(target, path), 0);
}

/* Bytes that no algorithm can take for a pattern, the same in each run. */
static char *
noise(size_t len)
{
	char		*bytes = mem_alloc(len);
	uint64_t	 x = 88172645463325252;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (char)x;
	}
	return bytes;
}

static void
assert_failure(const char *part)
{
	if (strstr(try_text, part) == NULL)
		fail_msg("expected a failure about \"%s\", got %s", part, try_text);
}

static int	leftovers;

static int
count_leftover(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	leftovers += strstr(path, "/.jobd-") != NULL;
	return 0;
}

static void
assert_no_leftovers(void)
{
	leftovers = 0;
	assert_int_equal(nftw(dir, count_leftover, 8, FTW_PHYS), 0);
	assert_int_equal(leftovers, 0);
}

static enum channel_status
digest(const char *path, const char *algorithm)
{
	snprintf(args, sizeof(args), "{\"path\":\"%s\",\"algorithm\":\"%s\"}", path, algorithm);
	return try_run(&handler_file_digest, args);
}

static enum channel_status
copy(const char *from, const char *to)
{
	snprintf(args, sizeof(args), "{\"from\":\"%s\",\"to\":\"%s\"}", from, to);
	return try_run(&handler_file_copy, args);
}

static void
test_handlers_are_found_by_their_whole_name(void **state)
{
	const struct handler_entry	*entry;
	size_t				 at = 0, n = 0;
	char				 why[256];

	(void)state;
	assert_int_equal(handlers_init(why, sizeof(why)), 0);
	while ((entry = handler_next(&at)) != NULL) {
		const struct jobd_handler	*h = entry->handler;

		assert_ptr_equal(handler_find(h->name, strlen(h->name)), entry);
		assert_true((h->args_schema == NULL) == (entry->schema == NULL));
		assert_int_equal(h->abi, JOBD_HANDLER_ABI);
		assert_int_equal(h->size, sizeof(*h));
		assert_true((h->lanes & JOBD_LANE_ASYNC) == 0 || h->start != NULL);
		assert_true((h->lanes & (JOBD_LANE_THREAD | JOBD_LANE_PROCESS)) == 0 ||
		    h->run != NULL);
		n++;
	}
	assert_true(n >= 13);
	assert_null(handler_find("ech", 3));
	assert_null(handler_find("echo ", 5));
	assert_null(handler_find("echo\0x", 6));
	assert_null(handler_find("", 0));
	handlers_fini();
	assert_null(handler_find("echo", 4));
}

static void
test_a_type_with_a_bad_schema_or_a_taken_name_is_refused(void **state)
{
	static const struct jobd_handler	bad = {
		.name = "bad", .args_schema = "{\"type\":\"float\"}"
	};
	static const struct jobd_handler	taken = { .name = "echo" };
	char					why[256];

	(void)state;
	assert_int_equal(handlers_init(why, sizeof(why)), 0);
	assert_int_equal(handlers_add(&bad, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "type bad: args_schema: type must be null, boolean"));
	assert_int_equal(handlers_add(&taken, why, sizeof(why)), -EEXIST);
	assert_string_equal(why, "type echo: there is one of this name already");
	handlers_fini();
}

static void
test_echo_gives_back_every_byte(void **state)
{
	static const char	text[] = " {\"b\":1.50e+02, \"a\":[\"\\u0041\"]}\t";

	(void)state;
	assert_int_equal(try_run(&handler_echo, text), CHANNEL_OK);
	assert_string_equal(try_text, text);
	assert_int_equal(try_start(&handler_echo, text, -1), CHANNEL_OK);
	assert_string_equal(try_text, text);
}

static void
test_sleep_takes_at_least_its_time(void **state)
{
	int64_t	since_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(try_start(&handler_sleep, "{\"ms\":30}", -1), CHANNEL_OK);
	assert_true(clock_mono_ns() - since_ns >= 30 * NS_PER_MS);
	assert_true(strncmp(try_text, "{\"slept_ms\":", 12) == 0);
	assert_true(atoi(try_text + 12) >= 30);
	assert_int_equal(try_start(&handler_sleep, "{\"ms\":0}", -1), CHANNEL_OK);
}

static void
test_sleep_ends_early_when_cancelled(void **state)
{
	int64_t	since_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(try_start(&handler_sleep, "{\"ms\":600000}", 5), CHANNEL_CANCELLED);
	assert_true(clock_mono_ns() - since_ns < 60 * NS_PER_S);
}

static void
test_arguments_are_checked_by_name(void **state)
{
	static const struct {
		const char	*args, *part;
	} rows[] = {
		{ "null", "args must be an object, not null" },
		{ "5", "args must be an object" },
		{ "[]", "args must be an object" },
		{ "{}", "args.ms is missing" },
		{ "{\"ms\":\"5\"}", "args.ms must be an integer, not \\\"5\\\"" },
		{ "{\"ms\":5.0}", "args.ms must be an integer" },
		{ "{\"ms\":-1}", "args.ms must be an integer from 0 to 86400000, not -1" },
		{ "{\"ms\":86400001}", "args.ms must be an integer" },
		{ "{\"ms\":null}", "args.ms must be an integer" },
		{ "{\"ms\":1,\"mz\":2}", "args.mz is not known; known: ms" },
		{ "{\"ms\":1,\"ms\":2}", "args cannot be read: duplicate object key" },
		{ "{\"ms\":99999999999999999999}", "args cannot be read: too big integer" },
		{ "{\"ms\":1e999}", "args cannot be read: real number overflow" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(try_run(&handler_bench_io, rows[i].args), CHANNEL_FAILED);
		assert_failure(rows[i].part);
		assert_int_equal(try_run(&handler_bench_cpu, rows[i].args), CHANNEL_FAILED);
		assert_failure(rows[i].part);
	}
	assert_int_equal(try_start(&handler_sleep, "{\"s\":1}", -1), CHANNEL_FAILED);
	assert_failure("args.s is not known; known: ms");
	assert_int_equal(try_run(&handler_file_digest, "{\"path\":\"a\\u0000b\"}"), CHANNEL_FAILED);
	assert_failure("args cannot be read: a string holds \\\\u0000");
	assert_int_equal(try_run(&handler_file_digest, "{\"path\":\"\"}"), CHANNEL_FAILED);
	assert_failure("args.path must be a string of 1 to 4095 characters, not 0");
	assert_int_equal(try_run(&handler_file_copy, "{\"from\":\"/x\"}"), CHANNEL_FAILED);
	assert_failure("args.to is missing");
}

static void
test_bench_cpu_burns_cpu_time(void **state)
{
	int64_t	since_ns = clock_thread_cpu_ns();

	(void)state;
	assert_int_equal(try_run(&handler_bench_cpu, "{\"ms\":20}"), CHANNEL_OK);
	assert_true(clock_thread_cpu_ns() - since_ns >= 20 * NS_PER_MS);
	assert_true(strncmp(try_text, "{\"burned_ms\":", 13) == 0);
	assert_int_equal(try_run(&handler_bench_cpu, "{\"ms\":0}"), CHANNEL_OK);
}

static void
test_bench_io_blocks_without_cpu_time(void **state)
{
	int64_t	cpu_ns = clock_thread_cpu_ns(), since_ns = clock_mono_ns();

	(void)state;
	assert_int_equal(try_run(&handler_bench_io, "{\"ms\":60}"), CHANNEL_OK);
	assert_true(clock_mono_ns() - since_ns >= 60 * NS_PER_MS);
	assert_true(clock_thread_cpu_ns() - cpu_ns < 50 * NS_PER_MS);
}

static void
test_blocking_handlers_end_when_told_to_stop(void **state)
{
	(void)state;
	try_stop_after = 3;
	assert_int_equal(try_run(&handler_bench_cpu, "{\"ms\":86400000}"), CHANNEL_CANCELLED);
	assert_int_equal(try_run(&handler_bench_io, "{\"ms\":86400000}"), CHANNEL_CANCELLED);
	try_stop_after = 0;
}

static void
test_digests_are_those_of_the_standards(void **state)
{
	static const struct {
		const char	*algorithm, *digest;
	} rows[] = {
		{ "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "SHA1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "md5", "900150983cd24fb0d6963f7d28e17f72" },
		{ "sha512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ "sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	};
	char	want[256];

	(void)state;
	put_file(in("abc"), "abc", 3, 0644);
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(digest(in("abc"), rows[i].algorithm), CHANNEL_OK);
		snprintf(want, sizeof(want), "{\"algorithm\":\"%s\",\"digest\":\"%s\",\"bytes\":3}",
		    rows[i].algorithm, rows[i].digest);
		assert_string_equal(try_text, want);
	}
	put_file(in("empty"), "", 0, 0644);
	snprintf(args, sizeof(args), "{\"path\":\"%s\"}", in("empty"));
	assert_int_equal(try_run(&handler_file_digest, args), CHANNEL_OK);
	assert_string_equal(try_text, "{\"algorithm\":\"sha256\",\"digest\":"
	    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"bytes\":0}");
	/* FIPS 180-2: a million times 'a'; many reads */
	memset(args, 0, sizeof(args));
	char	*many = mem_alloc(1000000);
	memset(many, 'a', 1000000);
	put_file(in("many"), many, 1000000, 0644);
	free(many);
	assert_int_equal(digest(in("many"), "sha256"), CHANNEL_OK);
	assert_non_null(strstr(try_text,
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0\","
	    "\"bytes\":1000000"));
}

static void
test_unknown_and_endless_algorithms_are_refused(void **state)
{
	(void)state;
	put_file(in("abc"), "abc", 3, 0644);
	assert_int_equal(digest(in("abc"), "sha257"), CHANNEL_FAILED);
	assert_failure("args.algorithm is not a digest that is known here: sha257");
	assert_int_equal(digest(in("abc"), "shake128"), CHANNEL_FAILED);
	assert_failure("args.algorithm is not a digest");
	assert_int_equal(digest(in("abc"), "null"), CHANNEL_FAILED);
	assert_failure("args.algorithm is not a digest");
}

static void
test_large_files_tell_progress_and_can_be_stopped(void **state)
{
	size_t	 len = 20 << 20;
	char	*bytes = noise(len);

	(void)state;
	put_file(in("large"), bytes, len, 0644);
	free(bytes);
	assert_int_equal(digest(in("large"), "sha1"), CHANNEL_OK);
	assert_int_equal(try_progress_count, 2);
	assert_int_equal(try_progress.done, 16 << 20);
	assert_int_equal(try_progress.total, len);
	try_stop_after = 100;
	assert_int_equal(digest(in("large"), "sha1"), CHANNEL_CANCELLED);
	assert_string_equal(try_text, "");
	try_stop_after = 2;
	assert_int_equal(copy(in("large"), in("stopped")), CHANNEL_CANCELLED);
	assert_int_equal(access(in("stopped"), F_OK), -1);
	assert_no_leftovers();
	try_stop_after = 0;
}

static void
assert_same_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
	struct stat	 st;
	size_t		 got;
	char		*text = fd_read_file(path, len + 1, &got);

	assert_non_null(text);
	assert_int_equal(got, len);
	assert_memory_equal(text, bytes, len);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	free(text);
}

static void
test_copies_are_the_same_in_content_and_mode(void **state)
{
	size_t	 len = (9 << 20) + 12345;
	char	*bytes = noise(len), want[64];

	(void)state;
	put_file(in("from"), bytes, len, 0751);
	assert_int_equal(copy(in("from"), in("to")), CHANNEL_OK);
	snprintf(want, sizeof(want), "{\"bytes\":%zu}", len);
	assert_string_equal(try_text, want);
	assert_same_file(in("to"), bytes, len, 0751);
	assert_true(try_progress_count >= 2);

	/* set-uid does not travel; an old target goes */
	put_file(in("from"), bytes, 0, 04400);
	assert_int_equal(copy(in("from"), in("to")), CHANNEL_OK);
	assert_same_file(in("to"), bytes, 0, 0400);
	assert_no_leftovers();
	free(bytes);
}

static void
test_copies_work_where_the_kernel_cannot_copy_by_range(void **state)
{
	char	*text, want[512];
	size_t	 len;

	(void)state;
	/* st_size 0, another file system */
	text = fd_read_file("/proc/version", sizeof(want), &len);
	assert_non_null(text);
	assert_int_equal(copy("/proc/version", in("version")), CHANNEL_OK);
	snprintf(want, sizeof(want), "{\"bytes\":%zu}", len);
	assert_string_equal(try_text, want);
	assert_same_file(in("version"), text, len, 0444);
	free(text);
}

static void
test_failed_copies_leave_nothing_and_replace_only_files(void **state)
{
	struct stat	st;

	(void)state;
	put_file(in("abc"), "abc", 3, 0644);
	mkdir(in("directory"), 0755);
	mkfifo(in("fifo"), 0600);
	put_link("abc", in("link"));
	assert_int_equal(copy(in("abc"), in("directory")), CHANNEL_FAILED);
	assert_failure("a directory is not replaced: ");
	assert_int_equal(copy(in("abc"), in("fifo")), CHANNEL_FAILED);
	assert_failure("is not a regular file and is not replaced: ");
	assert_int_equal(copy(in("abc"), in("link")), CHANNEL_FAILED);
	assert_failure("is not replaced: ");
	assert_int_equal(lstat(in("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(copy(in("abc"), in("directory/")), CHANNEL_FAILED);
	assert_failure("this names no file: ");
	assert_int_equal(copy(in("abc"), in("directory/..")), CHANNEL_FAILED);
	assert_failure("this names no file: ");
	assert_int_equal(copy(in("abc"), in("nowhere/abc")), CHANNEL_FAILED);
	assert_failure("cannot open: No such file or directory: ");
	assert_no_leftovers();
}

static void
test_a_copy_that_cannot_be_written_leaves_the_old_target(void **state)
{
	struct rlimit	 small = { .rlim_cur = 1 << 20 }, before;
	size_t		 len = 2 << 20;
	char		*bytes = noise(len);

	(void)state;
	put_file(in("from"), bytes, len, 0644);
	put_file(in("to"), "old", 3, 0600);
	free(bytes);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(copy(in("from"), in("to")), CHANNEL_FAILED);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_failure("cannot copy: File too large: ");
	assert_same_file(in("to"), "old", 3, 0600);
	assert_no_leftovers();
}

static void
test_no_path_leads_out_of_the_roots(void **state)
{
	static const struct {
		const char	*path, *part;
	} rows[] = {
		{ "in/../secret", "outside of the configured directories (files.roots): " },
		{ "in/directory/../../secret", "outside of the configured" },
		{ "secret", "outside of the configured directories (files.roots): " },
		{ "in-not", "outside of the configured directories" },
		{ "in/out", "symbolic links are not followed: " },
		{ "in/link", "symbolic links are not followed: " },
		{ "in/out-dir/secret", "symbolic links are not followed: " },
		{ "in/absent", "cannot open: No such file or directory: " },
		{ "in/directory", "not a regular file: " },
		{ "in", "not a regular file: " },
		{ "in/fifo", "not a regular file: " },
	};
	char	path[256], target[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/secret", dir);
	put_file(path, "secret", 6, 0644);
	snprintf(path, sizeof(path), "%s/in-not", dir);
	put_file(path, "secret", 6, 0644);
	mkdir(in("directory"), 0755);
	mkfifo(in("fifo"), 0600);
	put_file(in("abc"), "abc", 3, 0644);
	put_link("abc", in("link"));
	snprintf(target, sizeof(target), "%s/secret", dir);
	put_link(target, in("out"));
	put_link(dir, in("out-dir"));
	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, rows[i].path);
		assert_int_equal(digest(path, "sha256"), CHANNEL_FAILED);
		assert_failure(rows[i].part);
		assert_failure(path);
		assert_int_equal(copy(path, in("stolen")), CHANNEL_FAILED);
	}
	assert_int_equal(access(in("stolen"), F_OK), -1);
	assert_int_equal(digest("in/abc", "sha256"), CHANNEL_FAILED);
	assert_failure("a path must be absolute: in/abc");
	assert_int_equal(digest("/proc/self/root/etc/passwd", "sha256"), CHANNEL_FAILED);
	assert_failure("symbolic links are not followed");

	snprintf(path, sizeof(path), "%s/in/../stolen", dir);
	assert_int_equal(copy(in("abc"), path), CHANNEL_FAILED);
	assert_failure("outside of the configured directories");
	snprintf(path, sizeof(path), "%s/in/out-dir/stolen", dir);
	assert_int_equal(copy(in("abc"), path), CHANNEL_FAILED);
	assert_failure("symbolic links are not followed");
	snprintf(path, sizeof(path), "%s/stolen", dir);
	assert_int_equal(copy(in("abc"), path), CHANNEL_FAILED);
	assert_failure("outside of the configured directories");
	assert_int_equal(access(path, F_OK), -1);

	snprintf(path, sizeof(path), "%s/in//directory/../abc", dir);	/* odd, and inside */
	assert_int_equal(digest(path, "sha256"), CHANNEL_OK);
}

static void
test_without_roots_file_types_are_off(void **state)
{
	(void)state;
	put_file(in("abc"), "abc", 3, 0644);
	roots_fini();
	roots_init("");
	assert_int_equal(digest(in("abc"), "sha256"), CHANNEL_FAILED);
	assert_failure("file types are off: no directory is configured (files.roots)");
	assert_int_equal(copy(in("abc"), in("to")), CHANNEL_FAILED);
	assert_failure("file types are off");
}

static void
test_the_innermost_root_counts_and_slashes_do_not(void **state)
{
	char	list[512], path[256];

	(void)state;
	mkdir(in("real"), 0755);
	put_file(in("real/abc"), "abc", 3, 0644);
	put_link("real", in("alias"));
	snprintf(list, sizeof(list), "%s/in///:%s/in/alias", dir, dir);
	roots_init(list);
	assert_int_equal(digest(in("real/abc"), "sha256"), CHANNEL_OK);
	assert_int_equal(digest(in("alias/abc"), "sha256"), CHANNEL_OK);
	roots_fini();
	roots_init("/");
	assert_int_equal(digest(in("real/abc"), "sha256"), CHANNEL_OK);
	snprintf(path, sizeof(path), "%s/in/../../../../../../%s", dir, in("real/abc"));
	assert_int_equal(digest(path, "sha256"), CHANNEL_FAILED);
	roots_fini();
}

static void
test_what_may_be_read_only_is_not_written(void **state)
{
	(void)state;
	mkdir(in("outcomes"), 0755);
	put_file(in("outcomes/abc"), "abc", 3, 0644);
	roots_fini();
	roots_add_readable(in("outcomes"));
	assert_int_equal(digest(in("outcomes/abc"), "sha256"), CHANNEL_OK);
	assert_int_equal(digest(in("abc"), "sha256"), CHANNEL_FAILED);
	assert_failure("file types are off: no directory is configured (files.roots)");
	assert_int_equal(copy(in("outcomes/abc"), in("outcomes/to")), CHANNEL_FAILED);
	assert_failure("file types are off");
	roots_init(in(""));
	assert_int_equal(copy(in("outcomes/abc"), in("outcomes/to")), CHANNEL_FAILED);
	assert_failure("may only be read");
	assert_int_equal(copy(in("outcomes/abc"), in("to")), CHANNEL_OK);
}

static int
set_up(void **state)
{
	char	list[256];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-handlers-XXXXXX");
	if (mkdtemp(dir) == NULL || mkdir(in(""), 0755) != 0)
		return -1;
	snprintf(list, sizeof(list), "/proc:%s/in", dir);
	roots_init(list);
	return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	roots_fini();
	return nftw(dir, remove_entry, 8, FTW_PHYS | FTW_DEPTH);
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_handlers_are_found_by_their_whole_name),
		cmocka_unit_test(test_a_type_with_a_bad_schema_or_a_taken_name_is_refused),
		cmocka_unit_test(test_echo_gives_back_every_byte),
		cmocka_unit_test(test_sleep_takes_at_least_its_time),
		cmocka_unit_test(test_sleep_ends_early_when_cancelled),
		cmocka_unit_test(test_arguments_are_checked_by_name),
		cmocka_unit_test(test_bench_cpu_burns_cpu_time),
		cmocka_unit_test(test_bench_io_blocks_without_cpu_time),
		cmocka_unit_test(test_blocking_handlers_end_when_told_to_stop),
		with_files(test_digests_are_those_of_the_standards),
		with_files(test_unknown_and_endless_algorithms_are_refused),
		with_files(test_large_files_tell_progress_and_can_be_stopped),
		with_files(test_copies_are_the_same_in_content_and_mode),
		with_files(test_copies_work_where_the_kernel_cannot_copy_by_range),
		with_files(test_failed_copies_leave_nothing_and_replace_only_files),
		with_files(test_a_copy_that_cannot_be_written_leaves_the_old_target),
		with_files(test_no_path_leads_out_of_the_roots),
		with_files(test_without_roots_file_types_are_off),
		with_files(test_what_may_be_read_only_is_not_written),
		with_files(test_the_innermost_root_counts_and_slashes_do_not),
	};
	int	rc = cmocka_run_group_tests(tests, NULL, NULL);

	try_fini();
	return rc;
}
