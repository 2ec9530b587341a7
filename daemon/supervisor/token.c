/* token.c - the owner's token.  Runs in: supervisor, before it starts anything. */
#include "daemon/supervisor/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define TOKEN_ID	"client."
#define SECRET_BYTES	32
#define TOKEN_CHARS	(sizeof(TOKEN_ID) - 1 + 2 * SECRET_BYTES)

/* One line of the form that make_token gives. */
static bool
is_token(const char *text)
{
	return strncmp(text, TOKEN_ID, sizeof(TOKEN_ID) - 1) == 0 &&
	    strspn(text + sizeof(TOKEN_ID) - 1, "0123456789abcdef") == 2 * SECRET_BYTES &&
	    (text[TOKEN_CHARS] == '\0' || strcmp(text + TOKEN_CHARS, "\n") == 0);
}

static int
check_token(int fd, const char *path, uid_t owner, char *why, size_t size)
{
	char		text[TOKEN_CHARS + 8] = { 0 };
	struct stat	st;
	bool		good;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != geteuid() && st.st_uid != owner)) {
		snprintf(why, size, "%s: is not a regular file of uid %u, who starts jobd", path,
		    (unsigned)geteuid());
		return -EPERM;
	}
	if ((st.st_mode & 0077) != 0) {
		snprintf(why, size, "%s: has mode %04o, so others may know the token; remove it, "
		    "and a new one is made", path, (unsigned)st.st_mode & 07777);
		return -EPERM;
	}
	good = read(fd, text, sizeof(text) - 1) > 0 && is_token(text);
	explicit_bzero(text, sizeof(text));
	if (!good) {
		snprintf(why, size, "%s: is not one line `%sSECRET` of 64 hex digits; remove it, "
		    "and a new one is made", path, TOKEN_ID);
		return -EINVAL;
	}
	return 0;
}

/* 0 or -errno; text has room for the line and a NUL. */
static int
make_token(char text[TOKEN_CHARS + 2])
{
	unsigned char	secret[SECRET_BYTES];
	char		*at = stpcpy(text, TOKEN_ID);

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -errno;
	for (size_t i = 0; i < sizeof(secret); i++)
		at += sprintf(at, "%02x", secret[i]);
	strcpy(at, "\n");
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* Written aside, then moved into place, so that a crash leaves the whole token or none. */
static int
write_token(const char *path)
{
	char	 text[TOKEN_CHARS + 2], *aside = mem_printf("%s.new", path);
	int	 fd = -1, rc;

	if ((rc = make_token(text)) != 0)
		goto out;
	unlink(aside);		/* of a start that did not get far; the directory is locked */
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	if ((rc = fd_write_all(fd, text, strlen(text))) == 0 &&
	    (fsync(fd) != 0 || rename(aside, path) != 0))
		rc = -errno;
	if (rc != 0)
		unlink(aside);
out:
	fd_close(&fd);
	explicit_bzero(text, sizeof(text));
	free(aside);
	return rc;
}

int
token_ensure(const char *state_dir, uid_t owner, char *why, size_t size)
{
	char	*path = mem_printf("%s/%s", state_dir, TOKEN_FILE);
	int	 fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

	if (fd >= 0) {
		rc = check_token(fd, path, owner, why, size);
	} else if (errno != ENOENT) {
		rc = -errno;
		snprintf(why, size, "%s: cannot be opened: %s", path, strerror(-rc));
	} else if ((rc = write_token(path)) != 0) {
		snprintf(why, size, "%s: cannot be made: %s", path, strerror(-rc));
	}
	fd_close(&fd);
	free(path);
	return rc;
}
