/* cmd_type_check.c - jobctl type check: are an administrator's files right?  Runs in: jobctl. */
#include "client/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "proto/jobfile.h"
#include "proto/workerfile.h"

#define JOB_END		".job"
#define WORKER_END	".worker"
#define OWN_TYPE	"command"	/* jobd's */

/* A type that a file has given. */
struct given {
	struct list	 link;
	char		*name, *path;
};

struct checking {
	struct ctl	*ctl;
	struct list	 given;
	size_t		 faults;	/* told so far */
	int		 code;
};

/* `thumbs.job:3: argv ...`, as the daemon's log has it, or an object of that. */
static void
tell(struct checking *c, const char *path, const struct fault *f)
{
	struct buf	*out = &c->ctl->out;

	c->code = EXIT_REFUSED;
	if (!ctl_wants_json(c->ctl)) {
		buf_puts(out, path);
		if (f->line > 0)
			buf_printf(out, ":%d", f->line);
		buf_printf(out, ": %s%s%s\n", f->key, f->key[0] != '\0' ? " " : "", f->why);
		return;
	}
	if (c->ctl->opt.format == FORMAT_JSON)
		buf_puts(out, c->faults > 0 ? ",\n " : "[");
	buf_puts(out, "{\"file\":");
	json_put_text(out, path);
	buf_printf(out, ",\"line\":%d,\"key\":", f->line);
	json_put_text(out, f->key);
	buf_puts(out, ",\"message\":");
	json_put_text(out, f->why);
	buf_puts(out, c->ctl->opt.format == FORMAT_JSON ? "}" : "}\n");
	c->faults++;
}

static void __attribute__((format(printf, 3, 4)))
complain(struct checking *c, const char *path, const char *fmt, ...)
{
	struct fault	f = { 0 };
	va_list		ap;

	va_start(ap, fmt);
	vsnprintf(f.why, sizeof(f.why), fmt, ap);
	va_end(ap);
	tell(c, path, &f);
}

static bool
ends_in(const char *text, const char *end)
{
	size_t	len = strlen(text), of_end = strlen(end);

	return len > of_end && strcmp(text + len - of_end, end) == 0;
}

/* ---- names ---- */

static const struct given *
find(const struct checking *c, const char *name)
{
	list_for (node, &c->given) {
		const struct given	*g = list_entry(node, struct given, link);

		if (strcmp(g->name, name) == 0)
			return g;
	}
	return NULL;
}

/* false, and told: the daemon would leave the file out. */
static bool
claim(struct checking *c, const char *path, const char *name, const char *key, int line)
{
	const struct given	*other = find(c, name);
	struct fault		 f = { .line = line };
	struct given		*g;

	if (other == NULL && strcmp(name, OWN_TYPE) != 0) {
		g = mem_zalloc(1, sizeof(*g));
		g->name = mem_strdup(name);
		g->path = mem_strdup(path);
		list_push_back(&c->given, &g->link);
		return true;
	}
	snprintf(f.key, sizeof(f.key), "%s", key);
	if (other != NULL)
		snprintf(f.why, sizeof(f.why), "the type `%s` is in %.300s already", name, other->path);
	else
		snprintf(f.why, sizeof(f.why), "the type `%s` is jobd's own", name);
	tell(c, path, &f);
	return false;
}

static bool
claim_all(struct checking *c, const char *path, const struct typefile *t)
{
	bool	all = true;

	if (t->kind == TYPEFILE_JOB)
		return claim(c, path, t->name, "", 0);
	for (size_t i = 0; i < t->types.n; i++)
		all = claim(c, path, t->types.v[i], "types", t->types.line) && all;
	return all;
}

static void
forget(struct checking *c)
{
	struct list	*node;

	while ((node = list_pop(&c->given)) != NULL) {
		struct given	*g = list_entry(node, struct given, link);

		free(g->name);
		free(g->path);
		free(g);
	}
}

/* ---- files ---- */

/* Right, but not for this machine, which need not be the daemon's. */
static void
warn_missing(struct checking *c, const char *path, const struct typefile *t)
{
	const char	*missing = jobfile_missing(t);

	if (missing != NULL)
		buf_printf(&c->ctl->out, "%s: here its jobs would fail: %s\n", path, missing);
}

static void
check_text(struct checking *c, const char *path, const char *name, const char *text, size_t len)
{
	bool		job = ends_in(path, JOB_END);
	struct typefile	t;
	struct fault	f = { 0 };
	int		rc = job ? jobfile_read(path, name, text, len, &t, &f) :
			    workerfile_read(path, name, text, len, &t, &f);

	if (rc != 0)
		tell(c, path, &f);
	else if (claim_all(c, path, &t) && !ctl_wants_json(c->ctl)) {
		buf_printf(&c->ctl->out, "%s: %s %s is right\n", path, job ? "type" : "pool", name);
		warn_missing(c, path, &t);
	}
	typefile_fini(&t);
}

static void
check_file(struct checking *c, const char *path)
{
	const char	*slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
	size_t		 bare, len;
	char		*name, *text;

	if (!ends_in(file, JOB_END) && !ends_in(file, WORKER_END)) {
		complain(c, path, "its name must end in " JOB_END " or " WORKER_END);
		return;
	}
	bare = (size_t)(strrchr(file, '.') - file);
	name = mem_strndup(file, bare);
	if (!typefile_name_ok(name, bare))
		complain(c, path, "'%s' is no name: 1 to 64 of a-z 0-9 _ . -, a letter or a digit "
		    "first", name);
	else if ((text = fd_read_file(path, TYPEFILE_BYTES_MAX, &len)) == NULL)
		complain(c, path, "cannot be read: %s", strerror(errno));
	else {
		check_text(c, path, name, text, len);
		free(text);
	}
	free(name);
}

static int
run(struct ctl *ctl)
{
	struct checking	c = { .ctl = ctl };
	int		rc;

	list_init(&c.given);
	for (int i = 0; i < ctl->opt.operands_len; i++)
		check_file(&c, ctl->opt.operands[i]);
	forget(&c);
	if (ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, c.faults > 0 ? "]\n" : "[]\n");
	rc = ctl_flush(ctl);
	return rc != 0 ? rc : c.code;
}

const struct verb verb_type_check = {
	.name = "type check",
	.operands = "FILE...",
	.summary = "are these .job and .worker files right?",
	.about = "Reads the files as the daemon would, without one, and prints what is wrong as\n"
	    "FILE:LINE: KEY and why.  Exits 0 when all are right, 5 when one is not.  What\n"
	    "only the daemon's machine can tell (users, programs) is for jobd --check-config;\n"
	    "that a handler or a plugin has the name already, reload tells.\n"
	    "Of a type that two of the files give, the second is told.",
	.examples = "  jobctl type check /etc/jobd/jobs.d/*.job\n"
	    "  jobctl type check thumbs.worker -o json | jq .\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = INT32_MAX,
	.run = run,
};
