/* cron.c - the broker's schedules.  Runs in: broker, loop thread. */
#include "daemon/broker/cron/cron.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "daemon/broker/cron/cron_internal.h"
#include "daemon/broker/items/cron_item.h"
#include "daemon/broker/ledger.h"
#include "lib/alloc.h"
#include "lib/log.h"

/* Of all that is due at midnight so many become jobs in one turn. */
#define BUDGET	500

struct crontab *
cron_table(const struct broker *b)
{
	return b->cron->table;
}

/* ---- the timer ---- */

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct cron_runner	*r = arg;
	uint64_t		 times;

	(void)what;
	/* ECANCELED: the clock was set.  In any case this turn looks at the time. */
	while (read(fd, &times, sizeof(times)) < 0 && errno == EINTR)
		;
	r->armed_ms = CRON_NEVER;
}

static void
arm(struct cron_runner *r, int64_t at_ms)
{
	struct itimerspec	when = { 0 };
	int			flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;

	if (at_ms == r->armed_ms)
		return;
	if (at_ms != CRON_NEVER) {
		when.it_value.tv_sec = at_ms / 1000;
		when.it_value.tv_nsec = at_ms % 1000 * 1000000;
	}
	if (timerfd_settime(r->fd, flags, &when, NULL) != 0)
		log_fatal("timerfd_settime errno=%d", errno);
	r->armed_ms = at_ms;
}

/* ---- the configuration ---- */

static struct span
span_of(const char *text)
{
	return (struct span){ text, text == NULL ? 0 : strlen(text) };
}

static struct cron_words
words_of(const struct config_limit *row)
{
	return (struct cron_words){
		.name = span_of(row->name), .when = span_of(row->when), .job = span_of(row->job),
		.time_zone = span_of(row->time_zone), .overlap = span_of(row->overlap),
	};
}

static int
check_config(const struct config_limit *row, char *why, size_t size)
{
	struct cron_words	words = words_of(row);
	struct cron_wish	wish;
	struct rpc_error	err;

	if (row->when == NULL || row->job == NULL) {
		snprintf(why, size, "cron %s: it needs %s", row->name,
		    row->when == NULL ? "when" : "job");
		return -1;
	}
	if (cron_read_wish(&words, &wish, &err) != 0) {
		snprintf(why, size, "cron %s: %s", row->name, err.message);
		return -1;
	}
	zone_free(wish.zone);
	return 0;
}

int
cron_check(const struct config *c, char *why, size_t size)
{
	list_for(node, &c->crons)
		if (check_config(list_entry(node, struct config_limit, link), why, size) != 0)
			return -1;
	return 0;
}

int
cron_open(struct broker *b, char *why, size_t size)
{
	struct cron_runner	*r = b->cron = mem_zalloc(1, sizeof(*r));

	r->table = crontab_new();
	r->armed_ms = CRON_NEVER;
	list_init(&r->pending);
	r->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->fd < 0) {
		snprintf(why, size, "timerfd_create: %s", strerror(errno));
		return -1;
	}
	r->event = event_new(b->base, r->fd, EV_READ | EV_PERSIST, on_timer, r);
	event_add(r->event, NULL);
	return 0;
}

void
cron_close(struct broker *b)
{
	struct cron_runner	*r = b->cron;

	if (r == NULL)
		return;
	occurrences_leave(r);
	if (r->event != NULL)
		event_free(r->event);
	if (r->fd >= 0)
		close(r->fd);
	crontab_free(r->table);
	free(r);
	b->cron = NULL;
}

/* Checked by cron_open; a file of the time zone that has gone since then keeps one out. */
static void
set_configured(struct broker *b, const struct config_limit *row)
{
	struct cron_words	 words = words_of(row);
	struct cron_wish	 wish;
	struct cron		*c;
	struct rpc_error	 err;
	char			 by[32];

	snprintf(by, sizeof(by), "uid:%u", geteuid());
	if (cron_read_wish(&words, &wish, &err) == 0) {
		wish.by = span_of(by);
		wish.configured = true;
		if (crontab_set(b->cron->table, b->now.real_ms, &wish, NULL, &c, &err) == 0) {
			cron_save(b, c);
			return;
		}
	}
	log_error("schedule not set name=%s reason=\"%s\"", row->name, err.message);
}

/* What an earlier configuration had set, and this one has not. */
static void
drop_unconfigured(struct broker *b)
{
	struct cron	*c;
	size_t		 at = 0;

	while ((c = crontab_next(b->cron->table, &at)) != NULL) {
		if (!c->configured || config_limit_find(&b->config.crons, c->name) != NULL)
			continue;
		log_info("schedule is no longer configured name=%s", c->name);
		cron_forget(b, c);
		at = 0;		/* the table has changed */
	}
}

void
cron_start(struct broker *b)
{
	drop_unconfigured(b);
	list_for(node, &b->config.crons)
		set_configured(b, list_entry(node, struct config_limit, link));
	b->cron->started = true;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_row(const struct config_limit *row, const struct config *old)
{
	const struct config_limit	*was = config_limit_find(&old->crons, row->name);

	return was != NULL && is_same(was->when, row->when) && is_same(was->job, row->job) &&
	    is_same(was->time_zone, row->time_zone) && is_same(was->overlap, row->overlap);
}

void
cron_reload(struct broker *b, const struct config *old)
{
	if (!b->cron->started)
		return;			/* cron_start comes for them */
	drop_unconfigured(b);
	list_for(node, &b->config.crons) {
		const struct config_limit	*row = list_entry(node, struct config_limit, link);

		if (!is_row(row, old))
			set_configured(b, row);
	}
}

/* ---- the turn ---- */

void
cron_tick(struct broker *b)
{
	struct cron_runner	*r = b->cron;
	struct cron		*c;

	if (!r->started || b->draining) {
		arm(r, CRON_NEVER);
		return;
	}
	for (int i = 0; i < BUDGET && (c = crontab_due(r->table, b->now.real_ms)) != NULL; i++)
		occurrence_comes(b, c);
	arm(r, crontab_next_ms(r->table));
}

/* ---- what clients and the store say ---- */

int
cron_restore(struct broker *b, struct span name, struct span text, struct rpc_error *err)
{
	struct cron_item	 item;
	struct cron_wish	 wish;
	struct cron		*c;
	int			 rc = -1;

	if (cron_item_read(text, &item, err) == 0) {
		item.words.name = name;
		rc = cron_read_wish(&item.words, &wish, err);
	}
	if (rc == 0) {
		wish.by = item.by;
		wish.configured = item.configured;
		rc = crontab_set(b->cron->table, b->now.real_ms, &wish, &item.past, &c, err);
	}
	cron_item_fini(&item);
	return rc;
}

static int
refuse_configured(const struct cron *c, struct rpc_error *err)
{
	return rpc_fail_member(err, RPC_conflict, "name", 4,
	    "schedule %s is one of the configuration, and changed there", c->name);
}

static int
check_type(const struct broker *b, struct span text, struct rpc_error *err)
{
	struct cron_job	job;
	struct span	type;
	int		rc;

	if ((rc = cron_read_job(text, &job, err)) == 0) {
		type = job.spec.type;
		if (core_type_find(b->core, type.p, type.len) == NULL)
			rc = rpc_fail_member(err, RPC_unknown_type, "job", 3,
			    "job: no handler has the type %.*s", (int)type.len, type.p);
	}
	cron_job_fini(&job);
	return rc;
}

int
cron_set(struct broker *b, const struct cron_words *words, const char *by, struct cron **out,
    struct rpc_error *err)
{
	struct cron		*c = crontab_find(b->cron->table, words->name.p, words->name.len);
	struct cron_wish	 wish;

	if (c != NULL && c->configured)
		return refuse_configured(c, err);
	if (ledger_refuses(b, err) != 0 || cron_read_wish(words, &wish, err) != 0)
		return -1;
	wish.by = span_of(by);
	if (check_type(b, words->job, err) != 0) {
		zone_free(wish.zone);
		return -1;
	}
	if (crontab_set(b->cron->table, b->now.real_ms, &wish, NULL, out, err) != 0)
		return -1;
	cron_save(b, *out);
	return 0;
}

int
cron_find(const struct broker *b, struct span name, struct cron **out, struct rpc_error *err)
{
	if ((*out = crontab_find(b->cron->table, name.p, name.len)) != NULL)
		return 0;
	return rpc_fail_member(err, RPC_not_found, "name", 4, "there is no schedule %.*s",
	    (int)name.len, name.p);
}

int
cron_delete(struct broker *b, struct span name, struct rpc_error *err)
{
	struct cron	*c;

	if (cron_find(b, name, &c, err) != 0)
		return -1;
	if (c->configured)
		return refuse_configured(c, err);
	cron_forget(b, c);
	return 0;
}
