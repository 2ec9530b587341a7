/* prometheus.c - the text format of Prometheus.  Runs in: broker, loop thread. */
#include "daemon/broker/metrics/prometheus.h"

#include <string.h>

#define COUNTER		"counter"
#define GAUGE		"gauge"
#define HISTOGRAM	"histogram"

static const struct {
	const char	*name, *type, *help;
} rows[METRICS] = {
#define METRIC(symbol, name, type, help) { name, type, help },
#include "daemon/broker/metrics/metrics.def"
#undef METRIC
};

/* ---- labels ---- */

static void
put_escaped(struct buf *out, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			buf_putc(out, '\\');
		if (*value == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, *value);
	}
}

void
prometheus_label(struct buf *labels, const char *key, const char *value)
{
	if (buf_len(labels) > 0)
		buf_putc(labels, ',');
	buf_puts(labels, key);
	buf_puts(labels, "=\"");
	put_escaped(labels, value);
	buf_putc(labels, '"');
}

/* ---- samples ---- */

void
prometheus_begin(struct buf *out, enum metric m)
{
	buf_puts(out, "# HELP ");
	buf_puts(out, rows[m].name);
	buf_putc(out, ' ');
	buf_puts(out, rows[m].help);
	buf_puts(out, "\n# TYPE ");
	buf_puts(out, rows[m].name);
	buf_putc(out, ' ');
	buf_puts(out, rows[m].type);
	buf_putc(out, '\n');
}

static bool
any(const struct buf *labels)
{
	return labels != NULL && buf_len(labels) > 0;
}

/* All of a sample but its value. */
static void
put_head(struct buf *out, enum metric m, const char *suffix, const struct buf *labels)
{
	buf_puts(out, rows[m].name);
	buf_puts(out, suffix);
	if (any(labels)) {
		buf_putc(out, '{');
		buf_append(out, buf_data(labels), buf_len(labels));
		buf_putc(out, '}');
	}
	buf_putc(out, ' ');
}

static void
put_u64(struct buf *out, uint64_t value)
{
	buf_put_u64(out, value);
	buf_putc(out, '\n');
}

void
prometheus_u64(struct buf *out, enum metric m, const struct buf *labels, uint64_t value)
{
	put_head(out, m, "", labels);
	put_u64(out, value);
}

void
prometheus_seconds(struct buf *out, enum metric m, const struct buf *labels, double value)
{
	put_head(out, m, "", labels);
	buf_printf(out, "%.15g\n", value);
}

static void
put_bucket(struct buf *out, enum metric m, const struct buf *labels, const char *bound, uint64_t count)
{
	buf_puts(out, rows[m].name);
	buf_puts(out, "_bucket{");
	if (any(labels)) {
		buf_append(out, buf_data(labels), buf_len(labels));
		buf_putc(out, ',');
	}
	buf_puts(out, "le=\"");
	buf_puts(out, bound);
	buf_puts(out, "\"} ");
	put_u64(out, count);
}

void
prometheus_buckets(struct buf *out, enum metric m, const struct buf *labels, const struct buckets *b)
{
	uint64_t	count = 0;

	for (int i = 0; i < BUCKETS_BOUNDS; i++) {
		count += b->counts[i];
		put_bucket(out, m, labels, buckets_bounds_text[i], count);
	}
	put_bucket(out, m, labels, "+Inf", b->count);
	put_head(out, m, "_sum", labels);
	buf_printf(out, "%.15g\n", b->sum_s);
	put_head(out, m, "_count", labels);
	put_u64(out, b->count);
}

void
prometheus_one(struct buf *out, enum metric m, uint64_t value)
{
	prometheus_begin(out, m);
	prometheus_u64(out, m, NULL, value);
}
