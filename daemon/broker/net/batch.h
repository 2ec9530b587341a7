/*
 * batch.h - the answers of a JSON-RPC batch, gathered until all are there, then sent as one line.
 *
 * While one of its calls waits, each of its members counts as an open call of the connection, so
 * what batches hold is bounded with the calls.
 */
#ifndef NET_BATCH_H
#define NET_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct connection;

struct batch {
	struct connection	*conn;
	struct buf		 out;		/* members, each followed by a comma */
	uint32_t		 members;
	uint32_t		 left;		/* not answered yet */
	uint32_t		 each_bytes;	/* room that every one of them is sure of */
	uint32_t		 weight;	/* open calls that it counts for; 0: none waits */
	bool			 building;	/* more members come */
};

struct batch *batch_new(struct connection *c, uint32_t members, uint32_t each_bytes);
/* Bytes that the answer being printed may take, leaving room for those that are to come. */
size_t batch_room(const struct batch *b);
/* All members were dispatched. */
void batch_built(struct batch *b);
/* A member has printed its answer (and no newline or comma behind it) from mark on. */
void batch_answered(struct batch *b, size_t mark);
/* A member that is not answered: a notification, or any when the connection is dead. */
void batch_skipped(struct batch *b);

#endif
