/* model_life.c - the rules of a job's life between its attempts.  Runs in: the simulation. */
#include "tests/sim/model.h"

#define NS_IN_MS	INT64_C(1000000)

/* ---- another attempt ---- */

/* What the first of job, type, queue and configuration says that says anything. */
static int64_t
said(const struct model *m, const struct model_job *j, enum retry_member member)
{
	const struct model_retry	*from[] = { &j->retry, &m->type_retry[j->type],
	    &m->queue_retry[j->queue], &m->retry };

	for (int i = 0; i < 4; i++)
		if (from[i]->value[member] >= 0)
			return from[i]->value[member];
	model_violation(m, "nobody says anything of %s", retry_member_names[member]);
}

static bool
is_retried(enum failure_kind kind)
{
	return kind == FAILURE_error || kind == FAILURE_timeout;
}

bool
model_retried(struct model *m, struct model_job *j, const struct model_end *end)
{
	if (!is_retried(end->kind) || end->final || j->cancel_asked)
		return false;
	if (j->failures + 1 >= said(m, j, RETRY_max_attempts))
		return false;
	j->failures++;
	j->state = JOB_scheduled;
	j->reason = REASON_retry_wait;
	j->attempt = NULL;
	j->begun = true;
	j->place = 0;
	j->due_ns = NEVER;
	j->unknown_due = true;
	j->retry_after_ms = end->retry_after_ms;
	return true;
}

static int64_t
longest_ms(const struct model *m, const struct model_job *j)
{
	double	ms = (double)said(m, j, RETRY_backoff_ms);
	double	most = (double)said(m, j, RETRY_max_backoff_ms);

	for (int i = 1; i < j->failures && ms < most; i++)
		ms *= (double)said(m, j, RETRY_factor) / 1000;
	return (int64_t)(ms < most ? ms : most);
}

/* A delay is chance: any is right that is within its bounds. */
void
model_learn(struct model *m, const struct core *c)
{
	for_jobs(m, j) {
		const struct job	*real = core_find(c, j->id);
		int64_t			 delay_ms, most = j->retry_after_ms, least = most;

		if (!j->unknown_due || real == NULL)
			continue;
		if (most == 0) {
			most = longest_ms(m, j);
			least = 0;
		}
		delay_ms = (job_due_ns(real) - m->now.mono_ns) / NS_IN_MS;
		if (delay_ms < 1 || delay_ms < least || (delay_ms > most && delay_ms > 1))
			model_violation(m, "job %llu is tried again after %lld ms, not within "
			    "%lld to %lld", (unsigned long long)j->id, (long long)delay_ms,
			    (long long)least, (long long)most);
		j->due_ns = job_due_ns(real);
		j->unknown_due = false;
	}
}
