/* methods_job_list.c - job.list: newest first.  Runs in: broker, loop thread. */
#include "daemon/broker/net/job_filter.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

#define LOOKS_PER_WORK	16	/* looking at a job costs so much less than a call */

struct walk {
	struct page		*page;
	struct job_filter	*filter;
	const struct core	*core;
	uint32_t		 looked;
};

/* One id of the walk; false: the page is full, and the next one begins here. */
static bool
look(struct walk *w, uint64_t id)
{
	struct job	*j = core_find(w->core, id);

	w->looked += j == NULL ? 1 : job_filter_cost(w->filter, j);
	if (j == NULL || !job_filter_match(w->filter, j))
		return true;
	page_item(w->page);
	print_job_row(w->page->out, j);
	return page_keep(w->page);
}

/*
 * Ids have gaps, and most of what is old is forgotten: a page ends after so many looks, found or
 * not.  Returns where the next one begins.
 */
static uint64_t
walk_down(struct walk *w)
{
	uint64_t	newest = core_newest_id(w->core), oldest = core_oldest_id(w->core);
	uint64_t	from = w->page->from, id = from == 0 || from > newest ? newest : from;

	while (id != 0 && id >= oldest && w->looked < BOUND_LIST_LOOKED_AT && look(w, id))
		id--;
	w->page->call->net->work += w->looked / LOOKS_PER_WORK;
	return id < oldest ? 0 : id;
}

int
method_job_list(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*filter = call_param(call, PARAM_filter);
	struct job_filter	 f;
	struct page		 p;
	struct walk		 w = { &p, &f, call->net->broker->core, 0 };
	const char		*text = filter->given ? filter->p : NULL;
	int			 rc;

	rc = job_filter_init(&f, text, filter->len, err);
	if (rc == 0)
		rc = page_begin(&p, call, err);
	if (rc == 0)
		page_end(&p, walk_down(&w));
	job_filter_fini(&f);
	return rc;
}
