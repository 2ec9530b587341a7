/*
 * top_terminal.c - is the terminal one that curses knows?  Runs in: jobctl.
 *
 * In a file of its own: term.h has macros with names like `lines`.  newterm(3) would tell too, but
 * loses memory when it fails.
 */
#include <curses.h>
#include <term.h>

#include "client/top_terminal.h"

bool
top_terminal_known(const char *type, int fd)
{
	int	rc;

	if (setupterm(type, fd, &rc) == ERR)
		return false;
	del_curterm(cur_term);
	return true;
}
