/*
 * access_tokens.c - tokens on disk: the table's file, the secrets of the first start, and tokens that
 * come and go.  Runs in: broker, loop thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/access/access_internal.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/private_file.h"

#define TOKENS_BYTES	(4 << 20)	/* of their file, at most */

/* ---- secrets of the first start ---- */

static void
forget_text(char *text, size_t len)
{
	if (text != NULL)
		explicit_bzero(text, len);
	free(text);
}

/* Is the secret in the file the one whose hash we have?  If not it is from now on. */
static int
take_secret(struct access *a, const char *id, const char *path, char *text, size_t len,
    enum rpc_role role, int64_t now_ms, char *why, size_t size)
{
	struct grant	grant = { .role = role };

	len = strcspn(text, "\r\n");
	if (!token_is_of(text, len, id)) {
		snprintf(why, size, "%s: is not one line `%s.SECRET` of 64 hex digits; remove it, "
		    "and a new one is made", path, id);
		return -EINVAL;
	}
	if (tokens_of(&a->tokens, text, len) != NULL)
		return 0;
	text[len] = '\0';
	tokens_put(&a->tokens, text, &grant)->created_ms = now_ms;
	return 1;
}

/* A new one, unless it was revoked. */
static int
make_secret(struct access *a, const char *id, const char *path, enum rpc_role role, int64_t now_ms,
    char *why, size_t size)
{
	const struct token	*before = tokens_find(&a->tokens, id, strlen(id));
	struct grant		 grant = { .role = role };
	char			 text[TOKEN_BYTES + 1];
	int			 rc;

	if (before != NULL && before->grant.role == ROLE_anybody)
		return 0;
	token_make(id, text);
	tokens_put(&a->tokens, text, &grant)->created_ms = now_ms;
	strcat(text, "\n");
	rc = private_file_write(path, text, strlen(text), why, size);
	explicit_bzero(text, sizeof(text));
	return rc == 0 ? 1 : rc;
}

/* 1: the table has changed; 0; or -errno with why. */
static int
ensure_secret(struct access *a, const char *id, enum rpc_role role, int64_t now_ms, char *why,
    size_t size)
{
	char	*file = mem_printf("%s.token", id), *path = access_path(a, file), *text = NULL;
	size_t	 len = 0;
	int	 rc = private_file_read(path, TOKEN_BYTES + 2, &text, &len, why, size);

	if (rc == 0)
		rc = take_secret(a, id, path, text, len, role, now_ms, why, size);
	else if (rc == -ENOENT)
		rc = make_secret(a, id, path, role, now_ms, why, size);
	forget_text(text, len);
	free(path);
	free(file);
	return rc;
}

/* ---- the file of tokens ---- */

/* Into a table of its own: a file that is wrong changes nothing. */
static int
read_tokens(const char *path, struct tokens *out, char *why, size_t size)
{
	char	*text = NULL, reason[256];
	size_t	 len = 0;
	int	 rc = private_file_read(path, TOKENS_BYTES, &text, &len, why, size);

	if (rc == -ENOENT)
		return 0;
	if (rc == 0 && (rc = tokens_read(out, text, len, reason, sizeof(reason))) != 0)
		snprintf(why, size, "%s:%s", path, reason);
	forget_text(text, len);
	return rc;
}

static int
write_tokens(struct access *a, const char *path, char *why, size_t size)
{
	struct buf	text = { 0 };
	int		rc;

	tokens_print(&a->tokens, &text);
	rc = private_file_write(path, buf_data(&text), buf_len(&text), why, size);
	buf_free(&text);
	return rc;
}

int
access_open_tokens(struct access *a, int64_t now_ms, char *why, size_t size)
{
	char	*path = access_path(a, TOKENS_FILE);
	int	 rc, client = 0, worker = 0;

	if ((rc = read_tokens(path, &a->tokens, why, size)) == 0 &&
	    (client = ensure_secret(a, ACCESS_CLIENT, ROLE_admin, now_ms, why, size)) >= 0 &&
	    (worker = ensure_secret(a, ACCESS_WORKER, ROLE_worker, now_ms, why, size)) >= 0 &&
	    client + worker > 0)
		rc = write_tokens(a, path, why, size);
	free(path);
	return rc != 0 ? rc : client < 0 ? client : worker < 0 ? worker : 0;
}

void
access_reread_tokens(struct access *a)
{
	char		*path = access_path(a, TOKENS_FILE), why[512];
	struct tokens	 fresh;

	tokens_init(&fresh);
	if (read_tokens(path, &fresh, why, sizeof(why)) != 0) {
		log_error("tokens stay as they were: %s", why);
		tokens_fini(&fresh);
	} else {
		tokens_fini(&a->tokens);
		a->tokens = fresh;
		/* the list's ends point into the struct */
		list_init(&a->tokens.list);
		while (!list_empty(&fresh.list))
			list_push_back(&a->tokens.list, list_pop(&fresh.list));
	}
	free(path);
}

struct saving {
	struct access	*a;
	void		(*done)(void *arg, int rc, const char *why);
	void		*arg;
};

static void
on_saved(void *arg, int rc, const char *why)
{
	struct saving	*s = arg;
	struct access	*a = s->a;

	if (rc != 0)
		log_error("tokens are not written down: %s", why);
	if (s->done != NULL)
		s->done(s->arg, rc, why);
	free(s);
	if (--a->writing == 0 && a->read_again) {
		a->read_again = false;
		access_reread_tokens(a);
	}
}

void
access_save(struct access *a, void (*done)(void *arg, int rc, const char *why), void *arg)
{
	struct saving	*s = mem_zalloc(1, sizeof(*s));
	struct buf	 text = { 0 };
	char		*path = access_path(a, TOKENS_FILE);

	*s = (struct saving){ .a = a, .done = done, .arg = arg };
	tokens_print(&a->tokens, &text);
	a->writing++;
	scribe_replace(a->scribe, path, &text, on_saved, s);
	free(path);
}

/* ---- tokens come and go ---- */

int
access_token_new(struct access *a, const char *id, struct grant *grant, int64_t expires_ms,
    int64_t now_ms, char text[TOKEN_BYTES], struct rpc_error *err)
{
	const struct token	*before = tokens_find(&a->tokens, id, strlen(id));
	struct token		*t;

	if (before != NULL && before->grant.role != ROLE_anybody)
		return rpc_fail_member(err, RPC_conflict, "name", 4,
		    "there is a token %s already; revoke it first, or choose another name", id);
	if (a->tokens.len >= TOKENS_MAX)
		return rpc_fail(err, RPC_conflict, "there are %d tokens already", TOKENS_MAX);
	token_make(id, text);
	t = tokens_put(&a->tokens, text, grant);
	t->created_ms = now_ms;
	t->expires_ms = expires_ms;
	return 0;
}

/* The owner's own leave a row behind, or they would be made again at the next start. */
static void
bury(struct access *a, struct token *t)
{
	char	*file = mem_printf("%s.token", t->id), *path = access_path(a, file);

	if (unlink(path) != 0 && errno != ENOENT)
		log_warn("the file of a revoked token stays path=%s errno=%d", path, errno);
	grant_fini(&t->grant);
	identity_unref(t->who);
	t->who = NULL;
	free(path);
	free(file);
}

int
access_token_revoke(struct access *a, const char *id, size_t len, struct rpc_error *err)
{
	struct token	*t = tokens_find(&a->tokens, id, len);

	if (t == NULL || t->grant.role == ROLE_anybody)
		return rpc_fail_member(err, RPC_not_found, "name", 4, "there is no token %.*s",
		    (int)len, id);
	if (strcmp(t->id, ACCESS_CLIENT) == 0 || strcmp(t->id, ACCESS_WORKER) == 0)
		bury(a, t);
	else
		tokens_remove(&a->tokens, t);
	return 0;
}
