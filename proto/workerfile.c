/* workerfile.c - NAME.worker: a pool.  Runs in: supervisor, jobctl. */
#include "proto/workerfile.h"

int
workerfile_read(const char *path, const char *name, const char *text, size_t len,
    struct typefile *t, struct fault *f)
{
	bool	remote;
	int	rc;

	if ((rc = typefile_read(TYPEFILE_WORKER, path, name, text, len, t, f)) != 0)
		return rc;
	remote = t->remote == 1;
	if (t->types.line == 0)
		return fault_set(f, 0, "types", "is missing: the types that these workers run");
	if (!remote && t->worker.line == 0)
		return fault_set(f, 0, "worker", "is missing: the program, as a JSON array such as "
		    "[\"python3\", \"-m\", \"mytasks\"]; or remote = true");
	if (remote && t->worker.line != 0)
		return fault_set(f, t->worker.line, "worker", "is not started here: remote = true "
		    "says that its workers connect");
	if (remote && (t->count != TYPEFILE_UNSAID || t->user != NULL || t->cwd != NULL ||
	    t->memory_max != TYPEFILE_UNSAID || t->processes_max != TYPEFILE_UNSAID ||
	    !list_empty(&t->env)))
		return fault_set(f, 0, "remote", "its workers are not started here: count, user, cwd, "
		    "memory_max, processes_max and [env] mean nothing");
	return 0;
}

static int64_t
said(int64_t value, int64_t otherwise)
{
	return value == TYPEFILE_UNSAID ? otherwise : value;
}

void
workerfile_put(struct buf *out, const struct typefile *t)
{
	buf_putc(out, '{');
	typefile_put_common(out, t);
	typefile_put_words(out, "types", &t->types);
	typefile_put_bool(out, "remote", said(t->remote, 0));
	typefile_put_number(out, "count", said(t->count, WORKERFILE_COUNT));
	typefile_put_number(out, "recycle_jobs", said(t->recycle_jobs, 0));
	typefile_put_number(out, "recycle_age_ms", said(t->recycle_age, 0));
	typefile_put_number(out, "recycle_rss", said(t->recycle_rss, 0));
	typefile_put_number(out, "ready_ms", said(t->ready, WORKERFILE_READY_MS));
	typefile_end(out, '}');
}
