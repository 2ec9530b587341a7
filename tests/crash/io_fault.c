/*
 * io_fault.c - one write of the broker goes wrong.  Preloaded into jobd by the crash tests.
 *
 * $JOBD_IO_FAULT names a file with a line `ACTION WHICH FROM TO DIR`.  The next broker that starts takes
 * it away, and from then on what it does to files below DIR is counted, over all of its threads; WHICH is
 * `all` or the name of one kind of call.  From the FROMth to the TOth of them
 *
 *	kill	it dies before the call
 *	after	it dies behind the call
 *	EIO, ENOSPC	the call fails so
 *	short	a write writes 100 bytes, or half of what is less than 200
 *	hang	the call never comes back, unless the main thread made it: so a start is not held up
 *	none	nothing happens: it is counted
 *
 * What was counted is in $JOBD_IO_FAULT.count, a mapped file that outlives the process: two 64-bit
 * numbers, calls and faults.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum action { NOT_ACTIVE, NONE, KILL, AFTER, FAIL, SHORT, HANG };

static struct {
	enum action	 action;
	int		 error;
	char		 which[16], dir[512];
	uint64_t	 from, to;
	_Atomic uint64_t *count;	/* [0] calls, [1] faults */
} plan;

static bool
action_parse(const char *word)
{
	static const struct {
		const char	*word;
		enum action	 action;
		int		 error;
	} table[] = {
		{ "none", NONE, 0 }, { "kill", KILL, 0 }, { "after", AFTER, 0 }, { "short", SHORT, 0 },
		{ "hang", HANG, 0 },
		{ "EIO", FAIL, EIO }, { "ENOSPC", FAIL, ENOSPC },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(word, table[i].word) == 0) {
			plan.error = table[i].error;
			plan.action = table[i].action;
			return true;
		}
	}
	return false;
}

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "io_fault: %s: %s\n", what, strerror(errno));
	_exit(70);
}

static void
count_map(const char *path)
{
	char	name[1024];
	int	fd;

	snprintf(name, sizeof(name), "%s.count", path);
	if ((fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0 ||
	    ftruncate(fd, 2 * sizeof(*plan.count)) != 0)
		give_up(name);
	plan.count = mmap(NULL, 2 * sizeof(*plan.count), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (plan.count == MAP_FAILED)
		give_up(name);
	close(fd);
}

__attribute__((constructor)) static void
take_plan(void)
{
	const char	*path = getenv("JOBD_IO_FAULT");
	char		 word[16];
	FILE		*f;

	if (path == NULL || strcmp(program_invocation_short_name, "jobd-broker") != 0 ||
	    (f = fopen(path, "re")) == NULL)
		return;
	if (fscanf(f, "%15s %15s %lu %lu %511s", word, plan.which, &plan.from, &plan.to, plan.dir) != 5)
		give_up("not a plan");
	fclose(f);
	unlink(path);
	count_map(path);
	if (!action_parse(word))
		give_up(word);
}

/* ---- is it this one? ---- */

static bool
is_below(const char *path)
{
	size_t	len = strlen(plan.dir);

	return strncmp(path, plan.dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool
is_of_dir(int fd)
{
	char	name[64], path[1024];
	ssize_t	n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if ((n = readlink(name, path, sizeof(path) - 1)) < 0)
		return false;
	path[n] = '\0';
	return is_below(path);
}

/* Counts a call; what is to be done to it.  errno is as it was. */
static enum action
verdict(const char *call, bool of_dir)
{
	uint64_t	n;

	if (!of_dir || (strcmp(plan.which, "all") != 0 && strcmp(plan.which, call) != 0))
		return NONE;
	n = atomic_fetch_add(&plan.count[0], 1) + 1;
	if (n < plan.from || n > plan.to || plan.action == NONE)
		return NONE;
	atomic_fetch_add(&plan.count[1], 1);
	if (plan.action == KILL)
		raise(SIGKILL);
	while (plan.action == HANG && gettid() != getpid())
		pause();
	return plan.action;
}

static enum action
verdict_fd(const char *call, int fd)
{
	int		saved = errno;
	enum action	a;

	if (plan.action == NOT_ACTIVE)
		return NONE;
	a = verdict(call, is_of_dir(fd));
	errno = saved;
	return a;
}

static enum action
verdict_path(const char *call, const char *path)
{
	return plan.action == NOT_ACTIVE ? NONE : verdict(call, is_below(path));
}

#define REAL(name)	real_##name = (__typeof__(real_##name))dlsym(RTLD_NEXT, #name)

/* Carries a call out as the verdict says; `short` ones have a shorter length. */
#define CARRY_OUT(a, call) do {						\
	if ((a) == FAIL) {						\
		errno = plan.error;					\
		return -1;						\
	}								\
	__typeof__(call) result_ = (call);				\
	if ((a) == AFTER)						\
		raise(SIGKILL);						\
	return result_;							\
} while (0)

static size_t
length(enum action a, size_t n)
{
	if (a != SHORT || n < 2)
		return n;
	return n > 200 ? 100 : n / 2;
}

/* ---- the calls ---- */

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	static ssize_t	(*real_pwrite64)(int, const void *, size_t, off64_t);
	enum action	  a = verdict_fd("pwrite64", fd);

	REAL(pwrite64);
	CARRY_OUT(a, real_pwrite64(fd, p, length(a, n), at));
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite64(fd, p, n, at);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	static ssize_t	(*real_write)(int, const void *, size_t);
	enum action	  a = verdict_fd("write", fd);

	REAL(write);
	CARRY_OUT(a, real_write(fd, p, length(a, n)));
}

int
fdatasync(int fd)
{
	static int	(*real_fdatasync)(int);
	enum action	  a = verdict_fd("fdatasync", fd);

	REAL(fdatasync);
	CARRY_OUT(a, real_fdatasync(fd));
}

int
fsync(int fd)
{
	static int	(*real_fsync)(int);
	enum action	  a = verdict_fd("fsync", fd);

	REAL(fsync);
	CARRY_OUT(a, real_fsync(fd));
}

int
ftruncate64(int fd, off64_t len)
{
	static int	(*real_ftruncate64)(int, off64_t);
	enum action	  a = plan.action == NOT_ACTIVE ? NONE : verdict_fd("ftruncate", fd);

	REAL(ftruncate64);
	CARRY_OUT(a, real_ftruncate64(fd, len));
}

int
ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

/* It returns its error. */
int
posix_fallocate64(int fd, off64_t at, off64_t len)
{
	static int	(*real_posix_fallocate64)(int, off64_t, off64_t);
	enum action	  a = verdict_fd("fallocate", fd);
	int		  rc;

	REAL(posix_fallocate64);
	if (a == FAIL)
		return plan.error;
	rc = real_posix_fallocate64(fd, at, len);
	if (a == AFTER)
		raise(SIGKILL);
	return rc;
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	return posix_fallocate64(fd, at, len);
}

int
rename(const char *from, const char *to)
{
	static int	(*real_rename)(const char *, const char *);
	enum action	  a = verdict_path("rename", to);

	REAL(rename);
	CARRY_OUT(a, real_rename(from, to));
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	static int	(*real_renameat)(int, const char *, int, const char *);
	enum action	  a = verdict_fd("rename", to_dir);

	REAL(renameat);
	CARRY_OUT(a, real_renameat(from_dir, from, to_dir, to));
}

int
unlink(const char *path)
{
	static int	(*real_unlink)(const char *);
	enum action	  a = verdict_path("unlink", path);

	REAL(unlink);
	CARRY_OUT(a, real_unlink(path));
}

/* Only what makes a file counts. */
static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
}

int
open64(const char *path, int flags, ...)
{
	static int	(*real_open64)(const char *, int, ...);
	enum action	  a = (flags & O_CREAT) == 0 ? NONE : verdict_path("open", path);
	va_list		  ap;
	mode_t		  mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	REAL(open64);
	CARRY_OUT(a, real_open64(path, flags, mode));
}

int
openat(int dir, const char *path, int flags, ...)
{
	static int	(*real_openat)(int, const char *, int, ...);
	enum action	  a = (flags & O_CREAT) == 0 ? NONE : verdict_fd("open", dir);
	va_list		  ap;
	mode_t		  mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	REAL(openat);
	CARRY_OUT(a, real_openat(dir, path, flags, mode));
}
