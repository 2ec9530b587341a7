/* inifile.c - INI text, pair by pair.  Runs in: supervisor, jobctl. */
#include "proto/inifile.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "lib/utf8.h"

#define MARK	"\xef\xbb\xbf"		/* some editors begin a file with it */
#define RULES_SECTION	"access"
#define COLON	'\x1f'

struct seen {
	struct list	 link;
	char		*section, *key;
	int		 line;
};

struct reading {
	const char	*at, *end;
	int		 line;		/* of the text handed out last */
	bool		 continues;
	bool		 indented;	/* that line begins with a blank, and goes on with a value */
	char		*section;	/* whole: libinih cuts a section's name at 49 bytes */
	struct list	 seen;
	/* the pair that may still grow */
	char		*key;		/* NULL: none */
	int		 key_line;
	struct buf	 value;
	inifile_take	*take;
	void		*arg;
	bool		 failed;	/* the first trouble ends the reading */
	struct fault	*f;
};

static void
trouble(struct reading *r, int line, const char *why)
{
	r->failed = true;
	r->f->line = line;
	r->f->key[0] = '\0';
	snprintf(r->f->why, sizeof(r->f->why), "%s", why);
}

/* ---- pairs ---- */

static const struct seen *
find_seen(const struct reading *r)
{
	list_for (node, &r->seen) {
		const struct seen	*s = list_entry(node, struct seen, link);

		if (strcmp(s->section, r->section) == 0 && strcmp(s->key, r->key) == 0)
			return s;
	}
	return NULL;
}

static void
remember(struct reading *r)
{
	struct seen	*s = mem_zalloc(1, sizeof(*s));

	s->section = mem_strdup(r->section);
	s->key = mem_strdup(r->key);
	s->line = r->key_line;
	list_push_back(&r->seen, &s->link);
}

static void
forget_seen(struct reading *r)
{
	struct list	*node;

	while ((node = list_pop(&r->seen)) != NULL) {
		struct seen	*s = list_entry(node, struct seen, link);

		free(s->section);
		free(s->key);
		free(s);
	}
}

/* The pair is whole: its next line, if any, was of another one. */
static void
hand_over(struct reading *r)
{
	const struct seen	*before;
	struct pair		 p = { .section = r->section, .key = r->key, .line = r->key_line };

	if (r->key == NULL || r->failed)
		return;
	buf_putc(&r->value, '\0');
	p.value = buf_data(&r->value);
	r->f->line = p.line;
	snprintf(r->f->key, sizeof(r->f->key), "%s%s%s", p.section, p.section[0] == '\0' ? "" : ".",
	    p.key);
	if ((before = find_seen(r)) != NULL) {
		r->failed = true;
		snprintf(r->f->why, sizeof(r->f->why), "is set twice; the first is in line %d",
		    before->line);
	} else {
		remember(r);
		r->failed = !r->take(r->arg, &p, r->f);
	}
	free(r->key);
	r->key = NULL;
	buf_free(&r->value);
}

/* libinih takes comments off the first line of a value only, or off all, as its version is. */
static size_t
until_comment(const char *value)
{
	const char	*at = value;

	while ((at = strchr(at, ';')) != NULL && (at == value || !isspace((unsigned char)at[-1])))
		at++;
	if (at == NULL)
		return strlen(value);
	while (at > value && isspace((unsigned char)at[-1]))
		at--;
	return (size_t)(at - value);
}

/* libinih: one `name = value`, or one more line of it. */
static int
take_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading	*r = arg;
	char		*colon;

	(void)section;
	if (r->failed)
		return 1;
	if (r->indented && r->key != NULL) {
		buf_putc(&r->value, ' ');
		buf_append(&r->value, value, until_comment(value));
		return 1;
	}
	hand_over(r);
	if (r->failed)
		return 1;
	r->key = mem_strdup(name);
	if ((colon = strchr(r->key, COLON)) != NULL)
		*colon = ':';
	r->key_line = r->line;
	buf_puts(&r->value, value);
	return 1;
}

/* ---- lines ---- */

static void
enter_section(struct reading *r, const char *text)
{
	const char	*end = strchr(text, ']');

	if (end == NULL) {
		trouble(r, r->line, "a [section] lacks its `]`");
		return;
	}
	hand_over(r);
	free(r->section);
	r->section = mem_strndup(text, (size_t)(end - text));
}

/*
 * libinih takes a colon for an equals sign: in a rule's key, `user:ann = operator`, it is neither, and goes
 * by as a byte that no text has.
 */
static void
hide_colon(const struct reading *r, char *line)
{
	char	*colon = strchr(line, ':'), *equals = strchr(line, '=');

	if (strcmp(r->section, RULES_SECTION) == 0 && colon != NULL && equals != NULL &&
	    colon < equals && strchr("#;[", line[0]) == NULL)
		*colon = COLON;
}

/*
 * libinih's way to ask for the next line, as fgets(3).  It has room for lines of `room` bytes only,
 * and would read the rest of a longer one as a line of its own.
 */
static char *
next_line(char *out, int room, void *arg)
{
	struct reading	*r = arg;
	const char	*newline;
	size_t		 len, blanks = 0;

	if (r->failed || r->at == r->end)
		return NULL;
	r->line++;
	newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	len = newline == NULL ? (size_t)(r->end - r->at) : (size_t)(newline - r->at) + 1;
	if (len + 1 > (size_t)room) {
		char	why[120];

		snprintf(why, sizeof(why), "a line of a file has at most %d bytes%s", room - 2,
		    r->continues ? "; one that begins with a blank goes on with the value before it" :
		    "; --set takes longer values");
		trouble(r, r->line, why);
		return NULL;
	}
	while (blanks < len && r->at[blanks] != '\n' && isspace((unsigned char)r->at[blanks]))
		blanks++;
	r->indented = r->continues && blanks > 0;
	/* Without its blanks, where they mean nothing: libinih would take it for more of a value. */
	if (r->indented && r->key != NULL)
		blanks = 0;
	memcpy(out, r->at + blanks, len - blanks);
	out[len - blanks] = '\0';
	r->at += len;
	if (out[0] == '[')
		enter_section(r, out + 1);
	hide_colon(r, out);
	return out;
}

/* ---- the whole ---- */

/* Values end up in JSON and in C strings. */
static bool
check_bytes(struct reading *r)
{
	int	line = 1;

	for (const char *p = r->at; p < r->end;) {
		size_t	n = utf8_sequence(p, (size_t)(r->end - p));

		if (n == 0 || *p == '\0') {
			trouble(r, line, n == 0 ? "is not UTF-8" : "has a NUL byte");
			return false;
		}
		line += *p == '\n';
		p += n;
	}
	return true;
}

int
inifile_read(const char *text, size_t len, bool continues, inifile_take *take, void *arg,
    struct fault *f)
{
	struct reading	r = { .at = text, .end = text + len, .continues = continues, .take = take,
	    .arg = arg, .f = f, .section = mem_strdup("") };
	int		bad_line = 0;

	memset(f, 0, sizeof(*f));
	list_init(&r.seen);
	if (len >= strlen(MARK) && memcmp(text, MARK, strlen(MARK)) == 0)
		r.at += strlen(MARK);
	if (check_bytes(&r))
		bad_line = ini_parse_stream(next_line, &r, take_pair, &r);
	hand_over(&r);
	if (!r.failed && bad_line != 0)
		trouble(&r, bad_line, "neither [section] nor key = value");
	free(r.section);
	free(r.key);
	buf_free(&r.value);
	forget_seen(&r);
	return r.failed ? -EINVAL : 0;
}
