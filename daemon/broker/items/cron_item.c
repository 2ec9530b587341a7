/* cron_item.c - a schedule and what became of it, as text.  Runs in: broker, loop thread. */
#include "daemon/broker/items/cron_item.h"

#include <stddef.h>
#include <string.h>

#include "daemon/broker/items/item.h"

static const struct {
	const char	*name;
	size_t		 offset;	/* in struct cron_past; all have 64 bits, and fit 63 */
} numbers[] = {
	{ "settled_ms", offsetof(struct cron_past, settled_ms) },
	{ "anchor_ms", offsetof(struct cron_past, anchor_ms) },
	{ "last_ms", offsetof(struct cron_past, last_ms) },
	{ "last_job", offsetof(struct cron_past, last_job) },
	{ "jobs", offsetof(struct cron_past, jobs) },
	{ "skipped", offsetof(struct cron_past, skipped) },
	{ "refused", offsetof(struct cron_past, refused) },
};
#define NUMBERS	(sizeof(numbers) / sizeof(numbers[0]))

static void
print_text(struct buf *out, const char *name, const char *text)
{
	item_put_text(out, name, text, strlen(text));
}

void
cron_item_print(struct buf *out, const struct cron *c)
{
	int64_t	n;

	buf_putc(out, '{');
	print_text(out, "when", c->when_text);
	print_text(out, "time_zone", c->zone_name);
	print_text(out, "overlap", cron_overlap_names[c->overlap]);
	print_text(out, "by", c->by);
	item_put_text(out, "job", c->job, c->job_len);
	if (c->configured)
		item_put_true(out, "configured");
	for (size_t i = 0; i < NUMBERS; i++) {
		memcpy(&n, (const char *)&c->past + numbers[i].offset, sizeof(n));
		item_put_int(out, numbers[i].name, n);
	}
	buf_putc(out, '}');
}

static int
read_numbers(const json_t *o, struct cron_past *past, struct rpc_error *err)
{
	int64_t	n;

	for (size_t i = 0; i < NUMBERS; i++) {
		n = 0;
		if (item_int(o, numbers[i].name, 0, BOUND_JOB_ID, &n, err) != 0)
			return -1;
		memcpy((char *)past + numbers[i].offset, &n, sizeof(n));
	}
	return 0;
}

int
cron_item_read(struct span text, struct cron_item *out, struct rpc_error *err)
{
	json_t	*o = item_parse(text, err);

	memset(out, 0, sizeof(*out));
	out->tree = o;
	if (o == NULL || item_text(o, "when", SCHEDULE_BYTES, &out->words.when, err) != 0 ||
	    item_text(o, "time_zone", ZONE_NAME_BYTES, &out->words.time_zone, err) != 0 ||
	    item_text(o, "overlap", BOUND_NAME_BYTES, &out->words.overlap, err) != 0 ||
	    item_text(o, "job", BOUND_CRON_JOB_BYTES, &out->words.job, err) != 0 ||
	    item_text(o, "by", BOUND_KEY_BYTES, &out->by, err) != 0 ||
	    item_bool(o, "configured", &out->configured, err) != 0)
		return -1;
	return read_numbers(o, &out->past, err);
}

void
cron_item_fini(struct cron_item *item)
{
	json_decref(item->tree);
}
