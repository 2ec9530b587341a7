/*
 * frame.h - bytes to lines.  LF ends a line, a CR before it is dropped, empty lines are skipped.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "proto/rpc.h"

/*
 * Walks lines in data[0..len).  *at moves on past what was taken; scanned (may be NULL) remembers
 * how far a previous call has looked for the LF in an unfinished line, so that a line that arrives
 * in many pieces is searched once.
 *  1: *line is the next one, non-empty, without its LF; it points into data.
 *  0: what is left has no LF yet.
 */
int frame_next(const char *data, size_t len, size_t *at, size_t *scanned, size_t max,
    struct span *line);

#endif
