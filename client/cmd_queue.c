/* cmd_queue.c - jobctl queue pause, resume, drain, purge, wait and set.  Runs in: jobctl. */
#include "client/jobopts.h"
#include "client/named.h"

#include <string.h>

#include "lib/parse.h"
#include "proto/bounds.h"

static int
run_pause(struct ctl *ctl)
{
	return named_do(ctl, "queue.pause", "is paused");
}

static int
run_resume(struct ctl *ctl)
{
	return named_do(ctl, "queue.resume", "goes on");
}

static int
run_drain(struct ctl *ctl)
{
	return named_do(ctl, "queue.drain", "takes no new jobs until it is resumed");
}

static int
run_purge(struct ctl *ctl)
{
	struct span	answer;
	int64_t		purged = 0;
	int		rc = named_ask(ctl, "queue.purge", NULL, CONN_FOREVER, &answer);

	if (rc != 0)
		return rc;
	if (!json_int(answer, "purged", &purged))
		return ctl_odd(ctl, "queue.purge");
	if (ctl_wants_json(ctl))
		ctl_line(ctl, answer);
	else
		ctl_say(ctl, "%lld jobs were cancelled", (long long)purged);
	return ctl_flush(ctl);
}

static int
run_wait(struct ctl *ctl)
{
	struct buf	timeout = { 0 };
	struct span	answer;
	int		rc;

	jobopts_put_number(&ctl->opt, OPT_wait_for, "timeout_ms", &timeout);
	rc = named_ask(ctl, "queue.wait", &timeout, CONN_FOREVER, &answer);
	buf_free(&timeout);
	return rc != 0 ? rc : named_answered(ctl, answer, "is empty");
}

/* ---- set ---- */

static int
put_rate(struct ctl *ctl, struct buf *out)
{
	const char	*text = ctl->opt.text[OPT_starts];
	int64_t		 milli;

	if (text == NULL)
		return 0;
	if (parse_milli(text, strlen(text), &milli) != 0)
		return ctl_usage(ctl, "--rate %s: write a number a second with at most three "
		    "decimals: 5, 0.25", text);
	buf_printf(out, ",\"rate\":%lld.%03lld", (long long)(milli / 1000),
	    (long long)(milli % 1000));
	return 0;
}

static int
put_bytes(struct ctl *ctl, struct buf *out)
{
	const char	*text = ctl->opt.text[OPT_max_bytes];
	int64_t		 bytes;

	if (text == NULL)
		return 0;
	if (parse_size(text, &bytes) != 0)
		return ctl_usage(ctl, "--max-bytes %s: write a size: 4096, 64K, 16M, 2G", text);
	buf_printf(out, ",\"max_bytes\":%lld", (long long)bytes);
	return 0;
}

static int
put_weights(struct ctl *ctl, struct buf *out)
{
	const struct options	*o = &ctl->opt;
	const char		*comma = "";
	int64_t			 weight;

	if (o->pairs_len == 0)
		return 0;
	buf_puts(out, ",\"weights\":{");
	for (size_t i = 0; i < o->pairs_len; i++, comma = ",") {
		const char	*equals = strrchr(o->pairs[i], '=');

		if (parse_i64(equals + 1, strlen(equals + 1), 1, BOUND_WEIGHT, &weight) != 0)
			return ctl_usage(ctl, "--weight %s: write TENANT=N, N from 1 to %d",
			    o->pairs[i], BOUND_WEIGHT);
		buf_puts(out, comma);
		buf_put_json(out, o->pairs[i], (size_t)(equals - o->pairs[i]));
		buf_printf(out, ":%lld", (long long)weight);
	}
	buf_putc(out, '}');
	return 0;
}

static int
put_limits(struct ctl *ctl, struct buf *out)
{
	const struct options	*o = &ctl->opt;
	int			 rc;

	jobopts_put_number(o, OPT_max_running, "max_running", out);
	jobopts_put_number(o, OPT_per_tenant, "max_running_per_tenant", out);
	jobopts_put_number(o, OPT_per_key, "max_running_per_key", out);
	jobopts_put_number(o, OPT_burst, "burst", out);
	jobopts_put_number(o, OPT_max_jobs, "max_jobs", out);
	if ((rc = put_rate(ctl, out)) != 0 || (rc = put_bytes(ctl, out)) != 0)
		return rc;
	return put_weights(ctl, out);
}

static int
run_set(struct ctl *ctl)
{
	struct buf	limits = { 0 };
	struct span	answer;
	int		rc = put_limits(ctl, &limits);

	if (rc == 0)
		rc = named_ask(ctl, "queue.set", &limits, CTL_ANSWER_MS, &answer);
	buf_free(&limits);
	return rc != 0 ? rc : named_answered(ctl, answer, "is set");
}

/* ---- verbs ---- */

const struct verb verb_queue_pause = {
	.name = "queue pause",
	.operands = "QUEUE",
	.summary = "start nothing in a queue",
	.about = "Starts nothing in the queue until it is resumed.  It takes jobs, and what\n"
	    "runs goes on.",
	.examples = "  jobctl queue pause mail\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_pause,
};

const struct verb verb_queue_resume = {
	.name = "queue resume",
	.operands = "QUEUE",
	.summary = "end a pause and a drain of a queue",
	.about = "The queue starts and takes jobs again.",
	.examples = "  jobctl queue resume mail\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_resume,
};

const struct verb verb_queue_drain = {
	.name = "queue drain",
	.operands = "QUEUE",
	.summary = "take no new jobs in a queue, run what waits",
	.about = "The queue refuses new jobs until it is resumed, and runs what it has.",
	.examples = "  jobctl queue drain mail && jobctl queue wait mail\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_drain,
};

const struct verb verb_queue_purge = {
	.name = "queue purge",
	.operands = "QUEUE",
	.summary = "cancel all that waits in a queue",
	.about = "Cancels the jobs that wait in the queue at this moment, and says how many;\n"
	    "what runs goes on.",
	.examples = "  jobctl queue purge mail\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_purge,
};

const struct verb verb_queue_wait = {
	.name = "queue wait",
	.operands = "QUEUE",
	.summary = "wait until a queue is empty",
	.about = "Waits until nothing waits and nothing runs in the queue.  Exits 4 when\n"
	    "--timeout was over first.",
	.examples = "  jobctl queue wait mail --timeout 10m\n",
	.options = FOR_DRAIN,
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_wait,
};

const struct verb verb_queue_set = {
	.name = "queue set",
	.operands = "QUEUE",
	.summary = "change the limits of a queue",
	.about = "Changes what is given and leaves the rest; until the daemon ends.  0 is no\n"
	    "limit.",
	.examples = "  jobctl queue set mail --max-running 4 --rate 2.5 --burst 10\n"
	    "  jobctl queue set mail --weight uid:1000=3 --max-jobs 0\n",
	.options = FOR_QUEUE,
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_set,
};
