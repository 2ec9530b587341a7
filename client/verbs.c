/* verbs.c - the table of verbs, and help from it.  Runs in: jobctl. */
#include "client/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/suggest.h"
#include "lib/alloc.h"

/* in the order of the help: run, see, act, manage, operate */
const struct verb *const verbs[] = {
	&verb_run, &verb_submit, &verb_call, &verb_map,
	&verb_ls, &verb_show, &verb_explain, &verb_logs, &verb_wait, &verb_result,
	&verb_watch, &verb_top,
	&verb_cancel, &verb_signal, &verb_write, &verb_retry, &verb_forget, &verb_hold, &verb_release, &verb_set,
	&verb_dead_ls, &verb_dead_retry, &verb_dead_purge,
	&verb_group_ls, &verb_group_show, &verb_group_create, &verb_group_close,
	&verb_group_wait, &verb_group_results, &verb_group_cancel,
	&verb_queue_ls, &verb_queue_pause, &verb_queue_resume, &verb_queue_drain,
	&verb_queue_purge, &verb_queue_set, &verb_queue_wait,
	&verb_token_new, &verb_token_ls, &verb_token_revoke,
	&verb_cron_ls, &verb_cron_set, &verb_cron_run, &verb_cron_delete,
	&verb_type_ls, &verb_type_show, &verb_type_check, &verb_type_advice, &verb_type_pin,
	&verb_worker_ls, &verb_worker_drain, &verb_worker_recycle, &verb_plugin_ls,
	&verb_bench_overhead, &verb_bench,
	&verb_ping, &verb_stats, &verb_drain, &verb_config_show, &verb_config_check, &verb_reload, &verb_backup, &verb_trace, &verb_completion, &verb_version,
	&verb_help,
	NULL
};

/* How many words of the name words[] begins with, all of them or 0. */
static int
matches(const char *name, char **words, int n)
{
	const char	*blank = strchr(name, ' ');
	size_t		 len = blank != NULL ? (size_t)(blank - name) : strlen(name);

	if (n < 1 || strlen(words[0]) != len || memcmp(words[0], name, len) != 0)
		return 0;
	if (blank == NULL)
		return 1;
	return n >= 2 && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

const struct verb *
verb_find(char **words, int n, int *used)
{
	for (size_t i = 0; verbs[i] != NULL; i++)
		if ((*used = matches(verbs[i]->name, words, n)) > 0)
			return verbs[i];
	return NULL;
}

/* `jobctl queue`: the verbs that go on from there */
static char *
continuations(const char *word)
{
	char	*list = NULL, *longer;
	size_t	 len = strlen(word);

	for (size_t i = 0; verbs[i] != NULL; i++) {
		if (strncmp(verbs[i]->name, word, len) != 0 || verbs[i]->name[len] != ' ')
			continue;
		longer = list == NULL ? mem_strdup(verbs[i]->name) :
		    mem_printf("%s, %s", list, verbs[i]->name);
		free(list);
		list = longer;
	}
	return list;
}

/* The first word of `queue ls`, in word[size]; false: the verb has one alone. */
static bool
family(const char *name, char *word, size_t size)
{
	const char	*blank = strchr(name, ' ');

	if (blank == NULL)
		return false;
	snprintf(word, size, "%.*s", (int)(blank - name), name);
	return true;
}

/* `workr`: all that begin with the word that it was to be, if none of one word is nearer. */
static char *
family_near(const char *typed, const struct suggestion *near)
{
	struct suggestion	best = *near;
	char			word[64], nearest[64] = "";

	for (size_t i = 0; verbs[i] != NULL; i++) {
		struct suggestion	s = best;

		if (!family(verbs[i]->name, word, sizeof(word)))
			continue;
		suggest_offer(&s, typed, word);
		if (s.word != word)
			continue;
		best.word = verbs[i]->name;
		best.distance = s.distance;
		snprintf(nearest, sizeof(nearest), "%s", word);
	}
	return nearest[0] != '\0' ? continuations(nearest) : NULL;
}

char *
verb_suggest(char **words, int n)
{
	struct suggestion	near = { 0 };
	char			two[64], *list;

	if ((list = continuations(words[0])) != NULL)
		return list;
	snprintf(two, sizeof(two), "%s %s", words[0], n > 1 ? words[1] : "");
	for (size_t i = 0; verbs[i] != NULL; i++) {
		suggest_offer(&near, words[0], verbs[i]->name);
		if (n > 1 && strchr(verbs[i]->name, ' ') != NULL)
			suggest_offer(&near, two, verbs[i]->name);
	}
	if (n == 1 && (list = family_near(words[0], &near)) != NULL)
		return list;
	return near.word != NULL ? mem_strdup(near.word) : NULL;
}

/* ---- help ---- */

static void
print_option(const struct option_row *row)
{
	char	left[48];

	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", row->letter != 0 ? '-' : ' ',
	    row->letter != 0 ? row->letter : ' ', row->letter != 0 ? "," : " ", row->name,
	    row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
	if (strlen(left) > 26)
		printf("  %s\n  %-26s  %s\n", left, "", row->help);
	else
		printf("  %-26s  %s\n", left, row->help);
}

void
verb_print_help(const struct verb *v)
{
	printf("usage: jobctl %s%s%s%s\n\n", v->name, v->operands[0] != '\0' ? " " : "",
	    v->operands, v->options != 0 ? " [options]" : "");
	printf("%s\n\noptions\n", v->about);
	for (int i = 0; i < OPTIONS; i++)
		if ((option_rows[i].verbs & v->options) != 0)
			print_option(&option_rows[i]);
	for (int i = 0; i < OPTIONS; i++)
		if ((option_rows[i].verbs & FOR_ALL) != 0)
			print_option(&option_rows[i]);
	printf("\nexamples\n%s", v->examples);
}

void
verb_print_list(void)
{
	printf("usage: jobctl [-H ADDRESS] [-o FORMAT] VERB [options] [operands]\n\n");
	for (size_t i = 0; verbs[i] != NULL; i++)
		printf("  %-14s  %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\njobctl help VERB tells more, with examples; jobctl alone lists jobs.  Jobs are\n"
	    "given as ids, ranges (3-7), @last, @last:3, or by --queue --type --state --by\n"
	    "--label.  The daemon: -H, else JOBD_HOST, else your own socket if something\n"
	    "answers there, else the system's.\n");
}
