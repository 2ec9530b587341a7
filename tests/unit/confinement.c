/* confinement.c - what a bounded command cannot reach, each in a child of its own. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/confine.h"
#include "workers/confinement.h"

/* The child's exit status: 0, or the line where it saw what should not be. */
#define CHILD_CHECK(what)	do { if (!(what)) _exit(__LINE__ % 250 + 1); } while (0)

/* top has `in/file`, `out/file` and `file`, each with one byte. */
static char	top[] = "/tmp/jobd-confinement-XXXXXX";
static char	in[64], out[64], in_file[64], out_file[64], file[64], to[64];
static int	kernel;			/* its ABI of Landlock */

static void
put_file(char name[64], const char *dir, const char *base)
{
	int	fd;

	snprintf(name, 64, "%.40s/%s", dir, base);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, "x", 1) == 1);
	close(fd);
}

static int
set_up(void **state)
{
	(void)state;
	kernel = confine_landlock_abi();
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(in, sizeof(in), "%s/in", top);
	snprintf(out, sizeof(out), "%s/out", top);
	assert_int_equal(mkdir(in, 0700), 0);
	assert_int_equal(mkdir(out, 0700), 0);
	put_file(in_file, in, "file");
	put_file(out_file, out, "file");
	put_file(file, top, "file");
	snprintf(to, sizeof(to), "%s/to", top);
	return 0;
}

static int
tear_down(void **state)
{
	char	command[100];

	(void)state;
	snprintf(command, sizeof(command), "exec rm -rf %s", top);
	return system(command);
}

static struct command_bounds
bounds(const char *read, const char *write, bool no_network)
{
	struct command_bounds	b = { .files = read != NULL || write != NULL,
				    .no_network = no_network };

	if (read != NULL)
		strings_add(&b.read, mem_strdup(read));
	if (write != NULL)
		strings_add(&b.write, mem_strdup(write));
	return b;
}

static void
bounds_free(struct command_bounds *b)
{
	strings_free(&b->read);
	strings_free(&b->write);
}

static void
enter(const struct confinement *c)
{
	struct sock_fprog	filter = { .len = c->filter.len,
				    .filter = (struct sock_filter *)(uintptr_t)c->filter.code };

	CHILD_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (c->ruleset >= 0)
		CHILD_CHECK(syscall(__NR_landlock_restrict_self, c->ruleset, 0) == 0);
	if (filter.len > 0)
		CHILD_CHECK(prctl(PR_SET_SECCOMP, 2 /* by a filter */, &filter) == 0);
}

/* The body in a child that is bounded so, by a kernel of this ABI. */
static void
bounded_with(struct command_bounds b, char *const *programs, int abi, void (*body)(int abi))
{
	struct confinement	c;
	char			why[300] = "";
	int			status;
	pid_t			pid;

	if (confinement_make(&c, &b, programs, -1, abi, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		enter(&c);
		body(abi);
		_exit(0);
	}
	confinement_free(&c);
	bounds_free(&b);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("ABI %d: status %#x", abi, status);
}

static void
bounded(struct command_bounds b, int abi, void (*body)(int abi))
{
	static char *const	no_programs[] = { NULL };

	bounded_with(b, no_programs, abi, body);
}

static bool
is_error(long rc, int error)
{
	return rc == -1 && errno == error;
}

static bool
can_open(const char *path, int flags)
{
	int	fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
has_a_byte(const char *path)
{
	struct stat	st;

	return stat(path, &st) == 0 && st.st_size == 1;
}

/* ---- files ---- */

static void
try_files(int abi)
{
	char	new[70], moved[70];

	snprintf(new, sizeof(new), "%s/new", out);
	snprintf(moved, sizeof(moved), "%s/moved", out);
	CHILD_CHECK(can_open(in_file, O_RDONLY) && can_open(in, O_RDONLY | O_DIRECTORY));
	CHILD_CHECK(!can_open(in_file, O_RDWR) && errno == EACCES);
	CHILD_CHECK(!can_open(file, O_RDONLY) && errno == EACCES);
	CHILD_CHECK(!can_open(top, O_RDONLY | O_DIRECTORY));
	CHILD_CHECK(can_open(out_file, O_RDWR) && can_open(new, O_RDWR | O_CREAT | O_EXCL));
	CHILD_CHECK(!can_open(to, O_RDWR | O_CREAT) && errno == EACCES);
	CHILD_CHECK(rename(new, moved) == 0 && unlink(moved) == 0);
	CHILD_CHECK(link(out_file, to) == -1 && (errno == EACCES || errno == EXDEV));
	CHILD_CHECK(rename(out_file, to) == -1 && (errno == EACCES || errno == EXDEV));
	CHILD_CHECK(link(in_file, new) == -1 && (errno == EACCES || errno == EXDEV));
	CHILD_CHECK(is_error(unlink(in_file), EACCES) && is_error(mkdir(to, 0700), EACCES));
	CHILD_CHECK(is_error(symlink("/", to), EACCES));
	CHILD_CHECK(can_open("/dev/null", O_RDWR) && can_open("/dev/urandom", O_RDONLY));
	if (abi >= 6)
		CHILD_CHECK(is_error(kill(getppid(), 0), EPERM));
	CHILD_CHECK(is_error(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM));
}

/* By each way that there is; what a program may write it may empty. */
static void
try_emptying(int abi)
{
	(void)abi;
	CHILD_CHECK(is_error(truncate(file, 0), EACCES) && is_error(truncate(in_file, 0), EACCES));
	CHILD_CHECK(!can_open(file, O_RDONLY | O_TRUNC) && !can_open(in_file, O_RDONLY | O_TRUNC));
	CHILD_CHECK(!can_open(in_file, O_ACCMODE | O_TRUNC));
	CHILD_CHECK(syscall(SYS_openat, AT_FDCWD, in_file, O_RDONLY | O_TRUNC) == -1);
	CHILD_CHECK(syscall(SYS_openat, AT_FDCWD, in_file, O_ACCMODE | O_TRUNC) == -1);
#ifdef SYS_open
	CHILD_CHECK(syscall(SYS_open, in_file, O_RDONLY | O_TRUNC) == -1);
#endif
#ifdef SYS_creat
	CHILD_CHECK(syscall(SYS_creat, in_file, 0600) == -1);
#endif
	CHILD_CHECK(has_a_byte(in_file) && has_a_byte(file));
	CHILD_CHECK(can_open(out_file, O_WRONLY | O_TRUNC) && !has_a_byte(out_file));
}

/* Newer kernels behave as an older one to who asks for no more than that one knew. */
static void
test_each_abi_keeps_a_program_to_its_paths(void **state)
{
	(void)state;
	for (int abi = 1; abi <= kernel; abi++) {
		bounded(bounds(in, out, false), abi, try_files);
		assert_true(access(in_file, F_OK) == 0 && access(to, F_OK) != 0);
	}
}

static void
test_no_abi_lets_a_program_empty_what_it_may_not_write(void **state)
{
	(void)state;
	for (int abi = 1; abi <= kernel; abi++) {
		put_file(out_file, out, "file");
		bounded(bounds(in, out, false), abi, try_emptying);
	}
}

static void
try_running(int abi)
{
	char	copy[70];
	char	*argv[] = { copy, NULL };
	int	from, fd;
	char	bytes[65536];
	ssize_t	n;

	(void)abi;
	snprintf(copy, sizeof(copy), "%s/true", out);
	CHILD_CHECK((from = open("/usr/bin/true", O_RDONLY)) >= 0);
	CHILD_CHECK((fd = open(copy, O_WRONLY | O_CREAT, 0700)) >= 0);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		CHILD_CHECK(write(fd, bytes, (size_t)n) == n);
	close(fd);
	execv(copy, argv);
	CHILD_CHECK(errno == EACCES);
	argv[0] = (char[]){ "/usr/bin/true" };
	execv(argv[0], argv);
	_exit(__LINE__ % 250 + 1);
}

static void
test_what_a_program_has_written_is_not_run(void **state)
{
	(void)state;
	if (kernel > 0)
		bounded(bounds("/usr", out, false), kernel, try_running);
}

static void
try_program(int abi)
{
	(void)abi;
	CHILD_CHECK(can_open(file, O_RDONLY) && !can_open(file, O_RDWR));
	CHILD_CHECK(!can_open(in_file, O_RDONLY) && !can_open(in, O_RDONLY | O_DIRECTORY));
}

static void
test_its_program_is_a_file_and_never_a_directory(void **state)
{
	struct command_bounds	nothing = { .files = true };
	char *const		programs[] = { to, in, file, NULL };

	(void)state;
	if (kernel > 0)
		bounded_with(nothing, programs, kernel, try_program);
}

static const char *
refusal(struct command_bounds b, int abi)
{
	static char *const	no_programs[] = { NULL };
	static char		why[300];
	struct confinement	c;

	assert_int_equal(confinement_make(&c, &b, no_programs, -1, abi, why, sizeof(why)), -1);
	confinement_free(&c);
	bounds_free(&b);
	return why;
}

static void
test_a_kernel_without_landlock_and_a_path_that_is_not_there_are_told(void **state)
{
	char	want[200];

	(void)state;
	assert_non_null(strstr(refusal(bounds(in, NULL, false), 0), "read_paths, write_paths: "));
	assert_non_null(strstr(refusal(bounds(in, NULL, false), 0), "Landlock"));
	if (kernel == 0)
		return;
	snprintf(want, sizeof(want), "write_paths: %s: No such file or directory", to);
	assert_string_equal(refusal(bounds(in, to, false), kernel), want);
	snprintf(want, sizeof(want), "read_paths: %s/x: Not a directory", file);
	snprintf(to, sizeof(to), "%.50s/x", file);
	assert_string_equal(refusal(bounds(to, NULL, false), kernel), want);
}

/* ---- the network ---- */

static void
try_sockets(int abi)
{
	int	fds[2];

	(void)abi;
	CHILD_CHECK(is_error(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT));
	CHILD_CHECK(is_error(socket(AF_INET6, SOCK_DGRAM, 0), EAFNOSUPPORT));
	CHILD_CHECK(is_error(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT));
	CHILD_CHECK(is_error(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT));
	/* the kernel looks at the low half alone, and so does the filter */
	CHILD_CHECK(is_error(syscall(SYS_socket, (long)(UINT64_C(1) << 32 | AF_INET), SOCK_STREAM, 0),
	    EAFNOSUPPORT));
	CHILD_CHECK(is_error(syscall(SYS_io_uring_setup, 1, NULL), EPERM));
#ifdef __x86_64__
	CHILD_CHECK(is_error(syscall(0x40000000 + SYS_socket, AF_INET, SOCK_STREAM, 0), EPERM));
#endif
	CHILD_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHILD_CHECK(socket(AF_UNIX, SOCK_DGRAM, 0) >= 0);
	CHILD_CHECK(can_open(file, O_RDWR | O_TRUNC));
}

static void
test_without_network_there_are_unix_sockets_alone(void **state)
{
	(void)state;
	bounded(bounds(NULL, NULL, true), 0, try_sockets);
}

#ifdef __x86_64__
/* Its socket(2) has another number here, and the same name for all that socketcall does. */
static void
try_32_bits(int abi)
{
	long	rc;

	(void)abi;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20 /* getpid */) : "memory");
	_exit(rc > 0 ? 1 : 2);
}

static void
test_calls_of_another_architecture_end_the_program(void **state)
{
	static char *const	no_programs[] = { NULL };
	struct command_bounds	b = bounds(NULL, NULL, true);
	struct confinement	c;
	char			why[300];
	int			status;
	pid_t			pid;

	(void)state;
	assert_int_equal(confinement_make(&c, &b, no_programs, -1, 0, why, sizeof(why)), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		enter(&c);
		try_32_bits(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* a kernel without calls of 32 bits ends it too */
	assert_true(WIFSIGNALED(status));
	assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
	confinement_free(&c);
}
#endif

static void
try_anything(int abi)
{
	(void)abi;
	CHILD_CHECK(can_open(file, O_RDWR) && socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

static void
test_without_bounds_nothing_is_made(void **state)
{
	static char *const	no_programs[] = { NULL };
	struct command_bounds	b = { .files = false };
	struct confinement	c;
	char			why[300];

	(void)state;
	assert_int_equal(confinement_make(&c, &b, no_programs, -1, 0, why, sizeof(why)), 0);
	assert_int_equal(c.ruleset, -1);
	assert_int_equal(c.filter.len, 0);
	bounded(b, 0, try_anything);
}

int
main(void)
{
	static const struct CMUnitTest	tests[] = {
#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_each_abi_keeps_a_program_to_its_paths),
		TEST(test_no_abi_lets_a_program_empty_what_it_may_not_write),
		TEST(test_what_a_program_has_written_is_not_run),
		TEST(test_its_program_is_a_file_and_never_a_directory),
		TEST(test_a_kernel_without_landlock_and_a_path_that_is_not_there_are_told),
		TEST(test_without_network_there_are_unix_sockets_alone),
#ifdef __x86_64__
		TEST(test_calls_of_another_architecture_end_the_program),
#endif
		TEST(test_without_bounds_nothing_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
