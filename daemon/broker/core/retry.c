/* retry.c - whether an attempt that failed is followed by another, and when.
 * Runs in: broker, loop thread.
 *
 * Each member of the policy comes from the job, else its type, else its queue, else the
 * configuration.  It is asked for when an attempt fails, so a changed default counts for jobs that
 * wait already.  Attempts that were lost with their worker do not count: suspicions are apart.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

int64_t
retry_longest_ms(uint32_t failures, const struct retry_policy *p)
{
	double	longest = (double)p->backoff_ms;

	for (uint32_t i = 1; i < failures && longest < (double)p->max_backoff_ms; i++)
		longest = longest * p->factor / RETRY_FACTOR_UNIT;
	return longest < (double)p->max_backoff_ms ? (int64_t)longest : p->max_backoff_ms;
}

int64_t
retry_delay_ms(uint32_t failures, const struct retry_policy *p, uint64_t rnd)
{
	return (int64_t)(rnd % ((uint64_t)retry_longest_ms(failures, p) + 1));
}

struct retry_policy
core_retry_policy(const struct core *c, const struct job *j)
{
	struct retry_policy	p = retry_policy_merge(&job_queue(j)->retry, &c->cfg.retry);

	p = retry_policy_merge(&job_type(j)->defaults.retry, &p);
	p = retry_policy_merge(&job_type(j)->retry, &p);
	return job_life(j) == NULL ? p : retry_policy_merge(&job_life(j)->retry, &p);
}

/* splitmix64: no secret, only so that what failed together does not come back together. */
static uint64_t
random_bits(struct core *c)
{
	uint64_t	z = c->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool
may_follow(const struct core *c, const struct job *j, const struct outcome *o)
{
	if (!failure_retried[o->kind] || o->final || j->cancel_asked)
		return false;
	return job_failures(j) + 1 < core_retry_policy(c, j).max_attempts;
}

static char *
cut(char *text)
{
	size_t	len = strlen(text);

	if (len <= BOUND_TRY_MESSAGE)
		return text;
	for (len = BOUND_TRY_MESSAGE; len > 0 && (text[len] & 0xc0) == 0x80; len--)
		continue;
	text[len] = '\0';
	return mem_resize(text, len + 1, 1);
}

/* How it failed stays with the attempt: the outcome will be another's. */
static void
keep_failure(struct job *j, struct outcome *o)
{
	struct attempt_record	*try = &job_run(j)->tries[job_run(j)->tries_len - 1];

	try->message = cut(o->text);
	try->kind = (uint8_t)o->kind;
	free(o->data);
	*o = (struct outcome){ 0 };
}

bool
retry_follows(struct core *c, struct core_time now, struct job *j, struct outcome *o)
{
	int64_t			delay_ms = o->retry_after_ms;
	struct retry_policy	p;
	uint32_t		failures;

	if (!may_follow(c, j, o))
		return false;
	p = core_retry_policy(c, j);
	keep_failure(j, o);
	failures = ++job_life_get(j)->failures;
	if (delay_ms == 0)
		delay_ms = retry_delay_ms(failures, &p, random_bits(c));
	if (delay_ms == 0)
		delay_ms = 1;		/* so that every job that is tried again waits for a time */
	job_run(j)->attempt = NULL;
	j->begun = true;
	j->marked = false;	/* that attempt has ended */
	j->alone = alone_needed(j);
	job_extra(j)->due_ns = ns_after(now.mono_ns, delay_ms);
	j->seq = 0;		/* it had its turn: the end of the line */
	wait_again(c, now, j, REASON_retry_wait);
	record_ask(c, j, RECORD_CHANGE);
	return true;
}
