/* scratch.c - a private directory for an attempt.  Runs in: exec workers, loop thread. */
#include "workers/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

#define ENTRIES_AT_ONCE	1000

int
scratch_make(struct scratch *s, uint64_t job, bool tmpdir)
{
	*s = (struct scratch){ .top = -1 };
	snprintf(s->path, sizeof(s->path), "/tmp/jobd-%llu-XXXXXX", (unsigned long long)job);
	if (mkdtemp(s->path) == NULL) {
		s->path[0] = '\0';
		return -errno;
	}
	s->top = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->top < 0 || (tmpdir && mkdirat(s->top, "tmp", 0700) != 0))
		return -errno;
	return 0;
}

int
scratch_read_result(const struct scratch *s, size_t max, struct buf *out)
{
	/* not blocking: it could be a pipe with nobody at its other end */
	int		fd = openat(s->top, "result", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat	st;
	ssize_t		n;
	int		rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EINVAL;
	while (rc == 0 && (n = read(fd, buf_room(out, 65536), 65536)) != 0) {
		if (n < 0)
			rc = -errno;
		else
			buf_added(out, (size_t)n);
		if (buf_len(out) > max)
			rc = -EFBIG;
	}
	close(fd);
	return rc;
}

/* ---- removing ---- */

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The directory as such, also when its mode keeps its owner out. */
static int
open_directory(int at, const char *name)
{
	char	path[40];
	int	handle = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;

	if (handle < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", handle);
	chmod(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(handle);
	return fd;
}

/* Directories in it go to the top, the rest is unlinked.  False: something cannot be removed. */
static bool
empty_some(struct scratch *s, int dir, unsigned *budget)
{
	DIR		*entries = fdopendir(dir);
	struct dirent	*entry;
	bool		 good = entries != NULL;

	while (good && *budget > 0 && (entry = readdir(entries)) != NULL) {
		char	to[24];

		if (is_dots(entry->d_name))
			continue;
		--*budget;
		if (unlinkat(dir, entry->d_name, 0) == 0 ||
		    unlinkat(dir, entry->d_name, AT_REMOVEDIR) == 0)
			continue;
		snprintf(to, sizeof(to), "%u", s->moved++);
		if (renameat(dir, entry->d_name, s->top, to) == 0)
			continue;
		/* the owner may have been locked out of it: it is opened once, then moved */
		close(open_directory(dir, entry->d_name));
		good = renameat(dir, entry->d_name, s->top, to) == 0 ||
		    errno == ENOTEMPTY || errno == EEXIST;	/* that name is taken: next time */
	}
	if (entries != NULL)
		closedir(entries);
	else
		close(dir);
	return good;
}

/* Something in the top: 1; 0: nothing is left; -1: it cannot be removed. */
static int
remove_one(struct scratch *s, const char *name, unsigned *budget)
{
	int	dir;

	if (unlinkat(s->top, name, 0) == 0 || unlinkat(s->top, name, AT_REMOVEDIR) == 0)
		return 1;
	if ((dir = open_directory(s->top, name)) < 0 || !empty_some(s, dir, budget))
		return -1;
	return 1;
}

static int
remove_entries(struct scratch *s, unsigned *budget)
{
	int		 fd = openat(s->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		*entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent	*entry;
	int		 rc = 0;

	if (entries == NULL) {
		fd_close(&fd);
		return -1;
	}
	while (rc >= 0 && *budget > 0 && (entry = readdir(entries)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		--*budget;
		rc = remove_one(s, entry->d_name, budget);
	}
	closedir(entries);
	return rc;
}

static bool
give_up(struct scratch *s)
{
	log_warn("temporary directory %s stays: %s", s->path, strerror(errno));
	fd_close(&s->top);
	s->path[0] = '\0';
	return true;
}

bool
scratch_remove_some(struct scratch *s)
{
	unsigned	budget = ENTRIES_AT_ONCE;
	int		rc;

	if (s->path[0] == '\0')
		return true;
	if (s->top < 0 || fchmod(s->top, 0700) != 0 || (rc = remove_entries(s, &budget)) < 0)
		return give_up(s);
	if (rc > 0)			/* there may be more */
		return false;
	if (rmdir(s->path) != 0)
		return give_up(s);
	fd_close(&s->top);
	s->path[0] = '\0';
	return true;
}
