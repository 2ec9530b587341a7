/* private_file.c - files with secrets. */
#include "lib/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

static int
check_file(int fd, const char *path, size_t max, size_t *len, char *why, size_t size)
{
	struct stat	st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != geteuid() && st.st_uid != 0)) {
		snprintf(why, size, "%s: is not a regular file of uid %u", path,
		    (unsigned)geteuid());
		return -EPERM;
	}
	if ((st.st_mode & 0077) != 0) {
		snprintf(why, size, "%s: has mode %04o, so others may know what is in it: chmod 600 "
		    "if nobody has read it, or remove it", path,
		    (unsigned)st.st_mode & 07777);
		return -EPERM;
	}
	if ((size_t)st.st_size > max) {
		snprintf(why, size, "%s: is longer than %zu bytes", path, max);
		return -EFBIG;
	}
	*len = (size_t)st.st_size;
	return 0;
}

static int
read_whole(int fd, char *text, size_t len)
{
	size_t	have = 0;
	ssize_t	n;

	while (have < len) {
		if ((n = read(fd, text + have, len - have)) == 0)
			return -EIO;		/* somebody cuts it under us */
		if (n < 0 && errno != EINTR)
			return -errno;
		have += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return 0;
}

int
private_file_read(const char *path, size_t max, char **text, size_t *len, char *why, size_t size)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

	if (fd < 0) {
		rc = -errno;
		snprintf(why, size, "%s: cannot be opened: %s", path, strerror(-rc));
		return rc;
	}
	if ((rc = check_file(fd, path, max, len, why, size)) == 0) {
		*text = mem_alloc(*len + 1);
		if ((rc = read_whole(fd, *text, *len)) != 0) {
			snprintf(why, size, "%s: cannot be read: %s", path, strerror(-rc));
			free(*text);
			*text = NULL;
		}
	}
	fd_close(&fd);
	return rc;
}

int
private_file_write(const char *path, const char *text, size_t len, char *why, size_t size)
{
	char	*aside = mem_printf("%s.new", path);
	int	 fd, rc;

	unlink(aside);		/* of a start that did not get far */
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -errno : fd_write_all(fd, text, len);
	if (rc == 0 && (fsync(fd) != 0 || rename(aside, path) != 0))
		rc = -errno;
	if (rc != 0) {
		snprintf(why, size, "%s: cannot be written: %s", path, strerror(-rc));
		unlink(aside);
	}
	fd_close(&fd);
	free(aside);
	return rc;
}
