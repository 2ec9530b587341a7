/*
 * typefile.h - what the administrator's files NAME.job and NAME.worker have in common: keys, each
 * with its kind of value, read into one struct.  What only one of them means is in jobfile.h and
 * workerfile.h.
 */
#ifndef PROTO_TYPEFILE_H
#define PROTO_TYPEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/list.h"
#include "proto/inifile.h"

#define TYPEFILE_BYTES_MAX	(1 << 20)	/* of one file */
#define TYPEFILE_UNSAID		INT64_MIN	/* of a number */
#define TYPEFILE_ENV_MAX	256		/* variables of one file */

enum typefile_kind { TYPEFILE_JOB = 1, TYPEFILE_WORKER = 2 };

struct words {
	char	**v;
	size_t	  n;
	int	  line;			/* 0: not said */
};

struct typefile_env {
	struct list	 link;
	char		*name, *value;
	int		 line;
};

/* One [param NAME]; jobfile.h says what it may be. */
struct param;

struct typefile {
	enum typefile_kind kind;
	char		*name, *path;

	/* of both */
	char		*summary, *cwd, *user, *queue, *on_lost;
	int64_t		 timeout_ms, grace_ms, priority, ttl_ms, max_running, output_max;
	int64_t		 max_attempts, backoff_ms, factor, max_backoff_ms;
	struct list	 env;		/* of struct typefile_env, in order */
	int		 cwd_line;

	/* NAME.job */
	struct words	 argv;
	int64_t		 umask, nice, cpu_bound, tmpdir;
	int64_t		 memory_max, processes_max, files_max, file_size_max, cpu_max, core_max;
	struct words	 success_codes, retry_codes, final_codes;	/* of numbers 0 .. 255 */
	char		*result, *input;	/* `stdin` */
	struct words	 env_allow;
	struct words	 read_paths, write_paths;
	int64_t		 network;
	struct list	 params;	/* of struct param */

	/* NAME.worker */
	struct words	 worker, types;
	int64_t		 count, recycle_jobs, recycle_age, recycle_rss, ready, remote;
};

/* [a-z0-9_.-]{1,64}, of which the first is a letter or a digit. */
bool typefile_name_ok(const char *name, size_t len);

/*
 * path names the file in messages.  0, or -EINVAL with *f; *t is to be given back by typefile_fini
 * in either case.
 */
int typefile_read(enum typefile_kind kind, const char *path, const char *name, const char *text,
    size_t len, struct typefile *t, struct fault *f);
void typefile_fini(struct typefile *t);

/* -EINVAL, with the sentence and where it belongs. */
int fault_set(struct fault *f, int line, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The strings of a JSON array; false with *f->why when it is none, or has a NUL. */
bool words_read_json(const char *text, struct words *out, struct fault *f);
/* The same, or words between blanks or commas. */
bool words_read(const char *text, struct words *out, struct fault *f);
void words_free(struct words *w);

/* ---- as JSON members, each with a comma behind it; what was not said is left out ---- */

void typefile_put_text(struct buf *out, const char *key, const char *value);
void typefile_put_number(struct buf *out, const char *key, int64_t value);
void typefile_put_bool(struct buf *out, const char *key, int64_t value);
void typefile_put_words(struct buf *out, const char *key, const struct words *w);
void typefile_put_env(struct buf *out, const struct typefile *t);
/* name, summary, file, user, max_running, grace_ms, output_bytes, defaults */
void typefile_put_common(struct buf *out, const struct typefile *t);
/* Takes back the last comma. */
void typefile_end(struct buf *out, char bracket);

#endif
