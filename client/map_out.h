/*
 * map_out.h - what `jobctl map` prints: a line for each item, as they come or as they were given.
 *
 * Lines are kept until stdout takes them, so that a slow reader behind a pipe never keeps jobctl
 * from reading the daemon.
 */
#ifndef CLIENT_MAP_OUT_H
#define CLIENT_MAP_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/options.h"
#include "lib/buf.h"
#include "lib/map.h"

struct map_out {
	enum format	 format;
	bool		 gather;
	int		 fd;
	bool		 regular;	/* a file: a write of any length is fine */
	uint64_t	 printed;
	struct buf	 ready;		/* for stdout */
	uint64_t	 next;		/* gather: the index whose turn it is */
	struct idmap	 held;		/* gather: index + 1 to line */
	size_t		 held_bytes;
};

void map_out_init(struct map_out *o, enum format format, bool gather, int fd);
void map_out_fini(struct map_out *o);

/* The line of an item; taken.  NULL: it has none (an empty line of the input). */
void map_out_line(struct map_out *o, uint64_t index, char *line);
/* Too much is kept: take no new item. */
bool map_out_full(const struct map_out *o);
/* As much as goes without waiting; 0 or -errno. */
int map_out_write(struct map_out *o);
/* All of it, and what ends a JSON array; 0 or -errno. */
int map_out_finish(struct map_out *o);

#endif
