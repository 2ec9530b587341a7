/*
 * digest_tree.c - the digest of every file beneath a directory, many at once.
 *
 *	digest_tree DIRECTORY
 *
 * jobd_map asks for the next path when there is room for another job, and tells of each job as it
 * ends, so a tree of any size needs memory for the jobs on their way only.  The daemon must be
 * allowed to read the directory: jobd --set files.roots=DIRECTORY.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* asprintf */
#endif
#include <err.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jobd.h>

#define AT_ONCE	32

struct walk {
	FTS	*fts;
	char	*args;			/* lent to jobd_map until it asks for more */
	char	**paths;		/* by index; NULL once the job has ended */
	size_t	 room, failed;
};

static void
keep_path(struct walk *w, size_t index, const char *path)
{
	if (index == w->room) {
		w->room = w->room == 0 ? 64 : 2 * w->room;
		if ((w->paths = realloc(w->paths, w->room * sizeof(*w->paths))) == NULL)
			err(1, NULL);
	}
	if ((w->paths[index] = strdup(path)) == NULL)
		err(1, NULL);
}

/* The argument for the next file, as JSON. */
static const char *
next_file(void *ctx, size_t index)
{
	struct walk	*w = ctx;
	FTSENT		*e;
	char		*quoted;

	free(w->args);
	w->args = NULL;
	while ((e = fts_read(w->fts)) != NULL) {
		if (e->fts_info != FTS_F)
			continue;
		if ((quoted = jobd_quote(e->fts_path)) == NULL) {
			warnx("%s: the name is not UTF-8", e->fts_path);
			continue;
		}
		if (asprintf(&w->args, "{\"path\": %s}", quoted) < 0)
			err(1, NULL);
		free(quoted);
		keep_path(w, index, e->fts_path);
		return w->args;
	}
	return NULL;
}

static int
file_done(void *ctx, size_t index, struct jobd_future *f)
{
	struct walk	*w = ctx;

	if (jobd_error(f) == NULL) {
		printf("%s\t%s\n", w->paths[index], jobd_result(f, NULL));
	} else {
		warnx("%s: %s (%s)", w->paths[index], jobd_error(f)->message, jobd_error(f)->kind);
		w->failed++;
	}
	free(w->paths[index]);
	w->paths[index] = NULL;
	return 0;
}

int
main(int argc, char **argv)
{
	struct jobd_job		 job = { .type = "file.digest" };
	struct jobd_error	 why;
	struct walk		 w = { 0 };
	struct jobd		*j;

	if (argc != 2)
		errx(2, "usage: digest_tree DIRECTORY");
	if ((w.fts = fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL)) == NULL)
		err(1, "%s", argv[1]);
	if (jobd_open(NULL, &j, &why) != 0)
		errx(1, "%s", why.message);
	if (jobd_map(j, &job, AT_ONCE, next_file, file_done, &w, &why) != 0)
		errx(1, "%s", why.message);
	jobd_close(j);
	fts_close(w.fts);
	free(w.paths);
	free(w.args);
	return w.failed > 0;
}
