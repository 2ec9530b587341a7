/* top_terminal.h - is the terminal one that curses knows? */
#ifndef CLIENT_TOP_TERMINAL_H
#define CLIENT_TOP_TERMINAL_H

#include <stdbool.h>

/* type: as TERM says it. */
bool top_terminal_known(const char *type, int fd);

#endif
