/* top_keys.c - what keys of `jobctl top` mean.  Runs in: jobctl. */
#include "client/top_keys.h"

#include <curses.h>

#define CONTROL(letter)	((letter) & 0x1f)

struct key {
	int		key;
	enum top_action	action;
	int		rows, pages;	/* it moves by */
	int		panels;
};

static const struct key keys[] = {
	{ KEY_UP, TOP_MOVED, -1, 0, 0 }, { 'k', TOP_MOVED, -1, 0, 0 },
	{ KEY_DOWN, TOP_MOVED, 1, 0, 0 }, { 'j', TOP_MOVED, 1, 0, 0 },
	{ KEY_PPAGE, TOP_MOVED, 0, -1, 0 }, { KEY_NPAGE, TOP_MOVED, 0, 1, 0 },
	{ KEY_HOME, TOP_MOVED, INT32_MIN, 0, 0 }, { 'g', TOP_MOVED, INT32_MIN, 0, 0 },
	{ KEY_END, TOP_MOVED, INT32_MAX, 0, 0 }, { 'G', TOP_MOVED, INT32_MAX, 0, 0 },
	{ '\t', TOP_MOVED, 0, 0, 1 }, { KEY_RIGHT, TOP_MOVED, 0, 0, 1 },
	{ KEY_BTAB, TOP_MOVED, 0, 0, -1 }, { KEY_LEFT, TOP_MOVED, 0, 0, -1 },
	{ 's', TOP_ASK_JOBS, 0, 0, 0 },
	{ 'c', TOP_CANCEL, 0, 0, 0 },
	{ 'p', TOP_PAUSE, 0, 0, 0 },
	{ 'e', TOP_EXPLAIN, 0, 0, 0 }, { '\n', TOP_EXPLAIN, 0, 0, 0 }, { '\r', TOP_EXPLAIN, 0, 0, 0 },
	{ '?', TOP_HELP, 0, 0, 0 }, { 'h', TOP_HELP, 0, 0, 0 },
	{ CONTROL('L'), TOP_REDRAW, 0, 0, 0 },
	{ 'q', TOP_QUIT, 0, 0, 0 }, { 'Q', TOP_QUIT, 0, 0, 0 }, { CONTROL('C'), TOP_QUIT, 0, 0, 0 },
};

enum top_action
top_key(struct top *t, int key, unsigned page)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (keys[i].key != key)
			continue;
		if (keys[i].action == TOP_ASK_JOBS)
			top_next_state(t);
		if (keys[i].panels != 0)
			top_next_panel(t, keys[i].panels);
		else if (keys[i].action == TOP_MOVED)
			top_move(t, (long)keys[i].rows + (long)keys[i].pages * (long)page);
		return keys[i].action;
	}
	return TOP_NOTHING;
}
