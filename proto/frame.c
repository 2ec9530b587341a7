/* frame.c - bytes to lines.  Runs in: broker, clients. */
#include "proto/frame.h"

#include <string.h>

/* A line's text: what stands before a CR that ends it. */
static size_t
without_cr(const char *p, size_t len)
{
	return len > 0 && p[len - 1] == '\r' ? len - 1 : len;
}

int
frame_next(const char *data, size_t len, size_t *at, size_t *scanned, size_t max, struct span *line)
{
	size_t	searched = scanned != NULL ? *scanned : 0;

	while (*at < len) {
		const char	*begin = data + *at, *lf;
		size_t		 left = len - *at, n;

		if (searched > left)
			searched = left;
		lf = searched == left ? NULL : memchr(begin + searched, '\n', left - searched);
		n = without_cr(begin, lf == NULL ? left : (size_t)(lf - begin));
		if (n > max)
			return -1;
		if (scanned != NULL)
			*scanned = lf == NULL ? left : 0;
		if (lf == NULL)
			return 0;
		searched = 0;
		*at += (size_t)(lf + 1 - begin);
		if (n == 0)
			continue;
		*line = (struct span){ begin, n };
		return 1;
	}
	return 0;
}
