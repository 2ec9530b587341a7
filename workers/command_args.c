/*
 * command_args.c - a template's placeholders and the values that a job gives them.  Runs in: exec
 * workers, loop thread.
 *
 * Each value is checked against what its param was declared to be, then put into the argument that
 * names it.  An argument stays one argument, whatever is in a value.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/map.h"
#include "lib/parse.h"
#include "lib/pattern.h"
#include "workers/command_parts.h"

#define PATTERNS_KEPT	256

enum param_type {
	PARAM_STRING, PARAM_INT, PARAM_NUMBER, PARAM_BOOL, PARAM_ENUM, PARAM_PATH, PARAM_STRINGS
};

static const char *const	type_names[] = {
	"string", "int", "number", "bool", "enum", "path", "strings",
};

struct param {
	const char		*name;
	enum param_type		 type;
	bool			 dash;
	const struct member	*min, *max, *values, *fallback;
	regex_t			*pattern;	/* lent; NULL: any */
	struct members		 said;
	struct strings		 texts;		/* the value: one, of PARAM_STRINGS any number */
};

struct params {
	struct param	*v;
	size_t		 n;
};

/* ---- patterns ---- */

struct pattern {
	char		*text;
	regex_t		 regex;
};

static struct namemap	patterns;

static void
forget_patterns(void)
{
	struct pattern	*p;
	size_t		 at = 0;

	while ((p = namemap_next(&patterns, &at)) != NULL) {
		regfree(&p->regex);
		free(p->text);
		free(p);
	}
	namemap_free(&patterns);
}

/*
 * Compiled once: it costs as much as a start.  Anchored here, so that nobody's pattern can match a
 * part only; without REG_NEWLINE `$` is the end of the text and nothing else.  NULL, and what is
 * wrong with it.
 */
static regex_t *
pattern_get(const char *text, const char **wrong)
{
	struct pattern	*p = namemap_get(&patterns, text, strlen(text));
	char		*whole;

	if (p != NULL)
		return &p->regex;
	if (patterns.len >= PATTERNS_KEPT)
		forget_patterns();
	p = mem_zalloc(1, sizeof(*p));
	whole = mem_printf("^(%s)$", text);
	*wrong = pattern_compile(whole, &p->regex);
	free(whole);
	if (*wrong != NULL) {
		free(p);
		return NULL;
	}
	p->text = mem_strdup(text);
	namemap_put(&patterns, p->text, strlen(p->text), p);
	return &p->regex;
}

/* ---- what a param is declared to be ---- */

static int
read_type(const struct reading *r, struct param *p, const struct member *m)
{
	char	*text = command_text(r, p->name, m);

	if (text == NULL)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (strcmp(type_names[i], text) == 0) {
			p->type = (enum param_type)i;
			free(text);
			return 0;
		}
	free(text);
	return command_refuse(r, p->name, "no such type");
}

static int
read_pattern(const struct reading *r, struct param *p, const struct member *m)
{
	char		*text = command_text(r, p->name, m);
	const char	*wrong = NULL;

	if (text == NULL)
		return -EINVAL;
	p->pattern = pattern_get(text, &wrong);
	free(text);
	return p->pattern != NULL ? 0 : command_refuse(r, p->name, "its pattern %s", wrong);
}

static int
read_declared(const struct reading *r, struct param *p, const struct member *m)
{
	if (strcmp(m->name, "type") == 0)
		return read_type(r, p, m);
	if (strcmp(m->name, "pattern") == 0)
		return read_pattern(r, p, m);
	if (strcmp(m->name, "dash") == 0)
		p->dash = m->type == SCAN_TRUE;
	else if (strcmp(m->name, "min") == 0)
		p->min = m;
	else if (strcmp(m->name, "max") == 0)
		p->max = m;
	else if (strcmp(m->name, "default") == 0)
		p->fallback = m;
	else if (strcmp(m->name, "values") == 0 && m->type == SCAN_ARRAY)
		p->values = m;
	else if (strcmp(m->name, "summary") != 0)
		return command_refuse(r, p->name, "%.64s: no such member", m->name);
	return 0;
}

static int
read_param(const struct reading *r, struct param *p, const struct member *m)
{
	const char	*wrong;
	int		 rc = 0;

	p->name = m->name;
	if ((wrong = members_read(m->raw, &p->said)) != NULL)
		return command_refuse(r, m->name, "%s", wrong);
	for (size_t i = 0; rc == 0 && i < p->said.n; i++)
		rc = read_declared(r, p, &p->said.v[i]);
	return rc;
}

/* ---- values ---- */

static double
number_of(const struct member *m)
{
	char	text[64];

	if ((m->type != SCAN_INTEGER && m->type != SCAN_REAL) || m->raw.len >= sizeof(text))
		return NAN;
	memcpy(text, m->raw.p, m->raw.len);
	text[m->raw.len] = '\0';
	return strtod(text, NULL);
}

static int
check_bounds(const struct reading *r, const struct param *p, double value, const char *unit)
{
	if (p->min != NULL && !(value >= number_of(p->min)))
		return command_refuse(r, p->name, "less than %.*s%s", (int)p->min->raw.len,
		    p->min->raw.p, unit);
	if (p->max != NULL && !(value <= number_of(p->max)))
		return command_refuse(r, p->name, "more than %.*s%s", (int)p->max->raw.len,
		    p->max->raw.p, unit);
	return 0;
}

/* A component `..` could lead out of where the type's author meant to stay. */
static bool
climbs(const char *path)
{
	while (path != NULL) {
		size_t	len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
		path = path[len] == '\0' ? NULL : path + len;
	}
	return false;
}

struct listed {
	const struct reading	*r;
	const char		*name, *text;
};

static int
is_listed(void *arg, const struct member *element)
{
	const struct listed	*l = arg;
	char			*text = command_text(l->r, l->name, element);
	int			 same;

	if (text == NULL)
		return -EINVAL;
	same = strcmp(text, l->text) == 0;
	free(text);
	return same;
}

static int
check_listed(const struct reading *r, const struct param *p, const char *text)
{
	struct listed	l = { r, p->name, text };
	int		rc = p->values == NULL ? 0 : member_each(p->values, is_listed, &l);

	if (rc < 0)
		return rc;
	return rc == 1 ? 0 : command_refuse(r, p->name, "none of its values");
}

static int
check_text(const struct reading *r, const struct param *p, const char *text)
{
	int	rc = 0;

	if (text[0] == '-' && !p->dash)
		return command_refuse(r, p->name, "begins with `-`, like an option");
	if (p->type == PARAM_PATH && (text[0] == '\0' || climbs(text)))
		return command_refuse(r, p->name,
		    text[0] == '\0' ? "an empty path" : "a path with `..` in it");
	if (p->type == PARAM_STRING || p->type == PARAM_PATH || p->type == PARAM_STRINGS)
		rc = check_bounds(r, p, (double)strlen(text), " bytes");
	else if (p->type == PARAM_ENUM)
		rc = check_listed(r, p, text);
	if (rc == 0 && p->pattern != NULL && regexec(p->pattern, text, 0, NULL, 0) != 0)
		rc = command_refuse(r, p->name, "does not match its pattern");
	return rc;
}

struct taking {
	const struct reading	*r;
	struct param		*p;
};

static int
take_text(void *arg, const struct member *m)
{
	struct taking	*t = arg;
	char		*text = command_text(t->r, t->p->name, m);
	int		 rc;

	if (text == NULL)
		return -EINVAL;
	if ((rc = check_text(t->r, t->p, text)) != 0) {
		free(text);
		return rc;
	}
	strings_add(&t->p->texts, text);
	return t->p->texts.n <= COMMAND_ARGS_MAX ? 0 :
	    command_refuse(t->r, t->p->name, "more than %d strings", COMMAND_ARGS_MAX);
}

static int
take_number(const struct reading *r, struct param *p, const struct member *m)
{
	double	value = number_of(m);
	int64_t	whole;
	char	*text;
	int	rc;

	if (p->type == PARAM_INT && (m->type != SCAN_INTEGER ||
	    parse_i64(m->raw.p, m->raw.len, INT64_MIN, INT64_MAX, &whole) != 0))
		return command_refuse(r, p->name, "not an integer");
	if (!isfinite(value))
		return command_refuse(r, p->name, "not a number");
	if ((rc = check_bounds(r, p, value, "")) != 0)
		return rc;
	text = mem_strndup(m->raw.p, m->raw.len);
	if ((rc = check_text(r, p, text)) != 0)
		free(text);
	else
		strings_add(&p->texts, text);
	return rc;
}

static int
take_value(const struct reading *r, struct param *p, const struct member *m)
{
	struct taking	t = { r, p };

	switch (p->type) {
	case PARAM_INT:
	case PARAM_NUMBER:
		return take_number(r, p, m);
	case PARAM_BOOL:
		if (m->type != SCAN_TRUE && m->type != SCAN_FALSE)
			return command_refuse(r, p->name, "neither true nor false");
		strings_add(&p->texts, mem_strdup(m->type == SCAN_TRUE ? "true" : "false"));
		return 0;
	case PARAM_STRINGS:
		if (m->type != SCAN_ARRAY)
			return command_refuse(r, p->name, "not an array of strings");
		return member_each(m, take_text, &t);
	default:
		return take_text(&t, m);
	}
}

/* ---- arguments ---- */

static struct param *
find_param(const struct params *params, const char *name, size_t len)
{
	for (size_t i = 0; i < params->n; i++)
		if (strncmp(params->v[i].name, name, len) == 0 && params->v[i].name[len] == '\0')
			return &params->v[i];
	return NULL;
}

struct composing {
	const struct reading	*r;
	const struct params	*params;
};

/* The param that stands alone in an argument as its strings; NULL: it is another kind of argument. */
static const struct param *
whole_list(const struct params *params, const char *text)
{
	size_t			 len = strlen(text);
	const struct param	*p;

	if (len < 3 || text[0] != '{' || text[1] == '{' || text[len - 1] != '}')
		return NULL;
	p = find_param(params, text + 1, len - 2);
	return p != NULL && p->type == PARAM_STRINGS ? p : NULL;
}

/* What follows `{` up to its `}`: the value.  NULL: refused. */
static const struct param *
placeholder(const struct composing *c, const char *at, size_t *len)
{
	const struct param	*p;
	const char		*end = strchr(at, '}');

	if (end == NULL) {
		command_refuse(c->r, "argv", "`{` without its `}`");
		return NULL;
	}
	*len = (size_t)(end - at);
	if ((p = find_param(c->params, at, *len)) == NULL) {
		command_refuse(c->r, "argv", "no param named %.*s",
		    (int)(*len < 64 ? *len : 64), at);
		return NULL;
	}
	if (p->type != PARAM_STRINGS)
		return p;
	command_refuse(c->r, "argv", "{%s} must be an argument of its own", p->name);
	return NULL;
}

/* Appends what stands at *at, moves behind it.  *from: the param that it came from, or NULL. */
static int
put_piece(const struct composing *c, const char **at, struct buf *out, const struct param **from)
{
	const char	*p = *at;
	size_t		 len;

	*from = NULL;
	if ((p[0] == '{' || p[0] == '}') && p[1] == p[0]) {
		buf_putc(out, p[0]);
		*at = p + 2;
	} else if (p[0] == '{') {
		if ((*from = placeholder(c, p + 1, &len)) == NULL)
			return -EINVAL;
		buf_puts(out, (*from)->texts.v[0]);
		*at = p + len + 2;
	} else if (p[0] == '}') {
		return command_refuse(c->r, "argv", "`}` without its `{`");
	} else {
		len = strcspn(p, "{}");
		buf_append(out, p, len);
		*at = p + len;
	}
	return 0;
}

/*
 * One argument.  Where the template begins with a placeholder the whole must not look like an
 * option either: an empty value before a literal `-` would make one.
 */
static int
put_argument(const struct composing *c, const char *template, struct buf *out)
{
	const struct param	*first = NULL, *from;
	const char		*at = template;
	int			 rc = 0;

	while (rc == 0 && *at != '\0') {
		bool	begins = at == template;

		if ((rc = put_piece(c, &at, out, &from)) == 0 && begins)
			first = from;
	}
	if (rc == 0 && first != NULL && !first->dash && buf_len(out) > 0 && *buf_data(out) == '-')
		rc = command_refuse(c->r, first->name, "makes an argument that begins with `-`");
	return rc;
}

static int
add_composed(const struct composing *c, const char *template)
{
	struct buf	out = { 0 };
	int		rc = put_argument(c, template, &out);

	if (rc == 0)
		strings_add(&c->r->command->argv, buf_take_string(&out));
	buf_free(&out);
	return rc;
}

static int
compose(void *arg, const struct member *element)
{
	const struct composing	*c = arg;
	struct strings		*argv = &c->r->command->argv;
	char			*template = command_text(c->r, "argv", element);
	const struct param	*list;
	int			 rc = 0;

	if (template == NULL)
		return -EINVAL;
	if ((list = whole_list(c->params, template)) == NULL)
		rc = add_composed(c, template);
	for (size_t i = 0; list != NULL && i < list->texts.n; i++)
		strings_add(argv, mem_strdup(list->texts.v[i]));
	free(template);
	if (rc == 0 && argv->n > COMMAND_ARGS_MAX)
		rc = command_refuse(c->r, "argv", "more than %d arguments", COMMAND_ARGS_MAX);
	return rc;
}

/* ---- all of it ---- */

static bool
is_extra(const struct reading *r, const char *name)
{
	if (strcmp(name, "env") == 0)
		return r->env_allow != NULL;
	return r->command->stdin_mode == COMMAND_STDIN_TEXT &&
	    (strcmp(name, "stdin") == 0 || strcmp(name, "stdin_base64") == 0);
}

static int
refuse_unknown(const struct reading *r, const struct params *params, const struct members *args)
{
	for (size_t i = 0; i < args->n; i++) {
		const char	*name = args->v[i].name;

		if (find_param(params, name, strlen(name)) == NULL && !is_extra(r, name))
			return command_refuse(r, name, "this type takes no such argument");
	}
	return 0;
}

static int
take_values(const struct reading *r, const struct params *params, const struct members *args)
{
	int	rc = 0;

	for (size_t i = 0; rc == 0 && i < params->n; i++) {
		struct param		*p = &params->v[i];
		const struct member	*m = members_find(args, p->name);

		if (m == NULL)
			m = p->fallback;
		rc = m == NULL ? command_refuse(r, p->name, "missing") : take_value(r, p, m);
	}
	return rc;
}

static int
read_params(struct reading *r, const struct members *declared, struct params *params)
{
	int	rc = 0;

	r->where = "spec.params";
	for (size_t i = 0; rc == 0 && i < declared->n; i++)
		rc = read_param(r, &params->v[params->n++], &declared->v[i]);
	r->where = "args";
	return rc;
}

static void
free_params(struct params *params)
{
	for (size_t i = 0; i < params->n; i++) {
		members_free(&params->v[i].said);
		strings_free(&params->v[i].texts);
	}
	free(params->v);
}

int
command_compose(struct reading *r, const struct members *args)
{
	struct params		 params = { 0 };
	struct members		 declared = { 0 };
	struct composing	 c = { r, &params };
	const char		*wrong = r->params == NULL ? NULL :
	    members_read(r->params->raw, &declared);
	int			 rc = wrong == NULL ? 0 : command_refuse(r, "params", "%s", wrong);

	params.v = mem_zalloc(declared.n + 1, sizeof(*params.v));
	if (rc != 0 || (rc = read_params(r, &declared, &params)) != 0 ||
	    (rc = refuse_unknown(r, &params, args)) != 0 ||
	    (rc = take_values(r, &params, args)) != 0)
		goto out;
	rc = member_each(r->argv, compose, &c);
	if (rc == 0 && (r->command->argv.n == 0 || r->command->argv.v[0][0] == '\0'))
		rc = command_refuse(r, "argv", "no program in it");
out:
	free_params(&params);
	members_free(&declared);
	return rc;
}
