/*
 * traceparent.h - whose work a job belongs to: the `traceparent` of W3C Trace Context, handed on as it came.
 *
 *	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *	version, trace-id, parent-id, trace-flags; lower-case hexadecimal digits
 *
 * Source: https://www.w3.org/TR/trace-context/, section 3.2.
 */
#ifndef PROTO_TRACEPARENT_H
#define PROTO_TRACEPARENT_H

#include <stdbool.h>
#include <stddef.h>

#define TRACEPARENT_BYTES	55

/*
 * Is it one?  Version ff is none, and neither id may be all zeros.  Of a later version, which may say
 * more behind the flags, only what all have is taken: exactly TRACEPARENT_BYTES.
 */
bool traceparent_is(const char *text, size_t len);

#endif
