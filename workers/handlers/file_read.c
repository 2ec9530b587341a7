/* file_read.c - a piece of a file as text or base64.  Runs in: a thread of the io worker. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

#define STEP_BYTES	(256 << 10)

/* 0 or -errno. */
static int
read_piece(struct jobd_attempt *at, int fd, struct buf *b, int64_t offset, size_t limit)
{
	ssize_t	got = 1;

	while (got > 0 && buf_len(b) < limit) {
		size_t	want = limit - buf_len(b) < STEP_BYTES ? limit - buf_len(b) : STEP_BYTES;

		if (jobd_should_stop(at))
			return -ECANCELED;
		got = pread(fd, buf_room(b, want), want, offset + (int64_t)buf_len(b));
		if (got < 0)
			return -errno;
		buf_added(b, (size_t)got);
	}
	return 0;
}

/* Bytes at the end that begin a character and do not end it: the next piece has it whole. */
static size_t
cut_character(const char *p, size_t len)
{
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char	c = (unsigned char)p[len - back];

		if ((c & 0xc0) == 0x80)
			continue;
		return c >= 0xc0 && utf8_sequence(p + len - back, back) == 0 ? back : 0;
	}
	return 0;
}

static void
answer(struct jobd_attempt *at, const struct buf *b, int64_t offset, int64_t size)
{
	enum bytes_as	 as = bytes_as(args_text(at, "as"));
	struct buf	 out = { 0 };
	const char	*p = buf_data(b);
	size_t		 len = buf_len(b), cut;
	bool		 eof = offset + (int64_t)len >= size;

	cut = eof || as == BYTES_BASE64 ? 0 : cut_character(p, len);
	if (cut < len && bytes_are_text(p, len - cut))
		len -= cut;
	buf_putc(&out, '{');
	if (!bytes_print(&out, "data", as, p, len)) {
		jobd_failf(at, "the file is not UTF-8 text there; args.as can be \"base64\": %s",
		    args_text(at, "path"));
	} else {
		buf_printf(&out, ",\"offset\":%lld,\"bytes\":%zu,\"size\":%lld,\"eof\":%s}",
		    (long long)offset, len, (long long)size, eof ? "true" : "false");
		jobd_succeed(at, buf_data(&out), buf_len(&out));
	}
	buf_free(&out);
}

static void
file_read(struct jobd_attempt *at)
{
	int64_t		offset = args_int(at, "offset");
	struct buf	b = { 0 };
	struct stat	st;
	int		fd = roots_open_file(at, args_text(at, "path"), &st), rc;

	if (fd < 0)
		return;
	rc = read_piece(at, fd, &b, offset, (size_t)args_int(at, "limit"));
	if (rc == -ECANCELED)
		jobd_cancelled(at);
	else if (rc != 0)
		jobd_failf(at, "cannot read: %s: %s", strerror(-rc), args_text(at, "path"));
	else
		answer(at, &b, offset, st.st_size);
	buf_free(&b);
	close(fd);
}

const struct jobd_handler handler_file_read = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.read",
	.summary = "a piece of a file, as text or base64",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"path": {"type": "string", "minLength": 1, "maxLength": 4095},
			"offset": {
				"type": "integer", "minimum": 0, "maximum": 4611686018427387904,
				"default": 0
			},
			"limit": {
				"type": "integer", "minimum": 4, "maximum": 67108864,
				"default": 1048576
			},
			"as": {"enum": ["auto", "text", "base64"], "default": "auto"}
		},
		"required": ["path"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD,
	.run = file_read,
};
