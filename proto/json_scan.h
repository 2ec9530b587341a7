/*
 * json_scan.h - one pass over JSON text: grammar, UTF-8, depth and the number of values are
 * checked, and the spans of values come out.  Nothing is allocated, nothing is copied.
 *
 * A pull parser: scan_value checks and skips a whole value; scan_object / scan_member and
 * scan_array / scan_element walk into one.  After the first error every call returns false and
 * scan->error says what is wrong and where.  Grammar: RFC 8259, no extensions; an escaped NUL
 * (\u0000) is allowed inside values, a surrogate without its partner is not: it stands for no
 * text.
 */
#ifndef PROTO_JSON_SCAN_H
#define PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/rpc.h"

#define SCAN_DEPTH_MAX	1024	/* whatever a caller asks for: values inside values use the stack */

enum scan_type {
	SCAN_NULL, SCAN_TRUE, SCAN_FALSE, SCAN_INTEGER, SCAN_REAL, SCAN_STRING, SCAN_OBJECT,
	SCAN_ARRAY
};

struct scan {
	const char	*at, *end, *begin;
	uint32_t	 depth, max_depth;
	uint32_t	 values, max_values;	/* counted so far, and the most there may be */
	bool		 first;		/* just behind an opening bracket: no comma is due */
	bool		 escaped;	/* the last string or key has a backslash: decode it */
	const char	*error;		/* NULL while all is well; a literal: "bad UTF-8", ... */
	size_t		 error_at;	/* byte offset of it */
};

/* The two errors that are about a limit, so that it can be named: scan->error is one of these. */
extern const char scan_too_deep[], scan_too_many[];

void scan_init(struct scan *s, const char *text, size_t len, uint32_t max_depth,
    uint32_t max_values);
/* One value of any kind, checked whole.  *out is its raw text. */
bool scan_value(struct scan *s, enum scan_type *type, struct span *out);
/* What the next value is, without moving; of a number only that it is one (SCAN_INTEGER). */
bool scan_peek(struct scan *s, enum scan_type *type);
/*
 * Enter an object; then scan_member gives each key (raw text between the quotes) until it returns
 * false: at the closing brace (error is NULL) or at an error.  After a key, take exactly one value.
 */
bool scan_object(struct scan *s);
bool scan_member(struct scan *s, struct span *key);
/* Enter an array; scan_element returns true when a value follows. */
bool scan_array(struct scan *s);
bool scan_element(struct scan *s);
/* Nothing but white space is left. */
bool scan_end(struct scan *s);

/* Is this exactly one JSON value?  NULL, or what is wrong.  For results of handlers. */
const char *scan_check(const char *text, size_t len, uint32_t max_depth);

/*
 * Append the decoded text of a checked string (raw: between its quotes), at most raw.len bytes.
 * False: it has \u0000, and nothing is appended.
 */
bool scan_decode(struct span raw, struct buf *out);

#endif
