/* queue_item.c - settings of a queue as text, and back.  Runs in: broker, loop thread. */
#include "daemon/broker/items/queue_item.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/items/item.h"
#include "lib/alloc.h"
#include "proto/bounds.h"

#define COUNT_MAX	(1 << 30)	/* as in params.def */

static void
put_if_other(struct buf *out, const char *name, int64_t now, int64_t file)
{
	if (now != file)
		item_put_int(out, name, now);
}

/* core takes none for one. */
static int64_t
burst(const struct queue_settings *s)
{
	return s->rate.burst == 0 ? 1 : s->rate.burst;
}

static void
print_settings(struct buf *out, const struct queue_settings *s, const struct queue_settings *file)
{
	put_if_other(out, "max_running", s->max_running, file->max_running);
	put_if_other(out, "max_running_per_tenant", s->max_running_per_tenant,
	    file->max_running_per_tenant);
	put_if_other(out, "max_running_per_key", s->max_running_per_key,
	    file->max_running_per_key);
	put_if_other(out, "rate_milli", s->rate.rate_milli, file->rate.rate_milli);
	put_if_other(out, "burst", burst(s), burst(file));
	put_if_other(out, "max_jobs", s->max_jobs, file->max_jobs);
	put_if_other(out, "max_bytes", s->max_bytes, file->max_bytes);
}

static void
print_weights(struct buf *out, const struct queue *q)
{
	struct span	tenant;
	size_t		at = 0;
	uint32_t	weight;
	bool		any = false;

	while ((weight = core_queue_weight_next(q, &at, &tenant)) != 0) {
		if (!any) {
			item_name(out, "weights");
			buf_putc(out, '{');
		} else {
			buf_putc(out, ',');
		}
		any = true;
		buf_put_json(out, tenant.p, tenant.len);
		buf_putc(out, ':');
		buf_put_u64(out, weight);
	}
	if (any)
		buf_putc(out, '}');
}

void
queue_item_print(struct buf *out, const struct core *c, struct span name,
    const struct queue_settings *file)
{
	struct queue_view	q;
	struct buf		text = { 0 };

	core_queue_view(c, name, &q);
	print_settings(&text, &q.set, file);
	if (q.paused)
		item_put_true(&text, "paused");
	if (q.draining)
		item_put_true(&text, "draining");
	if (q.queue != NULL)
		print_weights(&text, q.queue);
	if (buf_len(&text) > 0) {
		buf_putc(out, '{');
		buf_append(out, buf_data(&text), buf_len(&text));
		buf_putc(out, '}');
	}
	buf_free(&text);
}

/* ---- back ---- */

struct wish {
	struct queue_settings	 set;
	bool			 paused, draining;
	const json_t		*weights;	/* NULL: none */
};

static int
read_weights(const json_t *o, struct rpc_error *err)
{
	const char	*tenant;
	json_t		*weight;

	if (o != NULL && !json_is_object(o))
		return rpc_fail(err, RPC_internal, "weights is no object");
	json_object_foreach((json_t *)(size_t)o, tenant, weight)
		if (tenant[0] == '\0' || strlen(tenant) > BOUND_KEY_BYTES ||
		    !json_is_integer(weight) || json_integer_value(weight) < 1 ||
		    json_integer_value(weight) > BOUND_WEIGHT)
			return rpc_fail(err, RPC_internal, "weights has one that is none");
	return 0;
}

static int
read_wish(const json_t *o, struct wish *w, struct rpc_error *err)
{
	struct queue_settings	*s = &w->set;

	w->weights = json_object_get(o, "weights");
	return item_u32(o, "max_running", COUNT_MAX, &s->max_running, err) != 0 ||
	    item_u32(o, "max_running_per_tenant", COUNT_MAX, &s->max_running_per_tenant, err) != 0 ||
	    item_u32(o, "max_running_per_key", COUNT_MAX, &s->max_running_per_key, err) != 0 ||
	    item_u32(o, "rate_milli", UINT32_MAX, &s->rate.rate_milli, err) != 0 ||
	    item_u32(o, "burst", UINT32_MAX, &s->rate.burst, err) != 0 ||
	    item_int(o, "max_jobs", 0, INT64_MAX, &s->max_jobs, err) != 0 ||
	    item_int(o, "max_bytes", 0, INT64_MAX, &s->max_bytes, err) != 0 ||
	    item_bool(o, "paused", &w->paused, err) != 0 ||
	    item_bool(o, "draining", &w->draining, err) != 0 ||
	    read_weights(w->weights, err) != 0 ? -1 : 0;
}

/* Each weight that was set goes back to what it is when nobody says otherwise. */
static void
drop_weights(struct core *c, struct span name)
{
	struct queue_view	q;
	struct span		tenant;
	char			*copy;

	for (size_t at = 0; core_queue_view(c, name, &q) &&
	    core_queue_weight_next(q.queue, &at, &tenant) != 0; at = 0) {
		copy = mem_strndup(tenant.p, tenant.len);
		core_queue_weight(c, name, (struct span){ copy, tenant.len }, 1);
		free(copy);
	}
}

static void
carry_out(struct core *c, struct core_time now, struct span name, const struct wish *w)
{
	const char	*tenant;
	json_t		*weight;

	core_queue_set(c, now, name, &w->set);
	core_queue_pause(c, name, w->paused);
	core_queue_drain(c, name, w->draining);
	drop_weights(c, name);
	json_object_foreach((json_t *)(size_t)w->weights, tenant, weight)
		core_queue_weight(c, name, (struct span){ tenant, strlen(tenant) },
		    (uint32_t)json_integer_value(weight));
}

int
queue_item_apply(struct core *c, struct core_time now, struct span name,
    const struct queue_settings *file, struct span text, struct rpc_error *err)
{
	struct wish	 w = { .set = *file };
	json_t		*o = NULL;
	int		 rc = 0;

	if (text.len > 0 && (o = item_parse(text, err)) == NULL)
		return -1;
	if ((rc = read_wish(o, &w, err)) == 0)
		carry_out(c, now, name, &w);
	json_decref(o);
	return rc;
}
