/* config_page.c - options on paper.  Runs in: docs/config_pages, which makes the pages. */
#include "proto/config_page.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/config.h"

#define COLUMNS		74	/* less than a page has: some characters take more room in mdoc(7) */
#define PLUGINS_TEXT	"plugins in jobd's library directory"

static const struct {
	const char	*section, *about;
} sections[] = {
	{ "jobs", "Jobs that wait, run and have ended." },
	{ "store", "Where durable jobs are kept." },
	{ "history", "Durable jobs that have ended." },
	{ "logs", "What jobs say on stdout and stderr." },
	{ "net", "Clients." },
	{ "workers", "Processes that run jobs." },
	{ "commands", "Commands, which exec workers start." },
	{ "files", "Types that work on files." },
	{ "sql", "The type sql.query." },
	{ "plugins", "Types of plugins." },
	{ "stop", "The end of the daemon." },
	{ "log", "The daemon's own log." },
	{ "core", "For debugging." },
	{ "users", "Whom processes run as, when root starts jobd." },
	{ "access", "Who may do what. Beside these options there are rules, one for a user, a group or the "
	    "name in a certificate: `user:ann = operator`, `group:ci = submitter build deploy`, "
	    "`cert:builder = submitter build`. A rule gives a role (viewer, submitter, operator, admin) "
	    "and, to submitters, the types of jobs that they may submit." },
	{ "audit", "What is written down of who did what." },
	{ "tls", "TLS, which clients from other machines need." },
	{ "http", "A page for monitoring, for programs of this machine." },
	{ "loop", "The loop of the broker, in which all is decided." },
	{ "queue", "One queue. What an operator sets of it (queue.set) wins over what is here." },
	{ "type", "One type of jobs." },
	{ "cron", "A schedule: each time, its job is submitted." },
	{ "quota", "Limits of one principal, as `uid:1000`, `token:ci` or `cert:builder`." },
};

static const char *
about_section(const char *section)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (strcmp(sections[i].section, section) == 0)
			return sections[i].about;
	}
	return "";
}

/* The directory depends on where jobd is installed. */
static const char *
usual(const struct config_about *o)
{
	return strcmp(o->usual, PLUGINDIR) == 0 ? PLUGINS_TEXT : o->usual;
}

static bool
ends_sentence(const char *word, size_t len)
{
	return len > 1 && word[len - 1] == '.';
}

/*
 * Words in lines of at most COLUMNS, each with the prefix.  put() writes a word; sentences: each
 * begins a line, as mdoc(7) has it.
 */
static void
put_lines(struct buf *out, const char *prefix, const char *text, bool sentences,
    void (*put)(struct buf *out, const char *word, size_t len, bool first))
{
	size_t	column = 0;
	bool	fresh = true;

	while (*text != '\0') {
		size_t	len = strcspn(text, " ");

		if (!fresh && column + 1 + len > COLUMNS) {
			buf_putc(out, '\n');
			fresh = true;
		}
		if (fresh) {
			buf_puts(out, prefix);
			column = strlen(prefix);
		} else {
			buf_putc(out, ' ');
			column++;
		}
		column -= buf_len(out);
		put(out, text, len, fresh);
		column += buf_len(out);		/* with what it escapes */
		fresh = sentences && ends_sentence(text, len) && text[len] != '\0';
		if (fresh)
			buf_putc(out, '\n');
		text += len;
		text += strspn(text, " ");
	}
	buf_putc(out, '\n');
}

/* ---- the file ---- */

static void
put_plain(struct buf *out, const char *word, size_t len, bool first)
{
	(void)first;
	buf_append(out, word, len);
}

struct page {
	struct buf	*out;
	char		 section[64];	/* the last one */
	bool		 listing;	/* its list is open */
};

static bool
is_new_section(struct page *p, const struct config_about *o)
{
	if (strcmp(p->section, o->section) == 0)
		return false;
	memset(p->section, 0, sizeof(p->section));
	strncpy(p->section, o->section, sizeof(p->section) - 1);
	return true;
}

static void
tell_file(void *arg, const struct config_about *o)
{
	struct page	*p = arg;
	struct buf	*out = p->out;

	if (is_new_section(p, o)) {
		buf_putc(out, '\n');
		put_lines(out, "# ", about_section(o->section), false, put_plain);
		buf_printf(out, "%s[%s%s]\n", o->named ? "#" : "", o->section,
		    o->named ? " NAME" : "");
	}
	buf_putc(out, '\n');
	put_lines(out, "# ", o->help, false, put_plain);
	put_lines(out, "# ", o->allowed, false, put_plain);
	buf_printf(out, "%s#%s =%s%s\n", o->live ? "" : "# After a restart.\n", o->key,
	    o->usual[0] == '\0' ? "" : " ", usual(o));
}

void
config_page_file(struct buf *out)
{
	struct page	p = { .out = out };

	buf_puts(out,
	    "# jobd.conf - configuration of jobd; see jobd.conf(5).\n"
	    "#\n"
	    "# Each option is here with its default, commented out.  Stronger than this file are\n"
	    "# jobd.conf.d/*.conf beside it, in order of their names, then variables such as\n"
	    "# JOBD_JOBS__GRACE_MS, then the command line.  `jobctl config show` says what is in\n"
	    "# force and where it comes from; `jobctl config check FILE` looks for mistakes;\n"
	    "# `jobctl reload`, or SIGHUP, puts changes in force, but for options that say\n"
	    "# otherwise here.\n");
	config_describe(tell_file, &p);
}

/* ---- the manual page ---- */

/* A line of text must not begin as a request does. */
static void
put_mdoc(struct buf *out, const char *word, size_t len, bool first)
{
	if (first && (word[0] == '.' || word[0] == '\''))
		buf_puts(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '\\')
			buf_puts(out, "\\e");
		else if (word[i] == '`')
			buf_puts(out, "\\(ga");
		else
			buf_putc(out, word[i]);
	}
}

static void
put_sentence(struct buf *out, const char *text)
{
	struct buf	 sentence = { 0 };
	char		*all;

	buf_puts(&sentence, text);
	if (text[0] != '\0' && text[strlen(text) - 1] != '.')
		buf_putc(&sentence, '.');
	all = buf_take_string(&sentence);
	if (islower((unsigned char)all[0]))
		all[0] = (char)toupper((unsigned char)all[0]);
	put_lines(out, "", all, true, put_mdoc);
	free(all);
}

static void
tell_manual(void *arg, const struct config_about *o)
{
	struct page	*p = arg;
	struct buf	*out = p->out, line = { 0 };
	char		*text;

	if (is_new_section(p, o)) {
		if (p->listing)
			buf_puts(out, ".El\n");
		p->listing = true;
		buf_printf(out, ".Ss %s%s\n", o->section, o->named ? " NAME" : "");
		put_sentence(out, about_section(o->section));
		buf_puts(out, ".Bl -tag -width Ds\n");
	}
	buf_printf(out, ".It Cm %s\n", o->key);
	put_sentence(out, o->help);
	put_sentence(out, o->allowed);
	buf_printf(&line, "%s%s.%s", o->usual[0] == '\0' ? "No default" : "Default: ", usual(o),
	    o->live ? "" : " Takes effect with the next start.");
	text = buf_take_string(&line);
	put_lines(out, "", text, true, put_mdoc);
	free(text);
}

static const char	before[] =
    ".Dd November 22, 2026\n"
    ".Dt JOBD.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm jobd.conf\n"
    ".Nd configuration of jobd\n"
    ".Sh DESCRIPTION\n"
    "What\n"
    ".Xr jobd 8\n"
    "goes by is read, each stronger than those before it, from\n"
    ".Bl -enum\n"
    ".It\n"
    "the defaults, which are those below;\n"
    ".It\n"
    "the file: the one of\n"
    ".Fl c ,\n"
    "else, when systemd has set\n"
    ".Ev CONFIGURATION_DIRECTORY ,\n"
    ".Pa jobd.conf\n"
    "in that directory, else for root\n"
    ".Pa jobd/jobd.conf\n"
    "below the directory of configuration files (usually\n"
    ".Pa /etc ) ,\n"
    "and for a user\n"
    ".Pa $XDG_CONFIG_HOME/jobd/jobd.conf\n"
    "or\n"
    ".Pa ~/.config/jobd/jobd.conf ;\n"
    "but for that of\n"
    ".Fl c\n"
    "it need not be there;\n"
    ".It\n"
    "the drop-ins: files\n"
    ".Pa *.conf\n"
    "in the directory with the file's name and\n"
    ".Pa .d ,\n"
    "as\n"
    ".Pa jobd.conf.d ,\n"
    "in order of their names;\n"
    ".It\n"
    "the environment:\n"
    ".Ev JOBD_JOBS__GRACE_MS\n"
    "is\n"
    ".Cm grace_ms\n"
    "of\n"
    ".Bq jobs ,\n"
    "and so are others, but for those of sections with a name;\n"
    ".It\n"
    "the command line:\n"
    ".Fl -set Ar section.key Ns = Ns Ar value ,\n"
    "and options that stand for one.\n"
    ".El\n"
    ".Pp\n"
    "A file has sections in brackets and lines\n"
    ".Ar key No = Ar value ,\n"
    "of at most 198 bytes.\n"
    "Lines that begin with\n"
    ".Ql #\n"
    "or\n"
    ".Ql \\&;\n"
    "are comments, and so is what follows a blank and\n"
    ".Ql \\&;\n"
    "in a line.\n"
    "A section may be there more than once, a key in one file only once.\n"
    "Who may write a file decides what\n"
    ".Xr jobd 8\n"
    "does: the file and its directory belong to root, or to the user who starts it,\n"
    "and neither their group nor others may write them; else jobd does not start, and\n"
    "a reload fails.\n"
    "Durations have a unit\n"
    ".Pq Cm ms , s , m , h , d ;\n"
    "a key that ends in\n"
    ".Cm _ms\n"
    "takes a bare number of milliseconds, too.\n"
    "Sizes are bytes, or have\n"
    ".Cm K , M\n"
    "or\n"
    ".Cm G\n"
    "behind them, for powers of 1024.\n"
    ".Pp\n"
    "What is unknown, twice there or out of its range is refused with file, line, key\n"
    "and what is allowed:\n"
    ".Nm jobd\n"
    "then ends with status 78, and a reload changes nothing.\n"
    ".Ql jobctl config check Ar file\n"
    "looks for such mistakes without a daemon,\n"
    ".Ql jobd --check-config\n"
    "looks for more of them,\n"
    ".Ql jobctl config show\n"
    "tells what is in force and where it comes from.\n"
    ".Ss Reload\n"
    ".Dv SIGHUP ,\n"
    ".Ql jobctl reload\n"
    "and\n"
    ".Ql systemctl reload jobd\n"
    "read all of it again, with the types of\n"
    ".Cm jobs.dir ,\n"
    "rules and tokens.\n"
    "Only when all is well, it is in force: as a whole, while jobs run.\n"
    "Options below that say so wait for the next start.\n"
    ".Sh OPTIONS\n";

static const char	after[] =
    ".Sh EXAMPLES\n"
    "Two mails at once, and a job each night:\n"
    ".Bd -literal -offset indent\n"
    "[queue mail]\n"
    "max_running = 2\n"
    "rate = 5\n"
    "\n"
    "[cron report]\n"
    "when = 30 2 * * *\n"
    "time_zone = Europe/Berlin\n"
    "job = {\"type\": \"command\", \"args\": {\"argv\": [\"/usr/local/bin/report\"]}}\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr jobctl 1 ,\n"
    ".Xr jobd.job 5 ,\n"
    ".Xr jobd 8\n";

void
config_page_manual(struct buf *out)
{
	struct page	p = { .out = out };

	buf_puts(out, before);
	config_describe(tell_manual, &p);
	buf_puts(out, ".El\n");
	buf_puts(out, after);
}
