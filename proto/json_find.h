/*
 * json_find.h - a single member of a checked JSON object, without a tree.
 */
#ifndef PROTO_JSON_FIND_H
#define PROTO_JSON_FIND_H

#include <stdbool.h>

#include "lib/buf.h"
#include "proto/json_scan.h"

/*
 * The member whose name, decoded, is this text: its kind and its raw text.  False: there is
 * none, or it is no object.  scratch: what is decoded goes there; it is emptied first.
 */
bool json_find(struct span object, struct span name, struct buf *scratch, enum scan_type *type,
    struct span *raw);
/* Has the object a member of this name that is this string? */
bool json_find_string(struct span object, struct span name, struct span value, struct buf *scratch);

#endif
