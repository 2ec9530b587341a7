/* map_bar.h - how far `jobctl map` is, on a terminal. */
#ifndef CLIENT_MAP_BAR_H
#define CLIENT_MAP_BAR_H

#include "client/map.h"

#define BAR_MS	100		/* between two drawings */

struct bar {
	bool	 shown;			/* stderr is a terminal */
	bool	 dirty;			/* it stands there now */
	bool	 shares_stdout;		/* stdout is one too: clear it before a line is printed */
	int64_t	 began_ns, drawn_ns;
	int64_t	 input_bytes;		/* of a file on stdin; 0: not known */
};

void bar_init(struct bar *b);
void bar_clear(struct bar *b);
/* Draws when it is time to. */
void bar_draw(struct bar *b, const struct map *m);
/* The line without the terminal's codes, for the state at now_ns. */
void bar_print(const struct bar *b, const struct map *m, int64_t now_ns, struct buf *out);

#endif
