/*
 * typefile.c - keys of NAME.job and NAME.worker files, read by a table.  Runs in: supervisor,
 * jobctl.
 */
#include "proto/typefile.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/parse.h"
#include "proto/bounds.h"
#include "proto/command.h"
#include "proto/json_scan.h"
#include "proto/param.h"

#define SUMMARY_BYTES_MAX	500
#define WORDS_BYTES		"words between blanks or commas, or a JSON array of strings"

enum key_type {
	KEY_TEXT,		/* char *, at most max bytes */
	KEY_PATH,		/* char *, absolute */
	KEY_NAME,		/* char *, of a queue */
	KEY_USER,		/* char *, of an account, or its number */
	KEY_CHOICE,		/* char *, one of `choices` */
	KEY_ARGV,		/* struct words, from JSON alone */
	KEY_NAMES,		/* struct words, of types */
	KEY_VARIABLES,		/* struct words, of environment variables */
	KEY_PATHS,		/* struct words, absolute */
	KEY_CODES,		/* struct words, numbers 0 .. 255 */
	KEY_BOOL,		/* the others are int64_t */
	KEY_INT,
	KEY_SIZE,
	KEY_MS,
	KEY_FACTOR,		/* in thousandths */
	KEY_OCTAL,
};

struct row {
	const char		*key;
	unsigned		 kinds;		/* enum typefile_kind, or both */
	enum key_type		 type;
	size_t			 offset;
	int64_t			 min, max;
	const char *const	*choices;
};

#define BOTH	(TYPEFILE_JOB | TYPEFILE_WORKER)
#define JOB	TYPEFILE_JOB
#define WORKER	TYPEFILE_WORKER
#define AT(field)	offsetof(struct typefile, field)
#define BYTES	(INT64_C(1) << 50)
#define NUMBER	(INT64_C(1) << 40)

static const char *const	on_losts[] = { "requeue", "fail", NULL };
static const char *const	results[] = { "output", "json", "file", NULL };
static const char *const	inputs[] = { "none", "text", "stream", NULL };

static const struct row rows[] = {
	{ "summary", BOTH, KEY_TEXT, AT(summary), 0, SUMMARY_BYTES_MAX, NULL },
	{ "cwd", BOTH, KEY_PATH, AT(cwd), 0, 0, NULL },
	{ "user", BOTH, KEY_USER, AT(user), 0, 0, NULL },
	{ "queue", BOTH, KEY_NAME, AT(queue), 0, 0, NULL },
	{ "priority", BOTH, KEY_INT, AT(priority), -100, 100, NULL },
	{ "timeout", BOTH, KEY_MS, AT(timeout_ms), 0, BOUND_DURATION_MS, NULL },
	{ "grace", BOTH, KEY_MS, AT(grace_ms), 1, BOUND_DURATION_MS, NULL },
	{ "ttl", BOTH, KEY_MS, AT(ttl_ms), 1, BOUND_DURATION_MS, NULL },
	{ "max_running", BOTH, KEY_INT, AT(max_running), 0, 1 << 30, NULL },
	{ "max_attempts", BOTH, KEY_INT, AT(max_attempts), 1, BOUND_ATTEMPTS, NULL },
	{ "backoff", BOTH, KEY_MS, AT(backoff_ms), 1, BOUND_DURATION_MS, NULL },
	{ "factor", BOTH, KEY_FACTOR, AT(factor), 1000, BOUND_RETRY_FACTOR * 1000, NULL },
	{ "max_backoff", BOTH, KEY_MS, AT(max_backoff_ms), 1, BOUND_DURATION_MS, NULL },
	{ "on_lost", BOTH, KEY_CHOICE, AT(on_lost), 0, 0, on_losts },
	{ "output_max", BOTH, KEY_SIZE, AT(output_max), 0, BYTES, NULL },

	{ "argv", JOB, KEY_ARGV, AT(argv), 0, 0, NULL },
	{ "umask", JOB, KEY_OCTAL, AT(umask), 0, 0777, NULL },
	{ "nice", JOB, KEY_INT, AT(nice), -20, 19, NULL },
	{ "cpu_bound", JOB, KEY_BOOL, AT(cpu_bound), 0, 0, NULL },
	{ "tmpdir", JOB, KEY_BOOL, AT(tmpdir), 0, 0, NULL },
	{ "success_codes", JOB, KEY_CODES, AT(success_codes), 0, 255, NULL },
	{ "retry_codes", JOB, KEY_CODES, AT(retry_codes), 0, 255, NULL },
	{ "final_codes", JOB, KEY_CODES, AT(final_codes), 0, 255, NULL },
	{ "result", JOB, KEY_CHOICE, AT(result), 0, 0, results },
	{ "stdin", JOB, KEY_CHOICE, AT(input), 0, 0, inputs },
	{ "env_allow", JOB, KEY_VARIABLES, AT(env_allow), 0, 0, NULL },
	{ "read_paths", JOB, KEY_PATHS, AT(read_paths), 0, COMMAND_PATHS_MAX, NULL },
	{ "write_paths", JOB, KEY_PATHS, AT(write_paths), 0, COMMAND_PATHS_MAX, NULL },
	{ "network", JOB, KEY_BOOL, AT(network), 0, 0, NULL },
	{ "memory_max", BOTH, KEY_SIZE, AT(memory_max), 0, BYTES, NULL },
	{ "processes_max", BOTH, KEY_INT, AT(processes_max), 0, 1 << 22, NULL },
	{ "files_max", JOB, KEY_INT, AT(files_max), 8, 1 << 20, NULL },
	{ "file_size_max", JOB, KEY_SIZE, AT(file_size_max), 0, BYTES, NULL },
	{ "cpu_max", JOB, KEY_MS, AT(cpu_max), 0, BOUND_DURATION_MS, NULL },
	{ "core_max", JOB, KEY_SIZE, AT(core_max), 0, BYTES, NULL },

	{ "worker", WORKER, KEY_ARGV, AT(worker), 0, 0, NULL },
	{ "types", WORKER, KEY_NAMES, AT(types), 0, 0, NULL },
	{ "count", WORKER, KEY_INT, AT(count), 1, 1024, NULL },
	{ "recycle_jobs", WORKER, KEY_INT, AT(recycle_jobs), 0, NUMBER, NULL },
	{ "recycle_age", WORKER, KEY_MS, AT(recycle_age), 0, BOUND_DURATION_MS, NULL },
	{ "recycle_rss", WORKER, KEY_SIZE, AT(recycle_rss), 0, BYTES, NULL },
	{ "ready", WORKER, KEY_MS, AT(ready), 100, 600000, NULL },
	{ "remote", WORKER, KEY_BOOL, AT(remote), 0, 0, NULL },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

int
fault_set(struct fault *f, int line, const char *key, const char *fmt, ...)
{
	va_list	ap;

	f->line = line;
	snprintf(f->key, sizeof(f->key), "%s", key);
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* The reader knows the line and the key. */
static bool __attribute__((format(printf, 2, 3)))
refuse(struct fault *f, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- words ---- */

static void
words_add(struct words *w, char *word)
{
	w->v = mem_resize(w->v, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = word;
}

void
words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i]);
	free(w->v);
	memset(w, 0, sizeof(*w));
}

/* One string of the array; NULL: it has \u0000. */
static char *
decode(struct span raw)
{
	struct buf	text = { 0 };
	struct span	inside = { raw.p + 1, raw.len - 2 };

	if (!scan_decode(inside, &text)) {
		buf_free(&text);
		return NULL;
	}
	return buf_take_string(&text);
}

bool
words_read_json(const char *text, struct words *out, struct fault *f)
{
	struct scan	 s;
	enum scan_type	 type;
	struct span	 raw;

	scan_init(&s, text, strlen(text), 2, COMMAND_ARGS_MAX + 1);
	if (!scan_peek(&s, &type) || type != SCAN_ARRAY || !scan_array(&s))
		return refuse(f, "must be a JSON array of strings, such as [\"convert\", \"{input}\"]");
	while (scan_element(&s)) {
		char	*word;

		if (!scan_value(&s, &type, &raw))
			break;
		if (type != SCAN_STRING)
			return refuse(f, "`%.*s` is not a JSON string", (int)(raw.len < 100 ? raw.len :
			    100), raw.p);
		if ((word = decode(raw)) == NULL)
			return refuse(f, "a NUL (\\u0000) cannot be in an argument");
		words_add(out, word);
	}
	if (s.error == scan_too_many)
		return refuse(f, "has more than %d strings", COMMAND_ARGS_MAX);
	if (s.error != NULL || !scan_end(&s))
		return refuse(f, "is not a JSON array: %s at byte %zu (a `;` behind a blank begins a "
		    "comment: write \\u003b)", s.error, s.error_at);
	return true;
}

bool
words_read(const char *text, struct words *out, struct fault *f)
{
	static const char	between[] = " \t,";

	if (text[0] == '[')
		return words_read_json(text, out, f);
	for (text += strspn(text, between); *text != '\0'; text += strspn(text, between)) {
		size_t	n = strcspn(text, between);

		words_add(out, mem_strndup(text, n));
		text += n;
	}
	return true;
}

/* ---- values ---- */

static bool
is_of(const char *text, const char *chars, size_t max)
{
	size_t	n = strspn(text, chars);

	return text[n] == '\0' && n >= 1 && n <= max;
}

#define DIGITS	"0123456789"
#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool
typefile_name_ok(const char *name, size_t len)
{
	char	copy[BOUND_NAME_BYTES + 1];

	if (len == 0 || len > BOUND_NAME_BYTES || memchr(name, '\0', len) != NULL)
		return false;
	memcpy(copy, name, len);
	copy[len] = '\0';
	return isalnum((unsigned char)copy[0]) && is_of(copy, LOWER DIGITS "_.-", sizeof(copy));
}

/* A command is started by path, or found on the administrator's PATH; never by a relative path. */
static bool
take_argv(const char *text, struct words *out, struct fault *f)
{
	if (!words_read_json(text, out, f))
		return false;
	if (out->n == 0 || out->v[0][0] == '\0')
		return refuse(f, "the first string is the program; there is none");
	if (out->v[0][0] != '/' && strchr(out->v[0], '/') != NULL)
		return refuse(f, "the program `%.100s` must be an absolute path, or a name without "
		    "`/`, which is looked for on the PATH", out->v[0]);
	return true;
}

static bool
take_list(const struct row *row, const char *text, struct words *out, struct fault *f)
{
	int64_t	number;

	if (row->type == KEY_ARGV)
		return take_argv(text, out, f);
	if (!words_read(text, out, f))
		return false;
	if (out->n == 0 && (row->type != KEY_PATHS || text[0] != '['))
		return refuse(f, "is empty; " WORDS_BYTES " are wanted");
	if (row->type == KEY_PATHS && out->n > (size_t)row->max)
		return refuse(f, "has %zu paths; at most %" PRId64 " are allowed", out->n, row->max);
	for (size_t i = 0; i < out->n; i++) {
		const char	*word = out->v[i];

		if (row->type == KEY_CODES &&
		    parse_i64(word, strlen(word), row->min, row->max, &number) != 0)
			return refuse(f, "`%.100s` is not an exit code: 0 to 255 is", word);
		if (row->type == KEY_PATHS && word[0] != '/')
			return refuse(f, "`%.100s` is not an absolute path", word);
		if (row->type == KEY_NAMES && !typefile_name_ok(word, strlen(word)))
			return refuse(f, "`%.100s` is not the name of a type: 1 to %d of a-z 0-9 _ . - "
			    "are", word, BOUND_NAME_BYTES);
		if (row->type == KEY_VARIABLES && (!is_of(word, LOWER UPPER DIGITS "_", 255) ||
		    isdigit((unsigned char)word[0])))
			return refuse(f, "`%.100s` is not the name of an environment variable", word);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(word, out->v[k]) == 0)
				return refuse(f, "`%.100s` is there twice", word);
		}
	}
	return true;
}

static bool
take_choice(const struct row *row, const char *text, struct fault *f)
{
	char	allowed[100] = "";

	for (const char *const *c = row->choices; *c != NULL; c++) {
		if (strcmp(*c, text) == 0)
			return true;
		snprintf(allowed + strlen(allowed), sizeof(allowed) - strlen(allowed), "%s%s",
		    c == row->choices ? "" : c[1] == NULL ? " or " : ", ", *c);
	}
	return refuse(f, "`%.100s` is not %s", text, allowed);
}

static bool
take_text(const struct row *row, const char *text, struct fault *f)
{
	if (row->type == KEY_CHOICE)
		return take_choice(row, text, f);
	if (row->type == KEY_TEXT && strlen(text) > (size_t)row->max)
		return refuse(f, "has %zu bytes; at most %" PRId64 " are allowed", strlen(text), row->max);
	if (row->type == KEY_PATH && text[0] != '/')
		return refuse(f, "`%.100s` is not an absolute path", text);
	if (row->type == KEY_NAME && !is_of(text, LOWER UPPER DIGITS "_.-", BOUND_NAME_BYTES))
		return refuse(f, "`%.100s` is not the name of a queue: 1 to %d of A-Z a-z 0-9 _ . - are",
		    text, BOUND_NAME_BYTES);
	if (row->type == KEY_USER && !is_of(text, LOWER UPPER DIGITS "_.-", BOUND_NAME_BYTES))
		return refuse(f, "`%.100s` is not the name of an account, nor a number", text);
	return true;
}

/* What such a value looks like, for the sentence. */
static const char *
form_of(enum key_type type)
{
	switch (type) {
	case KEY_BOOL:
		return "true or false";
	case KEY_SIZE:
		return "a size (4096, 64K, 16M, 2G)";
	case KEY_MS:
		return "a duration (250ms, 10s, 5m, 2h, 3d)";
	case KEY_FACTOR:
		return "a number (2, 1.5)";
	case KEY_OCTAL:
		return "an octal number (022)";
	default:
		return "a whole number";
	}
}

static int
parse_octal(const char *text, int64_t *out)
{
	char	*end;

	if (!is_of(text, "01234567", 4))
		return -EINVAL;
	*out = strtol(text, &end, 8);
	return 0;
}

static int
parse_of(enum key_type type, const char *text, int64_t *out)
{
	if (type == KEY_BOOL) {
		*out = strcmp(text, "true") == 0;
		return *out == 1 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
	}
	if (type == KEY_SIZE)
		return parse_size(text, out);
	if (type == KEY_MS)
		return parse_duration_ms(text, out);
	if (type == KEY_FACTOR)
		return parse_milli(text, strlen(text), out);
	if (type == KEY_OCTAL)
		return parse_octal(text, out);
	return parse_i64(text, strlen(text), INT64_MIN + 1, INT64_MAX, out);
}

static void
print_bound(enum key_type type, int64_t v, char out[32])
{
	if (type == KEY_FACTOR)
		snprintf(out, 32, "%" PRId64, v / 1000);
	else if (type == KEY_OCTAL)
		snprintf(out, 32, "%03" PRIo64, v);
	else
		snprintf(out, 32, "%" PRId64 "%s", v, type == KEY_MS && v != 0 ? "ms" : "");
}

static bool
take_number(const struct row *row, const char *text, int64_t *out, struct fault *f)
{
	char	low[32], high[32];
	int64_t	v;
	int	rc = parse_of(row->type, text, &v);

	if (rc == -EINVAL)
		return refuse(f, "`%.100s` is not %s", text, form_of(row->type));
	if (rc == 0 && (row->type == KEY_BOOL || (v >= row->min && v <= row->max))) {
		*out = v;
		return true;
	}
	print_bound(row->type, row->min, low);
	print_bound(row->type, row->max, high);
	return refuse(f, "`%.100s` is not from %s to %s", text, low, high);
}

static void *
field_of(struct typefile *t, const struct row *row)
{
	return (char *)t + row->offset;
}

static bool
take_value(struct typefile *t, const struct row *row, const struct pair *p, struct fault *f)
{
	struct words	*words;

	if (row->type >= KEY_BOOL)
		return take_number(row, p->value, field_of(t, row), f);
	if (row->type >= KEY_ARGV) {
		words = field_of(t, row);
		words->line = p->line;
		return take_list(row, p->value, words, f);
	}
	if (!take_text(row, p->value, f))
		return false;
	*(char **)field_of(t, row) = mem_strdup(p->value);
	if (row->type == KEY_PATH)
		t->cwd_line = p->line;
	return true;
}

/* ---- sections ---- */

static bool
unknown_key(const struct typefile *t, struct fault *f)
{
	char	list[400] = "";
	size_t	at = 0;

	for (size_t i = 0; i < ROWS; i++) {
		if ((rows[i].kinds & t->kind) != 0)
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
			    at == 0 ? "" : ", ", rows[i].key);
	}
	return refuse(f, "no such key; there are %s", list);
}

static bool
take_env(struct typefile *t, const struct pair *p, struct fault *f)
{
	struct typefile_env	*e;
	size_t			 n = 0;

	if (!is_of(p->key, LOWER UPPER DIGITS "_", 255) || isdigit((unsigned char)p->key[0]))
		return refuse(f, "is not the name of an environment variable");
	if (strncmp(p->key, "JOBD_", 5) == 0)
		return refuse(f, "jobd itself says what begins with JOBD_");
	list_for (node, &t->env)
		n++;
	if (n == TYPEFILE_ENV_MAX)
		return refuse(f, "is one too many: there are at most %d", TYPEFILE_ENV_MAX);
	e = mem_zalloc(1, sizeof(*e));
	e->name = mem_strdup(p->key);
	e->value = mem_strdup(p->value);
	e->line = p->line;
	list_push_back(&t->env, &e->link);
	return true;
}

static bool
take_pair(void *arg, const struct pair *p, struct fault *f)
{
	struct typefile	*t = arg;

	if (strcmp(p->section, "env") == 0)
		return take_env(t, p, f);
	if (t->kind == TYPEFILE_JOB && strncmp(p->section, "param ", 6) == 0)
		return param_take(&t->params, p->section + 6, p, f);
	if (p->section[0] != '\0')
		return refuse(f, "no such section; there are [env]%s", t->kind == TYPEFILE_JOB ?
		    " and [param NAME]" : " and no other");
	for (size_t i = 0; i < ROWS; i++) {
		if ((rows[i].kinds & t->kind) != 0 && strcmp(rows[i].key, p->key) == 0)
			return take_value(t, &rows[i], p, f);
	}
	return unknown_key(t, f);
}

int
typefile_read(enum typefile_kind kind, const char *path, const char *name, const char *text,
    size_t len, struct typefile *t, struct fault *f)
{
	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->path = mem_strdup(path);
	t->name = mem_strdup(name);
	list_init(&t->env);
	list_init(&t->params);
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].type >= KEY_BOOL)
			*(int64_t *)field_of(t, &rows[i]) = TYPEFILE_UNSAID;
	}
	return inifile_read(text, len, true, take_pair, t, f);
}

void
typefile_fini(struct typefile *t)
{
	struct list	*node;

	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].type < KEY_ARGV)
			free(*(char **)field_of(t, &rows[i]));
		else if (rows[i].type < KEY_BOOL)
			words_free(field_of(t, &rows[i]));
	}
	while ((node = list_pop(&t->env)) != NULL) {
		struct typefile_env	*e = list_entry(node, struct typefile_env, link);

		free(e->name);
		free(e->value);
		free(e);
	}
	params_free(&t->params);
	free(t->path);
	free(t->name);
}
