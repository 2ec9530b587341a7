/*
 * chrome.h - a trace as Chrome's JSON, which Perfetto opens, written as it comes.
 *
 * A worker is a process of the trace, its tracks are threads of it, an attempt is a slice.
 * Source: the Trace Event Format (complete events "X", metadata events "M"; times in microseconds).
 */
#ifndef CLIENT_CHROME_H
#define CLIENT_CHROME_H

#include <stdint.h>

#include "client/tracks.h"
#include "lib/buf.h"

struct chrome {
	struct buf	*out;
	struct tracks	 tracks;
	uint64_t	 events, slices;
};

struct chrome_slice {
	const char	*worker;	/* its name */
	const char	*name;		/* of the slice */
	const char	*category;
	int64_t		 from_ms, to_ms;	/* since the epoch */
	const struct buf *args;		/* members of an object, without its braces */
};

/* Between the two of them slices; the caller empties out whenever it likes. */
void chrome_begin(struct chrome *c, struct buf *out);
void chrome_slice(struct chrome *c, const struct chrome_slice *s);
void chrome_end(struct chrome *c);

#endif
