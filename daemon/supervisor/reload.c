/*
 * reload.c - what is configured is read again while jobd runs: all of it is good, or nothing
 * changes.  Runs in: supervisor.
 *
 * The files are read and checked here; then the broker is asked, which knows more of what a value
 * means, and only with its word does the new configuration take the old one's place.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/supervisor/supervisor.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

static void
adopt(struct supervisor *s)
{
	plan_adopt(s->plan, &s->reload.plan);
	catalog_free(&s->catalog);
	catalog_move(&s->catalog, &s->reload.catalog);
	post_tls(s);
}

/* NULL, or why nothing has changed; somebody may have asked again meanwhile. */
static void
end(struct supervisor *s, const char *why)
{
	bool	again = s->reload.again;

	if (why != NULL)
		log_error("configuration not reloaded, the old one stays: %s", why);
	service_reloaded(&s->service, why);
	plan_free(&s->reload.plan);
	if (s->reload.under_way)
		catalog_free(&s->reload.catalog);
	memset(&s->reload, 0, sizeof(s->reload));
	if (again)
		reload_begin(s);
}

static void
say_faults(const struct catalog *c)
{
	list_for (node, &c->faults) {
		struct buf	text = { 0 };

		catalog_fault_print(list_entry(node, struct catalog_fault, link), &text);
		log_error("type left out: %.*s", (int)buf_len(&text), buf_data(&text));
		buf_free(&text);
	}
}

void
reload_read_catalog(const struct supervisor *s, const struct plan *p, struct catalog *out)
{
	plan_read_catalog(s->plan, p->jobs_dir, out);
	say_faults(out);
}

/* ---- refused ---- */

/* As much of the members of error.data as there is room for. */
static void
put_data(const struct config_fault *f, char *out, size_t size)
{
	struct buf	data = { 0 };

	if (f->file[0] != '\0') {
		buf_puts(&data, "\"file\":");
		buf_put_json(&data, f->file, strlen(f->file));
		if (f->line > 0)	/* 0: it is not what the file says */
			buf_printf(&data, ",\"line\":%d", f->line);
		buf_putc(&data, ',');
	}
	buf_puts(&data, "\"key\":");
	buf_put_json(&data, f->key, strlen(f->key));
	if (buf_len(&data) < size) {
		memcpy(out, buf_data(&data), buf_len(&data));
		out[buf_len(&data)] = '\0';
	}
	buf_free(&data);
}

/* The broker knows who asked. */
static void
refuse(struct supervisor *s, const struct config_fault *f)
{
	struct control_msg	m;

	memset(&m, 0, sizeof(m));
	m.kind = CONTROL_NOT_RELOADED;
	m.gen = s->asks;
	config_fault_print(f, m.text, sizeof(m.text));
	put_data(f, m.data, sizeof(m.data));
	post_send(s, &m, NULL, 0);
	end(s, m.text);
}

/* ---- the way ---- */

/* The broker gets what the files say, if it can be handed over. */
static void
ask_broker(struct supervisor *s)
{
	struct config_fault	fault = { 0 };
	struct control_msg	m;
	int			fds[2] = { settings_share(&s->reload.plan.settings),
				    catalog_share(&s->reload.catalog) };

	memset(&m, 0, sizeof(m));
	m.kind = CONTROL_RELOAD;
	m.gen = s->asks;
	if (fds[0] >= 0 && fds[1] >= 0) {
		post_send(s, &m, fds, 2);
	} else {
		snprintf(fault.why, sizeof(fault.why), "it cannot be handed over: %s",
		    strerror(fds[0] < 0 ? -fds[0] : -fds[1]));
		refuse(s, &fault);
	}
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

void
reload_begin(struct supervisor *s)
{
	struct config_fault	fault;

	if (s->reload.under_way) {
		s->reload.again = true;
		return;
	}
	service_reloads(&s->service, clock_mono_ns());
	if (plan_make(&s->reload.plan, s->plan->options, &fault) != 0 ||
	    plan_check_tls(&s->reload.plan, s->plan->broker_program, &fault) != 0) {
		refuse(s, &fault);
		return;
	}
	reload_read_catalog(s, &s->reload.plan, &s->reload.catalog);
	s->reload.under_way = true;
	if (s->control >= 0) {
		ask_broker(s);
		return;
	}
	adopt(s);		/* the next broker starts with it */
	end(s, NULL);
}

void
reload_wanted(struct supervisor *s, const struct control_msg *m)
{
	s->asks = m->gen;
	reload_begin(s);
}

void
reload_answered(struct supervisor *s, const struct control_msg *m)
{
	if (!s->reload.under_way)
		return;
	if (m->status == 0) {
		adopt(s);
		log_info("configuration reloaded");
		end(s, NULL);
	} else {
		end(s, m->text);
	}
}

void
reload_abandon(struct supervisor *s)
{
	if (!s->reload.under_way)
		return;
	end(s, "the broker died");
}
