/* cmd_set.c - jobctl set: change jobs that wait.  Runs in: jobctl. */
#include "client/act.h"

#include <string.h>

#include "lib/parse.h"

enum kind { INTEGER, DURATION, RETRY_INTEGER, RETRY_DURATION, RETRY_REAL };

static const struct setting {
	const char	*key, *member;
	enum kind	 kind;
} settings[] = {
	{ "priority", "priority", INTEGER },
	{ "delay", "delay_ms", DURATION },
	{ "timeout", "timeout_ms", DURATION },
	{ "ttl", "ttl_ms", DURATION },
	{ "max-attempts", "max_attempts", RETRY_INTEGER },
	{ "backoff", "backoff_ms", RETRY_DURATION },
	{ "factor", "factor", RETRY_REAL },
	{ "max-backoff", "max_backoff_ms", RETRY_DURATION },
};

struct changes {
	struct buf	 members, retry;	/* each with a comma before it */
};

static const struct setting *
find(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strlen(settings[i].key) == len && memcmp(settings[i].key, key, len) == 0)
			return &settings[i];
	return NULL;
}

static int
put_value(struct ctl *ctl, const struct setting *s, const char *text, struct buf *out)
{
	int64_t	number;

	buf_printf(out, ",\"%s\":", s->member);
	if (s->kind == RETRY_REAL) {
		if (text[0] < '0' || text[0] > '9' ||
		    strspn(text, "0123456789.") != strlen(text) ||
		    text[strlen(text) - 1] == '.' || strchr(text, '.') != strrchr(text, '.'))
			return ctl_usage(ctl, "%s is a number, not '%s'", s->key, text);
		buf_puts(out, text);
		return 0;
	}
	if ((s->kind == DURATION || s->kind == RETRY_DURATION) &&
	    parse_duration_ms(text, &number) != 0)
		return ctl_usage(ctl, "%s is a duration such as 10s or 5m, not '%s'", s->key, text);
	if ((s->kind == INTEGER || s->kind == RETRY_INTEGER) &&
	    parse_i64(text, strlen(text), INT32_MIN, INT32_MAX, &number) != 0)
		return ctl_usage(ctl, "%s is a whole number, not '%s'", s->key, text);
	buf_put_i64(out, number);
	return 0;
}

static int
read_change(struct ctl *ctl, const char *word, struct changes *ch)
{
	const char		*equals = strchr(word, '=');
	const struct setting	*s = find(word, (size_t)(equals - word));

	if (s == NULL)
		return ctl_usage(ctl, "'%.*s' cannot be set; priority, delay, timeout, ttl, "
		    "max-attempts, backoff, factor and max-backoff can", (int)(equals - word),
		    word);
	return put_value(ctl, s, equals + 1, s->kind >= RETRY_INTEGER ? &ch->retry : &ch->members);
}

/* Operands with an equals sign are changes; what is left are jobs. */
static int
read_operands(struct ctl *ctl, struct changes *ch)
{
	struct options	*o = &ctl->opt;
	int		 jobs = 0, rc;

	for (int i = 0; i < o->operands_len; i++) {
		if (strchr(o->operands[i], '=') == NULL)
			o->operands[jobs++] = o->operands[i];
		else if ((rc = read_change(ctl, o->operands[i], ch)) != 0)
			return rc;
	}
	if (jobs == o->operands_len)
		return ctl_usage(ctl, "set what? priority=5, delay=10s ...");
	o->operands_len = jobs;
	return 0;
}

static void
put(struct ctl *ctl, uint64_t id, struct buf *params, void *ctx)
{
	const struct changes	*ch = ctx;

	(void)ctl;
	buf_puts(params, "{\"id\":");
	buf_put_u64(params, id);
	if (buf_len(&ch->members) > 0)
		buf_append(params, buf_data(&ch->members), buf_len(&ch->members));
	if (buf_len(&ch->retry) > 0) {
		buf_puts(params, ",\"retry\":{");
		buf_append(params, buf_data(&ch->retry) + 1, buf_len(&ch->retry) - 1);
		buf_putc(params, '}');
	}
	buf_putc(params, '}');
}

static int
run(struct ctl *ctl)
{
	struct changes	ch = { 0 };
	struct act	act = { .method = "job.update", .put = put, .ctx = &ch,
	    .timeout_ms = CTL_ANSWER_MS };
	int		rc;

	if ((rc = read_operands(ctl, &ch)) == 0)
		rc = act_run(ctl, &act);
	buf_free(&ch.members);
	buf_free(&ch.retry);
	return rc;
}

const struct verb verb_set = {
	.name = "set",
	.operands = "IDS KEY=VALUE ...",
	.summary = "change jobs that wait: priority, times, retries",
	.about = "Changes the jobs and prints the id of each.  Keys: priority, delay (from now; 0: at\n"
	    "once), timeout, ttl, max-attempts, backoff, factor, max-backoff.  A job that has\n"
	    "ended is a conflict (exit 8); of one that runs only the last four can be changed.",
	.examples = "  jobctl set 42 priority=5\n"
	    "  jobctl set 42 delay=0 max-attempts=3\n"
	    "  jobctl set --queue mail --state ready priority=-10\n",
	.options = FOR_SELECT,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = INT32_MAX,
	.run = run,
};
