/*
 * cron_text.h - what a client or the configuration says of a schedule, and the job that it makes.
 */
#ifndef CRON_CRON_TEXT_H
#define CRON_CRON_TEXT_H

#include "daemon/broker/cron/crontab.h"
#include "proto/jobspec.h"

/* As it was said; len 0: not said.  job: an object's text. */
struct cron_words {
	struct span	name, when, time_zone, overlap, job;
};

/*
 * Checks what was said.  0 and *out, which points into the words and owns a zone (crontab_set takes it);
 * or -1 with *err naming the member.
 */
int cron_read_wish(const struct cron_words *w, struct cron_wish *out, struct rpc_error *err);

/* A job being read; it points into text and scratch. */
struct cron_job {
	struct rpc_value	params[RPC_PARAMS];
	struct jobspec		spec;
	struct buf		scratch;
};
/* 0, or -1 with *err.  cron_job_fini in any case. */
int cron_read_job(struct span text, struct cron_job *out, struct rpc_error *err);
void cron_job_fini(struct cron_job *job);

#endif
