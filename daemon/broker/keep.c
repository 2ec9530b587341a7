/* keep.c - settings of queues and types that outlive the process.  Runs in: broker, loop thread.
 *
 * A change is made in core at once and written down behind it.  Changes of one thing are written in
 * order, and a refused one takes those behind it along (store.h); so when nothing of a thing is under
 * way any more and something was refused, what is on disk is how it is to be.
 */
#include "daemon/broker/keep.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/items/queue_item.h"
#include "daemon/broker/items/type_item.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/route/programs.h"
#include "daemon/broker/router.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/map.h"

#define PROFILES_MS	10000

/* What can be kept: how it is printed, empty when there is nothing to say, and how it is set again. */
struct kind {
	const char	*name;
	void		(*print)(struct broker *b, struct span name, struct buf *out);
	int		(*apply)(struct broker *b, struct span name, struct span text,
			    struct rpc_error *err);
};

enum { KIND_QUEUE, KIND_PIN, KIND_PROFILE, KIND_PROGRAM, KINDS };

/* Something with a name that is written down, or was. */
struct kept {
	const struct kind *kind;
	char		*stored;	/* as it is on disk; NULL: it is not */
	size_t		 stored_len;
	unsigned	 under_way;	/* changes that are not on disk */
	bool		 refused;	/* one of them was */
	uint32_t	 name_len;
	char		 name[];
};

struct writing {
	struct ledger_wait wait;
	struct list	 link;		/* in keep->changes */
	struct kept	*kept;
	char		*text;
	size_t		 text_len;
	struct list	 waiters;	/* struct watch */
};

struct keep {
	struct namemap	 kept[KINDS];
	struct list	 changes;	/* under way */
	bool		 measured;	/* a profile has changed */
	int64_t		 profiles_ns;	/* not before */
};

static const struct kind kinds[KINDS];

/* ---- queues ---- */

struct queue_settings
keep_queue_row(const struct config_limit *row)
{
	return (struct queue_settings){
		.max_running = (uint32_t)row->max_running,
		.max_running_per_tenant = (uint32_t)row->max_running_per_tenant,
		.max_running_per_key = (uint32_t)row->max_running_per_key,
		.rate = { (uint32_t)row->rate, (uint32_t)row->burst },
		.max_jobs = row->max_jobs, .max_bytes = row->max_bytes,
	};
}

static struct queue_settings
file_settings(const struct config *c, struct span name)
{
	list_for(node, &c->queues) {
		const struct config_limit	*row = list_entry(node, struct config_limit, link);

		if (strlen(row->name) == name.len && memcmp(row->name, name.p, name.len) == 0)
			return keep_queue_row(row);
	}
	return (struct queue_settings){ 0 };
}

static void
print_queue(struct broker *b, struct span name, struct buf *out)
{
	struct queue_settings	file = file_settings(&b->config, name);

	queue_item_print(out, b->core, name, &file);
}

static int
apply_queue(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct queue_settings	file = file_settings(&b->config, name);

	return queue_item_apply(b->core, b->now, name, &file, text, err);
}

/* What operators have set of it stays; the rest is as the file says now. */
static void
reload_queue(struct broker *b, const struct config *old, const char *text)
{
	struct span		name = { text, strlen(text) };
	struct queue_settings	was = file_settings(old, name), is = file_settings(&b->config, name);
	struct buf		set = { 0 };
	struct rpc_error	err;

	queue_item_print(&set, b->core, name, &was);
	if (queue_item_apply(b->core, b->now, name, &is,
	    (struct span){ buf_data(&set), buf_len(&set) }, &err) != 0)
		log_error("queue keeps its limits queue=%s why=\"%s\"", text, err.message);
	buf_free(&set);
}

void
keep_reload(struct broker *b, const struct config *old)
{
	list_for(node, &b->config.queues)
		reload_queue(b, old, list_entry(node, struct config_limit, link)->name);
	list_for(node, &old->queues) {
		const char	*name = list_entry(node, struct config_limit, link)->name;

		if (config_limit_find(&b->config.queues, name) == NULL)
			reload_queue(b, old, name);
	}
}

/* ---- pins ---- */

static void
print_pin(struct broker *b, struct span name, struct buf *out)
{
	const struct type	*t = core_type_find(b->core, name.p, name.len);

	if (t != NULL && t->route != NULL && !router_as_configured(b, t))
		pin_item_print(out, t->route);
}

static int
apply_pin(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct type	*t = core_type_find(b->core, name.p, name.len);
	struct pin_item	 pin;

	if (text.len > 0 && pin_item_read(text, &pin, err) != 0)
		return -1;
	if (t == NULL || t->route == NULL)
		return 0;			/* keep_adopt comes for it */
	if (text.len == 0)
		router_configure(b, t);
	else if (router_set(b, t, pin.mode, pin.lane, pin.by) != 0)
		log_error("type cannot be pinned type=%s lane=%s why=\"the lane is not declared as "
		    "safe any more\"", t->name, lane_names[pin.lane]);
	return 0;
}

/* ---- profiles ---- */

static void
print_profile(struct broker *b, struct span name, struct buf *out)
{
	const struct type	*t = core_type_find(b->core, name.p, name.len);

	if (t != NULL && t->route != NULL)
		profile_item_print(out, b->now, t);
}

static int
apply_profile(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct type	*t = core_type_find(b->core, name.p, name.len);

	if (t == NULL || t->route == NULL || text.len == 0)
		return 0;
	if (profile_item_apply(t, b->now, text, err) != 0)
		return -1;
	router_known(b, t);
	return 0;
}

/* ---- programs ---- */

static void
print_program(struct broker *b, struct span name, struct buf *out)
{
	const struct program	*p = b->programs == NULL ? NULL : programs_find(b->programs, name);

	if (p != NULL)
		program_item_print(out, b->now, &p->profile);
}

static int
apply_program(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct profile	 profile;
	struct program	*p;

	if (text.len == 0)
		return 0;
	if (program_item_read(text, b->now, &profile, err) != 0)
		return -1;
	if (b->programs == NULL)
		b->programs = programs_new();
	p = programs_get(b->programs, name);
	p->profile = profile;
	return 0;
}

static const struct kind kinds[KINDS] = {
	[KIND_QUEUE] = { "queue", print_queue, apply_queue },
	[KIND_PIN] = { "pin", print_pin, apply_pin },
	[KIND_PROFILE] = { "profile", print_profile, apply_profile },
	[KIND_PROGRAM] = { "program", print_program, apply_program },
};

/* ---- what is kept ---- */

static struct kept *
kept_get(struct broker *b, int kind, struct span name)
{
	struct namemap	*map = &b->keep->kept[kind];
	struct kept	*k = namemap_get(map, name.p, name.len);

	if (k != NULL)
		return k;
	k = mem_zalloc(1, sizeof(*k) + name.len);
	k->kind = &kinds[kind];
	k->name_len = (uint32_t)name.len;
	memcpy(k->name, name.p, name.len);
	namemap_put(map, k->name, name.len, k);
	return k;
}

static struct span
name_of(const struct kept *k)
{
	return (struct span){ k->name, k->name_len };
}

static void
kept_free(struct kept *k)
{
	free(k->stored);
	free(k);
}

/* Nothing is written, and nothing is to be. */
static void
kept_settle(struct broker *b, struct kept *k)
{
	if (k->stored != NULL || k->under_way > 0)
		return;
	namemap_del(&b->keep->kept[k->kind - kinds], k->name, k->name_len);
	kept_free(k);
}

static void
set_stored(struct kept *k, char *text, size_t len)
{
	free(k->stored);
	k->stored = text;
	k->stored_len = len;
}

/* ---- changes ---- */

static void
as_stored(struct broker *b, struct kept *k)
{
	struct span		text = { k->stored, k->stored == NULL ? 0 : k->stored_len };
	struct rpc_error	err;

	k->refused = false;
	if (k->kind->apply(b, name_of(k), text, &err) != 0)
		log_error("what is written down cannot be set kind=%s name=%.*s why=\"%s\"",
		    k->kind->name, (int)k->name_len, k->name, err.message);
}

static void
changed(struct broker *b, struct ledger_wait *w, enum store_result r)
{
	struct writing	*ch = (struct writing *)(void *)w;	/* its first member */
	struct kept	*k = ch->kept;
	bool		 refused = r == STORE_FULL || r == STORE_UNAVAIL;

	list_remove(&ch->link);
	k->under_way--;
	k->refused |= refused;
	if (!refused)
		set_stored(k, ch->text, ch->text_len);
	else
		free(ch->text);
	if (k->under_way == 0 && k->refused)
		as_stored(b, k);
	net_kept(b->net, &ch->waiters, k->kind == &kinds[KIND_QUEUE], name_of(k),
	    refused ? r : STORE_OK);
	kept_settle(b, k);
	free(ch);
}

static bool
is_stored(const struct kept *k, const struct buf *text)
{
	return k->under_way == 0 && buf_len(text) == (k->stored == NULL ? 0 : k->stored_len) &&
	    (buf_len(text) == 0 || memcmp(buf_data(text), k->stored, buf_len(text)) == 0);
}

static struct list *
change(struct broker *b, struct kept *k, struct buf *text)
{
	struct writing	*ch = mem_zalloc(1, sizeof(*ch));
	struct span	 span = { buf_data(text), buf_len(text) };

	list_init(&ch->waiters);
	ch->wait.done = changed;
	ch->kept = k;
	list_push_back(&b->keep->changes, &ch->link);
	k->under_way++;
	if (span.len == 0) {
		ledger_delete(b, k->kind->name, name_of(k), &ch->wait);
	} else {
		ledger_put(b, k->kind->name, name_of(k), span, &ch->wait);
		ch->text_len = span.len;
		ch->text = buf_take_string(text);
	}
	return &ch->waiters;
}

/* What it is now is written down, unless it is there already. */
static struct list *
write_down(struct broker *b, int kind, struct span name)
{
	struct list	*waiters = NULL;
	struct buf	 text = { 0 };
	struct kept	*k;

	if (!store_durable(b->store))
		return NULL;
	k = kept_get(b, kind, name);
	k->kind->print(b, name, &text);
	if (!is_stored(k, &text))
		waiters = change(b, k, &text);
	buf_free(&text);
	kept_settle(b, k);
	return waiters;
}

struct list *
keep_queue(struct broker *b, struct span name)
{
	return write_down(b, KIND_QUEUE, name);
}

struct list *
keep_pin(struct broker *b, const struct type *t)
{
	return write_down(b, KIND_PIN, (struct span){ t->name, strlen(t->name) });
}

/* ---- profiles, now and then ---- */

void
keep_measured(struct broker *b, struct type *t)
{
	t->route->unwritten = true;
	b->keep->measured = true;
}

void
keep_program_measured(struct broker *b, struct program *p)
{
	p->unwritten = true;
	b->keep->measured = true;
}

void
keep_program_drop(struct broker *b, struct program *p)
{
	char		 name[PROGRAM_NAME_BYTES];
	struct span	 span = { name, p->name_len };

	memcpy(name, p->name, p->name_len);
	programs_drop(b->programs, p);
	write_down(b, KIND_PROGRAM, span);
}

static void
write_programs(struct broker *b)
{
	if (b->programs == NULL)
		return;
	list_for(node, &b->programs->recent) {
		struct program	*p = list_entry(node, struct program, link);

		if (p->unwritten)
			write_down(b, KIND_PROGRAM, (struct span){ p->name, p->name_len });
		p->unwritten = false;
	}
}

static void
write_profiles(struct broker *b)
{
	struct type	*t;

	write_programs(b);

	b->keep->measured = false;
	for (size_t at = 0; (t = core_type_next(b->core, &at)) != NULL; ) {
		if (t->route == NULL || !t->route->unwritten)
			continue;
		t->route->unwritten = false;
		write_down(b, KIND_PROFILE, (struct span){ t->name, strlen(t->name) });
	}
}

int64_t
keep_run(struct broker *b)
{
	struct keep	*keep = b->keep;

	if (!keep->measured)
		return INT64_MAX;
	if (b->now.mono_ns < keep->profiles_ns)
		return keep->profiles_ns;
	keep->profiles_ns = clock_after_ms(b->now.mono_ns, PROFILES_MS);
	write_profiles(b);
	return INT64_MAX;
}

void
keep_end(struct broker *b)
{
	write_profiles(b);
}

/* ---- back ---- */

static int
restore(struct broker *b, int kind, struct span name, struct span text, struct rpc_error *err)
{
	struct kept	*k = kept_get(b, kind, name);

	set_stored(k, mem_strndup(text.p, text.len), text.len);
	return k->kind->apply(b, name, text, err);
}

int
keep_restore_queue(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	return restore(b, KIND_QUEUE, name, text, err);
}

int
keep_restore_pin(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	return restore(b, KIND_PIN, name, text, err);
}

int
keep_restore_profile(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	return restore(b, KIND_PROFILE, name, text, err);
}

int
keep_restore_program(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	if (name.len == 0 || name.len > PROGRAM_NAME_BYTES)
		return rpc_fail(err, RPC_internal, "the name of a program has %zu bytes", name.len);
	return restore(b, KIND_PROGRAM, name, text, err);
}

void
keep_adopt(struct broker *b, struct type *t)
{
	static const int	of_types[] = { KIND_PROFILE, KIND_PIN };

	for (int i = 0; i < 2; i++) {
		struct kept	*k = namemap_get(&b->keep->kept[of_types[i]], t->name,
		    strlen(t->name));

		if (k != NULL && k->stored != NULL)
			as_stored(b, k);
	}
}

/* ---- life ---- */

void
keep_open(struct broker *b)
{
	b->keep = mem_zalloc(1, sizeof(*b->keep));
	list_init(&b->keep->changes);
}

void
keep_close(struct broker *b)
{
	struct list	*node;
	struct kept	*k;

	if (b->keep == NULL)
		return;
	while ((node = list_pop(&b->keep->changes)) != NULL) {
		struct writing	*ch = list_entry(node, struct writing, link);

		free(ch->text);
		free(ch);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		for (size_t at = 0; (k = namemap_next(&b->keep->kept[kind], &at)) != NULL; )
			kept_free(k);
		namemap_free(&b->keep->kept[kind]);
	}
	free(b->keep);
	b->keep = NULL;
}
