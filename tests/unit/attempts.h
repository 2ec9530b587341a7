/*
 * attempts.h - runs a handler in this process, without a channel: a host for workers/attempt.h.
 *
 * One attempt at a time.  try_run and try_start give the outcome's status; its text is in try_text.
 */
#ifndef UNIT_ATTEMPTS_H
#define UNIT_ATTEMPTS_H

#include "workers/attempt.h"

enum { TRY_OUT_BYTES = 4096 };

extern char		*try_text;		/* result or failure, NUL-terminated; NULL: none */
extern unsigned		 try_progress_count;
extern struct channel_progress try_progress;	/* the last */
extern char		 try_line[CHANNEL_LINE_BYTES + 1];	/* the last that it said */
/* Asked after so many questions of should_stop; 0: never. */
extern unsigned		 try_stop_after;
extern uint32_t		 try_out_cap;		/* at most TRY_OUT_BYTES */

enum channel_status try_run(const struct jobd_handler *h, const char *args);
/* Runs the loop until the attempt has ended; cancel_ms after its start it is cancelled, -1: not. */
enum channel_status try_start(const struct jobd_handler *h, const char *args, int cancel_ms);
void try_fini(void);

#endif
