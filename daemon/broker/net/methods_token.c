/* methods_token.c - token.*.  Runs in: broker, loop thread.
 *
 * A change counts at once, and is answered when it is on disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/watch.h"
#include "lib/alloc.h"
#include "proto/json_scan.h"

/* ---- answers that wait for the disk ---- */

struct token_change {
	struct watch	*watch;		/* NULL: nobody waits for it any more */
	char		 id[BOUND_NAME_BYTES + 1];
	char		 text[TOKEN_BYTES];	/* of a new one; "": it was revoked */
};

static void
change_free(struct token_change *ch)
{
	explicit_bzero(ch->text, sizeof(ch->text));
	free(ch);
}

static void
leave(void *arg)
{
	struct token_change	*ch = arg;

	ch->watch = NULL;
}

static void
print_types(struct buf *out, const struct grant *g)
{
	struct span	word;
	size_t		at = 0;
	char		before = '[';

	print_next(out, "types");
	if (g->types == NULL) {
		print_literal(out, "null");
		return;
	}
	while (grant_word(g->types, &at, &word)) {
		buf_putc(out, before);
		buf_put_json(out, word.p, word.len);
		before = ',';
	}
	buf_putc(out, ']');
}

/* Its members, without the closing brace. */
static void
print_token(struct buf *out, const struct token *t)
{
	print_literal(out, "{\"name\":");
	print_string(out, t->id);
	print_next(out, "principal");
	buf_printf(out, "\"token:%s\"", t->id);
	print_next(out, "role");
	print_string(out, rpc_role_names[t->grant.role]);
	print_types(out, &t->grant);
	print_next(out, "created_ms");
	buf_put_i64(out, t->created_ms);
	print_next(out, "expires_ms");
	print_i64_or_null(out, t->expires_ms, 0);
}

/* t: NULL when it was revoked. */
static void
print_change(struct buf *out, const struct token *t, const struct token_change *ch)
{
	if (t == NULL) {
		print_literal(out, "{\"name\":");
		print_string(out, ch->id);
		print_literal(out, ",\"revoked\":true}");
		return;
	}
	print_token(out, t);
	print_next(out, "token");
	print_string(out, ch->text);
	buf_putc(out, '}');
}

/* 0, or why the call fails after all. */
static int
check_saved(const struct token_change *ch, const struct token *t, int rc, const char *why,
    struct rpc_error *err)
{
	if (rc != 0)
		return rpc_fail(err, RPC_store_unavailable,
		    "it counts until jobd ends, but is not written down: %s", why);
	if (ch->text[0] != '\0' && t == NULL)
		return rpc_fail(err, RPC_conflict, "the token %s was revoked as soon as it was made",
		    ch->id);
	return 0;
}

static void
answer(struct token_change *ch, int rc, const char *why)
{
	struct watch		*w = ch->watch;
	struct net		*n = w->conn->net;
	const struct token	*t = ch->text[0] == '\0' ? NULL :
	    tokens_find(&n->broker->access->tokens, ch->id, strlen(ch->id));
	struct rpc_error	 err;
	struct reply		 r;

	w->conn->saving--;
	net_access_changed(n);
	if (check_saved(ch, t, rc, why, &err) != 0) {
		watch_refuse(w, &err);
		return;
	}
	r = watch_take(w);
	print_change(reply_begin(&r), t, ch);
	reply_end(&r);
	watch_free(w);
}

static void
on_saved(void *arg, int rc, const char *why)
{
	struct token_change	*ch = arg;

	if (ch->watch != NULL)
		answer(ch, rc, why);
	change_free(ch);
}

static int
save(struct call *call, struct token_change *ch)
{
	ch->watch = watch_new(call, WATCH_SAVED, 1);
	ch->watch->what = ch;
	ch->watch->forget = leave;
	call->conn->saving++;
	access_save(call->net->broker->access, on_saved, ch);
	return METHOD_LATER;
}

static struct token_change *
change_new(const struct rpc_value *name)
{
	struct token_change	*ch = mem_zalloc(1, sizeof(*ch));

	memcpy(ch->id, name->p, name->len);
	return ch;
}

/* ---- token.new ---- */

static int
wrong_types(struct rpc_error *err)
{
	return rpc_fail_member(err, RPC_invalid_params, "types", 5,
	    "types is a list of names, such as [\"build\", \"deploy\"]");
}

/* `ROLE TYPE...`, as a line of the file has it. */
static int
read_words(const struct call *call, struct buf *out, struct rpc_error *err)
{
	static const struct rpc_limits	 limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };
	const struct rpc_value		*role = call_param(call, PARAM_role);
	const struct rpc_value		*types = call_param(call, PARAM_types);
	struct span			 one;
	size_t				 at = 0;
	int				 rc = 0;

	buf_append(out, role->p, role->len);
	while (types->given &&
	    (rc = rpc_array_next(types->p, types->len, &at, &limits, &one, err)) > 0) {
		if (one.len < 3 || one.p[0] != '"' || memchr(one.p, '\\', one.len) != NULL ||
		    memchr(one.p, ' ', one.len) != NULL || memchr(one.p, '\t', one.len) != NULL)
			return wrong_types(err);
		buf_putc(out, ' ');
		buf_append(out, one.p + 1, one.len - 2);
	}
	buf_putc(out, '\0');
	return rc;
}

static int
read_grant(const struct call *call, struct grant *out, struct rpc_error *err)
{
	struct buf	words = { 0 };
	char		why[200];
	int		rc = read_words(call, &words, err);

	if (rc == 0 && grant_parse(buf_data(&words), GRANT_TOKEN, out, why, sizeof(why)) != 0)
		rc = rpc_fail_member(err, RPC_invalid_params, "role", 4, "%s", why);
	buf_free(&words);
	return rc;
}

static bool
is_called(const struct rpc_value *name, const char *text)
{
	return name->len == strlen(text) && memcmp(name->p, text, name->len) == 0;
}

int
method_token_new(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	int64_t			 now_ms = call->net->broker->now.real_ms;
	int64_t			 valid_ms = call_int(call, PARAM_valid_ms, 0);
	struct token_change		*ch;
	struct grant		 grant;

	if (is_called(name, ACCESS_CLIENT) || is_called(name, ACCESS_WORKER))
		return rpc_fail_member(err, RPC_conflict, "name", 4,
		    "jobd makes the token %.*s itself: remove the file %.*s.token and restart it",
		    (int)name->len, name->p, (int)name->len, name->p);
	if (watch_allowed(call, 1, err) != 0 || read_grant(call, &grant, err) != 0)
		return -1;
	ch = change_new(name);
	if (access_token_new(call->net->broker->access, ch->id, &grant,
	    valid_ms == 0 ? 0 : now_ms + valid_ms, now_ms, ch->text, err) != 0) {
		grant_fini(&grant);
		change_free(ch);
		return -1;
	}
	net_access_changed(call->net);
	return save(call, ch);
}

/* ---- token.revoke ---- */

/* Its connections end at once; this one, if it is one of them, when it is answered. */
int
method_token_revoke(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);

	if (watch_allowed(call, 1, err) != 0 ||
	    access_token_revoke(call->net->broker->access, name->p, name->len, err) != 0)
		return -1;
	net_access_changed(call->net);
	return save(call, change_new(name));
}

/* ---- token.list ---- */

static bool
print_item(const struct net *n, const struct token *t, struct buf *out)
{
	const struct principal	*p = t->who == NULL ? NULL : t->who->of;

	(void)n;
	print_token(out, t);
	print_next(out, "connections");
	buf_put_i64(out, p == NULL ? 0 : p->connections);
	buf_putc(out, '}');
	return true;
}

/* at: how many were shown, in order of their making. */
static bool
print_next_token(const struct net *n, size_t *at, struct buf *out)
{
	size_t	place = 0;

	list_for(node, &n->broker->access->tokens.list) {
		const struct token	*t = list_entry(node, struct token, link);

		if (t->grant.role == ROLE_anybody || place++ < *at)
			continue;
		*at = place;
		return print_item(n, t, out);
	}
	return false;
}

int
method_token_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_next_token, err);
}
