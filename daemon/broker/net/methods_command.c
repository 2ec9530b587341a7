/* methods_command.c - job.write, job.signal: what running commands are told.
 * Runs in: broker, loop thread. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/watch.h"
#include "lib/alloc.h"
#include "lib/base64.h"
#include "lib/parse.h"

/* A call that is answered when the command has what it is told. */
struct telling {
	struct told	 told;
	struct watch	*watch;
	uint64_t	 job_id;
	uint32_t	 bytes;		/* job.write */
	int		 signal;	/* job.signal; 0: job.write */
};

static void
print_told(struct buf *out, const struct telling *t)
{
	print_literal(out, "{\"id\":");
	buf_put_u64(out, t->job_id);
	if (t->signal != 0) {
		print_next(out, "signal");
		print_string(out, sigabbrev_np(t->signal));
	} else {
		print_next(out, "bytes");
		buf_put_u64(out, t->bytes);
	}
	buf_putc(out, '}');
}

static void
refuse(const struct telling *t)
{
	struct rpc_error	err;

	if (t->signal != 0)
		rpc_fail(&err, RPC_conflict, "job %" PRIu64 " has ended before the signal came", t->job_id);
	else
		rpc_fail(&err, RPC_conflict, "nobody reads the input of job %" PRIu64 " any more", t->job_id);
	watch_refuse(t->watch, &err);
}

static void
on_told(struct told *told, bool heard)
{
	struct telling	*t = (struct telling *)(void *)told;	/* its first member */
	struct reply	 reply;

	if (!heard) {
		refuse(t);
		return;
	}
	reply = watch_take(t->watch);
	print_told(reply_begin(&reply), t);
	reply_end(&reply);
	watch_free(t->watch);
}

/* The watch has ended: it was answered, or its connection is gone. */
static void
telling_free(void *arg)
{
	struct telling	*t = arg;

	lanes_told_leave(&t->told);
	free(t);
}

static int
later(struct call *call, struct telling *t)
{
	struct watch	*w = watch_new(call, WATCH_TOLD, 1);

	w->what = t;
	w->forget = telling_free;
	t->watch = w;
	return METHOD_LATER;
}

static struct telling *
telling_new(const struct job *j)
{
	struct telling	*t = mem_zalloc(1, sizeof(*t));

	t->told.done = on_told;
	t->job_id = j->id;
	return t;
}

/* ---- job.write ---- */

/* The bytes of data or data_base64, the latter in *decoded.  0, or -1 with *err. */
static int
read_data(const struct call *call, struct buf *decoded, struct span *out, struct rpc_error *err)
{
	const struct rpc_value	*text = call_param(call, PARAM_data);
	const struct rpc_value	*coded = call_param(call, PARAM_data_base64);

	*out = (struct span){ text->given ? text->p : "", text->given ? text->len : 0 };
	if (text->given && coded->given)
		return rpc_fail_member(err, RPC_invalid_params, "data", 4,
		    "give either data or data_base64, not both");
	if (!coded->given)
		return 0;
	if (!base64_take(decoded, coded->p, coded->len))
		return rpc_fail_member(err, RPC_invalid_params, "data_base64", 11,
		    "data_base64 is not base64");
	*out = (struct span){ buf_data(decoded), buf_len(decoded) };
	return 0;
}

int
method_job_write(struct call *call, struct rpc_error *err)
{
	bool		 eof = call_int(call, PARAM_eof, 0) != 0;
	struct buf	 decoded = { 0 };
	struct span	 text;
	struct telling	*t;
	struct job	*j;
	int		 rc;

	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (watch_allowed(call, 1, err) != 0 || read_data(call, &decoded, &text, err) != 0) {
		buf_free(&decoded);
		return -1;
	}
	t = telling_new(j);
	t->bytes = (uint32_t)text.len;
	rc = lanes_write(call->net->broker->lanes, j, text, eof, &t->told, err);
	buf_free(&decoded);
	if (rc == 0)
		return later(call, t);
	free(t);
	return -1;
}

/* ---- job.signal ---- */

/* -1: there is none of that name or number. */
static int
find_signal(const struct rpc_value *v)
{
	char		 name[20];
	const char	*at = name, *abbrev;
	int64_t		 number;

	if (parse_i64(v->p, v->len, 1, SIGRTMAX, &number) == 0)
		return sigabbrev_np((int)number) == NULL ? -1 : (int)number;
	if (v->len >= sizeof(name))
		return -1;
	memcpy(name, v->p, v->len);
	name[v->len] = '\0';
	if (strncasecmp(at, "SIG", 3) == 0)
		at += 3;
	for (int i = 1; i < NSIG; i++)
		if ((abbrev = sigabbrev_np(i)) != NULL && strcasecmp(abbrev, at) == 0)
			return i;
	return -1;
}

int
method_job_signal(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*v = call_param(call, PARAM_signal);
	int			 number = find_signal(v), rc;
	struct telling		*t;
	struct job		*j;

	if (number < 0)
		return rpc_fail_member(err, RPC_invalid_params, "signal", 6,
		    "there is no signal '%.*s'", (int)v->len, v->p);
	if ((rc = find_job(call, &j, err)) != 0)
		return rc;
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	t = telling_new(j);
	t->signal = number;
	if (lanes_signal(call->net->broker->lanes, j, number, &t->told, err) == 0)
		return later(call, t);
	free(t);
	return -1;
}
