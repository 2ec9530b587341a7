/*
 * command_rig.h - commands in a real jobd-exec, over a real channel; the test is the broker.
 */
#ifndef UNIT_COMMAND_RIG_H
#define UNIT_COMMAND_RIG_H

#include "tests/unit/worker_rig.h"

#include "lib/buf.h"

/* One command and what came of it. */
struct command_run {
	struct outcome		 end;		/* of RUN; its text: the result or the failure */
	struct outcome		 said;		/* of the OUTPUT that is asked */
	uint64_t		 token, job;
	uint32_t		 out_cap;	/* of each OUTPUT; 0: 4096 */
	uint32_t		 end_cap;	/* of RUN; 0: 256 KiB */
	struct buf		 out, err;
	uint64_t		 bytes[2];
	bool			 count_only;	/* nothing is kept in out and err */
	struct channel_spent	 spent;
	unsigned		 spents;
	bool			 last;		/* the last OUTPUT was answered */
	bool			 asked;
};

int exec_start(void **state);			/* set-up: one exec worker */

/* Puts RUN and the first OUTPUT, and publishes. */
void command_begin(struct command_run *c, const char *spec, const char *args);
/* Takes what came, asks for more output; true when both have ended. */
bool command_step(struct command_run *c);
void command_wait(struct command_run *c);
void command_free_run(struct command_run *c);
/* Whether or not its output is asked for at the start; all of it in `c`. */
void command_do(struct command_run *c, const char *spec, const char *args);
/* Until its stdout has this text. */
void command_await_output(struct command_run *c, const char *text);
void command_expect(const struct command_run *c, enum channel_status status, const char *part);
/* `{"argv":["sh","-c",SCRIPT]}` as the arguments of a free command; the caller frees. */
char *command_sh(const char *script, const char *more);

#define FREE_SPEC	"{\"free\":true}"

#endif
