/* page.c - replies that list.  Runs in: broker, loop thread. */
#include "daemon/broker/net/page.h"

#include "daemon/broker/net/print_job.h"
#include "lib/parse.h"

#define END_BYTES	64	/* what page_end prints */

int
page_read(struct page *p, struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*cursor = call_param(call, PARAM_cursor);
	int64_t			 limit = call_int(call, PARAM_limit, PAGE_ITEMS), from = 0;

	if (cursor->given && parse_i64(cursor->p, cursor->len, 1, INT64_MAX, &from) != 0)
		return rpc_fail_member(err, RPC_invalid_params, "cursor", 6,
		    "cursor is not one of a reply before");
	*p = (struct page){ .call = call, .from = (uint64_t)from };
	p->limit = limit < BOUND_LIST_LIMIT ? (uint32_t)limit : BOUND_LIST_LIMIT;
	return 0;
}

int
page_begin(struct page *p, struct call *call, struct rpc_error *err)
{
	if (page_read(p, call, err) != 0)
		return -1;
	p->out = reply_begin(&call->reply);
	print_literal(p->out, "{\"items\":[");
	return 0;
}

void
page_item(struct page *p)
{
	p->mark = buf_len(p->out);
	if (p->items > 0)
		buf_putc(p->out, ',');
}

static void
take_back(struct page *p)
{
	p->out->tail = p->out->head + p->mark;
}

bool
page_keep(struct page *p)
{
	if (p->items > 0 && (p->items == p->limit || reply_room(&p->call->reply) < END_BYTES)) {
		take_back(p);
		return false;
	}
	p->items++;
	return true;
}

void
page_end(struct page *p, uint64_t next)
{
	print_literal(p->out, "],\"next\":");
	if (next == 0) {
		print_literal(p->out, "null}");
	} else {
		buf_putc(p->out, '"');
		buf_put_u64(p->out, next);
		print_literal(p->out, "\"}");
	}
}

int
page_items(struct page *p, page_print_fn *print)
{
	size_t	at = p->from, here;

	do {
		here = at;
		page_item(p);
		if (!print(p->call->net, &at, p->out)) {
			take_back(p);
			here = 0;
			break;
		}
	} while (page_keep(p));
	page_end(p, here);
	return METHOD_ANSWERED;
}

int
page_walk(struct call *call, page_print_fn *print, struct rpc_error *err)
{
	struct page	p;

	return page_begin(&p, call, err) != 0 ? -1 : page_items(&p, print);
}
