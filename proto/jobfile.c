/* jobfile.c - NAME.job: placeholders, the spec and the schema.  Runs in: supervisor, jobctl. */
#include "proto/jobfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/confine.h"
#include "proto/command.h"
#include "proto/param.h"

/* ---- placeholders ---- */

struct place {
	int	line;
	bool	program;	/* argv[0] */
};

/* What stands between the braces: [begin, end) of text. */
static int
check_placeholder(const struct typefile *t, const char *text, const char *begin, const char *end,
    const struct place *at, struct fault *f)
{
	int		 n = (int)(end - begin);
	struct param	*p = param_find(&t->params, begin, (size_t)n);

	if (p == NULL)
		return fault_set(f, at->line, "argv", "{%.*s} has no [param %.*s]%s", n < 64 ? n : 64,
		    begin, n < 64 ? n : 64, begin, " ({{ and }} stand for braces)");
	if (at->program && p->type != PARAM_ENUM)
		return fault_set(f, at->line, "argv", "{%s} is in the program's name, where only an "
		    "enum may be", p->name);
	if (p->type == PARAM_STRINGS && (at->program || begin != text + 1 || end[1] != '\0'))
		return fault_set(f, at->line, "argv", "{%s} is of type strings, which may only be a "
		    "whole argument of its own", p->name);
	p->used = true;
	return 0;
}

static int
check_text(const struct typefile *t, const char *text, const struct place *at, struct fault *f)
{
	for (const char *c = text; *c != '\0'; c++) {
		const char	*end;
		int		 rc;

		if ((*c == '{' || *c == '}') && c[1] == *c) {
			c++;
			continue;
		}
		if (*c == '}')
			return fault_set(f, at->line, "argv", "`}` without `{`; }} stands for a brace");
		if (*c != '{')
			continue;
		if ((end = strpbrk(c + 1, "{}")) == NULL || *end == '{')
			return fault_set(f, at->line, "argv", "`{` without `}`; {{ stands for a brace");
		if ((rc = check_placeholder(t, text, c + 1, end, at, f)) != 0)
			return rc;
		c = end;
	}
	return 0;
}

/* Paths and [env] are as they stand; a placeholder there would wait for its value in vain. */
static int
check_fixed(const struct typefile *t, const char *text, int line, const char *key, struct fault *f)
{
	for (const char *c = text; (c = strchr(c, '{')) != NULL; c++) {
		const char		*end = strchr(c, '}');
		const struct param	*p = end == NULL ? NULL :
					    param_find(&t->params, c + 1, (size_t)(end - c - 1));

		if (p != NULL)
			return fault_set(f, line, key, "has {%s}; placeholders are filled in argv only",
			    p->name);
	}
	return 0;
}

static int
check_fixed_words(const struct typefile *t, const struct words *w, const char *key, struct fault *f)
{
	int	rc = 0;

	for (size_t i = 0; i < w->n && rc == 0; i++)
		rc = check_fixed(t, w->v[i], w->line, key, f);
	return rc;
}

static int
check_places(const struct typefile *t, struct fault *f)
{
	struct place	at = { t->argv.line, true };
	int		rc = 0;

	for (size_t i = 0; i < t->argv.n && rc == 0; i++) {
		rc = check_text(t, t->argv.v[i], &at, f);
		at.program = false;
	}
	if (rc == 0 && t->cwd != NULL)
		rc = check_fixed(t, t->cwd, t->cwd_line, "cwd", f);
	if (rc == 0)
		rc = check_fixed_words(t, &t->read_paths, "read_paths", f);
	if (rc == 0)
		rc = check_fixed_words(t, &t->write_paths, "write_paths", f);
	list_for (node, &t->env) {
		const struct typefile_env	*e = list_entry(node, struct typefile_env, link);
		char				 key[100];

		snprintf(key, sizeof(key), "env.%.90s", e->name);
		if (rc == 0)
			rc = check_fixed(t, e->value, e->line, key, f);
	}
	return rc;
}

/* ---- the whole ---- */

static int
check_params(const struct typefile *t, struct fault *f)
{
	list_for (node, &t->params) {
		const struct param	*p = list_entry(node, struct param, link);
		int			 rc;

		if ((rc = param_check(p, f)) != 0)
			return rc;
		if (!p->used) {
			char	key[80];

			snprintf(key, sizeof(key), "param %.64s", p->name);
			return fault_set(f, p->line, key, "is used nowhere: {%s} belongs into argv", p->name);
		}
	}
	return 0;
}

static const char *
same_code(const struct words *a, const struct words *b)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < b->n; k++) {
			if (atoi(a->v[i]) == atoi(b->v[k]))
				return a->v[i];
		}
	}
	return NULL;
}

static int
check_codes(const struct typefile *t, struct fault *f)
{
	const struct {
		const struct words	*a, *b;
		const char		*key, *other;
	} pairs[] = {
		{ &t->retry_codes, &t->success_codes, "retry_codes", "success_codes" },
		{ &t->final_codes, &t->success_codes, "final_codes", "success_codes" },
		{ &t->final_codes, &t->retry_codes, "final_codes", "retry_codes" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char	*code = same_code(pairs[i].a, pairs[i].b);

		if (code != NULL)
			return fault_set(f, pairs[i].a->line, pairs[i].key, "%s is in %s too", code,
			    pairs[i].other);
	}
	return 0;
}

int
jobfile_read(const char *path, const char *name, const char *text, size_t len, struct typefile *t,
    struct fault *f)
{
	int	rc;

	if ((rc = typefile_read(TYPEFILE_JOB, path, name, text, len, t, f)) != 0)
		return rc;
	if (t->argv.line == 0)
		return fault_set(f, 0, "argv", "is missing: the command, as a JSON array such as "
		    "[\"convert\", \"{input}\"]");
	if ((rc = check_places(t, f)) != 0 || (rc = check_params(t, f)) != 0)
		return rc;
	return check_codes(t, f);
}

const char *
jobfile_missing(const struct typefile *t)
{
	return confine_missing(t->read_paths.line > 0 || t->write_paths.line > 0, t->network == 0);
}

/* ---- JSON ---- */

static void
put_codes(struct buf *out, const char *key, const struct words *w)
{
	if (w->line == 0)
		return;
	buf_printf(out, "\"%s\":[", key);
	for (size_t i = 0; i < w->n; i++)
		buf_printf(out, "%d,", atoi(w->v[i]));
	typefile_end(out, ']');
	buf_putc(out, ',');
}

static void
put_limits(struct buf *out, const struct typefile *t)
{
	buf_puts(out, "\"limits\":{");
	typefile_put_number(out, "memory", t->memory_max);
	typefile_put_number(out, "processes", t->processes_max);
	typefile_put_number(out, "files", t->files_max);
	typefile_put_number(out, "file_bytes", t->file_size_max);
	typefile_put_number(out, "cpu_ms", t->cpu_max);
	typefile_put_number(out, "core", t->core_max);
	typefile_end(out, '}');
}

static void
put_params(struct buf *out, const struct typefile *t,
    void (*put)(struct buf *out, const struct param *p))
{
	list_for (node, &t->params) {
		const struct param	*p = list_entry(node, struct param, link);

		buf_printf(out, "\"%s\":", p->name);
		put(out, p);
		buf_putc(out, ',');
	}
}

/* proto/command.h */
static void
put_spec(struct buf *out, const struct typefile *t)
{
	buf_puts(out, "\"spec\":{");
	typefile_put_words(out, "argv", &t->argv);
	if (!list_empty(&t->params)) {
		buf_puts(out, "\"params\":{");
		put_params(out, t, param_put_spec);
		typefile_end(out, '}');
		buf_putc(out, ',');
	}
	typefile_put_text(out, "cwd", t->cwd);
	typefile_put_env(out, t);
	typefile_put_words(out, "env_allow", &t->env_allow);
	typefile_put_number(out, "umask", t->umask);
	typefile_put_number(out, "nice", t->nice);
	typefile_put_number(out, "grace_ms", t->grace_ms);
	put_codes(out, "success", &t->success_codes);
	put_codes(out, "retry", &t->retry_codes);
	put_codes(out, "final", &t->final_codes);
	typefile_put_text(out, "result", t->result);
	typefile_put_text(out, "stdin", t->input);
	typefile_put_bool(out, "tmpdir", t->tmpdir);
	typefile_put_words(out, "read_paths", &t->read_paths);
	typefile_put_words(out, "write_paths", &t->write_paths);
	typefile_put_bool(out, "network", t->network);
	put_limits(out, t);
	buf_putc(out, '}');
}

static void
put_env_schema(struct buf *out, const struct words *allowed)
{
	if (allowed->line == 0)
		return;
	buf_puts(out, "\"env\":{\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < allowed->n; i++)
		buf_printf(out, "\"%s\":{\"type\":\"string\",\"maxLength\":%d},", allowed->v[i],
		    COMMAND_ENV_BYTES);
	typefile_end(out, '}');
	buf_puts(out, ",\"additionalProperties\":false},");
}

/* A type all of whose members may be missing takes no args at all, too. */
static void
put_schema(struct buf *out, const struct typefile *t)
{
	struct words	required = { .line = 1 };
	size_t		n = 0;

	list_for (node, &t->params)
		n++;
	required.v = mem_zalloc(n + 1, sizeof(*required.v));
	list_for (node, &t->params) {
		struct param	*p = list_entry(node, struct param, link);

		if (p->fallback == NULL)
			required.v[required.n++] = p->name;
	}
	buf_printf(out, "\"args_schema\":{\"type\":%s,\"properties\":{",
	    required.n == 0 ? "[\"object\",\"null\"]" : "\"object\"");
	put_params(out, t, param_put_schema);
	if (t->input != NULL && strcmp(t->input, "text") == 0)
		buf_puts(out, "\"stdin\":{\"type\":\"string\",\"description\":\"what the command reads\"},"
		    "\"stdin_base64\":{\"type\":\"string\",\"description\":\"the same, of any bytes, "
		    "instead of stdin\"},");
	put_env_schema(out, &t->env_allow);
	typefile_end(out, '}');
	buf_putc(out, ',');
	if (required.n > 0)
		typefile_put_words(out, "required", &required);
	buf_puts(out, "\"additionalProperties\":false},");
	free(required.v);
}

void
jobfile_put(struct buf *out, const struct typefile *t)
{
	buf_putc(out, '{');
	typefile_put_common(out, t);
	typefile_put_bool(out, "cpu_bound", t->cpu_bound);
	put_schema(out, t);
	put_spec(out, t);
	buf_putc(out, '}');
}
