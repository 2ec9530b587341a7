/* chrome.c - a trace as Chrome's JSON.  Runs in: jobctl. */
#include "client/chrome.h"

#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "lib/parse.h"

#define US_IN_MS	INT64_C(1000)
#define LAST		INT64_C(1000000)

void
chrome_begin(struct chrome *c, struct buf *out)
{
	*c = (struct chrome){ .out = out };
	buf_puts(out, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"source\":\"jobctl " PACKAGE_VERSION
	    "\"},\n\"traceEvents\":[");
}

void
chrome_end(struct chrome *c)
{
	buf_puts(c->out, "\n]}\n");
	tracks_free(&c->tracks);
}

/* `{"name":NAME,"ph":KIND,"pid":..,"tid":..`, each on a line of its own. */
static void
begin_event(struct chrome *c, const char *name, char kind, struct track t)
{
	if (c->events++ > 0)
		buf_putc(c->out, ',');
	buf_puts(c->out, "\n{\"name\":");
	json_put_text(c->out, name);
	buf_printf(c->out, ",\"ph\":\"%c\",\"pid\":%u,\"tid\":%u", kind, t.worker, t.number);
}

static void
name_event(struct chrome *c, const char *what, struct track t, const char *name)
{
	begin_event(c, what, 'M', t);
	buf_puts(c->out, ",\"args\":{\"name\":");
	json_put_text(c->out, name);
	buf_puts(c->out, "}}");
}

static void
sort_event(struct chrome *c, const char *what, struct track t, int64_t index)
{
	begin_event(c, what, 'M', t);
	buf_printf(c->out, ",\"args\":{\"sort_index\":%lld}}", (long long)index);
}

/* Workers of a kind in the order of their numbers, as in cpu-12; one without a number comes last. */
static int64_t
sort_index(const char *name)
{
	const char	*dash = strrchr(name, '-');
	int64_t		 number;

	if (dash == NULL || parse_i64(dash + 1, strlen(dash + 1), 0, LAST, &number) != 0)
		return LAST;
	return number;
}

static void
introduce(struct chrome *c, struct track t, const char *worker)
{
	char	name[32];

	if (t.fresh_worker) {
		name_event(c, "process_name", t, worker);
		sort_event(c, "process_sort_index", t, sort_index(worker));
	}
	if (!t.fresh)
		return;
	snprintf(name, sizeof(name), t.number == 1 ? "attempts" : "attempts beside, %u", t.number);
	name_event(c, "thread_name", t, name);
	sort_event(c, "thread_sort_index", t, t.number);
}

void
chrome_slice(struct chrome *c, const struct chrome_slice *s)
{
	struct track	t = tracks_place(&c->tracks, s->worker, s->from_ms, s->to_ms);

	introduce(c, t, s->worker);
	begin_event(c, s->name, 'X', t);
	buf_puts(c->out, ",\"cat\":");
	json_put_text(c->out, s->category);
	buf_printf(c->out, ",\"ts\":%lld,\"dur\":%lld,\"args\":{", (long long)(s->from_ms * US_IN_MS),
	    (long long)((s->to_ms - s->from_ms) * US_IN_MS));
	buf_append(c->out, buf_data(s->args), buf_len(s->args));
	buf_puts(c->out, "}}");
	c->slices++;
}
