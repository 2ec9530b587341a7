/* cmd_token.c - jobctl token new, ls and revoke.  Runs in: jobctl. */
#include "client/list.h"
#include "client/named.h"

#include <stdlib.h>
#include <string.h>

/* ---- new ---- */

static void
put_grant(const struct options *o, struct buf *more)
{
	buf_puts(more, ",\"role\":");
	json_put_text(more, o->text[OPT_role]);
	for (size_t i = 0; i < o->pairs_len; i++) {
		buf_puts(more, i == 0 ? ",\"types\":[" : ",");
		json_put_text(more, o->pairs[i]);
	}
	if (o->pairs_len > 0)
		buf_putc(more, ']');
	if (o->text[OPT_expires] != NULL)
		buf_printf(more, ",\"valid_ms\":%lld", (long long)o->number[OPT_expires]);
}

/* The secret alone on stdout, so that it can go into a file; it is told this once. */
static int
print_secret(struct ctl *ctl, struct span answer)
{
	char	*token = json_text(answer, "token");

	if (token == NULL)
		return ctl_odd(ctl, "token.new");
	if (ctl_wants_json(ctl))
		ctl_line(ctl, answer);
	else
		buf_printf(&ctl->out, "%s\n", token);
	explicit_bzero(token, strlen(token));
	free(token);
	return ctl_flush(ctl);
}

static int
run_new(struct ctl *ctl)
{
	struct buf	more = { 0 };
	struct span	answer;
	int		rc;

	if (ctl->opt.text[OPT_role] == NULL)
		return ctl_usage(ctl,
		    "--role is needed: viewer, submitter, operator, admin or worker");
	if (ctl->opt.text[OPT_expires] != NULL && ctl->opt.number[OPT_expires] == 0)
		return ctl_usage(ctl, "--expires %s: it would be of no use; without --expires a token "
		    "has no end", ctl->opt.text[OPT_expires]);
	put_grant(&ctl->opt, &more);
	rc = named_ask(ctl, "token.new", &more, CTL_ANSWER_MS, &answer);
	buf_free(&more);
	return rc != 0 ? rc : print_secret(ctl, answer);
}

/* ---- ls ---- */

static void
print_expiry(struct span item, int64_t now_ms, struct buf *out)
{
	list_put_until(item, "expires_ms", now_ms, "expired", out);
}

static void
print_types(struct span item, int64_t now_ms, struct buf *out)
{
	struct json_walk w;
	struct span	 types;
	char		*name;
	bool		 first = true;

	(void)now_ms;
	if (!json_member(item, "types", &types) || types.p[0] != '[')
		return;
	json_array(&w, types);
	while (json_element(&w)) {
		name = json_plain(w.value);
		buf_printf(out, "%s%s", first ? "" : " ", name);
		free(name);
		first = false;
	}
}

static const struct column columns[] = {
	{ "TOKEN",	"name",		CELL_TEXT,	false,	NULL },
	{ "ROLE",	"role",		CELL_TEXT,	false,	NULL },
	{ "TYPES",	"types",	CELL_TEXT,	false,	print_types },
	{ "EXPIRES",	"expires_ms",	CELL_TEXT,	false,	print_expiry },
	{ "MADE",	"created_ms",	CELL_AGE,	false,	NULL },
	{ "CONNECTIONS", "connections",	CELL_COUNT,	false,	NULL },
	{ "PRINCIPAL",	"principal",	CELL_TEXT,	true,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "token.list", columns, "name", "no tokens", true };

static int
run_ls(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

/* ---- revoke ---- */

static int
run_revoke(struct ctl *ctl)
{
	return named_do(ctl, "token.revoke", "lets nobody in any more");
}

/* ---- verbs ---- */

const struct verb verb_token_new = {
	.name = "token new",
	.operands = "NAME",
	.summary = "make a secret that lets its holder in, print it",
	.about = "Makes a token and prints its secret, which is not told again: jobd keeps a hash.\n"
	    "Whoever gives it is the principal token:NAME.  A submitter may submit the types\n"
	    "that are named, or all that submitters may, and sees the jobs of this token alone.",
	.examples = "  jobctl token new ci --role submitter --type build --type deploy \\\n"
	    "      --expires 90d >ci.token\n"
	    "  JOBD_TOKEN_FILE=ci.token jobctl -H tcp:127.0.0.1:7433 submit build\n",
	.options = FOR_TOKEN,
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_new,
};

const struct verb verb_token_ls = {
	.name = "token ls",
	.operands = "",
	.summary = "tokens, without their secrets",
	.about = "Lists the tokens: what they are for, when they expire, and how many connections\n"
	    "have come by them.",
	.examples = "  jobctl token ls\n"
	    "  jobctl token ls -o ndjson | jq 'select(.expires_ms == null)'\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run_ls,
};

const struct verb verb_token_revoke = {
	.name = "token revoke",
	.operands = "TOKEN",
	.summary = "a token lets nobody in any more",
	.about = "Forgets the token, and ends the connections that have come by it.  Jobs that were\n"
	    "submitted with it go on.",
	.examples = "  jobctl token revoke ci\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_revoke,
};
