/* param.c - [param NAME]: keys, checks and the schema.  Runs in: supervisor, jobctl. */
#include "proto/param.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/parse.h"
#include "lib/pattern.h"
#include "proto/command.h"
#include "proto/json_scan.h"

#define NAME_BYTES_MAX		64
#define PATTERN_BYTES_MAX	1024
#define VALUES_MAX		1000

static const char *const	type_names[PARAM_TYPES] = {
	[PARAM_STRING] = "string", [PARAM_INT] = "int", [PARAM_NUMBER] = "number",
	[PARAM_BOOL] = "bool", [PARAM_ENUM] = "enum", [PARAM_PATH] = "path",
	[PARAM_STRINGS] = "strings",
};

struct param *
param_find(const struct list *params, const char *name, size_t len)
{
	list_for (node, params) {
		struct param	*p = list_entry(node, struct param, link);

		if (strlen(p->name) == len && memcmp(p->name, name, len) == 0)
			return p;
	}
	return NULL;
}

void
params_free(struct list *params)
{
	struct list	*node;

	while ((node = list_pop(params)) != NULL) {
		struct param	*p = list_entry(node, struct param, link);

		words_free(&p->values);
		free(p->name);
		free(p->fallback);
		free(p->pattern);
		free(p->summary);
		free(p->min);
		free(p->max);
		free(p);
	}
}

/* ---- keys ---- */

static bool __attribute__((format(printf, 2, 3)))
refuse(struct fault *f, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool
take_type(struct param *p, const char *text, struct fault *f)
{
	for (int i = 0; i < PARAM_TYPES; i++) {
		if (strcmp(type_names[i], text) == 0) {
			p->type = (enum param_type)i;
			return true;
		}
	}
	return refuse(f, "`%.100s` is not string, int, number, bool, enum, path or strings", text);
}

/* NULL, and *out is to be given to regfree; or what is wrong.  The whole text is to match. */
static const char *
compile_anchored(const char *pattern, regex_t *out)
{
	char		*anchored = mem_printf("^(%s)$", pattern);
	const char	*wrong = pattern_compile(anchored, out);

	free(anchored);
	return wrong;
}

/* Alone too: `a)(b` is no pattern.  Back-references count groups, and the anchors add one. */
static bool
take_pattern(const char *text, struct fault *f)
{
	regex_t		 compiled;
	const char	*wrong;

	if (strlen(text) > PATTERN_BYTES_MAX)
		return refuse(f, "has more than %d bytes", PATTERN_BYTES_MAX);
	for (const char *at = text; (at = strchr(at, '\\')) != NULL; at += at[1] == '\0' ? 1 : 2) {
		if (isdigit((unsigned char)at[1]))
			return refuse(f, "has the back-reference \\%c; there are none", at[1]);
	}
	if ((wrong = pattern_compile(text, &compiled)) == NULL) {
		regfree(&compiled);
		if ((wrong = compile_anchored(text, &compiled)) == NULL) {
			regfree(&compiled);
			return true;
		}
	}
	return refuse(f, "%s", wrong);
}

static bool
take_number(const char *text, struct fault *f)
{
	struct scan	s;
	enum scan_type	type;
	struct span	raw;

	scan_init(&s, text, strlen(text), 1, 1);
	if (scan_value(&s, &type, &raw) && scan_end(&s) &&
	    (type == SCAN_INTEGER || type == SCAN_REAL) && strlen(text) <= 40)
		return true;
	return refuse(f, "`%.100s` is not a number", text);
}

static bool
take_values(struct words *out, const char *text, struct fault *f)
{
	if (!words_read(text, out, f))
		return false;
	if (out->n == 0 || out->n > VALUES_MAX)
		return refuse(f, "has %zu values; 1 to %d are allowed", out->n, VALUES_MAX);
	for (size_t i = 0; i < out->n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (strcmp(out->v[i], out->v[k]) == 0)
				return refuse(f, "`%.100s` is there twice", out->v[i]);
		}
	}
	return true;
}

static bool
take_bool(bool *out, const char *text, struct fault *f)
{
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0 ||
	    refuse(f, "`%.100s` is not true or false", text);
}

static bool
keep(char **field, int *line, const struct pair *p)
{
	*field = mem_strdup(p->value);
	*line = p->line;
	return true;
}

static bool
take_key(struct param *param, const struct pair *p, struct fault *f)
{
	if (strcmp(p->key, "type") == 0) {
		param->type_line = p->line;
		return take_type(param, p->value, f);
	}
	if (strcmp(p->key, "default") == 0)
		return keep(&param->fallback, &param->fallback_line, p);
	if (strcmp(p->key, "pattern") == 0)
		return keep(&param->pattern, &param->pattern_line, p) && take_pattern(p->value, f);
	if (strcmp(p->key, "min") == 0)
		return keep(&param->min, &param->min_line, p) && take_number(p->value, f);
	if (strcmp(p->key, "max") == 0)
		return keep(&param->max, &param->max_line, p) && take_number(p->value, f);
	if (strcmp(p->key, "values") == 0) {
		param->values_line = param->values.line = p->line;
		return take_values(&param->values, p->value, f);
	}
	if (strcmp(p->key, "dash") == 0)
		return take_bool(&param->dash, p->value, f);
	if (strcmp(p->key, "summary") == 0) {
		param->summary = mem_strdup(p->value);
		return strlen(p->value) <= 500 || refuse(f, "has more than 500 bytes");
	}
	return refuse(f, "no such key; there are type, default, pattern, min, max, values, dash, "
	    "summary");
}

static bool
name_ok(const char *name, struct fault *f)
{
	size_t	n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (name[n] != '\0' || n == 0 || n > NAME_BYTES_MAX || isdigit((unsigned char)name[0]))
		return refuse(f, "`%.100s` is not the name of a param: 1 to %d of A-Z a-z 0-9 _, not a "
		    "digit first, are", name, NAME_BYTES_MAX);
	if (strcmp(name, "stdin") == 0 || strcmp(name, "stdin_base64") == 0 || strcmp(name, "env") == 0)
		return refuse(f, "a param cannot be called %s: that is what the command reads, or its "
		    "environment", name);
	return true;
}

bool
param_take(struct list *params, const char *name, const struct pair *p, struct fault *f)
{
	struct param	*param;
	size_t		 n = 0;

	if (!name_ok(name, f))
		return false;
	if ((param = param_find(params, name, strlen(name))) == NULL) {
		list_for (node, params)
			n++;
		if (n == PARAMS_MAX)
			return refuse(f, "is one too many: there are at most %d params", PARAMS_MAX);
		param = mem_zalloc(1, sizeof(*param));
		param->name = mem_strdup(name);
		param->line = p->line;
		list_push_back(params, &param->link);
	}
	return take_key(param, p, f);
}

/* ---- do they fit together? ---- */

static bool
is_text(enum param_type type)
{
	return type == PARAM_STRING || type == PARAM_PATH || type == PARAM_STRINGS;
}

static bool
is_number(enum param_type type)
{
	return type == PARAM_INT || type == PARAM_NUMBER;
}

static int __attribute__((format(printf, 5, 6)))
blame(struct fault *f, const struct param *p, int line, const char *key, const char *fmt, ...)
{
	va_list	ap;

	f->line = line;
	snprintf(f->key, sizeof(f->key), "param %s.%s", p->name, key);
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int
check_bound(const struct param *p, const char *key, const char *value, int line, struct fault *f)
{
	int64_t	v;

	if (value == NULL)
		return 0;
	if (!is_text(p->type) && !is_number(p->type))
		return blame(f, p, line, key, "a %s has none", type_names[p->type]);
	if (is_text(p->type) && parse_i64(value, strlen(value), 0, INT32_MAX, &v) != 0)
		return blame(f, p, line, key, "`%s` is not a number of bytes", value);
	if (p->type == PARAM_INT && parse_i64(value, strlen(value), INT64_MIN + 1, INT64_MAX, &v) != 0)
		return blame(f, p, line, key, "`%s` is not a whole number", value);
	return 0;
}

static int
check_values(const struct param *p, struct fault *f)
{
	if ((p->type == PARAM_ENUM) != (p->values_line != 0))
		return p->type == PARAM_ENUM ?
		    blame(f, p, p->line, "values", "an enum lists what is allowed: values = [\"a\", \"b\"]") :
		    blame(f, p, p->values_line, "values", "only an enum has them");
	for (size_t i = 0; i < p->values.n; i++) {
		if (p->values.v[i][0] == '-' && !p->dash)
			return blame(f, p, p->values_line, "values", "`%.100s` begins with `-`; that "
			    "takes dash = true", p->values.v[i]);
	}
	return 0;
}

static bool
matches(const char *pattern, const char *text)
{
	regex_t	compiled;
	bool	good;

	if (compile_anchored(pattern, &compiled) != NULL)
		return false;
	good = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return good;
}

static bool
climbs(const char *path)
{
	for (const char *at = path; *at != '\0'; at += strspn(at, "/")) {
		size_t	n = strcspn(at, "/");

		if (n == 2 && memcmp(at, "..", 2) == 0)
			return true;
		at += n;
	}
	return false;
}

static int
check_text_default(const struct param *p, const char *text, struct fault *f)
{
	int	line = p->fallback_line;

	if (text[0] == '-' && !p->dash)
		return blame(f, p, line, "default", "`%.100s` begins with `-`; that takes dash = true",
		    text);
	if (p->min != NULL && (int64_t)strlen(text) < atoll(p->min))
		return blame(f, p, line, "default", "`%.100s` is shorter than min, %s bytes", text, p->min);
	if (p->max != NULL && (int64_t)strlen(text) > atoll(p->max))
		return blame(f, p, line, "default", "`%.100s` is longer than max, %s bytes", text, p->max);
	if (p->pattern != NULL && !matches(p->pattern, text))
		return blame(f, p, line, "default", "`%.100s` does not match the pattern", text);
	if (p->type == PARAM_PATH && text[0] == '\0')
		return blame(f, p, line, "default", "is empty; a path is not");
	if (p->type == PARAM_PATH && climbs(text))
		return blame(f, p, line, "default", "`%.100s` has a component `..`", text);
	return 0;
}

static int
check_number_default(const struct param *p, struct fault *f)
{
	const char	*text = p->fallback;
	double		 value = strtod(text, NULL);
	int64_t		 whole;

	if (p->type == PARAM_INT && parse_i64(text, strlen(text), INT64_MIN + 1, INT64_MAX, &whole) != 0)
		return blame(f, p, p->fallback_line, "default", "`%.100s` is not a whole number", text);
	if (!take_number(text, f))
		return blame(f, p, p->fallback_line, "default", "`%.100s` is not a number", text);
	if ((p->min != NULL && value < strtod(p->min, NULL)) ||
	    (p->max != NULL && value > strtod(p->max, NULL)) || (text[0] == '-' && !p->dash))
		return blame(f, p, p->fallback_line, "default", "`%.100s` is outside min and max%s", text,
		    text[0] == '-' && !p->dash ? ", or takes dash = true" : "");
	return 0;
}

static int
check_enum_default(const struct param *p, struct fault *f)
{
	for (size_t i = 0; i < p->values.n; i++) {
		if (strcmp(p->values.v[i], p->fallback) == 0)
			return 0;
	}
	return blame(f, p, p->fallback_line, "default", "`%.100s` is not one of values", p->fallback);
}

static int
check_strings_default(const struct param *p, struct fault *f)
{
	struct words	w = { 0 };
	int		rc = 0;

	if (!words_read_json(p->fallback, &w, f)) {
		char	why[sizeof(f->why)];

		memcpy(why, f->why, sizeof(why));
		rc = blame(f, p, p->fallback_line, "default", "%.400s", why);
	}
	for (size_t i = 0; i < w.n && rc == 0; i++)
		rc = check_text_default(p, w.v[i], f);
	words_free(&w);
	return rc;
}

static int
check_default(const struct param *p, struct fault *f)
{
	bool	ignored;

	if (p->fallback == NULL)
		return 0;
	if (is_number(p->type))
		return check_number_default(p, f);
	if (p->type == PARAM_ENUM)
		return check_enum_default(p, f);
	if (p->type == PARAM_STRINGS)
		return check_strings_default(p, f);
	if (p->type == PARAM_BOOL && !take_bool(&ignored, p->fallback, f))
		return blame(f, p, p->fallback_line, "default", "`%.100s` is not true or false",
		    p->fallback);
	return p->type == PARAM_BOOL ? 0 : check_text_default(p, p->fallback, f);
}

int
param_check(const struct param *p, struct fault *f)
{
	int	rc;

	if (p->type_line == 0)
		return blame(f, p, p->line, "type", "is missing: string, int, number, bool, enum, path "
		    "or strings");
	if (p->pattern != NULL && !is_text(p->type))
		return blame(f, p, p->pattern_line, "pattern", "a %s has none", type_names[p->type]);
	if ((rc = check_bound(p, "min", p->min, p->min_line, f)) != 0 ||
	    (rc = check_bound(p, "max", p->max, p->max_line, f)) != 0)
		return rc;
	if (p->min != NULL && p->max != NULL && strtod(p->min, NULL) > strtod(p->max, NULL))
		return blame(f, p, p->min_line, "min", "%s is more than max, %s", p->min, p->max);
	if (is_number(p->type) && p->min != NULL && p->min[0] == '-' && !p->dash)
		return blame(f, p, p->min_line, "min", "a value below 0 begins with `-`; that takes "
		    "dash = true");
	if (is_number(p->type) && p->max != NULL && p->max[0] == '-' && !p->dash)
		return blame(f, p, p->max_line, "max", "a value below 0 begins with `-`; that takes "
		    "dash = true");
	if ((rc = check_values(p, f)) != 0)
		return rc;
	return check_default(p, f);
}

/* ---- JSON ---- */

/* The default as the JSON value that a caller would write. */
static void
put_default(struct buf *out, const struct param *p)
{
	if (p->fallback == NULL)
		return;
	buf_puts(out, "\"default\":");
	if (p->type == PARAM_STRING || p->type == PARAM_PATH || p->type == PARAM_ENUM)
		buf_put_json(out, p->fallback, strlen(p->fallback));
	else
		buf_puts(out, p->fallback);
	buf_putc(out, ',');
}

void
param_put_spec(struct buf *out, const struct param *p)
{
	buf_putc(out, '{');
	typefile_put_text(out, "type", type_names[p->type]);
	put_default(out, p);
	typefile_put_text(out, "pattern", p->pattern);
	if (p->min != NULL)
		buf_printf(out, "\"min\":%s,", p->min);
	if (p->max != NULL)
		buf_printf(out, "\"max\":%s,", p->max);
	typefile_put_words(out, "values", &p->values);
	if (p->dash)
		typefile_put_bool(out, "dash", 1);
	typefile_end(out, '}');
}

/*
 * A schema has one pattern; more of them are each the only branch of an anyOf inside the one
 * before.
 */
static void
put_patterns(struct buf *out, const char *const *patterns, size_t n)
{
	if (n == 0)
		return;
	typefile_put_text(out, "pattern", patterns[0]);
	if (n > 1) {
		buf_puts(out, "\"anyOf\":[{");
		put_patterns(out, patterns + 1, n - 1);
		typefile_end(out, '}');
		buf_puts(out, "],");
	}
}

/* No component is `..`: each is `.`, has a byte that is no dot early enough, or begins with `..`. */
#define COMPONENT	"(\\.|\\.?[^./][^/]*|\\.\\.[^/]+)"
#define NO_CLIMBING	"^/*(" COMPONENT "(/+" COMPONENT ")*/*)?$"
#define NO_DASH		"^([^-]|$)"

/* Bytes are what is counted; a character has 1 to 4 of them. */
static void
put_text_schema(struct buf *out, const struct param *p)
{
	const char	*patterns[3];
	char		*anchored = NULL;
	size_t		 n = 0;
	long long	 least = p->min == NULL ? 0 : (atoll(p->min) + 3) / 4;

	if (p->type == PARAM_PATH && least == 0)
		least = 1;

	buf_puts(out, "\"type\":\"string\",");
	if (least > 0)
		buf_printf(out, "\"minLength\":%lld,", least);
	if (p->max != NULL)
		buf_printf(out, "\"maxLength\":%s,", p->max);
	if (p->pattern != NULL)
		patterns[n++] = anchored = mem_printf("^(%s)$", p->pattern);
	if (!p->dash)
		patterns[n++] = NO_DASH;
	if (p->type == PARAM_PATH)
		patterns[n++] = NO_CLIMBING;
	put_patterns(out, patterns, n);
	free(anchored);
}

static void
put_number_schema(struct buf *out, const struct param *p)
{
	typefile_put_text(out, "type", p->type == PARAM_INT ? "integer" : "number");
	if (p->min != NULL || !p->dash)
		buf_printf(out, "\"minimum\":%s,", p->min == NULL ? "0" : p->min);
	if (p->max != NULL)
		buf_printf(out, "\"maximum\":%s,", p->max);
}

static void
put_description(struct buf *out, const struct param *p)
{
	struct buf	text = { 0 };

	if (p->summary != NULL)
		buf_puts(&text, p->summary);
	if (is_text(p->type) && (p->min != NULL || p->max != NULL))
		buf_printf(&text, "%s%s%s%s%s bytes", buf_len(&text) == 0 ? "" : "; ",
		    p->min != NULL ? p->min : "at most ", p->min != NULL && p->max != NULL ? " to " : "",
		    p->max != NULL ? p->max : " or more",
		    p->type == PARAM_STRINGS ? " each, counted in" : "");
	if (buf_len(&text) > 0) {
		buf_puts(out, "\"description\":");
		buf_put_json(out, buf_data(&text), buf_len(&text));
		buf_putc(out, ',');
	}
	buf_free(&text);
}

void
param_put_schema(struct buf *out, const struct param *p)
{
	buf_putc(out, '{');
	if (p->type == PARAM_STRINGS) {
		buf_puts(out, "\"type\":\"array\",\"items\":{");
		put_text_schema(out, p);
		typefile_end(out, '}');
		buf_printf(out, ",\"maxItems\":%d,", COMMAND_ARGS_MAX);
	} else if (is_text(p->type)) {
		put_text_schema(out, p);
	} else if (is_number(p->type)) {
		put_number_schema(out, p);
	} else if (p->type == PARAM_BOOL) {
		buf_puts(out, "\"type\":\"boolean\",");
	} else {
		typefile_put_words(out, "enum", &p->values);
	}
	put_description(out, p);
	put_default(out, p);
	typefile_end(out, '}');
}
