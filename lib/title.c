/* title.c - what ps(1) shows.  Runs in: every process of the daemon. */
#include "lib/title.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"

#define ROOM_ENOUGH	128

static char	*room;
static size_t	 room_bytes;

/* The environment follows argv in memory: of a short command line some of it is taken too. */
static char *
take_environment(char *end)
{
	for (size_t i = 0; environ[i] == end && end - room < ROOM_ENOUGH; i++) {
		end += strlen(end) + 1;
		environ[i] = mem_strdup(environ[i]);
	}
	return end;
}

void
title_init(int *argc, char **argv)
{
	char	*end;
	size_t	 len = strlen(argv[*argc - 1]);

	room = argv[0];
	end = take_environment(argv[*argc - 1] + len + 1);
	room_bytes = (size_t)(end - room);
	if (*argc > 1 && len == TITLE_PAD_BYTES && argv[*argc - 1][0] == ' ')
		argv[--*argc] = NULL;
	for (int i = 0; i < *argc; i++)		/* the title will overwrite them */
		argv[i] = mem_strdup(argv[i]);
}

void
title_set(const char *text)
{
	size_t	len = strlen(text);

	if (room == NULL)
		return;
	if (len > room_bytes - 1)
		len = room_bytes - 1;
	memcpy(room, text, len);
	memset(room + len, 0, room_bytes - len);
}
