/* run.c - one command line: its verb, its options, its exit status.  Runs in: jobctl. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "lib/alloc.h"
#include "lib/clock.h"

static int
unknown_verb(const struct ctl *ctl, char **words, int n)
{
	char	*near = verb_suggest(words, n);
	int	 rc;

	if (near == NULL)
		rc = ctl_usage(ctl, "there is no verb '%s'", words[0]);
	else if (strncmp(near, words[0], strlen(words[0])) == 0 && strchr(near, ' ') != NULL)
		rc = ctl_usage(ctl, "%s what? there is %s", words[0], near);
	else
		rc = ctl_usage(ctl, "there is no verb '%s'; did you mean %s?", words[0], near);
	free(near);
	return rc;
}

static int
run_verb(struct ctl *ctl, int argc, char **argv)
{
	const struct verb	*v = ctl->verb;
	char			 why[512];

	if (options_parse(&ctl->opt, argc, argv, FOR_ALL | v->options, v->formats,
	    v->first_ends, clock_real_ms(), why, sizeof(why)) != 0)
		return ctl_usage(ctl, "%s", why);
	if ((v->formats & FORMAT_BIT(ctl->opt.format)) == 0)	/* it stood before the verb */
		return ctl_usage(ctl, "there is no -o %s of this", ctl->opt.text[OPT_output]);
	if (option_given(&ctl->opt, OPT_help)) {
		verb_print_help(v);
		return EXIT_GOOD;
	}
	if (ctl->opt.operands_len < v->least)
		return ctl_usage(ctl, "usage: jobctl %s %s", v->name, v->operands);
	if (ctl->opt.operands_len > v->most)
		return ctl_usage(ctl, "'%s' is too much: usage: jobctl %s%s%s",
		    ctl->opt.operands[v->most], v->name, v->operands[0] == '\0' ? "" : " ",
		    v->operands);
	return v->run(ctl);
}

static int
find_and_run(struct ctl *ctl, char **words, int n)
{
	static char	 ls[] = "ls";
	char		*bare[] = { ls };
	int		 used;

	if (n == 0 && option_given(&ctl->opt, OPT_help)) {
		verb_print_list();
		return EXIT_GOOD;
	}
	if (n == 0) {
		ctl->verb = verb_find(bare, 1, &used);
		return run_verb(ctl, 0, words);
	}
	ctl->verb = verb_find(words, n, &used);
	if (ctl->verb == NULL)
		return unknown_verb(ctl, words, n);
	return run_verb(ctl, n - used, words + used);
}

/* What stands before the verb belongs to all verbs: -H, -o, --help. */
static int
run_line(struct ctl *ctl, int argc, char **argv)
{
	char	  why[512], **words;
	int	  n, rc;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		ctl->verb = &verb_version;
		return run_verb(ctl, argc - 2, argv + 2);
	}
	if (options_parse(&ctl->opt, argc - 1, argv + 1, FOR_ALL, ~0u, true, 0, why, sizeof(why)))
		return ctl_usage(ctl, "%s", why);
	words = ctl->opt.operands;
	n = ctl->opt.operands_len;
	ctl->opt.operands = NULL;
	rc = find_and_run(ctl, words, n);
	free(words);
	return rc;
}

int
ctl_run(int argc, char **argv)
{
	struct ctl	ctl = { 0 };
	int		rc = run_line(&ctl, argc, argv);

	if (fflush(stdout) != 0)	/* help is printed there */
		rc = ctl_fail(&ctl, EXIT_REFUSED, "cannot write to stdout: %s", strerror(errno));
	jobd_close(ctl.conn);
	free(ctl.principal);
	free(ctl.server);
	buf_free(&ctl.out);
	options_free(&ctl.opt);
	return rc;
}
