/* names.c - names that many objects share.  Runs in: any process. */
#include "lib/names.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define FIRST_PLACES	16

struct name {
	uint32_t	refs;
	uint16_t	number;		/* of a free place: the next free one */
	uint16_t	len;
	char		text[];
};

/* A place for one more; 0: there is none. */
static uint16_t
take_place(struct names *n)
{
	uint16_t	number = n->free;

	if (number != 0) {
		n->free = n->list[number]->number;
		free(n->list[number]);
		return number;
	}
	if (n->len == 0)
		n->len = 1;
	if (n->len > NAMES_MAX)
		return 0;
	if (n->len >= n->cap) {
		n->cap = n->cap == 0 ? FIRST_PLACES : n->cap * 2;
		n->list = mem_resize(n->list, n->cap, sizeof(struct name *));
	}
	return (uint16_t)n->len++;
}

uint16_t
names_take(struct names *n, const char *text, size_t len)
{
	struct name	*name;
	uint16_t	 number;

	if (len == 0 || len > UINT16_MAX)
		return 0;
	if ((name = namemap_get(&n->by_text, text, len)) != NULL) {
		name->refs++;
		return name->number;
	}
	if ((number = take_place(n)) == 0)
		return 0;
	name = mem_alloc(sizeof(*name) + len + 1);
	*name = (struct name){ .refs = 1, .number = number, .len = (uint16_t)len };
	memcpy(name->text, text, len);
	name->text[len] = '\0';
	n->list[number] = name;
	namemap_put(&n->by_text, name->text, len, name);
	return number;
}

uint16_t
names_ref(struct names *n, uint16_t number)
{
	if (number != 0)
		n->list[number]->refs++;
	return number;
}

void
names_unref(struct names *n, uint16_t number)
{
	struct name	*name;

	if (number == 0 || --(name = n->list[number])->refs > 0)
		return;
	namemap_del(&n->by_text, name->text, name->len);
	name->number = n->free;
	n->free = number;
}

const char *
names_text(const struct names *n, uint16_t number)
{
	return number == 0 ? "" : n->list[number]->text;
}

void
names_free(struct names *n)
{
	for (uint32_t i = 1; i < n->len; i++)
		free(n->list[i]);
	free(n->list);
	namemap_free(&n->by_text);
	*n = (struct names){ 0 };
}
