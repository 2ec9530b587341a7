/*
 * credentials.c - secrets that systemd hands to the service.  Runs in: supervisor, before it
 * starts anything.
 */
#include "daemon/supervisor/credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/private_file.h"

#define TOKEN_BYTES_MAX	256

static int
take(const char *dir, const char *state_dir, const char *name, char *why, size_t size)
{
	char	*from = mem_printf("%s/%s", dir, name), *to = mem_printf("%s/%s", state_dir, name);
	size_t	 len = 0;
	char	*text = fd_read_file(from, TOKEN_BYTES_MAX, &len);
	int	 rc = 0;

	if (text != NULL) {
		rc = private_file_write(to, text, len, why, size);
		explicit_bzero(text, len);
	} else if (errno != ENOENT) {
		rc = -errno;
		snprintf(why, size, "%s: cannot be read: %s", from, strerror(-rc));
	}
	free(text);
	free(from);
	free(to);
	return rc;
}

int
credentials_take(const char *state_dir, char *why, size_t size)
{
	const char	*dir = getenv("CREDENTIALS_DIRECTORY");
	int		 rc;

	if (dir == NULL)
		return 0;
	rc = take(dir, state_dir, "client.token", why, size);
	return rc != 0 ? rc : take(dir, state_dir, "worker.token", why, size);
}
