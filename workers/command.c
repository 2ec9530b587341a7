/*
 * command.c - the spec of a type and the arguments of a job, into what to run.  Runs in: exec
 * workers, loop thread.
 */
#include "workers/command_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/base64.h"
#include "lib/parse.h"
#include "proto/bounds.h"

#define FILES_USUAL	1024
#define GRACE_USUAL_MS	10000

/* ---- texts ---- */

void
strings_add(struct strings *s, char *text)
{
	if (s->n + 1 >= s->cap) {
		s->cap = s->cap == 0 ? 8 : 2 * s->cap;
		s->v = mem_resize(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = text;
	s->v[s->n] = NULL;
}

void
strings_free(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strings){ 0 };
}

/* ---- what the parts use ---- */

int
command_refuse(const struct reading *r, const char *name, const char *fmt, ...)
{
	va_list	ap;
	int	n = snprintf(r->why, r->size, "%s.%.64s: ", r->where, name);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < r->size)
		vsnprintf(r->why + n, r->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

char *
command_text(const struct reading *r, const char *name, const struct member *m)
{
	struct buf	b = { 0 };

	if (m->type != SCAN_STRING) {
		command_refuse(r, name, "not a string");
		return NULL;
	}
	if (!member_text(m, &b)) {
		buf_free(&b);
		command_refuse(r, name, "a NUL in it");
		return NULL;
	}
	return buf_take_string(&b);
}

int
command_integer(const struct reading *r, const char *name, const struct member *m, int64_t min,
    int64_t max, int64_t *out)
{
	if (m->type != SCAN_INTEGER || parse_i64(m->raw.p, m->raw.len, min, max, out) != 0)
		return command_refuse(r, name, "not an integer from %lld to %lld", (long long)min,
		    (long long)max);
	return 0;
}

int
command_bool(const struct reading *r, const char *name, const struct member *m, bool *out)
{
	if (m->type != SCAN_TRUE && m->type != SCAN_FALSE)
		return command_refuse(r, name, "neither true nor false");
	*out = m->type == SCAN_TRUE;
	return 0;
}

/* Which of the names is it? */
static int
read_name(const struct reading *r, const char *name, const struct member *m,
    const char *const *names, int *out)
{
	char	*text = command_text(r, name, m);
	int	 rc = -EINVAL;

	if (text == NULL)
		return rc;
	for (int i = 0; names[i] != NULL && rc != 0; i++)
		if (strcmp(names[i], text) == 0) {
			*out = i;
			rc = 0;
		}
	free(text);
	return rc == 0 ? 0 : command_refuse(r, name, "no such kind");
}

/* ---- settings ---- */

static int
add_argument(void *arg, const struct member *element)
{
	struct reading	*r = arg;
	char		*text = command_text(r, "argv", element);

	if (text == NULL)
		return -EINVAL;
	strings_add(&r->command->argv, text);
	if (r->command->argv.n > COMMAND_ARGS_MAX)
		return command_refuse(r, "argv", "more than %d arguments", COMMAND_ARGS_MAX);
	return 0;
}

/* The job's own: as it is.  The type's is a template, for later. */
static int
read_argv(struct reading *r, const struct member *m)
{
	int	rc;

	if (m->type != SCAN_ARRAY)
		return command_refuse(r, "argv", "not an array");
	r->argv = m;
	if (!r->callers)
		return 0;
	if ((rc = member_each(m, add_argument, r)) != 0)
		return rc;
	if (r->command->argv.n == 0 || r->command->argv.v[0][0] == '\0')
		return command_refuse(r, "argv", "no program in it");
	return 0;
}

static int
read_cwd(struct reading *r, const struct member *m)
{
	char	*text = command_text(r, "cwd", m);

	if (text == NULL)
		return -EINVAL;
	free(r->command->cwd);
	r->command->cwd = text;
	return text[0] == '/' ? 0 : command_refuse(r, "cwd", "not an absolute path");
}

static int
read_params(struct reading *r, const struct member *m)
{
	r->params = m;
	return m->type == SCAN_OBJECT ? 0 : command_refuse(r, "params", "not an object");
}

static int
read_env_allow(struct reading *r, const struct member *m)
{
	r->env_allow = m;
	return m->type == SCAN_ARRAY ? 0 : command_refuse(r, "env_allow", "not an array");
}

static int
read_umask(struct reading *r, const struct member *m)
{
	return command_integer(r, "umask", m, 0, 0777, &r->command->umask);
}

static int
read_nice(struct reading *r, const struct member *m)
{
	return command_integer(r, "nice", m, r->callers ? 0 : -20, 19, &r->command->nice);
}

static int
read_grace(struct reading *r, const struct member *m)
{
	return command_integer(r, "grace_ms", m, 0, BOUND_DURATION_MS, &r->command->grace_ms);
}

struct code_list {
	const struct reading	*r;
	const char		*name;
	struct codes		*codes;
};

static int
add_code(void *arg, const struct member *element)
{
	struct code_list	*l = arg;
	int64_t			 code;
	int			 rc;

	if ((rc = command_integer(l->r, l->name, element, 0, 255, &code)) == 0)
		l->codes->bits[code / 64] |= UINT64_C(1) << code % 64;
	return rc;
}

static int
read_codes(const struct reading *r, const char *name, const struct member *m, struct codes *out)
{
	struct code_list	l = { r, name, out };

	if (m->type != SCAN_ARRAY)
		return command_refuse(r, name, "not an array of exit codes");
	*out = (struct codes){ 0 };
	return member_each(m, add_code, &l);
}

static int
read_success(struct reading *r, const struct member *m)
{
	return read_codes(r, m->name, m, &r->command->success);
}

static int
read_retry(struct reading *r, const struct member *m)
{
	return read_codes(r, m->name, m, &r->command->retry);
}

static int
read_final(struct reading *r, const struct member *m)
{
	return read_codes(r, m->name, m, &r->command->final);
}

static int
read_result(struct reading *r, const struct member *m)
{
	static const char *const	names[] = { "output", "json", "file", NULL };
	int				rc, which;

	if ((rc = read_name(r, "result", m, names, &which)) == 0)
		r->command->result = (enum command_result)which;
	return rc;
}

static int
read_tmpdir(struct reading *r, const struct member *m)
{
	return command_bool(r, "tmpdir", m, &r->command->tmpdir);
}

/* ---- stdin ---- */

static int
read_stdin_mode(struct reading *r, const struct member *m)
{
	static const char *const	names[] = { "none", "text", "stream", NULL };
	int				rc, which;

	if ((rc = read_name(r, "stdin", m, names, &which)) == 0)
		r->command->stdin_mode = (enum command_stdin)which;
	return rc;
}

static int
one_input(struct reading *r, const char *name)
{
	if (r->has_input)
		return command_refuse(r, name, "stdin is said twice");
	r->has_input = true;
	r->command->stdin_mode = COMMAND_STDIN_TEXT;
	return 0;
}

static int
read_stdin(struct reading *r, const struct member *m)
{
	int	rc;

	if ((rc = one_input(r, "stdin")) != 0)
		return rc;
	if (m->type != SCAN_STRING)
		return command_refuse(r, "stdin", "not a string");
	return member_text(m, &r->command->input) ? 0 :
	    command_refuse(r, "stdin", "a NUL in it: say it as stdin_base64");
}

static int
read_stdin_base64(struct reading *r, const struct member *m)
{
	char	*text;
	int	 rc;

	if ((rc = one_input(r, "stdin_base64")) != 0)
		return rc;
	if ((text = command_text(r, "stdin_base64", m)) == NULL)
		return -EINVAL;
	if (!base64_take(&r->command->input, text, strlen(text)))
		rc = command_refuse(r, "stdin_base64", "not base64");
	free(text);
	return rc;
}

static int
read_stdin_stream(struct reading *r, const struct member *m)
{
	bool	stream = false;
	int	rc;

	if ((rc = command_bool(r, "stdin_stream", m, &stream)) != 0 || !stream)
		return rc;
	if ((rc = one_input(r, "stdin_stream")) == 0)
		r->command->stdin_mode = COMMAND_STDIN_STREAM;
	return rc;
}

/* ---- limits ---- */

static int
read_limits(struct reading *r, const struct member *m)
{
	struct command_limits	*l = &r->command->limits;
	const struct {
		const char	*name;
		int64_t		*value;
	} rows[] = {
		{ "memory", &l->memory }, { "processes", &l->processes }, { "files", &l->files },
		{ "file_bytes", &l->file_bytes }, { "cpu_ms", &l->cpu_ms }, { "core", &l->core },
	};
	struct members		 limits = { 0 };
	const struct member	*said;
	const char		*wrong = members_read(m->raw, &limits);
	size_t			 known = 0;
	int			 rc = wrong == NULL ? 0 : command_refuse(r, "limits", "%s", wrong);

	for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((said = members_find(&limits, rows[i].name)) == NULL)
			continue;
		known++;
		rc = command_integer(r, rows[i].name, said, 0, INT64_C(1) << 53, rows[i].value);
	}
	if (rc == 0 && known != limits.n)
		rc = command_refuse(r, "limits", "a member that is no limit");
	members_free(&limits);
	return rc;
}

/* ---- members of a spec, of a free command's arguments, of another's ---- */

struct setting {
	const char	*name;
	int		(*read)(struct reading *r, const struct member *m);
};

static const struct setting	of_spec[] = {
	{ "argv", read_argv }, { "params", read_params }, { "cwd", read_cwd },
	{ "env", command_read_env }, { "env_allow", read_env_allow }, { "umask", read_umask },
	{ "nice", read_nice }, { "grace_ms", read_grace }, { "success", read_success },
	{ "retry", read_retry }, { "final", read_final }, { "result", read_result },
	{ "stdin", read_stdin_mode }, { "tmpdir", read_tmpdir }, { "limits", read_limits },
	{ "read_paths", command_read_read_paths }, { "write_paths", command_read_write_paths },
	{ "network", command_read_network },
	{ NULL, NULL },
};

static const struct setting	of_free[] = {
	{ "argv", read_argv }, { "cwd", read_cwd }, { "env", command_read_env },
	{ "stdin", read_stdin }, { "stdin_base64", read_stdin_base64 },
	{ "stdin_stream", read_stdin_stream }, { "result", read_result },
	{ "tmpdir", read_tmpdir }, { "umask", read_umask }, { "nice", read_nice },
	{ "grace_ms", read_grace }, { "success_codes", read_success }, { "success", read_success },
	{ "retry_codes", read_retry }, { "retry", read_retry },
	{ "final_codes", read_final }, { "final", read_final },
	{ NULL, NULL },
};

/* As files call them, and for short. */
static const char *const	codes_names[][2] = {
	{ "success_codes", "success" }, { "retry_codes", "retry" }, { "final_codes", "final" },
};

static const struct setting *
find_setting(const struct setting *s, const char *name)
{
	for (; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static int
read_settings(struct reading *r, const struct setting *table, const struct members *m)
{
	const struct setting	*s;
	int			 rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		if (strcmp(m->v[i].name, "free") == 0 && !r->callers)
			continue;
		if ((s = find_setting(table, m->v[i].name)) == NULL)
			return command_refuse(r, m->v[i].name, "no such member");
		rc = s->read(r, &m->v[i]);
	}
	return rc;
}

static int
build_free(struct reading *r, const struct members *args)
{
	int	rc;

	r->env_allow = NULL;
	for (size_t i = 0; i < sizeof(codes_names) / sizeof(codes_names[0]); i++) {
		if (members_find(args, codes_names[i][0]) != NULL &&
		    members_find(args, codes_names[i][1]) != NULL)
			return command_refuse(r, codes_names[i][1], "the same as %s, and both are there",
			    codes_names[i][0]);
	}
	if ((rc = read_settings(r, of_free, args)) != 0)
		return rc;
	return r->command->argv.n > 0 ? 0 : command_refuse(r, "argv", "missing");
}

/* What a job may say beside the params: stdin where the type takes it, env where it allows some. */
static int
read_extras(struct reading *r, const struct members *args)
{
	bool			 text = r->command->stdin_mode == COMMAND_STDIN_TEXT;
	const struct member	*m;
	int			 rc = 0;

	if (text && (m = members_find(args, "stdin")) != NULL)
		rc = read_stdin(r, m);
	if (rc == 0 && text && (m = members_find(args, "stdin_base64")) != NULL)
		rc = read_stdin_base64(r, m);
	if (rc == 0 && r->env_allow != NULL && (m = members_find(args, "env")) != NULL)
		rc = command_read_env(r, m);
	return rc;
}

static int
build_template(struct reading *r, const struct members *args)
{
	int	rc;

	if (r->argv == NULL)
		return command_refuse(r, "argv", "missing");
	if ((rc = read_extras(r, args)) != 0)
		return rc;
	return command_compose(r, args);
}

static void
set_usual(struct command *c)
{
	*c = (struct command){
		.umask = 077, .grace_ms = GRACE_USUAL_MS, 
		.limits = { .memory = COMMAND_LIMIT_UNSAID, .processes = COMMAND_LIMIT_UNSAID,
		    .files = FILES_USUAL },
	};
	c->success.bits[0] = 1;
	c->retry.bits[75 / 64] = UINT64_C(1) << 75 % 64;	/* EX_TEMPFAIL */
	c->final.bits[65 / 64] = UINT64_C(1) << 65 % 64;	/* EX_DATAERR */
}

static int
read_object(const struct reading *r, struct span text, struct members *out)
{
	const char	*wrong = members_read(text, out);

	if (wrong == NULL)
		return 0;
	snprintf(r->why, r->size, "%s: %s", r->where, wrong);
	return -EINVAL;
}

int
command_build(struct span spec, struct span args, struct command *out, char *why, size_t size)
{
	struct reading		 r = { .command = out, .where = "spec", .why = why, .size = size };
	struct members		 of_type = { 0 }, of_job = { 0 };
	const struct member	*m;
	int			 rc;

	set_usual(out);
	if ((rc = read_object(&r, spec, &of_type)) != 0 ||
	    (rc = read_settings(&r, of_spec, &of_type)) != 0)
		goto out;
	r.where = "args";
	r.callers = true;
	if (args.len == 4 && memcmp(args.p, "null", 4) == 0)	/* a job that gives none */
		args = (struct span){ "{}", 2 };
	if ((rc = read_object(&r, args, &of_job)) != 0)
		goto out;
	m = members_find(&of_type, "free");
	if (m != NULL && m->type == SCAN_TRUE)
		rc = build_free(&r, &of_job);
	else
		rc = build_template(&r, &of_job);
out:
	members_free(&of_type);
	members_free(&of_job);
	return rc;
}

void
command_free(struct command *c)
{
	strings_free(&c->argv);
	strings_free(&c->env);
	strings_free(&c->bounds.read);
	strings_free(&c->bounds.write);
	free(c->cwd);
	c->cwd = NULL;
	buf_free(&c->input);
}
