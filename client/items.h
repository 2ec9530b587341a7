/* items.h - the lines of stdin, one job each, in bounded memory. */
#ifndef CLIENT_ITEMS_H
#define CLIENT_ITEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/rpc.h"

struct items {
	int		 fd;
	char		 end;		/* what ends a line: '\n' or NUL */
	size_t		 max;		/* bytes of a line */
	bool		 eof;
	bool		 skipping;	/* inside a line that is too long */
	size_t		 searched;
	uint64_t	 next;		/* index of the next line, from 0 */
	uint64_t	 bytes;		/* read so far */
	struct buf	 in;
	size_t		 taken;		/* lent out, dropped at the next call */
};

enum item { ITEM_NONE, ITEM_LINE, ITEM_TOO_LONG, ITEM_END };

/* The next line that is here already, lent until the next call.  NONE: items_fill first. */
enum item items_next(struct items *it, struct span *line, uint64_t *index);
/* One read(2).  0 or -errno. */
int items_fill(struct items *it);
void items_fini(struct items *it);

#endif
