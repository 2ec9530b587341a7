/* typefile_print.c - what files say, as members of the catalog.  Runs in: supervisor, jobctl. */
#include <inttypes.h>

#include "proto/typefile.h"

static void
put_key(struct buf *out, const char *key)
{
	buf_printf(out, "\"%s\":", key);
}

void
typefile_put_text(struct buf *out, const char *key, const char *value)
{
	if (value == NULL)
		return;
	put_key(out, key);
	buf_put_json(out, value, strlen(value));
	buf_putc(out, ',');
}

void
typefile_put_number(struct buf *out, const char *key, int64_t value)
{
	if (value != TYPEFILE_UNSAID)
		buf_printf(out, "\"%s\":%" PRId64 ",", key, value);
}

void
typefile_put_bool(struct buf *out, const char *key, int64_t value)
{
	if (value != TYPEFILE_UNSAID)
		buf_printf(out, "\"%s\":%s,", key, value ? "true" : "false");
}

void
typefile_put_words(struct buf *out, const char *key, const struct words *w)
{
	if (w->line == 0)
		return;
	put_key(out, key);
	buf_putc(out, '[');
	for (size_t i = 0; i < w->n; i++) {
		buf_put_json(out, w->v[i], strlen(w->v[i]));
		buf_putc(out, ',');
	}
	typefile_end(out, ']');
	buf_putc(out, ',');
}

void
typefile_put_env(struct buf *out, const struct typefile *t)
{
	if (list_empty(&t->env))
		return;
	buf_puts(out, "\"env\":{");
	list_for (node, &t->env) {
		const struct typefile_env	*e = list_entry(node, struct typefile_env, link);

		typefile_put_text(out, e->name, e->value);
	}
	typefile_end(out, '}');
	buf_putc(out, ',');
}

void
typefile_end(struct buf *out, char bracket)
{
	if (buf_len(out) > 0 && out->bytes[out->tail - 1] == ',')
		out->tail--;
	buf_putc(out, bracket);
}

static void
put_retry(struct buf *out, const struct typefile *t)
{
	if (t->max_attempts == TYPEFILE_UNSAID && t->backoff_ms == TYPEFILE_UNSAID &&
	    t->factor == TYPEFILE_UNSAID && t->max_backoff_ms == TYPEFILE_UNSAID)
		return;
	buf_puts(out, "\"retry\":{");
	typefile_put_number(out, "max_attempts", t->max_attempts);
	typefile_put_number(out, "backoff_ms", t->backoff_ms);
	if (t->factor != TYPEFILE_UNSAID)
		buf_printf(out, "\"factor\":%" PRId64 ".%03d,", t->factor / 1000,
		    (int)(t->factor % 1000));
	typefile_put_number(out, "max_backoff_ms", t->max_backoff_ms);
	typefile_end(out, '}');
	buf_putc(out, ',');
}

void
typefile_put_common(struct buf *out, const struct typefile *t)
{
	typefile_put_text(out, "name", t->name);
	typefile_put_text(out, "summary", t->summary);
	typefile_put_text(out, "file", t->path);
	typefile_put_text(out, "user", t->user == NULL ? "" : t->user);
	typefile_put_number(out, "max_running", t->max_running);
	typefile_put_number(out, "grace_ms", t->grace_ms);
	typefile_put_number(out, "output_bytes", t->output_max);
	buf_puts(out, "\"defaults\":{");
	typefile_put_text(out, "queue", t->queue);
	typefile_put_number(out, "priority", t->priority);
	typefile_put_number(out, "timeout_ms", t->timeout_ms);
	typefile_put_number(out, "ttl_ms", t->ttl_ms);
	put_retry(out, t);
	typefile_put_text(out, "on_lost", t->on_lost);
	typefile_end(out, '}');
	buf_putc(out, ',');
}
