/* occurrence.c - from an occurrence to its job.  Runs in: broker, loop thread. */
#include "daemon/broker/cron/cron_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/defaults.h"
#include "daemon/broker/items/cron_item.h"
#include "daemon/broker/ledger.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define ITEM_KIND	"cron"

static struct span
name_of(const struct cron *c)
{
	return (struct span){ c->name, strlen(c->name) };
}

void
cron_save(struct broker *b, const struct cron *c)
{
	struct buf	text = { 0 };

	cron_item_print(&text, c);
	ledger_put(b, ITEM_KIND, name_of(c), (struct span){ buf_data(&text), buf_len(&text) }, NULL);
	buf_free(&text);
}

void
cron_forget(struct broker *b, struct cron *c)
{
	ledger_delete(b, ITEM_KIND, name_of(c), NULL);
	crontab_delete(b->cron->table, c);
}

/* Has its last job not ended?  One that is not here has. */
static bool
is_busy(const struct broker *b, const struct cron *c)
{
	const struct job	*j = c->past.last_job == 0 ? NULL : core_find(b->core, c->past.last_job);

	return j != NULL && !job_state_finished(j->state);
}

/* ---- the job ---- */

struct making {
	struct cron_job	 job;
	struct buf	 order_key, unique_key;
	struct submitter *by;
};

/* One behind the other, unless the job says itself behind what it runs. */
static void
put_order_key(struct making *m, const struct cron *c)
{
	if (c->overlap != CRON_QUEUE || m->job.spec.order_key.len > 0)
		return;
	buf_printf(&m->order_key, "cron:%s", c->name);
	m->job.spec.order_key = (struct span){ buf_data(&m->order_key), buf_len(&m->order_key) };
}

/* The name of the occurrence, and of no other. */
static void
put_unique_key(struct making *m, const struct cron *c)
{
	cron_print_key(c, &m->unique_key);
	m->job.spec.unique_key = (struct span){ buf_data(&m->unique_key), buf_len(&m->unique_key) };
}

/* 0, or -1 with *err; making_fini in any case. */
static int
making_init(struct making *m, const struct broker *b, const struct cron *c, struct rpc_error *err)
{
	char	client[BOUND_NAME_BYTES + 8];

	snprintf(client, sizeof(client), "cron:%s", c->name);
	m->order_key = m->unique_key = (struct buf){ 0 };
	m->by = access_submitter(b->access, c->by, client, "cron");
	if (cron_read_job((struct span){ c->job, c->job_len }, &m->job, err) != 0)
		return -1;
	defaults_fill(b, &m->job.spec, DURABILITY_COMMIT);
	put_order_key(m, c);
	return 0;
}

static void
making_fini(struct making *m)
{
	cron_job_fini(&m->job);
	buf_free(&m->order_key);
	buf_free(&m->unique_key);
	submitter_unref(m->by);
}

/* ---- what becomes of it ---- */

static void
refuse(struct broker *b, struct cron *c, const char *why)
{
	cron_refused(b->cron->table, c, b->now.real_ms, why);
	log_warn("schedule refused name=%s again_ms=%lld reason=\"%s\"", c->name,
	    (long long)(c->retry_ms - b->now.real_ms), why);
}

static void
skip(struct broker *b, struct cron *c)
{
	cron_skipped(b->cron->table, c, b->now.real_ms);
	log_info("schedule skipped name=%s job=%llu", c->name, (unsigned long long)c->past.last_job);
	cron_save(b, c);
}

static void
ran(struct broker *b, struct cron *c, uint64_t job, int64_t made_ms)
{
	cron_ran(b->cron->table, c, job, made_ms);
	log_debug("schedule ran name=%s job=%llu", c->name, (unsigned long long)job);
	cron_save(b, c);
}

/* An occurrence that waits for the disk.  Its schedule may be changed or deleted meanwhile. */
struct pending {
	struct ledger_wait wait;
	struct list	 link;		/* in runner->pending */
	uint64_t	 number;	/* of its schedule */
	uint64_t	 job;
	int64_t		 made_ms;
	char		 name[BOUND_NAME_BYTES + 1];
};

static struct pending *
pending_new(struct broker *b, const struct cron *c,
    void (*done)(struct broker *b, struct ledger_wait *w, enum store_result r))
{
	struct pending	*p = mem_zalloc(1, sizeof(*p));

	p->wait.done = done;
	p->number = c->number;
	snprintf(p->name, sizeof(p->name), "%s", c->name);
	list_push_back(&b->cron->pending, &p->link);
	return p;
}

static void
pending_free(struct pending *p)
{
	list_remove(&p->link);
	free(p);
}

void
occurrences_leave(struct cron_runner *r)
{
	while (!list_empty(&r->pending)) {
		struct pending	*p = list_entry(r->pending.next, struct pending, link);

		ledger_leave(&p->wait);
		pending_free(p);
	}
}

/* NULL: it was deleted. */
static struct cron *
cron_of(const struct broker *b, const struct pending *p)
{
	struct cron	*c = crontab_find(b->cron->table, p->name, strlen(p->name));

	return c != NULL && c->number == p->number ? c : NULL;
}

/*
 * The job is on disk, or refused.  The item is put here, in the turn in which the job may run: so its
 * end, which gives its key away, is put behind the item.
 */
static void
job_written(struct broker *b, struct ledger_wait *w, enum store_result r)
{
	struct pending	*p = list_entry(w, struct pending, wait);
	struct cron	*c = cron_of(b, p);
	struct rpc_error err;

	if (c != NULL && r == STORE_OK) {
		ran(b, c, p->job, p->made_ms);
	} else if (c != NULL) {
		ledger_error(r, &err);
		refuse(b, c, err.message);
	}
	pending_free(p);
}

static void
submitted(struct broker *b, struct cron *c, const struct job *j)
{
	struct pending	*p;

	if (!j->unstored) {
		ran(b, c, j->id, job_created_ms(j));
		return;
	}
	p = pending_new(b, c, job_written);
	p->job = j->id;
	p->made_ms = job_created_ms(j);
	if (!ledger_wait_last(b, &p->wait))
		log_fatal("a durable job is not on its way to the disk job=%llu",
		    (unsigned long long)j->id);
}

/* Its job is there: it was on disk when jobd was killed, and the item was not. */
static void
found(struct broker *b, struct cron *c, const struct unique *u)
{
	log_info("schedule found its job name=%s job=%llu", c->name, (unsigned long long)u->job_id);
	ran(b, c, u->job_id, u->job != NULL ? job_created_ms(u->job) : c->next_ms);
}

static void
submit(struct broker *b, struct cron *c)
{
	struct making		 m;
	struct rpc_error	 err;
	const struct unique	*u;
	struct job		*j;

	if (making_init(&m, b, c, &err) != 0) {
		refuse(b, c, err.message);
		making_fini(&m);
		return;
	}
	put_unique_key(&m, c);
	if ((u = core_unique_find(b->core, b->now, m.job.spec.unique_key)) != NULL)
		found(b, c, u);
	else if (broker_submit(b, &m.job.spec, m.by, &j, &err) == 0)
		submitted(b, c, j);
	else
		refuse(b, c, err.message);
	making_fini(&m);
}

/* That the occurrence is settled is on disk, or refused: only now the job that is not is made. */
static void
item_written(struct broker *b, struct ledger_wait *w, enum store_result r)
{
	struct pending	*p = list_entry(w, struct pending, wait);
	struct cron	*c = cron_of(b, p);
	struct rpc_error err;

	if (c != NULL && r == STORE_OK) {
		submit(b, c);
		if (c->refusal != NULL)
			cron_save(b, c);	/* it is not settled after all */
	} else if (c != NULL) {
		ledger_error(r, &err);
		refuse(b, c, err.message);
	}
	pending_free(p);
}

static void
settle_first(struct broker *b, struct cron *c)
{
	struct pending	*p = pending_new(b, c, item_written);
	struct cron	 settled = *c;
	struct buf	 text = { 0 };

	settled.past.settled_ms = b->now.real_ms > c->next_ms ? b->now.real_ms : c->next_ms;
	cron_item_print(&text, &settled);
	ledger_put(b, ITEM_KIND, name_of(c), (struct span){ buf_data(&text), buf_len(&text) },
	    &p->wait);
	buf_free(&text);
}

/* A job that says nothing is durable where that can be. */
static bool
is_for_memory(const struct broker *b, const struct cron *c)
{
	struct cron_job		job;
	struct rpc_error	err;
	bool			memory;

	memory = cron_read_job((struct span){ c->job, c->job_len }, &job, &err) == 0 &&
	    job.spec.durability == DURABILITY_MEMORY;
	cron_job_fini(&job);
	return memory && store_durable(b->store);
}

void
occurrence_comes(struct broker *b, struct cron *c)
{
	if (c->overlap == CRON_SKIP && is_busy(b, c)) {
		skip(b, c);
		return;
	}
	cron_begins(b->cron->table, c);
	if (is_for_memory(b, c))
		settle_first(b, c);
	else
		submit(b, c);
}

int
cron_run(struct broker *b, struct span name, struct job **out, struct rpc_error *err)
{
	struct cron	*c;
	struct making	 m;
	int		 rc;

	if (cron_find(b, name, &c, err) != 0)
		return -1;
	if (c->overlap == CRON_SKIP && is_busy(b, c)) {
		rpc_fail(err, RPC_conflict, "job %llu of schedule %s has not ended, and its overlap is "
		    "skip", (unsigned long long)c->past.last_job, c->name);
		snprintf(err->data, sizeof(err->data), "\"id\":%llu",
		    (unsigned long long)c->past.last_job);
		return -1;
	}
	if ((rc = making_init(&m, b, c, err)) == 0 &&
	    (rc = broker_submit(b, &m.job.spec, m.by, out, err)) == 0) {
		cron_ran_by_hand(c, (*out)->id);
		cron_save(b, c);
	}
	making_fini(&m);
	return rc;
}
