/* job_page.h - all about a job, for people. */
#ifndef CLIENT_JOB_PAGE_H
#define CLIENT_JOB_PAGE_H

#include "lib/buf.h"
#include "proto/rpc.h"

/* job: as job.get has it.  What is not there is left out. */
void job_page_print(struct span job, struct buf *out);

#endif
