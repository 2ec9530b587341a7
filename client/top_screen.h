/* top_screen.h - `jobctl top` on the terminal. */
#ifndef CLIENT_TOP_SCREEN_H
#define CLIENT_TOP_SCREEN_H

#include <stdbool.h>

#include "client/top_model.h"

/* What is said beside the model. */
struct top_view {
	const char	*address;	/* of the daemon */
	char		 note[256];	/* the last line: an answer, a question, an error; "": the keys */
	bool		 bad;		/* it is an error */
	char		*page;		/* a text over the rest, until a key; NULL: none.  Owned */
	char		 page_title[64];
};

/* Takes the terminal.  0, or -1 with a sentence in why[size]: there is none that will do. */
int top_screen_open(bool colours, char *why, size_t size);
void top_screen_close(void);
void top_screen_draw(const struct top *t, const struct top_view *v, int64_t now_ms);
/* All of it anew: something else has written there. */
void top_screen_redraw(void);
/* The next key that was typed; -1: none; 0: none, but the terminal has another size now. */
int top_screen_key(void);
/* Rows that the panel with the keys shows. */
unsigned top_screen_page(const struct top *t);

#endif
