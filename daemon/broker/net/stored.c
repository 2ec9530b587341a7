/* stored.c - calls that are answered when what they did is on disk.  Runs in: broker, loop thread. */
#include "daemon/broker/net/stored.h"

#include "daemon/broker/net/methods.h"

static void
on_stored(struct broker *b, struct ledger_wait *lw, enum store_result r)
{
	struct watch	*w = list_entry(lw, struct watch, stored);

	(void)b;
	w->answer(w, r);
}

static bool
wait(struct watch *w, uint64_t job_id, void (*answer)(struct watch *w, enum store_result r))
{
	w->stored.done = on_stored;
	w->answer = answer;
	w->job_id = job_id;
	return ledger_wait(w->conn->net->broker, &w->stored);
}

int
stored_later(struct call *call, uint64_t job_id,
    void (*answer)(struct watch *w, enum store_result r), void *what, void (*forget)(void *what))
{
	struct watch	*w = watch_new(call, WATCH_STORED, 1);

	w->what = what;
	w->forget = forget;
	if (!wait(w, job_id, answer))
		answer(w, STORE_OK);
	return METHOD_LATER;
}

void
stored_answer_id_state(struct watch *w, enum store_result r)
{
	const struct job	*j = core_find(w->conn->net->broker->core, w->job_id);
	struct rpc_error	 err;
	struct reply		 reply;

	if (r != STORE_OK || j == NULL) {
		if (r != STORE_OK)
			ledger_error(r, &err);
		else
			no_such_job(w->job_id, &err);
		watch_refuse(w, &err);
		return;
	}
	reply = watch_take(w);
	print_id_state(reply_begin(&reply), j);
	if (w->deduplicated)
		print_deduplicated(reply.out);
	reply_end(&reply);
	watch_free(w);
}

int
stored_id_state(struct call *call, const struct job *j)
{
	return stored_later(call, j->id, stored_answer_id_state, NULL, NULL);
}

void
stored_from(struct watch *w, uint64_t job_id, void (*answer)(struct watch *w, enum store_result r))
{
	watch_become_stored(w);
	if (!wait(w, job_id, answer))
		answer(w, STORE_OK);
}
