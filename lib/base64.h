/*
 * base64.h - bytes as text and back (RFC 4648, section 4, with padding).
 */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

/* Length of the text of n bytes. */
#define BASE64_LEN(n)	(((n) + 2) / 3 * 4)

/* Appends the text of len bytes, without quotes. */
void base64_put(struct buf *out, const void *p, size_t len);
/*
 * Appends the bytes of a text.  False, and nothing is appended: it has other characters, padding
 * that is missing or in its midst, or bits behind its last byte.
 */
bool base64_take(struct buf *out, const char *text, size_t len);
/*
 * The same into `to`, which has room for len / 4 * 3 bytes and may be the text itself.  How many
 * bytes they are, or -1.
 */
ptrdiff_t base64_decode(char *to, const char *text, size_t len);

#endif
