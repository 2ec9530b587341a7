/* metrics.h - all that the broker counts and holds, as text for monitoring systems. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "daemon/broker/broker.h"
#include "lib/buf.h"

/* Prometheus text (prometheus.h), of all metrics of metrics.def. */
void metrics_print(struct broker *b, struct buf *out);

/* Jobs are taken and run.  False: why says what is in the way. */
bool metrics_ready(const struct broker *b, const char **why);

#endif
