/*
 * print_output.h - bytes that a job has said, as members of JSON.
 */
#ifndef NET_PRINT_OUTPUT_H
#define NET_PRINT_OUTPUT_H

#include <stddef.h>

#include "daemon/broker/logs/log.h"
#include "lib/buf.h"

/* All of a member but its bytes, at most. */
#define OUTPUT_FRAME_BYTES	200

/*
 * `"data":"..."`, or `"data_base64":"..."` where it is no text: not UTF-8, or with a NUL.  As many of the
 * bytes as surely fit into room, whole characters of text, but one byte at least: returns how many.
 */
size_t print_data(struct buf *out, const char *p, size_t len, size_t room);
/* `"stream":"stdout","offset":7,"at_ms":1700000000000,` and the above. */
size_t print_log_piece(struct buf *out, const struct log_piece *piece, size_t room);

#endif
