/*
 * outlet.h - what a language worker prints: to the log of the attempt that runs, or else, line by line and
 * not too many, to the daemon's.
 */
#ifndef LANES_OUTLET_H
#define LANES_OUTLET_H

#include <stdbool.h>

#include "daemon/broker/logs/logs.h"

#define OUTLET_LINE_BYTES	400	/* of a line in the daemon's log */
#define OUTLET_LINES_MAX	20	/* such lines of a worker in a second */

struct outlet;
struct seat;

/* fd: the end that we read; it is the outlet's. */
struct outlet *outlet_new(struct seat *seat, int fd, enum log_stream stream);
void outlet_free(struct outlet *o);
/* Takes what there is. */
void outlet_read(struct outlet *o);
/* The last line that went to the daemon's log; "" when there was none. */
const char *outlet_last_line(const struct outlet *o);

#endif
