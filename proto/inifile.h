/*
 * inifile.h - the text of an INI file, pair by pair, by libinih.
 *
 *   ; and # begin comments; so does a ; behind a blank, also inside a value
 *   key = value
 *     and more of it		a line that begins with a blank goes on with the value before it
 *   [section]
 *
 * A line has at most 198 bytes (libinih's bound); a value of several lines has any length, its lines
 * are joined by one blank each.  No key may be there twice in one section.
 */
#ifndef PROTO_INIFILE_H
#define PROTO_INIFILE_H

#include <stdbool.h>
#include <stddef.h>

/* Where a file is wrong and how; what `jobd --check-config` and the log say of it. */
struct fault {
	int	line;		/* 0: no line is to blame */
	char	key[128];	/* `key`, `section.key`; "": no key is to blame */
	char	why[512];
};

struct pair {
	const char	*section;	/* "" before the first one */
	const char	*key, *value;
	int		 line;		/* where it begins */
};

/*
 * Each pair in order to take(), which returns false when it has filled *f (the line and the key are
 * filled in for it); then reading ends.  0, or -EINVAL with *f.
 *
 *   continues	whether values may be of several lines; else blanks at the start mean nothing
 */
typedef bool inifile_take(void *arg, const struct pair *p, struct fault *f);
int inifile_read(const char *text, size_t len, bool continues, inifile_take *take, void *arg,
    struct fault *f);

#endif
