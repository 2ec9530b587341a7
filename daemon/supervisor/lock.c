/* lock.c - one jobd to a state directory.  Runs in: supervisor. */
#include "daemon/supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/supervisor/own_file.h"
#include "lib/alloc.h"
#include "lib/fd.h"

#define TRIES		100		/* locks that vanish as we take them */
#define PID_CHARS	31

/* Did whoever held the lock before us remove the file that we have locked now? */
static bool
is_current(int fd, const char *path)
{
	struct stat	ours, there;

	return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	    ours.st_ino == there.st_ino;
}

/*
 * Locked, and to be trusted.  Who holds a lock is asked first: a jobd that is not root's may run in
 * the directory, and its file, which we do not trust, excludes us all the same.
 */
static int
open_locked(const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		int	fd = own_file_open(path), rc;

		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			rc = -errno;
			close(fd);
			return rc;
		}
		if (is_current(fd, path)) {
			if (own_file_trusted(fd))
				return fd;
			own_file_remove(path);
		}
		close(fd);
	}
	return -EPERM;
}

/* Its pid, from a file that is to be trusted only. */
static void
say_who(const char *state_dir, const char *path, char *why, size_t size)
{
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char	*text = fd >= 0 && own_file_trusted(fd) ? own_file_read(fd, PID_CHARS) : NULL;

	if (text != NULL)
		text[strspn(text, "0123456789")] = '\0';
	if (text != NULL && text[0] != '\0')
		snprintf(why, size, "%s: is in use by the jobd with pid %s", state_dir, text);
	else
		snprintf(why, size, "%s: is in use by another jobd", state_dir);
	free(text);
	fd_close(&fd);
}

int
lock_take(struct lock *l, const char *state_dir, char *why, size_t size)
{
	char	 pid[PID_CHARS + 1];
	int	 rc;

	l->path = mem_printf("%s/lock", state_dir);
	l->fd = rc = open_locked(l->path);
	if (rc == -EWOULDBLOCK) {
		say_who(state_dir, l->path, why, size);
	} else if (rc < 0) {
		snprintf(why, size, "%s: cannot be locked: %s", l->path, strerror(-rc));
	} else {
		snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
		if (ftruncate(l->fd, 0) == 0 && (rc = fd_write_all(l->fd, pid, strlen(pid))) == 0)
			return 0;
		rc = rc < 0 ? rc : -errno;
		snprintf(why, size, "%s: cannot be written: %s", l->path, strerror(-rc));
		fd_close(&l->fd);
	}
	free(l->path);
	l->path = NULL;
	return rc;
}

void
lock_release(struct lock *l)
{
	if (l->path != NULL)
		unlink(l->path);
	free(l->path);
	l->path = NULL;
	fd_close(&l->fd);
}
