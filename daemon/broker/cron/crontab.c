/* crontab.c - schedules by name.  Runs in: broker, loop thread. */
#include "daemon/broker/cron/crontab.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/map.h"

const char *const cron_overlap_names[2] = { [CRON_SKIP] = "skip", [CRON_QUEUE] = "queue" };

struct crontab {
	struct namemap	names;
	struct heap	timers;		/* keys: ms since the epoch */
	uint64_t	numbers;	/* given out so far */
	int64_t		latest_ms;	/* that the clock has shown */
};

struct crontab *
crontab_new(void)
{
	return mem_zalloc(1, sizeof(struct crontab));
}

static void
free_texts(struct cron *c)
{
	free(c->when_text);
	free(c->zone_name);
	free(c->job);
	free(c->by);
	zone_free(c->zone);
}

void
crontab_delete(struct crontab *t, struct cron *c)
{
	heap_remove(&t->timers, &c->timer);
	namemap_del(&t->names, c->name, strlen(c->name));
	free_texts(c);
	free(c->name);
	free(c->refusal);
	free(c);
}

void
crontab_free(struct crontab *t)
{
	struct cron	*c;
	size_t		 at = 0;

	if (t == NULL)
		return;
	while ((c = namemap_next(&t->names, &at)) != NULL) {
		crontab_delete(t, c);
		at = 0;		/* the map has changed */
	}
	namemap_free(&t->names);
	heap_free(&t->timers);
	free(t);
}

/* ---- when ---- */

/* Finds the first occurrence that is not settled, and waits for it. */
static void
plan(struct crontab *t, struct cron *c)
{
	int64_t	at_ms;

	if (c->busy)
		return;		/* what is on its way keeps its name */
	c->next_ms = schedule_next(&c->when, c->zone, c->past.anchor_ms, c->past.settled_ms);
	at_ms = c->next_ms;
	if (c->retry_ms > at_ms)
		at_ms = c->retry_ms;
	if (at_ms == CRON_NEVER)
		heap_remove(&t->timers, &c->timer);
	else
		heap_set(&t->timers, &c->timer, at_ms);
}

/* What is settled far in the future was so by a clock that was wrong. */
static void
begin_anew(struct crontab *t, struct cron *c, int64_t now_ms)
{
	if (c->past.settled_ms <= now_ms + CRON_BACK_MS)
		return;
	c->past.settled_ms = now_ms;
	if (c->past.anchor_ms > now_ms)
		c->past.anchor_ms = now_ms;
	c->retry_ms = 0;
	plan(t, c);
}

static void
look_at_clock(struct crontab *t, int64_t now_ms)
{
	struct cron	*c;
	size_t		 at = 0;

	if (now_ms >= t->latest_ms) {
		t->latest_ms = now_ms;
		return;
	}
	/* A time to try again was meant as a distance from now. */
	while ((c = namemap_next(&t->names, &at)) != NULL) {
		if (c->retry_ms > now_ms + c->retry_delay_ms) {
			c->retry_ms = now_ms + c->retry_delay_ms;
			plan(t, c);
		}
		begin_anew(t, c, now_ms);
	}
	t->latest_ms = now_ms;
}

int64_t
crontab_next_ms(const struct crontab *t)
{
	return heap_min(&t->timers) == NULL ? CRON_NEVER : heap_min(&t->timers)->key;
}

struct cron *
crontab_due(struct crontab *t, int64_t now_ms)
{
	look_at_clock(t, now_ms);
	if (crontab_next_ms(t) > now_ms)
		return NULL;
	return (struct cron *)(void *)((char *)heap_min(&t->timers) - offsetof(struct cron, timer));
}

/* ---- setting ---- */

static char *
text_of(struct span s)
{
	return mem_strndup(s.p, s.len);
}

static bool
is_same_time(const struct cron *c, const struct cron_wish *w)
{
	return strlen(c->when_text) == w->when_text.len &&
	    memcmp(c->when_text, w->when_text.p, w->when_text.len) == 0 &&
	    strlen(c->zone_name) == w->zone_name.len &&
	    memcmp(c->zone_name, w->zone_name.p, w->zone_name.len) == 0;
}

static struct cron *
make(struct crontab *t, struct span name)
{
	struct cron	*c = mem_zalloc(1, sizeof(*c));

	c->name = text_of(name);
	c->number = ++t->numbers;
	namemap_put(&t->names, c->name, name.len, c);
	return c;
}

/* Takes the wish over. */
static void
put_wish(struct cron *c, struct cron_wish *w)
{
	free_texts(c);
	c->when_text = text_of(w->when_text);
	c->zone_name = text_of(w->zone_name);
	c->job = text_of(w->job);
	c->job_len = w->job.len;
	c->by = text_of(w->by);
	c->when = w->when;
	c->zone = w->zone;
	w->zone = NULL;
	c->overlap = w->overlap;
	c->configured = w->configured;
}

int
crontab_set(struct crontab *t, int64_t now_ms, struct cron_wish *w, const struct cron_past *past,
    struct cron **out, struct rpc_error *err)
{
	struct cron	*c = crontab_find(t, w->name.p, w->name.len);
	bool		 fresh = c == NULL || !is_same_time(c, w);

	if (c == NULL && t->names.len >= BOUND_CRONS) {
		zone_free(w->zone);
		w->zone = NULL;
		return rpc_fail(err, RPC_conflict, "there are %d schedules, and no more are taken",
		    BOUND_CRONS);
	}
	if (c == NULL)
		c = make(t, w->name);
	put_wish(c, w);
	if (past != NULL) {
		c->past = *past;
	} else if (fresh) {
		c->past.settled_ms = c->past.anchor_ms = now_ms;
		c->retry_ms = 0;
	}
	plan(t, c);
	begin_anew(t, c, now_ms);
	*out = c;
	return 0;
}

struct cron *
crontab_find(const struct crontab *t, const char *name, size_t len)
{
	return namemap_get(&t->names, name, len);
}

struct cron *
crontab_next(const struct crontab *t, size_t *at)
{
	return namemap_next(&t->names, at);
}

size_t
crontab_count(const struct crontab *t)
{
	return t->names.len;
}

/* ---- what becomes of an occurrence ---- */

static void
forget_refusal(struct cron *c)
{
	free(c->refusal);
	c->refusal = NULL;
	c->retry_ms = c->retry_delay_ms = 0;
}

/* The next occurrence, and all that has passed until now. */
static void
settle(struct crontab *t, struct cron *c, int64_t until_ms)
{
	c->past.settled_ms = until_ms > c->next_ms ? until_ms : c->next_ms;
	c->busy = false;
	forget_refusal(c);
	plan(t, c);
}

void
cron_begins(struct crontab *t, struct cron *c)
{
	c->busy = true;
	heap_remove(&t->timers, &c->timer);
}

void
cron_ran_by_hand(struct cron *c, uint64_t job)
{
	c->past.last_job = job;
	c->past.jobs++;
}

void
cron_ran(struct crontab *t, struct cron *c, uint64_t job, int64_t made_ms)
{
	cron_ran_by_hand(c, job);
	c->past.last_ms = c->next_ms;
	settle(t, c, made_ms);
}

void
cron_skipped(struct crontab *t, struct cron *c, int64_t now_ms)
{
	c->past.skipped++;
	settle(t, c, now_ms);
}

void
cron_refused(struct crontab *t, struct cron *c, int64_t now_ms, const char *why)
{
	int64_t	delay_ms = c->retry_delay_ms == 0 ? CRON_RETRY_MIN_MS : 2 * c->retry_delay_ms;

	free(c->refusal);
	c->refusal = mem_strdup(why);
	c->past.refused++;
	c->retry_delay_ms = delay_ms < CRON_RETRY_MAX_MS ? delay_ms : CRON_RETRY_MAX_MS;
	c->retry_ms = now_ms + c->retry_delay_ms;
	c->busy = false;
	plan(t, c);
}

void
cron_print_key(const struct cron *c, struct buf *out)
{
	buf_printf(out, "cron:%s:%" PRId64, c->name, c->next_ms);
}
