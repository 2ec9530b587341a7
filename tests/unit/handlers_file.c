/*
 * handlers_file.c - file.read, file.write, file.compress, file.decompress without a daemon: what
 * they do when they are stopped and when the disk refuses.  The rest is in tests/e2e/test_files.py.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "tests/unit/attempts.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

static char	dir[64];

static enum channel_status __attribute__((format(printf, 2, 3)))
run(const struct jobd_handler *h, const char *fmt, ...)
{
	char			*args = NULL;
	enum channel_status	 status;
	va_list			 ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&args, fmt, ap) > 0);
	va_end(ap);
	status = try_run(h, args);
	free(args);
	return status;
}

static void
put_file(const char *name, size_t len)
{
	char		 path[128], *bytes = mem_alloc(len + 1);
	uint64_t	 x = 88172645463325252;
	int		 fd;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (char)x;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, len), 0);
	close(fd);
	free(bytes);
}

static size_t
count_files(void)
{
	DIR	*d = opendir(dir);
	size_t	 n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

static void
test_a_stopped_attempt_leaves_nothing(void **state)
{
	(void)state;
	put_file("large", 4 << 20);
	try_stop_after = 3;
	assert_int_equal(run(&handler_file_read, "{\"path\":\"%s/large\",\"limit\":4000000}", dir),
	    CHANNEL_CANCELLED);
#if defined(HAVE_ZSTD)
	assert_int_equal(run(&handler_file_compress,
	    "{\"from\":\"%s/large\",\"to\":\"%s/z\"}", dir, dir), CHANNEL_CANCELLED);
	try_stop_after = 0;
	assert_int_equal(run(&handler_file_compress,
	    "{\"from\":\"%s/large\",\"to\":\"%s/z\"}", dir, dir), CHANNEL_OK);
	try_stop_after = 3;
	assert_int_equal(run(&handler_file_decompress,
	    "{\"from\":\"%s/z\",\"to\":\"%s/back\"}", dir, dir), CHANNEL_CANCELLED);
	assert_int_equal(count_files(), 2);
#else
	assert_int_equal(count_files(), 1);
#endif
	try_stop_after = 0;
}

/* Within a limit of file size that stands for a full disk. */
static enum channel_status
run_in_little_room(const struct jobd_handler *h, const char *args)
{
	struct rlimit		before, small;
	enum channel_status	status;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ .rlim_cur = 1000, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	status = try_run(h, args);
	setrlimit(RLIMIT_FSIZE, &before);
	return status;
}

static void
test_a_full_disk_is_a_failure_and_leaves_nothing(void **state)
{
	char	*data = mem_alloc(3001), *args;

	(void)state;
	memset(data, 'x', 3000);
	data[3000] = '\0';
	args = mem_printf("{\"path\":\"%s/w\",\"data\":\"%s\"}", dir, data);
	assert_int_equal(run_in_little_room(&handler_file_write, args), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "cannot write: File too large: "));
	assert_int_equal(count_files(), 0);
	free(args);
	free(data);
#if defined(HAVE_ZSTD)
	put_file("large", 100000);
	args = mem_printf("{\"from\":\"%s/large\",\"to\":\"%s/z\"}", dir, dir);
	assert_int_equal(run_in_little_room(&handler_file_compress, args), CHANNEL_FAILED);
	assert_non_null(strstr(try_text, "cannot compress: File too large: "));
	assert_int_equal(count_files(), 1);
	free(args);
#endif
}

static void
test_base64_is_that_of_the_standard(void **state)
{
	static const struct {
		const char	*text, *base64;
	} rows[] = {		/* RFC 4648, section 10 */
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	static const char *const	bad[] = { "Z", "Zg=", "Zg", "Z===", "Zg==Zg==", "Zm 8", "Zm9-" };
	struct buf			b = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t	len = strlen(rows[i].base64);

		bytes_print_base64(&b, rows[i].text, strlen(rows[i].text));
		assert_int_equal(buf_len(&b), len + 2);
		assert_memory_equal(buf_data(&b) + 1, rows[i].base64, len);
		buf_consume(&b, buf_len(&b));
		assert_true(bytes_decode(&b, rows[i].base64, len));
		assert_int_equal(buf_len(&b), strlen(rows[i].text));
		if (buf_len(&b) > 0)
			assert_memory_equal(buf_data(&b), rows[i].text, buf_len(&b));
		buf_consume(&b, buf_len(&b));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (bytes_decode(&b, bad[i], strlen(bad[i])))
			fail_msg("%s was taken for base64", bad[i]);
	buf_free(&b);
}

static void
test_long_bytes_survive_base64(void **state)
{
	size_t		 len = 200001;
	char		*bytes = mem_alloc(len);
	struct buf	 text = { 0 }, back = { 0 };

	(void)state;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7);
	bytes_print_base64(&text, bytes, len);
	assert_true(bytes_decode(&back, buf_data(&text) + 1, buf_len(&text) - 2));
	assert_int_equal(buf_len(&back), len);
	assert_memory_equal(buf_data(&back), bytes, len);
	buf_free(&text);
	buf_free(&back);
	free(bytes);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/jobd-files-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	roots_init(dir);
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const	names[] = { "large", "z", "back", "w" };
	char				path[128];

	(void)state;
	roots_fini();
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		with_files(test_a_stopped_attempt_leaves_nothing),
		with_files(test_a_full_disk_is_a_failure_and_leaves_nothing),
		cmocka_unit_test(test_base64_is_that_of_the_standard),
		cmocka_unit_test(test_long_bytes_survive_base64),
	};
	int	rc = cmocka_run_group_tests(tests, NULL, NULL);

	try_fini();
	return rc;
}
