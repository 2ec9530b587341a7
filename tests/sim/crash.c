/* crash.c - the end of a process, at any point, and the one that follows.  Runs in: the simulation. */
#include <string.h>

#include "tests/sim/saved.h"
#include "tests/sim/world.h"

/* What the new process knows of types, as it was told again, or as it was measured before. */
struct measured {
	uint64_t	samples[MODEL_TYPES];
	int64_t		mean_ns[MODEL_TYPES];
};

static void
measure(const struct world *w, struct measured *out)
{
	for (int t = 0; t < MODEL_TYPES; t++) {
		out->samples[t] = w->m.types[t]->samples;
		out->mean_ns[t] = w->m.types[t]->mean_ns;
	}
}

/* Some time passes; the machine may have started anew, and its clock may have been set. */
static void
pass_downtime(struct world *w)
{
	struct chance	*r = &w->chance;
	int64_t		 down_ms = once_in(r, 4) ? below(r, 4 * 3600 * 1000) : below(r, 500);

	w->m.now.real_ms += down_ms;
	w->m.now.mono_ns += down_ms * MS;
	if (once_in(r, 4))
		w->m.now.mono_ns = (1 + below(r, 60000)) * MS + (int64_t)w->events % MS;
	if (w->jumpy && once_in(r, 3))
		w->m.now.real_ms += (below(r, 48 * 3600) - 24 * 3600) * INT64_C(1000);
}

/* ---- what is known of jobs that ran ---- */

struct interrupted {
	uint64_t	ids[MODEL_ATTEMPTS];
	int		len;
};

static void
find_interrupted(struct world *w, struct interrupted *out)
{
	out->len = 0;
	for_attempts(&w->m, at)
		if (!at->stuck)
			out->ids[out->len++] = at->job->id;
}

static bool
was_interrupted(const struct interrupted *in, uint64_t id)
{
	for (int i = 0; i < in->len; i++)
		if (in->ids[i] == id)
			return true;
	return false;
}

/* ---- recovery ---- */

/* Its unique key, for as long as that is left on the wall clock; 0: that is over. */
static int64_t
unique_until(const struct world *w, const struct sim_row *row)
{
	int64_t	left_ms = (row->job.unique_until_ns - row->written.mono_ns + MS - 1) / MS +
	    row->written.real_ms - w->m.now.real_ms;

	return left_ms <= 0 ? 0 : w->m.now.mono_ns + left_ms * MS;
}

static void
restore_unique(struct world *w, const struct sim_row *row, struct job *real)
{
	struct model_job		*j = model_job(&w->m, row->job.id);
	const struct unique_claim	 claim = { .key = model_unique_key(row->job.unique),
	    .until_ns = row->job.unique_until_ns == 0 ? 0 : unique_until(w, row) };

	if (row->job.unique_until_ns != 0 && claim.until_ns == 0) {
		if (j != NULL)
			j->unique = -1;
		return;
	}
	if (j == NULL)
		j = model_remember(&w->m, &row->job);
	j->unique_until_ns = claim.until_ns;
	if (real != NULL)
		core_unique_hold(w->c, w->m.now, real, &claim);
	else
		core_unique_restore(w->c, w->m.now, row->job.id, row->job.state, &claim);
}

static void
restore_job(struct world *w, const struct sim_row *row, const struct interrupted *in,
    enum job_reason why)
{
	struct model_found	found = { .job = row->job, .live = row->live,
	    .written = row->written, .why = why };
	const char		*wrong;
	struct job		*real;

	found.in_process = row->live && (was_interrupted(in, row->job.id) ||
	    row->job.state == JOB_running);
	trace(w, "  job %llu is back%s%s", (unsigned long long)row->job.id,
	    row->live ? "" : ", and has ended", found.in_process ? ", and ran" : "");
	real = saved_restore(row->saved, row->job.id, row->live, w->c, w->m.now, w->by,
	    found.in_process, why, &wrong);
	if (real == NULL)
		model_violation(&w->m, "job %llu cannot be read: %s",
		    (unsigned long long)row->job.id, wrong);
	model_restore(&w->m, &found);
	if (row->job.unique >= 0)
		restore_unique(w, row, real);
}

static void
restore_jobs(struct world *w, const struct interrupted *in, enum job_reason why)
{
	for (int i = 0; i < w->store.rows_len; i++) {
		const struct sim_row	*row = &w->store.rows[i];
		bool			 blocks = !row->live && saved_blocks(row->saved);

		if (!row->live && blocks != row->job.blocking)
			model_violation(&w->m, "job %llu %s others behind it",
			    (unsigned long long)row->job.id, blocks ? "still blocks" :
			    "does not block");
		if (row->live || blocks)
			restore_job(w, row, in, why);
		else if (row->job.unique >= 0 && row->job.unique_until_ns != 0)
			restore_unique(w, row, NULL);
	}
}

/* Parents that are not live have ended so, as far as anybody remembers. */
static void
restore_parents(struct world *w)
{
	uint64_t	child, parent;

	while (core_next_orphan(w->c, &child, &parent)) {
		const struct sim_row	*row = sim_store_row(&w->store, parent);
		enum job_state		 state = row == NULL ? JOB_STATES : row->job.state;

		trace(w, "  job %llu, for which %llu waits, was %d", (unsigned long long)parent,
		    (unsigned long long)child, (int)state);
		core_parent_was(w->c, w->m.now, core_find(w->c, child), parent, state);
		model_parent_was(&w->m, model_job(&w->m, child), parent, state);
	}
	model_check_orphans(&w->m);
}

static void
new_core(struct world *w, const struct measured *known)
{
	w->m.cfg.fence_base = (uint64_t)w->store.boot << 32;
	w->m.cfg.seed = chance_bits(&w->chance);
	w->c = core_new(&w->m.cfg);
	w->m.core = w->c;
	world_define_types(w);
	for (int t = 0; t < MODEL_TYPES; t++) {
		w->m.types[t]->samples = known->samples[t];
		w->m.types[t]->mean_ns = known->mean_ns[t];
	}
	world_set_policies(w);
	set_again(w);
}

static void
forget_process(struct world *w)
{
	memset(w->watched, 0, sizeof(w->watched));
	memset(w->told, 0, sizeof(w->told));
	memset(w->alone_asked, 0, sizeof(w->alone_asked));
	memset(w->doomed, 0, sizeof(w->doomed));
	model_crash(&w->m);
}

static void
restart(struct world *w, enum job_reason why)
{
	struct measured		known;
	struct interrupted	in;

	measure(w, &known);
	find_interrupted(w, &in);
	core_free(w->c);
	sim_store_crash(&w->store);
	promise_crash(&w->promises, &w->m, &w->store);
	forget_process(w);
	pass_downtime(w);
	new_core(w, &known);
	restore_jobs(w, &in, why);
	restore_parents(w);
	judge_same(&w->m, w->c);
}

void
do_crash(struct world *w)
{
	trace(w, "crash");
	restart(w, REASON_daemon_crash);
	while (once_in(&w->chance, 4))		/* before anything else has happened */
		restart(w, REASON_daemon_crash);
}

/* What runs is given up, and all is written down before the process ends. */
void
do_stop(struct world *w)
{
	struct effect	e;

	trace(w, "stop");
	core_give_up(w->c, w->m.now);
	model_give_up(&w->m);
	model_learn(&w->m, w->c);
	while (core_next_record(w->c, &e))
		on_record(w, e.job, e.record);
	w->store.full = false;
	sim_store_flush(&w->store);
	restart(w, REASON_daemon_crash);
}

void
maybe_crash(struct world *w, int often)
{
	if (w->crash_in == 0 || !once_in(&w->chance, w->crash_in * often))
		return;
	if (once_in(&w->chance, 4))
		do_stop(w);
	else
		do_crash(w);
}
