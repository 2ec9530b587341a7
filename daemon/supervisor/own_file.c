/* own_file.c - which files of the state directory are believed.  Runs in: supervisor. */
#include "daemon/supervisor/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/owner.h"

#define TRIES	10		/* against one who puts his own there as fast as we remove it */

int
own_file_open(const char *path)
{
	int	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	return fd < 0 ? -errno : fd;
}

/* A second name would be that of a file elsewhere, which is not ours to write. */
bool
own_file_trusted(int fd)
{
	struct stat	st;
	char		why[160];

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    owner_trusted(&st, why, sizeof(why));
}

int
own_file_remove(const char *path)
{
	log_warn("not believed, somebody else can have written it path=%s", path);
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int
own_file_open_trusted(const char *path)
{
	for (int i = 0; i < TRIES; i++) {
		int	fd = own_file_open(path), rc;

		if (fd < 0 || own_file_trusted(fd))
			return fd;
		close(fd);
		if ((rc = own_file_remove(path)) != 0)
			return rc;
	}
	return -EPERM;
}

char *
own_file_read(int fd, size_t max)
{
	char	*text = mem_alloc(max + 1);
	size_t	 len = 0;
	ssize_t	 n;

	while (len < max && (n = pread(fd, text + len, max - len, (off_t)len)) != 0) {
		if (n > 0) {
			len += (size_t)n;
		} else if (errno != EINTR) {
			free(text);
			return NULL;
		}
	}
	text[len] = '\0';
	return text;
}
