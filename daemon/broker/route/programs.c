/* programs.c - profiles of programs that jobs name themselves.  Runs in: broker, loop thread. */
#include "daemon/broker/route/programs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/json_find.h"

struct programs *
programs_new(void)
{
	struct programs	*all = mem_zalloc(1, sizeof(*all));

	list_init(&all->recent);
	return all;
}

void
programs_free(struct programs *all)
{
	if (all == NULL)
		return;
	list_for_safe(node, after, &all->recent)
		free(list_entry(node, struct program, link));
	namemap_free(&all->by_name);
	free(all);
}

/* ---- names ---- */

bool
programs_has(const struct type *t)
{
	return t->spec != NULL && strncmp(t->spec, PROGRAMS_FREE_SPEC, strlen(PROGRAMS_FREE_SPEC)) == 0;
}

/* Names are written to logs and files: one of control characters is not worth a profile. */
static bool
is_name(struct span s)
{
	if (s.len == 0 || s.len > PROGRAM_NAME_BYTES)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return false;
	return true;
}

bool
programs_name(struct span args, struct buf *scratch, struct span *out)
{
	struct span	raw;
	struct scan	s;
	enum scan_type	type;

	if (!json_find(args, (struct span){ "argv", 4 }, scratch, &type, &raw) || type != SCAN_ARRAY)
		return false;
	scan_init(&s, raw.p, raw.len, BOUND_DEPTH, UINT32_MAX);
	if (!scan_array(&s) || !scan_element(&s) || !scan_value(&s, &type, &raw) || type != SCAN_STRING)
		return false;
	*out = (struct span){ raw.p + 1, raw.len - 2 };
	if (s.escaped) {
		scratch->head = scratch->tail = 0;
		if (!scan_decode(*out, scratch))
			return false;
		*out = (struct span){ buf_data(scratch), buf_len(scratch) };
	}
	return is_name(*out);
}

/* ---- the table ---- */

struct program *
programs_find(const struct programs *all, struct span name)
{
	return namemap_get(&all->by_name, name.p, name.len);
}

struct program *
programs_oldest(const struct programs *all)
{
	if (all->by_name.len < PROGRAMS_MAX)
		return NULL;
	return list_entry(all->recent.prev, struct program, link);
}

void
programs_drop(struct programs *all, struct program *p)
{
	namemap_del(&all->by_name, p->name, p->name_len);
	list_remove(&p->link);
	free(p);
}

struct program *
programs_get(struct programs *all, struct span name)
{
	struct program	*p = programs_find(all, name), *oldest;

	if (p == NULL) {
		if ((oldest = programs_oldest(all)) != NULL)
			programs_drop(all, oldest);
		p = mem_zalloc(1, sizeof(*p) + name.len);
		p->name_len = (uint32_t)name.len;
		memcpy(p->name, name.p, name.len);
		namemap_put(&all->by_name, p->name, name.len, p);
	} else {
		list_remove(&p->link);
	}
	list_push_front(&all->recent, &p->link);
	return p;
}

const struct type *
programs_view(const struct type *t, const struct program *p, struct program_view *v)
{
	if (t->route != NULL)
		v->route = *t->route;
	else
		v->route = (struct type_route){ .pinned = -1 };
	v->route.profile = p->profile;
	v->type = *t;
	v->type.route = &v->route;
	return &v->type;
}
