/*
 * cpu.c - the loop of a cpu worker: one attempt at a time, in the order of submission.
 *
 * Completions are announced to the broker when the ring has run dry, so that a batch of short
 * jobs costs one wake-up; but all are announced before a handler runs that may take long.
 */
#include "workers/worker.h"

#include <string.h>

#include "lib/title.h"

static const struct attempt_host	host =
    { task_should_stop, task_progress, NULL, NULL, NULL, lines_say };

static struct {
	uint64_t	job;		/* in the title now; 0: idle */
	size_t		label_len;
	char		text[128];
} shown;

/* `jobd: cpu worker 1 [42 file.digest]`, for ps(1).  Digits by hand: this is done for every job. */
static void
show_job(const struct jobd_attempt *at)
{
	char		 digits[20], *p = shown.text + shown.label_len;
	size_t		 n = sizeof(digits), type_len = strlen(at->handler->name);
	uint64_t	 v = at->job;

	if (shown.job == at->job)
		return;
	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	*p++ = ' ';
	*p++ = '[';
	memcpy(p, digits + n, sizeof(digits) - n);
	p += sizeof(digits) - n;
	*p++ = ' ';
	memcpy(p, at->handler->name, type_len);
	p += type_len;
	*p++ = ']';
	*p = '\0';
	title_set(shown.text);
	shown.job = at->job;
}

static void
show_idle(const struct worker *w)
{
	if (shown.job == 0)
		return;
	title_set(w->label);
	shown.job = 0;
}

/* Handlers that the broker itself may run inline cost microseconds; others may take any time. */
static bool
is_short(const struct jobd_handler *h)
{
	return (h->lanes & JOBD_LANE_INLINE) != 0;
}

static void
run_entry(struct worker *w, const struct channel_entry *e, bool *unsignalled)
{
	struct task	t;
	enum lane	lane;

	if (!task_begin(&t, w, e, &host, &lane))
		return;
	if (*unsignalled && !is_short(t.at.handler)) {
		channel_signal(w->channel);
		*unsignalled = false;
	}
	show_job(&t.at);
	task_run(&t);
	task_end(&t);
}

/* Nothing is left to take: say what is finished, then sleep.  False: nothing will come any more. */
static bool
wait_for_entry(struct worker *w, bool *unsignalled)
{
	if (*unsignalled)
		channel_signal(w->channel);
	*unsignalled = false;
	if (channel_stopped(w->channel))
		return false;
	show_idle(w);
	channel_wait(w->channel);
	return true;
}

void
cpu_main(struct worker *w)
{
	struct channel_entry	e;
	bool			unsignalled = false;

	shown.label_len = strlen(w->label);
	memcpy(shown.text, w->label, shown.label_len);
	title_set(w->label);
	for (;;) {
		if (!channel_take(w->channel, &e)) {
			if (!wait_for_entry(w, &unsignalled))
				return;
			continue;
		}
		channel_follow_log(w->channel);
		if (e.op == CHANNEL_OP_RUN)
			run_entry(w, &e, &unsignalled);
		else
			task_answer(w, &e);
		unsignalled = true;
	}
}
