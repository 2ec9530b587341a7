/*
 * command.h - what to run: the spec of a type and the arguments of a job (proto/command.h), checked
 * and put together.  Pure: nothing is looked up, nothing is started.
 *
 * A caller's value never becomes more than it was declared to be: one argument, of its type, that
 * matches its whole pattern and is not taken for an option.  Source: SECURITY items 5 and 6.
 */
#ifndef WORKERS_COMMAND_H
#define WORKERS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/command.h"
#include "proto/rpc.h"

/* Texts of one's own with a NULL behind the last, as execve(2) wants them. */
struct strings {
	char	**v;
	size_t	  n, cap;
};

void strings_add(struct strings *s, char *text);	/* text is s's from now on */
void strings_free(struct strings *s);

enum command_result { COMMAND_RESULT_OUTPUT, COMMAND_RESULT_JSON, COMMAND_RESULT_FILE };
enum command_stdin { COMMAND_STDIN_NONE, COMMAND_STDIN_TEXT, COMMAND_STDIN_STREAM };

/* Of exit codes, a bit each. */
struct codes {
	uint64_t	bits[4];
};

static inline bool
codes_have(const struct codes *c, int code)
{
	return (c->bits[code / 64 & 3] >> code % 64 & 1) != 0;
}

#define COMMAND_LIMIT_UNSAID	(-1)	/* of memory and processes: nobody has said one */

struct command_limits {			/* 0: none; of core: none is written */
	int64_t		memory, processes, files, file_bytes, cpu_ms, core;
};

struct command_bounds {
	bool		files;		/* the two lists are all that it may use */
	struct strings	read, write;	/* absolute paths */
	bool		no_network;
};

struct command {
	struct strings		argv;		/* at least one */
	struct strings		env;		/* NAME=value: the type's own, then the job's */
	char			*cwd;		/* absolute; NULL: not said */
	int64_t			 umask, nice, grace_ms;
	struct codes		 success, retry, final;
	enum command_result	 result;
	enum command_stdin	 stdin_mode;
	struct buf		 input;		/* of COMMAND_STDIN_TEXT */
	bool			 tmpdir;
	struct command_limits	 limits;
	struct command_bounds	 bounds;
};

/*
 * 0, or -EINVAL with a sentence in why[size] that names what is wrong.  *out is to be freed either
 * way.
 */
int command_build(struct span spec, struct span args, struct command *out, char *why, size_t size);
void command_free(struct command *c);

#endif
