/*
 * wait.c - waiting for futures, and turning in a loop of the caller's.
 * Runs in: programs that use libjobd.
 */
#include "client/libjobd/internal.h"

#include <stdlib.h>

#include "lib/alloc.h"

/* ---- one connection ---- */

int
jobd_turn(struct jobd *j)
{
	if (j->in_callback)
		return JOBD_USAGE;
	wire_turn(j);
	future_callbacks(j);
	wire_flush(j);
	return j->broken.code;
}

int
jobd_fd(const struct jobd *j)
{
	return j->fd;
}

int
jobd_want(const struct jobd *j)
{
	if (j->broken.code != 0)
		return 0;
	return buf_len(&j->out) > 0 ? JOBD_READ | JOBD_WRITE : JOBD_READ;
}

size_t
jobd_pending(const struct jobd *j)
{
	return j->pending.len;
}

size_t
jobd_unsent(const struct jobd *j)
{
	return buf_len(&j->out);
}

const struct jobd_error *
jobd_broken(const struct jobd *j)
{
	return &j->broken;
}

void
jobd_on_notice(struct jobd *j,
    void (*notice)(struct jobd *j, const char *method, const char *params, void *data), void *data)
{
	j->notice = notice;
	j->notice_data = data;
}

void
jobd_on_output(struct jobd *j,
    void (*output)(struct jobd *j, const struct jobd_output *said, void *data), void *data)
{
	j->output = output;
	j->output_data = data;
}

int
jobd_poll(struct jobd *j, int64_t timeout_ms)
{
	if (j->in_callback)
		return JOBD_USAGE;
	if (j->broken.code != 0)
		return j->broken.code;
	if (timeout_ms != 0 && wire_poll(&j, 1, wire_deadline(timeout_ms)) != 0)
		return JOBD_TIMED_OUT;
	return jobd_turn(j);
}

static struct jobd_future *
take_done(struct jobd *j)
{
	struct list	*node = list_pop(&j->done);

	return node == NULL ? NULL : list_entry(node, struct jobd_future, link);
}

int
jobd_next(struct jobd *j, int64_t timeout_ms, struct jobd_future **out)
{
	struct jobd_future	*f = take_done(j);
	int64_t			 deadline = f == NULL ? wire_deadline(timeout_ms) : 0;
	int			 rc;

	while (f == NULL) {
		if (j->broken.code != 0)
			return j->broken.code;
		if (j->in_callback || j->pending.len == 0)
			return JOBD_USAGE;
		jobd_turn(j);
		if ((f = take_done(j)) != NULL)
			break;
		if (j->broken.code == 0 && (rc = wire_poll(&j, 1, deadline)) != 0)
			return rc;
	}
	*out = f;
	return 0;
}

/* ---- several ---- */

/* The connections of the futures that are not done, each once; returns how many. */
static size_t
gather(struct jobd_future *const *list, size_t n, struct jobd **out)
{
	size_t	found = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i]->done || list[i]->j->gathered)
			continue;
		list[i]->j->gathered = true;
		out[found++] = list[i]->j;
	}
	for (size_t i = 0; i < found; i++)
		out[i]->gathered = false;
	return found;
}

/* A wait has seen it: jobd_next need not tell again. */
static void
see(struct jobd_future *f)
{
	if (f->done && f->callback == NULL)
		list_remove(&f->link);
}

/*
 * Is the wait over?  any: *at is the first that is done; else *at counts those before the first
 * that is not.
 */
static bool
settled(struct jobd_future *const *list, size_t n, bool any, size_t *at)
{
	if (any)
		*at = 0;
	while (*at < n && list[*at]->done != any)
		++*at;
	return any ? *at < n : *at == n;
}

static int
wait_for(struct jobd_future *const *list, size_t n, bool any, struct jobd **conns, size_t *at,
    int64_t deadline_ns)
{
	size_t	found;
	int	rc = 0;

	while (rc == 0 && !settled(list, n, any, at)) {
		found = gather(list, n, conns);
		for (size_t i = 0; i < found; i++) {
			if (conns[i]->in_callback)
				return JOBD_USAGE;
			jobd_turn(conns[i]);
		}
		if (settled(list, n, any, at))
			break;
		found = gather(list, n, conns);
		rc = wire_poll(conns, found, deadline_ns);
	}
	return rc;
}

int
jobd_wait_all(struct jobd_future *const *list, size_t n, int64_t timeout_ms)
{
	struct jobd	**conns = mem_zalloc(n, sizeof(*conns));
	size_t		  at = 0;
	int		  rc = wait_for(list, n, false, conns, &at, wire_deadline(timeout_ms));

	for (size_t i = 0; rc == 0 && i < n; i++)
		see(list[i]);
	free(conns);
	return rc;
}

int
jobd_wait_any(struct jobd_future *const *list, size_t n, int64_t timeout_ms, size_t *index)
{
	struct jobd	**conns;
	size_t		  at = 0;
	int		  rc;

	if (n == 0)
		return JOBD_USAGE;
	conns = mem_zalloc(n, sizeof(*conns));
	rc = wait_for(list, n, true, conns, &at, wire_deadline(timeout_ms));
	free(conns);
	if (rc != 0)
		return rc;
	see(list[at]);
	*index = at;
	return 0;
}

int
jobd_wait(struct jobd_future *f, int64_t timeout_ms)
{
	struct jobd	*conn;
	size_t		 at = 0;
	int		 rc = wait_for(&f, 1, false, &conn, &at, wire_deadline(timeout_ms));

	if (rc == 0)
		see(f);
	return rc;
}
