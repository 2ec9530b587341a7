/* cron_text.c - schedules as text.  Runs in: broker, loop thread. */
#include "daemon/broker/cron/cron_text.h"

#include <stdio.h>
#include <string.h>

#include "proto/rpc_rows.h"

/* ---- the job ---- */

/* A date, or other jobs, mean one run and not many; the unique key is the occurrence's. */
static const rpc_set	job_refused = RPC_BIT(PARAM_run_at_ms) | RPC_BIT(PARAM_after) |
    RPC_BIT(PARAM_on_parent_failure) | RPC_BIT(PARAM_unique_key) | RPC_BIT(PARAM_unique_ms);

int
cron_read_job(struct span text, struct cron_job *out, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };

	memset(&out->spec, 0, sizeof(out->spec));
	out->scratch = (struct buf){ 0 };
	if (rpc_parse_members(text.p, text.len, jobspec_params & ~job_refused, jobspec_required,
	    &limits, out->params, &out->scratch, err) != 0)
		return -1;
	return jobspec_read(out->params, &out->spec, err);
}

void
cron_job_fini(struct cron_job *job)
{
	jobspec_fini(&job->spec);
	buf_free(&job->scratch);
}

static int
check_job(struct span text, struct rpc_error *err)
{
	struct cron_job		job;
	struct rpc_error	inner = { .message = "" };
	int			rc;

	if (text.len > BOUND_CRON_JOB_BYTES)
		return rpc_fail_member(err, RPC_invalid_params, "job", 3,
		    "job must have at most %d bytes, not %zu", BOUND_CRON_JOB_BYTES, text.len);
	if ((rc = cron_read_job(text, &job, &inner)) != 0)
		rpc_fail_member(err, inner.kind == RPC_parse_error ? RPC_invalid_params : inner.kind,
		    "job", 3, "job: %s", inner.message);
	cron_job_fini(&job);
	return rc;
}

/* ---- what was said ---- */

static int
read_when(struct span text, struct schedule *out, struct rpc_error *err)
{
	char	why[192];

	if (schedule_parse(text.p, text.len, out, why, sizeof(why)) == 0)
		return 0;
	return rpc_fail_member(err, RPC_invalid_params, "when", 4, "when: %s", why);
}

static int
read_overlap(struct span text, enum cron_overlap *out, struct rpc_error *err)
{
	*out = CRON_SKIP;
	if (text.len == 0)
		return 0;
	for (int i = 0; i < 2; i++) {
		if (strlen(cron_overlap_names[i]) != text.len ||
		    memcmp(cron_overlap_names[i], text.p, text.len) != 0)
			continue;
		*out = (enum cron_overlap)i;
		return 0;
	}
	return rpc_fail_member(err, RPC_invalid_params, "overlap", 7,
	    "overlap must be skip or queue, not '%.*s'", (int)text.len, text.p);
}

static int
read_zone(struct span text, struct zone **out, struct rpc_error *err)
{
	char	name[ZONE_NAME_BYTES + 1], why[192];

	if (text.len > ZONE_NAME_BYTES)
		return rpc_fail_member(err, RPC_invalid_params, "time_zone", 9,
		    "time_zone must have at most %d bytes, not %zu", ZONE_NAME_BYTES, text.len);
	snprintf(name, sizeof(name), "%.*s", (int)text.len, text.p);
	if (zone_open(name, out, why, sizeof(why)) == 0)
		return 0;
	return rpc_fail_member(err, RPC_invalid_params, "time_zone", 9, "time_zone: %s", why);
}

int
cron_read_wish(const struct cron_words *w, struct cron_wish *out, struct rpc_error *err)
{
	struct cron_wish	wish = { .name = w->name, .when_text = w->when, .job = w->job,
				    .zone_name = w->time_zone };

	if (wish.zone_name.len == 0)
		wish.zone_name = (struct span){ "UTC", 3 };
	if (read_when(w->when, &wish.when, err) != 0 ||
	    read_overlap(w->overlap, &wish.overlap, err) != 0 || check_job(w->job, err) != 0 ||
	    read_zone(wish.zone_name, &wish.zone, err) != 0)
		return -1;
	*out = wish;
	return 0;
}
