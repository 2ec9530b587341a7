/* print_left_out.h - files of types that are wrong, as type.list and server.reload tell them. */
#ifndef NET_PRINT_LEFT_OUT_H
#define NET_PRINT_LEFT_OUT_H

#include "daemon/broker/lanes/lanes.h"
#include "lib/buf.h"

/* `{"file","line","key","message"}` */
void print_left_out(struct buf *out, const struct left_out *row);

#endif
