/* map.c - a job for each argument.  Runs in: programs that use libjobd. */
#include "client/libjobd/internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

#define AT_ONCE	256

struct map {
	struct jobd		*j;
	struct jobd_job		 job;
	const char		*(*next)(void *, size_t);
	int			(*done)(void *, size_t, struct jobd_future *);
	void			*ctx;
	size_t			 index, on_their_way, at_once;
	bool			 no_more;
	int			 stop;		/* what done returned */
};

/* A future's place in the input: its data. */
struct place {
	struct map	*map;
	size_t		 index;
};

static void
item_done(struct jobd_future *f, void *data)
{
	struct place	*place = data;
	struct map	*m = place->map;

	m->on_their_way--;
	if (m->stop == 0)
		m->stop = m->done(m->ctx, place->index, f);
	jobd_forget(f);
	free(place);
}

/* Nothing was sent for this argument; it has a future all the same. */
static void
item_refused(struct map *m, size_t index, const struct jobd_error *why)
{
	struct jobd_future	*f = future_new(m->j, FUTURE_OUTCOME);

	future_fail(f, why);
	m->stop = m->done(m->ctx, index, f);
	jobd_forget(f);
}

/* Starts a job for args; false: there is no room now. */
static bool
start_item(struct map *m, const char *args)
{
	struct jobd_error	 err;
	struct jobd_future	*f;
	struct place		*place;

	m->job.args = args;
	f = jobd_start_call(m->j, &m->job, &err);
	if (f == NULL && (err.code == JOBD_FULL || m->j->broken.code != 0))
		return false;
	if (f == NULL) {
		m->j->in_callback = true;
		item_refused(m, m->index++, &err);
		m->j->in_callback = false;
		return true;
	}
	place = mem_alloc(sizeof(*place));
	*place = (struct place){ m, m->index++ };
	m->on_their_way++;
	jobd_on_done(f, item_done, place);
	return true;
}

/* Takes arguments while there is room; *args is one that is still to be started. */
static void
fill(struct map *m, const char **args)
{
	while (!m->no_more && m->stop == 0 && m->on_their_way < m->at_once) {
		if (*args == NULL && (*args = m->next(m->ctx, m->index)) == NULL)
			m->no_more = true;
		else if (start_item(m, *args))
			*args = NULL;
		else
			return;
	}
}

/* The caller's state is gone when jobd_map returns: what is on its way must not call back. */
static void
abandon_rest(struct map *m)
{
	list_for_safe(node, after, &m->j->all) {
		struct jobd_future	*f = list_entry(node, struct jobd_future, all);

		if (f->callback != item_done || ((struct place *)f->callback_data)->map != m)
			continue;
		free(f->callback_data);
		f->callback = NULL;
		jobd_forget(f);
	}
}

int
jobd_map(struct jobd *j, const struct jobd_job *job, size_t at_once,
    const char *(*next)(void *ctx, size_t index),
    int (*done)(void *ctx, size_t index, struct jobd_future *f), void *ctx, struct jobd_error *err)
{
	struct map	 m = { j, *job, next, done, ctx, 0, 0, at_once > 0 ? at_once : AT_ONCE,
	    false, 0 };
	const char	*args = NULL;
	size_t		 before;

	if (j->in_callback)
		return error_set(err, JOBD_USAGE, "a callback must not wait on its own connection");
	for (;;) {
		fill(&m, &args);
		if (m.stop != 0 || j->broken.code != 0 || (m.no_more && m.on_their_way == 0))
			break;
		before = j->pending.len + buf_len(&j->out);
		if (jobd_turn(j) == 0 && j->pending.len + buf_len(&j->out) >= before)
			wire_poll(&j, 1, INT64_MAX);	/* nothing has gone on: no room for more */
	}
	abandon_rest(&m);
	if (m.stop != 0)
		return m.stop;
	return j->broken.code != 0 ? error_copy(err, &j->broken) : 0;
}
