/* file_write.c - writes bytes into a file.  Runs in: a thread of the io worker. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"
#include "workers/handlers/whole_file.h"

static mode_t
mode_of(const struct jobd_attempt *at)
{
	return (mode_t)strtoul(args_text(at, "mode"), NULL, 8);
}

static void
answer(struct jobd_attempt *at, size_t bytes, int64_t size)
{
	char	result[80];
	int	len = snprintf(result, sizeof(result), "{\"bytes\":%zu,\"size\":%lld}", bytes,
		    (long long)size);

	jobd_succeed(at, result, (size_t)len);
}

/* The file is the old one, none, or the whole new one. */
static void
write_whole(struct jobd_attempt *at, const struct buf *b, bool replace)
{
	struct whole_file	w;
	char			why[ROOTS_WHY_BYTES];
	int			rc;

	if (whole_open(&w, args_text(at, "path"), why, sizeof(why)) != 0) {
		jobd_fail(at, why, NULL);
		return;
	}
	if ((rc = fd_write_all(w.fd, buf_data(b), buf_len(b))) == 0)
		rc = whole_commit(&w, mode_of(at), replace);
	whole_close(&w);
	if (rc == 0)
		answer(at, buf_len(b), (int64_t)buf_len(b));
	else
		whole_fail(at, "write", rc, w.path);
}

/* What is there must be a regular file.  The descriptor, or -errno. */
static int
open_to_append(const struct jobd_attempt *at, int dir, const char *name)
{
	/* without O_NONBLOCK, opening a FIFO would wait for a reader, perhaps for ever */
	static const int	flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct stat		st;
	int			fd = openat(dir, name, flags | O_CREAT | O_EXCL, 0600);

	if (fd >= 0)
		fchmod(fd, mode_of(at));	/* whatever the umask is */
	else if (errno == EEXIST)
		fd = openat(dir, name, flags);
	if (fd < 0)
		return errno == EISDIR ? -EISDIR : errno == ELOOP || errno == ENXIO ? -ENOTSUP : -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return -ENOTSUP;
}

/* In one write where the file system can: others who append do not come in between. */
static void
append(struct jobd_attempt *at, const struct buf *b)
{
	const char	*path = args_text(at, "path"), *name;
	struct stat	 st = { 0 };
	int		 dir = roots_open_parent(at, path, &name), fd, rc;

	if (dir < 0)
		return;
	if ((rc = fd = open_to_append(at, dir, name)) >= 0) {
		rc = fd_write_all(fd, buf_data(b), buf_len(b));
		if (rc == 0 && (fsync(fd) != 0 || fstat(fd, &st) != 0))
			rc = -errno;
		close(fd);
	}
	close(dir);
	if (rc == 0)
		answer(at, buf_len(b), st.st_size);
	else
		whole_fail(at, "write", rc, path);
}

static void
file_write(struct jobd_attempt *at)
{
	const char	*how = args_text(at, "how");
	struct buf	 b = { 0 };
	int		 given = bytes_of_args(at, "data", &b);

	if (given == 0)
		jobd_fail(at, "args.data or args.data_base64 is missing", NULL);
	else if (given > 0 && strcmp(how, "append") == 0)
		append(at, &b);
	else if (given > 0)
		write_whole(at, &b, strcmp(how, "replace") == 0);
	buf_free(&b);
}

const struct jobd_handler handler_file_write = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.write",
	.summary = "writes a file, or adds to it",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"path": {"type": "string", "minLength": 1, "maxLength": 4095},
			"data": {"type": "string"},
			"data_base64": {"type": "string"},
			"how": {"enum": ["replace", "create", "append"], "default": "replace"},
			"mode": {"type": "string", "pattern": "^0?[0-7]{3}$", "default": "0644"}
		},
		"required": ["path"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD,
	.run = file_write,
};
