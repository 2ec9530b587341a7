/*
 * settings.h - what was set, and by whom: texts for config_set, each with the place that it comes
 * from.  The supervisor gathers them and hands them to the broker in a sealed memfd.
 *
 * Sources are added in rising strength: who sets a key again takes it over.
 */
#ifndef PROTO_SETTINGS_H
#define PROTO_SETTINGS_H

#include <stddef.h>

#include "lib/list.h"
#include "lib/map.h"

#define SETTINGS_BYTES_MAX	(16 << 20)	/* of all, as they are handed over */

struct config;

struct setting {
	struct list	 link;
	char		*text;		/* `section.key=value` */
	size_t		 name_len;	/* of what stands before the equals sign */
	char		*origin;	/* `FILE:LINE`, `environment NAME`, `command line` */
};

struct settings {
	struct list	 all;		/* of struct setting, in the order in which they came */
	struct namemap	 by_name;
};

void settings_init(struct settings *s);
void settings_fini(struct settings *s);
/* All of from, which is empty afterwards; what was in *to is gone. */
void settings_move(struct settings *to, struct settings *from);
/* One of the same name gives way. */
void settings_add(struct settings *s, const char *text, const char *origin);
/* name: `section.key`; NULL: nobody set it, so it has its default. */
const struct setting *settings_find(const struct settings *s, const char *name);

/* A sealed memfd with all of them, or -errno. */
int settings_share(const struct settings *s);
/*
 * What settings_share wrote: into *s (initialised), and set in *c.  0, or -EINVAL with a sentence in
 * why[size]; the descriptor stays the caller's.
 */
int settings_receive(int fd, struct settings *s, struct config *c, char *why, size_t size);

#endif
