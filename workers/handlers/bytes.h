/*
 * bytes.h - bytes in arguments and results: as text where they are UTF-8, else as base64.
 *
 * In JSON a member `NAME` is text and `NAME_base64` is base64 (RFC 4648, with padding).
 */
#ifndef HANDLERS_BYTES_H
#define HANDLERS_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "workers/handler.h"

/* How bytes are asked for: `"as": "auto"` is text where that is possible. */
enum bytes_as { BYTES_AUTO, BYTES_TEXT, BYTES_BASE64 };

enum bytes_as bytes_as(const char *name);
bool bytes_are_text(const char *p, size_t len);
/* `"NAME":"..."` or `"NAME_base64":"..."`.  False: it was to be text, and it is none. */
bool bytes_print(struct buf *out, const char *name, enum bytes_as as, const char *p, size_t len);
/* A JSON string; what is not UTF-8 becomes `?`. */
void bytes_print_lossy(struct buf *out, const char *p, size_t len);
/* A base64 JSON string. */
void bytes_print_base64(struct buf *out, const char *p, size_t len);
/* Appends what the text says; false: it is not base64. */
bool bytes_decode(struct buf *out, const char *base64, size_t len);
/*
 * What the argument's member `NAME` or `NAME_base64` says, appended to out.  1; 0: it has neither;
 * -1: the attempt has failed.
 */
int bytes_of_args(struct jobd_attempt *at, const char *name, struct buf *out);

#endif
