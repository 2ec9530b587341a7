/* gather_item.c - what is written down of durable groups.  Runs in: broker, loop thread. */
#include "daemon/broker/gather_item.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/items/group_item.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/net/net.h"
#include "lib/alloc.h"

#define KIND	"group"

/* An item on its way to the disk. */
struct put {
	struct ledger_wait wait;	/* first: it comes back as this */
	struct list	 link;		/* in outcomes->puts */
	uint64_t	 group;
	void		(*then)(struct broker *b, struct group *g, struct put *p,
			    enum store_result r);
	struct list	 waiters;	/* struct watch */
};

static struct span
span_of(const char *text)
{
	return (struct span){ text, text == NULL ? 0 : strlen(text) };
}

/* closing: as it will be once it is closed. */
static void
print(struct buf *out, const struct group *g, bool closing)
{
	const struct gathered	*own = gathered(g);
	struct group_item	 item = {
		.saved = core_group_save(g), .reduce = { own->reduce, own->reduce_len },
		.principal = span_of(own->by->principal), .client = span_of(own->by->client),
		.addr = span_of(own->by->addr), .outcome = span_of(own->outcome),
		.brief = span_of(own->brief),
	};

	if (closing && g->state == GROUP_OPEN)
		item.saved.state = GROUP_CLOSED;
	group_item_print(out, &item);
}

static void
on_disk(struct broker *b, struct ledger_wait *w, enum store_result r)
{
	struct put	*p = (struct put *)(void *)w;
	struct group	*g = core_group_numbered(b->core, p->group);

	list_remove(&p->link);
	p->then(b, g, p, r);
	free(p);
}

enum { MAY_BE_REFUSED, MUST };

static struct put *
put(struct broker *b, const struct group *g, int must, bool closing,
    void (*then)(struct broker *b, struct group *g, struct put *p, enum store_result r))
{
	struct put	*p = mem_zalloc(1, sizeof(*p));
	char		 name[GROUP_ITEM_NAME];
	struct buf	 text = { 0 };

	p->group = g->number;
	p->then = then;
	p->wait.done = on_disk;
	list_init(&p->waiters);
	list_push_back(&b->outcomes->puts, &p->link);
	group_item_name(g->number, name);
	print(&text, g, closing);
	(must == MUST ? ledger_put_must : ledger_put)(b, KIND, span_of(name),
	    (struct span){ buf_data(&text), buf_len(&text) }, &p->wait);
	buf_free(&text);
	return p;
}

/* ---- made, closed ---- */

static void
then_made(struct broker *b, struct group *g, struct put *p, enum store_result r)
{
	if (r != STORE_OK && g != NULL)
		core_group_withdraw(b->core, g, "it could not be written down");
	net_group_made(b->net, &p->waiters, g, r);
}

struct list *
gather_item_made(struct broker *b, const struct group *g)
{
	return &put(b, g, MAY_BE_REFUSED, false, then_made)->waiters;
}

static void
then_closed(struct broker *b, struct group *g, struct put *p, enum store_result r)
{
	if (r == STORE_OK && g != NULL)
		core_group_close(b->core, g);
	net_group_closed(b->net, &p->waiters, g, r);
}

struct list *
gather_item_closing(struct broker *b, const struct group *g)
{
	return &put(b, g, MAY_BE_REFUSED, true, then_closed)->waiters;
}

/* ---- changed, finished, forgotten ---- */

static void
then_nothing(struct broker *b, struct group *g, struct put *p, enum store_result r)
{
	(void)b;
	(void)g;
	(void)p;
	(void)r;
}

void
gather_item_changed(struct broker *b, const struct group *g)
{
	put(b, g, MUST, false, then_nothing);
}

static void
then_finished(struct broker *b, struct group *g, struct put *p, enum store_result r)
{
	(void)p;
	(void)r;
	if (g != NULL)
		net_group_finished(b->net, g);
}

void
gather_item_finished(struct broker *b, const struct group *g)
{
	put(b, g, MUST, false, then_finished);
}

void
gather_item_forgotten(struct broker *b, const struct group *g)
{
	char	name[GROUP_ITEM_NAME];

	group_item_name(g->number, name);
	ledger_delete(b, KIND, span_of(name), NULL);
}

/* ---- back ---- */

static char *
copy_of(struct span s)
{
	return mem_strndup(s.len == 0 ? "" : s.p, s.len);
}

static char *
text_of(struct span s)
{
	return s.len == 0 ? NULL : copy_of(s);
}

static struct gathered *
gathered_of(struct access *a, const struct group_item *item)
{
	char			*principal = copy_of(item->principal);
	char			*client = copy_of(item->client), *addr = copy_of(item->addr);
	struct submitter	*by = access_submitter(a, principal, client, addr);
	struct gathered		*own = gathered_new(item->reduce, by);

	own->outcome = text_of(item->outcome);
	own->brief = text_of(item->brief);
	submitter_unref(by);
	free(principal);
	free(client);
	free(addr);
	return own;
}

int
gather_item_restore(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct group_item	 item;
	struct group		*g;
	int			 rc = 0;

	if (group_item_read(name, text, &item, err) != 0)
		return -1;
	item.saved.spec.owner = gathered_of(b->access, &item);
	if (core_group_restore(b->core, b->now, &item.saved, &g) != 0) {
		gathered_free(item.saved.spec.owner);
		rc = rpc_fail(err, RPC_internal, "there is a group of this name already");
	}
	group_item_fini(&item);
	return rc;
}

void
gather_item_close(struct broker *b)
{
	struct list	*node;

	while (b->outcomes != NULL && (node = list_pop(&b->outcomes->puts)) != NULL)
		free(list_entry(node, struct put, link));
}
