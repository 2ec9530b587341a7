/* top_keys.h - what keys of `jobctl top` mean. */
#ifndef CLIENT_TOP_KEYS_H
#define CLIENT_TOP_KEYS_H

#include "client/top_model.h"

enum top_action {
	TOP_NOTHING,
	TOP_MOVED,		/* the model was changed: draw it */
	TOP_ASK_JOBS,		/* the same, and another list of jobs is wanted */
	TOP_CANCEL,		/* the chosen job, when the user says yes */
	TOP_PAUSE,		/* the chosen queue, or end its pause */
	TOP_EXPLAIN,		/* the chosen job */
	TOP_HELP,
	TOP_REDRAW,
	TOP_QUIT,
};

/* A key that moves is carried out; page: rows of the panel.  Codes are of curses. */
enum top_action top_key(struct top *t, int key, unsigned page);

#endif
