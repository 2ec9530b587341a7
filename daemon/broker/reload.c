/* reload.c - the configuration of a broker that runs.  Runs in: broker, loop thread. */
#include "daemon/broker/reload.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/cron/cron.h"
#include "daemon/broker/keep.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/limits.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/print_left_out.h"
#include "daemon/broker/router.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "proto/control.h"

#define FIRST_MS	30000		/* the supervisor sends it before it does anything else */

/* ---- the first one ---- */

static void
log_reload(struct broker *b, const struct config *old)
{
	enum log_level	level = LOG_LEVEL_INFO;

	(void)old;
	log_level_parse(b->config.log_level, &level);
	log_set_level(level);
}

int
reload_first(struct broker *b, char *why, size_t size)
{
	struct pollfd		p = { .fd = b->control_fd, .events = POLLIN };
	struct control_msg	m;
	int			fds[CONTROL_FDS_MAX], rc;
	size_t			nfds = 0;

	settings_init(&b->settings);
	if (poll(&p, 1, FIRST_MS) != 1 ||
	    (rc = control_receive(b->control_fd, &m, fds, &nfds)) != 1) {
		snprintf(why, size, "the supervisor says nothing");
		return -1;
	}
	if (m.kind == CONTROL_SETTINGS && nfds == 1) {
		rc = settings_receive(fds[0], &b->settings, &b->config, why, size);
	} else {
		snprintf(why, size, "the supervisor does not begin with the settings");
		rc = -1;
	}
	while (nfds > 0)
		fd_close(&fds[--nfds]);
	if (rc == 0)
		log_reload(b, NULL);
	return rc == 0 ? 0 : -1;
}

/* ---- what changes ---- */

static void
access_reload(struct broker *b, const struct config *old)
{
	(void)old;
	access_configure(b->access, &b->config);
	net_access_changed(b->net);
}

/* The parts of the broker, each with what it was like before; in an order that does not matter. */
static void (*const parts[])(struct broker *b, const struct config *old) = {
	log_reload, limits_reload, keep_reload, lanes_reload, router_reload, cron_reload, access_reload,
};

struct changes {
	struct buf	*out;		/* elements of `changed`, with commas */
	unsigned	 now, later;
};

static void
note_change(void *arg, const struct config_option *o)
{
	struct changes	*c = arg;

	if (strcmp(o->value, o->other) == 0)
		return;
	log_info("setting changed name=\"%s\" from=\"%s\" to=\"%s\" takes_effect=%s", o->name,
	    o->value, o->other, o->live ? "now" : "restart");
	if (c->now + c->later > 0)
		buf_putc(c->out, ',');
	print_literal(c->out, "{\"name\":");
	print_string(c->out, o->name);
	print_next(c->out, "from");
	print_string(c->out, o->value);
	print_next(c->out, "to");
	print_string(c->out, o->other);
	print_next(c->out, "takes_effect");
	print_string(c->out, o->live ? "now" : "restart");
	buf_putc(c->out, '}');
	if (o->live)
		c->now++;
	else
		c->later++;
}

/* They were checked: nothing can fail from here on. */
static void
put_in_force(struct broker *b, struct config *next, struct settings *settings, struct buf *changed)
{
	struct config	old;
	struct changes	c = { .out = changed };

	config_walk(&b->config, next, note_change, &c);
	config_keep_start(next, &b->config);
	config_init(&old);
	config_move(&old, &b->config);
	config_move(&b->config, next);
	settings_move(&b->settings, settings);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		parts[i](b, &old);
	config_fini(&old);
	log_info("configuration reloaded now=%u at_restart=%u", c.now, c.later);
}

/* ---- asked for, and answered ---- */

/* 0, or -errno: it is about to end, and so are we. */
static int
say(struct broker *b, enum control_kind kind, uint64_t asks, const char *refusal)
{
	struct control_msg	m;
	int			rc;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.gen = (uint32_t)asks;
	m.status = refusal == NULL ? 0 : -EINVAL;
	snprintf(m.text, sizeof(m.text), "%s", refusal == NULL ? "" : refusal);
	if ((rc = control_send(b->control_fd, &m, NULL, 0)) != 0)
		log_error("the supervisor does not listen");
	return rc;
}

uint64_t
reload_ask(struct broker *b)
{
	return say(b, CONTROL_WANT_RELOAD, b->reload_asks + 1, NULL) == 0 ? ++b->reload_asks : 0;
}

/* What only the broker knows to be wrong. */
static int
check(const struct config *next, char *why, size_t size)
{
	return cron_check(next, why, size);
}

/* Files of types that were left out: the rest of them is in force. */
static void
print_all_left_out(const struct lanes *l, struct buf *out)
{
	struct left_out	row;
	bool		any = false;

	print_next(out, "left_out");
	buf_putc(out, '[');
	for (size_t at = 0; lanes_left_out_next(l, &at, &row); any = true) {
		if (any)
			buf_putc(out, ',');
		print_left_out(out, &row);
	}
	buf_putc(out, ']');
}

static void
answer(struct broker *b, uint64_t asks, const struct buf *changed)
{
	struct buf	out = { 0 };

	print_literal(&out, "{\"changed\":[");
	buf_append(&out, buf_data(changed), buf_len(changed));
	buf_putc(&out, ']');
	print_all_left_out(b->lanes, &out);
	buf_putc(&out, '}');
	net_reloaded(b->net, asks, (struct span){ buf_data(&out), buf_len(&out) }, NULL);
	buf_free(&out);
}

static void
refuse(struct broker *b, uint64_t asks, const char *why, const char *data)
{
	struct rpc_error	err;

	rpc_fail(&err, RPC_invalid_configuration, "%s", why);
	snprintf(err.data, sizeof(err.data), "%s", data);
	net_reloaded(b->net, asks, (struct span){ 0 }, &err);
}

void
reload_take(struct broker *b, const struct control_msg *m, const int *fds, size_t nfds)
{
	struct settings	settings;
	struct config	next;
	struct buf	changed = { 0 };
	char		why[512] = "the supervisor's message is none";

	settings_init(&settings);
	config_init(&next);
	if (nfds != 2 || settings_receive(fds[0], &settings, &next, why, sizeof(why)) != 0 ||
	    check(&next, why, sizeof(why)) != 0) {
		say(b, CONTROL_RELOADED, m->gen, why);
		refuse(b, m->gen, why, "");
	} else {
		/* first the word: what follows may ask for workers of pools that are new */
		say(b, CONTROL_RELOADED, m->gen, NULL);
		put_in_force(b, &next, &settings, &changed);
		lanes_catalog(b->lanes, fds[1]);
		answer(b, m->gen, &changed);
	}
	buf_free(&changed);
	config_fini(&next);
	settings_fini(&settings);
}

void
reload_refused(struct broker *b, const struct control_msg *m)
{
	refuse(b, m->gen, m->text, m->data);
}

/* ---- to look at ---- */

struct printing {
	const struct settings	*settings;
	struct buf		*out;
	bool			 any;
};

static void
print_option(void *arg, const struct config_option *o)
{
	struct printing		*p = arg;
	const struct setting	*s = settings_find(p->settings, o->name);

	if (s == NULL && strchr(o->name, ' ') != NULL)
		return;		/* nobody has said it of this queue, type or schedule */
	if (p->any)
		buf_putc(p->out, ',');
	p->any = true;
	print_literal(p->out, "{\"name\":");
	print_string(p->out, o->name);
	print_next(p->out, "value");
	print_string(p->out, o->value);
	if (strcmp(o->value, o->other) != 0) {
		print_next(p->out, "next");
		print_string(p->out, o->other);
	}
	print_next(p->out, "origin");
	print_string(p->out, s == NULL ? "default" : s->origin);
	print_next(p->out, "default");
	print_string(p->out, o->usual);
	print_next(p->out, "takes_effect");
	print_string(p->out, o->live ? "now" : "restart");
	buf_putc(p->out, '}');
}

void
reload_print(const struct broker *b, struct buf *out)
{
	struct printing	p = { .settings = &b->settings, .out = out };
	struct config	next;
	char		why[512];

	config_init(&next);
	list_for(node, &b->settings.all)
		config_set(&next, list_entry(node, struct setting, link)->text, why, sizeof(why));
	print_literal(out, "{\"settings\":[");
	config_walk(&b->config, &next, print_option, &p);
	print_literal(out, "]}");
	config_fini(&next);
}
