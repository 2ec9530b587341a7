/* verbs.h - what jobctl can do: one verb a file, cmd_*.c, and the table of them. */
#ifndef CLIENT_VERBS_H
#define CLIENT_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#include "client/options.h"

struct ctl;

struct verb {
	const char	*name;		/* "queue ls" */
	const char	*operands;	/* "TYPE [JSON | -]" */
	const char	*summary;	/* for the list of verbs */
	const char	*about;		/* more of it, lines of at most 78 columns */
	const char	*examples;	/* whole lines */
	unsigned	 options;	/* FOR_ bits; FOR_ALL is always there */
	unsigned	 formats;	/* FORMAT_BITs */
	int		 least, most;	/* operands */
	bool		 one_job;	/* its exit status is the job's */
	bool		 first_ends;	/* its first operand ends its options: a command's follow */
	int		(*run)(struct ctl *ctl);	/* returns the exit status */
};

extern const struct verb *const verbs[];	/* NULL ends it */

/* The verb that words[0..n) begin with; *used says how many words its name took.  NULL: none. */
const struct verb *verb_find(char **words, int n, int *used);
/* What was probably meant, for a sentence on stderr; the caller frees; NULL: no idea. */
char *verb_suggest(char **words, int n);

void verb_print_help(const struct verb *v);
void verb_print_list(void);

extern const struct verb verb_config_check, verb_config_show, verb_reload;
extern const struct verb verb_group_cancel, verb_group_close, verb_group_create, verb_group_ls,
    verb_group_results, verb_group_show, verb_group_wait, verb_watch;
extern const struct verb verb_token_new, verb_token_ls, verb_token_revoke;
extern const struct verb verb_cron_delete, verb_cron_ls, verb_cron_run, verb_cron_set;
extern const struct verb verb_bench, verb_bench_overhead, verb_call, verb_cancel, verb_dead_ls,
    verb_backup, verb_dead_purge, verb_dead_retry, verb_drain, verb_explain, verb_forget, verb_help, verb_hold,
    verb_ls, verb_map, verb_ping, verb_plugin_ls, verb_queue_drain, verb_queue_ls,
    verb_queue_pause, verb_queue_purge, verb_queue_resume, verb_queue_set, verb_queue_wait,
    verb_release, verb_result, verb_retry, verb_set, verb_show, verb_stats, verb_submit,
    verb_type_advice, verb_type_ls, verb_type_pin, verb_type_show, verb_version, verb_wait,
    verb_worker_ls;
extern const struct verb verb_top, verb_trace;
extern const struct verb verb_completion, verb_type_check, verb_logs, verb_run, verb_signal, verb_worker_drain, verb_worker_recycle, verb_write;

#endif
