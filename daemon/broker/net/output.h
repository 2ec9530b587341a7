/*
 * output.h - replies on their way out: gathered per connection, sent once a turn, bounded.
 */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "lib/buf.h"

struct connection;
struct net;

/* Where replies are appended; follow with output_wrote. */
struct buf *output_begin(struct connection *c);
/*
 * Whole lines were appended.  Above BOUND_OUTPUT_PAUSE nothing is read any more and sending starts
 * before the turn's end; above BOUND_OUTPUT_CLOSE, the line being sent apart, the connection is
 * closed.
 */
void output_wrote(struct connection *c);
/* Sends what there is; the end of the turn. */
void output_flush(struct connection *c);
/* Gives the memory of an empty output back. */
void output_drop(struct connection *c);
void output_spare_free(struct net *n);

#endif
