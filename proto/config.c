/*
 * config.c - the options of jobd: rows of config.def, set by text.  Runs in: supervisor, broker,
 * workers.
 */
#include "proto/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/loopback.h"
#include "lib/parse.h"
#include "lib/schedule.h"
#include "proto/bounds.h"
#include "proto/config_rule.h"

enum type {
	TYPE_INT, TYPE_BOOL, TYPE_SIZE, TYPE_MS, TYPE_RATE, TYPE_DIR, TYPE_DIRS, TYPE_LEVEL,
	TYPE_MODE, TYPE_LANE, TYPE_ENGINE, TYPE_WHEN, TYPE_ZONE, TYPE_OVERLAP, TYPE_JOB, TYPE_USER,
	TYPE_CGROUP, TYPE_ADDRS, TYPE_LOOPBACK
};

struct row {
	const char	*section, *key;
	enum type	 type;
	size_t		 offset;	/* in struct config, or in struct config_limit */
	int64_t		 number;	/* the default, of all but DIR, DIRS and LEVEL */
	const char	*text;		/* the default, of DIR, DIRS and LEVEL */
	int64_t		 min, max;
	bool		 live;		/* a reload puts it into effect */
	const char	*help;
};

#define DEFAULT_INT(value)	(value), NULL
#define DEFAULT_BOOL(value)	(value), NULL
#define DEFAULT_RATE(value)	(value), NULL
#define DEFAULT_SIZE(value)	(value), NULL
#define DEFAULT_MS(value)	(value), NULL
#define DEFAULT_DIR(value)	0, (value)
#define DEFAULT_DIRS(value)	0, (value)
#define DEFAULT_LEVEL(value)	0, (value)
#define DEFAULT_MODE(value)	0, (value)
#define DEFAULT_LANE(value)	0, (value)
#define DEFAULT_ENGINE(value)	0, (value)
#define DEFAULT_WHEN(value)	0, (value)
#define DEFAULT_ZONE(value)	0, (value)
#define DEFAULT_OVERLAP(value)	0, (value)
#define DEFAULT_JOB(value)	0, (value)
#define DEFAULT_USER(value)	0, (value)
#define DEFAULT_CGROUP(value)	0, (value)
#define DEFAULT_ADDRS(value)	0, (value)
#define DEFAULT_LOOPBACK(value)	0, (value)
#define LIVE	true
#define START	false
#define LIMIT_ROW(section, key, type, value, min, max, reload, help) \
	{ section, #key, TYPE_##type, offsetof(struct config_limit, key), DEFAULT_##type(value), \
	    min, max, reload, help },

static const struct row options[] = {
#define OPTION(section, key, field, type, value, min, max, reload, help) \
	{ #section, #key, TYPE_##type, offsetof(struct config, field), DEFAULT_##type(value), \
	    min, max, reload, help },
#define PER_QUEUE(...)
#define PER_TYPE(...)
#define PER_CRON(...)
#define PER_QUOTA(...)
#include "proto/config.def"
#undef OPTION
#undef PER_QUEUE
#undef PER_TYPE
#undef PER_CRON
#undef PER_QUOTA
};

static const struct row limits[] = {
#define OPTION(...)
#define PER_QUEUE(key, type, value, min, max, reload, help) \
	LIMIT_ROW("queue", key, type, value, min, max, reload, help)
#define PER_TYPE(key, type, value, min, max, reload, help) \
	LIMIT_ROW("type", key, type, value, min, max, reload, help)
#define PER_CRON(key, type, value, min, max, reload, help) \
	LIMIT_ROW("cron", key, type, value, min, max, reload, help)
#define PER_QUOTA(key, type, value, min, max, reload, help) \
	LIMIT_ROW("quota", key, type, value, min, max, reload, help)
#include "proto/config.def"
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static bool
is_text(const struct row *row)
{
	return row->type >= TYPE_DIR;
}

static void *
field_of(void *object, const struct row *row)
{
	return (char *)object + row->offset;
}

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = text == NULL || text[0] == '\0' ? NULL : mem_strdup(text);
}

static void
set_default(void *object, const struct row *row)
{
	if (is_text(row))
		set_text(field_of(object, row), row->text);
	else
		*(int64_t *)field_of(object, row) = row->number;
}

void
config_init(struct config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < COUNT(options); i++)
		set_default(c, &options[i]);
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
	for (size_t i = 0; i < COUNT(options); i++) {
		if (is_text(&options[i]))
			set_text(field_of(c, &options[i]), NULL);
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
	for (size_t i = 0; i < COUNT(options); i++) {
		if (is_text(&options[i]))
			*(char **)field_of(from, &options[i]) = NULL;
	}
}

/* ---- what a value may be, in words ---- */

static void
put_number(struct buf *out, enum type type, int64_t v)
{
	static const struct {
		enum type	 type;
		int64_t		 factor;
		const char	*suffix;
	} units[] = {
		{ TYPE_SIZE, 1 << 30, "G" }, { TYPE_SIZE, 1 << 20, "M" },
		{ TYPE_SIZE, 1 << 10, "K" },
		{ TYPE_MS, 86400000, "d" }, { TYPE_MS, 3600000, "h" }, { TYPE_MS, 60000, "m" },
		{ TYPE_MS, 1000, "s" }, { TYPE_MS, 1, "ms" },
	};

	for (size_t i = 0; i < COUNT(units) && v != 0; i++) {
		if (units[i].type != type || v % units[i].factor != 0)
			continue;
		buf_printf(out, "%" PRId64 "%s", v / units[i].factor, units[i].suffix);
		return;
	}
	if (type == TYPE_RATE && v % 1000 != 0)
		buf_printf(out, "%" PRId64 ".%03" PRId64, v / 1000, v % 1000);
	else
		buf_put_i64(out, type == TYPE_RATE ? v / 1000 : v);
}

static void
put_allowed(struct buf *out, const struct row *row)
{
	static const char *const	forms[] = {
		[TYPE_INT] = "a whole number",
		[TYPE_BOOL] = "true or false",
		[TYPE_RATE] = "a number a second (5, 0.25)",
		[TYPE_SIZE] = "a size (4096, 64K, 16M, 2G)",
		[TYPE_MS] = "a duration (250ms, 10s, 5m, 2h, 3d)",
		[TYPE_DIR] = "an absolute path",
		[TYPE_DIRS] = "absolute paths separated by `:`",
		[TYPE_LEVEL] = "error, warn, info or debug",
		[TYPE_MODE] = "auto, advice or pin",
		[TYPE_LANE] = "inline, async, thread or process",
		[TYPE_ENGINE] = "sqlite or memory",
		[TYPE_WHEN] = "five fields, @hourly, @daily, @weekly, @monthly, @yearly or @every 30s",
		[TYPE_ZONE] = "the name of a time zone, such as Europe/Berlin",
		[TYPE_OVERLAP] = "skip or queue",
		[TYPE_JOB] = "a JSON object, such as {\"type\": \"echo\"}",
		[TYPE_USER] = "the name of an account, or its number",
		[TYPE_CGROUP] = "auto, none or an absolute path",
		[TYPE_ADDRS] = ("unix:PATH (at most 107 bytes), tcp:HOST:PORT, tls:HOST:PORT (port 0 to "
		    "65535, IPv6 in brackets), or several with blanks between"),
		[TYPE_LOOPBACK] = ("an address of this machine's loopback, 127.0.0.1:9464 or "
		    "[::1]:9464, or empty: whoever reads it is not asked who it is"),
	};

	buf_puts(out, forms[row->type]);
	if (is_text(row) || row->type == TYPE_BOOL)
		return;
	buf_puts(out, " from ");
	put_number(out, row->type, row->min);
	buf_puts(out, " to ");
	put_number(out, row->type, row->max);
}

/* As config_set takes it. */
static void
put_value(struct buf *out, const struct row *row, const char *text, int64_t number)
{
	if (is_text(row))
		buf_puts(out, text == NULL ? "" : text);
	else if (row->type == TYPE_BOOL)
		buf_puts(out, number ? "true" : "false");
	else
		put_number(out, row->type, number);
}

static void
help_row(struct buf *out, const struct row *row, const char *name)
{
	buf_printf(out, "  %s%s.%s=", row->section, name, row->key);
	put_value(out, row, row->text, row->number);
	buf_printf(out, "\n        %s\n        ", row->help);
	put_allowed(out, row);
	buf_puts(out, row->live ? "; changed by a reload\n" : "; changed by a restart\n");
}

void
config_help(struct buf *out)
{
	for (size_t i = 0; i < COUNT(options); i++)
		help_row(out, &options[i], "");
	for (size_t i = 0; i < COUNT(limits); i++)
		help_row(out, &limits[i], " NAME");
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

static int
unknown(const struct setting *s, char *why, size_t size)
{
	struct buf	 keys = { 0 };
	const char	*last = "";
	int		 rc;

	for (size_t i = 0; i < COUNT(options) + COUNT(limits); i++) {
		const struct row	*row = i < COUNT(options) ? &options[i] :
		    &limits[i - COUNT(options)];

		if (strcmp(row->section, s->section) == 0)
			buf_printf(&keys, "%s%s", buf_len(&keys) == 0 ? "" : ", ", row->key);
	}
	if (buf_len(&keys) > 0) {
		rc = refuse(why, size, "%.100s.%.100s: no such key; [%s] has %.*s", s->section,
		    s->key, s->section, (int)buf_len(&keys), buf_data(&keys));
		buf_free(&keys);
		return rc;
	}
	for (size_t i = 0; i < COUNT(options); i++) {
		if (strcmp(options[i].section, last) != 0)
			buf_printf(&keys, "[%s], ", options[i].section);
		last = options[i].section;
	}
	rc = refuse(why, size, "%.100s.%.100s: no such section; there are %.*s[queue NAME], "
	    "[type NAME], [cron NAME] and [quota PRINCIPAL]", s->section, s->key, (int)buf_len(&keys), buf_data(&keys));
	buf_free(&keys);
	return rc;
}

static const struct row *
find_row(const struct row *rows, size_t n, const struct setting *s)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].section, s->section) == 0 && strcmp(rows[i].key, s->key) == 0)
			return &rows[i];
	}
	return NULL;
}

static int
parse_bool(const char *text, int64_t *out)
{
	*out = strcmp(text, "true") == 0;
	return *out == 1 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
}

static int
parse_number(const struct row *row, const char *text, int64_t *out)
{
	int64_t	v;
	int	rc = -EINVAL;

	if (row->type == TYPE_BOOL)
		return parse_bool(text, out);
	if (row->type == TYPE_RATE)
		rc = parse_milli(text, strlen(text), &v);
	else if (row->type == TYPE_SIZE)
		rc = parse_size(text, &v);
	else if (row->type == TYPE_MS)
		rc = parse_duration_ms(text, &v);
	if (rc == -EINVAL && (row->type == TYPE_INT || row->type == TYPE_MS))	/* a key in _ms says its unit itself */
		rc = parse_i64(text, strlen(text), row->min, row->max, &v);
	if (rc == 0 && (v < row->min || v > row->max))
		rc = -ERANGE;
	if (rc == 0)
		*out = v;
	return rc;
}

static bool
is_absolute_paths(const char *text)
{
	for (const char *at = text;; at++) {
		if (*at != '/')
			return false;
		at = strchrnul(at, ':');
		if (*at == '\0')
			return true;
	}
}

static bool
is_one_of(const char *const *words, const char *text)
{
	while (*words != NULL && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

static bool
is_name(const char *text)
{
	size_t	n = 0;

	while (text[n] != '\0' &&
	    (isalnum((unsigned char)text[n]) || strchr("_.-", text[n]) != NULL))
		n++;
	return text[n] == '\0' && n >= 1 && n <= BOUND_NAME_BYTES;
}

bool
config_next_addr(const char **at, char *out, size_t size)
{
	static const char *const	schemes[] = { " unix:", " tcp:", " tls:" };
	const char			*from = *at + strspn(*at, " "), *to = from + strlen(from);

	if (from == to)
		return false;
	for (size_t i = 0; i < COUNT(schemes); i++) {	/* a path may have blanks */
		const char	*next = strstr(from, schemes[i]);

		if (next != NULL && next < to)
			to = next;
	}
	*at = to;
	while (to[-1] == ' ')
		to--;
	snprintf(out, size, "%.*s", (int)(to - from), from);
	return true;
}

static bool
are_addresses(const char *text)
{
	struct addr	addr;
	char		one[512];

	while (config_next_addr(&text, one, sizeof(one)))
		if (parse_addr(one, &addr) != 0)
			return false;
	return true;
}

static bool
text_allowed(const struct row *row, const char *text)
{
	static const char *const	modes[] = { "auto", "advice", "pin", NULL };
	static const char *const	lanes[] = { "inline", "async", "thread", "process", NULL };
	static const char *const	engines[] = { "sqlite", "memory", NULL };
	static const char *const	overlaps[] = { "skip", "queue", NULL };
	static const char *const	cgroups[] = { "auto", "none", NULL };
	enum log_level			level;
	struct sockaddr_storage		address;
	socklen_t			address_len;

	if (row->type == TYPE_MODE)
		return is_one_of(modes, text);
	if (row->type == TYPE_LANE)
		return is_one_of(lanes, text);
	if (row->type == TYPE_ENGINE)
		return is_one_of(engines, text);
	if (row->type == TYPE_WHEN)
		return true;	/* check_when has said so */
	if (row->type == TYPE_OVERLAP)
		return is_one_of(overlaps, text);
	if (row->type == TYPE_ZONE)
		return text[0] != '\0' && strlen(text) <= ZONE_NAME_BYTES;
	if (row->type == TYPE_JOB)
		return text[0] == '{';
	if (row->type == TYPE_USER)
		return is_name(text);
	if (row->type == TYPE_CGROUP)
		return text[0] == '/' || is_one_of(cgroups, text);
	if (row->type == TYPE_ADDRS)
		return are_addresses(text);
	if (row->type == TYPE_LOOPBACK)
		return text[0] == '\0' || loopback_parse(text, &address, &address_len) == 0;
	if (row->type == TYPE_LEVEL)
		return log_level_parse(text, &level) == 0;
	if (row->type == TYPE_DIR)
		return text[0] == '\0' || text[0] == '/';
	return text[0] == '\0' || is_absolute_paths(text);
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
assign(void *object, const struct row *row, const struct setting *s, char *why, size_t size)
{
	struct buf	allowed = { 0 };
	int64_t		number;
	int		rc;

	if (row->type == TYPE_WHEN && (rc = check_when(s, why, size)) != 0)
		return rc;
	if (is_text(row) && text_allowed(row, s->value)) {
		set_text(field_of(object, row), s->value);
		return 0;
	}
	if (!is_text(row) && parse_number(row, s->value, &number) == 0) {
		*(int64_t *)field_of(object, row) = number;
		return 0;
	}
	put_allowed(&allowed, row);
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
	for (size_t i = 0; i < COUNT(limits); i++) {
		if (strcmp(limits[i].section, section) == 0)
			set_default(limit, &limits[i]);
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
check_name(const struct row *row, const struct setting *s, char *why, size_t size)
{
	const char	*name = s->name == NULL ? "" : s->name;

	if (strcmp(row->section, "quota") != 0 && !is_name(name))
		return refuse(why, size, "%s %.100s.%s: `%.100s` is not the name of a %s: 1 to %d "
		    "of A-Z a-z 0-9 _ . - are", s->section, name, s->key, name, s->section,
		    BOUND_NAME_BYTES);
	if (strcmp(row->section, "quota") == 0 && !config_is_principal(name))
		return refuse(why, size, "quota %.100s.%s: `%.100s` is not a principal: uid:NUMBER, "
		    "user:NAME, token:NAME and cert:NAME are", name, s->key, name);
	return 0;
}

static int
set_limit(struct config *c, const struct row *row, const struct setting *s, char *why, size_t size)
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
	const struct row	*row;
	int			 rc;

	if ((rc = split(setting, &s, why, size)) != 0)
		goto out;
	if (s.name == NULL && strcmp(s.section, "access") == 0 && config_rule_is(s.key))
		rc = config_rule_set(&c->access, s.key, s.value, why, size);
	else if ((row = find_row(limits, COUNT(limits), &s)) != NULL)
		rc = set_limit(c, row, &s, why, size);
	else if (s.name == NULL && (row = find_row(options, COUNT(options), &s)) != NULL)
		rc = assign(c, row, &s, why, size);
	else
		rc = unknown(&s, why, size);
out:
	free(s.copy);
	return rc;
}

/* ---- to look at ---- */

/* Of an object; NULL: a queue, type or schedule that is not there has what is usual. */
static void
put_field(struct buf *out, const struct row *row, const void *object)
{
	const void	*field = object == NULL ? NULL : (const char *)object + row->offset;

	if (field == NULL)
		put_value(out, row, row->text, row->number);
	else if (is_text(row))
		put_value(out, row, *(char *const *)field, 0);
	else
		put_value(out, row, NULL, *(const int64_t *)field);
	buf_putc(out, '\0');
}

struct walk {
	config_visit	*visit;
	void		*arg;
	struct buf	 text;
};

static void
visit_row(struct walk *w, const struct row *row, const char *name, const void *a, const void *b)
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
	for (size_t i = 0; i < COUNT(limits); i++) {
		if (strcmp(limits[i].section, section) == 0)
			visit_row(w, &limits[i], name, a, b);
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
visit_rule(struct walk *w, const char *who, const struct config_rule *a, const struct config_rule *b)
{
	char			*name = mem_printf(RULES "%s", who);
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

	for (size_t i = 0; i < COUNT(options); i++)
		visit_row(&w, &options[i], NULL, c, other);
	visit_limits(&w, "queue", &c->queues, &other->queues);
	visit_limits(&w, "type", &c->types, &other->types);
	visit_limits(&w, "cron", &c->crons, &other->crons);
	visit_limits(&w, "quota", &c->quotas, &other->quotas);
	visit_rules(&w, c, other);
	buf_free(&w.text);
}

void
config_keep_start(struct config *c, const struct config *from)
{
	for (size_t i = 0; i < COUNT(options); i++) {
		const struct row	*row = &options[i];
		const char		*old = (const char *)from + row->offset;

		if (row->live)
			continue;
		if (is_text(row))
			set_text(field_of(c, row), *(char *const *)(const void *)old);
		else
			*(int64_t *)field_of(c, row) = *(const int64_t *)(const void *)old;
	}
}

static const struct row *
row_at(size_t i)
{
	return i < COUNT(options) ? &options[i] : &limits[i - COUNT(options)];
}

static void
tell_row(const struct row *row, bool named, config_tell *tell, void *arg)
{
	struct config_about	about = {
		.section = row->section, .key = row->key, .named = named, .live = row->live,
		.help = row->help,
	};
	struct buf		usual = { 0 }, allowed = { 0 };

	put_value(&usual, row, row->text, row->number);
	put_allowed(&allowed, row);
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
	bool	told[COUNT(options) + COUNT(limits)] = { false };

	for (size_t i = 0; i < COUNT(told); i++) {
		bool	first = !told[i];

		for (size_t j = i; first && j < COUNT(told); j++) {
			bool	named = j >= COUNT(options);

			if (named != (i >= COUNT(options)) ||
			    strcmp(row_at(i)->section, row_at(j)->section) != 0)
				continue;
			tell_row(row_at(j), named, tell, arg);
			told[j] = true;
		}
	}
}
