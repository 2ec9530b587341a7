/* members.c - a JSON object as an array of its members.  Runs in: exec workers, loop thread. */
#include "workers/members.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/map.h"

#define FIRST_MEMBERS	16

static struct member *
add(struct members *m)
{
	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? FIRST_MEMBERS : 2 * m->cap;
		m->v = mem_resize(m->v, m->cap, sizeof(*m->v));
	}
	return &m->v[m->n++];
}

static char *
decode_name(struct span raw)
{
	struct buf	b = { 0 };

	buf_room(&b, 1);
	if (scan_decode(raw, &b))
		return buf_take_string(&b);
	buf_free(&b);
	return NULL;
}

static bool
names_differ(const struct members *m)
{
	struct namemap	seen = { 0 };
	size_t		i;

	for (i = 0; i < m->n; i++) {
		const char	*name = m->v[i].name;

		if (namemap_get(&seen, name, strlen(name)) != NULL)
			break;
		namemap_put(&seen, name, strlen(name), &m->v[i]);
	}
	namemap_free(&seen);
	return i == m->n;
}

const char *
members_read(struct span object, struct members *out)
{
	struct scan	s;
	struct span	key;
	enum scan_type	type;

	scan_init(&s, object.p, object.len, MEMBERS_DEPTH, UINT32_MAX);
	if (!scan_peek(&s, &type) || type != SCAN_OBJECT)
		return s.error != NULL ? s.error : "not an object";
	scan_object(&s);
	while (scan_member(&s, &key)) {
		struct member	*m;
		char		*name = decode_name(key);

		if (name == NULL)
			return "a name with a NUL";
		m = add(out);
		*m = (struct member){ .name = name };
		if (!scan_value(&s, &m->type, &m->raw))
			break;
	}
	if (s.error == NULL)
		scan_end(&s);
	if (s.error != NULL)
		return s.error;
	return names_differ(out) ? NULL : "a name twice";
}

void
members_free(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].name);
	free(m->v);
	*m = (struct members){ 0 };
}

const struct member *
members_find(const struct members *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].name, name) == 0)
			return &m->v[i];
	return NULL;
}

bool
member_text(const struct member *m, struct buf *out)
{
	struct span	inner = { m->raw.p + 1, m->raw.len - 2 };

	if (!scan_decode(inner, out))
		return false;
	*buf_room(out, 1) = '\0';
	return true;
}

int
member_each(const struct member *m, int (*take)(void *arg, const struct member *element),
    void *arg)
{
	struct member	element = { .name = NULL };
	struct scan	s;
	int		rc = 0;

	scan_init(&s, m->raw.p, m->raw.len, MEMBERS_DEPTH, UINT32_MAX);
	scan_array(&s);
	while (rc == 0 && scan_element(&s) && scan_value(&s, &element.type, &element.raw))
		rc = take(arg, &element);
	return rc;
}
