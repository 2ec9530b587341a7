/* methods_job_list.c - job.list: newest first, of core and of history.  Runs in: broker, loop thread.
 *
 * Core is looked at first, then the store is asked.  So no job falls between them: one that was
 * not in core any more was in history before the question.  One that both have is shown as core
 * had it.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/job_filter.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/print_stored.h"
#include "daemon/broker/net/recall.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/parse.h"

#define LOOKS_PER_WORK	16	/* looking at a job costs so much less than a call */
#define LOOKS_PER_GAP	8	/* and at an id that nobody has, so much less than at a job */

struct walk {
	const struct core	*core;
	struct job_filter	*filter;
	struct recall_rows	*rows;
	uint32_t		 limit;
	size_t			 room;
	uint32_t		 looked, gaps;
	bool			 attempts;	/* rows have them */
};

static bool
wants_attempts(const struct call *call)
{
	return call_int(call, PARAM_attempts, 0) != 0;
}

/* ---- core ---- */

static void
add_row(const struct walk *w, const struct job *j)
{
	struct recall_rows	*rows = w->rows;

	if (rows->len == rows->cap) {
		rows->cap = rows->cap == 0 ? 16 : rows->cap * 2;
		rows->rows = mem_resize(rows->rows, rows->cap, sizeof(rows->rows[0]));
	}
	rows->rows[rows->len] = (struct recall_row){ .id = j->id, .at = buf_len(&rows->text) };
	print_job_row(&rows->text, w->core, j, w->attempts);
	rows->rows[rows->len].len = buf_len(&rows->text) - rows->rows[rows->len].at;
	rows->len++;
}

/* One id of the walk; false: there is enough for a page, and the next one begins here. */
static bool
look(struct walk *w, uint64_t id)
{
	struct job	*j = core_find(w->core, id);

	if (j == NULL) {
		w->looked += ++w->gaps % LOOKS_PER_GAP == 0;
		return true;
	}
	w->looked += job_filter_cost(w->filter, j);
	if (!job_filter_match(w->filter, j))
		return true;
	if (w->rows->len > 0 && (w->rows->len == w->limit || buf_len(&w->rows->text) > w->room))
		return false;
	add_row(w, j);
	return true;
}

/* Ids have gaps, and most of what is old is forgotten: it ends after so many looks, found or not. */
static void
walk_down(struct walk *w, uint64_t from)
{
	uint64_t	newest = core_newest_id(w->core), oldest = core_oldest_id(w->core);
	uint64_t	id = from == 0 || from > newest ? newest : from;

	while (id != 0 && id >= oldest && w->looked < BOUND_LIST_LOOKED_AT && look(w, id))
		id--;
	w->rows->next = id < oldest ? 0 : id;
}

/* ---- history ---- */

/* A group that nobody knows any more has the number that is its name, if it is one. */
static uint64_t
group_number(const struct core *c, struct span name)
{
	const struct group	*g = core_group_find(c, name.p, name.len);
	int64_t			 number = 0;

	if (g != NULL)
		return g->number;
	parse_i64(name.p, name.len, 1, BOUND_JOB_ID - 1, &number);
	return (uint64_t)number;
}

/* Can history have such jobs?  Then what the store is asked for. */
static bool
translate(const struct call *call, struct recall *r)
{
	const struct job_filter	*f = &r->filter;
	struct store_filter	*to = &r->ask.q.filter;
	struct store_label	*labels;

	if (f->own != NULL && f->by.p != NULL && (strlen(f->own) != f->by.len ||
	    memcmp(f->own, f->by.p, f->by.len) != 0))
		return false;
	if (f->state >= 0 && !job_state_finished((enum job_state)f->state))
		return false;
	*to = (struct store_filter){ .state = f->state, .type = f->type, .queue = f->queue,
	    .tenant = f->tenant, .principal = f->by, .order_key = f->order_key,
	    .since_ms = f->since_ms, .until_ms = f->until_ms, .active_ms = f->active_ms,
	    .labels_len = f->labels_len };
	if (f->own != NULL)
		to->principal = (struct span){ f->own, strlen(f->own) };
	if (f->group.p != NULL)
		to->group = group_number(call->net->broker->core, f->group);
	if (f->group.p != NULL && to->group == 0)
		return false;
	to->labels = labels = r->labels = mem_zalloc(f->labels_len + 1, sizeof(*labels));
	for (unsigned i = 0; i < f->labels_len; i++)
		labels[i] = (struct store_label){ f->labels[i].name, f->labels[i].value };
	return true;
}

/* Takes r. */
static int
ask_history(struct call *call, struct recall *r, const struct page *p, struct rpc_error *err)
{
	r->ask.q.what = STORE_LIST;
	r->ask.q.before = p->from == 0 ? 0 : p->from + 1;
	r->ask.q.limit = p->limit;
	r->ask.q.bytes = call->conn->max_reply;
	return recall_ask(call, r, err);
}

/* ---- the page ---- */

/* Rows of both, newest first; each is taken from its list, and one that core has too is passed over. */
struct merge {
	struct call		*call;
	struct page		*page;
	const struct recall	*r;
	uint32_t		 core, store;	/* the next ones */
};

static uint64_t
core_id(const struct merge *m)
{
	return m->core < m->r->rows.len ? m->r->rows.rows[m->core].id : 0;
}

/* One that has come back to core and is not what was asked for is core's to show. */
static bool
is_shown(const struct merge *m, uint64_t id)
{
	const struct net	*n = m->call->net;
	const struct job	*j = core_find(n->broker->core, id);

	return !recall_is_forgotten(n, id) &&
	    (j == NULL || job_filter_match((struct job_filter *)&m->r->filter, j));
}

static uint64_t
store_id(struct merge *m)
{
	const struct store_query	*q = &m->r->ask.q;

	while (m->store < q->rows_len && (q->rows[m->store].id == core_id(m) ||
	    !is_shown(m, q->rows[m->store].id)))
		m->store++;
	return m->store < q->rows_len ? q->rows[m->store].id : 0;
}

static void
print_stored(struct merge *m, const struct store_row *row)
{
	char	why[160];

	if (print_stored_row(m->page->out, m->call->net->broker, row, wants_attempts(m->call), why,
	    sizeof(why)) != 0)
		log_error("a job of history cannot be read job=%llu why=%s",
		    (unsigned long long)row->id, why);
}

/* The newest that is left; false: the page is full, and the next one begins with it. */
static bool
print_next_row(struct merge *m, uint64_t id)
{
	const struct recall_rows	*rows = &m->r->rows;

	page_item(m->page);
	if (id == core_id(m))
		buf_append(m->page->out, buf_data(&rows->text) + rows->rows[m->core].at,
		    rows->rows[m->core].len);
	else
		print_stored(m, &m->r->ask.q.rows[m->store]);
	if (!page_keep(m->page))
		return false;
	if (id == core_id(m))
		m->core++;
	else
		m->store++;
	return true;
}

/* Both were looked at down to here, this included; 1: to the end. */
static uint64_t
looked_down_to(const struct recall *r)
{
	uint64_t	core = r->rows.next + 1, store = r->ask.q.next;

	return core > store ? core : store;
}

/* Returns where the next page begins. */
static uint64_t
print_rows(struct merge *m)
{
	uint64_t	end = looked_down_to(m->r), a, b, id;

	for (;;) {
		b = store_id(m);
		a = core_id(m);
		id = a > b ? a : b;
		if (id == 0 || id < end)
			return end - 1;
		if (!print_next_row(m, id))
			return id;
	}
}

static int
print_page(struct call *call, const struct recall *r, struct page *p, struct rpc_error *err)
{
	struct merge	m = { .call = call, .page = p, .r = r };

	if (page_begin(p, call, err) != 0)
		return -1;
	page_end(p, print_rows(&m));
	return METHOD_ANSWERED;
}

/* ---- job.list ---- */

/* What core has of the page; asks: history may have more of it.  0, or -1 with *err. */
static int
look_at_core(struct call *call, struct recall *r, struct page *p, bool *asks, struct rpc_error *err)
{
	const struct rpc_value	*filter = call_param(call, PARAM_filter);
	struct walk		 w = { .core = call->net->broker->core, .filter = &r->filter,
				       .rows = &r->rows, .room = call->conn->max_reply,
				       .attempts = wants_attempts(call) };

	if (job_filter_init(&r->filter, filter->given ? filter->p : NULL, filter->len, err) != 0 ||
	    page_read(p, call, err) != 0)
		return -1;
	if (call->conn->role < ROLE_operator)
		job_filter_own(&r->filter, auth_principal(call->conn));
	w.limit = p->limit;
	walk_down(&w, p->from);
	call->net->work += w.looked / LOOKS_PER_WORK;
	*asks = recall_allowed(call) && translate(call, r);
	return 0;
}

int
method_job_list(struct call *call, struct rpc_error *err)
{
	struct recall	*r;
	struct page	 p;
	bool		 asks = false;
	int		 rc;

	if (call->recall != NULL)
		return print_page(call, call->recall, &p, err);
	r = mem_zalloc(1, sizeof(*r));
	rc = look_at_core(call, r, &p, &asks, err);
	if (rc == 0 && asks)
		return ask_history(call, r, &p, err);
	if (rc == 0)
		rc = print_page(call, r, &p, err);
	recall_free(r);
	return rc;
}
