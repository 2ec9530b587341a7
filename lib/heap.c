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

static void
sift_up(struct heap *h, uint32_t at, struct heap_node *node)
{
	while (at > 0) {
		uint32_t	parent = (at - 1) / 4;

		if (h->nodes[parent]->key <= node->key)
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
			if (h->nodes[i]->key < h->nodes[least]->key)
				least = i;
		if (h->nodes[least]->key >= node->key)
			break;
		put(h, at, h->nodes[least]);
		at = least;
	}
	put(h, at, node);
}

void
heap_set(struct heap *h, struct heap_node *node, int64_t key)
{
	int64_t	before = node->key;

	node->key = key;
	if (node->index != 0) {
		if (key < before)
			sift_up(h, node->index - 1, node);
		else
			sift_down(h, node->index - 1, node);
		return;
	}
	if (h->len == h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
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
	if (last->key < node->key)
		sift_up(h, at, last);
	else
		sift_down(h, at, last);
}

void
heap_free(struct heap *h)
{
	free(h->nodes);
	memset(h, 0, sizeof(*h));
}
