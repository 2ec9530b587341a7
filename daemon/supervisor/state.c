/* state.c - whose the state directory is.  Runs in: supervisor, before it starts anything. */
#include "daemon/supervisor/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX	4

static int give_dir(int fd, const struct account *to, int depth);

static bool
is_ours(const char *name, int depth)
{
	return depth == 0 && (strcmp(name, "lock") == 0 || strcmp(name, "children") == 0);
}

/* What is neither a file of one name nor a directory, and what is not root's, stays as it is. */
static int
give_entry(int dir, const char *name, const struct account *to, int depth)
{
	int		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), rc = 0;
	struct stat	st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return give_dir(fd, to, depth + 1);
	else if (S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1 &&
	    fchown(fd, to->uid, to->gid) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Takes fd.  What is in it first: a start that is cut short begins again. */
static int
give_dir(int fd, const struct account *to, int depth)
{
	int		 rc = 0, own = dup(fd);
	struct dirent	*e;
	struct stat	 st;
	DIR		*d = own < 0 ? NULL : fdopendir(own);

	if (d == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !is_ours(e->d_name, depth))
			rc = give_entry(fd, e->d_name, to, depth);
	}
	closedir(d);
	if (rc == 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && fchown(fd, to->uid, to->gid) != 0)
		rc = -errno;
	/* built-in workers, which are of the group, reach outcomes of groups through it */
	if (rc == 0 && depth == 0 && fchmod(fd, 0710) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

int
state_give(const char *dir, const struct account *to, char *why, size_t size)
{
	int	fd, rc;

	if (to->uid == geteuid())
		return 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = fd < 0 ? -errno : give_dir(fd, to, 0);
	if (rc != 0)
		snprintf(why, size, "%s: cannot be given to %s: %s", dir, to->name, strerror(-rc));
	return rc;
}
