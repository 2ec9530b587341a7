/* proc.c - what /proc tells of a process.  Runs in: exec workers, loop thread. */
#include "workers/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/buf.h"

#define ENVIRON_MAX		(4 << 20)
#define ENVIRON_TRIES		200
#define ENVIRON_PAUSE_NS	100000

static int
open_file(pid_t pid, const char *name)
{
	char	path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* At most size - 1 bytes, NUL-terminated; -1: none. */
static ssize_t
read_small(pid_t pid, const char *name, char *out, size_t size)
{
	int	fd = open_file(pid, name);
	ssize_t	n;

	if (fd < 0)
		return -1;
	n = read(fd, out, size - 1);
	close(fd);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

static int64_t
us_of_ticks(long long ticks)
{
	static long	hz;

	if (hz == 0)
		hz = sysconf(_SC_CLK_TCK);
	return (int64_t)ticks * 1000000 / hz;
}

int
proc_stat(pid_t pid, struct proc_stat *out)
{
	char			 text[1024], *after;
	int			 parent, session;
	long long		 user, system, child_user, child_system;
	unsigned long long	 start;

	if (read_small(pid, "stat", text, sizeof(text)) <= 0)
		return -ESRCH;
	/* the name is in parentheses, and may have some of its own */
	if ((after = strrchr(text, ')')) == NULL ||
	    sscanf(after + 1, " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld "
	    "%*d %*d %d %*d %llu", &out->state, &parent, &session, &user, &system, &child_user,
	    &child_system, &out->threads, &start) != 9)
		return -ESRCH;
	out->parent = parent;
	out->session = session;
	out->start = start;
	out->user_us = us_of_ticks(user + child_user);
	out->system_us = us_of_ticks(system + child_system);
	return 0;
}

bool
proc_is_dead(const struct proc_stat *st)
{
	return (st->state == 'Z' && st->threads <= 1) || st->state == 'X';
}

static void
take_number(const char *text, const char *name, int64_t *out)
{
	const char	*at = strstr(text, name);

	if (at != NULL)
		*out = strtoll(at + strlen(name), NULL, 10);
}

void
proc_io(pid_t pid, int64_t *read_bytes, int64_t *write_bytes)
{
	char	text[512];

	if (read_small(pid, "io", text, sizeof(text)) <= 0)
		return;
	take_number(text, "\nread_bytes: ", read_bytes);
	take_number(text, "\nwrite_bytes: ", write_bytes);
}

int64_t
proc_peak_rss(pid_t pid)
{
	char	text[4096];
	int64_t	kb = 0;

	if (read_small(pid, "status", text, sizeof(text)) > 0)
		take_number(text, "\nVmHWM:", &kb);
	return kb * 1024;
}

bool
proc_environ_has(const struct buf *environ_text, const char *text)
{
	const char	*p = buf_data(environ_text);
	size_t		 len = buf_len(environ_text), want = strlen(text) + 1;

	for (size_t i = 0; i < len;) {
		size_t	n = strnlen(p + i, len - i) + 1;

		if (n == want && memcmp(p + i, text, n - 1) == 0)
			return true;
		i += n;
	}
	return false;
}

static void
read_environ(pid_t pid, struct buf *out)
{
	int	fd = open_file(pid, "environ");
	ssize_t	got;

	if (fd < 0)
		return;
	while ((got = read(fd, buf_room(out, 4096), 4096)) > 0 && buf_len(out) < ENVIRON_MAX)
		buf_added(out, (size_t)got);
	close(fd);
}

/* Is it in the middle of exec?  Then the place of its environment, the 51st field, is not known yet. */
static bool
is_in_exec(pid_t pid)
{
	char			 text[1024], *after;
	unsigned long long	 env_end;
	int			 skipped = 2;	/* pid and name */

	if (read_small(pid, "stat", text, sizeof(text)) <= 0 || (after = strrchr(text, ')')) == NULL)
		return false;
	while (skipped < 50 && after != NULL) {
		after = strchr(after + 1, ' ');
		skipped++;
	}
	return after != NULL && sscanf(after, " %*s %llu", &env_end) == 1 && env_end == 0;
}

void
proc_environ(pid_t pid, struct buf *out)
{
	size_t	before = buf_len(out);
	int	calm = 0;		/* times that it was not there and nobody was making it */

	for (int tries = 0; tries < ENVIRON_TRIES && calm < 2; tries++) {
		read_environ(pid, out);
		if (buf_len(out) > before)
			return;
		if (!is_in_exec(pid))
			calm++;
		else
			nanosleep(&(struct timespec){ .tv_nsec = ENVIRON_PAUSE_NS }, NULL);
	}
}

void
pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 16 : 2 * p->cap;
		p->v = mem_resize(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

void
pids_free(struct pids *p)
{
	free(p->v);
	*p = (struct pids){ 0 };
}

/* Numbers with a space behind each; one may be cut by the end of a read. */
void
proc_children_of(int fd, struct pids *out)
{
	char	text[8192];
	off_t	at = 0;
	ssize_t	n;
	int	pid = 0;

	while ((n = pread(fd, text, sizeof(text), at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			if (pid > 0)
				pids_add(out, pid);
			pid = 0;
		}
		at += n;
	}
}

static void
children_of_thread(int tasks, const char *tid, struct pids *out)
{
	char	path[32];
	int	fd;

	snprintf(path, sizeof(path), "%.16s/children", tid);
	if ((fd = openat(tasks, path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	proc_children_of(fd, out);
	close(fd);
}

void
proc_children(pid_t pid, struct pids *out)
{
	struct dirent	*entry;
	int		 fd = open_file(pid, "task");
	DIR		*tasks;

	if (fd < 0)
		return;
	if ((tasks = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.')
			children_of_thread(dirfd(tasks), entry->d_name, out);
	closedir(tasks);
}
