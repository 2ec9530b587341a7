/* feed.c - bytes of ours to the stdin of a job.  Runs in: jobctl. */
#include "client/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/base64.h"
#include "lib/clock.h"

#define WINDOW		4
#define CHUNK_BYTES	((size_t)192 << 10)
#define LINE_OVERHEAD	256		/* of a request besides its data */
#define LINE_LEAST	1024		/* the shortest that a daemon can be set to */
#define DELAY_FIRST_MS	2
#define DELAY_MAX_MS	500

void
feed_init(struct feed *f, struct ctl *ctl, uint64_t id, int fd, bool close_at_end,
    bool patient)
{
	*f = (struct feed){ .ctl = ctl, .id = id, .fd = fd, .close_at_end = close_at_end,
		.patient = patient, .open = fd >= 0, .delay_ms = DELAY_FIRST_MS, .terminal = fd >= 0 && isatty(fd) };
}

void
feed_fini(struct feed *f)
{
	buf_free(&f->first);
	buf_free(&f->chunk);
	free(f->kind);
	free(f->message);
}

static bool
may_send(const struct feed *f)
{
	return !f->refused && !f->retry && f->on_way < (f->taken ? WINDOW : 1);
}

/* In the background a terminal is not ours to read: it would stop us. */
int
feed_poll_fd(const struct feed *f)
{
	if (!f->open || !may_send(f) || (f->terminal && tcgetpgrp(f->fd) != getpgrp()))
		return -1;
	return f->fd;
}

/* So many bytes that their request fits the daemon's line. */
static size_t
chunk_bytes(const struct feed *f)
{
	int64_t	line = f->ctl->daemon_line;
	size_t	most;

	if (line < LINE_LEAST)
		line = LINE_LEAST;
	most = ((size_t)line - LINE_OVERHEAD) / 4 * 3;
	return most < CHUNK_BYTES ? most : CHUNK_BYTES;
}

/* ---- answers ---- */

static void
refuse(struct feed *f, const char *kind, const char *message)
{
	if (f->refused)
		return;
	f->refused = true;
	f->open = false;
	f->kind = mem_strdup(kind);
	f->message = mem_strdup(message);
}

/* Not running yet, most likely: it is tried again. */
static void
try_later(struct feed *f)
{
	f->retry = true;
	f->retry_ns = clock_after_ms(clock_mono_ns(), f->delay_ms);
	f->delay_ms = f->delay_ms * 2 < DELAY_MAX_MS ? f->delay_ms * 2 : DELAY_MAX_MS;
}

static void
on_answer(struct jobd_future *future, void *data)
{
	struct feed			*f = data;
	const struct jobd_error		*err = jobd_error(future);

	f->on_way--;
	if (err == NULL)
		f->taken = true;
	else if (err->code > 0)
		f->unsure = true;	/* the connection is lost, which is the caller's to see */
	else if (strcmp(err->kind, "conflict") == 0 && f->patient && !f->taken)
		try_later(f);
	else
		refuse(f, err->kind, err->message);
	if (f->taken)
		buf_free(&f->first);
	jobd_forget(future);
}

/* ---- requests ---- */

static void
send_params(struct feed *f, const char *params)
{
	struct jobd_error	 err;
	struct jobd_future	*future = jobd_start(f->ctl->conn, "job.write", params, &err);

	if (future == NULL) {
		if (jobd_broken(f->ctl->conn)->code == 0)
			refuse(f, err.kind, err.message);
		return;
	}
	f->on_way++;
	jobd_on_done(future, on_answer, f);
}

/* The bytes at hand, and eof behind them. */
static void
send_chunk(struct feed *f, bool eof)
{
	struct buf	 params = { 0 };
	char		*text;

	buf_printf(&params, "{\"id\":%llu", (unsigned long long)f->id);
	if (buf_len(&f->chunk) > 0) {
		buf_puts(&params, ",\"data_base64\":\"");
		base64_put(&params, buf_data(&f->chunk), buf_len(&f->chunk));
		buf_putc(&params, '"');
	}
	if (eof)
		buf_puts(&params, ",\"eof\":true");
	buf_putc(&params, '}');
	buf_consume(&f->chunk, buf_len(&f->chunk));
	f->sent_eof |= eof;
	if (!f->taken)
		buf_append(&f->first, buf_data(&params), buf_len(&params));
	text = buf_take_string(&params);
	send_params(f, text);
	free(text);
}

static void
end_of_file(struct feed *f)
{
	f->open = false;
	/* Who had nothing to write hears all the same whether the job could have taken it. */
	if (f->close_at_end || (!f->patient && !f->taken && f->on_way == 0))
		send_chunk(f, f->close_at_end);
}

void
feed_read(struct feed *f)
{
	size_t	most = chunk_bytes(f);
	ssize_t	n;

	n = read(f->fd, buf_room(&f->chunk, most), most);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		f->error = -errno;
		end_of_file(f);
	} else if (n == 0) {
		end_of_file(f);
	} else {
		buf_added(&f->chunk, (size_t)n);
		send_chunk(f, false);
	}
}

void
feed_turn(struct feed *f, int *timeout_ms)
{
	int64_t	left;
	char	*text;

	if (!f->retry)
		return;
	left = (f->retry_ns - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
	if (left > 0) {
		if (*timeout_ms < 0 || left < *timeout_ms)
			*timeout_ms = (int)left;
		return;
	}
	f->retry = false;
	text = mem_strndup(buf_data(&f->first), buf_len(&f->first));
	send_params(f, text);
	free(text);
}

bool
feed_done(const struct feed *f)
{
	return f->refused || (!f->open && f->on_way == 0 && !f->retry);
}
