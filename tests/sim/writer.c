/* writer.c - what core wants written down, and what comes of it: the broker's part of it.
 * Runs in: the simulation. */
#include "lib/alloc.h"
#include "tests/sim/saved.h"
#include "tests/sim/world.h"

static void
put(struct world *w, enum store_verb verb, enum record record, const struct model_job *j,
    struct saved *saved)
{
	struct sim_op	*op = mem_zalloc(1, sizeof(*op));

	op->verb = verb;
	op->record = record;
	op->id = j->id;
	op->row.job = *j;
	op->row.written = w->m.now;
	op->row.saved = saved;
	sim_store_put(&w->store, op);
}

void
write_submission(struct world *w, const struct model_job *j, const struct job *real,
    const struct jobspec *spec)
{
	struct model_job	as = model_snapshot(j, RECORD_NONE);

	if (j->durable)
		put(w, STORE_ADD, RECORD_NONE, &as, saved_submission(w->m.now, real, spec));
}

void
write_forgotten(struct world *w, const struct job *real)
{
	struct model_job	as = { .id = real->id };

	if (real->durable && job_run(real)->forget_asked)
		put(w, STORE_FORGET, RECORD_NONE, &as, NULL);
}

void
on_record(struct world *w, const struct job *real, enum record what)
{
	struct model_job	as = model_record(&w->m, real, what);
	enum store_verb		verb = what == RECORD_END ? STORE_END :
	    what == RECORD_AGAIN ? STORE_AGAIN : STORE_CHANGE;

	put(w, verb, what, &as, saved_change(w->c, w->m.now, real, what));
}

/* ---- what came back ---- */

static void
on_added(struct world *w, const struct sim_op *op, struct job *real, struct model_job *j)
{
	bool	again = op->verb == STORE_AGAIN;

	if (real == NULL || j == NULL)
		model_violation(&w->m, "job %llu is written down, and not there",
		    (unsigned long long)op->id);
	if (op->result == STORE_OK) {
		if (again)
			promise_again(&w->promises, &w->m, op->id);
		else
			promise_accepted(&w->promises, &w->m, &w->store, op->id);
		core_stored(w->c, w->m.now, real);
		model_stored(&w->m, j);
		return;
	}
	if (!again)
		promise_refused(&w->promises, &w->m, op->id);
	else
		promise_again_refused(&w->promises, &w->m, op->id);
	core_unstored(w->c, w->m.now, real);
	model_unstored(&w->m, j);
}

static void
on_changed(struct world *w, const struct sim_op *op, struct job *real, struct model_job *j)
{
	if (real == NULL)
		return;			/* it was refused, or has left since */
	if (op->result != STORE_OK)
		model_violation(&w->m, "%d of job %llu comes back with %d", (int)op->verb,
		    (unsigned long long)op->id, (int)op->result);
	core_recorded(w->c, w->m.now, real, op->record);
	model_recorded(&w->m, j, op->record);
}

static void
on_done(struct world *w, const struct sim_op *op)
{
	struct job		*real = core_find(w->c, op->id);
	struct model_job	*j = model_job(&w->m, op->id);

	trace(w, "  %d of %llu comes back: %d", (int)op->verb, (unsigned long long)op->id,
	    (int)op->result);
	switch (op->verb) {
	case STORE_ADD:
	case STORE_AGAIN:
		on_added(w, op, real, j);
		break;
	case STORE_CHANGE:
	case STORE_END:
		on_changed(w, op, real, j);
		break;
	case STORE_FORGET:
		if (op->result == STORE_OK)
			promise_forgotten(&w->promises, &w->m, op->id);
		break;
	default:
		break;
	}
	judge_same(&w->m, w->c);
}

void
do_store(struct world *w)
{
	struct sim_op	*op;

	if (w->full_in > 0 && once_in(&w->chance, w->full_in)) {
		w->store.full = !w->store.full;
		w->store.reserve = below(&w->chance, 10);
		trace(w, "the disk is %s", w->store.full ? "full" : "free");
	}
	sim_store_run(&w->store, &w->chance);
	while (!once_in(&w->chance, 4) && (op = sim_store_done(&w->store)) != NULL) {
		on_done(w, op);
		sim_op_free(op);
	}
}
