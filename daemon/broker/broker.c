/* broker.c - what the parts of the broker ask of each other.  Runs in: broker, loop thread. */
#include "daemon/broker/broker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/cron/cron.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/inline.h"
#include "daemon/broker/fetch.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/recover.h"
#include "daemon/broker/route/route.h"
#include "daemon/broker/router.h"
#include "daemon/broker/router_command.h"
#include "daemon/broker/store/running.h"
#include "daemon/broker/store/store.h"
#include "daemon/broker/unique_key.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proto/control.h"

/* Of a hundred thousand inline jobs behind one order key so many run in a turn. */
#define INLINE_BUDGET	500
/* So many effects of any kind: the end of a large group is one event. */
#define EFFECT_BUDGET	20000

static int
refuse_lane(const struct type *t, const struct jobspec *spec, int rc, struct rpc_error *err)
{
	char	safe[64] = "";

	if (rc == -E2BIG)
		return rpc_fail(err, RPC_lane_refused, "lane %s takes at most %d bytes of args, not %zu",
		    lane_names[spec->lane], ROUTE_INLINE_BYTES, spec->args.len);
	for (int lane = 0; lane < LANES; lane++) {
		if ((t->lanes & (1u << lane)) == 0)
			continue;
		strcat(safe, safe[0] == '\0' ? "" : ", ");
		strcat(safe, lane_names[lane]);
	}
	return rpc_fail(err, RPC_lane_refused, "lane %s is not safe for type %s, which declares: %s",
	    lane_names[spec->lane], t->name, safe);
}

int
broker_refuse_room(const struct jobspec *spec, const struct room_view *room, struct rpc_error *err)
{
	static const struct {
		const char	*what, *key;
		bool		 all;
	} rows[] = {
		[ROOM_QUEUE_JOBS] = { "jobs", "max_jobs", false },
		[ROOM_QUEUE_BYTES] = { "bytes", "max_bytes", false },
		[ROOM_JOBS] = { "jobs", "jobs.max_waiting", true },
		[ROOM_BYTES] = { "bytes", "jobs.max_waiting_bytes", true },
	};
	int	len = (int)spec->queue.len;

	if (room->why == ROOM_ENOUGH)
		return rpc_fail(err, RPC_queue_full, "others waited for room in queue %.*s before",
		    len, spec->queue.p);
	if (room->why == ROOM_DRAINING) {
		rpc_fail(err, RPC_queue_draining, "queue %.*s drains: it takes no new jobs until "
		    "it is resumed", len, spec->queue.p);
		snprintf(err->data, sizeof(err->data), "\"queue\":\"%.*s\"", len, spec->queue.p);
		return -1;
	}
	rpc_fail(err, RPC_queue_full, "%s%.*s: %" PRId64 " %s wait, of %" PRId64 " (%s)",
	    rows[room->why].all ? "all queues" : "queue ", rows[room->why].all ? 0 : len,
	    spec->queue.p, room->holds, rows[room->why].what, room->limit, rows[room->why].key);
	snprintf(err->data, sizeof(err->data), "\"queue\":\"%.*s\",\"%s\":%" PRId64
	    ",\"limit\":%" PRId64 ",\"limited_by\":\"%s\"", len, spec->queue.p,
	    rows[room->why].what, room->holds, room->limit, rows[room->why].key);
	return -1;
}

static struct outcome
run_inline(struct broker *b, const struct job *j)
{
	struct outcome	o = { 0 };
	bool		measured = router_wants_inline(job_type(j));
	int64_t		since_ns = measured ? clock_thread_cpu_ns() : 0;

	if (!inline_run(j, &o))
		log_fatal("routed inline, and not in the inline table type=%s", job_type(j)->name);
	if (measured)
		router_ran_inline(b, job_type(j), clock_thread_cpu_ns() - since_ns);
	return o;
}

/* An inline job that had to wait for its time, its order key or a limit. */
static void
start_inline(struct broker *b, struct attempt *at)
{
	struct outcome	o = run_inline(b, at->job);

	core_attempt_done(b->core, b->now, at, ATTEMPT_OK, &o);
}

int
broker_no_group(struct span name, struct rpc_error *err)
{
	return rpc_fail_member(err, RPC_not_found, "group", 5,
	    "there is no group %.*s, or it was forgotten", (int)name.len, name.p);
}

int
broker_no_parent(uint64_t id, struct rpc_error *err)
{
	rpc_fail(err, RPC_not_found, "after: there is no job %" PRIu64 ", or it was forgotten", id);
	snprintf(err->data, sizeof(err->data), "\"member\":\"after\",\"id\":%" PRIu64, id);
	return -1;
}

static int
check_group(const struct broker *b, struct span name, struct rpc_error *err)
{
	const struct group	*g = core_group_find(b->core, name.p, name.len);

	if (g == NULL)
		return broker_no_group(name, err);
	if (core_group_takes(g))
		return 0;
	return rpc_fail_member(err, RPC_conflict, "group", 5, "group %s takes no more members: %s",
	    g->name, g->why != NULL ? g->why : "it was closed");
}

void
broker_default_durability(const struct broker *b, struct jobspec *spec, enum durability usual)
{
	const struct group	*g = spec->group.len == 0 ? NULL :
	    core_group_find(b->core, spec->group.p, spec->group.len);

	if (spec->durability != DURABILITY_UNSAID)
		return;
	if (g != NULL)
		usual = g->durable ? DURABILITY_COMMIT : DURABILITY_MEMORY;
	spec->durability = store_durable(b->store) ? usual : DURABILITY_MEMORY;
}

static int
refuse_parent(uint64_t id, struct rpc_error *err)
{
	rpc_fail_member(err, RPC_conflict, "after", 5, "after: job %" PRIu64 " is a memory job, and what "
	    "the daemon would remember of this one waits for it; say durability memory", id);
	return -1;
}

/* What is remembered must not hang on what is not. */
static int
check_durability(const struct broker *b, const struct jobspec *spec, struct rpc_error *err)
{
	bool			 durable = spec->durability == DURABILITY_COMMIT;
	const struct group	*g = spec->group.len == 0 ? NULL :
	    core_group_find(b->core, spec->group.p, spec->group.len);

	if (g != NULL && g->durable != durable)
		return rpc_fail_member(err, RPC_conflict, "durability", 10, "group %s has durability %s, and "
		    "so have its members", g->name, g->durable ? "commit" : "memory");
	if (!durable)
		return 0;
	if (!store_durable(b->store))
		return rpc_fail_member(err, RPC_not_supported, "durability", 10,
		    "this daemon remembers no jobs (store.engine is memory)");
	for (uint32_t i = 0; i < spec->after_len; i++) {
		const struct job	*parent = core_find(b->core, spec->after[i]);

		if (parent != NULL && !parent->durable)
			return refuse_parent(parent->id, err);
	}
	return ledger_refuses(b, err);
}

/* reduces: the group whose reduce job it is, or NULL. */
static int
submit(struct broker *b, const struct jobspec *spec, struct submitter *by, struct group *reduces,
    struct job **out, struct rpc_error *err)
{
	struct type	*t = core_type_find(b->core, spec->type.p, spec->type.len);
	struct room_view room;
	struct outcome	 o;
	enum lane	 lane;
	uint64_t	 id, missing;
	int		 rc;

	if (t == NULL || t->unserved)
		return rpc_fail(err, RPC_unknown_type, "no handler has the type %.*s", (int)spec->type.len,
		    spec->type.p);
	if (reduces == NULL && check_durability(b, spec, err) != 0)
		return -1;
	if (spec->group.len > 0 && check_group(b, spec->group, err) != 0)
		return -1;
	if ((missing = core_missing_parent(b->core, spec)) != 0)
		return broker_no_parent(missing, err);
	if (unique_key_check(b, spec, err) != 0)
		return -1;
	if ((rc = router_lane(b, t, spec->lane, spec->args, &lane)) != 0)
		return refuse_lane(t, spec, rc, err);
	if ((id = store_next_id(b->store)) == 0)
		return rpc_fail(err, RPC_internal, "no job id can be reserved in the state directory");
	if (core_submit(b->core, b->now, id, spec, t, lane, by, out) != 0) {
		room = core_room(b->core, spec->queue, core_spec_bytes(spec));
		return broker_refuse_room(spec, &room, err);
	}
	unique_key_hold(b, spec, *out);
	if (reduces != NULL)
		core_group_reduce(b->core, b->now, reduces, *out, NULL);
	if ((*out)->durable)
		ledger_add(b, *out, spec);
	if (core_inline_ready(b->core, *out)) {
		o = run_inline(b, *out);
		core_inline_done(b->core, b->now, *out, &o);
	}
	return 0;
}

int
broker_submit_more(struct broker *b, const struct jobspec *spec, struct submitter *by,
    struct job **out, struct rpc_error *err)
{
	return submit(b, spec, by, NULL, out, err);
}

int
broker_submit_reduce(struct broker *b, const struct jobspec *spec, struct submitter *by,
    struct group *g, struct job **out, struct rpc_error *err)
{
	return submit(b, spec, by, g, out, err);
}

int
broker_submit(struct broker *b, const struct jobspec *spec, struct submitter *by, struct job **out,
    struct rpc_error *err)
{
	if (b->draining)
		return rpc_fail(err, RPC_draining, "jobd drains and takes no new jobs");
	return broker_submit_more(b, spec, by, out, err);
}

static void
note_start(struct broker *b, const struct attempt *at)
{
	struct running_note	 note = { .id = at->job_id, .fence = at->fence,
	    .started_ms = b->now.real_ms, .number = at->number, .lane = at->lane };
	const char		*worker = at->lane == LANE_INLINE ? "" :
	    lanes_worker_name(b->lanes, at->worker);

	memcpy(note.worker, worker, strnlen(worker, sizeof(note.worker)));
	running_put(b->running, &note);
}

static void
start(struct broker *b, struct attempt *at)
{
	if (at->job->durable)
		note_start(b, at);
	if (at->lane == LANE_INLINE)
		start_inline(b, at);
	else
		lanes_start(b->lanes, at);
}

/* What workers' deaths did to jobs is for the administrator; the rest is their owners' business. */
static void
say_failure(const struct job *j)
{
	enum failure_kind	kind;

	if (j->state != JOB_failed)
		return;
	kind = job_outcome(j)->kind;
	log_at(kind == FAILURE_crash || kind == FAILURE_lost ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    "job failed job=%llu type=%s attempts=%u kind=%s", (unsigned long long)j->id,
	    job_type(j)->name, job_attempts(j), failure_names[kind]);
}

static void
finished(struct broker *b, struct job *j)
{
	say_failure(j);
	logs_job_finished(b, j);
	gather_job_finished(b, j);
	net_job_finished(b->net, j);
}

static void
forgotten(struct broker *b, struct job *j)
{
	net_job_forgotten(b->net, j);
	logs_job_forgotten(b, j);
}

static void
carry_out(struct broker *b, const struct effect *e)
{
	switch (e->kind) {
	case EFFECT_START:	 start(b, e->attempt); break;
	case EFFECT_TELL:	 lanes_tell(b->lanes, e->attempt); break;
	case EFFECT_KILL:	 lanes_kill(b->lanes, e->worker, "its attempt did not end in time"); break;
	case EFFECT_FINISHED:	 finished(b, e->job); break;
	case EFFECT_FORGOTTEN:	 forgotten(b, e->job); break;
	case EFFECT_START_ALONE: lanes_start_alone(b->lanes, e->job); break;
	case EFFECT_WORKER_IDLE: lanes_idle(b->lanes, e->worker); break;
	case EFFECT_GROUP_REDUCE: gather_reduce(b, e->group); break;
	case EFFECT_GROUP_FINISHED: gather_finished(b, e->group); break;
	case EFFECT_GROUP_FORGOTTEN: gather_forgotten(b, e->group); break;
	case EFFECT_QUEUE:	 net_queue_less(b->net, e->queue); break;
	case EFFECT_LOAD:	 fetch_want(b, e->job); break;
	case EFFECT_RECORD:	 ledger_record(b, e->job, e->record); break;
	case EFFECT_NONE:	 break;
	}
}

static bool
runs_inline(const struct effect *e)
{
	return e->kind == EFFECT_START && e->attempt->lane == LANE_INLINE;
}

void
broker_settle(struct broker *b)
{
	unsigned	inline_left = INLINE_BUDGET, left = EFFECT_BUDGET;
	struct effect	e;

	while (inline_left > 0 && left > 0 && core_next_effect(b->core, b->now, &e)) {
		left--;
		inline_left -= runs_inline(&e);
		carry_out(b, &e);
	}
	b->unsettled = inline_left == 0 || left == 0;
}

static void
tell_supervisor(struct broker *b, enum control_kind kind, const char *text)
{
	struct control_msg	m = { .kind = kind };

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (control_send(b->control_fd, &m, NULL, 0) != 0)
		log_error("the supervisor does not listen");
}

static void
serve(struct broker *b)
{
	cron_start(b);
	logs_serve(b);
	net_serve(b->net);
	b->serving = true;
	tell_supervisor(b, CONTROL_READY, "");
	log_info("ready boot=%u boot_id=%s", store_boot(b->store), b->boot_id);
}

void
broker_ready(struct broker *b)
{
	recover_begin(b, serve);
}

void
broker_clocks(struct broker *b)
{
	b->now.mono_ns = clock_mono_ns();
	b->now.real_ms = clock_real_ms();
	if (b->lag.woke_ns == 0)
		lag_woke(&b->lag, b->now.mono_ns, clock_coarse_ns());
}

void
broker_fail(struct broker *b, const char *why)
{
	log_error("cannot serve: %s", why);
	tell_supervisor(b, CONTROL_FAILED, why);
	_exit(70);
}

void
broker_drain(struct broker *b)
{
	if (!b->draining)
		log_info("drains");
	b->draining = true;
}

void
broker_refresh_hold(struct broker *b)
{
	const char	*why = NULL;

	if (b->recovery != NULL)
		why = "the daemon recovers what it knows";
	else if (b->stopping)
		why = job_reason_texts[REASON_daemon_stop];
	else if (ledger_behind(b))
		why = "the disk is behind: outcomes wait for it";
	core_durable_hold(b->core, why);
}

void
broker_stop(struct broker *b, int64_t deadline_ms)
{
	int64_t	at_ns = clock_after_ms(b->now.mono_ns, deadline_ms);

	broker_drain(b);
	if (!b->stopping || at_ns < b->stop_ns)
		b->stop_ns = at_ns;
	b->stopping = true;
	broker_refresh_hold(b);	/* what waits is there after the next start */
}
