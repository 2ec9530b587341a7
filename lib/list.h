/*
 * list.h - intrusive doubly linked list.  The head is a node of its own; an object embeds one node per
 * list it can be in.  list_remove leaves the node pointing at itself, so list_linked tells.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list	*next, *prev;
};

#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))
#define list_for(node, head) \
	for (struct list *node = (head)->next; node != (head); node = node->next)
/* node may be removed or freed in the body */
#define list_for_safe(node, after, head) \
	for (struct list *node = (head)->next, *after = node->next; node != (head); \
	    node = after, after = node->next)

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

static inline bool
list_linked(const struct list *l)
{
	return l->next != l;
}

static inline void
list_insert_before(struct list *at, struct list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void
list_push_back(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

static inline void
list_push_front(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}

static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, removed; NULL when the list is empty. */
static inline struct list *
list_pop(struct list *head)
{
	struct list	*node = head->next;

	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

/* All of from goes behind what is in head; from is empty afterwards. */
static inline void
list_append(struct list *head, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

#endif
