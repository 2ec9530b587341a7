/*
 * tracks.h - where a slice of time is drawn: each worker has as many tracks as it had attempts at once, and on
 * one track no two slices overlap.
 *
 * Slices may come in any order; newest first is fastest.  What is kept of each is when it was, 16
 * bytes, and nothing of its text.
 */
#ifndef CLIENT_TRACKS_H
#define CLIENT_TRACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/map.h"

struct track_worker;

/* All zero has none. */
struct tracks {
	struct namemap	 by_name;
	struct track_worker **list;
	uint32_t	 len;
};

struct track {
	uint32_t	worker;		/* from 1, in the order in which they came */
	uint32_t	number;		/* from 1, of the worker's */
	bool		fresh_worker, fresh;	/* it is the first slice there */
};

/* from <= to; one that takes no time overlaps with those that it is inside. */
struct track tracks_place(struct tracks *t, const char *worker, int64_t from, int64_t to);
void tracks_free(struct tracks *t);

#endif
