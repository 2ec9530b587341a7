/*
 * start.c - requests on their way, and the calls that wait for one.
 * Runs in: programs that use libjobd.
 */
#include "client/libjobd/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- starting ---- */

/* The line from begin on is whole: it belongs to a future now, or is taken back. */
static struct jobd_future *
conclude(struct jobd *j, size_t begin, int rc, enum future_kind kind, struct jobd_error *err)
{
	struct jobd_future	*f;

	if (rc != 0) {
		request_drop(j, begin);
		return NULL;
	}
	if (request_end(j, begin, err) != 0)
		return NULL;
	f = future_new(j, kind);
	request_of(j, f);
	return f;
}

struct jobd_future *
jobd_start(struct jobd *j, const char *method, const char *params, struct jobd_error *err)
{
	size_t	begin;
	int	rc;

	if (request_room(j, err) != 0)
		return NULL;
	begin = request_begin(j, method);
	rc = request_put_json(&j->out, params != NULL ? params : "{}", true) ? 0 :
	    error_set(err, JOBD_USAGE, "the params of %s are not a JSON object", method);
	return conclude(j, begin, rc, FUTURE_REQUEST, err);
}

struct jobd_future *
jobd_start_submit(struct jobd *j, const struct jobd_job *job, struct jobd_error *err)
{
	struct jobd_future	*f;
	size_t			 begin;
	int			 rc;

	if (request_room(j, err) != 0)
		return NULL;
	begin = request_begin(j, "job.submit");
	if ((rc = request_put_job(&j->out, job, err)) == 0)
		buf_putc(&j->out, '}');
	if ((f = conclude(j, begin, rc, FUTURE_SUBMIT, err)) != NULL)
		f->cancellable = true;
	return f;
}

struct jobd_future *
jobd_start_call(struct jobd *j, const struct jobd_job *job, struct jobd_error *err)
{
	struct jobd_future	*f;
	size_t			 begin;
	int			 rc;

	if (request_room(j, err) != 0)
		return NULL;
	begin = request_begin(j, job->cancellable ? "job.submit" : "job.call");
	if ((rc = request_put_job(&j->out, job, err)) == 0) {
		if (job->cancel_on_disconnect && !job->cancellable)
			buf_puts(&j->out, ",\"cancel_on_disconnect\":true");
		buf_putc(&j->out, '}');
	}
	if ((f = conclude(j, begin, rc, FUTURE_OUTCOME, err)) == NULL)
		return NULL;
	f->cancellable = job->cancellable;
	f->step = job->cancellable ? STEP_SUBMITTED : STEP_ANSWER;
	return f;
}

struct jobd_future *
jobd_start_wait(struct jobd *j, uint64_t id, struct jobd_error *err)
{
	struct jobd_future	*f;
	size_t			 begin;

	if (request_room(j, err) != 0)
		return NULL;
	begin = request_begin(j, "job.wait");
	buf_puts(&j->out, "{\"id\":");
	buf_put_u64(&j->out, id);
	buf_putc(&j->out, '}');
	if ((f = conclude(j, begin, 0, FUTURE_OUTCOME, err)) == NULL)
		return NULL;
	f->job = id;
	f->cancellable = true;
	return f;
}

/* ---- waiting for one ---- */

/* Waits for f and frees it; its result, when it has one, goes to *result (NULL: not wanted). */
static int
finish(struct jobd_future *f, int64_t timeout_ms, char **result, struct jobd_error *err)
{
	int	rc;

	if (f == NULL)
		return err->code;
	if ((rc = jobd_wait(f, timeout_ms)) != 0)
		rc = error_set(err, rc, "%s", rc == JOBD_TIMED_OUT ?
		    "the daemon did not answer in time" :
		    "a callback must not wait on its own connection");
	else if (jobd_error(f) != NULL)
		rc = error_copy(err, jobd_error(f));
	else if (result != NULL)
		*result = jobd_take_result(f, NULL);
	jobd_forget(f);
	return rc;
}

int
jobd_call(struct jobd *j, const struct jobd_job *job, int64_t timeout_ms, char **result,
    struct jobd_error *err)
{
	struct jobd_error	own;

	if (err == NULL)
		err = &own;
	return finish(jobd_start_call(j, job, err), timeout_ms, result, err);
}

int
jobd_submit(struct jobd *j, const struct jobd_job *job, int64_t timeout_ms, uint64_t *id,
    struct jobd_error *err)
{
	struct jobd_error	 own;
	struct jobd_future	*f;
	char			*result = NULL;
	int64_t			 n = 0;
	int			 rc;

	if (err == NULL)
		err = &own;
	f = jobd_start_submit(j, job, err);
	rc = finish(f, timeout_ms, &result, err);
	if (rc == 0 && id != NULL && json_int((struct span){ result, strlen(result) }, "id", &n))
		*id = (uint64_t)n;
	free(result);
	return rc;
}

int
jobd_result_of(struct jobd *j, uint64_t id, int64_t timeout_ms, char **result,
    struct jobd_error *err)
{
	struct jobd_error	own;

	if (err == NULL)
		err = &own;
	return finish(jobd_start_wait(j, id, err), timeout_ms, result, err);
}

int
jobd_ask(struct jobd *j, const char *method, const char *params, int64_t timeout_ms,
    char **result, struct jobd_error *err)
{
	struct jobd_error	own;

	if (err == NULL)
		err = &own;
	return finish(jobd_start(j, method, params, err), timeout_ms, result, err);
}

int
jobd_cancel_job(struct jobd *j, uint64_t id, int64_t timeout_ms, struct jobd_error *err)
{
	char	params[40];

	snprintf(params, sizeof(params), "{\"id\":%llu}", (unsigned long long)id);
	return jobd_ask(j, "job.cancel", params, timeout_ms, NULL, err);
}
