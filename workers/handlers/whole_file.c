/* whole_file.c - files that appear whole or not at all.  Runs in: workers, any thread. */
#include "workers/handlers/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "workers/handlers/roots.h"

/* Is there something that must not be replaced?  0 or -errno. */
static int
check_target(const struct whole_file *w)
{
	struct stat	st;

	if (fstatat(w->dir, w->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -ENOTSUP;
}

static int
open_temp(struct whole_file *w)
{
	uint64_t	random;

	for (int tries = 0; tries < 8; tries++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		snprintf(w->temp, sizeof(w->temp), ".jobd-%016llx.tmp", (unsigned long long)random);
		w->fd = openat(w->dir, w->temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (w->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static void
say(char *why, size_t size, const char *verb, int rc, const char *path)
{
	switch (rc) {
	case -EISDIR:
		snprintf(why, size, "a directory is not replaced: %s", path);
		break;
	case -ENOTSUP:
		snprintf(why, size, "what is there is not a regular file and is not replaced: %s",
		    path);
		break;
	case -EEXIST:
		snprintf(why, size, "there is such a file already: %s", path);
		break;
	default:
		snprintf(why, size, "cannot %s: %s: %s", verb, strerror(-rc), path);
	}
}

int
whole_open(struct whole_file *w, const char *path, char *why, size_t size)
{
	int	rc;

	*w = WHOLE_FILE_NONE;
	w->path = path;
	if ((w->dir = roots_find_parent(path, &w->name, why, size)) < 0)
		return -1;
	if ((rc = check_target(w)) == 0 && (rc = open_temp(w)) == 0)
		return 0;
	say(why, size, "write", rc, path);
	fd_close(&w->dir);
	return -1;
}

int
whole_commit(struct whole_file *w, mode_t mode, bool replace)
{
	int	rc;

	if (fchmod(w->fd, mode & 0777) != 0)
		return -errno;
	/* a rename may reach the disk before the data: a power cut would leave neither file */
	if (fsync(w->fd) != 0)
		return -errno;
	rc = replace ? renameat(w->dir, w->temp, w->dir, w->name) :
	    renameat2(w->dir, w->temp, w->dir, w->name, RENAME_NOREPLACE);
	if (rc != 0)
		return -errno;
	fd_close(&w->fd);
	return 0;
}

void
whole_close(struct whole_file *w)
{
	if (w->fd >= 0)
		unlinkat(w->dir, w->temp, 0);
	fd_close(&w->fd);
	fd_close(&w->dir);
}

void
whole_fail(struct jobd_attempt *at, const char *verb, int rc, const char *path)
{
	char	why[ROOTS_WHY_BYTES];

	say(why, sizeof(why), verb, rc, path);
	jobd_fail(at, why, NULL);
}
