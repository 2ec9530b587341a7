/*
 * file_copy.c - copies a file: the target is the old one or the whole new one, never a part.
 * Runs in: a thread of the io worker.
 *
 * The copy is written under a name of its own in the target's directory, synced, then renamed.  A
 * worker that is killed meanwhile leaves `.jobd-*.tmp` there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

#define RANGE_BYTES	(8 << 20)	/* between two looks at jobd_should_stop */
#define READ_BYTES	(256 << 10)

struct copy {
	struct jobd_attempt	*at;
	const char		*from, *to;	/* args */
	int			 in, dir, out;
	struct stat		 st;		/* of the source */
	const char		*name;		/* of the target in dir */
	char			 temp[32];	/* of the copy in dir */
	uint64_t		 done;
};

/* After each piece: 0 to go on, -ECANCELED. */
static int
copied(struct copy *c, uint64_t bytes)
{
	c->done += bytes;
	jobd_progress(c->at, c->done, (uint64_t)c->st.st_size, NULL);
	return jobd_should_stop(c->at) ? -ECANCELED : 0;
}

/* By the kernel.  0 at the end of the file, or where it cannot: copy_by_hand goes on from there. */
static int
copy_by_range(struct copy *c)
{
	int	rc = 0;

	while (rc == 0) {
		ssize_t	n = copy_file_range(c->in, NULL, c->out, NULL, RANGE_BYTES, 0);

		if (n == 0 || (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
		    errno == EOPNOTSUPP || errno == EPERM)))
			return 0;
		rc = n < 0 ? -errno : copied(c, (uint64_t)n);
	}
	return rc;
}

static int
copy_by_hand(struct copy *c)
{
	char	*bytes = mem_alloc(READ_BYTES);
	ssize_t	 got;
	int	 rc = 0;

	while (rc == 0 && (got = read(c->in, bytes, READ_BYTES)) != 0) {
		if (got < 0)
			rc = -errno;
		else if ((rc = fd_write_all(c->out, bytes, (size_t)got)) == 0)
			rc = copied(c, (uint64_t)got);
	}
	free(bytes);
	return rc;
}

/* Is there something that must not be replaced?  0 or -errno. */
static int
check_target(const struct copy *c)
{
	struct stat	st;

	if (fstatat(c->dir, c->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -EEXIST;
}

static int
open_temp(struct copy *c)
{
	uint64_t	random;

	for (int tries = 0; tries < 8; tries++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		snprintf(c->temp, sizeof(c->temp), ".jobd-%016llx.tmp", (unsigned long long)random);
		c->out = openat(c->dir, c->temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (c->out >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

static int
copy_whole(struct copy *c)
{
	int	rc;

	if ((rc = copy_by_range(c)) != 0 || (rc = copy_by_hand(c)) != 0)
		return rc;
	if (fchmod(c->out, c->st.st_mode & 0777) != 0)
		return -errno;
	/* a rename may reach the disk before the data: a power cut would leave neither file */
	if (fsync(c->out) != 0)
		return -errno;
	return renameat(c->dir, c->temp, c->dir, c->name) == 0 ? 0 : -errno;
}

static int
copy_to_temp_and_rename(struct copy *c)
{
	int	rc;

	if ((rc = check_target(c)) != 0 || (rc = open_temp(c)) != 0)
		return rc;
	if ((rc = copy_whole(c)) != 0)
		unlinkat(c->dir, c->temp, 0);
	close(c->out);
	return rc;
}

static void
answer(struct copy *c, int rc)
{
	char	result[48];
	int	len;

	switch (rc) {
	case 0:
		len = snprintf(result, sizeof(result), "{\"bytes\":%llu}",
		    (unsigned long long)c->done);
		jobd_succeed(c->at, result, (size_t)len);
		break;
	case -ECANCELED:
		jobd_cancelled(c->at);
		break;
	case -EISDIR:
		jobd_failf(c->at, "a directory is not replaced: %s", c->to);
		break;
	case -EEXIST:
		jobd_failf(c->at, "what is there is not a regular file and is not replaced: %s",
		    c->to);
		break;
	default:
		jobd_failf(c->at, "cannot copy: %s: %s", strerror(-rc), c->to);
	}
}

static void
file_copy(struct jobd_attempt *at)
{
	struct copy	c = { .at = at };

	c.from = args_text(at, "from");
	c.to = args_text(at, "to");
	if ((c.in = roots_open_file(at, c.from, &c.st)) >= 0) {
		if ((c.dir = roots_open_parent(at, c.to, &c.name)) >= 0) {
			answer(&c, copy_to_temp_and_rename(&c));
			close(c.dir);
		}
		close(c.in);
	}
}

const struct jobd_handler handler_file_copy = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.copy",
	.summary = "copies a file; the target appears whole or not at all",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"from": {"type": "string", "minLength": 1, "maxLength": 4095},
			"to": {"type": "string", "minLength": 1, "maxLength": 4095}
		},
		"required": ["from", "to"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD,
	.run = file_copy,
};
