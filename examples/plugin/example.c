/*
 * example.c - a plugin for jobd, with one type for each way of running:
 *
 *   example.primes     computes; a process of its own lane
 *   example.dirsize    waits for a disk, blocking; a thread
 *   example.waitfile   waits for a file to appear; the event loop
 *
 * jobd checks each argument against args_schema before a handler sees it.
 */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jobd/handler.h>
#include <uv.h>

/* ---- example.primes: how many primes are there below a number? ---- */

#define ASK_EVERY	65536	/* rounds between two looks at the world; they take a millisecond */

static void
strike_out(unsigned char *composite, int64_t below, int64_t prime)
{
	for (int64_t n = prime * prime; n < below; n += prime)
		composite[n] = 1;
}

static void
primes_run(struct jobd_attempt *at)
{
	int64_t		 below = jobd_arg_int(at, "below"), count = 0;
	unsigned char	*composite = calloc((size_t)below + 1, 1);
	char		 result[48];

	if (composite == NULL) {
		jobd_fail(at, "not enough memory for the sieve", NULL);
		return;
	}
	for (int64_t n = 2; n < below; n++) {
		if (n % ASK_EVERY == 0) {
			if (jobd_should_stop(at)) {
				free(composite);
				jobd_cancelled(at);
				return;
			}
			jobd_progress(at, (uint64_t)n, (uint64_t)below, "sieving");
		}
		if (composite[n])
			continue;
		count++;
		strike_out(composite, below, n);
	}
	free(composite);
	jobd_succeed(at, result,
	    (size_t)snprintf(result, sizeof(result), "{\"primes\":%" PRId64 "}", count));
}

static const struct jobd_handler primes = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "example.primes",
	.summary = "counts the primes below a number",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"below": {"type": "integer", "minimum": 0, "maximum": 100000000}
		},
		"required": ["below"],
		"additionalProperties": false
	}),
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_PROCESS | JOBD_LANE_THREAD,
	.run = primes_run,
};

/* ---- example.dirsize: what do the files below a directory take? ---- */

struct size {
	uint64_t	files, bytes;
};

/* 0, ECANCELED, or an errno. */
static int
walk(struct jobd_attempt *at, char *path, struct size *sum)
{
	char	*paths[] = { path, NULL };
	FTS	*tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT	*e;
	int	 rc = 0;

	if (tree == NULL)
		return errno;
	while (rc == 0 && (errno = 0, e = fts_read(tree)) != NULL) {
		if (jobd_should_stop(at))
			rc = ECANCELED;
		else if (e->fts_level == 0 && (e->fts_info == FTS_NS || e->fts_info == FTS_DNR))
			rc = e->fts_errno;
		if (e->fts_info != FTS_F)
			continue;
		sum->bytes += (uint64_t)e->fts_statp->st_size;
		if (++sum->files % 1024 == 0)
			jobd_progress(at, sum->files, 0, "files");
	}
	if (rc == 0)
		rc = errno;
	fts_close(tree);
	return rc;
}

static void
dirsize_run(struct jobd_attempt *at)
{
	char		*path = strdup(jobd_arg_text(at, "path"));
	struct size	 sum = { 0, 0 };
	char		 result[96];
	int		 rc = path == NULL ? ENOMEM : walk(at, path, &sum);

	if (rc == ECANCELED)
		jobd_cancelled(at);
	else if (rc != 0)
		jobd_failf(at, "%s: %s", jobd_arg_text(at, "path"), strerror(rc));
	else
		jobd_succeed(at, result, (size_t)snprintf(result, sizeof(result),
		    "{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", sum.files, sum.bytes));
	free(path);
}

static const struct jobd_handler dirsize = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "example.dirsize",
	.summary = "files below a directory, and their bytes",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {"path": {"type": "string", "pattern": "^/"}},
		"required": ["path"],
		"additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = dirsize_run,
};

/* ---- example.waitfile: tell when a file is there ---- */

/*
 * One per attempt.  The loop has its two handles until both are closed; only then may it be freed.
 */
struct wait {
	struct jobd_attempt	*at;
	uv_fs_event_t		 changes;	/* of the directory */
	uv_timer_t		 timer;		/* for directories that cannot be watched */
	int			 open;		/* handles */
	bool			 over;
	char			*path, *dir;
};

static void
closed(uv_handle_t *handle)
{
	struct wait	*w = handle->data;

	if (--w->open > 0)
		return;
	free(w->path);
	free(w->dir);
	free(w);
}

static void
close_all(struct wait *w)
{
	w->over = true;
	uv_close((uv_handle_t *)&w->changes, closed);
	uv_close((uv_handle_t *)&w->timer, closed);
}

static void
look(struct wait *w)
{
	struct stat	st;
	char		result[48];

	if (w->over || stat(w->path, &st) != 0)
		return;
	jobd_succeed(w->at, result,
	    (size_t)snprintf(result, sizeof(result), "{\"bytes\":%lld}", (long long)st.st_size));
	close_all(w);
}

/* Each callback says first whose it is: a crash in it is then this job's, and not its neighbours'. */
static void
changed(uv_fs_event_t *changes, const char *name, int events, int status)
{
	struct wait	*w = changes->data;

	(void)name;
	(void)events;
	(void)status;
	jobd_enter(w->at);
	look(w);
}

static void
tick(uv_timer_t *timer)
{
	struct wait	*w = timer->data;

	jobd_enter(w->at);
	look(w);
}

static void
waitfile_start(struct jobd_attempt *at)
{
	struct wait	*w = calloc(1, sizeof(*w));
	char		*slash;

	if (w == NULL || (w->path = strdup(jobd_arg_text(at, "path"))) == NULL ||
	    (w->dir = strdup(w->path)) == NULL) {
		if (w != NULL)
			free(w->path);
		free(w);
		jobd_fail(at, "out of memory", NULL);
		return;
	}
	slash = strrchr(w->dir, '/');
	slash[slash == w->dir ? 1 : 0] = '\0';
	w->at = at;
	w->open = 2;
	uv_fs_event_init(jobd_loop(at), &w->changes);
	uv_timer_init(jobd_loop(at), &w->timer);
	w->changes.data = w->timer.data = w;
	jobd_set_data(at, w);
	/* watch first, then look: what appears between the two is seen */
	uv_fs_event_start(&w->changes, changed, w->dir, 0);
	uv_timer_start(&w->timer, tick, 1000, 1000);
	look(w);
}

static void
waitfile_cancel(struct jobd_attempt *at)
{
	struct wait	*w = jobd_data(at);

	jobd_cancelled(at);
	close_all(w);
}

static const struct jobd_handler waitfile = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_handler),
	.name = "example.waitfile",
	.summary = "waits until a file exists",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {"path": {"type": "string", "pattern": "^/"}},
		"required": ["path"],
		"additionalProperties": false
	}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = waitfile_start,
	.cancel = waitfile_cancel,
};

/* ---- what jobd looks for ---- */

static const struct jobd_handler *const handlers[] = { &primes, &dirsize, &waitfile, NULL };

const struct jobd_plugin jobd_plugin = {
	.abi = JOBD_HANDLER_ABI, .size = sizeof(struct jobd_plugin),
	.name = "example", .version = "1.0", .handlers = handlers,
};
