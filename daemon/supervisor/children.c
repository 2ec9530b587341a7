/* children.c - which processes are ours.  Runs in: supervisor. */
#include "daemon/supervisor/children.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/supervisor/launch.h"
#include "daemon/supervisor/own_file.h"
#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define FILE_BYTES_MAX	(1 << 20)
#define BOOT_ID_CHARS	36
#define END_NS		(5 * NS_PER_S)

/* Which boot of the machine this is; start times count from it. */
static void
read_boot_id(char out[BOOT_ID_CHARS + 1])
{
	char	*text = fd_read_file("/proc/sys/kernel/random/boot_id", BOOT_ID_CHARS, NULL);

	snprintf(out, BOOT_ID_CHARS + 1, "%s", text == NULL ? "" : text);
	free(text);
}

uint64_t
children_start_time(pid_t pid)
{
	char		 path[64], *text, *at;
	uint64_t	 start = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((text = fd_read_file(path, 4096, NULL)) == NULL)
		return 0;
	/* The name, field 2, may hold blanks and brackets too: field 22 counts from behind it. */
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		start = strtoull(at + 1, NULL, 10);
	free(text);
	return start;
}

/*
 * SIGKILL for the process of that name, through a descriptor, so that it cannot be another one's
 * that has taken the pid meanwhile.  The descriptor, to wait at; -1: there is none.
 */
static int
kill_left(pid_t pid, uint64_t start)
{
	int	fd;

	if (pid <= 1 || start == 0 || (fd = pidfd_open(pid, 0)) < 0)
		return -1;
	if (children_start_time(pid) != start || pidfd_send_signal(fd, SIGKILL, NULL, 0) != 0) {
		close(fd);
		return -1;
	}
	log_warn("child of a dead supervisor killed pid=%d", (int)pid);
	return fd;
}

static void
await_end(int pidfd, int64_t until_ns)
{
	struct pollfd	p = { .fd = pidfd, .events = POLLIN };
	int64_t		left_ns = until_ns - clock_mono_ns();

	while (left_ns > 0 && poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1) < 0 && errno == EINTR)
		left_ns = until_ns - clock_mono_ns();
	close(pidfd);
}

static void
end_left(char *text)
{
	int64_t	 until_ns = clock_mono_ns() + END_NS;
	char	 boot_id[BOOT_ID_CHARS + 1], *save, *line;
	int	*fds = NULL;
	size_t	 n = 0;

	read_boot_id(boot_id);
	line = strtok_r(text, "\n", &save);
	if (line == NULL || strcmp(line, boot_id) != 0)
		return;			/* of an earlier boot: none of them lives */
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		char		*end;
		long		 pid = strtol(line, &end, 10);
		uint64_t	 start = strtoull(end, NULL, 10);
		int		 fd = kill_left((pid_t)pid, start);

		if (fd < 0)
			continue;
		fds = mem_resize(fds, n + 1, sizeof(*fds));
		fds[n++] = fd;
	}
	for (size_t i = 0; i < n; i++)
		await_end(fds[i], until_ns);
	free(fds);
}

int
children_open(struct children *c, const char *state_dir, char *why, size_t size)
{
	char	*text = NULL;
	int	 rc;

	c->path = mem_printf("%s/children", state_dir);
	c->fd = rc = own_file_open_trusted(c->path);
	if (rc >= 0 && (text = own_file_read(c->fd, FILE_BYTES_MAX)) == NULL)
		rc = -errno;
	if (rc < 0) {
		snprintf(why, size, "%s: cannot be read: %s", c->path, strerror(-rc));
		fd_close(&c->fd);
		free(c->path);
		c->path = NULL;
		return rc;
	}
	end_left(text);
	free(text);
	children_record(c, NULL, 0);
	return 0;
}

/*
 * One write over what was there.  Lines have a fixed width, so if we die before the rest is cut
 * off, it is whole lines of processes that are gone.
 */
void
children_record(struct children *c, const struct child *const *list, size_t n)
{
	struct buf	out = { 0 };
	char		boot_id[BOOT_ID_CHARS + 1];

	read_boot_id(boot_id);
	buf_printf(&out, "%s\n", boot_id);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%10d %20" PRIu64 "\n", (int)list[i]->pid, list[i]->start);
	if (pwrite(c->fd, buf_data(&out), buf_len(&out), 0) != (ssize_t)buf_len(&out) ||
	    ftruncate(c->fd, (off_t)buf_len(&out)) != 0)
		log_warn("children not recorded path=%s errno=%d", c->path, errno);
	buf_free(&out);
}

void
children_close(struct children *c)
{
	if (c->path != NULL)
		unlink(c->path);
	free(c->path);
	c->path = NULL;
	fd_close(&c->fd);
}
