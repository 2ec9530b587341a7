/* metrics_internal.h - what the files of metrics/ share. */
#ifndef METRICS_METRICS_INTERNAL_H
#define METRICS_METRICS_INTERNAL_H

#include "daemon/broker/metrics/metrics.h"
#include "daemon/broker/metrics/prometheus.h"

/* metrics_jobs.c: jobs and attempts, as core has counted them */
void metrics_print_jobs(const struct broker *b, struct buf *out);
/* metrics_workers.c: workers and channels */
void metrics_print_workers(const struct broker *b, struct buf *out);

#endif
