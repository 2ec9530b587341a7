/*
 * config.c - the options of jobd: rows of config.def, set by text.  Runs in: supervisor, broker,
 * workers.
 */
#include "proto/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/schedule.h"
#include "proto/bounds.h"
#include "proto/config_row.h"
#include "proto/config_rule.h"

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = text == NULL || text[0] == '\0' ? NULL : mem_strdup(text);
}

static void
set_default(void *object, const struct config_row *row)
{
	if (config_row_is_text(row))
		set_text(config_row_field(object, row), row->text);
	else
		*(int64_t *)config_row_field(object, row) = row->number;
}

void
config_init(struct config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < config_options.n; i++)
		set_default(c, &config_options.v[i]);
	list_init(&c->queues);
	list_init(&c->types);
	list_init(&c->crons);
	list_init(&c->quotas);
	list_init(&c->access);
}

static void
free_texts(struct config_limit *limit)
{
	free(limit->mode);
	free(limit->lane);
	free(limit->when);
	free(limit->time_zone);
	free(limit->overlap);
	free(limit->job);
}

static void
free_limits(struct list *head)
{
	struct list	*node;

	while ((node = list_pop(head)) != NULL) {
		struct config_limit	*limit = list_entry(node, struct config_limit, link);

		free(limit->name);
		free_texts(limit);
		free(limit);
	}
}

void
config_fini(struct config *c)
{
	for (size_t i = 0; i < config_options.n; i++) {
		if (config_row_is_text(&config_options.v[i]))
			set_text(config_row_field(c, &config_options.v[i]), NULL);
	}
	free_limits(&c->queues);
	free_limits(&c->types);
	free_limits(&c->crons);
	free_limits(&c->quotas);
	config_rules_free(&c->access);
}

/* The lists' nodes point at their heads, which move. */
static void
move_list(struct list *to, struct list *from)
{
	list_init(to);
	list_append(to, from);
}

void
config_move(struct config *to, struct config *from)
{
	config_fini(to);
	*to = *from;
	move_list(&to->queues, &from->queues);
	move_list(&to->types, &from->types);
	move_list(&to->crons, &from->crons);
	move_list(&to->quotas, &from->quotas);
	move_list(&to->access, &from->access);
	for (size_t i = 0; i < config_options.n; i++) {
		if (config_row_is_text(&config_options.v[i]))
			*(char **)config_row_field(from, &config_options.v[i]) = NULL;
	}
}

/* ---- setting ---- */

/* A setting in its parts; section is what stands before the name in `queue NAME`. */
struct setting {
	char	*copy;
	char	*section, *name, *key, *value;
};

static int __attribute__((format(printf, 3, 4)))
refuse(char *why, size_t size, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

#define RULES	"access."	/* what follows it has a name in it: `access.user:j.doe` */

/*
 * `queue mail.max_running=4`: the first equals sign, the last dot before it, the first blank before
 * that.
 */
static int
split(const char *text, struct setting *s, char *why, size_t size)
{
	char	*equals, *dot, *blank;

	s->copy = s->section = mem_strdup(text);
	if ((equals = strchr(s->copy, '=')) != NULL)
		*equals = '\0';
	dot = strncmp(text, RULES, strlen(RULES)) == 0 ? s->copy + strlen(RULES) - 1 :
	    strrchr(s->copy, '.');
	if (equals == NULL || dot == NULL || dot == s->copy || dot[1] == '\0')
		return refuse(why, size, "`%.100s` is not a setting: section.key=value is, such as "
		    "jobs.grace_ms=10s or `queue mail.max_running=4`", text);
	*dot = '\0';
	s->key = dot + 1;
	s->value = equals + 1;
	if ((blank = strchr(s->section, ' ')) != NULL) {
		*blank = '\0';
		s->name = blank + 1;
	}
	return 0;
}

/* The first option of the section that option `at` is in: rows of one need not stand together. */
static size_t
first_of_section(size_t at)
{
	size_t	i = 0;

	while (strcmp(config_options.v[i].section, config_options.v[at].section) != 0)
		i++;
	return i;
}

static int
unknown(const struct setting *s, char *why, size_t size)
{
	struct buf	keys = { 0 };
	int		rc;

	for (size_t i = 0; i < config_options.n + config_limits.n; i++) {
		const struct config_row	*row = config_row_at(i);

		if (strcmp(row->section, s->section) == 0)
			buf_printf(&keys, "%s%s", buf_len(&keys) == 0 ? "" : ", ", row->key);
	}
	if (buf_len(&keys) > 0) {
		rc = refuse(why, size, "%.100s.%.100s: no such key; [%s] has %.*s", s->section,
		    s->key, s->section, (int)buf_len(&keys), buf_data(&keys));
		buf_free(&keys);
		return rc;
	}
	for (size_t i = 0; i < config_options.n; i++) {
		if (first_of_section(i) == i)
			buf_printf(&keys, "[%s], ", config_options.v[i].section);
	}
	rc = refuse(why, size, "%.100s.%.100s: no such section; there are %.*s[queue NAME], "
	    "[type NAME], [cron NAME] and [quota PRINCIPAL]", s->section, s->key,
	    (int)buf_len(&keys), buf_data(&keys));
	buf_free(&keys);
	return rc;
}

static const struct config_row *
find_row(const struct config_rows *rows, const struct setting *s)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct config_row	*row = &rows->v[i];

		if (strcmp(row->section, s->section) == 0 && strcmp(row->key, s->key) == 0)
			return row;
	}
	return NULL;
}

/* What is wrong with a schedule is one of many things, and said as such. */
static int
check_when(const struct setting *s, char *why, size_t size)
{
	struct schedule	schedule;
	char		reason[192];

	if (schedule_parse(s->value, strlen(s->value), &schedule, reason, sizeof(reason)) == 0)
		return 0;
	return refuse(why, size, "%s %.100s.%s: %s", s->section, s->name, s->key, reason);
}

/* The value into the object's field, or the sentence. */
static int
assign(void *object, const struct config_row *row, const struct setting *s, char *why, size_t size)
{
	struct buf	allowed = { 0 };
	int64_t		number;
	int		rc;

	if (row->type == TYPE_WHEN && (rc = check_when(s, why, size)) != 0)
		return rc;
	if (config_row_is_text(row) && config_row_takes(row, s->value)) {
		set_text(config_row_field(object, row), s->value);
		return 0;
	}
	if (!config_row_is_text(row) && config_row_number(row, s->value, &number) == 0) {
		*(int64_t *)config_row_field(object, row) = number;
		return 0;
	}
	config_row_put_allowed(&allowed, row);
	rc = refuse(why, size, "%s%s%s.%s: `%.100s` is not %.*s", s->section,
	    s->name == NULL ? "" : " ", s->name == NULL ? "" : s->name, s->key, s->value,
	    (int)buf_len(&allowed), buf_data(&allowed));
	buf_free(&allowed);
	return rc;
}

struct config_limit *
config_limit_find(const struct list *head, const char *name)
{
	list_for (node, head) {
		struct config_limit	*limit = list_entry(node, struct config_limit, link);

		if (strcmp(limit->name, name) == 0)
			return limit;
	}
	return NULL;
}

static struct config_limit *
add_limit(struct list *head, const char *section, const char *name)
{
	struct config_limit	*limit = mem_zalloc(1, sizeof(*limit));

	limit->name = mem_strdup(name);
	for (size_t i = 0; i < config_limits.n; i++) {
		if (strcmp(config_limits.v[i].section, section) == 0)
			set_default(limit, &config_limits.v[i]);
	}
	list_push_back(head, &limit->link);
	return limit;
}

static struct list *
list_of(struct config *c, const char *section)
{
	return strcmp(section, "queue") == 0 ? &c->queues : strcmp(section, "type") == 0 ? &c->types :
	    strcmp(section, "cron") == 0 ? &c->crons : &c->quotas;
}

static int
check_name(const struct config_row *row, const struct setting *s, char *why, size_t size)
{
	const char	*name = s->name == NULL ? "" : s->name;

	if (strcmp(row->section, "quota") != 0 && !config_is_name(name))
		return refuse(why, size, "%s %.100s.%s: `%.100s` is not the name of a %s: 1 to %d "
		    "of A-Z a-z 0-9 _ . - are", s->section, name, s->key, name, s->section,
		    BOUND_NAME_BYTES);
	if (strcmp(row->section, "quota") == 0 && !config_is_principal(name))
		return refuse(why, size, "quota %.100s.%s: `%.100s` is not a principal: uid:NUMBER, "
		    "user:NAME, token:NAME and cert:NAME are", name, s->key, name);
	return 0;
}

static int
set_limit(struct config *c, const struct config_row *row, const struct setting *s, char *why,
    size_t size)
{
	struct list		*head = list_of(c, row->section);
	struct config_limit	*limit, trial = { 0 };
	int			 rc;

	if ((rc = check_name(row, s, why, size)) != 0)
		return rc;
	if ((rc = assign(&trial, row, s, why, size)) != 0)
		return rc;
	free_texts(&trial);
	if ((limit = config_limit_find(head, s->name)) == NULL)
		limit = add_limit(head, s->section, s->name);
	return assign(limit, row, s, why, size);
}

int
config_set(struct config *c, const char *setting, char *why, size_t size)
{
	struct setting		 s = { 0 };
	const struct config_row	*row;
	int			 rc;

	if ((rc = split(setting, &s, why, size)) != 0)
		goto out;
	if (s.name == NULL && strcmp(s.section, "access") == 0 && config_rule_is(s.key))
		rc = config_rule_set(&c->access, s.key, s.value, why, size);
	else if ((row = find_row(&config_limits, &s)) != NULL)
		rc = set_limit(c, row, &s, why, size);
	else if (s.name == NULL && (row = find_row(&config_options, &s)) != NULL)
		rc = assign(c, row, &s, why, size);
	else
		rc = unknown(&s, why, size);
out:
	free(s.copy);
	return rc;
}

void
config_keep_start(struct config *c, const struct config *from)
{
	for (size_t i = 0; i < config_options.n; i++) {
		const struct config_row	*row = &config_options.v[i];
		const char		*old = (const char *)from + row->offset;

		if (row->live)
			continue;
		if (config_row_is_text(row))
			set_text(config_row_field(c, row), *(char *const *)(const void *)old);
		else
			*(int64_t *)config_row_field(c, row) = *(const int64_t *)(const void *)old;
	}
}
