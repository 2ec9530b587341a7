/* methods_job_list.c - job.list: newest first.  Runs in: broker, loop thread. */
#include "daemon/broker/net/job_filter.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"

#define LOOKS_PER_WORK	16	/* looking at a job costs so much less than a call */

/* One id of the walk; false: the page is full, and the next one begins here. */
static bool
look(struct page *p, struct job_filter *f, const struct core *core, uint64_t id)
{
	struct job	*j = core_find(core, id);

	if (j == NULL || !job_filter_match(f, j))
		return true;
	page_item(p);
	print_job_row(p->out, j);
	return page_keep(p);
}

/* Ids have gaps, and most of what is old is forgotten: a page ends after so many looks, found or not. */
static uint64_t
walk(struct page *p, struct job_filter *f, const struct core *core)
{
	uint64_t	newest = core_newest_id(core), oldest = core_oldest_id(core);
	uint64_t	id = p->from == 0 || p->from > newest ? newest : p->from;
	uint32_t	looked = 0;

	while (id != 0 && id >= oldest) {
		if (looked++ == BOUND_LIST_LOOKED_AT || !look(p, f, core, id))
			break;
		id--;
	}
	p->call->net->work += looked / LOOKS_PER_WORK;
	return id < oldest ? 0 : id;
}

int
method_job_list(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*filter = call_param(call, PARAM_filter);
	struct job_filter	 f;
	struct page		 p;
	int			 rc = job_filter_init(&f, filter->given ? filter->p : NULL, filter->len, err);

	if (rc == 0)
		rc = page_begin(&p, call, err);
	if (rc == 0)
		page_end(&p, walk(&p, &f, call->net->broker->core));
	job_filter_fini(&f);
	return rc;
}
