/* args.h - the argument of a built-in handler, from JSON text to checked values, by rows. */
#ifndef HANDLERS_ARGS_H
#define HANDLERS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/handler.h"

enum args_type {
	ARGS_INTEGER,		/* into an int64_t; min..max is its range */
	ARGS_TEXT,		/* into a const char *; min..max bytes of UTF-8 without NUL */
};

struct args_row {
	const char	*name;
	enum args_type	 type;
	bool		 required;	/* else the struct keeps what the caller put there */
	int64_t		 min, max;
	size_t		 offset;	/* in the handler's struct */
};

struct json_t;

/*
 * Reads an object of exactly these members into *out.  Returns the tree in which the texts live,
 * for args_free; or NULL after the attempt was failed with a message that names the member.
 */
struct json_t *args_read(struct jobd_attempt *at, const struct args_row *rows, size_t count,
    void *out);
void args_free(struct json_t *tree);

#endif
