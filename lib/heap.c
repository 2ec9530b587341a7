/* heap.c - intrusive 4-ary min-heap.  Runs in: broker, loop thread. */
#include "lib/heap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

static void
put(struct heap *h, uint32_t at, struct heap_node *node)
{
	h->nodes[at] = node;
	node->index = at + 1;
}

/* Must a come out before b? */
static bool
before(const struct heap *h, const struct heap_node *a, const struct heap_node *b)
{
	return a->key < b->key || (a->key == b->key && h->before != NULL && h->before(a, b));
}

static void
sift_up(struct heap *h, uint32_t at, struct heap_node *node)
{
	while (at > 0) {
		uint32_t	parent = (at - 1) / 4;

		if (!before(h, node, h->nodes[parent]))
			break;
		put(h, at, h->nodes[parent]);
		at = parent;
	}
	put(h, at, node);
}

static void
sift_down(struct heap *h, uint32_t at, struct heap_node *node)
{
	for (;;) {
		uint32_t	first = 4 * at + 1, least = first;

		if (first >= h->len)
			break;
		for (uint32_t i = first + 1; i < first + 4 && i < h->len; i++)
			if (before(h, h->nodes[i], h->nodes[least]))
				least = i;
		if (!before(h, h->nodes[least], node))
			break;
		put(h, at, h->nodes[least]);
		at = least;
	}
	put(h, at, node);
}

void
heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
	int64_t	was = node->key;

	node->key = key;
	if (node->index != 0) {
		if (h->len == 1 || (key == was && h->before == NULL))
			return;		/* it stands where it stood */
		if (key <= was)
			sift_up(h, node->index - 1, node);
		if (key >= was)
			sift_down(h, node->index - 1, node);
		return;
	}
	if (h->len == h->cap) {
		h->cap = h->cap == 0 ? 4 : h->cap * 2;
		h->nodes = mem_resize(h->nodes, h->cap, sizeof(h->nodes[0]));
	}
	sift_up(h, h->len++, node);
}

void
heap_remove(struct heap *h, struct heap_node *node)
{
	uint32_t		 at;
	struct heap_node	*last;

	if (node->index == 0)
		return;
	at = node->index - 1;
	node->index = 0;
	last = h->nodes[--h->len];
	if (last == node)
		return;
	sift_up(h, at, last);
	sift_down(h, last->index - 1, last);
}

void
heap_free(struct heap *h)
{
	free(h->nodes);
	h->nodes = NULL;
	h->len = h->cap = 0;
}
