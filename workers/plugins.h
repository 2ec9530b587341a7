/*
 * plugins.h - handlers from shared objects (handler.h), loaded once, when a worker starts.
 *
 * A plugin that does not keep the rules is refused as a whole and reported; the others stay.
 */
#ifndef WORKERS_PLUGINS_H
#define WORKERS_PLUGINS_H

#include <stddef.h>

#include "workers/handler.h"

#define PLUGINS_MAX		64	/* files */
#define PLUGINS_TYPES_MAX	256	/* of all of them together */

struct plugin {
	char		*file;		/* "example.so"; the directory's path, if that was refused */
	char		*why;		/* a sentence; NULL: it is loaded */
	char		*name, *version;	/* NULL: not known */
	struct jobd_handler *handlers;	/* copies, as this program knows the struct */
	size_t		 handlers_len;
};

/*
 * Adds to the table of handlers (handlers.h) what a directory has, in order of names.  The directory and each file must belong to root or
 * to this process's user, and nobody else may write them.
 *
 *   dir	absolute path
 *   optional	a directory that does not exist is fine
 */
void plugins_load(const char *dir, bool optional);
void plugins_fini(void);
/* Walk: *at starts at 0; NULL at the end. */
const struct plugin *plugins_next(size_t *at);

#endif
