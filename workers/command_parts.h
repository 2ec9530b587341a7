/* command_parts.h - what the files of command.h share. */
#ifndef WORKERS_COMMAND_PARTS_H
#define WORKERS_COMMAND_PARTS_H

#include "workers/command.h"
#include "workers/members.h"

/* What is being read, and where a complaint goes. */
struct reading {
	struct command		*command;
	const char		*where;		/* "spec" or "args" */
	bool			 callers;	/* said by the job, not by the administrator */
	const struct member	*argv, *params, *env_allow;	/* of the spec, NULL: absent */
	bool			 has_input;
	char			*why;
	size_t			 size;
};

/* Always -EINVAL: the sentence begins with where and name, `args.size`. */
int command_refuse(const struct reading *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A text without a NUL.  NULL: refused. */
char *command_text(const struct reading *r, const char *name, const struct member *m);
int command_integer(const struct reading *r, const char *name, const struct member *m, int64_t min,
    int64_t max, int64_t *out);
int command_bool(const struct reading *r, const char *name, const struct member *m, bool *out);

/* command_env.c: 0 or -EINVAL */
int command_read_env(struct reading *r, const struct member *m);

/* command_bounds.c: 0 or -EINVAL */
int command_read_read_paths(struct reading *r, const struct member *m);
int command_read_write_paths(struct reading *r, const struct member *m);
int command_read_network(struct reading *r, const struct member *m);

/* command_args.c: the template of r->argv with the values of args, into command->argv. */
int command_compose(struct reading *r, const struct members *args);

#endif
