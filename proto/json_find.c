/* json_find.c - a single member of a checked JSON object.  Runs in: every process. */
#include "proto/json_find.h"

#include <string.h>

#include "proto/bounds.h"

static bool
same(struct span a, const char *p, size_t len)
{
	return a.len == len && memcmp(a.p, p, len) == 0;
}

/* Is the raw text of a JSON string, without its quotes, this text? */
static bool
is_text(struct span raw, struct span text, struct buf *scratch)
{
	if (memchr(raw.p, '\\', raw.len) == NULL)
		return same(raw, text.p, text.len);
	scratch->head = scratch->tail = 0;
	return scan_decode(raw, scratch) && same(text, buf_data(scratch), buf_len(scratch));
}

bool
json_find(struct span object, struct span name, struct buf *scratch, enum scan_type *type,
    struct span *raw)
{
	struct scan	s;
	struct span	key;

	if (object.len == 0)
		return false;
	scan_init(&s, object.p, object.len, SCAN_DEPTH_MAX, UINT32_MAX);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &key)) {
		bool	found = is_text(key, name, scratch);

		if (!scan_value(&s, type, raw))
			return false;
		if (found)
			return true;
	}
	return false;
}

bool
json_find_string(struct span object, struct span name, struct span value, struct buf *scratch)
{
	enum scan_type	type;
	struct span	raw;

	return json_find(object, name, scratch, &type, &raw) && type == SCAN_STRING &&
	    is_text((struct span){ raw.p + 1, raw.len - 2 }, value, scratch);
}
