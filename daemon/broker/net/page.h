/*
 * page.h - replies that list: `{"items":[...],"next":CURSOR}`, no longer than the client can read.
 *
 * Either page_walk, or by hand: page_begin; for each item page_item, print, page_keep (false: stop,
 * the next page begins with it); page_end.  The cursor is the caller's place in its own walk.
 */
#ifndef NET_PAGE_H
#define NET_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/net/dispatch.h"

#define PAGE_ITEMS	100		/* when the client asks for no limit */

struct page {
	struct call	*call;
	struct buf	*out;
	uint64_t	 from;		/* the client's cursor; 0: the beginning */
	uint32_t	 limit, items;
	size_t		 mark;		/* before the item that is being printed */
};

/* Reads `limit` and `cursor`, and no more.  0, or -1 with *err. */
int page_read(struct page *p, struct call *call, struct rpc_error *err);
/* page_read, and the reply begins. */
int page_begin(struct page *p, struct call *call, struct rpc_error *err);
/* An item follows: print it into p->out. */
void page_item(struct page *p);
/* Is the item part of this page?  If not it is taken back.  The first one always is. */
bool page_keep(struct page *p);
/* next: where the following page begins; 0: there is none. */
void page_end(struct page *p, uint64_t next);
/*
 * A whole reply.  print prints the item at *at and moves *at on, or returns false at the end; *at
 * begins with 0.  Returns as a method does.
 */
typedef bool page_print_fn(const struct net *n, size_t *at, struct buf *out);
/* The same after page_read, when the caller has begun the reply up to the list's bracket. */
int page_items(struct page *p, page_print_fn *print);
int page_walk(struct call *call, page_print_fn *print, struct rpc_error *err);

#endif
