/*
 * config_file.c - settings from an INI file, by libinih.  Runs in: supervisor, before it starts
 * anything.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "proto/config.h"

struct seen {
	struct list	 link;
	char		*key;		/* `section.key` */
	int		 line;
};

struct reading {
	FILE		*file;
	const char	*path;
	int		 line;		/* of the text handed out last */
	char		*section;	/* whole: libinih cuts a section's name at 49 bytes */
	struct list	 seen;
	config_file_set	*set;
	void		*arg;
	int		 rc;		/* the first trouble ends the reading */
	char		*why;
	size_t		 size;
};

static void
trouble(struct reading *r, const char *reason)
{
	r->rc = -EINVAL;
	snprintf(r->why, r->size, "%s:%d: %s", r->path, r->line, reason);
}

static void
enter_section(struct reading *r, const char *text)
{
	const char	*end = strchr(text, ']');

	if (end == NULL) {
		trouble(r, "a [section] lacks its `]`");
		return;
	}
	free(r->section);
	r->section = mem_strndup(text, (size_t)(end - text));
}

/*
 * libinih's way to ask for the next line, as fgets(3).  Blanks at the start are taken off here, or
 * libinih would take the line for more of the value before it.  It has room for lines of `room`
 * bytes only and would read the rest of a longer one as a line of its own.
 */
static char *
next_line(char *out, int room, void *arg)
{
	struct reading	*r = arg;
	char		*start;

	if (r->rc != 0 || fgets(out, room, r->file) == NULL)
		return NULL;
	r->line++;
	if (strchr(out, '\n') == NULL && !feof(r->file)) {
		char	reason[100];

		snprintf(reason, sizeof(reason), "a line of a file has at most %d bytes; "
		    "--set takes longer values", room - 2);
		trouble(r, reason);
		return NULL;
	}
	for (start = out; *start != '\n' && isspace((unsigned char)*start); start++)
		;
	memmove(out, start, strlen(start) + 1);
	if (out[0] == '[')
		enter_section(r, out + 1);
	return out;
}

static const struct seen *
find_seen(const struct reading *r, const char *key)
{
	list_for (node, &r->seen) {
		const struct seen	*s = list_entry(node, struct seen, link);

		if (strcmp(s->key, key) == 0)
			return s;
	}
	return NULL;
}

static void
remember(struct reading *r, char *key)
{
	struct seen	*s = mem_zalloc(1, sizeof(*s));

	s->key = key;
	s->line = r->line;
	list_push_back(&r->seen, &s->link);
}

/* libinih: one `name = value`. */
static int
take_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading		*r = arg;
	const struct seen	*before;
	char			 reason[512], *key, *setting;

	(void)section;
	if (r->rc != 0)
		return 1;
	if (r->section == NULL) {
		trouble(r, "a key before the first [section]");
		return 1;
	}
	key = mem_printf("%s.%s", r->section, name);
	if ((before = find_seen(r, key)) != NULL) {
		snprintf(reason, sizeof(reason), "%.200s is set twice; the first is in line %d",
		    key, before->line);
		trouble(r, reason);
		free(key);
		return 1;
	}
	remember(r, key);
	setting = mem_printf("%s=%s", key, value);
	if (r->set(r->arg, setting, reason, sizeof(reason)) != 0)
		trouble(r, reason);
	free(setting);
	return 1;
}

static void
forget_seen(struct reading *r)
{
	struct list	*node;

	while ((node = list_pop(&r->seen)) != NULL) {
		struct seen	*s = list_entry(node, struct seen, link);

		free(s->key);
		free(s);
	}
}

int
config_file_read(const char *path, config_file_set *set, void *arg, char *why, size_t size)
{
	struct reading	r = { .path = path, .set = set, .arg = arg, .why = why, .size = size };
	int		bad_line;

	if ((r.file = fopen(path, "re")) == NULL) {
		r.rc = -errno;
		snprintf(why, size, "%s: cannot be read: %s", path, strerror(-r.rc));
		return r.rc;
	}
	list_init(&r.seen);
	bad_line = ini_parse_stream(next_line, &r, take_pair, &r);
	if (r.rc == 0 && ferror(r.file)) {
		r.rc = -EIO;
		snprintf(why, size, "%s: cannot be read", path);
	} else if (r.rc == 0 && bad_line != 0) {
		r.line = bad_line;
		trouble(&r, "neither [section] nor key = value");
	}
	fclose(r.file);
	free(r.section);
	forget_seen(&r);
	return r.rc;
}
