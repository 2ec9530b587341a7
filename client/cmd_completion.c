/* cmd_completion.c - jobctl completion: scripts for shells, and what they ask.  Runs in: jobctl. */
#include "client/complete.h"

#include <string.h>

static const char	bash[] =
    "# completion of jobctl for bash: source <(jobctl completion bash)\n"
    "_jobctl() {\n"
    "\tlocal line\n"
    "\tCOMPREPLY=()\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tCOMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "\tdone < <(\"${COMP_WORDS[0]}\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _jobctl jobctl\n";

static const char	zsh[] =
    "#compdef jobctl\n"
    "# completion of jobctl for zsh: source <(jobctl completion zsh)\n"
    "_jobctl() {\n"
    "\tlocal line\n"
    "\tlocal -a names shown\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tnames+=(\"${line%%$'\\t'*}\")\n"
    "\t\tshown+=(\"${line//$'\\t'/  -- }\")\n"
    "\tdone < <(\"${words[1]}\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "\tif (( ${#names} )); then\n"
    "\t\tcompadd -l -d shown -a names\n"
    "\telse\n"
    "\t\t_files\n"
    "\tfi\n"
    "}\n"
    "compdef _jobctl jobctl\n";

static const char	fish[] =
    "# completion of jobctl for fish: jobctl completion fish | source\n"
    "function __jobctl_words\n"
    "\tset -l words (commandline -opc)\n"
    "\t$words[1] completion words -- $words[2..-1] (commandline -ct) 2>/dev/null\n"
    "end\n"
    "complete -c jobctl -a '(__jobctl_words)'\n";

static const struct {
	const char	*name, *text;
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static int
run(struct ctl *ctl)
{
	const struct options	*o = &ctl->opt;

	if (strcmp(o->operands[0], "words") == 0 && o->operands_len > 1) {
		complete(ctl, o->operands + 1, o->operands_len - 1);
		return ctl_flush(ctl);
	}
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(o->operands[0], shells[i].name) != 0 || o->operands_len > 1)
			continue;
		buf_puts(&ctl->out, shells[i].text);
		return ctl_flush(ctl);
	}
	return ctl_usage(ctl, "usage: jobctl completion %s", ctl->verb->operands);
}

const struct verb verb_completion = {
	.name = "completion",
	.operands = "bash | zsh | fish | words -- WORD...",
	.summary = "make a shell complete what jobctl is told",
	.about = "Prints a script that makes the shell complete verbs, options and their values,\n"
	    "and what the daemon knows: types, ids, queues, groups, schedules, workers.  The\n"
	    "scripts ask `jobctl completion words`, which prints what the last WORD could\n"
	    "become, a line each, with what it is behind a tab.",
	.examples = "  source <(jobctl completion bash)\n"
	    "  jobctl completion fish | source\n",
	.formats = FORMAT_BIT(FORMAT_TEXT),
	.least = 1, .most = INT32_MAX,
	.run = run,
};
