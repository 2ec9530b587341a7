/* options.h - the command line of a verb, from rows of options.def. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option {
#define OPTION(symbol, letter, name, kind, argument, verbs, help) OPT_##symbol,
#include "client/options.def"
#undef OPTION
	OPTIONS
};

enum option_kind {
	OPTION_FLAG, OPTION_TEXT, OPTION_COUNT, OPTION_INT, OPTION_DURATION, OPTION_WHEN,
	OPTION_PAST, OPTION_PAIR, OPTION_LIST, OPTION_ENV, OPTION_FORMAT
};

/* Groups of verbs, as bits: a verb names those whose options it has. */
#define FOR_ALL		(1u << 0)
#define FOR_JOB		(1u << 1)
#define FOR_SELECT	(1u << 2)
#define FOR_LIST	(1u << 3)
#define FOR_CALL	(1u << 4)
#define FOR_MAP		(1u << 5)
#define FOR_WAIT	(1u << 6)
#define FOR_DRAIN	(1u << 7)
#define FOR_QUEUE	(1u << 8)
#define FOR_ONE_JOB	(1u << 9)
#define FOR_GROUP	(1u << 24)
#define FOR_GROUP_WAIT	(1u << 25)
#define FOR_WATCH	(1u << 26)
#define FOR_CRON	(1u << 12)
#define FOR_CONFIG	(1u << 10)
#define FOR_COMMAND	(1u << 13)	/* a command can be given instead of a type */
#define FOR_RUN		(1u << 14)
#define FOR_STDIN	(1u << 15)	/* a command that is left alone can have a stdin */
#define FOR_LOGS	(1u << 16)
#define FOR_WRITE	(1u << 17)
#define FOR_TOKEN	(1u << 28)
#define FOR_BENCH	(1u << 20)
#define FOR_TRACE	(1u << 21)
#define FOR_STATS	(1u << 22)

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_NDJSON, FORMAT_ID, FORMAT_WIDE, FORMAT_CHROME, FORMATS };
#define FORMAT_BIT(f)	(1u << (f))
/* every verb has these */
#define FORMATS_DATA	\
	(FORMAT_BIT(FORMAT_TEXT) | FORMAT_BIT(FORMAT_JSON) | FORMAT_BIT(FORMAT_NDJSON))

struct option_row {
	const char		*name;
	const char		*argument;	/* NULL: FLAG */
	const char		*help;
	enum option_kind	 kind;
	char			 letter;	/* 0: none */
	unsigned		 verbs;
};
extern const struct option_row option_rows[OPTIONS];

struct options {
	const char	*text[OPTIONS];		/* as given, "" for a flag; NULL: not given */
	int64_t		 number[OPTIONS];	/* COUNT, INT; milliseconds of DURATION, WHEN, PAST */
	enum format	 format;
	const char	**pairs;		/* of --label, each with its '='; values of a LIST */
	size_t		 pairs_len;
	const char	**env;			/* of --env: NAME or NAME=VALUE */
	size_t		 env_len;
	char		**operands;
	int		 operands_len;
	int		 before_dashes;		/* operands that stand before `--`; -1: there is none */
};

/*
 * Takes argv[0..argc) apart.  verbs: groups whose options are allowed; formats: FORMAT_BITs that -o
 * may say.  stop_at_operand: the first operand ends them, since what follows is for another command.
 * Options given before stay.  Strings are lent from argv.  0, or -1 with a sentence in why[size].
 */
int options_parse(struct options *o, int argc, char **argv, unsigned verbs, unsigned formats,
    bool stop_at_operand, int64_t now_ms, char *why, size_t size);
void options_free(struct options *o);

static inline bool
option_given(const struct options *o, enum option opt)
{
	return o->text[opt] != NULL;
}

#endif
