/*
 * prometheus.h - the text format of Prometheus, version 0.0.4: one metric after the other, each with its
 * HELP and TYPE and then its samples.
 */
#ifndef METRICS_PROMETHEUS_H
#define METRICS_PROMETHEUS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buckets.h"
#include "lib/buf.h"

#define PROMETHEUS_TYPE	"text/plain; version=0.0.4; charset=utf-8"

enum metric {
#define METRIC(symbol, name, type, help) METRIC_##symbol,
#include "daemon/broker/metrics/metrics.def"
#undef METRIC
	METRICS
};

/* `queue="mail",type="echo"`, as long as the samples that have it; buf_free in the end. */
void prometheus_label(struct buf *labels, const char *key, const char *value);

/* The metric begins: no other one's samples until it is done. */
void prometheus_begin(struct buf *out, enum metric m);
/* A sample; labels: NULL for none. */
void prometheus_u64(struct buf *out, enum metric m, const struct buf *labels, uint64_t value);
void prometheus_seconds(struct buf *out, enum metric m, const struct buf *labels, double value);
/* All samples of one histogram. */
void prometheus_buckets(struct buf *out, enum metric m, const struct buf *labels,
    const struct buckets *b);

/* A metric with this sample alone. */
void prometheus_one(struct buf *out, enum metric m, uint64_t value);

#endif
