/*
 * heap.h - intrusive 4-ary min-heap of int64 keys; an object embeds one heap_node.
 *
 * heap_node.index is 0 when the node is in no heap.  Equal keys come out in any order,
 * unless `before` says which comes first; a node whose place among equals has changed is set again.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t		key;
	uint32_t	index;		/* 1-based; 0: not in a heap */
};

struct heap {
	struct heap_node	**nodes;
	uint32_t		  len, cap;
	/* of two nodes with equal keys; NULL: never */
	bool			(*before)(const struct heap_node *, const struct heap_node *);
};

/* Insert, or move when it is in the heap already. */
void heap_set(struct heap *h, struct heap_node *node, int64_t key);
void heap_remove(struct heap *h, struct heap_node *node);	/* no-op when it is in none */
void heap_free(struct heap *h);

static inline struct heap_node *
heap_min(const struct heap *h)
{
	return h->len == 0 ? NULL : h->nodes[0];
}

#endif
