/*
 * file_copy.c - copies a file: the target is the old one or the whole new one, never a part.
 * Runs in: a thread of the io worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"
#include "workers/handlers/whole_file.h"

#define RANGE_BYTES	(8 << 20)	/* between two looks at jobd_should_stop */
#define READ_BYTES	(256 << 10)

struct copy {
	struct jobd_attempt	*at;
	int			 in;
	struct stat		 st;		/* of the source */
	struct whole_file	 out;
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
		ssize_t	n = copy_file_range(c->in, NULL, c->out.fd, NULL, RANGE_BYTES, 0);

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
		else if ((rc = fd_write_all(c->out.fd, bytes, (size_t)got)) == 0)
			rc = copied(c, (uint64_t)got);
	}
	free(bytes);
	return rc;
}

static int
copy_whole(struct copy *c)
{
	int	rc;

	if ((rc = copy_by_range(c)) != 0 || (rc = copy_by_hand(c)) != 0)
		return rc;
	return whole_commit(&c->out, c->st.st_mode, true);
}

static void
answer(struct copy *c, int rc)
{
	char	result[48];
	int	len;

	if (rc == -ECANCELED) {
		jobd_cancelled(c->at);
	} else if (rc != 0) {
		whole_fail(c->at, "copy", rc, c->out.path);
	} else {
		len = snprintf(result, sizeof(result), "{\"bytes\":%llu}",
		    (unsigned long long)c->done);
		jobd_succeed(c->at, result, (size_t)len);
	}
}

static void
file_copy(struct jobd_attempt *at)
{
	struct copy	c = { .at = at };
	char		why[ROOTS_WHY_BYTES];

	if ((c.in = roots_open_file(at, args_text(at, "from"), &c.st)) < 0)
		return;
	if (whole_open(&c.out, args_text(at, "to"), why, sizeof(why)) == 0) {
		answer(&c, copy_whole(&c));
		whole_close(&c.out);
	} else {
		jobd_fail(at, why, NULL);
	}
	close(c.in);
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
