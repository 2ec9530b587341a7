/* options.c - the command line of a verb, from rows of options.def.  Runs in: jobctl. */
#include "client/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/suggest.h"
#include "client/when.h"
#include "lib/alloc.h"
#include "lib/parse.h"
#include "lib/utf8.h"
#include "proto/bounds.h"

#define DAY_MS	INT64_C(86400000)

const struct option_row option_rows[OPTIONS] = {
#define OPTION(symbol, letter, name, kind, argument, verbs, help) \
	{ name, argument, help, OPTION_##kind, letter, verbs },
#include "client/options.def"
#undef OPTION
};

static const char *const format_names[FORMATS] = { "text", "json", "ndjson", "id", "wide", "chrome" };

struct parser {
	struct options	 *o;
	char		**argv;
	int		  argc, at;
	unsigned	  verbs, formats;
	int64_t		  now_ms;
	char		 *why;
	size_t		  size;
};

static int __attribute__((format(printf, 2, 3)))
wrong(struct parser *p, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(p->why, p->size, fmt, ap);
	va_end(ap);
	return -1;
}

/* ---- values ---- */

static bool
is_utf8(const char *text)
{
	size_t	len = strlen(text), at = 0, n;

	while (at < len && (n = utf8_sequence(text + at, len - at)) > 0)
		at += n;
	return at == len;
}

static int
refuse_format(struct parser *p, const char *text)
{
	char	there[64] = "";
	size_t	len = 0;

	for (unsigned f = FORMAT_JSON; f < FORMATS; f++)
		if ((p->formats & FORMAT_BIT(f)) != 0)
			len += (size_t)snprintf(there + len, sizeof(there) - len, "%s%s",
			    len == 0 ? "" : ", ", format_names[f]);
	return wrong(p, "-o %s: there is %s of this", text, len == 0 ? "no other form" : there);
}

static int
take_format(struct parser *p, const char *text)
{
	for (unsigned f = FORMAT_JSON; f < FORMATS; f++) {
		if (strcmp(text, format_names[f]) != 0)
			continue;
		if ((p->formats & FORMAT_BIT(f)) == 0)
			break;
		p->o->format = (enum format)f;
		return 0;
	}
	return refuse_format(p, text);
}

static void
add(const char ***list, size_t *len, const char *text)
{
	*list = mem_resize(*list, *len + 1, sizeof(**list));
	(*list)[(*len)++] = text;
}

static int
take_pair(struct parser *p, const struct option_row *row, const char *text)
{
	if (strchr(text, '=') == NULL || text[0] == '=')
		return wrong(p, "--%s %s: write %s", row->name, text, row->argument);
	add(&p->o->pairs, &p->o->pairs_len, text);
	return 0;
}

static int
take_env(struct parser *p, const struct option_row *row, const char *text)
{
	if (text[0] == '=' || text[0] == '\0')
		return wrong(p, "--%s %s: write %s", row->name, text, row->argument);
	add(&p->o->env, &p->o->env_len, text);
	return 0;
}

static int
take_number(struct parser *p, const struct option_row *row, const char *text, int64_t *out)
{
	int64_t	min = row->kind == OPTION_COUNT ? 1 : INT64_MIN;

	if (parse_i64(text, strlen(text), min, INT64_MAX, out) == 0)
		return 0;
	return wrong(p, "--%s %s: not a number%s", row->name, text,
	    row->kind == OPTION_COUNT ? " of at least 1" : "");
}

static int
take_duration(struct parser *p, const struct option_row *row, const char *text, int64_t *out)
{
	int64_t	ms;

	if (parse_duration_ms(text, &ms) != 0)
		return wrong(p, "--%s %s: write a duration with its unit: 250ms, 10s, 5m, 2h, 3d",
		    row->name, text);
	if (ms > BOUND_DURATION_MS)
		return wrong(p, "--%s %s: too long", row->name, text);
	*out = ms;
	return 0;
}

/* A time of day is the last one, which is the next one after this time yesterday. */
static int
take_past(struct parser *p, const struct option_row *row, const char *text, int64_t *out)
{
	int64_t	ms;

	if (parse_duration_ms(text, &ms) == 0 && ms <= p->now_ms) {
		*out = p->now_ms - ms;
		return 0;
	}
	if (when_parse(text, p->now_ms - DAY_MS, out) == 0 && *out >= 0)
		return 0;
	return wrong(p, "--%s '%s': write 2h for 2 hours ago, 14:30, 2026-12-01 08:00 or @SECONDS",
	    row->name, text);
}

static int
take_value(struct parser *p, enum option opt, const char *text)
{
	const struct option_row	*row = &option_rows[opt];
	int64_t			*number = &p->o->number[opt];

	if (!is_utf8(text))
		return wrong(p, "--%s: not UTF-8", row->name);
	p->o->text[opt] = text;
	switch (row->kind) {
	case OPTION_COUNT:
	case OPTION_INT:
		return take_number(p, row, text, number);
	case OPTION_DURATION:
		return take_duration(p, row, text, number);
	case OPTION_WHEN:
		return when_parse(text, p->now_ms, number) == 0 ? 0 :
		    wrong(p, "--%s '%s': write 14:30, 2026-12-01 08:00 or @SECONDS", row->name,
		    text);
	case OPTION_PAST:
		return take_past(p, row, text, number);
	case OPTION_PAIR:
		return take_pair(p, row, text);
	case OPTION_LIST:
		add(&p->o->pairs, &p->o->pairs_len, text);
		return 0;
	case OPTION_ENV:
		return take_env(p, row, text);
	case OPTION_FORMAT:
		return take_format(p, text);
	default:
		return 0;
	}
}

/* ---- names ---- */

static int
find_name(unsigned verbs, const char *name, size_t len)
{
	for (int i = 0; i < OPTIONS; i++)
		if ((option_rows[i].verbs & verbs) != 0 && strlen(option_rows[i].name) == len &&
		    memcmp(option_rows[i].name, name, len) == 0)
			return i;
	return -1;
}

static int
find_letter(unsigned verbs, char letter)
{
	for (int i = 0; i < OPTIONS; i++)
		if ((option_rows[i].verbs & verbs) != 0 && option_rows[i].letter == letter)
			return i;
	return -1;
}

static int
unknown_name(struct parser *p, const char *name, size_t len)
{
	struct suggestion	near = { 0 };
	char			typed[64];

	snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	for (int i = 0; i < OPTIONS; i++)
		if ((option_rows[i].verbs & p->verbs) != 0)
			suggest_offer(&near, typed, option_rows[i].name);
	if (near.word != NULL)
		return wrong(p, "unknown option --%s; did you mean --%s?", typed, near.word);
	if (find_name(~0u, name, len) >= 0)
		return wrong(p, "--%s is an option of other verbs", typed);
	return wrong(p, "unknown option --%s", typed);
}

static int
next_value(struct parser *p, const char *shown, const char **out)
{
	if (p->at >= p->argc)
		return wrong(p, "%s wants a value", shown);
	*out = p->argv[p->at++];
	return 0;
}

static int
take_long(struct parser *p, const char *arg)
{
	const char	*name = arg + 2, *value = strchr(name, '=');
	size_t		 len = value != NULL ? (size_t)(value - name) : strlen(name);
	int		 opt = find_name(p->verbs, name, len);

	if (opt < 0)
		return unknown_name(p, name, len);
	if (option_rows[opt].kind == OPTION_FLAG) {
		if (value != NULL)
			return wrong(p, "--%s takes no value", option_rows[opt].name);
		p->o->text[opt] = "";
		return 0;
	}
	if (value != NULL)
		value++;
	else if (next_value(p, arg, &value) != 0)
		return -1;
	return take_value(p, (enum option)opt, value);
}

/* -o json, -ojson, -0j8 */
static int
take_letters(struct parser *p, const char *arg)
{
	char	shown[3] = "-?";

	for (arg++; *arg != '\0'; arg++) {
		int		 opt = find_letter(p->verbs, *arg);
		const char	*value = arg + 1;

		shown[1] = *arg;
		if (opt < 0 && find_letter(~0u, *arg) >= 0)
			return wrong(p, "%s is an option of other verbs", shown);
		if (opt < 0)
			return wrong(p, "unknown option %s", shown);
		if (option_rows[opt].kind == OPTION_FLAG) {
			p->o->text[opt] = "";
			continue;
		}
		if (*value == '\0' && next_value(p, shown, &value) != 0)
			return -1;
		return take_value(p, (enum option)opt, value);
	}
	return 0;
}

/* `-` is stdin; a negative number is JSON, unless the verb has such a letter (-0) */
static bool
is_operand(const struct parser *p, const char *arg)
{
	if (arg[0] != '-' || arg[1] == '\0')
		return true;
	return arg[1] >= '0' && arg[1] <= '9' && find_letter(p->verbs, arg[1]) < 0;
}

int
options_parse(struct options *o, int argc, char **argv, unsigned verbs, unsigned formats,
    bool stop_at_operand, int64_t now_ms, char *why, size_t size)
{
	struct parser	p = { o, argv, argc, 0, verbs, formats, now_ms, why, size };
	bool		only_operands = false;
	int		rc = 0;

	free(o->operands);
	o->operands = mem_zalloc((size_t)argc + 1, sizeof(*o->operands));
	o->operands_len = 0;
	o->before_dashes = -1;
	while (rc == 0 && p.at < argc) {
		char	*arg = argv[p.at++];

		if (only_operands || is_operand(&p, arg)) {
			o->operands[o->operands_len++] = arg;
			only_operands |= stop_at_operand;
		} else if (strcmp(arg, "--") == 0) {
			only_operands = true;
			o->before_dashes = o->operands_len;
		} else if (arg[1] == '-') {
			rc = take_long(&p, arg);
		} else {
			rc = take_letters(&p, arg);
		}
	}
	return rc;
}

void
options_free(struct options *o)
{
	free(o->pairs);
	free(o->env);
	free(o->operands);
	memset(o, 0, sizeof(*o));
}
