/* items.c - the lines of stdin, one job each.  Runs in: jobctl. */
#include "client/items.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES	((size_t)64 << 10)

/* The line of len bytes at the front, and the end of it if it has one. */
static enum item
take(struct items *it, size_t len, size_t taken, struct span *line, uint64_t *index)
{
	bool	too_long = it->skipping || len > it->max;

	*line = (struct span){ buf_data(&it->in), len };
	*index = it->next++;
	it->taken = taken;
	it->searched = 0;
	it->skipping = false;
	return too_long ? ITEM_TOO_LONG : ITEM_LINE;
}

enum item
items_next(struct items *it, struct span *line, uint64_t *index)
{
	const char	*end;
	size_t		 len;

	buf_consume(&it->in, it->taken);
	it->taken = 0;
	len = buf_len(&it->in);
	if (len > it->searched) {
		end = memchr(buf_data(&it->in) + it->searched, it->end, len - it->searched);
		if (end != NULL) {
			len = (size_t)(end - buf_data(&it->in));
			return take(it, len, len + 1, line, index);
		}
	}
	if (it->eof && (len > 0 || it->skipping))
		return take(it, len, len, line, index);
	if (it->eof)
		return ITEM_END;
	if (len > it->max) {		/* the rest of it will not be kept */
		buf_consume(&it->in, len);
		it->skipping = true;
		len = 0;
	}
	it->searched = len;
	return ITEM_NONE;
}

int
items_fill(struct items *it)
{
	ssize_t	n = read(it->fd, buf_room(&it->in, READ_BYTES), READ_BYTES);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		it->eof = true;
	buf_added(&it->in, (size_t)n);
	it->bytes += (uint64_t)n;
	return 0;
}

void
items_fini(struct items *it)
{
	buf_free(&it->in);
}
