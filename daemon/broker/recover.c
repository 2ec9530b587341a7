/* recover.c - what the store knows is in core again.  Runs in: broker, loop thread. */
#include "daemon/broker/recover.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/cron/cron.h"
#include "daemon/broker/gather_item.h"
#include "daemon/broker/keep.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/store/record.h"
#include "daemon/broker/store/running.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/map.h"

#define ROWS_PER_TURN	20000
#define PARENTS_AT_ONCE	1000
#define SAY_NS		(1000 * NS_PER_MS)	/* how far it is, so often */

struct recovery {
	struct event	*event;
	void		(*done)(struct broker *b);
	struct submitter *by;		/* of the job before: mostly the same */
	int64_t		 began_ns, said_ns;
	uint64_t	 jobs, ended, queries;
	uint64_t	 parents[PARENTS_AT_ONCE];	/* that are asked for, by id */
	uint32_t	 parents_len;
	bool		 said;
};

/* What reads the items of a kind; *err says what is wrong with one. */
static const struct restorer {
	const char	*kind;
	int		(*restore)(struct broker *b, struct span name, struct span text,
			    struct rpc_error *err);
} restorers[] = {
	{ "cron", cron_restore },
	{ "queue", keep_restore_queue },
	{ "pin", keep_restore_pin },
	{ "profile", keep_restore_profile },
	{ "program", keep_restore_program },
	{ "group", gather_item_restore },
	{ NULL, NULL },
};

/* ---- jobs ---- */

static bool
is_text(const char *text, struct span s)
{
	return strlen(text) == s.len && (s.len == 0 || memcmp(text, s.p, s.len) == 0);
}

/* Counted for the caller. */
static struct submitter *
submitter_for(struct broker *b, const struct job_record *rec)
{
	struct submitter	*last = b->recovery == NULL ? NULL : b->recovery->by, *by;
	char			*principal, *client, *addr;

	if (last != NULL && is_text(last->principal, rec->principal) &&
	    is_text(last->client, rec->client) && is_text(last->addr, rec->addr))
		return submitter_ref(last);
	principal = mem_strndup(rec->principal.p, rec->principal.len);
	client = mem_strndup(rec->client.p, rec->client.len);
	addr = mem_strndup(rec->addr.p, rec->addr.len);
	by = access_submitter(b->access, principal, client, addr);
	free(principal);
	free(client);
	free(addr);
	if (b->recovery != NULL) {
		submitter_unref(last);
		b->recovery->by = submitter_ref(by);
	}
	return by;
}

/* What was noted of an attempt that was not written down: it is one that the daemon's end ended.  *note lives
 * as long as the record. */
static void
add_interrupted(struct broker *b, struct job_record *rec, struct running_note *note)
{
	struct job_saved	*s = &rec->saved;

	if (!running_was(b->running, s->id, note) || s->tries_len == CORE_TRIES_KEPT ||
	    s->moves_len == CORE_MOVES_KEPT || note->lane >= LANES ||
	    (s->tries_len > 0 && rec->tries[s->tries_len - 1].fence >= note->fence))
		return;
	rec->moves[s->moves_len++] = (struct transition){
		.at_ms = note->started_ms, .state = JOB_running, .reason = REASON_started };
	rec->try_workers[s->tries_len] = (struct span){ note->worker,
	    strnlen(note->worker, sizeof(note->worker)) };
	rec->tries[s->tries_len++] = (struct attempt_record){
		.fence = note->fence, .started_ms = note->started_ms, .ended_ms = b->now.real_ms,
		.number = (uint16_t)note->number, .lane = note->lane, .end = REASON_daemon_crash };
	s->attempts = note->number;
	s->begun = true;
	s->in_process = true;
}

/* ---- unique keys ---- */

/* What a key is held until, by the clock of now; 0: until its job ends. */
static int64_t
until_ns(const struct broker *b, int64_t until_ms)
{
	if (until_ms == 0)
		return 0;
	return until_ms <= b->now.real_ms ? 1 : clock_after_ms(b->now.mono_ns,
	    until_ms - b->now.real_ms);
}

static void
hold_key(struct broker *b, const struct job_record *rec, struct job *j)
{
	const struct unique_claim	claim = { .key = rec->unique_key,
	    .until_ns = until_ns(b, rec->unique_until_ms), .print = rec->unique_print };

	if (claim.key.len > 0)
		core_unique_hold(b->core, b->now, j, &claim);
}

static void
unique_found(struct broker *b, const struct store_found *f)
{
	struct unique_claim	claim = { .key = f->name, .until_ns = until_ns(b, f->until_ms) };

	if (f->state >= JOB_succeeded && f->state < JOB_STATES &&
	    record_read_unique(f->text, &claim.print))
		core_unique_restore(b->core, b->now, f->job.id, (enum job_state)f->state, &claim);
	else
		log_error("a unique key in the store cannot be read job=%" PRIu64, f->job.id);
}

static struct job *
into_core(struct broker *b, struct job_record *rec)
{
	struct job_saved	*s = &rec->saved;
	struct running_note	 note;
	struct job		*j;

	if (!job_state_finished(s->state))
		add_interrupted(b, rec, &note);
	s->type = core_type_get(b->core, rec->type, core_pool_get(b->core, rec->pool));
	s->by = submitter_for(b, rec);
	s->group = rec->group == 0 ? NULL : core_group_numbered(b->core, rec->group);
	j = core_restore(b->core, b->now, s);
	hold_key(b, rec, j);
	submitter_unref(s->by);
	return j;
}

struct job *
recover_job(struct broker *b, const struct store_row *row)
{
	struct job_record	 rec;
	struct job	*j = NULL;
	char		 why[200];

	if (record_read(row, &rec, why, sizeof(why)) == 0) {
		rec.saved.log_bytes = logs_restore(b, row->id, row->log);
		j = into_core(b, &rec);
	} else
		log_error("a job in the store cannot be read job=%" PRIu64 " reason=\"%s\"", row->id, why);
	record_fini(&rec);
	return j;
}

/* ---- what is found ---- */

static _Noreturn void
cannot(struct broker *b, const char *what, const char *why)
{
	char	text[400];

	snprintf(text, sizeof(text), "%s: %s; `jobd --check-store` says more", what, why);
	broker_fail(b, text);
}

static void
item_found(struct broker *b, const struct store_found *f)
{
	struct rpc_error	err;

	for (const struct restorer *r = restorers; r->kind != NULL; r++) {
		if (!is_text(r->kind, f->kind))
			continue;
		if (r->restore(b, f->name, f->text, &err) != 0)
			log_error("an item in the store is passed over kind=%s name=%.*s reason=\"%s\"",
			    r->kind, (int)f->name.len, f->name.p, err.message);
		return;
	}
	log_warn("the store has an item of a kind that is not known kind=%.*s name=%.*s",
	    (int)f->kind.len, f->kind.p, (int)f->name.len, f->name.p);
}

static void
job_found(struct broker *b, const struct store_found *f)
{
	char	what[64];

	if (recover_job(b, &f->job) == NULL) {
		snprintf(what, sizeof(what), "job %" PRIu64 " in the store cannot be read", f->job.id);
		cannot(b, what, "its line in the log says why");
	}
	b->recovery->jobs++;
}

static void
count_found(struct broker *b, const struct store_found *f)
{
	struct group	*g = core_group_numbered(b->core, f->group);

	if (g != NULL && f->state < JOB_STATES)
		core_group_restore_ended(g, (enum job_state)f->state, f->count);
}

static void
say_progress(struct broker *b, const struct store_found *f)
{
	struct recovery	*rv = b->recovery;
	int64_t		 now_ns = clock_mono_ns();

	if (now_ns - rv->said_ns < SAY_NS)
		return;
	rv->said_ns = now_ns;
	rv->said = true;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rjobd: recovers jobs: %" PRIu64 " of %" PRIu64 " ", f->at, f->of);
	else
		log_info("recovers jobs=%" PRIu64 " of=%" PRIu64, f->at, f->of);
}

/* ---- the end of it ---- */

static void
finish(struct broker *b)
{
	struct recovery	*rv = b->recovery;
	void		(*done)(struct broker *b) = rv->done;

	if (rv->said && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	log_info("recovered jobs=%" PRIu64 " queries=%" PRIu64 " ms=%" PRId64, rv->jobs, rv->queries,
	    (clock_mono_ns() - rv->began_ns) / NS_PER_MS);
	recover_free(b);
	running_forget(b->running);
	core_groups_restored(b->core);
	broker_refresh_hold(b);
	done(b);
}

/* ---- parents that are history ---- */

static void ask_for_parents(struct broker *b);

static int
compare_ids(const void *a, const void *b)
{
	const uint64_t	*x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* In order, and each once. */
static uint32_t
sort_ids(uint64_t *ids, size_t len)
{
	uint32_t	kept = 0;

	qsort(ids, len, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < len; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	return kept;
}

/* JOB_STATES: nobody knows. */
static enum job_state
state_in(const struct idmap *states, uint64_t id)
{
	const struct store_row	*row = idmap_get(states, id);

	return row == NULL ? JOB_STATES : (enum job_state)row->end.state;
}

/* How those ended for which restored jobs wait, and which are history. */
static void
tell_children(struct broker *b, const struct store_query *q)
{
	struct recovery	*rv = b->recovery;
	struct idmap	 states = { 0 };
	uint64_t	 child, parent;

	for (uint32_t i = 0; i < q->rows_len; i++)
		if (!q->rows[i].live)
			idmap_put(&states, q->rows[i].id, &q->rows[i]);
	while (core_next_orphan(b->core, &child, &parent) &&
	    bsearch(&parent, rv->parents, rv->parents_len, sizeof(parent), compare_ids) != NULL)
		core_parent_was(b->core, b->now, core_find(b->core, child), parent,
		    state_in(&states, parent));
	idmap_free(&states);
}

static void
parents_known(struct broker *b, struct ledger_query *lq)
{
	tell_children(b, &lq->q);
	store_query_fini(&lq->q);
	free(lq);
	ask_for_parents(b);
}

static void
ask_for_parents(struct broker *b)
{
	struct recovery		*rv = b->recovery;
	struct ledger_query	*lq;
	size_t			 len = core_orphan_parents(b->core, rv->parents, PARENTS_AT_ONCE);

	if (len == 0) {
		finish(b);
		return;
	}
	rv->parents_len = sort_ids(rv->parents, len);
	rv->queries++;
	lq = mem_zalloc(1, sizeof(*lq));
	lq->q.what = STORE_STATES;
	lq->q.ids = rv->parents;
	lq->q.ids_len = rv->parents_len;
	lq->done = parents_known;
	ledger_ask(b, lq);
}

static void
all_found(struct broker *b)
{
	event_free(b->recovery->event);
	b->recovery->event = NULL;
	ledger_serve(b);
	ask_for_parents(b);
}

static void
on_found(evutil_socket_t fd, short what, void *arg)
{
	struct broker		*b = arg;
	struct store_found	 f;
	char			 why[200];
	int			 rc = 0;

	(void)fd;
	(void)what;
	broker_clocks(b);
	for (int i = 0; i < ROWS_PER_TURN; i++) {
		if ((rc = store_next_found(b->store, &f, why, sizeof(why))) <= 0)
			break;
		switch (f.is) {
		case STORE_ITEM:	item_found(b, &f); break;
		case STORE_JOB:		job_found(b, &f); say_progress(b, &f); break;
		case STORE_UNIQUE:	unique_found(b, &f); break;
		case STORE_GROUP_COUNT:	count_found(b, &f); break;
		case STORE_RECOVERED:	all_found(b); return;
		}
	}
	if (rc < 0)
		cannot(b, "the store cannot be read", why);
	if (rc > 0)
		event_active(b->recovery->event, EV_READ, 0);
}

/* ---- life ---- */

void
recover_begin(struct broker *b, void (*done)(struct broker *b))
{
	int64_t		 args_memory = b->config.store_args_memory;
	struct recovery	*rv = mem_zalloc(1, sizeof(*rv));

	b->recovery = rv;
	rv->done = done;
	rv->began_ns = rv->said_ns = clock_mono_ns();
	broker_refresh_hold(b);
	rv->event = event_new(b->base, store_fd(b->store), EV_READ | EV_PERSIST, on_found, b);
	event_add(rv->event, NULL);
	store_recover(b->store, args_memory > 0 ? (size_t)args_memory : SIZE_MAX);
}

void
recover_free(struct broker *b)
{
	struct recovery	*rv = b->recovery;

	if (rv == NULL)
		return;
	if (rv->event != NULL)
		event_free(rv->event);
	submitter_unref(rv->by);
	free(rv);
	b->recovery = NULL;
}
