/* router_command.c - what commands measure, by type or by program.  Runs in: broker, loop thread.
 *
 * A command is a process of its own, so it can go on in another lane: all that changes is what it
 * takes, a CPU slot or a waiting slot.
 */
#include "daemon/broker/router_command.h"

#include <string.h>

#include "daemon/broker/keep.h"
#include "daemon/broker/route/programs.h"
#include "daemon/broker/router.h"
#include "lib/log.h"
#include "proto/channel.h"

#define LOOK_US	INT64_C(400000)		/* in less time a command does not show what it is */

static struct programs *
programs(struct broker *b)
{
	if (b->programs == NULL)
		b->programs = programs_new();
	return b->programs;
}

static struct span
args_of(const struct job *j)
{
	if (j->away)
		return (struct span){ "", 0 };
	return (struct span){ job_args(j), job_args_len(j) };
}

/* ---- decisions ---- */

/* What is known of the program that the args name; NULL: nothing, or the type names it. */
static const struct program *
program_of(const struct broker *b, const struct type *t, struct span args)
{
	struct buf		 scratch = { 0 };
	const struct program	*p = NULL;
	struct span		 name;

	if (b->programs != NULL && programs_has(t) && programs_name(args, &scratch, &name))
		p = programs_find(b->programs, name);
	buf_free(&scratch);
	return p;
}

int
router_lane(const struct broker *b, const struct type *t, int lane_asked, struct span args,
    enum lane *out)
{
	const struct program	*p = program_of(b, t, args);
	struct program_view	 view;

	return route_lane(p == NULL ? t : programs_view(t, p, &view), lane_asked, args.len, out);
}

void
router_choose(const struct broker *b, const struct job *j, struct route *out)
{
	const struct type	*t = job_type(j);
	const struct program	*p = program_of(b, t, args_of(j));
	struct program_view	 view;

	route_choose(p == NULL ? t : programs_view(t, p, &view), j->lane_asked, job_args_len(j), out);
}

/* ---- samples ---- */

static void
add_to_program(struct broker *b, const struct job *j, const struct profile_sample *s)
{
	struct buf	 scratch = { 0 };
	struct program	*p, *oldest;
	struct span	 name;

	if (programs_name(args_of(j), &scratch, &name)) {
		if (programs_find(programs(b), name) == NULL &&
		    (oldest = programs_oldest(b->programs)) != NULL)
			keep_program_drop(b, oldest);
		p = programs_get(b->programs, name);
		if (profile_add(&p->profile, s, b->now.mono_ns) && p->profile.verdict != PROFILE_UNKNOWN)
			log_info("program is known program=%.*s does=%s share=%.2f", (int)p->name_len, p->name,
			    p->profile.verdict == PROFILE_WAITS ? "waits" : "computes",
			    p->profile.share.mean);
		keep_program_measured(b, p);
	}
	buf_free(&scratch);
}

static void
add(struct broker *b, const struct attempt *at, const struct profile_sample *s)
{
	if (!programs_has(at->type))
		router_add(b, at->type, s);
	else if (at->job != NULL)
		add_to_program(b, at->job, s);
}

static double
share(int64_t cpu_us, int64_t wall_us)
{
	if (wall_us <= 0 || cpu_us < 0)
		return -1;
	return cpu_us >= wall_us ? 1 : (double)cpu_us / (double)wall_us;
}

static int64_t
cpu_us(const struct channel_spent *s)
{
	return s->user_us + s->system_us;
}

void
router_command_ended(struct broker *b, const struct attempt *at, const struct channel_spent *spent)
{
	const struct profile_sample	s = {
		.lane = (enum lane)at->lane, .ran_ns = at->ran_ns,
		.share = share(cpu_us(spent), spent->wall_us),
	};

	add(b, at, &s);
}

/* ---- while it runs ---- */

/* Somebody has said where it is to run. */
static bool
is_settled(const struct attempt *at)
{
	const struct type_route	*tr = at->type->route;

	return at->job == NULL || at->job->lane_asked >= 0 || (tr != NULL && tr->mode != ROUTE_AUTO);
}

static void
relane(struct broker *b, struct attempt *at, enum lane lane, double is)
{
	log_debug("command changes its lane job=%llu from=%s to=%s share=%.2f",
	    (unsigned long long)at->job_id, lane_names[at->lane], lane_names[lane], is);
	core_attempt_relane(b->core, b->now, at, lane);
}

void
router_command_goes_on(struct broker *b, struct attempt *at, const struct channel_spent *was,
    const struct channel_spent *is)
{
	int64_t			wall_us = is->wall_us - was->wall_us;
	double			now = share(cpu_us(is) - cpu_us(was), wall_us);
	struct profile_sample	s = { .lane = (enum lane)at->lane, .share = now };

	if (wall_us < LOOK_US || now < 0)
		return;
	if (was->wall_us == 0)
		add(b, at, &s);
	if (is_settled(at))
		return;
	if (at->lane == LANE_PROCESS && now < PROFILE_CPU_BELOW)
		relane(b, at, LANE_ASYNC, now);
	else if (at->lane == LANE_ASYNC && now > PROFILE_CPU_ABOVE)
		relane(b, at, LANE_PROCESS, now);
}

/* It got into line for a CPU slot when its program was not known yet. */
void
router_command_starts(struct broker *b, struct attempt *at)
{
	const struct program	*p;

	if (at->lane != LANE_PROCESS || is_settled(at) || !core_waiting_room(b->core))
		return;
	p = program_of(b, at->type, args_of(at->job));
	if (p != NULL && p->profile.verdict == PROFILE_WAITS)
		relane(b, at, LANE_ASYNC, p->profile.share.mean);
}
