/* config_look.c - the options of jobd, to look at.  Runs in: supervisor, broker, jobctl. */
#include "proto/config_row.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/config_rule.h"

static void
help_row(struct buf *out, const struct config_row *row, const char *name)
{
	buf_printf(out, "  %s%s.%s=", row->section, name, row->key);
	config_row_put_value(out, row, row->text, row->number);
	buf_printf(out, "\n        %s\n        ", row->help);
	config_row_put_allowed(out, row);
	buf_puts(out, row->live ? "; changed by a reload\n" : "; changed by a restart\n");
}

void
config_help(struct buf *out)
{
	for (size_t i = 0; i < config_options.n; i++)
		help_row(out, &config_options.v[i], "");
	for (size_t i = 0; i < config_limits.n; i++)
		help_row(out, &config_limits.v[i], " NAME");
}

/* ---- two configurations ---- */

/* Of an object; NULL: a queue, type or schedule that is not there has what is usual. */
static void
put_field(struct buf *out, const struct config_row *row, const void *object)
{
	const void	*field = object == NULL ? NULL : (const char *)object + row->offset;

	if (field == NULL)
		config_row_put_value(out, row, row->text, row->number);
	else if (config_row_is_text(row))
		config_row_put_value(out, row, *(char *const *)field, 0);
	else
		config_row_put_value(out, row, NULL, *(const int64_t *)field);
	buf_putc(out, '\0');
}

struct walk {
	config_visit	*visit;
	void		*arg;
	struct buf	 text;
};

static void
visit_row(struct walk *w, const struct config_row *row, const char *name, const void *a,
    const void *b)
{
	struct config_option	o = { .live = row->live };
	size_t			value, other, usual;

	w->text.head = w->text.tail = 0;
	buf_printf(&w->text, "%s%s%s.%s", row->section, name == NULL ? "" : " ",
	    name == NULL ? "" : name, row->key);
	buf_putc(&w->text, '\0');
	value = buf_len(&w->text);
	put_field(&w->text, row, a);
	other = buf_len(&w->text);
	put_field(&w->text, row, b);
	usual = buf_len(&w->text);
	put_field(&w->text, row, NULL);
	o.name = buf_data(&w->text);
	o.value = o.name + value;
	o.other = o.name + other;
	o.usual = o.name + usual;
	w->visit(w->arg, &o);
}

static void
visit_limit(struct walk *w, const char *section, const char *name, const struct config_limit *a,
    const struct config_limit *b)
{
	for (size_t i = 0; i < config_limits.n; i++) {
		if (strcmp(config_limits.v[i].section, section) == 0)
			visit_row(w, &config_limits.v[i], name, a, b);
	}
}

static void
visit_limits(struct walk *w, const char *section, const struct list *a, const struct list *b)
{
	list_for (node, a) {
		const struct config_limit	*limit = list_entry(node, struct config_limit, link);

		visit_limit(w, section, limit->name, limit, config_limit_find(b, limit->name));
	}
	list_for (node, b) {
		const struct config_limit	*limit = list_entry(node, struct config_limit, link);

		if (config_limit_find(a, limit->name) == NULL)
			visit_limit(w, section, limit->name, NULL, limit);
	}
}

/* Rules have no row: they grant what they say, and nobody has one by default. */
static void
visit_rule(struct walk *w, const char *who, const struct config_rule *a,
    const struct config_rule *b)
{
	char			*name = mem_printf("access.%s", who);
	struct config_option	 o = {
		.name = name, .value = a == NULL ? "" : a->grant, .other = b == NULL ? "" : b->grant,
		.usual = "", .live = true,
	};

	w->visit(w->arg, &o);
	free(name);
}

static void
visit_rules(struct walk *w, const struct config *c, const struct config *other)
{
	list_for (node, &c->access) {
		const struct config_rule	*r = list_entry(node, struct config_rule, link);

		visit_rule(w, r->who, r, config_rule_find(&other->access, r->who));
	}
	list_for (node, &other->access) {
		const struct config_rule	*r = list_entry(node, struct config_rule, link);

		if (config_rule_find(&c->access, r->who) == NULL)
			visit_rule(w, r->who, NULL, r);
	}
}

void
config_walk(const struct config *c, const struct config *other, config_visit *visit, void *arg)
{
	struct walk	w = { .visit = visit, .arg = arg };

	for (size_t i = 0; i < config_options.n; i++)
		visit_row(&w, &config_options.v[i], NULL, c, other);
	visit_limits(&w, "queue", &c->queues, &other->queues);
	visit_limits(&w, "type", &c->types, &other->types);
	visit_limits(&w, "cron", &c->crons, &other->crons);
	visit_limits(&w, "quota", &c->quotas, &other->quotas);
	visit_rules(&w, c, other);
	buf_free(&w.text);
}

/* ---- rows ---- */

static void
tell_row(const struct config_row *row, bool named, config_tell *tell, void *arg)
{
	struct config_about	about = {
		.section = row->section, .key = row->key, .named = named, .live = row->live,
		.help = row->help,
	};
	struct buf		usual = { 0 }, allowed = { 0 };

	config_row_put_value(&usual, row, row->text, row->number);
	config_row_put_allowed(&allowed, row);
	buf_putc(&usual, '\0');
	buf_putc(&allowed, '\0');
	about.usual = buf_data(&usual);
	about.allowed = buf_data(&allowed);
	tell(arg, &about);
	buf_free(&usual);
	buf_free(&allowed);
}

void
config_describe(config_tell *tell, void *arg)
{
	size_t	 n = config_options.n + config_limits.n;
	bool	*told = mem_zalloc(n, sizeof(*told));

	for (size_t i = 0; i < n; i++) {
		bool	first = !told[i];

		for (size_t j = i; first && j < n; j++) {
			bool	named = j >= config_options.n;

			if (named != (i >= config_options.n) ||
			    strcmp(config_row_at(i)->section, config_row_at(j)->section) != 0)
				continue;
			tell_row(config_row_at(j), named, tell, arg);
			told[j] = true;
		}
	}
	free(told);
}
