/*
 * exec_run.c - a command from its start to its end.  Runs in: exec workers, loop thread.
 *
 * running -> (asked to end: terminated ->) killed -> ended -> its last output -> its outcome.  It
 * is killed also when its main process ended by itself: what that left behind goes with it.
 */
#include "workers/exec.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "workers/proc.h"

#define KILL_AGAIN_MS		10
#define KILL_AGAIN_MAX_MS	200
#define CANCELLED_OUTPUT_MS	1000	/* so long a cancelled one waits for its last OUTPUT */
#define SPENT_FIRST_NS	(500 * NS_PER_MS)	/* then after twice, four times as long ... */

/* ---- starting ---- */

/* Parts of a RUN entry's input. */
struct parts {
	struct span	type, args, spec, trace;
};

static const char *
read_entry(const struct channel_entry *e, struct channel_head *head, struct parts *parts)
{
	const char	*p = e->in + sizeof(*head);

	if (e->in_len < sizeof(*head))
		return "an entry without a head";
	memcpy(head, e->in, sizeof(*head));
	if ((uint64_t)head->type_len + head->args_len + head->spec_len + head->trace_len !=
	    e->in_len - sizeof(*head))
		return "an entry whose lengths do not add up";
	parts->type = (struct span){ p, head->type_len };
	parts->args = (struct span){ p + head->type_len, head->args_len };
	p += head->type_len + head->args_len;
	parts->spec = (struct span){ p, head->spec_len };
	parts->trace = (struct span){ p + head->spec_len, head->trace_len };
	return head->spec_len == 0 ? "a command without its spec" : NULL;
}

static struct run *
new_run(const struct channel_entry *e, const struct channel_head *head)
{
	struct run	*r = mem_zalloc(1, sizeof(*r));

	r->entry = *e;
	r->head = *head;
	r->in.fd = r->out[0].fd = r->out[1].fd = -1;
	r->group.dir = -1;
	r->scratch.top = -1;
	list_init(&r->link);
	list_init(&r->dirty);
	list_init(&r->inputs);
	return r;
}

static void
free_run(struct run *r)
{
	streams_close(r);
	command_free(&r->command);
	buf_free(&r->file);
	free(r);
}

static void
begin(struct run *r)
{
	r->started_ns = clock_mono_ns();
	r->spent_after_ns = SPENT_FIRST_NS;
	heap_set(&exec.spents, &r->spent_due, r->started_ns + r->spent_after_ns);
	list_push_back(&exec.all, &r->link);
	idmap_put(&exec.runs, r->entry.token, r);
	exec.count++;
	exec_touch(r);
}

void
run_begin(const struct channel_entry *e)
{
	struct channel_head	 head;
	struct parts		 parts;
	struct run		*r;
	const char		*wrong;
	char			 why[512];
	bool			 found;

	if (channel_cancelled(exec.channel, e)) {
		exec_complete(e, CHANNEL_CANCELLED, 0, 0);
		return;
	}
	if ((wrong = read_entry(e, &head, &parts)) != NULL) {
		outcome_fail(e, "error", true, wrong);
		return;
	}
	r = new_run(e, &head);
	if (command_build(parts.spec, parts.args, &r->command, why, sizeof(why)) != 0) {
		outcome_fail(e, "error", true, why);
		free_run(r);
		return;
	}
	if (start_run(r, parts.trace, &found, why, sizeof(why)) == 0) {
		begin(r);
		return;
	}
	outcome_not_started(e, found, why);
	free_run(r);
}

/* ---- ending ---- */

static void
kill_all(struct run *r)
{
	if (r->state == RUN_ENDED)
		return;
	r->state = RUN_KILLED;
	heap_remove(&exec.graces, &r->grace);
	group_kill(&r->group);
	tree_look();			/* orphans too */
	tree_kill(&r->tree);
	exec_touch(r);
}

void
run_abandon(struct run *r)
{
	group_kill(&r->group);
	tree_kill(&r->tree);
	while (!scratch_remove_some(&r->scratch))
		continue;
}

/* Its end must not wait for ever for somebody who does not read what it said. */
static void
bound_last_output(struct run *r)
{
	heap_set(&exec.graces, &r->grace,
	    clock_after_ms(clock_mono_ns(), CANCELLED_OUTPUT_MS));
}

/* What has ended by itself by now keeps its outcome. */
void
run_cancel(struct run *r)
{
	if (r->told_to_end)
		return;
	r->told_to_end = true;
	r->cancelled = !r->main_ended;
	if (r->state == RUN_ENDED)
		bound_last_output(r);
	if (r->main_ended || r->state != RUN_RUNNING)
		return;
	r->state = RUN_TERMINATED;
	kill(-r->tree.main, SIGTERM);
	kill(-r->tree.main, SIGCONT);		/* who is stopped would not hear it */
	heap_set(&exec.graces, &r->grace,
	    clock_after_ms(clock_mono_ns(), r->command.grace_ms));
	exec_touch(r);
}

void
run_grace_over(struct run *r)
{
	if (r->state != RUN_ENDED) {
		kill_all(r);
		return;
	}
	r->output_last = true;		/* nobody has asked for the rest */
	exec_touch(r);
}

bool
run_signal(struct run *r, int sig)
{
	if (r->main_ended || sig <= 0 || sig >= NSIG)
		return false;
	if (sig == SIGKILL)
		kill_all(r);
	else
		kill(-r->tree.main, sig);
	return true;
}

static int64_t
us_of(const struct timeval *tv)
{
	return (int64_t)tv->tv_sec * 1000000 + tv->tv_usec;
}

void
run_reaped(struct run *r, bool was_main, int status, const struct rusage *used)
{
	int64_t	rss = (int64_t)used->ru_maxrss * 1024;

	r->used.user_us += us_of(&used->ru_utime);
	r->used.system_us += us_of(&used->ru_stime);
	if (r->used.max_rss_bytes < rss)
		r->used.max_rss_bytes = rss;
	if (was_main) {
		r->main_ended = true;
		r->status = status;
	}
	exec.look |= was_main || r->state == RUN_KILLED;
	exec_touch(r);
}

/* ---- what it has used ---- */

static void
read_spent(struct run *r, int64_t now_ns)
{
	int64_t	user_us, system_us, rss = group_peak_bytes(&r->group);

	tree_cpu(&r->tree, &user_us, &system_us);
	if (rss == 0 && r->tree.main_alive)
		rss = proc_peak_rss(r->tree.main);
	if (r->tree.main_alive)
		proc_io(r->tree.main, &r->used.read_bytes, &r->used.write_bytes);
	r->spent = r->used;
	r->spent.user_us += user_us;
	r->spent.system_us += system_us;
	r->spent.wall_us = (now_ns - r->started_ns) / 1000;
	if (r->spent.max_rss_bytes < rss)
		r->spent.max_rss_bytes = rss;
}

void
run_spent_due(struct run *r, int64_t now_ns)
{
	if (r->state == RUN_ENDED)
		return;
	read_spent(r, now_ns);
	r->tell_spent = true;
	r->spent_after_ns *= 2;
	heap_set(&exec.spents, &r->spent_due, r->started_ns + r->spent_after_ns);
	exec_touch(r);
}

/* ---- going on ---- */

/* Nothing is left of it: what is in its pipes is all that it has said. */
static void
enter_ended(struct run *r)
{
	r->state = RUN_ENDED;
	heap_remove(&exec.graces, &r->grace);
	if (r->told_to_end)
		bound_last_output(r);
	heap_remove(&exec.spents, &r->spent_due);
	read_spent(r, clock_mono_ns());
	fd_close(&r->in.fd);
	for (int i = 0; i < 2; i++)
		r->out[i].ready = r->out[i].fd >= 0;
	if (r->command.result == COMMAND_RESULT_FILE)
		r->file_error = scratch_read_result(&r->scratch, exec.max_result, &r->file);
}

/* Each pass costs, and who was killed takes a while to be gone: so not at every death. */
static void
kill_again_later(struct run *r)
{
	if (r->grace.index != 0)
		return;
	r->kill_delay_ms = r->kill_delay_ms == 0 ? KILL_AGAIN_MS : 2 * r->kill_delay_ms;
	if (r->kill_delay_ms > KILL_AGAIN_MAX_MS)
		r->kill_delay_ms = KILL_AGAIN_MAX_MS;
	heap_set(&exec.graces, &r->grace, clock_after_ms(clock_mono_ns(), r->kill_delay_ms));
}

/* The main process has ended, or all of it is to end: is it gone? */
static void
see_end(struct run *r)
{
	if (tree_is_gone(&r->tree) && group_is_empty(&r->group)) {
		enter_ended(r);
		return;
	}
	if (r->state != RUN_KILLED)
		kill_all(r);
	kill_again_later(r);
}

static void
finish(struct run *r)
{
	heap_remove(&exec.graces, &r->grace);
	outcome_tell(r);
	streams_refuse(r);
	group_remove(&r->group);
	tree_end(&r->tree);
	idmap_del(&exec.runs, r->entry.token);
	list_remove(&r->link);
	list_remove(&r->dirty);
	exec.count--;
	free_run(r);
}

void
run_advance(struct run *r)
{
	if (r->state != RUN_ENDED)
		streams_write(r);
	if (r->state == RUN_KILLED || (r->main_ended && r->state != RUN_ENDED))
		see_end(r);
	streams_tell(r);
	if (r->state != RUN_ENDED || !r->output_last)
		return;
	if (scratch_remove_some(&r->scratch))
		finish(r);
	else
		exec_touch(r);
}
