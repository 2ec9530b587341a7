/*
 * command.h - a command from the command line, as the args of a job of the type `command`:
 * {"argv", "cwd", "env", ...}.  Source: proto/command.h.
 */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include "client/ctl.h"

#define COMMAND_TYPE	"command"

/* Do the operands say a command, `-- CMD...`, where they could say a type? */
bool command_given(const struct options *o);
/* A command's options with a type: 0, or the exit status of a usage error. */
int command_check_options(struct ctl *ctl);

/*
 * Appends `"argv":[...]`.  line: what stands for every `{}` in it, UTF-8 without NUL; p NULL: `{}`
 * is not special.
 */
void command_put_argv(char *const *argv, int argc, struct span line, struct buf *out);
/* Appends `,"cwd":...,"env":{...}`, what -C and -e say.  0, or the exit status, reason said. */
int command_put_place(struct ctl *ctl, struct buf *out);
/* Can all operands be said in JSON?  0, or the exit status, reason said. */
int command_check(struct ctl *ctl);

/*
 * Appends the job of a command, `{"type":"command","args":{...}` and the fields, without the
 * closing brace.  more: members of args with a comma before each, "".  0 or the exit status.
 */
int command_put_job(struct ctl *ctl, const char *more, struct buf *out);

#endif
