/* outcome.h - how a job ended, and its result in pieces when it is long. */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include "client/ctl.h"

/* {id, state, result | result_bytes | failure | reason}; a whole job of job.get has these too. */
struct outcome {
	int64_t		 id;
	char		*state;
	struct span	 result;	/* len 0: none here */
	int64_t		 result_bytes;	/* -1: it is in result, or there is none */
	char		*failure;	/* failure.kind, or NULL */
	char		*message;	/* failure.message or reason, or NULL */
	int		 status;	/* that a command's failure stands for, as a shell says it; 0 */
};
/* False when id or state is missing.  The spans point into value. */
bool outcome_read(struct span value, struct outcome *out);
void outcome_free(struct outcome *o);
bool outcome_good(const struct outcome *o);

/* The exit status; for a job that did not succeed one line on stderr says why. */
int outcome_exit(const struct ctl *ctl, const struct outcome *o);
/* The same of a command, whose success may have a status too. */
int outcome_exit_command(const struct ctl *ctl, const struct outcome *o);

/* ---- results in pieces: job.result ---- */

struct piece {
	struct buf	 text;		/* decoded; piece_fini frees it */
	bool		 last;
};
/* Bytes to ask for, so that a piece fits a line even when every second byte is escaped. */
int64_t piece_limit(int64_t line_bytes);
void piece_put_params(int64_t id, int64_t offset, int64_t limit, struct buf *out);
/* Checks a reply of job.result for the bytes from offset on; false: it is something else. */
bool piece_read(struct span value, int64_t offset, struct piece *out);
void piece_fini(struct piece *p);

/* Prints a whole result, flushing it as it grows.  0 or the exit status, reason said. */
int outcome_print_result(struct ctl *ctl, int64_t id);

#endif
