/* complete.c - what the last of some words could become.  Runs in: jobctl. */
#include "client/complete.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define PATIENCE_MS	1000	/* somebody waits with a finger on the tab key */

static const char *const states[] = {
#define STATE(symbol, finished, meaning) #symbol,
#include "proto/states.def"
#undef STATE
	NULL
};

static const char *const lanes[] = { "inline", "async", "thread", "process", NULL };

struct completer {
	struct ctl	*ctl;
	const struct verb *verb;
	const char	*before;	/* `--queue=`, which the candidate repeats */
	const char	*word;		/* the unfinished one */
};

static void
offer(struct completer *c, const char *text, const char *about)
{
	struct buf	*out = &c->ctl->out;

	if (strncmp(text, c->word, strlen(c->word)) != 0 || strpbrk(text, "\t\n") != NULL)
		return;
	buf_puts(out, c->before);
	buf_puts(out, text);
	if (about != NULL && about[0] != '\0' && strpbrk(about, "\t\n") == NULL)
		buf_printf(out, "\t%s", about);
	buf_putc(out, '\n');
}

/* ---- what a word of a usage stands for ---- */

static const struct source {
	const char		*word;
	const char *const	*list;		/* NULL: the daemon's */
	const char		*method, *member, *about;
} sources[] = {
	{ "TYPE",	NULL,	"type.list",	"name",	"summary" },
	{ "QUEUE",	NULL,	"queue.list",	"name",	NULL },
	{ "GROUP",	NULL,	"group.list",	"group", "state" },
	{ "SCHEDULE",	NULL,	"cron.list",	"name",	"when" },
	{ "TOKEN",	NULL,	"token.list",	"name",	"role" },
	{ "WORKER",	NULL,	"worker.list",	"name",	"lane" },
	{ "ID",		NULL,	"job.list",	"id",	"type" },
	{ "IDS",	NULL,	"job.list",	"id",	"type" },
	{ "STATE",	states,	NULL,		NULL,	NULL },
	{ "LANE",	lanes,	NULL,		NULL,	NULL },
};

static void
offer_items(struct completer *c, const struct source *s, const char *answer)
{
	struct json_walk w;
	struct span	 items, name;

	if (!json_member((struct span){ answer, strlen(answer) }, "items", &items))
		return;
	json_array(&w, items);
	while (json_element(&w)) {
		char	*about = s->about != NULL ? json_text(w.value, s->about) : NULL, *text;

		if (json_member(w.value, s->member, &name)) {
			text = json_plain(name);
			offer(c, text, about);
			free(text);
		}
		free(about);
	}
}

static void
ask_daemon(struct completer *c, const struct source *s)
{
	struct jobd_options	 options = {
		.address = c->ctl->opt.text[OPT_host], .client = "jobctl/" PACKAGE_VERSION,
		.timeout_ms = PATIENCE_MS,
	};
	char			*answer;

	if (c->ctl->conn == NULL && jobd_open(&options, &c->ctl->conn, NULL) != 0)
		return;
	if (jobd_ask(c->ctl->conn, s->method, NULL, PATIENCE_MS, &answer, NULL) != 0)
		return;
	offer_items(c, s, answer);
	free(answer);
}

static void
offer_signals(struct completer *c)
{
	for (int n = 1; n < NSIG; n++)
		if (sigabbrev_np(n) != NULL)
			offer(c, sigabbrev_np(n), sigdescr_np(n));
}

static void
offer_verbs(struct completer *c)
{
	for (size_t i = 0; verbs[i] != NULL; i++)
		offer(c, verbs[i]->name, verbs[i]->summary);
}

/* `TYPE`: what the daemon has.  `skip`, `-`, `@last`: itself.  `FILE`, `N`: nobody knows. */
static void
offer_meaning(struct completer *c, const char *word)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct source	*s = &sources[i];

		if (strcmp(word, s->word) != 0)
			continue;
		for (size_t j = 0; s->list != NULL && s->list[j] != NULL; j++)
			offer(c, s->list[j], NULL);
		if (s->list == NULL)
			ask_daemon(c, s);
		return;
	}
	if (strcmp(word, "SIGNAL") == 0)
		offer_signals(c);
	else if (strcmp(word, "VERB") == 0)
		offer_verbs(c);
	else if (word[0] < 'A' || word[0] > 'Z')
		offer(c, word, NULL);
}

/* Each of `skip|block`. */
static void
offer_meanings(struct completer *c, const char *words)
{
	char	*copy = mem_strdup(words), *save = NULL;

	for (char *w = strtok_r(copy, "|", &save); w != NULL; w = strtok_r(NULL, "|", &save))
		offer_meaning(c, w);
	free(copy);
}

/* ---- options ---- */

static bool
has_option(const struct completer *c, const struct option_row *row)
{
	return (row->verbs & (FOR_ALL | (c->verb != NULL ? c->verb->options : 0))) != 0;
}

static void
offer_options(struct completer *c)
{
	for (int i = 0; i < OPTIONS; i++) {
		char	*name;

		if (!has_option(c, &option_rows[i]))
			continue;
		name = mem_printf("--%s", option_rows[i].name);
		offer(c, name, option_rows[i].help);
		free(name);
	}
}

static void
offer_value(struct completer *c, const struct option_row *row)
{
	static const char *const	formats[] = { "json", "ndjson", "id", "wide", "chrome" };

	if (row->kind != OPTION_FORMAT) {
		offer_meanings(c, row->argument);
		return;
	}
	for (unsigned f = FORMAT_JSON; f < FORMATS; f++)
		if (c->verb == NULL || (c->verb->formats & FORMAT_BIT(f)) != 0)
			offer(c, formats[f - FORMAT_JSON], NULL);
}

/* The option that a whole word is, if it takes the next one as its value. */
static const struct option_row *
wants_next(const struct completer *c, const char *word)
{
	size_t	len = strlen(word);

	for (int i = 0; i < OPTIONS; i++) {
		const struct option_row	*row = &option_rows[i];

		if (!has_option(c, row) || row->argument == NULL)
			continue;
		if (strncmp(word, "--", 2) == 0 && strcmp(word + 2, row->name) == 0)
			return row;
		if (len == 2 && word[0] == '-' && row->letter != 0 && word[1] == row->letter)
			return row;
	}
	return NULL;
}

/* `--queue=ma` */
static bool
offer_after_equals(struct completer *c)
{
	const char	*equals = strchr(c->word, '=');
	char		*name;
	const struct option_row *row;

	if (strncmp(c->word, "--", 2) != 0 || equals == NULL)
		return false;
	name = mem_strndup(c->word, (size_t)(equals - c->word));
	row = wants_next(c, name);
	free(name);
	if (row == NULL)
		return true;
	name = mem_strndup(c->word, (size_t)(equals + 1 - c->word));
	c->before = name;
	c->word = equals + 1;
	offer_value(c, row);
	c->before = "";
	free(name);
	return true;
}

/* ---- operands ---- */

/* What may stand at a place of `TYPE [JSON | -]`; words with | between share one. */
static void
offer_operand(struct completer *c, int place)
{
	char	*usage = mem_strdup(c->verb->operands), *save = NULL;
	int	 at = -1;
	bool	 other = false;

	for (char *w = usage; *w != '\0'; w++)
		if (*w == '[' || *w == ']')
			*w = ' ';
	for (char *w = strtok_r(usage, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		if (strcmp(w, "|") == 0) {
			other = true;
			continue;
		}
		at += !other || at < 0;
		other = false;
		if (at == place || (at < place && strcmp(w, "IDS") == 0))
			offer_meaning(c, w);
	}
	free(usage);
}

/* ---- words ---- */

/* Names of verbs that begin with what is there: `queue`, then `pause`. */
static void
offer_verb_words(struct completer *c, const char *first)
{
	size_t	len = first != NULL ? strlen(first) : 0;

	for (size_t i = 0; verbs[i] != NULL; i++) {
		const char	*name = verbs[i]->name, *blank = strchr(name, ' ');
		char		*word;

		if (first != NULL) {
			if (strncmp(name, first, len) == 0 && name[len] == ' ')
				offer(c, name + len + 1, verbs[i]->summary);
			continue;
		}
		word = blank == NULL ? mem_strdup(name) : mem_strndup(name, (size_t)(blank - name));
		if (i == 0 || strncmp(verbs[i - 1]->name, word, strlen(word)) != 0)
			offer(c, word, blank == NULL ? verbs[i]->summary : "");
		free(word);
	}
}

/* Bash gives `--queue=ma` as three words, of which the `=` says nothing. */
static int
drop_equals(char **words, int n)
{
	int	kept = 0;

	for (int i = 0; i < n; i++) {
		bool	equals = i > 0 && strcmp(words[i], "=") == 0 &&
			    strncmp(words[i - 1], "--", 2) == 0;

		if (!equals)
			words[kept++] = words[i];
		else if (i == n - 1)
			words[kept++] = words[i] + 1;	/* nothing is typed of the value yet */
	}
	return kept;
}

struct place {
	const struct option_row	*option;	/* whose value the unfinished word is */
	const char		*first;		/* a word that a verb begins with */
	int			 operands;
	bool			 only_operands;
};

static void
take_word(struct completer *c, struct place *p, char **words, int *i, int n)
{
	int	used;

	if (!p->only_operands && strcmp(words[*i], "--") == 0) {
		p->only_operands = true;
	} else if (!p->only_operands && words[*i][0] == '-' && words[*i][1] != '\0') {
		p->option = wants_next(c, words[*i]);
		if (p->option != NULL && *i + 1 < n - 1) {
			++*i;
			if (p->option == &option_rows[OPT_host])
				c->ctl->opt.text[OPT_host] = words[*i];
			p->option = NULL;
		}
	} else if (c->verb == NULL) {
		if ((c->verb = verb_find(words + *i, n - 1 - *i, &used)) != NULL)
			*i += used - 1;
		else
			p->first = words[*i];
	} else {
		p->operands++;
		p->only_operands |= c->verb->first_ends;
	}
}

void
complete(struct ctl *ctl, char **words, int n)
{
	struct completer	c = { .ctl = ctl, .before = "" };
	struct place		p = { 0 };

	n = drop_equals(words, n);
	for (int i = 0; i < n - 1; i++)
		take_word(&c, &p, words, &i, n);
	c.word = words[n - 1];
	if (p.option != NULL)
		offer_value(&c, p.option);
	else if (!p.only_operands && offer_after_equals(&c))
		;
	else if (!p.only_operands && c.word[0] == '-')
		offer_options(&c);
	else if (c.verb == NULL)
		offer_verb_words(&c, p.first);
	else if (!p.only_operands)
		offer_operand(&c, p.operands);
}
