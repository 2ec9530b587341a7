/* line.c - a line of a store as text.  Runs in: jobd-store. */
#include "daemon/keeper/keeper.h"

#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "proto/bounds.h"
#include "proto/json_scan.h"

static bool
same(struct span s, const char *word)
{
	return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

/* Room was made beforehand: what is decoded does not move. */
static bool
decode(struct keeper_line *l, struct span raw, struct span *out)
{
	size_t	at = l->scratch.tail;

	if (!scan_decode(raw, &l->scratch))
		return false;
	*out = (struct span){ l->scratch.bytes + at, l->scratch.tail - at };
	return true;
}

static int
read_value(struct keeper_line *l, struct scan *s, struct keeper_value *v, char *why, size_t size)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(s, &type, &raw))
		return -1;
	if (type == SCAN_INTEGER &&
	    parse_i64(raw.p, raw.len, INT64_MIN, INT64_MAX, &v->number) == 0)
		return 0;
	if (type == SCAN_STRING && decode(l, (struct span){ raw.p + 1, raw.len - 2 }, &v->text))
		return 0;
	snprintf(why, size, "%.*s must be a whole number, or a string without NUL",
	    (int)(v->name.len < 40 ? v->name.len : 40), v->name.p);
	return -1;
}

static int
read_member(struct keeper_line *l, struct scan *s, struct span key, char *why, size_t size)
{
	struct keeper_value	v = { .text = { NULL, 0 } };

	if (!decode(l, key, &v.name)) {
		snprintf(why, size, "a name has a NUL");
		return -1;
	}
	if (read_value(l, s, &v, why, size) != 0)
		return -1;
	if (same(v.name, "table") && v.text.p != NULL) {
		l->table = v.text;
		return 0;
	}
	if (l->values_len == KEEPER_COLUMNS) {
		snprintf(why, size, "more than %d members", KEEPER_COLUMNS);
		return -1;
	}
	l->values[l->values_len++] = v;
	return 0;
}

/* What kind of line it is, by its members. */
static int
judge(struct keeper_line *l, char *why, size_t size)
{
	const struct keeper_value	*v = &l->values[0];
	bool				 one = l->values_len == 1 && v->text.p == NULL;

	if (l->table.p != NULL) {
		l->is = LINE_ROW;
		return 0;
	}
	if (one && (same(v->name, "jobd_store") || same(v->name, "rows"))) {
		l->is = same(v->name, "rows") ? LINE_END : LINE_BEGIN;
		l->number = v->number;
		return 0;
	}
	snprintf(why, size, "no row of a store: it has no member `table'");
	return -1;
}

int
keeper_line_read(const char *text, size_t len, struct keeper_line *out, char *why, size_t size)
{
	struct scan	s;
	struct span	key;

	*out = (struct keeper_line){ 0 };
	why[0] = '\0';
	buf_room(&out->scratch, len + 1);
	scan_init(&s, text, len, BOUND_DEPTH, UINT32_MAX);
	if (scan_object(&s))
		while (scan_member(&s, &key))
			if (read_member(out, &s, key, why, size) != 0)
				break;
	if (why[0] == '\0' && s.error == NULL && scan_end(&s))
		return judge(out, why, size);
	if (why[0] == '\0')
		snprintf(why, size, "%s at byte %zu", s.error == NULL ? "no JSON object" : s.error,
		    s.error_at);
	return -1;
}
