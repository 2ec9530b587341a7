/* gather.c - groups: from the ends of their members to the reduce job's.
 * Runs in: broker, loop thread. */
#include "daemon/broker/gather.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/net.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/reduce_args.h"
#include "daemon/broker/route/route.h"
#include "daemon/broker/store/spool.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proto/rpc_rows.h"

#define QUEUE_BYTES	((size_t)16 << 20)	/* that wait for the disk before members do */
#define OUTCOME_BYTES	BOUND_REPLY_BYTES	/* of a reduce job, kept with its group */

struct gather {
	struct spool	*spool;
	struct event	*event;
	struct buf	 line;		/* an outcome on its way to the spool */
	bool		 held;		/* members wait for the disk */
};

/* ---- groups made and forgotten ---- */

static struct gathered *
gathered_new(const struct gather_wish *wish, struct submitter *by)
{
	struct gathered	*own = mem_zalloc(1, sizeof(*own));

	if (wish->reduce.len > 0)
		own->reduce = mem_strndup(wish->reduce.p, wish->reduce.len);
	own->reduce_len = wish->reduce.len;
	own->by = submitter_ref(by);
	list_init(&own->waiters);
	return own;
}

static void
gathered_free(struct gathered *own)
{
	submitter_unref(own->by);
	free(own->reduce);
	free(own->path);
	free(own->outcome);
	free(own->brief);
	free(own->lost);
	free(own);
}

/* Whatever is wrong is about the member `reduce`. */
static int
fail_reduce(struct rpc_error *err)
{
	struct rpc_error	why = *err;

	return rpc_fail_member(err, why.kind, "reduce", strlen("reduce"), "reduce: %s",
	    why.message);
}

struct reduce_job {
	struct rpc_value	params[RPC_PARAMS];
	struct jobspec		spec;
	struct buf		scratch;
};

/* It comes behind all members, once: what else should it wait for, and who else should be it? */
static const uint64_t	reduce_refused = RPC_BIT(PARAM_group) | RPC_BIT(PARAM_after) |
    RPC_BIT(PARAM_on_parent_failure) | RPC_BIT(PARAM_unique_key) | RPC_BIT(PARAM_unique_ms);

/* From the text to a spec that points into it and into scratch; buf_free that in any case. */
static int
read_reduce(struct span text, struct reduce_job *out, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };

	if (rpc_parse_members(text.p, text.len, jobspec_params & ~reduce_refused,
	    jobspec_required, &limits, out->params, &out->scratch, err) != 0)
		return -1;
	return jobspec_read(out->params, &out->spec, err);
}

/* What can be known beforehand: is it a job at all, and does anybody run its type there? */
static int
check_reduce(const struct broker *b, struct span text, struct rpc_error *err)
{
	struct reduce_job	 job = { .scratch = { 0 } };
	const struct jobspec	*spec = &job.spec;
	const struct type	*t;
	enum lane		 lane;
	int			 rc;

	if ((rc = read_reduce(text, &job, err)) == 0) {
		t = core_type_find(b->core, spec->type.p, spec->type.len);
		if (t == NULL)
			rc = rpc_fail(err, RPC_unknown_type, "no handler has the type %.*s",
			    (int)spec->type.len, spec->type.p);
		else if (route_lane(t, spec->lane, spec->args.len, &lane) != 0)
			rc = rpc_fail(err, RPC_lane_refused, "lane %s is not safe for type %s",
			    lane_names[spec->lane], t->name);
	}
	buf_free(&job.scratch);
	return rc == 0 ? 0 : fail_reduce(err);
}

/* Numbers are for groups without a name. */
static int
check_name(struct span name, struct rpc_error *err)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] < '0' || name.p[i] > '9')
			return 0;
	return name.len == 0 ? 0 : rpc_fail_member(err, RPC_invalid_params, "name", 4,
	    "name must not be a number: %.*s", (int)name.len, name.p);
}

int
gather_create(struct broker *b, const struct gather_wish *wish, struct submitter *by,
    struct group **out, struct rpc_error *err)
{
	struct group_spec	 spec = { .name = wish->name, .max_running = wish->max_running,
					  .max_fails = wish->max_fails,
					  .reduces = wish->reduce.len > 0 };
	struct gathered		*own;
	int			 rc;

	if (check_name(wish->name, err) != 0 ||
	    (spec.reduces && check_reduce(b, wish->reduce, err) != 0))
		return -1;
	if (b->draining)
		return rpc_fail(err, RPC_draining, "jobd drains and takes no new jobs");
	if ((spec.number = store_next_id(b->store)) == 0)
		return rpc_fail(err, RPC_internal, "no id can be reserved in the state directory");
	own = spec.owner = gathered_new(wish, by);
	if ((rc = core_group_create(b->core, b->now, &spec, out)) == 0)
		return 0;
	gathered_free(own);
	if (rc == -EEXIST)
		return rpc_fail_member(err, RPC_conflict, "name", 4,
		    "there is a group with the name %.*s", (int)wish->name.len, wish->name.p);
	return rpc_fail(err, RPC_queue_full, "%d groups have not finished: no more can be made",
	    BOUND_GROUPS);
}

void
gather_forgotten(struct broker *b, struct group *g)
{
	spool_forget(b->gather->spool, g->number);
	gathered_free(gathered(g));
	g->owner = NULL;
}

/* ---- outcomes ---- */

/* `{"index":7,"id":42,"state":"succeeded","result":...}` */
static void
print_line(struct buf *out, const struct job *j, uint64_t index)
{
	size_t	join;

	out->head = out->tail = 0;
	print_literal(out, "{\"index\":");
	buf_put_u64(out, index);
	join = buf_len(out);
	print_outcome(out, j, SIZE_MAX);
	buf_data(out)[join] = ',';	/* where the outcome's brace stands */
}

/* One long line must not be kept for ever. */
static void
fit_line(struct buf *line)
{
	if (line->cap > OUTCOME_BYTES)
		buf_free(line);
}

static char *
outcome_text(const struct job *j, size_t room)
{
	struct buf	out = { 0 };

	print_outcome(&out, j, room);
	return buf_take_string(&out);
}

static void
keep_reduced(struct gathered *own, const struct job *j)
{
	free(own->outcome);
	free(own->brief);
	own->outcome = outcome_text(j, OUTCOME_BYTES);
	own->brief = outcome_text(j, 0);
}

/* What runs goes on; nothing more is started whose outcome would have to wait in memory. */
static void
hold_back(struct broker *b)
{
	struct gather	*ga = b->gather;

	if (ga->held || !spool_full(ga->spool))
		return;
	ga->held = true;
	core_groups_hold(b->core, true);
	log_info("groups wait for the disk");
}

void
gather_job_finished(struct broker *b, const struct job *j)
{
	const struct membership	*m = core_membership(j);
	struct gather		*ga = b->gather;

	if (m == NULL || !m->counts)
		return;
	if (m->reduces) {
		keep_reduced(gathered(m->group), j);
	} else {
		print_line(&ga->line, j, m->index);
		spool_append(ga->spool, m->group->number, m->index, buf_data(&ga->line),
		    buf_len(&ga->line));
		hold_back(b);
		fit_line(&ga->line);
	}
}

void
gather_read(struct broker *b, const struct group *g, uint64_t ticket, uint64_t from,
    uint64_t count, size_t bytes)
{
	spool_read(b->gather->spool, g->number, ticket, from, count, bytes);
}

/* ---- the reduce job ---- */

void
gather_reduce(struct broker *b, struct group *g)
{
	spool_reduce(b->gather->spool, g->number, g->count);
}

static int
submit_reduce(struct broker *b, struct group *g, struct job **out, struct rpc_error *err)
{
	struct gathered		*own = gathered(g);
	struct reduce_job	 job = { .scratch = { 0 } };
	struct buf		 args = { 0 };
	struct span		 given;
	int			 rc;

	if ((rc = read_reduce((struct span){ own->reduce, own->reduce_len }, &job, err)) == 0) {
		given = job.params[PARAM_args].given ? job.spec.args : (struct span){ NULL, 0 };
		reduce_args_print(&args, given, g->name, g->count, own->path);
		job.spec.args = (struct span){ buf_data(&args), buf_len(&args) };
		rc = broker_submit_more(b, &job.spec, own->by, out, err);
	}
	buf_free(&args);
	buf_free(&job.scratch);
	return rc;
}

static void
start_reduce(struct broker *b, struct group *g, const char *path)
{
	struct rpc_error	 err;
	struct job		*j = NULL;
	char			 why[sizeof(err.message) + 40];

	gathered(g)->path = mem_strdup(path);
	if (g->stopped != GROUP_OPEN) {
		core_group_reduce(b->core, b->now, g, NULL, g->why);
		return;
	}
	if (submit_reduce(b, g, &j, &err) == 0) {
		core_group_reduce(b->core, b->now, g, j, NULL);
		return;
	}
	snprintf(why, sizeof(why), "its reduce job was refused: %s", err.message);
	core_group_reduce(b->core, b->now, g, NULL, why);
}

void
gather_finished(struct broker *b, struct group *g)
{
	net_group_finished(b->net, g);
}

/* ---- news of the spool ---- */

static struct group *
group_of(const struct broker *b, uint64_t number)
{
	struct group	*g = core_group_from(b->core, number);

	return g != NULL && g->number == number ? g : NULL;
}

static void
lost(struct broker *b, struct group *g, const char *why)
{
	struct gathered	*own = gathered(g);

	log_error("outcomes of a group are lost group=%s reason=\"%s\"", g->name, why);
	free(own->lost);
	own->lost = mem_strdup(why);
	core_group_stop(b->core, g, GROUP_FAILED, why);
	if (g->state == GROUP_REDUCING && g->reduce_id == 0)
		core_group_reduce(b->core, b->now, g, NULL, why);
}

static void
on_one(struct broker *b, struct spool_news *is)
{
	struct group	*g = is->kind == SPOOL_ROOM ? NULL : group_of(b, is->group);

	buf_putc(&is->text, '\0');
	if (is->kind == SPOOL_ROOM)
		core_groups_hold(b->core, b->gather->held = false);
	else if (is->kind == SPOOL_READ)
		net_group_outcomes(b->net, g, is->ticket, buf_data(&is->text),
		    buf_len(&is->text) - 1, is->next);
	else if (g != NULL && is->kind == SPOOL_FAILED)
		lost(b, g, buf_data(&is->text));
	else if (g != NULL && is->kind == SPOOL_REDUCED)
		start_reduce(b, g, buf_data(&is->text));
	buf_free(&is->text);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct broker		*b = arg;
	struct spool_news	 is;

	(void)fd;
	(void)what;
	b->now.mono_ns = clock_mono_ns();
	b->now.real_ms = clock_real_ms();
	while (spool_take(b->gather->spool, &is))
		on_one(b, &is);
}

/* ---- life ---- */

int
gather_open(struct broker *b, char *why, size_t size)
{
	struct gather	*ga = mem_zalloc(1, sizeof(*ga));
	char		*dir = mem_printf("%s/groups", b->state_dir);
	int		 rc = spool_open(dir, QUEUE_BYTES, &ga->spool, why, size);

	free(dir);
	if (rc != 0) {
		free(ga);
		return rc;
	}
	ga->event = event_new(b->base, spool_fd(ga->spool), EV_READ | EV_PERSIST, on_news, b);
	event_add(ga->event, NULL);
	b->gather = ga;
	return 0;
}

void
gather_close(struct broker *b)
{
	struct gather	*ga = b->gather;
	struct group	*g = NULL;

	if (ga == NULL)
		return;
	while ((g = core_group_next(b->core, g)) != NULL)
		if (g->owner != NULL)
			gathered_free(g->owner);
	event_free(ga->event);
	spool_close(ga->spool);
	buf_free(&ga->line);
	free(ga);
	b->gather = NULL;
}
